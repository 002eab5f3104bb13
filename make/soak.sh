#!/usr/bin/env bash
# `make soak PART=<name>`: runs bench/soak/<name>.sh and replaces that part's rows in bench/SOAK.md.
# A part appends its rows to the file named by $SOAK_ROWS, one a line, three columns with tabs between them:
# what was done, how often or how long, what came of it. It ends with 0 only if everything held.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. make/install.sh

part=${1:-}
parts=$(find bench/soak -name '*.sh' -printf '%f\n' | sed 's/\.sh$//' | sort)
if ! grep -qx -- "${part:-.}" <<<"$parts"; then
  echo "usage: make soak PART=<name>, where <name> is one of:"
  sed 's/^/  /' <<<"$parts"
  exit 2
fi

install_for_tests || exit 1
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || commit="$commit+"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export SOAK_ROWS=$scratch/rows
: >"$SOAK_ROWS"

SECONDS=0
bash "bench/soak/$part.sh"
status=$?
minutes=$(((SECONDS + 59) / 60))
[ -s "$SOAK_ROWS" ] || printf 'the whole part\t-\tended with %s and wrote no row\n' "$status" >>"$SOAK_ROWS"

table=bench/SOAK.md
awk -v p="| $part |" 'index($0, p) != 1' "$table" >"$scratch/kept"
while IFS=$'\t' read -r what count outcome; do
  printf '| %s | %s | %s | %s | %s | %s |\n' "$part" "$what" "$count" "$outcome" "$minutes" "$commit"
done <"$SOAK_ROWS" >"$scratch/new"
cat "$scratch/kept" "$scratch/new" >"$table"
cat "$scratch/new"
exit "$status"
