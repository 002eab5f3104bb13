#!/usr/bin/env bash
# The crash laboratory with every call of every operation, each killed there and failing there with EIO, ENOSPC and EDQUOT;
# then CRASH_KILLS (1000) times kill -9 at random moments under load.
set -uo pipefail
kills=${CRASH_KILLS:-1000}
status=0
# In memory where there is some: what a sync promises is followed in a ledger, and no power is lost here. A real disk only
# makes every trial wait.
if mkdir -p /dev/shm/granary-soak 2>/dev/null; then
  export TMPDIR=/dev/shm/granary-soak
  trap 'rm -rf /dev/shm/granary-soak' EXIT
fi
export GRANARY_STRICT=1 GRANARY_LABORATORY=full GRANARY_CRASH_KILLS=$kills
part() { # part <filter> <what>
  local log ended
  log=$(mktemp)
  cargo test --package granary --test it -- "$1" --nocapture --test-threads 1 2>&1 | tee "$log"
  ended=${PIPESTATUS[0]}
  sed -n 's/^.*laboratory: row\t//p' "$log" >>"$SOAK_ROWS"
  if [ "$ended" != 0 ]; then
    status=1
    printf '%s\t%s\t%s\n' "$2" "1 run" "$(awk '/^test result: / { print $4 " passed, " $6 " failed" }' "$log")" >>"$SOAK_ROWS"
  fi
  rm -f "$log"
}
part crash_laboratory:: "every call that changes the data folder"
part crash::kill_9 "kill -9 under load"
exit $status
