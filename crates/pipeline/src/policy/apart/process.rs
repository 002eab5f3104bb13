//! One process that evaluates, seen from the one that asks: it answers within its time, or it is ended.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use super::super::limits::{LOAD_TIME_MAX, MEMORY_BYTES_MAX, STACK_BYTES};
use super::protocol::{Answer, read_line};

/// Answers that may wait to be looked at.
const ANSWERS_AHEAD: usize = 16;
/// Lines that a program may say before it is ready.
const LINES_BEFORE_READY: usize = 100;
/// How long an ended process may take to be gone, for the sake of saying how it ended.
const GONE_WITHIN: Duration = Duration::from_secs(2);
/// How often it is looked after meanwhile.
const LOOK_AFTER: Duration = Duration::from_millis(5);

/// How to start a process that evaluates: this program, with the arguments that make it call [`super::serve`].
#[derive(Clone, Debug)]
pub struct JudgeCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// A process that waits for questions. Ended when dropped.
pub(super) struct Process {
    child: Child,
    asks: SyncSender<String>,
    answers: Receiver<Answer>,
    /// How many judgements it has made.
    pub judgements: u32,
}

impl Process {
    /// Starts one and waits until it is ready.
    pub fn start(command: &JudgeCommand) -> Result<Self, String> {
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            // Nothing that the environment holds is an evaluation's business.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("cannot be started: {e}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("cannot be started: it has no input or output".to_owned());
        };
        let (asks, to_ask) = mpsc::sync_channel(1);
        let (to_answer, answers) = mpsc::sync_channel(ANSWERS_AHEAD);
        let spawned = thread::Builder::new()
            .name("policy-process".to_owned())
            .spawn(move || {
                // It ends when the process does, or when nobody asks any more; how is seen from the process itself.
                talk(input, output, &to_ask, &to_answer).ok();
            });
        let mut process = Self {
            child,
            asks,
            answers,
            judgements: 0,
        };
        spawned.map_err(|e| format!("cannot be started: {e}"))?;
        match process.next(LOAD_TIME_MAX)? {
            Answer::Ready => Ok(process),
            _ => Err("does not say what it should".to_owned()),
        }
    }

    /// Asks a question, one line. The answers come one by one by [`Process::next`].
    pub fn ask(&mut self, line: String) -> Result<(), String> {
        match self.asks.try_send(line) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.how_it_ended()),
        }
    }

    /// The next answer, if it comes in time. After an error the process is of no more use.
    pub fn next(&mut self, within: Duration) -> Result<Answer, String> {
        match self.answers.recv_timeout(within) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "it was not done after {:.1} s",
                within.as_secs_f64()
            )),
            Err(RecvTimeoutError::Disconnected) => Err(self.how_it_ended()),
        }
    }

    /// Ends it, as a kernel short of memory would.
    #[cfg(test)]
    pub fn end(&mut self) {
        self.child.kill().ok();
    }

    fn how_it_ended(&mut self) -> String {
        let deadline = Instant::now() + GONE_WITHIN;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    return match status.signal() {
                        Some(signal) => format!(
                            "it ended its process (signal {signal}): a rule may use {} MiB of memory and {} MiB of stack",
                            MEMORY_BYTES_MAX >> 20,
                            STACK_BYTES >> 20
                        ),
                        None => format!("the process that evaluates ended: {status}"),
                    };
                }
                Ok(None) if Instant::now() < deadline => thread::park_timeout(LOOK_AFTER),
                _ => return "the process that evaluates does not answer".to_owned(),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Passes questions on and answers back.
fn talk(
    mut input: ChildStdin,
    output: ChildStdout,
    asks: &Receiver<String>,
    answers: &SyncSender<Answer>,
) -> io::Result<()> {
    let mut output = BufReader::new(output);
    if !is_ready(&mut output)? || answers.send(Answer::Ready).is_err() {
        return Ok(());
    }
    while let Ok(mut line) = asks.recv() {
        line.push('\n');
        input.write_all(line.as_bytes())?;
        input.flush()?;
        loop {
            let Some(line) = read_line(&mut output)? else {
                return Ok(());
            };
            let answer: Answer = serde_json::from_str(&line).map_err(io::Error::other)?;
            let is_last = matches!(
                answer,
                Answer::Loaded(_) | Answer::Refused(_) | Answer::Done
            );
            if answers.send(answer).is_err() {
                return Ok(());
            }
            if is_last {
                break;
            }
        }
    }
    Ok(())
}

/// Waits for the process's first answer. Whatever else a program says when it starts is none.
fn is_ready(output: &mut impl BufRead) -> io::Result<bool> {
    for _ in 0..LINES_BEFORE_READY {
        let Some(line) = read_line(output)? else {
            break;
        };
        if let Ok(Answer::Ready) = serde_json::from_str(&line) {
            return Ok(true);
        }
    }
    Ok(false)
}
