//! Evidence of security events, for people without Granary.

use serde_json::Value;

use super::said_by;
use crate::by_hand::{WAYS, run};
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::module::make;
use crate::rig::upstream::Upstream;

#[test]
fn evidence_of_a_mismatch_and_of_a_fork_is_whole_and_holds_no_secret() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let honest = upstream.publish(
        "example.com/honest",
        "v1.0.0",
        &[("h.go", "package honest\n")],
    );
    let source = |text| make("example.com/moved", "v1.0.0", &[("m.go", text)]);
    let (before, after) = (source("package before\n"), source("package after\n"));
    database.record(&before);
    upstream.add(after.clone());
    // The upstream is asked with a password, which is nobody's business.
    let with_password = upstream.url().replace("http://", "http://user:hunter2@");
    let setup = Setup::with(&upstream, &database).set("upstream", &with_password);
    let server = setup.start();
    server.must_get(&honest.file("zip"));
    assert_eq!(server.get(&after.file("zip")).status, 403);
    let later = upstream.publish(
        "example.com/later",
        "v1.0.0",
        &[("l.go", "package later\n")],
    );
    database.fork(&[&later]);
    assert_ne!(server.get(&later.file("mod")).status, 200);
    drop(server);

    for way in WAYS {
        let _server = way.enter(&setup);
        let folder = setup.folder("out").join(format!("{way:?}"));
        let said = run(&setup, &["evidence", folder.to_str().unwrap()], 0);
        assert!(said.contains("README.txt"), "{said}");
        let json = |name: &str| -> Vec<Value> {
            serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
        };
        let events = json("events.json");
        let kinds: Vec<&str> = events
            .iter()
            .map(|event| event["kind"].as_str().unwrap())
            .collect();
        assert!(
            kinds.contains(&"hash-mismatch") && kinds.contains(&"checksum-database-fork"),
            "{kinds:?}"
        );
        let refused = json("quarantine.json");
        let row = refused.iter().find(|row| row["kind"] == "zip").unwrap();
        assert_eq!(row["found"], after.h1.to_string());
        assert_eq!(row["expected"], before.h1.to_string());
        assert_eq!(
            std::fs::read(folder.join(row["file"].as_str().unwrap())).unwrap(),
            after.zip
        );
        let fork = events
            .iter()
            .find(|event| event["kind"] == "checksum-database-fork")
            .unwrap();
        let proof =
            std::fs::read_to_string(folder.join(format!("proofs/event-{}.txt", fork["id"])))
                .unwrap();
        assert!(
            proof.matches("go.sum database tree").count() >= 2,
            "{proof}"
        );
        assert!(!json("heads.json").is_empty() && !json("records.json").is_empty());
        let checked = std::process::Command::new("sha256sum")
            .args(["--strict", "--quiet", "-c", "SHA256SUMS"])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(checked.status.success(), "{checked:?}");
        let secret = std::process::Command::new("grep")
            .args(["-r", "hunter2"])
            .arg(&folder)
            .output()
            .unwrap();
        assert!(secret.stdout.is_empty(), "{secret:?}");

        // One event alone.
        let id = events
            .iter()
            .find(|event| event["kind"] == "hash-mismatch")
            .unwrap()["id"]
            .to_string();
        let alone = setup.folder("out").join(format!("{way:?}-{id}"));
        run(
            &setup,
            &["evidence", alone.to_str().unwrap(), "--event", &id],
            0,
        );
        let events: Vec<Value> =
            serde_json::from_slice(&std::fs::read(alone.join("events.json")).unwrap()).unwrap();
        assert_eq!(events.len(), 1);
        assert!(said_by(&setup, &["evidence", alone.to_str().unwrap()], 1).contains("not empty"));
        let none = setup.folder("out").join("none");
        assert!(
            said_by(
                &setup,
                &["evidence", none.to_str().unwrap(), "--event", "999"],
                1
            )
            .contains("no event 999")
        );
    }
}
