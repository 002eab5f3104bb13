//! Attributes and conversions against the real `git archive`: the same commit, every file compared byte for byte.
//!
//! `GRANARY_CASES` is the number of random commits (each of some hundred files), `GRANARY_SEED` the first one's seed; a
//! failure names the seed of its commit.

#![allow(clippy::unwrap_used, clippy::panic)]

mod commit;
mod generator;
mod random;
mod repository;
mod tables;

use commit::{Commit, check};
use repository::Repository;

/// Random commits by default: about a second.
const CASES: u64 = 20;

#[test]
fn archives_hold_what_git_puts_there() {
    let Some(repository) = Repository::create() else {
        return;
    };
    let commits = tables::list_commits();
    check(&repository, &commits);
}

#[test]
fn random_archives_hold_what_git_puts_there() {
    let Some(repository) = Repository::create() else {
        return;
    };
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|value| value.parse::<u64>().unwrap())
    };
    let seed = number("GRANARY_SEED").unwrap_or(1);
    let seeds: Vec<u64> = (seed..seed + number("GRANARY_CASES").unwrap_or(CASES)).collect();
    for seeds in seeds.chunks(50) {
        let commits: Vec<Commit> = seeds.iter().map(|&seed| generator::commit(seed)).collect();
        check(&repository, &commits);
    }
}
