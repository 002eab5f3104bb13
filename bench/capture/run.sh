#!/usr/bin/env bash
# Capture of the corpus from a local upstream by 16 clients, every hash verified, beside nginx's proxy cache doing it
# unverified plus `granary h1` over the same zips on two threads.
# GOPROXY_BIN=<binary of goproxy>: that program joins; it verifies too.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
build; corpus
rounds=${ROUNDS:-3}
"$driver" list "$tree" >"$out/versions"
echo "$(wc -l <"$out/versions") versions, $(sed "s#^#$tree/#; s#\$#.zip#" "$out/versions" | xargs stat -c %s | awk '{s += $1} END {print s}') bytes of zips"
start_nginx upstream 3320 "root $tree;"
seconds_of() { awk '/^seconds/ { print $2 }'; }
: >"$out/ours"; : >"$out/theirs"; : >"$out/h1"; : >"$out/other"
for _ in $(seq "$rounds"); do
  start_granary capture 3321 GRANARY_SUMDB="$key" GRANARY_UPSTREAM=http://127.0.0.1:3320
  "$driver" pull 127.0.0.1:3321 --clients 16 <"$out/versions" | seconds_of >>"$out/ours"
  stop "$pid"
  rm -rf "$out/nginx-cache"
  start_nginx cache 3322 "location / { proxy_pass http://127.0.0.1:3320; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_cache c; proxy_cache_valid 200 1d; proxy_cache_lock on; proxy_buffering on; proxy_max_temp_file_size 1024m; }" \
    "proxy_cache_path $out/nginx-cache levels=1:2 keys_zone=c:10m max_size=10g; upstream u { server 127.0.0.1:3320; keepalive 64; }"
  "$driver" pull 127.0.0.1:3322 --clients 16 <"$out/versions" | seconds_of >>"$out/theirs"
  stop "$pid"
  if [ -n "${GOPROXY_BIN:-}" ]; then
    rm -rf "$out/goproxy-cache"
    start_goproxy 3323 "$out/goproxy-cache" http://127.0.0.1:3320
    "$driver" pull 127.0.0.1:3323 --clients 16 <"$out/versions" | seconds_of >>"$out/other"
    stop "$pid"
  fi
  begin=$(date +%s.%N)
  sed "s#^#$tree/#; s#\$#.zip#" "$out/versions" | xargs "$granary" h1 >/dev/null
  awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { print b - a }' >>"$out/h1"
done
header
a=$(median <"$out/ours"); b=$(median <"$out/theirs"); c=$(median <"$out/h1")
echo "| granary s | nginx cache s | granary h1 s | ratio |"; echo "|---|---|---|---|"
echo "| $a | $b | $c | $(ratio "$a" "$(awk -v b="$b" -v c="$c" 'BEGIN {print b + c}')") |"
if [ -n "${GOPROXY_BIN:-}" ]; then
  o=$(median <"$out/other"); echo; echo "| granary s | goproxy s | ratio |"; echo "|---|---|---|"; echo "| $a | $o | $(ratio "$a" "$o") |"
fi
