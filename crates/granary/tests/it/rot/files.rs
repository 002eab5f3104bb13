//! Flipped bits in blobs: found at the first opening, healed while the client waits.

use std::time::Duration;

use super::{EXTENSIONS, Rig, blob, check_whole, counted, evidence, flip, stop, stored};
use crate::by_hand::{lines_of, run};
use crate::rig::granary::Granary;
use crate::rig::module::{Made, make};
use crate::rig::upstream::Lie;

#[test]
fn every_file_is_healed_when_it_is_asked_for() {
    let rig = stored(3);
    for (at, made) in rig.made.iter().enumerate() {
        for extension in EXTENSIONS {
            let bytes = made.bytes(extension);
            flip(
                &blob(&rig.setup, bytes),
                (bytes.len() * 8 / (at + 2)) as u64,
            );
        }
    }
    let mut server = rig.setup.start();
    for made in &rig.made {
        check_whole(&server, made);
    }
    assert_eq!(counted(&server, "granary_rotten_blobs"), 9);
    assert_eq!(counted(&server, "granary_healed_blobs"), 9);
    assert_eq!(evidence(&rig.setup), 9);
    assert!(server.log().contains("blob-rotten"), "{}", server.log());
    stop(&mut server);
    run(&rig.setup, &["verify"], 0);
    let said = crate::by_hand::said(&rig.setup.run(&["doctor"]));
    assert!(said.contains("9 rotten blobs are kept"), "{said}");
}

/// Whoever asks while it is healed waits for it, and it is fetched once.
#[test]
fn many_clients_wait_for_one_heal() {
    let rig = stored(3);
    let made = &rig.made[2];
    let path = made.file("zip");
    flip(&blob(&rig.setup, &made.zip), 100_000);
    let server = rig.setup.start();
    let asked = rig.upstream.count(&path);
    rig.upstream.set_delay(Duration::from_millis(300));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert!(server.must_get(&path) == made.zip));
        }
    });
    assert_eq!(rig.upstream.count(&path) - asked, 1);
    assert_eq!(counted(&server, "granary_healed_blobs"), 1);
}

/// Without the upstream the answer is a 503 with the cause, whatever the upstream says or does not say; then it is back.
#[test]
fn what_cannot_be_healed_is_a_503_until_it_can() {
    let rig = stored(2);
    let made = &rig.made[0];
    for extension in EXTENSIONS {
        flip(&blob(&rig.setup, made.bytes(extension)), 77);
    }
    let mut server = rig.setup.start();
    for (at, lie) in [
        Lie::Hangup,
        Lie::Status(404, "not found: it was deleted\n"),
        Lie::Status(410, "gone\n"),
        Lie::Status(403, "no\n"),
        Lie::Status(500, "oh\n"),
    ]
    .into_iter()
    .enumerate()
    {
        forget_refusals(&rig, &server, made, at);
        for extension in EXTENSIONS {
            rig.upstream.lie(&made.file(extension), lie.clone());
            let answer = server.get(&made.file(extension));
            assert_eq!(answer.status, 503, "{lie:?}: {}", answer.text());
            assert!(answer.header("retry-after").is_some());
            let said = answer.text();
            assert!(
                said.contains(&format!(".{extension} was damaged")),
                "{said}"
            );
        }
    }
    check_whole(&server, &rig.made[1]);
    assert_eq!(
        server.log().matches("\"blob-rotten\"").count(),
        3,
        "told once each"
    );
    let out = run(&rig.setup, &["verify", "--repair", "--json"], 1);
    assert_eq!(lines_of(&out, "finding").len(), 6, "{out}"); // missing, not healed
    assert_eq!(lines_of(&out, "done")[0]["data"]["unhealed"], 3, "{out}");
    rig.upstream.tell_the_truth();
    forget_refusals(&rig, &server, made, 99);
    check_whole(&server, made);
    stop(&mut server);
    run(&rig.setup, &["verify"], 0);
}

