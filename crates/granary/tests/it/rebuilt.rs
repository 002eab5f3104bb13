//! Real modules put back into git and built from there: their hashes must be those of the checksum database.
//!
//! Contents come through the module proxy that this environment's `go` is set to use, the database's records too. Where
//! the environment has no proxy this is left out, with the reason printed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gomod::info::Info;
use serde_json::Value;

use crate::rig::go::{Go, environment_proxies};
use crate::rig::granary::{Setup, outside_variables};
use crate::rig::repository::{Entry, History};
use crate::rig::skip;

/// Small ones of every kind that a repository on a statically known host can hold: with and without go.mod, nested, /vN,
/// +incompatible, several modules in one repository, capitals, attributes, `vendor/modules.txt`.
const VERSIONS: &[&str] = &[
    "github.com/Azure/go-autorest/autorest/adal@v0.9.13",
    "github.com/Azure/go-autorest/autorest/date@v0.3.0",
    "github.com/Azure/go-autorest/logger@v0.2.1",
    "github.com/Azure/go-autorest/tracing@v0.6.0",
    "github.com/Azure/go-autorest@v14.2.0+incompatible",
    "github.com/BurntSushi/toml@v0.3.1",
    "github.com/BurntSushi/toml@v1.2.1",
    "github.com/BurntSushi/toml@v1.3.2",
    "github.com/Masterminds/semver/v3@v3.2.1",
    "github.com/Masterminds/semver@v1.5.0",
    "github.com/bketelsen/crypt@v0.0.4",
    "github.com/blang/semver/v4@v4.0.0",
    "github.com/blang/semver@v3.5.1+incompatible",
    "github.com/cespare/xxhash/v2@v2.2.0",
    "github.com/cespare/xxhash/v2@v2.3.0",
    "github.com/cespare/xxhash@v1.1.0",
    "github.com/containerd/log@v0.1.0",
    "github.com/coreos/go-semver@v0.3.0",
    "github.com/cpuguy83/go-md2man/v2@v2.0.3",
    "github.com/cpuguy83/go-md2man@v1.0.10",
    "github.com/davecgh/go-spew@v1.1.0",
    "github.com/davecgh/go-spew@v1.1.1",
    "github.com/dgrijalva/jwt-go@v3.2.0+incompatible",
    "github.com/docker/distribution@v2.8.1+incompatible",
    "github.com/evanphx/json-patch/v5@v5.6.0",
    "github.com/evanphx/json-patch@v4.12.0+incompatible",
    "github.com/fatih/color@v1.16.0",
    "github.com/felixge/httpsnoop@v1.0.3",
    "github.com/fsnotify/fsnotify@v1.6.0",
    "github.com/go-logr/logr@v1.3.0",
    "github.com/go-logr/logr@v1.4.1",
    "github.com/go-stack/stack@v1.8.0",
    "github.com/gofrs/uuid@v4.4.0+incompatible",
    "github.com/golang-jwt/jwt/v4@v4.5.0",
    "github.com/golang-jwt/jwt/v5@v5.0.0",
    "github.com/golang-jwt/jwt@v3.2.2+incompatible",
    "github.com/google/go-cmp@v0.5.9",
    "github.com/google/go-cmp@v0.6.0",
    "github.com/google/uuid@v1.3.0",
    "github.com/google/uuid@v1.6.0",
    "github.com/gorilla/mux@v1.8.0",
    "github.com/gorilla/mux@v1.8.1",
    "github.com/gorilla/websocket@v1.5.0",
    "github.com/gorilla/websocket@v1.5.1",
    "github.com/hashicorp/errwrap@v1.1.0",
    "github.com/hashicorp/golang-lru/v2@v2.0.7",
    "github.com/hashicorp/golang-lru@v0.5.4",
    "github.com/hashicorp/hcl@v1.0.0",
    "github.com/inconshreveable/mousetrap@v1.1.0",
    "github.com/jmespath/go-jmespath/internal/testify@v1.5.1",
    "github.com/jmespath/go-jmespath@v0.4.0",
    "github.com/julienschmidt/httprouter@v1.3.0",
    "github.com/kr/pretty@v0.3.1",
    "github.com/kr/text@v0.2.0",
    "github.com/mattn/go-colorable@v0.1.13",
    "github.com/mattn/go-isatty@v0.0.20",
    "github.com/moby/sys/mountinfo@v0.6.2",
    "github.com/moby/term@v0.5.0",
    "github.com/modern-go/reflect2@v1.0.2",
    "github.com/nxadm/tail@v1.4.8",
    "github.com/onsi/ginkgo@v1.16.5",
    "github.com/opencontainers/go-digest@v1.0.0",
    "github.com/pelletier/go-toml/v2@v2.0.8",
    "github.com/pelletier/go-toml@v1.9.5",
    "github.com/pkg/errors@v0.8.1",
    "github.com/pkg/errors@v0.9.1",
    "github.com/pmezard/go-difflib@v1.0.0",
    "github.com/prometheus/client_model@v0.5.0",
    "github.com/rogpeppe/go-internal@v1.9.0",
    "github.com/russross/blackfriday/v2@v2.1.0",
    "github.com/sirupsen/logrus@v1.9.3",
    "github.com/spf13/cobra@v1.8.1",
    "github.com/stretchr/testify@v1.9.0",
    "github.com/tidwall/gjson@v1.14.2",
    "github.com/urfave/cli@v1.22.16",
];

