#!/usr/bin/env bash
# What the gates cost: a warm hit, which they must cost nothing, and a capture, which they may cost 10 ms of processor time.
# Everything is measured beside a server without gates (one stage), and that one beside another of its kind, which says how
# much of a difference is noise.
# REF=<commit>: the program of that commit joins the hits, e.g. the last one before gates. GRANARY_BIN=<binary>: is measured.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
build; corpus
granary=${GRANARY_BIN:-$granary}
rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-2} captures=${CAPTURE_ROUNDS:-3}
policies=$root/bench/gates/policies
start_nginx upstream 3360 "root $tree;"
reach=(GRANARY_SUMDB="$key" GRANARY_UPSTREAM=http://127.0.0.1:3360 GRANARY_LIST_FRESH=1h)
# Every shipped policy has something to do; the lists are those of an operator who writes down a hundred names.
names=$(seq -f 'example.com/denied%g' -s, 100)
gated=(GRANARY_PROFILE=public GRANARY_POLICY_ZIP_MAX=500MiB GRANARY_POLICY_DENY="$names")
ungated=(GRANARY_PROFILE=public GRANARY_STAGES=prod)

# The program of another commit, built once.
if [ -n "${REF:-}" ]; then
  before=$out/granary-$REF
  if [ ! -x "$before" ]; then
    rm -rf "$out/ref-$REF"; mkdir -p "$out/ref-$REF"
    git -C "$root" archive "$REF" | tar -x -C "$out/ref-$REF"
    (cd "$out/ref-$REF" && CARGO_TARGET_DIR="$out/ref-target" cargo build --quiet --release -p granary)
    cp "$out/ref-target/release/granary" "$before"
  fi
fi

# What profile `public` admits of the corpus; the rest has no licence that lets everyone pass it on.
if [ ! -s "$out/admitted" ]; then
  "$driver" list "$tree" >"$out/versions"
  start_granary gates-gated 3361 "${reach[@]}" "${gated[@]}"
  xargs -P 8 -I{} sh -c 'code=$(curl -s -o /dev/null -w "%{http_code}" "http://127.0.0.1:3361/$(echo "$1" | sed s/!/%21/g).zip"); case $code in 200) echo "$1";; 403) ;; *) echo "$1: $code" >&2;; esac' _ {} <"$out/versions" | sort >"$out/admitted"
  stop "$pid"
fi
count=$(wc -l <"$out/admitted")
header
echo "$count of $(wc -l <"$out/versions") versions are admitted in profile public."

# Processor time of a server and of everything it has started, in clock ticks, waited for or still there.
ticks_of_all() { local p; for p in "$1" $(pgrep -P "$1" || true); do cat "/proc/$p/stat"; done | awk '{ s += $14 + $15 + $16 + $17 } END { print s }'; }

# capture <name> [VARIABLE=value …]: captures everything admitted into a fresh folder; appends ms of processor time a capture
# and seconds to $out/capture-<name>.
capture() {
  local name=$1 before taken; shift
  start_granary gates-capture 3362 "${reach[@]}" "$@"
  before=$(ticks_of_all "$pid")
  taken=$("$driver" pull 127.0.0.1:3362 --clients 16 <"$out/admitted" | awk '/^seconds/ { print $2 }')
  awk -v t=$(($(ticks_of_all "$pid") - before)) -v hz="$(getconf CLK_TCK)" -v n="$count" -v s="$taken" \
    'BEGIN { print t * 1000 / hz / n, s }' >>"$out/capture-$name"
  stop "$pid"
}
rm -f "$out"/capture-*
for _ in $(seq "$captures"); do
  capture ungated "${ungated[@]}"
  capture shipped "${gated[@]}"
  capture folder "${gated[@]}" GRANARY_POLICY_FOLDER="$policies"
  capture again "${ungated[@]}"
done
column() { awk -v c="$2" '{ print $c }' "$out/capture-$1"; }
echo; echo "| server | CPU ms a capture | more than ungated, ms | each round | seconds for all |"; echo "|---|---|---|---|---|"
for name in ungated again shipped folder; do
  more=$(paste <(column ungated 1) <(column "$name" 1) | awk '{ print $2 - $1 }')
  case $name in ungated) what="one stage, no gates" ;; again) what="the same again (noise)" ;; shipped) what="gates, shipped policies" ;; folder) what="gates, shipped policies and a folder of three" ;; esac
  echo "| $what | $(column "$name" 1 | median) | $(median <<<"$more") | $(tr '\n' ' ' <<<"$more")| $(column "$name" 2 | median) |"
done
worst=$(for name in shipped folder; do paste <(column ungated 1) <(column "$name" 1) | awk '{ print $2 - $1 }' | median; done | sort -g | tail -1)
echo "bar: at most 10 ms more: $(awk -v w="$worst" 'BEGIN { print (w <= 10) ? "kept" : "NOT KEPT" }')"

