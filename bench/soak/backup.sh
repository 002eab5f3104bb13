#!/usr/bin/env bash
# A large folder backed up, rehearsed and restored: BACKUP_SMALL (10,000) small versions and BACKUP_BIG (8) of 256 MiB, three
# files each. Then the product tests of backups in strict mode: kill -9, full disk, every kind of damage, PostgreSQL.
# BUILT=<folder> takes granary and bench-driver from there.
set -uo pipefail
small=${BACKUP_SMALL:-10000} big=${BACKUP_BIG:-8}
if [ -n "${BUILT:-}" ]; then bin=$BUILT; else
  cargo build --quiet --release -p granary -p bench-driver || exit 1
  bin=${CARGO_TARGET_DIR:-target}/release
fi
scratch=$(mktemp -d -p "${BACKUP_SCRATCH:-/var/tmp}" granary-soak-backup-XXXXXX)
trap 'rm -rf "$scratch"' EXIT
export HOME=$scratch GRANARY_UPSTREAM=off GRANARY_SUMDB=off GRANARY_DATA=$scratch/data GOPROXY=off
status=0

# run <what> <figures, as fields of the last line> <arguments of granary>…: one row.
run() {
  local what=$1 fields=$2 out code begun ended seconds
  shift 2
  begun=$(date +%s.%N)
  out=$("$bin/granary" "$@" --json 2>&1 | tail -n 1)
  code=${PIPESTATUS[0]}
  ended=$(date +%s.%N)
  seconds=$(awk -v a="$begun" -v b="$ended" 'BEGIN { printf "%.1f", b - a }')
  grep -q '"well":true' <<<"$out" || { code=1; status=1; }
  local said
  said=$(for field in $fields; do grep -o "\"$field\":[0-9.]*" <<<"$out" | tr -d '"' | tr ':' ' '; done | paste -sd, | sed 's/,/, /g')
  [ "$code" = 0 ] || said="FAILED: $out"
  printf '%s\t%s s\t%s\n' "$what" "$seconds" "$said" >>"$SOAK_ROWS"
  echo "$what: $seconds s: $said"
}

"$bin/bench-driver" make-modules "$scratch/tree" --small "$small" --big-mib 256 --big-count "$big" || exit 1
"$bin/granary" import "$scratch/tree" || exit 1
rm -rf "$scratch/tree"
run "first backup" "versions blobs bytes copied left_out" backup "$scratch/backup"
run "backup without anything new" "copied left_out" backup "$scratch/backup"
"$bin/bench-driver" make-modules "$scratch/more" --small 100 --module example.com/more || exit 1
"$bin/granary" import "$scratch/more" || exit 1
run "backup after 100 new versions, the oldest generation forgotten" "copied copied_bytes generations_removed" backup "$scratch/backup" --keep 2
run "rehearsal: restored, hashed again, every h1: made anew" "blobs bytes h1s missing wrong restore_seconds" rehearse "$scratch/backup"
rm -rf "$scratch/data"
run "restore into an empty folder" "versions blobs bytes left_out" restore "$scratch/backup"
run "verify of what was restored" "versions blobs missing wrong extra" verify

log=$(mktemp -p "$scratch")
GRANARY_STRICT=1 cargo test --package granary --test it -- backup:: 2>&1 | tee "$log"
[ "${PIPESTATUS[0]}" = 0 ] || status=1
printf '%s\t%s\t%s\n' "kill -9, full disk, every kind of damage, PostgreSQL" "1 run" \
  "$(awk '/^test result: / { print $4 " passed, " $6 " failed" }' "$log" | tail -1)" >>"$SOAK_ROWS"
exit $status
