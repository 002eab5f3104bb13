//! Real public modules through the upstream that this environment's `go` is set to use, with the public checksum database.
//!
//! The one target that leaves loopback. Where the environment has no proxy it is left out, with the reason printed.

use crate::rig::go::{Go, environment_proxies};
use crate::rig::granary::Setup;
use crate::rig::{raw, skip};

/// Small ones of every kind: nested, /vN, gopkg.in, +incompatible, pseudo-versions, capitals, retracted.
const VERSIONS: &[&str] = &[
    "github.com/pkg/errors@v0.8.1",
    "github.com/pkg/errors@v0.9.0",
    "github.com/pkg/errors@v0.9.1",
    "github.com/BurntSushi/toml@v0.3.1",
    "github.com/BurntSushi/toml@v1.2.1",
    "github.com/BurntSushi/toml@v1.3.2",
    "github.com/google/uuid@v1.3.0",
    "github.com/google/uuid@v1.6.0",
    "github.com/google/go-cmp@v0.5.9",
    "github.com/google/go-cmp@v0.6.0",
    "github.com/davecgh/go-spew@v1.1.1",
    "github.com/davecgh/go-spew@v1.1.2-0.20180830191138-d8f796af33cc",
    "github.com/pmezard/go-difflib@v1.0.0",
    "github.com/pmezard/go-difflib@v1.0.1-0.20181226105442-5d4384ee4fb2",
    "github.com/stretchr/testify@v1.8.4",
    "github.com/stretchr/testify@v1.9.0",
    "github.com/stretchr/objx@v0.5.2",
    "github.com/spf13/cobra@v1.8.0",
    "github.com/spf13/cobra@v1.8.1",
    "github.com/spf13/pflag@v1.0.5",
    "github.com/inconshreveable/mousetrap@v1.1.0",
    "github.com/russross/blackfriday/v2@v2.1.0",
    "github.com/cpuguy83/go-md2man/v2@v2.0.3",
    "github.com/cespare/xxhash/v2@v2.2.0",
    "github.com/cespare/xxhash/v2@v2.3.0",
    "github.com/cespare/xxhash@v1.1.0",
    "github.com/mattn/go-isatty@v0.0.19",
    "github.com/mattn/go-isatty@v0.0.20",
    "github.com/mattn/go-colorable@v0.1.13",
    "github.com/fatih/color@v1.16.0",
    "github.com/gorilla/mux@v1.8.0",
    "github.com/gorilla/mux@v1.8.1",
    "github.com/gorilla/websocket@v1.5.0",
    "github.com/gorilla/websocket@v1.5.1",
    "github.com/julienschmidt/httprouter@v1.3.0",
    "github.com/hashicorp/golang-lru/v2@v2.0.7",
    "github.com/hashicorp/golang-lru@v0.5.4",
    "github.com/hashicorp/errwrap@v1.1.0",
    "github.com/hashicorp/go-multierror@v1.1.1",
    "github.com/prometheus/client_model@v0.5.0",
    "github.com/prometheus/procfs@v0.12.0",
    "github.com/kr/pretty@v0.3.1",
    "github.com/kr/text@v0.2.0",
    "github.com/rogpeppe/go-internal@v1.9.0",
    "github.com/dgrijalva/jwt-go@v3.2.0+incompatible",
    "github.com/gofrs/uuid@v4.4.0+incompatible",
    "github.com/blang/semver@v3.5.1+incompatible",
    "github.com/blang/semver/v4@v4.0.0",
    "gopkg.in/yaml.v2@v2.2.8",
    "gopkg.in/yaml.v2@v2.4.0",
    "gopkg.in/yaml.v3@v3.0.1",
    "gopkg.in/check.v1@v1.0.0-20201130134442-10cb98267c6c",
    "gopkg.in/ini.v1@v1.67.0",
    "golang.org/x/mod@v0.14.0",
    "golang.org/x/mod@v0.17.0",
    "golang.org/x/sync@v0.6.0",
    "golang.org/x/sync@v0.7.0",
    "golang.org/x/xerrors@v0.0.0-20200804184101-5ec99f83aff1",
    "golang.org/x/xerrors@v0.0.0-20231012003039-104605ab7028",
    "golang.org/x/term@v0.15.0",
    "rsc.io/quote@v1.5.2",
    "rsc.io/quote/v3@v3.1.0",
    "rsc.io/sampler@v1.3.0",
    "rsc.io/sampler@v1.99.99",
    "go.uber.org/atomic@v1.11.0",
    "go.uber.org/multierr@v1.11.0",
    "github.com/Azure/go-autorest/autorest/date@v0.3.0",
    "github.com/Azure/go-autorest/tracing@v0.6.0",
    "github.com/Masterminds/semver/v3@v3.2.1",
    "go.opentelemetry.io/otel/metric@v1.21.0",
    "cloud.google.com/go/compute/metadata@v0.2.3",
    "github.com/go-logr/logr@v1.3.0",
    "github.com/go-logr/logr@v1.4.1",
];

