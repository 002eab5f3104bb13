# Sourced by the other scripts: installs what is missing, nothing else, and says what it did.
# Debian packages by apt-get where this user may, the Go toolchain, clippy and rustfmt.

# Runs a command as root, or fails where that cannot be had.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo -n "$@"; else return 1; fi
}

# install_packages <package>…: installs Debian packages; prints what to do where it can't.
install_packages() {
  [ $# -gt 0 ] || return 0
  echo "installing: $*"
  if ! command -v apt-get >/dev/null; then
    echo "there is no apt-get here: install these by your own means: $*" >&2
    return 1
  fi
  # Tests start a PostgreSQL of their own on scratch; the package must not start another one.
  if [[ " $* " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    as_root mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || true
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" && return 0
  echo "could not install: $* (run as root or with sudo, or install them by hand)" >&2
  return 1
}

# Toolchains that are installed but not on the path.
extend_path() {
  local folder
  for folder in /usr/local/go/bin "$HOME/.cargo/bin" /usr/lib/postgresql/*/bin /usr/sbin; do
    [ -d "$folder" ] && [[ ":$PATH:" != *":$folder:"* ]] && PATH="$PATH:$folder"
  done
  export PATH
}

# What building and testing need.
install_for_tests() {
  extend_path
  local missing=()
  command -v git >/dev/null || missing+=(git)
  command -v cc >/dev/null || missing+=(gcc libc6-dev)
  command -v initdb >/dev/null || missing+=(postgresql)
  command -v hg >/dev/null || missing+=(mercurial)
  command -v svnserve >/dev/null || missing+=(subversion)
  command -v fossil >/dev/null || missing+=(fossil)
  command -v brz >/dev/null || missing+=(brz)
  command -v sqlite3 >/dev/null || missing+=(sqlite3)
  compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || missing+=(libfaketime)
  command -v strace >/dev/null || missing+=(strace)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || missing+=(ca-certificates)
  if ! command -v go >/dev/null; then
    echo "there is no Go toolchain: taking Debian's golang-go; tests that need a newer one will say so"
    missing+=(golang-go)
  fi
  install_packages "${missing[@]}" || return 1
  extend_path
  if ! command -v cargo >/dev/null; then
    echo "there is no cargo: install a Rust toolchain (rustup, channel stable) and try again" >&2
    return 1
  fi
  cargo clippy --version >/dev/null 2>&1 || rustup component add clippy || return 1
  cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt || return 1
}

# What the benchmarks need on top.
install_for_bench() {
  install_for_tests || return 1
  local missing=()
  command -v nginx >/dev/null || missing+=(nginx-core)
  command -v wrk >/dev/null || missing+=(wrk)
  command -v fcgiwrap >/dev/null || missing+=(fcgiwrap)
  install_packages "${missing[@]}"
  extend_path
}
