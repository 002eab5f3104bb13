#!/usr/bin/env bash
# Hostile repositories and servers of repositories at full size: trees of 100,000 files, files over the limits, chains of
# thousands of deltas that each make half a gigabyte.
set -uo pipefail
log=$(mktemp)
GRANARY_SOAK=1 cargo test --release --package granary --test it hostile_repositories -- --nocapture --test-threads 1 2>&1 |
  tee "$log"
status=${PIPESTATUS[0]}
printf '%s\t%s\t%s\n' "hostile repositories at full size" \
  "$(awk '/ cases, .* MiB of memory/ { cases += $1; if ($3 > most) most = $3 } END { print cases " cases, " most " MiB at most" }' "$log")" \
  "$(awk '/^test result: / { print $4 " passed, " $6 " failed" }' "$log")" >>"$SOAK_ROWS"
rm -f "$log"
exit "$status"
