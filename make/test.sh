#!/usr/bin/env bash
# `make test`: installs what is missing, then format, lints, tidy, unit and product tests.
# Every step runs even if one before it failed; each keeps its whole output in target/test-logs/<step>.log.
# The last line is `N passed, N failed`, summed over all test binaries; a step that fails without a failed test
# (formatting, a lint, a crate that does not build, a test binary that dies) counts as one failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. make/install.sh

logs=target/test-logs
mkdir -p "$logs"
rm -f "$logs"/*.log
failed_steps=0
child=
behind=
# timeout has a process group of its own, which an interrupt of the terminal does not reach; it passes TERM on to all of it.
trap 'for process in $child $behind; do kill "$process" 2>/dev/null; done; exit 130' INT TERM

# Sums `test result:` lines of a log: prints "<passed> <failed>".
count() {
  awk '/^test result: / { for (i = 1; i < NF; i++) { if ($(i+1) == "passed;") p += $i; if ($(i+1) == "failed;") f += $i } }
       END { print p + 0, f + 0 }' "$@"
}

# Sets `processor` to the seconds of processor time that finished children have used. Not in a subshell: that has none.
read_processor() {
  times >"$logs/.times"
  processor=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); n += t[1] * 60 + t[2] } printf "%d", n }' "$logs/.times")
}

# step <name> <seconds at most> <command>…
step() {
  local name=$1 limit=$2 log="$logs/$1.log" begun=$SECONDS used status failed took
  shift 2
  echo "== $name: $*"
  read_processor
  used=$processor
  if [ "$(type -t "$1")" = function ]; then
    "$@" >"$log" 2>&1
  else
    timeout --kill-after=20 "$limit" "$@" >"$log" 2>&1 &
    child=$!
    wait "$child"
  fi
  status=$?
  read_processor
  took="$((SECONDS - begun)) s, $((processor - used)) s of processor time"
  if [ $status = 0 ]; then
    echo "   ok ($took)"
    return
  fi
  [ $status = 124 ] && echo "took longer than $limit s" >>"$log"
  read -r _ failed < <(count "$log")
  [ "$failed" = 0 ] && failed_steps=$((failed_steps + 1))
  echo "   FAILED ($took); the end of $log:"
  # Failed tests name themselves; otherwise the first errors and the end say most.
  grep -nE '^(error|warning: unused|test .*FAILED|Diff in|tidy: )' "$log" | head -40 | sed 's/^/   /'
  tail -n 60 "$log" | sed 's/^/   /'
}

# Lints and tidy, with what processor time the tests leave: most of a product test is waiting for disks, servers and its
# own processes. They begin when everything is built, because two builds would wait for each other.
lint_behind() {
  until grep -q '^ *Running ' "$logs/test.log" 2>/dev/null || [ -e "$logs/.tested" ]; do sleep 1; done
  lint clippy 900 cargo clippy --workspace --all-targets -- -D warnings
  lint tidy 300 cargo xtask tidy
}

# lint <name> <seconds at most> <command>…
lint() {
  local name=$1 limit=$2
  shift 2
  nice -n 19 timeout --kill-after=20 "$limit" "$@" >"$logs/.$name" 2>&1 &
  trap 'kill %%; exit' TERM
  wait "$!"
  echo $? >"$logs/.$name.status"
}

# Waits for lint_behind and tells what became of one of its two.
tell_behind() {
  wait "$behind"
  cat "$logs/.$1"
  return "$(cat "$logs/.$1.status")"
}

step install 600 install_for_tests
step format 120 cargo fmt --all -- --check -l
rm -f "$logs"/.tested "$logs"/.*.status
lint_behind &
behind=$!
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))}
step test 1500 cargo test --workspace --no-fail-fast
touch "$logs/.tested"
step clippy 900 tell_behind clippy
step tidy 300 tell_behind tidy
# The tests have built the server that is compared here. Without go there is no judge, as for the tests that need one.
if command -v go >/dev/null && [ -x "${CARGO_TARGET_DIR:-target}/debug/granary" ]; then
  step diff-go 300 cargo xtask diff-go --quick --granary "${CARGO_TARGET_DIR:-target}/debug/granary"
else
  echo "skipped: diff-go: go or the built granary is missing" | tee -a "$logs/test.log"
  [ "${GRANARY_STRICT:-0}" = 1 ] && failed_steps=$((failed_steps + 1))
fi

# What was left out, and why; in strict mode such a test has failed.
grep -hE '^(skipped|SKIPPED)[: ]' "$logs/test.log" 2>/dev/null | sort -u | head -20
touch "$logs/test.log" "$logs/diff-go.log"
read -r passed failed < <(count "$logs/test.log" "$logs/diff-go.log")
failed=$((failed + failed_steps))
echo "took $SECONDS s; logs in $logs"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