# Hits: folders filled once, then served with everything on, a cooldown too, which what prod holds has behind it.
fill() { # fill <name> <binary> [VARIABLE=value …]
  local name=$1 granary=$2; shift 2
  start_granary "gates-$name" 3363 "${reach[@]}" "$@"
  "$driver" pull 127.0.0.1:3363 --clients 16 <"$out/hit-versions" >/dev/null
  stop "$pid"
}
size() { stat -c %s "$tree/$1.zip"; }
while read -r version; do echo "$(size "$version") $version"; done <"$out/admitted" | sort -n >"$out/sizes"
nearest() { awk -v want="$1" '{ d = $1 - want; if (d < 0) d = -d; if (best == "" || d < best) { best = d; v = $2 } } END { print v }' "$out/sizes"; }
small=$(nearest 30000) middle=$(nearest 1000000)
printf '%s\n' "$small" "$middle" | sort -u >"$out/hit-versions"
fill gated "$granary" "${gated[@]}" GRANARY_POLICY_FOLDER="$policies"
fill ungated "$granary" "${ungated[@]}"
fill again "$granary" "${ungated[@]}"
[ -z "${REF:-}" ] || fill before "$before"

keep=1
servers=(ungated again gated)
declare -A port=([ungated]=3364 [again]=3365 [gated]=3366 [before]=3367)
start_granary gates-ungated 3364 "${reach[@]}" "${ungated[@]}"
start_granary gates-again 3365 "${reach[@]}" "${ungated[@]}"
start_granary gates-gated 3366 "${reach[@]}" "${gated[@]}" GRANARY_POLICY_FOLDER="$policies" GRANARY_POLICY_COOLDOWN=7d
if [ -n "${REF:-}" ]; then
  servers+=(before)
  granary=$before start_granary gates-before 3367 "${reach[@]}"
fi

one() { # one <server> <path>: requests/s and the 99th percentile in ms
  wrk -t1 -c64 -d"${seconds}s" --latency "http://127.0.0.1:${port[$1]}/$(sed 's/!/%21/g' <<<"$2")" |
    awk '/99%/ { l = $2; m = (l ~ /us/) ? 0.001 : (l ~ /ms/) ? 1 : 1000; p = (l + 0) * m } /^Requests\/sec/ { r = $2 }
      /Non-2xx|Socket errors: connect [1-9]/ { bad = $0 } END { if (bad) { print bad > "/dev/stderr"; exit 1 } print r, p }'
}
lookup=$(sed 's#/@v/#@#' <<<"$small")
name=$(cut -d+ -f1 <<<"$key")
# Costs nothing within noise: the median is no worse than the worst round of two servers without gates.
bars=
judge() { # judge <answer> <what> <column> <worse: lower or higher>
  paste "$out/rounds-ungated" "$out/rounds-again" | awk -v c="$3" '{ print $(2 + c) / $c }' | sort -g >"$out/noise"
  local median worst
  median=$(paste "$out/rounds-ungated" "$out/rounds-gated" | awk -v c="$3" '{ print $(2 + c) / $c }' | median)
  if [ "$4" = lower ]; then worst=$(head -1 "$out/noise"); else worst=$(tail -1 "$out/noise"); fi
  awk -v m="$median" -v w="$worst" -v worse="$4" 'BEGIN { exit !(worse == "lower" ? m >= w || m >= 1 : m <= w || m <= 1) }' || bars+="$1: $2 $median, worst of the noise $worst"$'\n'
}
against() { # against <server> <column>: the median of the rounds' ratios to the ungated one, and their range
  paste "$out/rounds-ungated" "$out/rounds-$1" | awk -v c="$2" '{ printf "%.4f\n", $(2 + c) / $c }' >"$out/ratios"
  awk -v m="$(median <"$out/ratios")" '{ if (NR == 1 || $1 < lo) lo = $1; if ($1 > hi) hi = $1 } END { printf "%.2f (%.2f to %.2f)", m, lo, hi }' "$out/ratios"
}
echo
echo "| answer | bytes | ungated req/s | gated / ungated | noise: ungated / ungated | $([ -z "${REF:-}" ] || echo "ungated / $REF | ")ungated p99 ms | gated / ungated p99 | noise of p99 |"
echo "|---|---|---|---|---|---|---|---|$([ -z "${REF:-}" ] || echo "---|")"
for path in "$small.info" "$small.mod" "${small%/*}/list" "$small.zip" "$middle.zip" "sumdb/$name/lookup/$lookup"; do
  rm -f "$out"/rounds-*
  for server in "${servers[@]}"; do curl -sf -o "$out/body" "http://127.0.0.1:${port[$server]}/$(sed 's/!/%21/g' <<<"$path")"; done
  for round in $(seq "$rounds"); do
    # Each round begins with another one, so that none is always first.
    for at in $(seq 0 $((${#servers[@]} - 1))); do
      server=${servers[$(((at + round) % ${#servers[@]}))]}
      one "$server" "$path" >>"$out/rounds-$server"
    done
  done
  kind=${path##*.}; case $path in */list) kind=list ;; sumdb/*) kind="sumdb lookup" ;; esac
  older=
  if [ -n "${REF:-}" ]; then
    older="$(paste "$out/rounds-before" "$out/rounds-ungated" | awk '{ print $3 / $1 }' | median | awk '{ printf "%.2f", $1 }') | "
  fi
  echo "| $kind | $(stat -c %s "$out/body") | $(awk '{ print $1 }' "$out/rounds-ungated" | median) | $(against gated 1) | $(against again 1) | $older$(awk '{ print $2 }' "$out/rounds-ungated" | median) | $(against gated 2) | $(against again 2) |"
  judge "$kind" "requests/s" 1 lower
  judge "$kind" "p99" 2 higher
done
echo "bar: no cost within noise: ${bars:-kept}"
