//! An upstream that lies, is slow, or never ends: a bounded wait, an error that says what was wrong, nothing stored, the
//! server alive. One test per lie.

use std::time::{Duration, Instant};

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup, size_of_folder};
use crate::rig::module::{Made, make, noise};
use crate::rig::upstream::{Lie, Upstream};

/// Granary with an upstream that has one honest module and one for the lies.
struct Stage {
    upstream: Upstream,
    granary: Granary,
    honest: Made,
    made: Made,
}

impl Stage {
    fn new() -> Self {
        let database = Database::new();
        let upstream = Upstream::start_with(&database);
        let honest = upstream.publish(
            "example.com/honest",
            "v1.0.0",
            &[("h.go", "package honest\n")],
        );
        let made = upstream.publish("example.com/lied", "v1.0.0", &[("l.go", &noise(3, 40_000))]);
        let granary = Setup::with(&upstream, &database)
            .set("client_wait", "4s")
            .set("origin.timeout", "2s")
            .start();
        Self {
            upstream,
            granary,
            honest,
            made,
        }
    }

    /// Tells a lie about one file and gets it: it must be refused in time, with one of these statuses and a text for
    /// the go client; nothing of it is stored. Gives the text.
    #[track_caller]
    fn check_refused(&self, extension: &str, lie: Lie, statuses: &[u16]) -> String {
        let path = self.made.file(extension);
        self.upstream.lie(&path, lie);
        let begun = Instant::now();
        let answer = self.granary.get(&path);
        let text = answer.text();
        assert!(
            statuses.contains(&answer.status),
            "{path}: {} {text}\n{}",
            answer.status,
            self.granary.log()
        );
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{path}: refused only after {:?}",
            begun.elapsed()
        );
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{path}"
        );
        assert!(
            text.lines().count() <= 8 && text.len() <= 648 && !text.trim().is_empty(),
            "{path}: {text:?}"
        );
        assert_eq!(
            self.granary.must_get(&self.honest.file("info")),
            self.honest.info,
            "the server is not well"
        );
        text
    }

    /// With the truth told again, the same version must be had: the lie left nothing behind. Remembered refusals may
    /// stand for a while, so this asks a restarted server.
    #[track_caller]
    fn check_recovers(self) {
        self.upstream.tell_the_truth();
        let restarted = self.granary.kill().start();
        for extension in ["info", "mod", "zip"] {
            assert_eq!(
                restarted.must_get(&self.made.file(extension)),
                self.made.bytes(extension)
            );
        }
    }
}

/// Another go.mod, zip or info than the database vouches for.
const MISMATCH: &[u16] = &[403];
/// The upstream gave nonsense or none at all.
const TROUBLE: &[u16] = &[502, 503, 504];
/// What came breaks the rules of module files.
const INVALID: &[u16] = &[403, 404, 502];

#[test]
fn other_bytes_in_the_zip() {
    let stage = Stage::new();
    let other = make("example.com/lied", "v1.0.0", &[("l.go", "package evil\n")]);
    let text = stage.check_refused("zip", Lie::Body(other.zip.clone()), MISMATCH);
    assert!(text.contains("example.com/lied"), "{text}");
    let list = String::from_utf8_lossy(&stage.granary.setup.run(&["verify"]).stdout).into_owned();
    assert!(!list.contains(&stage.made.h1.to_string()), "{list}");
    stage.check_recovers();
}

#[test]
fn other_bytes_in_the_go_mod() {
    let stage = Stage::new();
    stage.check_refused(
        "mod",
        Lie::Body(b"module example.com/lied\n\nrequire example.com/evil v1.0.0\n".to_vec()),
        MISMATCH,
    );
    assert_ne!(
        stage.granary.get(&stage.made.file("info")).status,
        200,
        "half a version is visible"
    );
    stage.check_recovers();
}

#[test]
fn a_zip_that_ends_too_early() {
    let stage = Stage::new();
    stage.check_refused("zip", Lie::Truncated, TROUBLE);
    stage.check_recovers();
}

#[test]
fn a_go_mod_that_ends_too_early() {
    let stage = Stage::new();
    stage.check_refused("mod", Lie::Truncated, TROUBLE);
    stage.check_recovers();
}

