//! Disks that are full to the last byte or node, because nothing is kept in reserve or somebody else took it: for
//! everything, for the store alone, for the databases alone.

use std::path::Path;
use std::time::Duration;

use super::place::{Filler, Place, Server};
use super::{RECOVERY, check_recovers, check_refused, check_served, is_stored, publish};
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::module::Made;
use crate::rig::upstream::Upstream;
use crate::rig::{raw, wait_until};

/// A server with one version stored and one that is new, on file systems that a test fills.
struct Scene {
    place: Place,
    server: Server,
    upstream: Upstream,
    there: Made,
    new: Made,
    setup: Setup,
}

impl Scene {
    /// `is_apart`: the store has a file system of its own.
    fn set(what: &str, options: &str, is_apart: bool) -> Option<Self> {
        let database = Database::new();
        let upstream = Upstream::start_with(&database);
        let there = publish(&upstream, "there", 100_000);
        let new = publish(&upstream, "new", 200_000);
        let mut setup = Setup::with(&upstream, &database)
            .set("capture.zips", "asked")
            .set("disk.reserve", "0");
        let data = setup.data();
        let store = data.with_file_name("apart");
        let mut mounts = vec![(&*data, options)];
        if is_apart {
            setup = setup.set("store", &format!("file://{}", store.display()));
            mounts.push((&*store, options));
        }
        let place = Place::mount(what, &setup, &mounts)?;
        let server = place.start();
        check_served(server.address, &there);
        Some(Self {
            place,
            server,
            upstream,
            there,
            new,
            setup,
        })
    }

    /// What is new is refused and what is there is served, then all is well again without a restart.
    /// `is_seen`: a look at the store alone shows that it cannot be written.
    fn check(&self, is_seen: bool, filled: impl FnOnce() -> Box<dyn FnOnce()>) {
        let address = self.server.address;
        let free_again = filled();
        check_refused(address, &self.new, "info", &[]);
        check_refused(address, &self.new, "zip", &[]);
        check_served(address, &self.there);
        let list = raw::get(address, "/example.com/there/@v/list");
        assert_eq!((list.status, list.text()), (200, "v1.0.0\n".to_owned()));
        wait_until(Duration::from_secs(5), "said where one looks", || {
            let ready = raw::get(address, "/readyz");
            ready.status == 200 && (!is_seen || ready.text().contains("not captured: "))
        });
        assert_eq!(raw::get(address, "/livez").status, 200);
        if is_seen {
            let (code, said) = self.place.doctor();
            assert_eq!(code, Some(1), "{said}");
        }

        free_again();
        check_recovers(address, &self.new);
        wait_until(RECOVERY, "well again", || {
            raw::get(address, "/readyz").text() == "ready\n"
        });
        self.place.check_verified();
    }

    fn inside(&self, folder: &Path) -> std::path::PathBuf {
        self.place.inside(folder)
    }
}

fn fill(folder: &Path) -> Box<dyn FnOnce()> {
    let filler = Filler::to_the_brim(folder);
    Box::new(move || drop(filler))
}

#[test]
fn for_everything() {
    let Some(scene) = Scene::set("a full disk", "size=12m", false) else {
        return;
    };
    let data = scene.setup.data();
    // Larger than the disk: refused with the reason, and the disk is as it was.
    let large = publish(&scene.upstream, "large", 20 << 20);
    assert!(!is_stored(scene.server.address, &large, "info"));
    assert_eq!(
        raw::get(scene.server.address, &large.file("info")).status,
        200
    );
    check_refused(scene.server.address, &large, "zip", &["do not fit"]);
    scene.place.check_nothing_partial(&data.join("store"));
    assert_eq!(raw::get(scene.server.address, "/readyz").text(), "ready\n");
    scene.check(true, || fill(&scene.inside(&data)));
}

#[test]
fn for_the_store_alone() {
    let Some(scene) = Scene::set("a full store", "size=12m", true) else {
        return;
    };
    let store = scene.setup.data().with_file_name("apart");
    scene.check(true, || fill(&scene.inside(&store)));
    scene.place.check_nothing_partial(&store);
}

#[test]
fn for_the_databases_alone() {
    let Some(scene) = Scene::set("full databases", "size=12m", true) else {
        return;
    };
    let data = scene.setup.data();
    scene.check(false, || fill(&scene.inside(&data)));
}

#[test]
fn of_file_nodes() {
    let Some(scene) = Scene::set("no file nodes", "size=12m,nr_inodes=1000", false) else {
        return;
    };
    let files = scene.inside(&scene.setup.data()).join("files");
    scene.check(true, || {
        std::fs::create_dir(&files).unwrap();
        let full = (0..).find(|n| std::fs::write(files.join(n.to_string()), "").is_err());
        assert!(full.is_some());
        let files = files.clone();
        Box::new(move || std::fs::remove_dir_all(files).unwrap())
    });
}

/// Whoever is started on a full disk serves what is there.
#[test]
fn at_the_start() {
    let Some(scene) = Scene::set("a full disk at the start", "size=12m", true) else {
        return;
    };
    let store = scene.setup.data().with_file_name("apart");
    let Scene {
        place,
        server,
        upstream: _upstream,
        there,
        new,
        ..
    } = scene;
    let filler = Filler::to_the_brim(&place.inside(&store));
    drop(server);
    let server = place.start();
    check_served(server.address, &there);
    check_refused(server.address, &new, "info", &[]);
    drop(filler);
    check_recovers(server.address, &new);
    place.check_verified();
}
