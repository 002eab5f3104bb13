#!/usr/bin/env bash
# Modules made from their repositories, beside what go and git do of the same origins. Three parts (PARTS="versions
# thousand prefix"): 70 versions of 7 repositories cold, over http and file; 1,000 versions of one repository; a path
# that is no module.
# Wall time and processor time of the client's side: the process and all that it starts and waits for, git's helpers
# and git-upload-pack (file) included, nginx and git http-backend (http) not. Every way gets the same repositories by
# the same line of a git configuration; nothing of one round is left for the next.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
build
rounds=${ROUNDS:-3}
work=$out/direct
mkdir -p "$work"
. "$root/bench/direct/repositories.sh"
make_origins
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1 GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0

# Repositories over http: git http-backend as forges' tests run it. Its processes are not counted for anyone.
socket=$(mktemp -u -t fcgiwrap-XXXXXX)
fcgiwrap -c 4 -s "unix:$socket" & gateway=$!
trap 'stop "${started[@]:-}"; rm -f "$socket"' EXIT
start_nginx origins 3340 "client_max_body_size 0; location / {
  fastcgi_pass unix:$socket; fastcgi_buffering off; fastcgi_read_timeout 600s;
  fastcgi_param SCRIPT_FILENAME $(git --exec-path)/git-http-backend; fastcgi_param GIT_PROJECT_ROOT $origins;
  fastcgi_param GIT_HTTP_EXPORT_ALL 1; fastcgi_param GIT_PROTOCOL \$http_git_protocol; fastcgi_param PATH_INFO \$uri;
  fastcgi_param QUERY_STRING \$query_string; fastcgi_param REQUEST_METHOD \$request_method;
  fastcgi_param CONTENT_TYPE \$content_type; fastcgi_param CONTENT_LENGTH \$content_length;
  fastcgi_param HTTP_CONTENT_ENCODING \$http_content_encoding; fastcgi_param REMOTE_ADDR \$remote_addr; }"
# It leaves its children behind when it is told to stop.
started+=("$gateway" $(pgrep -P "$gateway"))
printf '[url "http://127.0.0.1:3340/"]\n\tinsteadOf = https://github.com/\n' >"$work/config-http"
printf '[url "file://%s/"]\n\tinsteadOf = https://github.com/\n' "$origins" >"$work/config-file"
over() { export GIT_CONFIG_GLOBAL=$work/config-$1; }

# timed <file> <command…>: appends "wall user+sys" in seconds; the processor time is that of all processes waited for.
timed() {
  local file=$1 TIMEFORMAT='%3R %3U %3S'; shift
  { time "$@" >"$work/said" 2>&1; } 2>"$work/time" || { echo "failed: $*" >&2; tail -n 5 "$work/said" "$work/time" >&2; return 1; }
  awk '{ printf "%.3f %.3f\n", $1, $2 + $3 }' "$work/time" >>"$file"
}
# Processor seconds of a running process and of the children that it has waited for.
seconds_of() { sed 's/^.*) //' "/proc/$1/stat" | awk -v hz="$(getconf CLK_TCK)" '{ print ($12 + $13 + $14 + $15) / hz }'; }
wall() { cut -d' ' -f1 "$1" | median; }
cpu() { cut -d' ' -f2 "$1" | median; }
clear_folder() { chmod -R u+w "$1" 2>/dev/null || true; rm -rf "$1"; mkdir -p "$1"; }
settings=(GRANARY_UPSTREAM=direct GRANARY_SUMDB=off GRANARY_ORIGIN_USE_GIT_CONFIG=on GRANARY_ORIGIN_ALLOW=127.0.0.1 GRANARY_DRAIN=0s)

# go_download <version…>: one go process, straight from version control, into the module cache $work/go-cache.
go_download() {
  (mkdir -p "$work/nowhere" && cd "$work/nowhere" && GOMODCACHE=$work/go-cache GOPROXY=direct GOSUMDB=off GOPRIVATE='' \
    GONOPROXY='' GOVCS='' GOFLAGS=-modcacherw go mod download "$@")
}

# mirror <owner/name> <version…>: one clone, then one archive a version.
mirror() {
  local name=$1 version; shift
  git clone -q --mirror "https://github.com/$name" "$work/mirrors/$name"
  for version in "$@"; do
    git -C "$work/mirrors/$name" archive --format=zip --prefix="github.com/$name@$version/" -o "$work/mirrors/$name-$version.zip" "${version%+incompatible}"
  done
}