#[test]
fn a_zip_longer_than_it_says() {
    let stage = Stage::new();
    // What is read is half a zip: no zip at all, or not the one that is vouched for.
    stage.check_refused("zip", Lie::Understated, &[403, 404, 502]);
    stage.check_recovers();
}

#[test]
fn an_endless_zip() {
    let stage = Stage::new();
    let before = size_of_folder(&stage.granary.setup.data());
    stage.check_refused("zip", Lie::Endless, &[404, 502, 503, 504]);
    assert!(
        stage.granary.memory_bytes() < 200 << 20,
        "{} bytes",
        stage.granary.memory_bytes()
    );
    // The client's wait may be over before the fetch is: the rest must go by itself.
    let data = stage.granary.setup.data();
    crate::rig::wait_until(Duration::from_secs(60), "what was fetched is gone", || {
        size_of_folder(&data) < before + (20 << 20)
    });
    stage.check_recovers();
}

#[test]
fn an_endless_go_mod() {
    let stage = Stage::new();
    stage.check_refused("mod", Lie::Endless, INVALID);
    assert!(
        stage.granary.memory_bytes() < 200 << 20,
        "{} bytes",
        stage.granary.memory_bytes()
    );
    stage.check_recovers();
}

#[test]
fn an_endless_info() {
    let stage = Stage::new();
    stage.check_refused("info", Lie::Endless, INVALID);
    stage.check_recovers();
}

#[test]
fn an_endless_list() {
    let stage = Stage::new();
    stage
        .upstream
        .lie("/example.com/lied/@v/list", Lie::Endless);
    let answer = stage.granary.get("/example.com/lied/@v/list");
    assert!(answer.status >= 400, "{}", answer.status);
    assert!(stage.granary.memory_bytes() < 200 << 20);
}

#[test]
fn a_byte_a_second() {
    let stage = Stage::new();
    stage.check_refused("mod", Lie::Trickle, TROUBLE);
    stage.check_recovers();
}

#[test]
fn a_zip_a_byte_a_second() {
    let stage = Stage::new();
    // It is on its way for as long as bytes come: the next entry of GOPROXY may have it meanwhile.
    stage.check_refused("zip", Lie::Trickle, &[404, 503, 504]);
    stage.check_recovers();
}

#[test]
fn no_answer_at_all() {
    let stage = Stage::new();
    stage.check_refused("info", Lie::Silent, TROUBLE);
    stage.check_recovers();
}

#[test]
fn a_closed_connection_is_not_a_missing_module() {
    let stage = Stage::new();
    let text = stage.check_refused("info", Lie::Hangup, &[502]);
    assert!(!text.contains("not found"), "{text}");
    stage.check_recovers();
}

#[test]
fn something_that_is_not_http() {
    let stage = Stage::new();
    stage.check_refused("info", Lie::Nonsense, &[502]);
    stage.check_recovers();
}

#[test]
fn a_redirect_in_a_circle() {
    let stage = Stage::new();
    let path = stage.made.file("zip");
    stage.check_refused("zip", Lie::Redirect(path.clone()), &[502]);
    assert!(
        stage.upstream.count(&path) < 50,
        "{}",
        stage.upstream.count(&path)
    );
    stage.check_recovers();
}

#[test]
fn a_redirect_to_a_private_address_is_never_followed() {
    let stage = Stage::new();
    let inner = Upstream::start();
    stage.check_refused(
        "zip",
        Lie::Redirect(format!("{}/secret", inner.url())),
        &[403, 502],
    );
    stage.upstream.lie(
        &stage.made.file("zip"),
        Lie::Redirect("http://169.254.169.254/latest/meta-data/".to_owned()),
    );
    assert!(stage.granary.get(&stage.made.file("zip")).status >= 400);
    assert!(
        inner.counts().is_empty(),
        "it was followed: {:?}",
        inner.counts()
    );
}

#[test]
fn an_info_of_another_version() {
    let stage = Stage::new();
    stage.check_refused(
        "info",
        Lie::Body(b"{\"Version\":\"v9.9.9\"}".to_vec()),
        INVALID,
    );
    stage.check_recovers();
}

