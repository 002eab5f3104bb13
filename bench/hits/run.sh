#!/usr/bin/env bash
# Warm hits beside nginx on the exported tree, 64 connections, each answer class in turn, three rounds.
# GOPROXY_BIN=<binary of goproxy>: that program joins, on the same tree.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
build; corpus
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-4}

if [ ! -e "$out/hits.done" ]; then
  rm -rf "$out/data-hits" "$out/export"
  start_nginx database 3312 "root $tree;"
  GRANARY_SUMDB="$key http://127.0.0.1:3312/sumdb/bench.example/db" GRANARY_UPSTREAM="file://$tree" "$granary" import "$tree" --data "$out/data-hits" --json | tail -1 || true # some versions have only an .info there
  "$granary" export prod "$out/export" --data "$out/data-hits" --json | tail -1
  touch "$out/hits.done"
fi
keep=1 start_granary hits 3310 GRANARY_SUMDB="$key" GRANARY_UPSTREAM="file://$tree" GRANARY_LIST_FRESH=1h GRANARY_CAPTURE_ZIPS=asked
ours=$pid
start_nginx hits 3311 "root $out/export;"
theirs=$pid
if [ -n "${GOPROXY_BIN:-}" ]; then start_goproxy 3313 "$out/export" off; other=$pid; fi

# The files: the zip nearest to each size, and the small files of its version.
nearest() { (cd "$out/export" && find . -name '*.zip' -printf '%s %P\n') | awk -v want="$1" -v at_least="${2:-0}" '$1 >= at_least { d = $1 - want; if (d < 0) d = -d; if (best == "" || d < best) { best = d; path = $2 } } END { print path }'; }
small=$(nearest 30000); middle=$(nearest 1000000); large=$(nearest 10500000 10000000)
stem=${small%.zip}; list=${small%/*}/list

one() { # one <pid> <port> <path>: requests/s, bytes/s, processor µs per request
  local before after result
  before=$(ticks "$1")
  result=$(wrk -t1 -c64 -d"${seconds}s" "http://127.0.0.1:$2/$(sed 's/!/%21/g' <<<"$3")")
  after=$(ticks "$1")
  awk -v ticks=$((after - before)) '/requests in/ { n = $1 } /^Requests\/sec/ { rps = $2 } /^Transfer\/sec/ { b = $2 }
    /Non-2xx|Socket errors: connect [1-9]/ { bad = $0 }
    END { if (bad) { print bad > "/dev/stderr"; exit 1 } mult = (b ~ /GB/) ? 1e9 : (b ~ /MB/) ? 1e6 : (b ~ /KB/) ? 1e3 : 1; sub(/[A-Z]+/, "", b); print rps, b * mult, ticks * 10000 / n }' <<<"$result"
}

others=
header
echo "| answer | bytes | granary req/s | nginx req/s | ratio | granary B/s | nginx B/s | ratio | granary µs CPU/req | nginx µs CPU/req | ratio |"
echo "|---|---|---|---|---|---|---|---|---|---|---|"
for path in "$stem.info" "$stem.mod" "$list" "$small" "$middle" "$large"; do
  bytes=$(stat -c %s "$out/export/$path")
  curl -sf -o /dev/null "http://127.0.0.1:3310/$(sed 's/!/%21/g' <<<"$path")"
  : >"$out/o"; : >"$out/t"; : >"$out/g"
  for _ in $(seq "$rounds"); do
    one "$ours" 3310 "$path" >>"$out/o"; one "$theirs" 3311 "$path" >>"$out/t"
    if [ -n "${other:-}" ]; then one "$other" 3313 "$path" >>"$out/g"; fi
  done
  or=$(awk '{print $1}' "$out/o" | median); tr=$(awk '{print $1}' "$out/t" | median)
  ob=$(awk '{print $2}' "$out/o" | median); tb=$(awk '{print $2}' "$out/t" | median)
  oc=$(awk '{print $3}' "$out/o" | median); tc=$(awk '{print $3}' "$out/t" | median)
  kind=${path##*.}; [ "$path" = "$list" ] && kind=list
  [ -z "${other:-}" ] || others+="| $kind | $bytes | $or | $(awk '{print $1}' "$out/g" | median) | $(ratio "$or" "$(awk '{print $1}' "$out/g" | median)") |"$'\n'
  echo "| $kind | $bytes | $or | $tr | $(ratio "$or" "$tr") | $ob | $tb | $(ratio "$ob" "$tb") | $oc | $tc | $(ratio "$oc" "$tc") |"
done
if [ -n "${other:-}" ]; then
  echo; echo "| answer | bytes | granary req/s | goproxy req/s | ratio |"; echo "|---|---|---|---|---|"; printf '%s' "$others"
fi
