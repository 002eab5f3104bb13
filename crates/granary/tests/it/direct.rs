//! Modules made from version control by the running server, with the real `go` as the judge.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::rig::go::Go;
use crate::rig::granary::{Granary, Setup};
use crate::rig::repository::{Entry, History, git};

/// Where the repositories of a test lie, and a server that finds them there.
struct Origins {
    folder: PathBuf,
    setup: Setup,
    git_config: PathBuf,
}

impl Origins {
    /// `https://github.com/` is a folder here; git's own configuration says so, to `go` and to Granary alike.
    fn new() -> Self {
        let setup = Setup::new();
        let folder = setup.folder("origins");
        let git_config = setup.folder("home").join(".gitconfig");
        let text = format!(
            "[url \"file://{}/\"]\n\tinsteadOf = https://github.com/\n[safe]\n\tdirectory = *\n",
            folder.display()
        );
        std::fs::write(&git_config, text).unwrap();
        Self {
            folder,
            setup: setup.set("upstream", "direct").set("list.fresh", "1ms"),
            git_config,
        }
    }

    /// Writes the repository of `github.com/<name>`.
    fn write(&self, name: &str, history: &History) -> PathBuf {
        let folder = self.folder.join(name);
        std::fs::remove_dir_all(&folder).ok();
        history.write(&folder);
        folder
    }

    fn start(&self) -> Granary {
        self.setup.start()
    }

    /// `go` itself, asking the same repositories; none where there is no go.
    fn go(&self) -> Option<Go> {
        let mut go = Go::find_at("direct", None)?;
        go.set("GOSUMDB", "off");
        go.set("GIT_CONFIG_GLOBAL", self.git_config.to_str().unwrap());
        Some(go)
    }
}

fn file(path: &str, text: &str) -> (String, Entry) {
    (path.to_owned(), Entry::File(text.as_bytes().to_vec()))
}