#[test]
fn an_info_that_is_not_json() {
    let stage = Stage::new();
    stage.check_refused("info", Lie::Body(b"<html>welcome</html>".to_vec()), INVALID);
    stage.check_recovers();
}

#[test]
fn an_info_whose_time_is_nonsense() {
    let stage = Stage::new();
    stage.check_refused(
        "info",
        Lie::Body(b"{\"Version\":\"v1.0.0\",\"Time\":\"yesterday\"}".to_vec()),
        INVALID,
    );
    stage.check_recovers();
}

#[test]
fn refusals_keep_their_kind_and_their_text() {
    let stage = Stage::new();
    for (n, (status, text)) in [
        (403, "licence not accepted here\n"),
        (404, "no such version, says the upstream\n"),
        (410, "withdrawn by its author\n"),
        (451, "taken down by a court\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/example.com/refused{n}/@v/v1.0.0.info");
        stage.upstream.lie(&path, Lie::Status(status, text));
        stage
            .upstream
            .lie(&path.replace(".info", ".mod"), Lie::Status(status, text));
        let answer = stage.granary.get(&path);
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(text.trim()), "{}", answer.text());
    }
}

#[test]
fn trouble_there_is_trouble_here_and_not_a_missing_module() {
    let stage = Stage::new();
    for (n, status) in [500, 502, 503, 429].into_iter().enumerate() {
        let path = format!("/example.com/trouble{n}/@v/v1.0.0.info");
        stage
            .upstream
            .lie(&path, Lie::Status(status, "out of order\n"));
        let answer = stage.granary.get(&path);
        assert!(
            (500..600).contains(&answer.status),
            "{status} became {}: {}",
            answer.status,
            answer.text()
        );
    }
}

/// Zips that break the rules although the database vouches for exactly these bytes.
#[track_caller]
fn check_bad_zip(name: &str, entries: &[(&str, &[u8])], says: &str) {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let path = format!("example.com/{name}");
    let mut made = make(&path, "v1.0.0", &[("a.go", "package a\n")]);
    let entries: Vec<(String, Vec<u8>)> = entries
        .iter()
        .map(|(n, b)| ((*n).to_owned(), b.to_vec()))
        .collect();
    made.set_zip(&entries);
    database.record(&made);
    upstream.add(made.clone());
    let granary = Setup::with(&upstream, &database).start();
    let answer = granary.get(&made.file("zip"));
    assert!(
        (400..500).contains(&answer.status),
        "{name}: {} {}",
        answer.status,
        answer.text()
    );
    assert!(
        answer.text().contains(says),
        "{name}: the reason names no {says:?}: {}",
        answer.text()
    );
    assert_eq!(
        granary.get(&made.file("zip")).status,
        answer.status,
        "the second answer differs"
    );
}

#[test]
fn a_zip_whose_names_escape() {
    check_bad_zip(
        "escapes",
        &[(
            "example.com/escapes@v1.0.0/../../evil.go",
            b"package evil\n",
        )],
        "evil.go",
    );
}

#[test]
fn a_zip_of_another_module() {
    check_bad_zip(
        "another",
        &[(
            "example.com/other@v1.0.0/go.mod",
            b"module example.com/other\n",
        )],
        "example.com/other",
    );
}

#[test]
fn a_zip_with_names_that_differ_in_case_only() {
    check_bad_zip(
        "twins",
        &[
            ("example.com/twins@v1.0.0/a.go", b"package a\n"),
            ("example.com/twins@v1.0.0/A.go", b"package a\n"),
        ],
        "A.go",
    );
}

#[test]
fn a_zip_with_a_name_twice() {
    check_bad_zip(
        "double",
        &[
            ("example.com/double@v1.0.0/a.go", b"package a\n"),
            ("example.com/double@v1.0.0/a.go", b"package b\n"),
        ],
        "a.go",
    );
}

#[test]
fn a_zip_with_an_absolute_name() {
    check_bad_zip(
        "absolute",
        &[("/etc/cron.d/evil", b"* * * * *\n")],
        "/etc/cron.d/evil",
    );
}

#[test]
fn a_zip_that_is_no_zip() {
    let stage = Stage::new();
    stage.check_refused("zip", Lie::Body(b"PK? no".to_vec()), INVALID);
    stage.check_recovers();
}
