#!/usr/bin/env bash
# Databases that die, hang, are full or held, clocks that jump, a process that is paused, with clients that read and
# capture meanwhile. DATABASE_ROUNDS (10) of every fault of PostgreSQL, each away for DATABASE_AWAY_SECONDS (30); the process
# itself is paused for DATABASE_PAUSE_SECONDS (60).
set -uo pipefail
export GRANARY_STRICT=1
export GRANARY_DATABASE_ROUNDS=${DATABASE_ROUNDS:-10}
export GRANARY_DATABASE_AWAY_SECONDS=${DATABASE_AWAY_SECONDS:-30}
export GRANARY_DATABASE_PAUSE_SECONDS=${DATABASE_PAUSE_SECONDS:-60}
status=0
part() { # part <filter> <what> <count>
  local log counts ended
  log=$(mktemp)
  cargo test --package granary --test it -- "databases::$1" --nocapture --test-threads 2 2>&1 | tee "$log"
  ended=${PIPESTATUS[0]}
  [ "$ended" = 0 ] || status=1
  counts=$(awk '
    /^test result: / { print_result = $4 " passed, " $6 " failed" }
    match($0, /used again after [0-9.]+(ms|s)/) {
      time = substr($0, RSTART + 17, RLENGTH - 17); value = time + 0
      if (time !~ /ms$/) value *= 1000
      if (value > most) most = value
    }
    match($0, /[0-9]+ reads/) { reads += substr($0, RSTART, RLENGTH) + 0 }
    match($0, /[0-9]+ files captured/) { files += substr($0, RSTART, RLENGTH) + 0 }
    END {
      printf "%s", print_result
      if (reads) printf ", %d reads all right", reads
      if (files) printf ", %d captured files kept, none twice", files
      if (most) printf ", used again after %d ms at most", most
      print ""
    }' "$log")
  printf '%s\t%s\t%s\n' "$2" "$3" "$counts" >>"$SOAK_ROWS"
  rm -f "$log"
}
rounds=$GRANARY_DATABASE_ROUNDS
part postgres_away::a_server "PostgreSQL killed, stopped at once, paused for $GRANARY_DATABASE_AWAY_SECONDS s, under load" "$rounds times each"
part postgres_away::cut "connections of PostgreSQL cut in the midst, under load" "$((rounds * 25)) cuts"
part postgres_away::a_commit "the answer to a commit lost" "$((rounds * 16)) commits"
part postgres_full:: "PostgreSQL with locked tables, without locks, without connections" "1 run"
part sqlite:: "catalog.db held for $GRANARY_DATABASE_AWAY_SECONDS s, taken away, of a later Granary" "1 run"
part clock:: "the clock a day ahead, back, a day behind, back" "1 run"
part paused:: "the process paused for $GRANARY_DATABASE_PAUSE_SECONDS s, on both databases" "1 run each"
exit $status
