# The repositories of `direct`. Sourced after lib.sh; made once and kept in out/.
# A module's versions become one commit and one tag each, in order, from what the module proxy serves of them; then the
# repository is packed with deltas, as a forge's are. Names are owner/name without .git, below $origins.
origins=$out/direct/origins

# As a forge's repositories have them: no settings of this machine, the same ids on every machine.
quiet_git() {
  env GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench@example.test \
    GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench@example.test git -c gc.auto=0 -c init.defaultBranch=main "$@"
}

pack() { quiet_git -C "$1" repack -adfq; quiet_git -C "$1" pack-refs --all; quiet_git -C "$1" prune-packed -q; }

# make_real <module path>…: repositories out of versions.txt.
make_real() {
  local cache=$out/direct/modcache module name version folder when
  GOMODCACHE=$cache GOFLAGS=-modcacherw xargs go mod download -json <"$root/bench/direct/versions.txt" >"$out/direct/downloaded.json"
  while read -r module; do
    name=$origins/${module#github.com/}
    [ ! -e "$name.done" ] || continue
    rm -rf "$name"; quiet_git init -q --bare "$name"
    while read -r version; do
      folder=$cache/$module@$version
      # The commit's time is what the version's .info says.
      when=$(grep -o '"Time":"[^"]*"' "$cache/cache/download/$module/@v/$version.info" | cut -d'"' -f4)
      quiet_git -C "$folder" --git-dir="$name" --work-tree=. add -A -f .
      GIT_AUTHOR_DATE=$when GIT_COMMITTER_DATE=$when quiet_git -C "$folder" --git-dir="$name" --work-tree=. commit -q --allow-empty -m "$version"
      quiet_git --git-dir="$name" tag "${version%+incompatible}"
    done < <(awk -F@ -v m="$module" '$1 == m { print $2 }' "$root/bench/direct/versions.txt")
    rm "$name/index"
    pack "$name"
    touch "$name.done"
  done < <(cut -d@ -f1 "$root/bench/direct/versions.txt" | sort -u)
}

# make_thousand <owner/name>: a real module's files, of which each of 1,000 versions changes three. It requires nothing,
# so that getting a version means getting that version.
make_thousand() {
  local name=$origins/$1 seed=$out/direct/modcache/github.com/prometheus/client_golang@v1.22.0 n first
  [ ! -e "$name.done" ] || return 0
  rm -rf "$name"; quiet_git init -q --bare "$name"
  printf 'module github.com/%s\n\ngo 1.21\n' "$1" >"$out/direct/go.mod"
  quiet_git -C "$seed" --git-dir="$name" --work-tree=. add -A -f .
  quiet_git --git-dir="$name" update-index --add --cacheinfo "100644,$(quiet_git --git-dir="$name" hash-object -w "$out/direct/go.mod"),go.mod"
  GIT_AUTHOR_DATE='1600000000 +0000' GIT_COMMITTER_DATE='1600000000 +0000' quiet_git -C "$seed" --git-dir="$name" --work-tree=. commit -q -m begin
  rm "$name/index"
  first=$(quiet_git -C "$name" rev-parse main)
  (cd "$seed" && find . -name '*.go' -printf '%P\n' | LC_ALL=C sort) >"$out/direct/files"
  # Version n adds a line at the end of three files, so each file's content grows as sources do.
  for n in $(seq 1000); do
    printf 'commit refs/heads/main\nmark :%d\ncommitter bench <bench@example.test> %d +0000\ndata 1\nv\n' "$n" $((1600000000 + n * 3600))
    [ "$n" != 1 ] || echo "from $first"
    awk -v n="$n" -v seed="$seed" '
      { name[NR - 1] = $0 }
      END {
        for (i = 0; i < 3; i++) {
          at = (n * 3 + i) % NR; file = seed "/" name[at]; text = ""
          while ((getline line < file) > 0) text = text line "\n"
          close(file)
          # Every earlier turn of this file left its line.
          for (past = 1; past <= n; past++) for (j = 0; j < 3; j++)
            if ((past * 3 + j) % NR == at) text = text "// changed in v1." int(past / 100) "." past % 100 "\n"
          printf "M 100644 inline %s\ndata <<end-of-file-of-bench\n%send-of-file-of-bench\n", name[at], text
        }
      }' "$out/direct/files"
    printf 'reset refs/tags/v1.%d.%d\nfrom :%d\n\n' $((n / 100)) $((n % 100)) "$n"
  done | quiet_git -C "$name" fast-import --quiet
  pack "$name"
  touch "$name.done"
}

# make_tags <owner/name>: 30,000 tags, every tenth of them annotated, on 1,000 commits; a package in sub/dir.
make_tags() {
  local name=$origins/$1
  [ ! -e "$name.done" ] || return 0
  rm -rf "$name"; quiet_git init -q --bare "$name"
  awk -v path="github.com/$1" 'BEGIN {
    who = "bench <bench@example.test> "
    for (n = 1; n <= 1000; n++) {
      printf "commit refs/heads/main\nmark :%d\ncommitter %s%d +0000\ndata 1\nv\n", n, who, 1600000000 + n * 3600
      if (n == 1) printf "M 100644 inline go.mod\ndata <<end\nmodule %s\nend\nM 100644 inline sub/dir/x.go\ndata <<end\npackage dir\nend\n", path
      printf "M 100644 inline x.go\ndata <<end\npackage tags\n\nconst N = %d\nend\n", n
    }
    for (t = 0; t < 30000; t++) {
      tag = "v1." int(t / 100) "." t % 100; from = int(t / 30) + 1
      if (t % 10) printf "reset refs/tags/%s\nfrom :%d\n\n", tag, from
      else printf "tag %s\nfrom :%d\ntagger %s%d +0000\ndata 1\nt\n", tag, from, who, 1600000000 + from * 3600
    }
  }' | quiet_git -C "$name" fast-import --quiet
  pack "$name"
  touch "$name.done"
}

make_origins() {
  mkdir -p "$origins"
  make_real
  make_thousand bench/thousand
  make_tags bench/tags
  # Forges let clients leave objects out.
  local name
  for name in "$origins"/*/*.done; do git -C "${name%.done}" config uploadpack.allowFilter true; done
  # Into the page cache, so that no round pays for the disk.
  find "$origins" -name '*.pack' -exec cat {} + >/dev/null
}