mapfile -t versions <"$root/bench/direct/versions.txt"
repositories=$(printf '%s\n' "${versions[@]}" | cut -d@ -f1 | sed 's#^github.com/##' | sort -u)

mirror_all() {
  local name
  for name in $repositories; do
    mapfile -t of < <(printf '%s\n' "${versions[@]}" | awk -F@ -v m="github.com/$name" '$1 == m { print $2 }')
    mirror "$name" "${of[@]}"
  done
}

pull_all() { sed 's#@#/@v/#' "$root/bench/direct/versions.txt" | "$driver" pull 127.0.0.1:3341 --clients 16; }

# Granary as a server on an empty folder, its processor time from its start; the client's is added.
granary_all() { # granary_all <file>
  start_granary direct 3341 "${settings[@]}" GRANARY_CAPTURE_ZIPS=asked
  timed "$work/pulled" pull_all
  tail -1 "$work/pulled" | awk -v server="$(seconds_of "$pid")" '{ print $1, $2 + server }' >>"$1"
}

# What is fast must be right: the zips of Granary hash to what go has written down.
check_hashes() {
  local version module
  for version in "${versions[@]}"; do
    module=${version%@*}
    curl -sf -o "$work/one.zip" "http://127.0.0.1:3341/$module/@v/${version#*@}.zip"
    [ "$("$granary" h1 "$work/one.zip")" = "$(cat "$work/go-cache/cache/download/$module/@v/${version#*@}.ziphash")" ] || { echo "$version differs" >&2; return 1; }
  done
}

part_versions() {
  local transport a b c d
  echo "${#versions[@]} versions of $(wc -w <<<"$repositories") repositories"
  echo "| transport | granary s | CPU s | go s | CPU s | git s | CPU s | git, $(nproc) at once, s | go / granary | CPU granary / go | git / granary |"
  echo "|---|---|---|---|---|---|---|---|---|---|---|"
  for transport in http file; do
    over "$transport"
    a=$work/granary-$transport b=$work/go-$transport c=$work/git-$transport d=$work/gits-$transport
    : >"$a"; : >"$b"; : >"$c"; : >"$d"
    for round in $(seq "$rounds"); do
      clear_folder "$work/go-cache"
      timed "$b" go_download "${versions[@]}"
      granary_all "$a"
      [ "$round" != 1 ] || check_hashes
      stop "$pid"
      clear_folder "$work/mirrors"
      timed "$c" mirror_all
      clear_folder "$work/mirrors"
      timed "$d" mirror_parallel
    done
    echo "| $transport | $(wall "$a") | $(cpu "$a") | $(wall "$b") | $(cpu "$b") | $(wall "$c") | $(cpu "$c") | $(wall "$d") | $(ratio "$(wall "$b")" "$(wall "$a")") | $(ratio "$(cpu "$a")" "$(cpu "$b")") | $(ratio "$(wall "$c")" "$(wall "$a")") |"
  done
}

# As mirror_all, as many repositories at once as there are cores.
mirror_parallel() {
  export -f mirror; export work
  for name in $repositories; do
    echo "$name" $(printf '%s\n' "${versions[@]}" | awk -F@ -v m="github.com/$name" '$1 == m { print $2 }')
  done | xargs -P "$(nproc)" -I{} bash -ec 'mirror {}'
}

# Evenly spread over the thousand.
sample_of() { awk -v many="$1" 'BEGIN { for (i = 0; i < many; i++) { n = 1 + int(i * 1000 / many); print "v1." int(n / 100) "." n % 100 } }'; }
download_each() { local version; for version in $(sample_of "$sample_go"); do go_download "github.com/bench/thousand@$version"; done; }
archive_each() {
  local version
  for version in $(sample_of "$sample_git"); do
    git -C "$work/mirrors/bench/thousand" archive --format=zip --prefix="github.com/bench/thousand@$version/" -o "$work/mirrors/$version.zip" "$version"
  done
}
check_sample() {
  local version
  for version in $(sample_of "$sample_go"); do
    [ "$("$granary" h1 "$work/exported/github.com/bench/thousand/@v/$version.zip")" = "$(cat "$work/go-cache/cache/download/github.com/bench/thousand/@v/$version.ziphash")" ] || { echo "$version differs" >&2; return 1; }
  done
}
get_all() { env "${settings[@]}" "$granary" get github.com/bench/thousand@all --data "$data"; }
count_zips() { rm -rf "$work/exported"; "$granary" export prod "$work/exported" --data "$data" >"$work/said"; find "$work/exported" -name '*.zip' | wc -l; }
must_be_thousand() { local many; many=$(count_zips); [ "$many" = 1000 ] || { echo "$many versions instead of 1000" >&2; return 1; }; }

part_thousand() {
  sample_go=${SAMPLE_GO:-50} sample_git=${SAMPLE_GIT:-250}
  local cold=$work/thousand-cold kept=$work/thousand-kept each=$work/thousand-go clone=$work/thousand-clone archive=$work/thousand-git go_s git_s name
  data=$work/data-thousand
  over http
  : >"$cold"; : >"$kept"; : >"$each"; : >"$clone"; : >"$archive"
  for round in $(seq "$rounds"); do
    clear_folder "$data"
    timed "$cold" get_all
    [ "$round" != 1 ] || must_be_thousand
    # All but the cache of repositories, and the file by which a data folder is known.
    find "$data" -mindepth 1 -maxdepth 1 ! -name vcs ! -name granary.lock -exec rm -rf {} +
    timed "$kept" get_all
    [ "$round" != 1 ] || must_be_thousand
    clear_folder "$work/go-cache"
    timed "$each" download_each
    [ "$round" != 1 ] || check_sample
    clear_folder "$work/mirrors"
    timed "$clone" git clone -q --mirror https://github.com/bench/thousand "$work/mirrors/bench/thousand"
    timed "$archive" archive_each
  done
  go_s=$(awk -v t="$(wall "$each")" -v n="$sample_go" 'BEGIN { print t / n * 1000 }')
  git_s=$(awk -v t="$(wall "$archive")" -v c="$(wall "$clone")" -v n="$sample_git" 'BEGIN { print c + t / n * 1000 }')
  echo "1,000 versions of one repository, $(wc -l <"$work/files") files that change and $(git -C "$origins/bench/thousand" ls-tree -r main | wc -l) in all, over http"
  echo "go: $sample_go versions, one process each, one module cache, scaled to 1,000; git: one clone, $sample_git archives, scaled"
  echo "| granary get @all | granary s | CPU s | go s | git s | go / granary | git / granary |"
  echo "|---|---|---|---|---|---|---|"
  for name in cold kept; do
    local file=$work/thousand-$name
    echo "| $name repository | $(wall "$file") | $(cpu "$file") | $go_s | $git_s | $(ratio "$go_s" "$(wall "$file")") | $(ratio "$git_s" "$(wall "$file")") |"
  done
}

# ask <path> <file>: milliseconds until a fresh server has said that this is no module.
ask() {
  start_granary prefix 3342 "${settings[@]}"
  curl -s -o "$work/said" -w '%{http_code} %{time_total}\n' "http://127.0.0.1:3342/$1" >"$work/answer"
  stop "$pid"
  awk '$1 != 404 { exit 1 } { print $2 * 1000 }' "$work/answer" >>"$2" || { echo "$1 got $(cat "$work/answer"): $(cat "$work/said")" >&2; return 1; }
}

part_prefix() {
  local name path question a=$work/prefix-granary b=$work/prefix-git
  over http
  echo "a path that is no module, over http, $((rounds * 3)) rounds, each on a fresh server with an empty folder"
  echo "| path | refs | KB of the newest version | question | granary ms | git ls-remote ms | ratio |"
  echo "|---|---|---|---|---|---|---|"
  for path in spf13/cobra/doc prometheus/prometheus/tsdb bench/tags/sub/dir; do
    name=$(cut -d/ -f1,2 <<<"$path")
    for question in @v/list @latest; do
      : >"$a"; : >"$b"
      for _ in $(seq $((rounds * 3))); do
        ask "github.com/$path/$question" "$a"
        timed "$b" git ls-remote -q "https://github.com/$name"
      done
      awk '{ print $1 * 1000 }' "$b" >"$b.ms"
      echo "| $path | $(git -C "$origins/$name" for-each-ref | wc -l) | $(git -C "$origins/$name" ls-tree -rl HEAD | awk '{ s += $4 } END { printf "%.0f", s / 1000 }') | $question | $(median <"$a") | $(median <"$b.ms") | $(ratio "$(median <"$a")" "$(median <"$b.ms")") |"
    done
  done
}

header
for part in ${PARTS:-versions thousand prefix}; do echo; "part_$part"; done
