//! The way of an unlicensed module in profile `public`, with the real go: refused, waived, refused again.

use std::time::Duration;

use super::{LICENCE, MODULE, Rig, check, must_run};
use crate::rig::go::Go;
use crate::rig::module::go_mod;
use crate::rig::wait_until;

const MAIN: &str = "package main\n\nimport _ \"example.com/gated\"\n\nfunc main() {}\n";

#[test]
fn an_unlicensed_module_is_refused_in_words_that_go_prints_until_it_is_waived() {
    let rig = Rig::new().set("profile", "public");
    let (first, second) = (rig.publish("v1.0.0"), rig.publish("v1.1.0"));
    let granary = rig.setup.start();
    let Some(go) = Go::find(&granary, &rig.database) else {
        return;
    };
    let project = go.project(
        "p",
        &[
            ("go.mod", "module example.com/p\n\ngo 1.21\n"),
            ("main.go", MAIN),
        ],
    );
    let of = format!("{MODULE}@v1.0.0");
    let said = go.run(&project, &["get", &of]);
    assert!(!said.ok);
    for part in ["403 Forbidden", "open-source-licence", "granary waive"] {
        assert!(said.err.contains(part), "{part} is not in {}", said.err);
    }
    let waived = must_run(
        &rig.setup,
        &[
            "waive",
            &of,
            "--rule",
            "open-source-licence",
            "--owner",
            "ann",
            "--for",
            "4s",
            "--why",
            "ours, the licence follows",
        ],
    );
    assert!(waived.contains("1 versions let through"), "{waived}");
    go.must(&project, &["get", &of]);
    go.must(&project, &["build", "./..."]);
    // A waiver of one version is none of another, and the end of one lets nothing new in; what came in stays.
    check(&granary, &second.file("zip"), 403, &["open-source-licence"]);
    std::thread::sleep(Duration::from_secs(5));
    check(&granary, &second.file("zip"), 403, &["open-source-licence"]);
    assert_eq!(granary.must_get(&first.file("zip")), first.zip);
}

#[test]
fn a_waiver_of_a_module_lets_in_what_comes_while_it_lasts() {
    let rig = Rig::new().set("profile", "public");
    let (first, second) = (rig.publish("v1.0.0"), rig.publish("v1.1.0"));
    let granary = rig.setup.start();
    check(&granary, &first.file("zip"), 403, &["open-source-licence"]);
    must_run(
        &rig.setup,
        &[
            "waive",
            MODULE,
            "--rule",
            "open-source-licence",
            "--owner",
            "ann",
            "--for",
            "30d",
            "--why",
            "ours",
        ],
    );
    wait_until(Duration::from_secs(10), "it is served", || {
        granary.get(&first.file("zip")).status == 200
    });
    must_run(
        &rig.setup,
        &["waivers", "end", "1", "--why", "it was a mistake"],
    );
    check(&granary, &second.file("zip"), 403, &["open-source-licence"]);
    assert_eq!(granary.must_get(&first.file("zip")), first.zip);
}

#[test]
fn a_licensed_module_and_a_private_one_are_let_in() {
    let rig = Rig::new()
        .set("profile", "public")
        .set("goprivate", "corp.example");
    let files = [
        ("LICENSE", LICENCE),
        ("m.go", "package m\n"),
        ("go.mod", &go_mod("example.com/free", &[])),
    ];
    let free = rig.upstream.publish("example.com/free", "v1.0.0", &files);
    let granary = rig.setup.start();
    assert_eq!(granary.must_get(&free.file("zip")), free.zip);
}
