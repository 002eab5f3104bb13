//! The crash laboratory: every call by which a server changes its data folder, found by a clean run; then for each of
//! them a run in which the process is killed there, or the call fails with EIO, ENOSPC or EDQUOT. After each: a start
//! without repair, `granary verify`, everything that was acknowledged, and the same requests again.
//!
//! `make test` tries a fixed few of them, spread over all kinds of calls; `GRANARY_LABORATORY=full` tries all.

mod calls;
mod ledger;
mod operations;
pub mod spoiler;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Mutex;

use crate::rig::skip;
use calls::{Call, KINDS};
use operations::{OPERATIONS, Operation, World};
use spoiler::{Fault, Spoiler};
use trial::{Trial, Verdict};

/// Trials at once; the machine that this is measured on has two cores, and a trial waits for its disk half of the time.
const AT_ONCE: usize = 4;

/// Clean runs of an operation: which thread comes first differs, and with it now and then the number of calls.
const CLEAN_RUNS: usize = 2;

/// Trials of a run that is not the full one.
const FEW: usize = 20;

fn is_full() -> bool {
    std::env::var("GRANARY_LABORATORY").is_ok_and(|v| v == "full")
}

fn say(line: &str) {
    // Not by a macro: those are caught by the test harness when the test passes.
    let line = format!("laboratory: {line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn spoiler() -> Option<&'static Spoiler> {
    let found = std::process::Command::new("sqlite3")
        .arg("-version")
        .output();
    if !found.is_ok_and(|output| output.status.success()) {
        skip("the crash laboratory", "there is no sqlite3");
        return None;
    }
    let spoiler = Spoiler::build();
    if let Err(why) = spoiler {
        skip("the crash laboratory", why);
    }
    spoiler.as_ref().ok()
}

/// What a clean run of an operation does to its folder.
fn clean_calls(world: &World, spoiler: &Spoiler, operation: &'static Operation) -> Vec<Call> {
    let runs = (0..CLEAN_RUNS).map(|_| {
        let trial = Trial::new(world, operation);
        trial.run_clean(spoiler)
    });
    let calls = runs.max_by_key(Vec::len).unwrap();
    assert!(
        !calls.is_empty(),
        "{}: the clean run shows no call: is the binary linked statically?",
        operation.name
    );
    calls
}

/// One trial to make.
struct Planned {
    operation: &'static Operation,
    call: Call,
    fault: Fault,
}

/// Every call with every fault, or a few that have every kind of call and every fault among them.
fn plan(all: &[(&'static Operation, Vec<Call>)]) -> Vec<Planned> {
    let mut planned = Vec::new();
    for (operation, calls) in all {
        for call in calls {
            for fault in Fault::ALL {
                planned.push(Planned {
                    operation,
                    call: call.clone(),
                    fault,
                });
            }
        }
    }
    if is_full() {
        return planned;
    }
    // By kind of call, operation and kind of file; from each kind of call in turn, with another fault each time.
    let mut kinds: BTreeMap<String, Vec<Planned>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for one in planned {
        let first = seen.insert((
            one.operation.name,
            one.call.name.clone(),
            one.call.kind_of_file(),
            one.fault,
        ));
        if first {
            kinds.entry(one.call.name.clone()).or_default().push(one);
        }
    }
    let mut few = Vec::new();
    let mut turn = 0;
    while few.len() < FEW && kinds.values().any(|kind| !kind.is_empty()) {
        for kind in kinds.values_mut().filter(|kind| !kind.is_empty()) {
            if few.len() == FEW {
                break;
            }
            // The next operation and the next fault each time, or the nearest to it that this kind of call has.
            let operation = OPERATIONS[turn % OPERATIONS.len()].name;
            let fault = Fault::ALL[turn % Fault::ALL.len()];
            let fits = |one: &Planned| {
                usize::from(one.operation.name == operation) * 2 + usize::from(one.fault == fault)
            };
            let best = (0..kind.len()).max_by_key(|at| fits(&kind[*at])).unwrap();
            few.push(kind.remove(best));
            turn += 1;
        }
    }
    few
}

#[test]
fn no_call_that_fails_or_is_the_last_leaves_anything_partial_lost_or_wrong() {
    let Some(spoiler) = spoiler() else { return };
    let world = World::new();
    let all: Vec<_> = OPERATIONS
        .iter()
        .map(|operation| (operation, clean_calls(&world, spoiler, operation)))
        .collect();
    let planned = plan(&all);
    let count = planned.len();
    let left = Mutex::new(planned.into_iter());
    let verdicts: Mutex<Vec<(Planned, Verdict)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(one) = left.lock().unwrap().next() else {
                        return;
                    };
                    let trial = Trial::new(&world, one.operation);
                    let verdict = trial.run(spoiler, one.call.number, one.fault);
                    for trouble in &verdict.troubles {
                        say(&format!(
                            "{} {:?} at {}: {trouble}",
                            one.operation.name, one.fault, one.call
                        ));
                    }
                    verdicts.lock().unwrap().push((one, verdict));
                }
            });
        }
    });
    let verdicts = verdicts.into_inner().unwrap();
    assert_eq!(verdicts.len(), count, "trials that did not end");
    report(&all, &verdicts);
    let troubles: usize = verdicts.iter().map(|(_, v)| v.troubles.len()).sum();
    assert_eq!(troubles, 0, "of {count} trials; they are named above");
    let reached = verdicts.iter().filter(|(_, v)| v.hit.is_some()).count();
    assert!(
        reached * 100 >= count * 95,
        "only {reached} of {count} calls were met again in their trial"
    );
}

