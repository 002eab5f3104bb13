#!/usr/bin/env bash
# Every property of the pure rooms with a large count, then every fuzz target for a bounded time.
# SOAK_CASES (20000) is the count of each property, FUZZ_SECONDS (300) the time of each fuzz target.
set -uo pipefail
rooms="gomod tlog"
cases=${SOAK_CASES:-20000}
fuzz_seconds=${FUZZ_SECONDS:-300}
status=0
row() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$SOAK_ROWS"; }

for room in $rooms; do
  log=$(mktemp)
  GRANARY_PROPTEST_CASES=$cases PROPTEST_CASES=$cases cargo test --package "$room" --no-fail-fast 2>&1 | tee "$log"
  ended=${PIPESTATUS[0]}
  [ "$ended" = 0 ] || status=1
  counts=$(awk '/^test result: / { for (i = 1; i < NF; i++) { if ($(i+1) == "passed;") p += $i; if ($(i+1) == "failed;") f += $i } }
                END { printf "%d passed, %d failed", p, f }' "$log")
  row "tests and properties of $room" "$cases cases each" "$counts"
  rm -f "$log"
done

fuzz_folders=$(find fuzz crates/*/fuzz -maxdepth 1 -name Cargo.toml -printf '%h\n' 2>/dev/null | sort -u)
if [ -n "$fuzz_folders" ] && ! rustup toolchain list 2>/dev/null | grep -q nightly; then
  row "fuzz targets" "-" "skipped: no nightly toolchain"
  [ "${GRANARY_STRICT:-0}" = 1 ] && status=1
elif [ -n "$fuzz_folders" ]; then
  cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked || status=1
  for folder in $fuzz_folders; do
    for target in $(cargo +nightly fuzz list --fuzz-dir "$folder"); do
      # New inputs go to scratch; the corpus that tests replay is only read.
      found=$(mktemp -d)
      if cargo +nightly fuzz run --fuzz-dir "$folder" "$target" "$found" "$folder/corpus/$target" -- \
        -max_total_time="$fuzz_seconds" -rss_limit_mb=2048; then
        row "fuzz target $target" "$fuzz_seconds s" "no crash"
      else
        row "fuzz target $target" "$fuzz_seconds s" "CRASH or build failure"
        status=1
      fi
      rm -rf "$found"
    done
  done
fi
exit $status