/// Those of them that get a folder of their own for the major version; the other `/vN` lie where a branch has them.
const IN_MAJOR_FOLDERS: &[&str] = &[
    "github.com/blang/semver/v4",
    "github.com/evanphx/json-patch/v5",
];

/// The checksum database of every `go`; it is reached through the environment's module proxy.
const DATABASE: &str = "sum.golang.org";

/// What the environment's proxy has of a version.
struct Original {
    path: String,
    version: String,
    sums: [String; 2],
    info: Info,
    files: BTreeMap<String, Vec<u8>>,
}

/// Reads what `go mod download -json` printed.
fn read_downloads(printed: &str) -> Vec<Original> {
    let objects = serde_json::Deserializer::from_str(printed).into_iter::<Value>();
    let read = |object: Value| {
        let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
        let mut files = BTreeMap::new();
        read_folder(Path::new(&text("Dir")), "", &mut files);
        Original {
            path: text("Path"),
            version: text("Version"),
            sums: [text("Sum"), text("GoModSum")],
            info: Info::parse(&fs::read(text("Info")).unwrap()).unwrap(),
            files,
        }
    };
    objects.map(|object| read(object.unwrap())).collect()
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read_folder(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// Where a module lies: its repository's `owner/name`, the prefix of its tags, the folder of its files, both with `/`.
fn place(path: &str) -> (String, String, String) {
    let elements: Vec<&str> = path.split('/').collect();
    let inside = |rest: &[&str]| rest.iter().map(|one| format!("{one}/")).collect::<String>();
    let end = match elements.last() {
        Some(last) if is_major(last) => elements.len() - 1,
        _ => elements.len(),
    };
    let folder_end = if IN_MAJOR_FOLDERS.contains(&path) {
        elements.len()
    } else {
        end
    };
    (
        elements[1..3].join("/"),
        inside(&elements[3..end]),
        inside(&elements[3..folder_end]),
    )
}

fn is_major(element: &str) -> bool {
    element
        .strip_prefix('v')
        .is_some_and(|rest| rest.parse::<u32>().is_ok())
}

/// The module's files in its folder, a folder's LICENSE at the root for the module to inherit, and beside them what must
/// be left out: a nested module, a vendored package, a link, a submodule.
fn entries_of(original: &Original, folder: &str) -> Vec<(String, Entry)> {
    let file = |text: &str| Entry::File(text.as_bytes().to_vec());
    let mut entries = vec![
        (
            format!("{folder}zz-nested/go.mod"),
            file("module example.com/nested\n"),
        ),
        (
            format!("{folder}zz-nested/deep/x.go"),
            file("package deep\n"),
        ),
        (
            format!("{folder}vendor/example.com/x/x.go"),
            file("package x\n"),
        ),
        (format!("{folder}zz-link"), Entry::Link("zz-nested/go.mod")),
        (format!("{folder}zz-submodule"), Entry::Submodule),
    ];
    for (name, content) in &original.files {
        let folder = if name == "LICENSE" { "" } else { folder };
        entries.push((format!("{folder}{name}"), Entry::File(content.clone())));
    }
    entries
}

/// Puts every version into its repository below `origins`: a commit and a tag each.
fn rebuild(originals: &[Original], origins: &Path) {
    let mut histories: BTreeMap<String, History> = BTreeMap::new();
    for original in originals {
        let (repository, prefix, folder) = place(&original.path);
        let tag = original.version.trim_end_matches("+incompatible");
        histories
            .entry(repository)
            .or_default()
            .commit(
                original.info.time.unwrap().as_second(),
                entries_of(original, &folder),
            )
            .tag(&format!("{prefix}{tag}"));
    }
    for (repository, history) in histories {
        history.write(&origins.join(repository));
    }
}

/// The originals of some versions, and a Granary whose origins are not filled yet.
fn find_originals(versions: &[&str]) -> Option<(Vec<Original>, Setup)> {
    let Some(list) = environment_proxies() else {
        skip("rebuilt modules", "the environment names no module proxy");
        return None;
    };
    let mut go = Go::find_at(&list, None)?;
    for (name, value) in outside_variables() {
        go.set(&name, &value);
    }
    let folder = go.project("p", &[("go.mod", "module example.com/p\n")]);
    let mut arguments = vec!["mod", "download", "-json"];
    let probe = go.run(&folder, &[&arguments[..], &versions[..1]].concat());
    if !probe.ok {
        let why = format!(
            "the environment's module proxy does not answer: {}",
            probe.err
        );
        skip("rebuilt modules", &why);
        return None;
    }
    arguments.extend(versions);
    let originals = read_downloads(&go.must(&folder, &arguments));
    let proxy = list.split([',', '|']).next()?.trim_end_matches('/');
    let setup = Setup::new()
        .reaching_out()
        .set("upstream", "direct")
        .set("sumdb", &format!("{DATABASE} {proxy}/sumdb/{DATABASE}"))
        .set("origin.use_git_config", "on")
        .set("capture.zips", "asked");
    let origins = setup.folder("origins");
    fs::write(
        setup.folder("home").join(".gitconfig"),
        format!(
            "[url \"file://{}/\"]\n\tinsteadOf = https://github.com/\n",
            origins.display()
        ),
    )
    .unwrap();
    Some((originals, setup))
}

#[test]
fn what_is_rebuilt_from_a_repository_is_what_the_checksum_database_recorded() {
    let Some((originals, setup)) = find_originals(VERSIONS) else {
        return;
    };
    assert_eq!(originals.len(), VERSIONS.len());
    rebuild(&originals, &setup.folder("origins"));
    let granary = setup.start();
    // The client looks every sum up in the database too.
    let go = Go::find_at(&granary.url(), None).expect("there was a go a moment ago");
    let folder = go.project("p", &[("go.mod", "module example.com/p\n")]);
    let arguments = [&["mod", "download", "-json"], VERSIONS].concat();
    let built = read_downloads(&go.must(&folder, &arguments));
    for (built, original) in built.iter().zip(&originals) {
        let of = format!("{}@{}", original.path, original.version);
        assert_eq!(format!("{}@{}", built.path, built.version), of);
        assert_eq!(built.sums, original.sums, "{of}");
        assert_eq!(built.info.time, original.info.time, "{of}");
        assert_eq!(built.info.version, original.info.version, "{of}");
    }
}

#[test]
fn a_repository_that_says_something_else_is_refused() {
    let versions = [
        "github.com/pkg/errors@v0.9.1",
        "github.com/google/uuid@v1.6.0",
    ];
    let Some((mut originals, setup)) = find_originals(&versions) else {
        return;
    };
    let readme = originals[0].files.get_mut("README.md").unwrap();
    readme.push(b'\n');
    let go_mod = originals[1].files.get_mut("go.mod").unwrap();
    go_mod.push(b'\n');
    rebuild(&originals, &setup.folder("origins"));
    let granary = setup.start();
    for (path, status) in [
        ("/github.com/pkg/errors/@v/v0.9.1.zip", 403),
        ("/github.com/pkg/errors/@v/v0.9.1.mod", 200),
        ("/github.com/google/uuid/@v/v1.6.0.mod", 403),
        ("/github.com/google/uuid/@v/v1.6.0.zip", 403),
    ] {
        let answer = granary.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
}
