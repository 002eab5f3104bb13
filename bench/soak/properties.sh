#!/usr/bin/env bash
# Every property of the rooms that have some, with a large count: SOAK_CASES (20000) of each; of repositories that the
# real git makes, SOAK_REPOSITORIES (200). `origin` has tables in the place of properties. The fuzz targets are the part
# `fuzz`.
set -uo pipefail
cases=${SOAK_CASES:-20000}
repositories=${SOAK_REPOSITORIES:-200}
status=0
row() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$SOAK_ROWS"; }

for room in gomod tlog catalog web git origin; do
  case $room in
    git) count=$repositories ;;
    origin) count=1 ;;
    *) count=$cases ;;
  esac
  log=$(mktemp)
  GRANARY_PROPTEST_CASES=$count PROPTEST_CASES=$count cargo test --package "$room" --no-fail-fast 2>&1 | tee "$log"
  ended=${PIPESTATUS[0]}
  [ "$ended" = 0 ] || status=1
  counts=$(awk '/^test result: / { for (i = 1; i < NF; i++) { if ($(i+1) == "passed;") p += $i; if ($(i+1) == "failed;") f += $i } }
                END { printf "%d passed, %d failed", p, f }' "$log")
  row "tests and properties of $room" "$count cases each" "$counts"
  rm -f "$log"
done
exit $status