fn module(path: &str, text: &str) -> Vec<(String, Entry)> {
    vec![
        file("go.mod", &format!("module {path}\n\ngo 1.21\n")),
        file("m.go", text),
    ]
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The commit that a rev of a repository names.
fn commit_of(repository: &Path, rev: &str) -> String {
    let output = std::process::Command::new("git")
        .args(["rev-parse", rev])
        .current_dir(repository)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_repository_becomes_the_versions_that_go_makes_of_it() {
    let origins = Origins::new();
    let mut history = History::default();
    history
        .commit(1_600_000_000, module("github.com/a/b", "package b\n"))
        .tag("v1.0.0");
    history
        .commit(1_600_000_100, module("github.com/a/b", "package b // 2\n"))
        .tag("v1.1.0");
    let mut more = module("github.com/a/b", "package b // 3\n");
    more.push(file(".gitattributes", "*.txt eol=crlf\n"));
    more.push(file("a.txt", "a\nb\n"));
    more.push(("link".to_owned(), Entry::Link("m.go")));
    more.push(("sub".to_owned(), Entry::Submodule));
    history.commit(1_600_000_200, more);
    origins.write("a/b", &history);
    let granary = origins.start();

    let list = String::from_utf8(granary.must_get("/github.com/a/b/@v/list")).unwrap();
    assert_eq!(list, "v1.0.0\nv1.1.0\n");
    let tip = json(&granary.must_get("/github.com/a/b/@v/main.info"));
    let version = tip["Version"].as_str().unwrap().to_owned();
    assert!(version.starts_with("v1.1.1-0.20200913123000-"), "{version}");
    assert_eq!(tip["Time"], "2020-09-13T12:30:00Z");
    let Some(go) = origins.go() else { return };
    for version in ["v1.0.0", "v1.1.0", &version] {
        check_same(&granary, &go, "github.com/a/b", version);
    }
}

/// Compares what Granary serves with what `go` downloads straight from the repository.
#[track_caller]
fn check_same(granary: &Granary, go: &Go, path: &str, version: &str) {
    let folder = go.project("judge", &[("go.mod", "module judge\n\ngo 1.21\n")]);
    let of = format!("{path}@{version}");
    let straight = json(
        go.must(&folder, &["mod", "download", "-json", &of])
            .as_bytes(),
    );
    let info = json(&granary.must_get(&format!("/{path}/@v/{version}.info")));
    let theirs = json(&std::fs::read(straight["Info"].as_str().unwrap()).unwrap());
    assert_eq!(
        (&info["Version"], &info["Time"]),
        (&theirs["Version"], &theirs["Time"]),
        "{of}"
    );
    let go_mod = granary.must_get(&format!("/{path}/@v/{version}.mod"));
    assert_eq!(
        go_mod,
        std::fs::read(straight["GoMod"].as_str().unwrap()).unwrap(),
        "{of}"
    );
    let zip = granary.must_get(&format!("/{path}/@v/{version}.zip"));
    let h1 = gomod::zip::hash_zip_bytes(&zip).unwrap().to_string();
    assert_eq!(h1, straight["Sum"].as_str().unwrap(), "{of}");
}

/// What only a pull request leads to must not become a version, though the server would hand it out.
#[test]
fn commits_that_no_branch_or_tag_leads_to_are_unknown() {
    let origins = Origins::new();
    let mut history = History::default();
    history
        .commit(1_600_000_000, module("github.com/a/b", "package b\n"))
        .tag("v1.0.0");
    history.commit(
        1_600_000_100,
        module("github.com/a/b", "package b // evil\n"),
    );
    let repository = origins.write("a/b", &history);
    let evil = commit_of(&repository, "main");
    git(&repository, &["update-ref", "refs/pull/1/head", &evil], &[]);
    git(
        &repository,
        &["update-ref", "refs/heads/main", "refs/tags/v1.0.0"],
        &[],
    );
    let granary = origins.start();
    granary.must_get("/github.com/a/b/@v/v1.0.0.info");
    let pseudo = format!("v1.0.1-0.20200913122820-{}", &evil[..12]);
    for query in [&evil[..12], &evil, &pseudo] {
        let answer = granary.get(&format!("/github.com/a/b/@v/{query}.info"));
        assert_eq!(answer.status, 404, "{query}: {}", answer.text());
    }
}

/// A base that is no ancestor, a wrong time, a wrong length: names that would pin a commit higher than it is.
#[test]
fn forged_pseudo_versions_are_refused() {
    let origins = Origins::new();
    let mut history = History::default();
    history
        .commit(1_600_000_000, module("github.com/a/b", "package b\n"))
        .tag("v1.0.0");
    history.commit(1_600_000_100, module("github.com/a/b", "package b // 2\n"));
    history
        .commit(1_600_000_200, module("github.com/a/b", "package b // 3\n"))
        .tag("v1.2.0");
    let repository = origins.write("a/b", &history);
    let middle = commit_of(&repository, "main~1");
    let granary = origins.start();
    let good = format!("v1.0.1-0.20200913122820-{}", &middle[..12]);
    granary.must_get(&format!("/github.com/a/b/@v/{good}.info"));
    for forged in [
        format!("v1.2.1-0.20200913122820-{}", &middle[..12]),
        format!("v1.3.1-0.20200913122820-{}", &middle[..12]),
        format!("v1.0.1-0.20200913122821-{}", &middle[..12]),
        format!("v1.0.1-0.20200913122820-{}", &middle[..11]),
        format!("v1.0.1-0.20200913122820-{}", &middle[..13]),
        format!("v1.0.0-20200913122820-{}", &middle[..12]),
    ] {
        for file in ["info", "mod", "zip"] {
            let answer = granary.get(&format!("/github.com/a/b/@v/{forged}.{file}"));
            assert!(
                (400..500).contains(&answer.status),
                "{forged}.{file}: {}",
                answer.status
            );
        }
    }
}

#[test]
fn a_path_that_is_no_module_says_so() {
    let origins = Origins::new();
    let mut history = History::default();
    history
        .commit(1_600_000_000, module("github.com/a/b", "package b\n"))
        .tag("v1.0.0");
    origins.write("a/b", &history);
    let granary = origins.start();
    for path in [
        "/github.com/a/b/sub/@v/list",
        "/github.com/a/b/sub/@latest",
        "/github.com/a/b/sub/@v/v1.0.0.info",
    ] {
        let answer = granary.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
}

/// `.info` and zip of one version come from one commit, or there is no zip.
#[test]
fn a_tag_that_moves_between_two_files_makes_no_second_version() {
    let origins = Origins::new();
    let setup = origins.setup.clone().set("capture.zips", "asked");
    let mut history = History::default();
    history
        .commit(1_600_000_000, module("github.com/a/b", "package b\n"))
        .tag("v1.0.0");
    history.commit(
        1_600_000_100,
        module("github.com/a/b", "package b // other\n"),
    );
    let repository = origins.write("a/b", &history);
    let granary = setup.start();
    let info = granary.must_get("/github.com/a/b/@v/v1.0.0.info");
    git(
        &repository,
        &["update-ref", "refs/tags/v1.0.0", "refs/heads/main"],
        &[],
    );
    let answer = granary.get("/github.com/a/b/@v/v1.0.0.zip");
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains("the tag moved"), "{}", answer.text());
    assert_eq!(granary.must_get("/github.com/a/b/@v/v1.0.0.info"), info);
}

#[test]
fn all_versions_come_in_one_go() {
    let origins = Origins::new();
    let mut history = History::default();
    for minor in 0..30 {
        history
            .commit(
                1_600_000_000 + minor,
                module("github.com/a/b", &format!("package b // {minor}\n")),
            )
            .tag(&format!("v1.{minor}.0"));
    }
    origins.write("a/b", &history);
    let output = origins.setup.run(&["get", "github.com/a/b@all"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("github.com/a/b: 30 versions"), "{said}");
    // Nothing is left to ask the repository for.
    std::fs::remove_dir_all(origins.folder.join("a/b")).unwrap();
    let granary = origins.start();
    for minor in 0..30 {
        granary.must_get(&format!("/github.com/a/b/@v/v1.{minor}.0.zip"));
    }
}

#[test]
fn build_zip_needs_no_server() {
    let origins = Origins::new();
    let mut history = History::default();
    let mut files = module("github.com/a/b", "package b\n");
    files.push(file("LICENSE", "all rights\n"));
    files.push(file("sub/go.mod", "module github.com/a/b/sub\n"));
    files.push(file("sub/s.go", "package sub\n"));
    history
        .commit(1_600_000_000, files)
        .tag("v1.0.0")
        .tag("sub/v0.2.0");
    let repository = origins.write("a/b", &history);
    let out = origins.setup.folder("out").join("m.zip");
    let build = |repository: &str, arguments: &[&str]| {
        let mut all = vec![
            "build-zip",
            "--json",
            "-o",
            out.to_str().unwrap(),
            repository,
        ];
        all.extend_from_slice(arguments);
        let output = origins.setup.run(&all);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        json(&output.stdout)
    };
    let folder = repository.to_str().unwrap();
    let built = build(folder, &["v1.0.0"]);
    assert_eq!(
        (&built["module"], &built["version"]),
        (&"github.com/a/b".into(), &"v1.0.0".into())
    );
    let zip = std::fs::read(&out).unwrap();
    assert_eq!(
        gomod::zip::hash_zip_bytes(&zip).unwrap().to_string(),
        built["h1"].as_str().unwrap()
    );
    let by_url = build("https://github.com/a/b", &["v1.0.0"]);
    assert_eq!(by_url["h1"], built["h1"]);
    let sub = build(folder, &["sub/v0.2.0", "--module", "github.com/a/b/sub"]);
    assert_eq!(sub["version"], "v0.2.0");
    assert_eq!(sub["files"], 3, "the LICENSE of the root comes along");
    let Some(go) = origins.go() else { return };
    let project = go.project("judge", &[("go.mod", "module judge\n\ngo 1.21\n")]);
    for (of, built) in [
        ("github.com/a/b@v1.0.0", &built),
        ("github.com/a/b/sub@v0.2.0", &sub),
    ] {
        let straight = json(
            go.must(&project, &["mod", "download", "-json", of])
                .as_bytes(),
        );
        assert_eq!(straight["Sum"], built["h1"], "{of}");
        assert_eq!(straight["GoModSum"], built["go_mod_h1"], "{of}");
    }
}

/// A server that only has files to give, as a plain web server does: the native way cannot ask it, the program can.
#[test]
fn a_server_of_files_is_left_to_the_program() {
    let origins = Origins::new();
    let mut history = History::default();
    history
        .commit(1_600_000_000, module("github.com/a/b", "package b\n"))
        .tag("v1.0.0");
    let repository = origins.write("a/b", &history);
    git(&repository, &["update-server-info"], &[]);
    let address = serve_files(origins.folder.clone());
    let text = format!("[url \"http://{address}/\"]\n\tinsteadOf = https://github.com/\n");
    std::fs::write(&origins.git_config, text).unwrap();
    let granary = origins.start();
    let list = String::from_utf8(granary.must_get("/github.com/a/b/@v/list")).unwrap();
    assert_eq!(list, "v1.0.0\n");
    granary.must_get("/github.com/a/b/@v/v1.0.0.zip");
    let metrics = String::from_utf8(granary.must_get("/metrics")).unwrap();
    let fallbacks = metrics
        .lines()
        .find_map(|line| line.strip_prefix("granary_git_fallbacks_total "));
    assert!(fallbacks.is_some_and(|count| count != "0"), "{metrics}");
    assert!(
        granary.log().contains("left to the program git"),
        "{}",
        granary.log()
    );
}

/// Serves the files of a folder on loopback until the process ends.
fn serve_files(folder: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve_file(&folder, stream).ok();
        }
    });
    address
}

