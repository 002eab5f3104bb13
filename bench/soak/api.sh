#!/usr/bin/env bash
# The API against its own description: schemathesis makes requests from /v1/openapi.json, good ones and bad ones, with the
# administrator's token and with none. No 5xx, and every answer is one that the document knows.
set -uo pipefail
examples=${EXAMPLES:-300}
scratch=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null; wait "${server:-}" 2>/dev/null; rm -rf "$scratch"' EXIT
left_out() {
  echo "LEFT OUT: $1" >&2
  printf 'schemathesis against /v1\t-\tleft out: %s\n' "$1" >>"$SOAK_ROWS"
  exit 1
}

python3 -m venv "$scratch/venv" || left_out "there is no python3 with venv"
"$scratch/venv/bin/pip" install --quiet schemathesis==4.32.5 || left_out "schemathesis cannot be installed"
cargo build --package granary || exit 1
binary=${CARGO_TARGET_DIR:-target}/debug/granary

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export GRANARY_DATA=$scratch/data GRANARY_UPSTREAM=off GRANARY_SUMDB=off GRANARY_PRIVATE_READ=token
"$binary" serve --listen "127.0.0.1:$port" >"$scratch/log" 2>&1 &
server=$!
up=0
for _ in $(seq 300); do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && [ -s "$GRANARY_DATA/admin.token" ]; then
    up=1
    break
  fi
  sleep 0.1
done
[ "$up" = 1 ] || { cat "$scratch/log"; exit 1; }

status=0
run() { # run <what> <flags>…
  local what=$1 log=$scratch/run ended counts
  shift
  # Where it keeps what it learns is its own business.
  (cd "$scratch" && exec venv/bin/schemathesis run "http://127.0.0.1:$port/v1/openapi.json" --max-examples "$examples" --seed 6 \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --request-timeout 30 "$@") 2>&1 | tee "$log"
  ended=${PIPESTATUS[0]}
  [ "$ended" = 0 ] || status=1
  counts=$(grep -Eo '[0-9]+ generated.*' "$log" | tail -1)
  printf 'schemathesis against /v1, %s\t%s examples an operation\t%s\n' "$what" "$examples" \
    "$([ "$ended" = 0 ] && echo "no 5xx, nothing undescribed" || echo failed) (${counts:-no summary})" >>"$SOAK_ROWS"
}
run "without a token"
run "as the administrator" --header "Authorization: Bearer $(cat "$GRANARY_DATA/admin.token")"
if grep -q panicked "$scratch/log"; then
  grep -m 5 panicked "$scratch/log"
  status=1
fi
exit $status
