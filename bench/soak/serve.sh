#!/usr/bin/env bash
# The promises of serving, judged by the real binary: real public modules verified with inclusion proofs, every lie of an
# upstream and of a database, herds. (kill -9 has a part of its own: crash.)
set -uo pipefail
export GRANARY_STRICT=1
status=0
part() { # part <filter> <what> <count>
  local log counts ended
  log=$(mktemp)
  cargo test --package granary --test it -- "$1" --nocapture 2>&1 | tee "$log"
  ended=${PIPESTATUS[0]}
  [ "$ended" = 0 ] || status=1
  counts=$(awk '/^test result: / { print $4 " passed, " $6 " failed" }' "$log")
  printf '%s\t%s\t%s\n' "$2" "$3" "$counts" >>"$SOAK_ROWS"
  rm -f "$log"
}
part public:: "real public modules through the environment's upstream, then with it gone" "73 versions of 53 modules"
part upstream_lies:: "lies of an upstream, one test a lie" "1 run"
part database_lies:: "lies of a checksum database, one test a lie" "1 run"
part herd:: "64 clients for one uncached version" "1 run"
exit $status
