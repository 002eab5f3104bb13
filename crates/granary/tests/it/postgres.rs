//! One process on PostgreSQL, with its artifacts in a folder of their own.

// The scratch server of the catalog's contract suite.
#[path = "../../../catalog/tests/contract/server.rs"]
pub mod server;

use crate::by_hand::{WAYS, lines_of, run};
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::module::go_mod;
use crate::rig::upstream::Upstream;

#[test]
fn capture_serve_restart_and_verify_on_postgresql() {
    let Some(url) = server::fresh_database() else {
        return;
    };
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let source = [("x.go", "package x\n")];
    let text = go_mod("example.com/App", &[("example.com/dep", "v1.0.0")]);
    let made = [
        upstream.publish("example.com/dep", "v1.0.0", &source),
        upstream.publish("example.com/App", "v1.0.0", &[("go.mod", &text), source[0]]),
    ];
    let late = upstream.publish("example.com/late", "v1.0.0", &source);
    let setup = Setup::with(&upstream, &database).set("database", &url);
    let store = setup.folder("apart").join("blobs");
    let setup = setup.set("store", &format!("file://{}", store.display()));

    let server = setup.start();
    for one in &made {
        for extension in ["info", "mod", "zip"] {
            assert_eq!(server.must_get(&one.file(extension)), one.bytes(extension));
        }
    }
    let server = server.kill().start();
    run(&setup, &["get", "example.com/late"], 0);
    drop(server);
    assert!(!setup.data().join("catalog.db").exists() && !setup.data().join("queue.db").exists());

    upstream.stop();
    for way in WAYS {
        let server = way.enter(&setup);
        let out = run(&setup, &["verify", "--json"], 0);
        let done = &lines_of(&out, "done")[0];
        assert_eq!(done["data"]["versions"], 3, "{way:?} {done}");
        let tree = setup.folder("out").join(format!("{way:?}"));
        run(&setup, &["export", "prod", tree.to_str().unwrap()], 0);
        assert!(tree.join(late.file("zip").trim_start_matches('/')).exists());
        if let Some(server) = server {
            assert_eq!(server.get("/readyz").status, 200);
            for one in made.iter().chain([&late]) {
                assert_eq!(server.must_get(&one.file("zip")), one.zip);
            }
        }
    }
}
