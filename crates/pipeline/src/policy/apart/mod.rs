//! Policies evaluated in processes of their own, for those that an operator wrote.
//!
//! Why a process: the interpreter bounds time between its steps only, its own bound on memory counts the whole program
//! and needs its allocator, and a stack that overflows takes the program with it. A process has bounds that the kernel
//! holds, and can be ended. It is the same program, started by a hidden command; it stays warm with its policies loaded,
//! so a judgement costs one line in and a few lines out.

mod protocol;

mod serve;

mod process;

#[cfg(test)]
pub(super) mod tests;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::value::RawValue;

use super::fault::{Fault, PolicyError};
use super::finding::Finding;
use super::limits::{
    GRACE, JUDGEMENT_TIME_MAX, JUDGEMENTS_PER_PROCESS, LOAD_TIME_MAX, PROCESSES_MAX, RULE_TIME_MAX,
    TEST_TIME_MAX, TESTS_TIME_MAX,
};
use super::rego::{Test, TestResult};
use super::sources::Sources;
use process::Process;
use protocol::{Answer, Ask};

pub use process::JudgeCommand;
pub use protocol::Loaded;
pub use serve::serve;

/// What one test gave: its number, how it ended, what it printed.
pub type Ran = (usize, TestResult, String);

/// A set of policies with the processes that evaluate it.
pub struct Apart {
    command: JudgeCommand,
    /// The question that loads the policies.
    load: String,
    pool: Mutex<Pool>,
    freed: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Process>,
    /// Processes that there are, or are being started.
    count: usize,
}

impl Apart {
    /// Loads policies into a first process.
    ///
    /// # Errors
    /// [`PolicyError::Refused`] with the faults; [`PolicyError::Evaluator`] if no process can be had.
    pub fn load(command: &JudgeCommand, sources: &Sources) -> Result<(Self, Loaded), PolicyError> {
        let load = serde_json::to_string(&Ask::Load(sources.clone())).map_err(|e| {
            PolicyError::Evaluator {
                text: format!("cannot be told the policies: {e}"),
            }
        })?;
        let apart = Self {
            command: command.clone(),
            load,
            pool: Mutex::default(),
            freed: Condvar::new(),
        };
        let (process, loaded) = apart.start()?;
        let mut pool = apart.lock();
        pool.count = 1;
        pool.idle.push(process);
        drop(pool);
        Ok((apart, loaded))
    }

    /// Asks every rule. A rule that ends its process, or takes too long, has a reason instead of findings; the others
    /// are asked in another process.
    pub fn judge(
        &self,
        rules: usize,
        facts: &str,
        now_seconds: i64,
    ) -> Vec<Result<Vec<Finding>, String>> {
        let deadline = Instant::now() + JUDGEMENT_TIME_MAX;
        let mut said = Vec::with_capacity(rules);
        while said.len() < rules {
            let first = said.len();
            let outcome = self.with_process(deadline, |process| {
                process.judgements += 1;
                process.ask(judge_line(first, facts, now_seconds)?)?;
                loop {
                    // A rule has two halves, and each of them its time.
                    let left = deadline.saturating_duration_since(Instant::now());
                    match process.next(left.min(2 * RULE_TIME_MAX + GRACE))? {
                        Answer::Rule(index, one) if index == said.len() => said.push(one),
                        Answer::Done if said.len() == rules => return Ok(()),
                        _ => return Err("the process does not say what it should".to_owned()),
                    }
                }
            });
            match outcome {
                Outcome::Done => {}
                Outcome::Failed(why) if said.len() < rules => said.push(Err(why)),
                Outcome::Failed(_) => {}
                Outcome::NotAsked(why) => said.resize(rules, Err(why)),
            }
        }
        said
    }

