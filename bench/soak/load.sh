#!/usr/bin/env bash
# Many clients, slow clients, floods, overload, no descriptors left: the tests of crates/granary/tests/it/load.rs with full
# counts (10,000 idle and 1,000 slow connections), then slowhttptest against a server while wrk measures its hits.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$here/../make/install.sh"
command -v slowhttptest >/dev/null || install_packages slowhttptest
command -v wrk >/dev/null || install_packages wrk
ulimit -n "$(ulimit -Hn)"

log=$(mktemp)
# One after the other: each measures times and memory.
GRANARY_SOAK=1 cargo test --release --package granary --test it load:: -- --nocapture --test-threads 1 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
sed -n 's/^.*row\t//p' "$log" >>"$SOAK_ROWS"
printf '%s\t%s\t%s\n' "descriptors, slow clients, floods, overload, a host that hangs" "1 run" \
  "$(awk '/^test result: / { print $4 " passed, " $6 " failed" }' "$log")" >>"$SOAK_ROWS"
rm -f "$log"

if ! command -v slowhttptest >/dev/null || ! command -v wrk >/dev/null; then
  printf '%s\t-\tskipped: slowhttptest or wrk is not installed\n' "slowhttptest" >>"$SOAK_ROWS"
  exit "$([ "${GRANARY_STRICT:-}" = 1 ] && echo 1 || echo "$status")"
fi

. "$here/lib.sh"
set +e
build
tree=$out/load-tree
rm -rf "$tree"
"$driver" make-modules "$tree" --small 1 --big-mib 100
start_granary load 3350 GRANARY_UPSTREAM="file://$tree" GRANARY_SUMDB=off GRANARY_CONNECTIONS_MAX=16000 || exit 1
server=$pid # `stop` uses the other name
hot=http://127.0.0.1:3350/example.com/small/m0/@v/v1.0.0.mod
big=http://127.0.0.1:3350/example.com/big/@v/v1.0.0.zip
curl -sf -o /dev/null "$hot" && curl -sf -o /dev/null "$big" || exit 1
# The median of three: below a millisecond one p99 is mostly a matter of what else the machine did.
p99() { for _ in 1 2 3; do "$driver" pace 127.0.0.1:3350 "${hot#*3350}" --seconds 5; done | awk '{ print $2 }' | sort -n | sed -n 2p; }
# Overload: what is looked up each time costs the server ten times what it costs wrk, so that the server comes to its limits.
start_granary looked-up 3351 GRANARY_UPSTREAM="file://$tree" GRANARY_SUMDB=off GRANARY_CONNECTIONS_MAX=16000 \
  GRANARY_CACHE_MEMORY=1KiB GRANARY_LOG_LEVEL=warn || exit 1
looked_up=${hot/3350/3351}
curl -sf -o /dev/null "$looked_up" || exit 1
per_second() { wrk -t1 -c"$1" -d10s "$looked_up" | awk '/^Requests\/sec/ { r = $2 } /Non-2xx/ { r = 0 } END { print r + 0 }'; }
peak=$(for clients in 16 64 256; do per_second "$clients"; done | sort -n | tail -1)
under=$(per_second 3000)
share=$(ratio "$under" "$peak")
printf 'overload: wrk asks for what is looked up\t3,000 clients\t%s/s, %s of the peak of 16, 64 and 256 clients; %s MiB of memory\n' \
  "$under" "$share" "$(awk '/^RssAnon/ { print int($2 / 1024) }' "/proc/$pid/status")" >>"$SOAK_ROWS"
awk -v s="$share" 'BEGIN { exit !(s >= 0.8) }' || status=1
stop "$pid"

unloaded=$(p99)
open_before=$(ls "/proc/$server/fd" | wc -l)
attack() { # attack <what> <url> <slowhttptest options>
  local what=$1 url=$2 attacker loaded; shift 2
  # A real attacker sits at another machine: it gets the processor time that nobody else wants.
  chrt --idle 0 slowhttptest "$@" -u "$url" -c 1000 -r 500 -l 45 -p 3 >"$out/slowhttptest.log" 2>&1 & attacker=$!; started+=("$attacker")
  sleep 5
  loaded=$(p99)
  printf 'slowhttptest: %s, beside normal requests\t1,000 connections\tp99 %s ms, %s x unloaded; %s MiB of memory\n' "$what" "$loaded" \
    "$(ratio "$loaded" "$unloaded")" "$(awk '/^RssAnon/ { print int($2 / 1024) }' "/proc/$server/status")" >>"$SOAK_ROWS"
  stop "$attacker"
}
attack "slow headers" "$hot" -H -i 1
attack "slow bodies" "$hot" -B -i 1
attack "slow reading" "$big" -X -w 512 -y 1024 -n 1 -z 32
for _ in $(seq 100); do [ "$(ls "/proc/$server/fd" | wc -l)" -le $((open_before + 4)) ] && break; sleep 0.1; done
printf 'slowhttptest: descriptors after it\t3 attacks\t%s before, %s after\n' "$open_before" "$(ls "/proc/$server/fd" | wc -l)" >>"$SOAK_ROWS"
exit "$status"
