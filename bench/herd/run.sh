#!/usr/bin/env bash
# 64 clients ask for one uncached version at once, upstream 300 ms away, the checksum database local.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
build; corpus
rounds=${ROUNDS:-5}
"$driver" upstream "$tree" --listen 127.0.0.1:3340 --delay-ms 300 --seconds 600 & started+=("$!")
start_nginx database 3341 "root $tree;"
version=$("$driver" list "$tree" | awk '/^github.com\/spf13\/cobra\/@v\// && !found { found = 1; print }')
: >"$out/last"
for _ in $(seq "$rounds"); do
  start_granary herd 3342 GRANARY_SUMDB="$key http://127.0.0.1:3341/sumdb/bench.example/db" GRANARY_UPSTREAM=http://127.0.0.1:3340
  "$driver" herd 127.0.0.1:3342 "$version" --clients 64 | awk '/^last/ { print $2 }' >>"$out/last"
  stop "$pid"
done
header
a=$(median <"$out/last")
echo "| last of 64 ms | upstream ms | ratio |"; echo "|---|---|---|"; echo "| $a | 300 | $(ratio "$a" 300) |"
