#!/usr/bin/env bash
# The first `go mod download` and `go mod tidy` of a project through an empty Granary, upstream 20 ms away, beside the
# same straight from that upstream.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
build; corpus
rounds=${ROUNDS:-3}
"$driver" upstream "$tree" --listen 127.0.0.1:3330 --delay-ms 20 --seconds 3000 & started+=("$!")
wait_for http://127.0.0.1:3330/sumdb/bench.example/db/supported
run() { # run <GOPROXY> <go mod command>: seconds with an empty module cache
  local work=$out/first begin end
  chmod -R u+w "$out/first-cache" 2>/dev/null || true; rm -rf "$work" "$out/first-cache"; mkdir -p "$work"
  cp "$root"/bench/corpus/{main.go,go.mod} "$work"
  [ "$2" = tidy ] || cp "$root/bench/corpus/go.sum" "$work"
  begin=$(date +%s.%N)
  (cd "$work" && GOMODCACHE=$out/first-cache GOPROXY=$1 GOSUMDB=$key GOFLAGS=-mod=mod GONOSUMDB= GOPRIVATE= go mod "$2") >"$out/first.log" 2>&1 || { tail -3 "$out/first.log" >&2; return 1; }
  end=$(date +%s.%N); awk -v a="$begin" -v b="$end" 'BEGIN { print b - a }'
}
header
echo "modules in the build list: $(cd "$root/bench/corpus" && GOMODCACHE=$modcache GOPROXY=file://$tree GOSUMDB=off go list -m all | wc -l)"
echo "| command | through granary s | straight s | ratio |"; echo "|---|---|---|---|"
for what in download tidy; do
  : >"$out/ours"; : >"$out/theirs"
  for _ in $(seq "$rounds"); do
    start_granary first 3331 GRANARY_SUMDB="$key" GRANARY_UPSTREAM=http://127.0.0.1:3330
    run http://127.0.0.1:3331 "$what" >>"$out/ours"
    stop "$pid"
    run http://127.0.0.1:3330 "$what" >>"$out/theirs"
  done
  a=$(median <"$out/ours"); b=$(median <"$out/theirs")
  echo "| go mod $what | $a | $b | $(ratio "$a" "$b") |"
done
