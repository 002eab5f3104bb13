# What the scenarios share. Sourced; everything it starts listens on loopback and is stopped by its process id.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$root/bench/out
mkdir -p "$out"
export GOFLAGS=-mod=mod GOTOOLCHAIN=local
started=()
stop() { for pid in "$@"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; }
trap 'stop "${started[@]:-}"' EXIT

# BUILT=1 takes the binaries as they are.
build() { [ "${BUILT:-}" = 1 ] || (cd "$root" && cargo build --quiet --release -p granary -p bench-driver); local built=${CARGO_TARGET_DIR:-$root/target}/release; granary=$built/granary; driver=$built/bench-driver; }

# The corpus: real modules in a module cache of its own, taken from the module proxy that go is set to use.
corpus() {
  modcache=$out/modcache
  tree=$modcache/cache/download
  if [ ! -e "$out/corpus.done" ]; then
    echo "collecting the corpus (about 1 GB) …" >&2
    (cd "$root/bench/corpus" && GOMODCACHE=$modcache go mod download || true
     # By name, so that the .info files come too.
     GOMODCACHE=$modcache xargs -P 4 -n 16 go mod download <versions.txt >/dev/null 2>&1 || true)
    touch "$out/corpus.done"
  fi
  rm -rf "$tree/sumdb"
  key=$("$driver" make-database "$tree")
}

wait_for() { for _ in $(seq 200); do curl -sf -o /dev/null "$1" && return 0; sleep 0.05; done; echo "$1 does not answer" >&2; return 1; }

# start_granary <name> <port> [VARIABLE=value …]: on a fresh data folder unless keep=1. Sets $pid and $data.
start_granary() {
  local name=$1 port=$2; shift 2
  data=$out/data-$name
  [ "${keep:-}" = 1 ] || rm -rf "$data"
  env GRANARY_LOG_FORMAT=text GRANARY_LOG_LEVEL=warn "$@" "$granary" serve --data "$data" --listen "127.0.0.1:$port" 2>"$out/$name.log" &
  pid=$!; started+=("$pid")
  wait_for "http://127.0.0.1:$port/readyz"
}

# start_nginx <name> <port> <server block content>: two workers, tuned for static files. Sets $pid.
start_nginx() {
  local name=$1 port=$2 dir=$out/nginx-$1
  rm -rf "$dir"; mkdir -p "$dir"
  cat >"$dir/nginx.conf" <<CONF
daemon off; worker_processes 2; pid $dir/pid; error_log $dir/error.log warn;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000; keepalive_timeout 75s;
  default_type application/octet-stream;
  types { application/json info; text/plain mod; application/zip zip; }
  open_file_cache max=20000 inactive=600s; open_file_cache_valid 600s; open_file_cache_min_uses 1;
  client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
  ${4:-}
  server { listen 127.0.0.1:$port backlog=4096; $3 }
}
CONF
  # Workers must be able to read folders of the one who runs this.
  sed -i "1i user $(id -un) $(id -gn);" "$dir/nginx.conf"
  nginx -p "$dir" -c "$dir/nginx.conf" 2>>"$dir/error.log" &
  pid=$!; started+=("$pid")
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0; sleep 0.05; done
  echo "nginx does not listen on $port" >&2; return 1
}

# start_goproxy <port> <cache folder> <upstream>: the goproxy program, where GOPROXY_BIN names its binary. Sets $pid.
start_goproxy() {
  mkdir -p "$2"
  env GOPROXY="$3" GOSUMDB="$key" "$GOPROXY_BIN" server --address "127.0.0.1:$1" --cacher-dir "$2" --temp-dir "$out" >"$out/goproxy.log" 2>&1 &
  pid=$!; started+=("$pid")
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0; sleep 0.05; done
  echo "goproxy does not listen on $1" >&2; return 1
}

# Processor time of a process and its children, in clock ticks.
ticks() { local sum=0 p; for p in "$1" $(pgrep -P "$1" || true); do sum=$((sum + $(awk '{print $14 + $15}' "/proc/$p/stat"))); done; echo "$sum"; }
median() { sort -g | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
header() { echo "commit $(cd "$root" && git rev-parse --short HEAD), $(nproc) cores, $(date -u +%F)"; }
