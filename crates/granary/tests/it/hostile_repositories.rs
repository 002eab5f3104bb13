//! Repositories and servers of repositories that mean harm: a bounded wait, bounded memory, the reason in words, nothing
//! left behind, and everybody else served.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use git::id::ObjectId;

use crate::rig::forge::{Forge, Said, Site, banded, line, open, pack, refs, smart, status};
use crate::rig::granary::{Granary, Setup};
use crate::rig::pack::{FILE, FOLDER, LINK, Pack, SUBMODULE, delta_that_copies};
use crate::rig::raw;

mod changes;
mod servers;
mod trees;

/// Memory of its own that the process may take, whatever repositories hold.
const MEMORY_BYTES_MAX: u64 = 512 << 20;

/// What servers of plain files are left to.
const PROGRAMS: [&str; 3] = ["git", "git-remote-http", "git-remote-https"];

/// Whether the cases have the sizes that take minutes.
fn is_soak() -> bool {
    std::env::var("GRANARY_SOAK").is_ok_and(|v| v == "1")
}

/// A case: what is asked of `github.com/h/<name>`, and what the answer must be.
struct Case {
    name: String,
    file: &'static str,
    statuses: &'static [u16],
    /// Words of the reason; those of any case also name the module.
    says: &'static str,
    site: Site,
}

impl Case {
    fn new(name: &str, statuses: &'static [u16], says: &'static str, site: Site) -> Self {
        Self {
            name: name.to_owned(),
            file: "v1.0.0.zip",
            statuses,
            says,
            site,
        }
    }

    fn of(mut self, file: &'static str) -> Self {
        self.file = file;
        self
    }
}

/// A module that nothing is wrong with.
fn honest(name: &str) -> Site {
    let mut pack = Pack::new();
    let go_mod = pack.blob(format!("module github.com/h/{name}\n").as_bytes());
    let source = pack.blob(b"package p\n");
    let commit = pack.commit_of(&[(FILE, b"go.mod", go_mod), (FILE, b"p.go", source)]);
    Site::of(commit, &[("v1.0.0", commit)], &pack.finish())
}

/// Granary in direct mode, `https://github.com/` being the forge.
fn setup(forge: &Forge) -> Setup {
    let setup = Setup::new();
    let config = setup.folder("home").join(".gitconfig");
    std::fs::write(config, forge.git_config()).unwrap();
    setup
        .set("upstream", "direct")
        .set("list.fresh", "1ms")
        .set("client_wait", "20s")
        .set("capture.zips", "asked")
}

/// Puts all cases to a server at once, but for so many at a time, and checks the answers, the memory and what is left.
#[track_caller]
fn check_all(setup: &Setup, forge: &Forge, cases: &[Case], at_once: usize, wait_max: Duration) {
    for case in cases {
        forge.put(&format!("h/{}", case.name), case.site.clone());
    }
    forge.put("h/honest", honest("honest"));
    let granary = setup.clone().watched("").start();
    let (memory_max, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut wrong: Vec<String> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                memory_max.fetch_max(granary.memory_bytes(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let clients: Vec<_> = (0..at_once)
            .map(|_| {
                scope.spawn(|| {
                    let mut wrong = Vec::new();
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        wrong.extend(check_answer(&granary, case, wait_max));
                    }
                    wrong
                })
            })
            .collect();
        let wrong = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect();
        is_over.store(true, Ordering::Relaxed);
        wrong
    });
    let memory_max = memory_max.into_inner();
    if memory_max > MEMORY_BYTES_MAX {
        wrong.push(format!("{} MiB of memory", memory_max >> 20));
    }
    eprintln!("{} cases, {} MiB at most", cases.len(), memory_max >> 20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!granary.log().contains("panicked"), "{}", granary.log());
    granary.must_get("/github.com/h/honest/@v/v1.0.0.zip");
    check_nothing_is_left(granary, forge);
}

/// What is wrong with the answer to a case.
fn check_answer(granary: &Granary, case: &Case, wait_max: Duration) -> Option<String> {
    let path = match case.file {
        "@latest" => format!("/github.com/h/{}/@latest", case.name),
        file => format!("/github.com/h/{}/@v/{file}", case.name),
    };
    let begun = Instant::now();
    let answer = raw::get(granary.address, &path);
    let took = begun.elapsed();
    let text = answer.text();
    let is_refusal = answer.status >= 400;
    let is_right = case.statuses.contains(&answer.status)
        && took < wait_max
        && (!is_refusal || (text.contains(case.says) && text.contains(&case.name)))
        && (!is_refusal || (text.lines().count() <= 8 && text.len() <= 648));
    if std::env::var_os("GRANARY_SHOW").is_some() {
        let shown: String = text.chars().take(300).collect();
        eprintln!("{path}: {} after {took:?}: {shown:?}", answer.status);
    }
    (!is_right).then(|| {
        let shown: String = text.chars().take(700).collect();
        format!("{path}: {} after {took:?}: {shown}", answer.status)
    })
}

/// The store holds whole versions only, and no pack is left unfinished once the server starts again.
#[track_caller]
fn check_nothing_is_left(granary: Granary, forge: &Forge) {
    let setup = granary.setup.clone();
    granary.kill_and_judge(&[forge.address], &PROGRAMS);
    let left = list_unfinished(&setup);
    // What was asked for is fetched again after the start, so there may be others.
    let granary = setup.start();
    granary.must_get("/github.com/h/honest/@v/v1.0.0.zip");
    assert!(left.iter().all(|path| !path.exists()), "{left:?}");
    drop(granary);
    let verified = setup.run(&["verify"]);
    assert!(
        verified.status.success(),
        "{}{}",
        String::from_utf8_lossy(&verified.stdout),
        String::from_utf8_lossy(&verified.stderr)
    );
}

/// Files in the folders of packs that are no packs.
fn list_unfinished(setup: &Setup) -> Vec<std::path::PathBuf> {
    let list = |folder: std::path::PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path())
    };
    list(setup.data().join("vcs/git"))
        .flat_map(|cache| list(cache.join("objects/pack")))
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            !name.starts_with("pack-")
        })
        .collect()
}
