#!/usr/bin/env bash
# `make bench [SCENARIO=<name>]`: runs bench/<scenario>/run.sh, each of which prints a table.
# nginx, wrk and fcgiwrap are installed where they are missing.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. make/install.sh

wanted=${1:-}
scenarios=$(find bench -mindepth 2 -maxdepth 2 -name run.sh -printf '%h\n' | sed 's#^bench/##' | sort)
if [ -n "$wanted" ] && ! grep -qx -- "$wanted" <<<"$scenarios"; then
  echo "there is no scenario $wanted; there are:"
  sed 's/^/  /' <<<"$scenarios"
  exit 2
fi

install_for_bench || exit 1
status=0
for scenario in ${wanted:-$scenarios}; do
  echo "== $scenario"
  bash "bench/$scenario/run.sh" || { status=1; echo "$scenario failed"; }
done
exit $status
