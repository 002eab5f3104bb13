#!/usr/bin/env bash
# Disks that are full, read-only, limited or slow under a running server, one test a fault; then one that fills up and is
# emptied again at random points for DISK_ROUNDS (50) rounds of three times each, under clients that go on asking.
set -uo pipefail
export GRANARY_STRICT=1 GRANARY_DISK_ROUNDS=${DISK_ROUNDS:-50}
log=$(mktemp)
cargo test --package granary --test it -- disk:: --nocapture --test-threads 2 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
counts=$(awk '/^test result: / { print $4 " passed, " $6 " failed" }' "$log")
printf '%s\t%s\t%s\n' "full, read-only, limited and slow disks under a running server, one test a fault" "1 run" \
  "${counts:-ended with $status}" >>"$SOAK_ROWS"
printf '%s\t%s\t%s\n' "a disk filled up and emptied at random points under 3 clients" \
  "$GRANARY_DISK_ROUNDS rounds, $((GRANARY_DISK_ROUNDS * 3)) times full" \
  "$(sed -n 's/.*[0-9] rounds, \([0-9]* answers served, .*\)/\1/p' "$log" | tail -1)" >>"$SOAK_ROWS"
rm -f "$log"
exit "$status"
