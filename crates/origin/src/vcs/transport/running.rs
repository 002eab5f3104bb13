//! A program that answers questions over its pipes, within bounds of time and size.
//!
//! It has a process group of its own, which is killed when time is over and when the conversation ends: nothing that it
//! started outlives it.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::refused::failed;
use super::settings::RemoteBounds;
use crate::upstream::UpstreamClass;

/// Bytes that are read from the program at once, and chunks that wait to be taken: what a pipe holds, a few times over.
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS_WAITING: usize = 4;

/// Most bytes of a program's complaints that are kept.
const COMPLAINTS_BYTES_MAX: u64 = 4 * 1024;

/// How long the complaints of a program that has ended may take to arrive. They are all written by then, but who
/// inherited the pipe may still hold it open.
const COMPLAINTS_WITHIN: Duration = Duration::from_secs(1);

/// ssh's own status for a connection that did not come about.
const SSH_FAILED: i32 = 255;

/// A program that runs, and what it says. Its pipes are served by threads of their own: it cannot stop us by not reading
/// or not writing.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    shown: String,
    bounds: RemoteBounds,
    input: SyncSender<Vec<u8>>,
    chunks: Receiver<io::Result<Vec<u8>>>,
    complaints: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    taken: usize,
    left_bytes: u64,
    ends_at: Instant,
    /// How the program ended, once it is out of the table of processes.
    status: Option<Option<ExitStatus>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.reap();
    }
}

impl Running {
    /// Starts a program with pipes and a process group of its own.
    pub(super) fn start(
        command: &mut Command,
        shown: &str,
        bounds: RemoteBounds,
    ) -> io::Result<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().map_err(|cause| {
            let program = Path::new(command.get_program());
            let what = format!("{} cannot be started: {cause}", program.display());
            failed(UpstreamClass::Storage, shown, &what)
        })?;
        let (chunks_in, chunks) = mpsc::sync_channel(CHUNKS_WAITING);
        let (complaints_in, complaints) = mpsc::sync_channel(1);
        let (input, input_from) = mpsc::sync_channel(1);
        if let Some(output) = child.stdout.take() {
            let pid = pid_of(&child);
            thread::spawn(move || pump(output, &chunks_in, pid));
        }
        if let Some(errors) = child.stderr.take() {
            thread::spawn(move || gather(errors, &complaints_in));
        }
        if let Some(stdin) = child.stdin.take() {
            thread::spawn(move || feed(stdin, &input_from));
        }
        Ok(Self {
            child,
            shown: shown.to_owned(),
            bounds,
            input,
            chunks,
            complaints,
            chunk: Vec::new(),
            taken: 0,
            left_bytes: bounds.bytes_max,
            ends_at: Instant::now() + bounds.whole_within,
            status: None,
        })
    }

    /// Hands the program a question. What it says from now on has its own time and room.
    pub(super) fn ask(&mut self, request: &[u8]) -> io::Result<()> {
        self.ends_at = Instant::now() + self.bounds.whole_within;
        self.left_bytes = self.bounds.bytes_max;
        match self.input.try_send(request.to_vec()) {
            Err(TrySendError::Full(_)) => {
                let what = "does not take a question";
                Err(failed(UpstreamClass::Unreachable, &self.shown, what))
            }
            // Where the program has ended, its output says so.
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    /// Kills the program and all that it started, and takes it out of the table of processes. Does so once: behind that
    /// its number may be another's.
    fn reap(&mut self) -> Option<ExitStatus> {
        if let Some(status) = self.status {
            return status;
        }
        if let Some(group) = pid_of(&self.child) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        *self.status.insert(self.child.wait().ok())
    }

    fn too_slow(&mut self, what: &str) -> io::Error {
        self.reap();
        failed(UpstreamClass::TooSlow, &self.shown, what)
    }

    /// The error behind a program's output, if its end was one.
    fn check_end(&mut self) -> io::Result<()> {
        let status = self.reap();
        if status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        let complaints = self.complaints.recv_timeout(COMPLAINTS_WITHIN);
        let complaints = String::from_utf8_lossy(&complaints.unwrap_or_default()).into_owned();
        let class = classify(status.and_then(|status| status.code()), &complaints);
        let what = match complaints.trim() {
            "" => "git upload-pack ended without an answer",
            complaints => complaints,
        };
        Err(failed(class, &self.shown, what))
    }
}

impl Read for Running {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.chunk.len() {
            let left = self.ends_at.saturating_duration_since(Instant::now());
            let silence = self.bounds.pace.silence_max;
            match self.chunks.recv_timeout(left.min(silence)) {
                Ok(chunk) => {
                    self.chunk = chunk?;
                    self.taken = 0;
                }
                Err(RecvTimeoutError::Timeout) if left <= silence => {
                    return Err(self.too_slow("the time for this answer is over"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self.too_slow(&format!("nothing came for {silence:?}")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.check_end()?;
                    return Ok(0);
                }
            }
            let length = self.chunk.len() as u64;
            match self.left_bytes.checked_sub(length) {
                Some(left) => self.left_bytes = left,
                None => {
                    self.reap();
                    let limit = self.bounds.bytes_max;
                    let what = format!("sent more than the {limit} bytes allowed for an answer");
                    return Err(failed(UpstreamClass::Invalid, &self.shown, &what));
                }
            }
        }
        let rest = &self.chunk[self.taken..];
        let given = rest.len().min(into.len());
        into[..given].copy_from_slice(&rest[..given]);
        self.taken += given;
        Ok(given)
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Hands on what the program says until it has ended or nobody listens.
fn pump(mut output: impl Read, chunks: &SyncSender<io::Result<Vec<u8>>>, pid: Option<Pid>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let sent = match output.read(&mut chunk) {
            Ok(0) => {
                if let Some(pid) = pid {
                    wait_for(pid);
                }
                return;
            }
            Ok(read) => {
                chunk.truncate(read);
                chunks.send(Ok(chunk))
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(cause) => {
                let _ = chunks.send(Err(cause));
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Waits until a program has ended and leaves it in the table of processes, so that its number stays its own.
fn wait_for(pid: Pid) {
    let how = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), how), Err(Errno::INTR)) {}
}

/// Keeps the first complaints and reads on, so that the program is never held up by them.
fn gather(mut errors: impl Read, complaints: &SyncSender<Vec<u8>>) {
    let mut kept = Vec::new();
    let _ = errors
        .by_ref()
        .take(COMPLAINTS_BYTES_MAX)
        .read_to_end(&mut kept);
    let _ = complaints.send(kept);
    let _ = io::copy(&mut errors, &mut io::sink());
}

/// Writes what comes. The program's input ends when the conversation does.
fn feed(mut stdin: ChildStdin, requests: &Receiver<Vec<u8>>) {
    while let Ok(request) = requests.recv() {
        if stdin
            .write_all(&request)
            .and_then(|()| stdin.flush())
            .is_err()
        {
            return;
        }
    }
}

fn classify(status: Option<i32>, complaints: &str) -> UpstreamClass {
    let says = |words: &[&str]| words.iter().any(|word| complaints.contains(word));
    if says(&["Permission denied", "Host key verification failed"]) {
        UpstreamClass::Forbidden
    } else if status == Some(SSH_FAILED) {
        UpstreamClass::Unreachable
    } else if says(&[
        "does not appear to be a git repository",
        "ot a git repository",
        "does not exist",
        "not found",
        "No such file",
    ]) {
        UpstreamClass::Absent
    } else {
        UpstreamClass::Unreachable
    }
}
