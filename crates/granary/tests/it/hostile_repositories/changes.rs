//! Repositories that change under our hands, and those that would have us start something.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::rig::repository::{Entry, History};
use crate::rig::wait_until;

const INFO: &str = "/github.com/h/m/@v/v1.0.0.info";
const OTHER: &str = "/github.com/h/m/@v/v1.1.0.info";

fn answers(said: &str) -> Site {
    let said = Said::Once(status(said, "", "").into());
    Site {
        greeting: said.clone(),
        refs: said.clone(),
        pack: said,
    }
}

/// "Gone" needs the server's word, and what was made before stays; trouble is never taken for it.
#[test]
fn gone_and_unreachable_are_never_confused() {
    let forge = Forge::start();
    let granary = setup(&forge).start();
    let of_other = || granary.get(OTHER);
    forge.put("h/m", answers("404 Not Found"));
    assert_eq!(of_other().status, 404, "never seen");
    forge.put("h/m", honest("m"));
    granary.must_get(INFO);
    let changes = [
        ("500 Oops", 502),
        ("404 Not Found", 410),
        ("503 Later", 502),
        ("401 Unauthorized", 410),
        ("410 Gone", 410),
        ("403 Forbidden", 403),
        ("200 OK", 502),
    ];
    for (at, (said, want)) in changes.into_iter().enumerate() {
        forge.put("h/m", answers(said));
        // Never asked for before: refusals are remembered for a while.
        let answer = granary.get(&format!("/github.com/h/m/@v/v1.9.{at}.info"));
        assert_eq!(answer.status, want, "{said}: {}", answer.text());
        granary.must_get(INFO);
    }
}

/// The tag names another commit by the time the pack is asked for, which the server then no longer gives.
#[test]
fn a_tag_that_moves_between_listing_and_fetching_is_trouble_of_the_moment() {
    let forge = Forge::start();
    let granary = setup(&forge).start();
    let mut moved = honest("m");
    moved.pack = smart("result", &line("ERR upload-pack: not our ref 1234"));
    forge.put("h/m", moved);
    let answer = granary.get(INFO);
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("not our ref"), "{}", answer.text());
    forge.put("h/m", honest("m"));
    wait_until(Duration::from_secs(60), "the version after all", || {
        granary.get(INFO).status == 200
    });
}

/// A server that once sent less than it was asked for: that is not believed to be here for ever.
#[test]
fn what_came_in_part_is_fetched_again_in_whole() {
    let forge = Forge::start();
    let granary = setup(&forge).start();
    let mut poor = Pack::new();
    let go_mod = poor.blob(b"module github.com/h/m\n");
    let source = git::object::hash_object(
        git::object::ObjectKind::Blob,
        b"package p\n",
        git::id::HashKind::Sha1,
    );
    poor.commit_of(&[(FILE, b"go.mod", go_mod), (FILE, b"p.go", source.unwrap())]);
    let mut site = honest("m");
    site.pack = pack(&poor.finish());
    forge.put("h/m", site);
    granary.must_get(INFO);
    let answer = granary.get("/github.com/h/m/@v/v1.0.0.zip");
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("does not give"), "{}", answer.text());
    forge.put("h/m", honest("m"));
    wait_until(Duration::from_secs(60), "the zip after all", || {
        granary.get("/github.com/h/m/@v/v1.0.0.zip").status == 200
    });
}

/// kill -9 in the midst of a pack leaves a file that the next start removes, also if nobody asks for the repository again.
#[test]
fn a_pack_that_a_crash_cut_short_goes_at_the_next_start() {
    let forge = Forge::start();
    let setup = setup(&forge);
    let granary = setup.start();
    let begun = [
        open("result"),
        banded(&[b"PACK\0\0\0\x02\0\0\0\x09".as_slice(), &[0x35]].concat()),
    ];
    let mut stalled = honest("m");
    stalled.pack = Said::Drip(begun.concat(), Vec::new());
    forge.put("h/m", stalled);
    let address = granary.address;
    std::thread::spawn(move || raw::get(address, INFO));
    wait_until(Duration::from_secs(30), "an unfinished pack", || {
        !list_unfinished(&setup).is_empty()
    });
    drop(granary.kill());
    let left = list_unfinished(&setup);
    // The capture itself goes on after the start, so there may be another one.
    let _granary = setup.start();
    assert!(left.iter().all(|path| !path.exists()), "{left:?}");
}