/// Granary on the environment's upstream; none where there is none that answers.
fn find_setup() -> Option<Setup> {
    let Some(list) = environment_proxies() else {
        skip(
            "real public modules",
            "the environment names no module proxy",
        );
        return None;
    };
    let setup = Setup::new()
        .reaching_out()
        .set("upstream", &list)
        .unset("sumdb")
        .set("capture.zips", "asked");
    let probe = setup.start().get("/rsc.io/quote/@v/v1.5.2.info");
    if probe.status != 200 {
        skip(
            "real public modules",
            &format!(
                "the environment's module proxy does not answer: {}",
                probe.text()
            ),
        );
        return None;
    }
    Some(setup)
}

#[test]
fn real_modules_of_every_kind_then_again_with_the_upstream_gone() {
    let Some(setup) = find_setup() else { return };
    let granary = setup.start();
    let mut go = Go::find_at(&granary.url(), None).expect("there was a go a moment ago");
    go.set("GOFLAGS", "-modcacherw");
    let folder = go.project("p", &[("go.mod", "module example.com/p\n")]);
    let mut arguments = vec!["mod", "download", "-json"];
    arguments.extend(VERSIONS);
    let first = go.must(&folder, &arguments);
    assert_eq!(sums(&first).len(), VERSIONS.len() * 2);
    let verified = setup.run(&["verify"]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );

    let alone = granary.kill().set("upstream", "off").start();
    let mut fresh = Go::find_at(&alone.url(), None).unwrap();
    fresh.set("GOFLAGS", "-modcacherw");
    // The client's own questions to the checksum database are answered from what Granary kept of it, or not at all:
    // the sums of the first run are what this one must come to.
    fresh.set("GONOSUMDB", "*");
    let folder = fresh.project("p", &[("go.mod", "module example.com/p\n")]);
    let second = fresh.must(&folder, &arguments);
    assert_eq!(sums(&second), sums(&first));
}

/// Lines of `go mod download -json` that carry hashes.
fn sums(json: &str) -> Vec<&str> {
    json.lines()
        .map(str::trim)
        .filter(|l| l.starts_with("\"Sum\"") || l.starts_with("\"GoModSum\""))
        .collect()
}

#[test]
fn go_get_list_and_build_as_people_do_it() {
    let Some(setup) = find_setup() else { return };
    let granary = setup.start();
    let go = Go::find_at(&granary.url(), None).expect("there was a go a moment ago");
    let main = "package main\n\nimport (\n\t\"fmt\"\n\n\t\"rsc.io/quote\"\n)\n\nfunc main() { fmt.Println(quote.Hello()) }\n";
    let project = go.project(
        "p",
        &[
            ("go.mod", "module example.com/p\n\ngo 1.21\n"),
            ("main.go", main),
        ],
    );
    go.must(&project, &["get", "rsc.io/quote@latest"]);
    go.must(&project, &["mod", "tidy"]);
    go.must(&project, &["build", "./..."]);
    for query in ["master", "614d223910a1"] {
        let said = go.run(
            &project,
            &["get", &format!("github.com/pkg/errors@{query}")],
        );
        // Some proxies answer no questions about branches and commits; then their refusal is what arrives.
        assert!(
            said.ok || said.err.contains("server response:"),
            "{query}: {}",
            said.err
        );
    }
    let versions = go.must(
        &project,
        &[
            "list",
            "-m",
            "-versions",
            "-retracted",
            "github.com/gorilla/websocket",
        ],
    );
    assert!(versions.contains("v1.5.0"), "{versions}");
    // A package deep inside a module: every prefix of its path is probed.
    go.must(
        &project,
        &["get", "github.com/google/go-cmp/cmp/cmpopts@v0.6.0"],
    );
}

#[test]
fn a_toolchain_switch_goes_through_too() {
    let Some(setup) = find_setup() else { return };
    let granary = setup.start();
    let mut go = Go::find_at(&granary.url(), None).expect("there was a go a moment ago");
    go.set("GOTOOLCHAIN", "go1.22.4");
    let folder = go.project("p", &[("go.mod", "module example.com/p\n")]);
    let said = go.must(&folder, &["version"]);
    assert!(said.contains("go1.22.4"), "{said}");
    let answer = raw::get(granary.address, "/golang.org/toolchain/@v/list");
    assert!(matches!(answer.status, 200 | 404), "{}", answer.status);
}
