#!/usr/bin/env bash
# Direct mode under kill -9: 8 clients ask for 204 versions of 6 repositories while the server is killed DIRECT_KILLS (30)
# times in the midst; afterwards every version must be there, whole, and `granary verify` well.
set -uo pipefail
kills=${DIRECT_KILLS:-30}
log=$(mktemp)
GRANARY_KILLS=$kills cargo test --release --package granary --test it -- direct::kill_9 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
printf '%s\t%s\t%s\n' "204 versions of 6 repositories, 8 clients, kill -9 in the midst" "$kills kills" \
  "$(awk '/^test result: / { print $4 " passed, " $6 " failed" }' "$log" | tail -1)" >>"$SOAK_ROWS"
rm -f "$log"
exit "$status"