    /// Runs tests; those that come with Granary only if asked for. A test that ends its process has failed, and the others
    /// are run in another process.
    pub fn run_tests(&self, tests: &[Test], shipped: bool) -> Result<Vec<Ran>, Fault> {
        let deadline = Instant::now() + TESTS_TIME_MAX;
        let mut ran: Vec<Ran> = Vec::new();
        let mut first = 0;
        loop {
            // Those that do not run are passed over, so that a failure is told of the right one.
            while tests
                .get(first)
                .is_some_and(|test| test.shipped && !shipped)
            {
                first += 1;
            }
            let mut refused = None;
            let outcome = self.with_process(deadline, |process| {
                let ask = Ask::Test { first, shipped };
                process.ask(serde_json::to_string(&ask).map_err(|e| e.to_string())?)?;
                loop {
                    let left = deadline.saturating_duration_since(Instant::now());
                    match process.next(left.min(TEST_TIME_MAX + GRACE))? {
                        Answer::Test(index, result, printed) => {
                            ran.push((index, result, printed));
                            first = index + 1;
                        }
                        Answer::Refused(faults) => {
                            refused = faults.into_iter().next();
                            return Ok(());
                        }
                        Answer::Done => return Ok(()),
                        _ => return Err("the process does not say what it should".to_owned()),
                    }
                }
            });
            match (outcome, refused) {
                (_, Some(fault)) => return Err(fault),
                (Outcome::Done, None) => return Ok(ran),
                (Outcome::Failed(why), None) => {
                    while tests
                        .get(first)
                        .is_some_and(|test| test.shipped && !shipped)
                    {
                        first += 1;
                    }
                    if first >= tests.len() {
                        return Ok(ran);
                    }
                    ran.push((first, TestResult::Failed(why), String::new()));
                    first += 1;
                }
                (Outcome::NotAsked(why), None) => {
                    let rest = (first..tests.len()).filter(|i| shipped || !tests[*i].shipped);
                    ran.extend(rest.map(|i| (i, TestResult::Failed(why.clone()), String::new())));
                    return Ok(ran);
                }
            }
        }
    }

    /// Does something with an idle process, or with a new one.
    fn with_process(
        &self,
        deadline: Instant,
        act: impl FnOnce(&mut Process) -> Result<(), String>,
    ) -> Outcome {
        let mut process = match self.take(deadline) {
            Ok(process) => process,
            Err(why) => return Outcome::NotAsked(why),
        };
        let result = act(&mut process);
        let is_old = process.judgements >= JUDGEMENTS_PER_PROCESS;
        let kept = (result.is_ok() && !is_old).then_some(process);
        let mut pool = self.lock();
        match kept {
            Some(process) => pool.idle.push(process),
            None => pool.count -= 1,
        }
        drop(pool);
        self.freed.notify_one();
        match result {
            Ok(()) => Outcome::Done,
            Err(why) => Outcome::Failed(why),
        }
    }

    fn take(&self, deadline: Instant) -> Result<Process, String> {
        let mut pool = self.lock();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return Err("the time for all rules was used up before it".to_owned());
            }
            if let Some(process) = pool.idle.pop() {
                return Ok(process);
            }
            if pool.count < PROCESSES_MAX {
                pool.count += 1;
                drop(pool);
                return self.start().map(|(process, _)| process).map_err(|e| {
                    self.lock().count -= 1;
                    self.freed.notify_one();
                    e.to_string()
                });
            }
            pool = self
                .freed
                .wait_timeout(pool, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Starts a process and has it read the policies.
    fn start(&self) -> Result<(Process, Loaded), PolicyError> {
        let evaluator = |text| PolicyError::Evaluator { text };
        let mut process = Process::start(&self.command).map_err(evaluator)?;
        process.ask(self.load.clone()).map_err(evaluator)?;
        match process.next(LOAD_TIME_MAX).map_err(evaluator)? {
            Answer::Loaded(loaded) => Ok((process, loaded)),
            Answer::Refused(faults) => Err(PolicyError::Refused(faults)),
            _ => Err(evaluator("does not say what it should".to_owned())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        // Nothing that holds the lock can panic half-way.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How something done with a process ended.
enum Outcome {
    /// Well; the process waits for more.
    Done,
    /// Not; the process is ended.
    Failed(String),
    /// There was no process to be had.
    NotAsked(String),
}

fn judge_line(first: usize, facts: &str, now_seconds: i64) -> Result<String, String> {
    let facts = RawValue::from_string(facts.to_owned()).map_err(|e| e.to_string())?;
    let ask = Ask::Judge {
        first,
        now_seconds,
        facts,
    };
    serde_json::to_string(&ask).map_err(|e| e.to_string())
}