/// One line for each operation and fault; the soak makes its rows of them.
fn report(all: &[(&'static Operation, Vec<Call>)], verdicts: &[(Planned, Verdict)]) {
    for (operation, calls) in all {
        for fault in Fault::ALL {
            let of: Vec<&Verdict> = verdicts
                .iter()
                .filter(|(p, _)| p.operation.name == operation.name && p.fault == fault)
                .map(|(_, v)| v)
                .collect();
            let troubles = |what: &str| {
                let all = of.iter().flat_map(|v| &v.troubles);
                all.filter(|t| t.what() == what).count()
            };
            say(&format!(
                "row\t{}, {fault}\t{} calls, {} tried, {} met\t{} partial, {} lost, {} wrong, {} other",
                operation.name,
                calls.len(),
                of.len(),
                of.iter().filter(|v| v.hit.is_some()).count(),
                troubles("partial"),
                troubles("lost"),
                troubles("wrong"),
                troubles("other"),
            ));
        }
    }
}

/// The laboratory sees what the kernel sees: strace's own trace of each operation has the same calls on the same files.
#[test]
fn strace_finds_no_call_that_the_laboratory_does_not_count() {
    let Some(spoiler) = spoiler() else { return };
    let found = std::process::Command::new("strace").arg("-V").output();
    if !found.is_ok_and(|output| output.status.success()) {
        return skip("the crash laboratory beside strace", "there is no strace");
    }
    let world = World::new();
    for operation in OPERATIONS {
        let (counted, traced) = Trial::new(&world, operation).run_traced(spoiler);
        let tally = |calls: &[(String, String)]| {
            let mut tally: BTreeMap<(String, String), usize> = BTreeMap::new();
            for call in calls {
                *tally.entry(call.clone()).or_default() += 1;
            }
            tally
        };
        let counted: Vec<_> = counted
            .iter()
            .map(|call| (call.name.clone(), call.kind_of_file()))
            .collect();
        assert!(!traced.is_empty(), "{}: an empty trace", operation.name);
        assert_eq!(tally(&counted), tally(&traced), "{}", operation.name);
        for kind in &traced {
            assert!(KINDS.contains(&kind.0.as_str()), "{kind:?}");
        }
    }
}

/// A sync that failed is never followed by "durable": nothing is acknowledged that it covered until the same bytes were
/// written again and synced. Every sync of every operation, in `make test` as well.
#[test]
fn after_a_sync_that_failed_nothing_is_durable_until_it_is_written_again() {
    let Some(spoiler) = spoiler() else { return };
    let world = World::new();
    let mut tried = 0;
    let mut seen = BTreeSet::new();
    // Those that acknowledge something first: a start, which syncs most, shares its kinds of files with them.
    for operation in OPERATIONS.iter().rev() {
        let calls = clean_calls(&world, spoiler, operation);
        for call in calls.iter().filter(|call| call.is_sync()) {
            if !is_full() && !seen.insert(call.kind_of_file()) {
                continue; // one of a kind
            }
            let verdict = Trial::new(&world, operation).run(spoiler, call.number, Fault::Eio);
            let troubles: Vec<String> = verdict.troubles.iter().map(ToString::to_string).collect();
            assert!(
                troubles.is_empty(),
                "{} at {call}: {troubles:?}",
                operation.name
            );
            tried += usize::from(verdict.hit.is_some_and(|hit| hit.is_sync()));
        }
    }
    assert!(tried > 5, "only {tried} syncs were made to fail");
    say(&format!(
        "row\tsyncs that fail with EIO\t{tried} tried\t0 followed by \"durable\""
    ));
}
