//! `cargo xtask diff-go`: Granary's direct mode compared with that of the `go` command, case by case.
//!
//! Repositories are made from short builders (`cases`) or a seed (`random`), both sides are asked the same questions,
//! and every answer must be the same. Nothing here knows how Granary does it: it is asked over HTTP like by any client.

mod answer;
mod http;
mod names;
mod options;
mod repository;
mod zips;

mod samples;
mod stream;

mod case;

mod theme;

mod cases;
mod random;

mod compare;
mod go_side;
mod granary_side;

mod run;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};

pub use options::HELP;

use crate::say;
use case::Case;
use options::{Options, Transport};
use run::{Outcome, Run};

/// Of the cases made by hand the quick subset takes one in so many, over file and, others, over http.
const QUICK_FILE_STEP: usize = 7;
const QUICK_HTTP_STEP: usize = 31;
/// Random repositories of the quick subset.
const QUICK_RANDOM: u64 = 12;
/// A line of progress after so many cases.
const PROGRESS_STEP: usize = 100;

/// Sums of a run.
#[derive(Default)]
struct Totals {
    cases: usize,
    wrong: usize,
    questions: usize,
    different: usize,
    skipped: usize,
    agreed_late: usize,
}

/// Runs the comparison as the words after `diff-go` say. False where something differs.
///
/// # Errors
/// Where a word is unknown, or a side cannot be asked at all.
pub fn run(words: &[&str], root: &Path) -> anyhow::Result<bool> {
    let options = Options::read(words)?;
    if options.list {
        choose(&options, Transport::File)
            .iter()
            .for_each(|case| say(&case.name));
        return Ok(true);
    }
    let granary = options
        .granary
        .clone()
        .unwrap_or_else(|| root.join("target/debug/granary"));
    if !options.only_go && !granary.is_file() {
        bail!(
            "{} is not there: build it with `cargo build --package granary`",
            granary.display()
        );
    }
    let folder = match &options.folder {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("diff-go-{}", std::process::id())),
    };
    let begun = Instant::now();
    let mut totals = Totals::default();
    let transports = if options.quick {
        vec![Transport::File, Transport::Http]
    } else {
        options.transports.clone()
    };
    for transport in transports {
        let program = (!options.only_go).then_some(granary.as_path());
        run_over(transport, &options, program, &folder, &mut totals)?;
    }
    if totals.wrong == 0 && !options.keep {
        std::fs::remove_dir_all(&folder).context("removing the folder of the run")?;
    }
    say(&format!(
        "{} cases, {} questions, {} answered differently, {} compared in part, {} alike once go's clone is complete; {} s",
        totals.cases,
        totals.questions,
        totals.different,
        totals.skipped,
        totals.agreed_late,
        begun.elapsed().as_secs()
    ));
    let word = if totals.wrong == 0 { "ok" } else { "FAILED" };
    let passed = totals.cases - totals.wrong;
    say(&format!(
        "test result: {word}. {passed} passed; {} failed; 0 ignored",
        totals.wrong
    ));
    Ok(totals.wrong == 0)
}

fn run_over(
    transport: Transport,
    options: &Options,
    granary: Option<&Path>,
    folder: &Path,
    totals: &mut Totals,
) -> anyhow::Result<()> {
    let cases = choose(options, transport);
    let name = match transport {
        Transport::File => "file",
        Transport::Http => "http",
    };
    let folder: PathBuf = folder.join(name);
    say(&format!(
        "{} cases over {name}, in {}",
        cases.len(),
        folder.display()
    ));
    let run = Run {
        folder: folder.clone(),
        transport,
        granary,
        jobs: options.jobs,
        keep: options.keep,
        show: options.show,
    };
    let mut done = 0;
    run::run(&run, &cases, &mut |outcome: Outcome| {
        done += 1;
        totals.cases += 1;
        totals.wrong += usize::from(outcome.different > 0);
        totals.questions += outcome.questions;
        totals.different += outcome.different;
        totals.skipped += outcome.skipped;
        totals.agreed_late += outcome.agreed_late;
        if !outcome.lines.is_empty() {
            let word = if outcome.different > 0 { "test " } else { "" };
            let end = if outcome.different > 0 {
                " ... FAILED"
            } else {
                ""
            };
            say(&format!("{word}{} over {name}{end}", outcome.name));
            outcome.lines.iter().for_each(|line| say(line.trim_end()));
        }
        if outcome.different > 0 {
            say(&describe_again(&outcome.name, &cases, &folder));
        }
        if done % PROGRESS_STEP == 0 {
            say(&format!(
                "{done} of {} cases over {name}, {} of all so far differ",
                cases.len(),
                totals.wrong
            ));
        }
    })
}

/// Where the repository of a case lies and how to ask about it alone.
fn describe_again(name: &str, cases: &[Case], folder: &Path) -> String {
    let seed = cases
        .iter()
        .find(|case| case.name == name)
        .and_then(|case| case.seed);
    let again = match seed {
        Some(seed) => format!("--cases none --seed {seed} --random 1"),
        None => format!("--cases {name}"),
    };
    let kept = folder.join("repositories").join(name);
    format!(
        "  kept: {}\n  again: cargo xtask diff-go {again} --show",
        kept.display()
    )
}

/// The cases of a run.
fn choose(options: &Options, transport: Transport) -> Vec<Case> {
    let mut cases = match &options.cases {
        None => Vec::new(),
        Some(words) => {
            let mut cases = cases::list();
            cases.retain(|case| {
                words.is_empty() || words.iter().any(|word| case.name.contains(word))
            });
            cases
        }
    };
    let mut random = options.random;
    if options.quick {
        let step = match transport {
            Transport::File => QUICK_FILE_STEP,
            Transport::Http => QUICK_HTTP_STEP,
        };
        let mut place = 0;
        cases.retain(|_| {
            place += 1;
            place % step == 1
        });
        random = if transport == Transport::File {
            QUICK_RANDOM
        } else {
            0
        };
    }
    cases.extend((0..random).map(|nth| random::make(options.seed.wrapping_add(nth))));
    cases
}
