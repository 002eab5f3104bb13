#!/usr/bin/env bash
# Bit rot: ROT_FLIPS (100) flipped bits in blobs of all kinds and sizes, a third as many in the catalog's file, each in a
# fresh copy; and every way in which one is found, healed, refused or told, once.
set -uo pipefail
export GRANARY_STRICT=1 GRANARY_ROT_FLIPS=${ROT_FLIPS:-100}
log=$(mktemp)
cargo test --package granary --test it -- rot:: --nocapture --test-threads 2 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
while IFS= read -r line; do
  printf '%s\t%s\t%s\n' "flipped ${line%%: *}" "$GRANARY_ROT_FLIPS flips asked for" "${line#*: }" >>"$SOAK_ROWS"
done < <(sed -n 's/^.*rot: \([0-9]* bits in .*\)$/\1/p' "$log")
printf '%s\t%s\t%s\n' "bit rot found, healed, refused and told, one test a way" "1 run" \
  "$(awk '/^test result: / { print $4 " passed, " $6 " failed" }' "$log" | tail -1)" >>"$SOAK_ROWS"
rm -f "$log"
exit "$status"
