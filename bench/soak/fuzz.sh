#!/usr/bin/env bash
# Every fuzz target for FUZZ_SECONDS (600), FUZZ_AT_ONCE (2) of them at a time, each in 2 GiB of memory.
set -uo pipefail
export FUZZ_SECONDS=${FUZZ_SECONDS:-600}
at_once=${FUZZ_AT_ONCE:-2}
status=0
row() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$SOAK_ROWS"; }
export -f row

if ! rustup toolchain list 2>/dev/null | grep -q nightly; then
  row "fuzz targets" "-" "skipped: no nightly toolchain"
  [ "${GRANARY_STRICT:-0}" = 1 ] && exit 1
  exit 0
fi
cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked || exit 1
if ! cargo +nightly fuzz build --fuzz-dir fuzz; then
  row "fuzz targets" "-" "cannot be built"
  exit 1
fi

run_target() { # run_target <target>
  local found log outcome ended
  # New inputs go to scratch; the corpus that tests replay is only read.
  found=$(mktemp -d)
  log=$(mktemp)
  cargo +nightly fuzz run --fuzz-dir fuzz "$1" "$found" "fuzz/corpus/$1" -- \
    -max_total_time="$FUZZ_SECONDS" -rss_limit_mb=2048 -print_final_stats=1 2>&1 | tee "$log" | tail -n 40
  ended=${PIPESTATUS[0]}
  outcome="no crash, $(awk '/^stat::number_of_executed_units:/ { print $2 }' "$log") inputs"
  [ "$ended" = 0 ] || outcome="CRASH"
  row "fuzz target $1" "$FUZZ_SECONDS s" "$outcome"
  rm -rf "$found" "$log"
  return "$ended"
}
export -f run_target
# xargs ends with another code than 0 if any of them did.
cargo +nightly fuzz list --fuzz-dir fuzz | xargs -P "$at_once" -I{} bash -c 'run_target {}' || status=1
exit $status
