#!/usr/bin/env bash
# Granary's direct mode beside that of the real go: every case made by hand over file and over http, and DIFF_GO_RANDOM
# (2000) random repositories from DIFF_GO_SEED (1), one in ten of them over http.
set -uo pipefail
random=${DIFF_GO_RANDOM:-2000}
seed=${DIFF_GO_SEED:-1}
over_http=$((random / 10))
granary=${CARGO_TARGET_DIR:-target}/release/granary
status=0
cargo build --release --package granary || exit 1
part() { # part <what> <options of diff-go>…
  local what=$1 log ended
  shift
  log=$(mktemp)
  cargo xtask diff-go --granary "$granary" "$@" 2>&1 | tee "$log"
  ended=${PIPESTATUS[0]}
  [ "$ended" = 0 ] || status=1
  printf '%s\t%s\t%s\n' "$what" \
    "$(awk '/ questions, / { print $1 " cases, " $3 " questions" }' "$log")" \
    "$(awk '/^test result: / { print $4 " passed, " $6 " failed" }' "$log")" >>"$SOAK_ROWS"
  rm -f "$log"
}
part "cases made by hand, Granary beside go, over file" --transport file
part "cases made by hand, Granary beside go, over git http-backend" --transport http
part "random repositories from seed $seed, Granary beside go, over file" \
  --cases none --seed "$seed" --random "$((random - over_http))"
part "random repositories from seed $((seed + random - over_http)), Granary beside go, over git http-backend" \
  --cases none --seed "$((seed + random - over_http))" --random "$over_http" --transport http
exit $status
