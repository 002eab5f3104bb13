#!/usr/bin/env bash
# Memory when idle and while 64 clients pull a 100 MB zip, and the first answer after a start on 10,000 versions.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
build
made=$out/made
if [ ! -e "$made/done" ]; then rm -rf "$made"; "$driver" make-modules "$made" --small 10000 --big-mib 100; touch "$made/done"; fi
data=$out/data-footprint
if [ ! -e "$data/done" ]; then
  rm -rf "$data"
  GRANARY_SUMDB=off GRANARY_UPSTREAM=off "$granary" import "$made" --data "$data" --json | tail -1
  touch "$data/done"
fi
rss() { awk '/^RssAnon/ { print $2 / 1024 }' "/proc/$1/status"; }
header
echo "| what | figure |"; echo "|---|---|"
: >"$out/start"
for _ in 1 2 3 4 5; do
  begin=$(date +%s%N)
  env GRANARY_SUMDB=off GRANARY_UPSTREAM=off GRANARY_LOG_LEVEL=warn "$granary" serve --data "$data" --listen 127.0.0.1:3350 2>"$out/footprint.log" &
  pid=$!; started+=("$pid")
  until curl -sf -o /dev/null http://127.0.0.1:3350/example.com/small/m7/@v/v1.7.0.mod; do sleep 0.005; done
  echo $((($(date +%s%N) - begin) / 1000000)) >>"$out/start"
  stop "$pid"
done
echo "| first answer after start, 10,000 versions, ms (median of 5) | $(median <"$out/start") |"
env GRANARY_SUMDB=off GRANARY_UPSTREAM=off GRANARY_LOG_LEVEL=warn "$granary" serve --data "$data" --listen 127.0.0.1:3350 2>"$out/footprint.log" &
pid=$!; started+=("$pid")
wait_for http://127.0.0.1:3350/readyz; sleep 3
echo "| idle RssAnon MiB | $(rss "$pid") |"
clients=()
for _ in $(seq 64); do curl -sf --limit-rate 20M -o /dev/null http://127.0.0.1:3350/example.com/big/@v/v1.0.0.zip & clients+=("$!"); done
peak=0
for _ in $(seq 40); do sleep 0.1; peak=$(awk -v a="$peak" -v b="$(rss "$pid")" 'BEGIN { print (b > a) ? b : a }'); done
wait "${clients[@]}"
echo "| peak RssAnon MiB while 64 clients pull a 100 MB zip | $peak |"
