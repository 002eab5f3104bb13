//! Modules whose paths name no repository: a page says where they lie, as for gopkg.in and for names of one's own. The
//! real `go` is the judge.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::rig::go::Go;
use crate::rig::granary::Setup;
use crate::rig::repository::{Entry, History};

/// Answers every request as an outgoing proxy would: with the page of the path that is asked for. Gives its address;
/// ends with the process.
fn serve_pages(pages: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok);
            let target = lines.next().unwrap_or_default();
            let target = target.split(' ').nth(1).unwrap_or_default().to_owned();
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let target = target.strip_prefix("http://").unwrap_or(&target);
            let asked = target.split('?').next().unwrap_or_default();
            let page = pages
                .iter()
                .find(|(prefix, _)| asked == *prefix || asked.starts_with(&format!("{prefix}/")));
            let (status, body) = match page {
                Some((_, import)) => (
                    "200 OK",
                    format!(
                        "<html><head><meta name=\"go-import\" content=\"{import}\"></head></html>"
                    ),
                ),
                None => ("404 Not Found", String::new()),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
        }
    });
    format!("http://{address}")
}

fn file(path: &str, text: &str) -> (String, Entry) {
    (path.to_owned(), Entry::File(text.as_bytes().to_vec()))
}

/// A repository with tags of several majors, as those behind gopkg.in have them.
fn write_majors(folder: &Path) {
    let mut history = History::default();
    history
        .commit(1_600_000_000, vec![file("x.go", "package x // 1\n")])
        .tag("v1.0.0");
    history
        .commit(
            1_600_000_100,
            vec![
                file("x.go", "package x // 2\n"),
                file("go.mod", "module gopkg.in/x.v2\n"),
            ],
        )
        .tag("v2.0.0")
        .tag("v2.1.0-rc.1");
    history.commit(
        1_600_000_200,
        vec![
            file("x.go", "package x // 3\n"),
            file("go.mod", "module gopkg.in/x.v2\n"),
        ],
    );
    history.write(folder);
}

/// A repository that holds a module in a folder which its page names.
fn write_folder(folder: &Path) {
    let mut history = History::default();
    history
        .commit(
            1_600_000_000,
            vec![
                file("LICENSE", "free\n"),
                file("go/lib/go.mod", "module vanity.test/lib\n"),
                file("go/lib/x.go", "package lib\n"),
            ],
        )
        .tag("v1.0.0")
        .tag("go/lib/v1.2.0");
    history.write(folder);
}

#[test]
fn pages_lead_to_the_versions_that_go_makes() {
    let setup = Setup::new();
    let origins = setup.folder("origins");
    write_majors(&origins.join("x.v2"));
    write_majors(&origins.join("x.v1"));
    write_folder(&origins.join("mono"));
    let git_config = setup.folder("home").join(".gitconfig");
    let text = format!(
        "[url \"file://{}/\"]\n\tinsteadOf = http://gopkg.in/\n\tinsteadOf = https://repositories.test/\n[safe]\n\tdirectory = *\n",
        origins.display()
    );
    std::fs::write(&git_config, text).unwrap();
    let proxy = serve_pages(&[
        ("gopkg.in/x.v1", "gopkg.in/x.v1 git http://gopkg.in/x.v1"),
        ("gopkg.in/x.v2", "gopkg.in/x.v2 git http://gopkg.in/x.v2"),
        (
            "vanity.test/lib",
            "vanity.test/lib git https://repositories.test/mono go/lib",
        ),
    ]);
    let Some(mut go) = Go::find_at("direct", None) else {
        return;
    };
    // Nothing listens there, so that https fails and plain http is taken, which is allowed for these paths.
    let nowhere = "http://127.0.0.1:1";
    for (name, value) in [
        ("GOSUMDB", "off"),
        ("GOINSECURE", "*"),
        ("GIT_CONFIG_GLOBAL", git_config.to_str().unwrap()),
        ("HTTP_PROXY", &proxy),
        ("HTTPS_PROXY", nowhere),
    ] {
        go.set(name, value);
    }
    let granary = setup
        .set("upstream", "direct")
        .set("origin.insecure", "*")
        .variable("HTTP_PROXY", &proxy)
        .variable("HTTPS_PROXY", nowhere)
        .start();

    let folder = go.project("judge", &[("go.mod", "module judge\n")]);
    let mut compared = 0;
    for of in [
        "gopkg.in/x.v2@v2.0.0",
        "gopkg.in/x.v2@v2.1.0-rc.1",
        "gopkg.in/x.v2@main",
        "gopkg.in/x.v2@v1.0.0",
        "gopkg.in/x.v1@v1.0.0",
        "gopkg.in/x.v1@main",
        "gopkg.in/x.v3@v3.0.0",
        "vanity.test/lib@v1.2.0",
        "vanity.test/lib@v1.0.0",
        "vanity.test/lib@latest",
        "vanity.test/lib/deeper@v1.0.0",
        "vanity.test@v1.0.0",
    ] {
        let (path, query) = of.split_once('@').unwrap();
        let said = go.run(&folder, &["mod", "download", "-json", of]);
        let theirs: Value = serde_json::from_str(&said.out).unwrap_or_default();
        let info = match query {
            "latest" => granary.get(&format!("/{path}/@latest")),
            _ => granary.get(&format!("/{path}/@v/{query}.info")),
        };
        let Some(sum) = theirs["Sum"].as_str() else {
            let status = info.status;
            assert!(
                matches!(status, 404 | 410),
                "{of}: {status}, go: {}",
                said.out
            );
            continue;
        };
        let words = String::from_utf8_lossy(&info.body);
        assert_eq!(info.status, 200, "{of}: {words}");
        let info: Value = serde_json::from_slice(&info.body).unwrap();
        let version = theirs["Version"].as_str().unwrap();
        assert_eq!(info["Version"], version, "{of}");
        let their_info = std::fs::read(theirs["Info"].as_str().unwrap()).unwrap();
        let their_info: Value = serde_json::from_slice(&their_info).unwrap();
        assert_eq!(info["Time"], their_info["Time"], "{of}");
        let go_mod = granary.must_get(&format!("/{path}/@v/{version}.mod"));
        let their_go_mod = std::fs::read(theirs["GoMod"].as_str().unwrap()).unwrap();
        assert_eq!(go_mod, their_go_mod, "{of}");
        let zip = granary.must_get(&format!("/{path}/@v/{version}.zip"));
        assert_eq!(
            gomod::zip::hash_zip_bytes(&zip).unwrap().to_string(),
            sum,
            "{of}"
        );
        compared += 1;
    }
    assert!(compared >= 6, "{compared} were to be had");
}
