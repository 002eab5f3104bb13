#!/usr/bin/env bash
# Bad inputs: the corpus put to one server process, every case within its limit; upstreams that mean harm; hostile
# repositories and servers of repositories at full size (trees of 100,000 files, files over the limits, chains of
# thousands of deltas that each make half a gigabyte). All of it watched: connections, files, programs.
set -uo pipefail
export GRANARY_STRICT=1 GRANARY_SOAK=1
status=0
part() { # part <filter> <what>
  local log ended
  log=$(mktemp)
  cargo test --release --package granary --test it -- "$1" --nocapture --test-threads 1 2>&1 | tee "$log"
  ended=${PIPESTATUS[0]}
  [ "$ended" = 0 ] || status=1
  # Lines of lists: `<list>: N cases, M MiB at most`, or without a list.
  awk -F'[ ,]+' -v what="$2" -v OFS='\t' '
    # The first line of a test stands behind its name.
    { sub(/^test [^ ]* \.\.\. /, "") }
    / cases, [0-9]+ MiB / {
      for (i = 1; i < NF; i++) if ($(i + 1) == "cases") { cases = $i; mib = $(i + 2) }
      list = what
      if (match($0, /^[^0-9].*: [0-9]+ cases/)) list = what ", " substr($0, 1, match($0, /: [0-9]+ cases/) - 1)
      if (!(list in total)) order[++n] = list
      total[list] += cases
      if (mib + 0 > most[list] + 0) most[list] = mib
    }
    /^test result: / { result = $4 " passed, " $6 " failed" }
    END { for (i = 1; i <= n; i++) print order[i], total[order[i]] " cases, " most[order[i]] " MiB at most", result }
  ' "$log" >>"$SOAK_ROWS"
  rm -f "$log"
}
part corpus:: "corpus of bad inputs"
part hostile_upstreams:: "upstreams that mean harm"
part hostile_repositories:: "hostile repositories at full size"
exit $status
