//! The rig is believed only because the real go client believes it: straight from the made-up upstream, without Granary.

use crate::rig::database::{Database, DatabaseLie};
use crate::rig::go::Go;
use crate::rig::upstream::Upstream;

#[test]
fn go_takes_a_module_straight_from_the_made_up_upstream_and_catches_its_lies() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    for name in ["Alpha", "beta", "gamma"] {
        upstream.publish(
            &format!("example.com/{name}"),
            "v1.0.0",
            &[("x.go", "package x\n")],
        );
    }
    let Some(go) = Go::find_at(&upstream.url(), Some(&database)) else {
        return;
    };
    let project = go.project("p", &[("go.mod", "module example.com/p\n\ngo 1.21\n")]);
    go.must(&project, &["mod", "download", "example.com/Alpha@v1.0.0"]);
    go.must(&project, &["mod", "download", "example.com/beta@v1.0.0"]);
    for lie in [
        DatabaseLie::ForgedRecord,
        DatabaseLie::TamperedTile,
        DatabaseLie::WrongKey,
        DatabaseLie::Garbage,
    ] {
        database.lie(lie);
        let fresh = Go::find_at(&upstream.url(), Some(&database)).unwrap();
        let said = fresh.run(&project, &["mod", "download", "example.com/gamma@v1.0.0"]);
        assert!(!said.ok, "go believed {lie:?}");
    }
}