/// Caches grow while their repositories stay open; the bound holds all the same.
#[test]
fn caches_of_open_repositories_are_bounded_on_disk() {
    let forge = Forge::start();
    let setup = setup(&forge).set("vcs.cache_max", "1MiB");
    let granary = setup.start();
    for name in ["r1", "r2", "r3"] {
        let mut pack = Pack::new();
        let go_mod = pack.blob(format!("module github.com/h/{name}\n").as_bytes());
        // What does not compress.
        let mut state = u32::from(name.as_bytes()[1]);
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let noise = pack.blob(&noise.take(600 << 10).collect::<Vec<u8>>());
        let commit = pack.commit_of(&[(FILE, b"go.mod", go_mod), (FILE, b"n.bin", noise)]);
        let site = Site::of(
            commit,
            &[("v1.0.0", commit), ("v1.1.0", commit)],
            &pack.finish(),
        );
        forge.put(&format!("h/{name}"), site);
    }
    for name in ["r1", "r2", "r3", "r1", "r2"] {
        granary.must_get(&format!("/github.com/h/{name}/@v/v1.0.0.zip"));
        granary.get(&format!("/github.com/h/{name}/@v/list"));
    }
    let size = crate::rig::granary::size_of_folder(&setup.data().join("vcs/git"));
    assert!(size < 1400 << 10, "{size} bytes");
}

/// Whatever a repository on this machine configures, and whatever hooks it has, nothing of it runs.
#[test]
fn nothing_that_a_repository_configures_is_started() {
    let setup = Setup::new();
    let origins = setup.folder("origins");
    let canary = setup.folder("canary").join("touched");
    let config = format!(
        "[url \"file://{}/\"]\n\tinsteadOf = https://github.com/\n",
        origins.display()
    );
    fs::write(setup.folder("home").join(".gitconfig"), config).unwrap();
    let mut history = History::default();
    let file = |path: &str, text: &str| (path.to_owned(), Entry::File(text.as_bytes().to_vec()));
    let files = [
        file("go.mod", "module github.com/h/evil\n"),
        file("p.go", "package p\n"),
        file(".gitattributes", "* filter=evil diff=evil merge=evil\n"),
        file(
            ".gitmodules",
            "[submodule \"s\"]\n\tpath = s\n\turl = ext::sh -c touch\n",
        ),
    ];
    history.commit(1_600_000_000, files).tag("v1.0.0");
    let repository = origins.join("h/evil");
    history.write(&repository);
    arm(&repository, &canary);
    let granary = setup.set("upstream", "direct").start();
    granary.must_get("/github.com/h/evil/@v/v1.0.0.zip");
    granary.must_get("/github.com/h/evil/@latest");
    // With an object missing, git would ask the repository that the configuration names.
    lose_a_blob(&repository);
    for file in ["main.info", "v1.0.0-broken.info", "list"] {
        granary.get(&format!("/github.com/h/evil/@v/{file}"));
    }
    assert!(!canary.exists(), "something was started");
}

/// Lets everything that git could start touch the canary.
fn arm(repository: &Path, canary: &Path) {
    let script = repository.join("script");
    fs::write(
        &script,
        format!("#!/bin/sh\ntouch '{}'\n", canary.display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    for hook in [
        "pre-receive",
        "update",
        "post-update",
        "post-receive",
        "post-checkout",
        "pre-push",
        "reference-transaction",
        "fsmonitor-watchman",
        "pre-auto-gc",
        "post-index-change",
    ] {
        fs::create_dir_all(repository.join("hooks")).unwrap();
        fs::copy(&script, repository.join("hooks").join(hook)).unwrap();
    }
    let run = script.display();
    let config = format!(
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n\tfsmonitor = {run}\n\tsshCommand = {run}\n\
         \tgitProxy = {run}\n\teditor = {run}\n\tpager = {run}\n\taskPass = {run}\n\thooksPath = hooks\n\
         [uploadpack]\n\tpackObjectsHook = {run}\n\tallowFilter = true\n\
         [credential]\n\thelper = {run}\n[filter \"evil\"]\n\tsmudge = {run}\n\tclean = {run}\n\trequired = true\n\
         [diff \"evil\"]\n\ttextconv = {run}\n\tcommand = {run}\n[alias]\n\tupload-pack = !{run}\n\
         [gc]\n\tauto = 1\n[protocol]\n\tallow = always\n[extensions]\n\tpartialClone = origin\n\
         [remote \"origin\"]\n\turl = ext::{run}\n\tpromisor = true\n\tpartialclonefilter = blob:none\n\
         \tuploadpack = {run}\n\tvcs = ext\n"
    );
    fs::write(repository.join("config"), config).unwrap();
}

fn lose_a_blob(repository: &Path) {
    let mut lost = 0;
    for folder in fs::read_dir(repository.join("objects")).unwrap().flatten() {
        let name = folder.file_name().into_string().unwrap();
        if name.len() == 2 && lost == 0 {
            fs::remove_dir_all(folder.path()).unwrap();
            lost += 1;
        }
    }
    assert_eq!(lost, 1, "no loose objects");
}