fn serve_file(folder: &Path, mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
    }
    let line = String::from_utf8_lossy(&request).into_owned();
    let target = line.split(' ').nth(1).unwrap_or_default();
    let path = target
        .split('?')
        .next()
        .unwrap_or_default()
        .trim_start_matches('/');
    let (status, body) = match std::fs::read(folder.join(path)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// Many versions of several repositories at once, the server killed in the midst again and again.
#[test]
fn kill_9_loses_nothing_and_leaves_nothing_half() {
    let rounds: usize = std::env::var("GRANARY_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2);
    let (repositories, versions) = if rounds > 2 { (6, 34) } else { (3, 8) };
    let origins = Origins::new();
    for repository in 0..repositories {
        let path = format!("github.com/r/m{repository}");
        let mut history = History::default();
        for minor in 0..versions {
            history
                .commit(
                    1_600_000_000 + minor,
                    module(&path, &format!("package m // {minor}\n")),
                )
                .tag(&format!("v1.{minor}.0"));
        }
        origins.write(&format!("r/m{repository}"), &history);
    }
    let paths: Vec<String> = (0..repositories)
        .flat_map(|repository| {
            (0..versions)
                .map(move |minor| format!("/github.com/r/m{repository}/@v/v1.{minor}.0.zip"))
        })
        .collect();
    for round in 0..rounds {
        let granary = origins.start();
        let address = granary.address;
        let next = &AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let paths = &paths;
                scope.spawn(move || {
                    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                        // Answers of a server that is being killed are nobody's business.
                        drop(crate::rig::raw::get(address, path));
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(20 + 37 * (round as u64 % 12)));
            drop(granary.kill());
        });
    }
    let granary = origins.start();
    for path in &paths {
        let zip = granary.must_get(path);
        let of = path.trim_start_matches('/').replace("/@v/", "@");
        let of = of.trim_end_matches(".zip").parse().unwrap();
        gomod::zip::check_bytes(&zip, &of, &gomod::zip::Limits::default()).unwrap();
    }
    drop(granary);
    let verified = origins.setup.run(&["verify"]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
}