/// The first verified bytes win for ever: other ones are refused, never stored, and an event.
#[test]
fn an_upstream_that_lies_now_is_refused() {
    let rig = stored(2);
    let made = &rig.made[1];
    let other = make("example.com/m1", "v1.1.0", &[("x.txt", "other\n")]);
    for extension in EXTENSIONS {
        flip(&blob(&rig.setup, made.bytes(extension)), 9);
        let lie = match extension {
            "info" => b"{\"Version\":\"v1.1.0\",\"Time\":\"2025-01-01T00:00:00Z\"}".to_vec(),
            "mod" => b"module example.com/m1\n\ngo 1.22\n".to_vec(),
            _ => other.zip.clone(),
        };
        rig.upstream
            .lie(&made.file(extension), Lie::Body(lie.clone()));
    }
    let server = rig.setup.start();
    for round in 0..2 {
        forget_refusals(&rig, &server, made, round);
        for extension in EXTENSIONS {
            let answer = server.get(&made.file(extension));
            assert_eq!(answer.status, 503, "{}", answer.text());
            let said = answer.text();
            assert!(said.contains("is not what was verified first"), "{said}");
        }
    }
    assert_eq!(counted(&server, "granary_heal_mismatches"), 6);
    assert_eq!(
        server.log().matches("\"heal-mismatch\"").count(),
        3,
        "told once each"
    );
    assert!(!blob(&rig.setup, &other.zip).exists(), "a lie was stored");
    rig.upstream.tell_the_truth();
    forget_refusals(&rig, &server, made, 99);
    check_whole(&server, made);
}

/// Each try may fetch 500 MB and throw them away, so there is none with every request.
#[test]
fn what_was_just_refused_is_not_fetched_again() {
    let rig = stored(3);
    let made = &rig.made[2];
    let path = made.file("zip");
    flip(&blob(&rig.setup, &made.zip), 9);
    let other = make("example.com/m2", "v1.2.0", &[("x.txt", "other\n")]);
    rig.upstream.lie(&path, Lie::Body(other.zip));
    let server = rig.setup.start();
    let asked = rig.upstream.count(&path);
    for _ in 0..20 {
        let answer = server.get(&path);
        assert_eq!(answer.status, 503);
        assert!(answer.text().contains("is not what was verified first"));
    }
    assert_eq!(rig.upstream.count(&path) - asked, 1);
    let log = server.log();
    assert_eq!(log.matches("is lost here").count(), 1, "{log}");
    // Whoever wants it at once has a command for it.
    rig.upstream.tell_the_truth();
    run(&rig.setup, &["verify", "--repair"], 0);
    check_whole(&server, made);
}

/// What could not be healed is remembered for a minute, or until something of the module lands.
fn forget_refusals(rig: &Rig, server: &Granary, of: &Made, at: usize) {
    let path = of.of.path().to_string();
    // A go.mod of its own: with the same one it would bring the lost blob.
    let go_mod = format!("module {path}\n\ngo 1.21\n\n// {at}\n");
    let other = rig
        .upstream
        .publish(&path, &format!("v1.99.{at}"), &[("go.mod", &go_mod)]);
    server.must_get(&other.file("info"));
}

/// `verify --repair` heals with a server and without one, missing files and wrong ones.
#[test]
fn repair_heals_and_says_so() {
    let rig = stored(3);
    for way in crate::by_hand::WAYS {
        let server = way.enter(&rig.setup);
        flip(&blob(&rig.setup, &rig.made[2].zip), 1);
        flip(&blob(&rig.setup, &rig.made[1].info), 8);
        std::fs::remove_file(blob(&rig.setup, &rig.made[0].go_mod)).unwrap();
        let out = run(&rig.setup, &["verify", "--json"], 1);
        assert_eq!(lines_of(&out, "done")[0]["data"]["wrong"], 2, "{out}");
        let out = run(&rig.setup, &["verify", "--repair"], 0);
        assert!(
            out.contains("1 missing, 2 wrong, 0 extra; 3 healed, 0 not"),
            "{out}"
        );
        run(&rig.setup, &["verify"], 0);
        if let Some(server) = server {
            rig.made.iter().for_each(|made| check_whole(&server, made));
        }
    }
}

/// An export links blobs without reading them: what has rotted must not leave that way.
#[test]
fn a_rotten_blob_is_not_exported() {
    let rig = stored(3);
    flip(&blob(&rig.setup, &rig.made[2].zip), 5_000);
    let to = rig.setup.folder("out");
    let output = rig.setup.run(&["export", "prod", to.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = crate::by_hand::said(&output);
    assert!(said.contains("verify --repair"), "{said}");
    run(&rig.setup, &["verify", "--repair"], 0);
    run(&rig.setup, &["export", "prod", to.to_str().unwrap()], 0);
}
