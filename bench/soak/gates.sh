#!/usr/bin/env bash
# Gates: captures, verdicts, waivers, withdrawals and `go get -u` in random order, GATES_STEPS (200) steps under each way to
# refuse and each way to miss; GATES_CASES (200) random sequences of acts on each database, every view at every moment
# beside a model; the promises before the real go, the matrix of tokens and the verdicts on licences of real modules, once.
set -uo pipefail
export GRANARY_STRICT=1
status=0
results() { awk '/^test result: / { for (i = 1; i < NF; i++) { if ($(i+1) == "passed;") p += $i; if ($(i+1) == "failed;") f += $i } } END { printf "%d passed, %d failed", p, f }' "$1"; }
# part <what> <count> <arguments of cargo test>…: one row, and those that the tests have written themselves.
part() {
  local what=$1 count=$2 log ended
  shift 2
  log=$(mktemp)
  cargo test "$@" 2>&1 | tee "$log"
  ended=${PIPESTATUS[0]}
  [ "$ended" = 0 ] || status=1
  sed -n 's/^.*gates: row\t//p' "$log" | sort >>"$SOAK_ROWS"
  printf '%s\t%s\t%s\n' "$what" "$count" "$(results "$log")" >>"$SOAK_ROWS"
  rm -f "$log"
}
steps=${GATES_STEPS:-200} cases=${GATES_CASES:-200}
GRANARY_SOAK_STEPS=$steps part "random order of captures, gates, withdrawals and go get -u" "12 runs of $steps steps" \
  --package granary --test it -- gates::interleaved --nocapture
part "gates before the real go, one test a promise" "1 run" \
  --package granary --test it -- gates:: --skip gates::interleaved
part "tokens against every endpoint" "1 run" --package granary --test it -- identity::
# The test divides by a hundred what other properties take.
GRANARY_PROPTEST_CASES=$((cases * 100)) part "each view at each moment beside a model, SQLite and PostgreSQL" \
  "$cases sequences of acts each" --package catalog --test contract -- history::each_view_at_each_moment
part "licences of real modules beside what Go's package site says" "1 run" --package insight --test real_modules
exit $status
