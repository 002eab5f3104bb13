//! The corpus of bad inputs: lists of cases, all put to one server process under watch.
//!
//! Requests that need nothing around them are lines of the files in `corpus/`; what upstreams, databases, pages and
//! repositories say is made by small builders, one module a list. Every case has a name, the answer that is wanted and a
//! limit. Held as a whole: no panic, the process alive, memory under the cap, nothing written outside the data folder,
//! no program started, no connection to anywhere but the servers of the test.
//!
//! Not here: floods, slow peers and what never ends, which need their own settings (`malformed`, `hostile`,
//! `hostile_upstreams`, `hostile_repositories`, `upstream_lies`, `database_lies`).

mod case;

mod databases;
mod files;
mod modfiles;
mod pages;
mod requests;
mod revisions;
mod stage;
mod zips;

use std::sync::atomic::{AtomicUsize, Ordering};

use self::case::Case;
use self::stage::Stage;

/// Memory that may be resident whatever comes: the program itself (a hundred of them without optimisation), its caches
/// (`cache.memory`, `vcs.memory`) and a few of the largest inputs at once.
const RESIDENT_BYTES_MAX: u64 = 512 << 20;

/// Cases that are put at once.
const AT_ONCE: usize = 4;

/// Fewer cases than this and some list was lost.
const CASES_MIN: usize = 400;

#[test]
fn every_bad_input_is_answered_and_nothing_else_happens() {
    let stage = Stage::new();
    let lists: Vec<(&str, Vec<Case>)> = vec![
        ("requests that are refused", requests::refused()),
        ("requests that are not HTTP", requests::raw()),
        ("odd requests", requests::odd()),
        (".info, .mod and list of an upstream", files::cases(&stage)),
        ("zips of an upstream", zips::cases(&stage)),
        ("checksum databases", databases::cases(&stage)),
        (
            "go-import pages",
            if stage.is_watched() {
                pages::cases(&stage)
            } else {
                Vec::new()
            },
        ),
        ("go.mod files in repositories", modfiles::cases(&stage)),
        ("revisions of a repository", revisions::cases(&stage)),
    ];
    let granary = stage.start();
    granary.take_resident_bytes_max();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (at, (list, cases)) in lists.iter().enumerate() {
        wrong.extend(put_all(granary.address, cases));
        if at < 2 {
            // Refused by what they are: nobody else heard of them.
            let asked = stage.upstream.counts();
            if !asked.is_empty() {
                wrong.push(format!("{list}: the upstream was asked {asked:?}"));
            }
        }
        let resident_bytes = granary.take_resident_bytes_max();
        count += cases.len();
        eprintln!(
            "{list}: {} cases, {} MiB at most",
            cases.len(),
            resident_bytes >> 20
        );
        if resident_bytes > RESIDENT_BYTES_MAX {
            wrong.push(format!("{list}: {} MiB of memory", resident_bytes >> 20));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    eprintln!("{count} cases of bad input");
    assert!(count >= CASES_MIN, "{count} cases");
    assert!(!granary.log().contains("panicked"), "{}", granary.log());
    stage.judge(granary);
}

/// Puts cases to the server, a few at once, and gives what was wrong with the answers.
fn put_all(to: std::net::SocketAddr, cases: &[Case]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let mut wrong = Vec::new();
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        wrong.extend(case.put(to));
                    }
                    wrong
                })
            })
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    })
}
