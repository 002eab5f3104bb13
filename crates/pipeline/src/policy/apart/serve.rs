//! The process that evaluates: it bounds itself, then answers the questions on its input until that ends.

use std::io::{self, BufRead, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use jiff::Timestamp;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::super::limits::{ADDRESS_BYTES_MAX, MEMORY_BYTES_MAX, STACK_BYTES};
use super::super::rego::{Compiled, compile, read_facts};
use super::protocol::{Answer, Ask, Loaded, read_line};

/// Answers questions until the input ends, which it does when whoever asks is gone: then the process must end too, and
/// with it an evaluation that goes on for ever. So the caller returns from `main`, and waits for nothing.
///
/// Whatever goes wrong inside ends the process; whoever asks sees that and knows at which rule it was.
///
/// # Errors
/// The input cannot be read, or the thread that evaluates cannot be started.
pub fn serve(mut input: impl BufRead, output: impl Write + Send + 'static) -> io::Result<()> {
    confine()?;
    // One question waits here while this thread reads on, because it must see the end of the input.
    let (asks, waiting) = mpsc::sync_channel::<String>(1);
    thread::Builder::new()
        .name("evaluate".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let all_well = panic::catch_unwind(AssertUnwindSafe(|| evaluate(&waiting, output)));
            if !matches!(all_well, Ok(Ok(()))) {
                std::process::abort();
            }
        })?;
    while let Some(line) = read_line(&mut input)? {
        if asks.send(line).is_err() {
            break;
        }
    }
    Ok(())
}

/// Gives up all that an evaluation has no use for. Never more than it has: a limit that is lower already stays.
fn confine() -> io::Result<()> {
    let bounds = [
        (Resource::Data, MEMORY_BYTES_MAX),
        (Resource::As, ADDRESS_BYTES_MAX),
        // What a stranger's policy made of its memory is nobody's to keep.
        (Resource::Core, 0),
        // It writes no files.
        (Resource::Fsize, 0),
    ];
    for (resource, most) in bounds {
        let has = getrlimit(resource);
        let lower = |limit: Option<u64>| Some(limit.map_or(most, |limit| limit.min(most)));
        let bound = Rlimit {
            current: lower(has.current),
            maximum: lower(has.maximum),
        };
        setrlimit(resource, bound)?;
    }
    Ok(())
}

fn evaluate(asks: &Receiver<String>, mut output: impl Write) -> io::Result<()> {
    // Before it stands whatever a program says when it starts; nothing of that is an answer.
    output.write_all(b"\n")?;
    say(&mut output, &Answer::Ready)?;
    let mut compiled: Option<Compiled> = None;
    while let Ok(line) = asks.recv() {
        let ask: Ask = serde_json::from_str(&line).map_err(io::Error::other)?;
        match (ask, &compiled) {
            (Ask::Load(sources), _) => match compile(&sources) {
                Ok(ready) => {
                    let loaded = Loaded {
                        rules: ready.rules.clone(),
                        tests: ready.tests.clone(),
                    };
                    compiled = Some(ready);
                    say(&mut output, &Answer::Loaded(loaded))?;
                }
                Err(faults) => say(&mut output, &Answer::Refused(faults))?,
            },
            (
                Ask::Judge {
                    first,
                    now_seconds,
                    facts,
                },
                Some(ready),
            ) => {
                let facts = read_facts(facts.get()).map_err(io::Error::other)?;
                let now = Timestamp::from_second(now_seconds).map_err(io::Error::other)?;
                for (index, rule) in ready.rules.iter().enumerate().skip(first) {
                    let said = ready.judge(rule, &facts, now);
                    say(&mut output, &Answer::Rule(index, said))?;
                }
                say(&mut output, &Answer::Done)?;
            }
            (Ask::Test { first, shipped }, Some(ready)) => {
                run_tests(ready, first, shipped, &mut output)?
            }
            (_, None) => return Err(io::Error::other("asked before policies were loaded")),
        }
    }
    Ok(())
}

fn run_tests(
    ready: &Compiled,
    first: usize,
    shipped: bool,
    output: &mut impl Write,
) -> io::Result<()> {
    let bench = match ready.test_bench() {
        Ok(bench) => bench,
        Err(fault) => return say(output, &Answer::Refused(vec![fault])),
    };
    let wanted = |test: &&super::super::rego::Test| shipped || !test.shipped;
    for (index, test) in ready.tests.iter().enumerate().skip(first) {
        if wanted(&test) {
            let (result, printed) = Compiled::run_test(&bench, test);
            say(output, &Answer::Test(index, result, printed))?;
        }
    }
    say(output, &Answer::Done)
}

fn say(output: &mut impl Write, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()
}
