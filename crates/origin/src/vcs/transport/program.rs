//! git's protocol through a program: `git upload-pack` on this machine, or behind `ssh`.
//!
//! The program gets an empty environment and a process group of its own, which is killed when time is over and when the
//! conversation ends: nothing that it started outlives it.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use git::protocol::{Wire, WireError};
use rustix::process::{Pid, Signal, kill_process_group};

use super::address::SshPlace;
use super::refused::failed;
use super::settings::{RemoteBounds, SshSettings};
use crate::upstream::UpstreamClass;

/// Bytes that are read from the program at once, and chunks that wait to be taken: what a pipe holds, a few times over.
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS_WAITING: usize = 4;

/// Most bytes of a program's complaints that are kept.
const COMPLAINTS_BYTES_MAX: u64 = 4 * 1024;

/// How long a program that has said everything may take to end.
const ENDING: Duration = Duration::from_secs(5);

/// ssh's own status for a connection that did not come about.
const SSH_FAILED: i32 = 255;

/// How a program is started, as often as the conversation begins anew.
#[derive(Clone, Debug)]
pub(super) struct ProgramWire {
    program: std::path::PathBuf,
    arguments: Vec<std::ffi::OsString>,
    variables: Vec<(&'static str, String)>,
    shown: String,
    bounds: RemoteBounds,
}

/// A wire over a program, and the program where it runs.
#[derive(Debug)]
pub(super) struct StreamWire {
    how: ProgramWire,
    running: Option<Running>,
}

impl ProgramWire {
    /// `git upload-pack` on a path of this machine. Neither the machine's nor the user's configuration is read; the
    /// repository's own can start nothing in upload-pack. Who owns the folder does not matter, since nothing in it is
    /// run.
    pub(super) fn local(git: &Path, path: &Path, shown: &str, bounds: RemoteBounds) -> Self {
        let mut arguments: Vec<std::ffi::OsString> = Vec::new();
        for argument in ["-c", "safe.directory=*", "upload-pack", "--"] {
            arguments.push(argument.into());
        }
        arguments.push(path.into());
        Self {
            program: git.to_owned(),
            arguments,
            variables: vec![
                ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
                ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
                ("GIT_NO_LAZY_FETCH", "1".to_owned()),
            ],
            shown: shown.to_owned(),
            bounds,
        }
    }

    /// `ssh` to a place. `address` is dialled instead of the host's name where the name was looked up and judged before.
    pub(super) fn ssh(
        ssh: &SshSettings,
        place: &SshPlace,
        address: Option<std::net::IpAddr>,
        shown: &str,
        bounds: RemoteBounds,
    ) -> Self {
        let mut options = vec![
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "ForwardAgent=no".to_owned(),
            "ForwardX11=no".to_owned(),
            "ClearAllForwardings=yes".to_owned(),
            "PermitLocalCommand=no".to_owned(),
            "SendEnv=GIT_PROTOCOL".to_owned(),
            "ConnectTimeout=20".to_owned(),
            "ServerAliveInterval=20".to_owned(),
        ];
        if let Some(address) = address {
            options.push(format!("HostName={address}"));
            // The key is that of the name, whatever is dialled.
            options.push(match place.port {
                Some(port) => format!("HostKeyAlias=[{}]:{port}", place.host),
                None => format!("HostKeyAlias={}", place.host),
            });
        }
        if let Some(file) = &ssh.known_hosts {
            options.push(format!("UserKnownHostsFile={}", file.display()));
        }
        let mut arguments: Vec<std::ffi::OsString> = vec!["-T".into(), "-a".into(), "-x".into()];
        for option in options {
            arguments.extend(["-o".into(), option.into()]);
        }
        if let Some(key) = &ssh.key {
            arguments.extend(["-o".into(), "IdentitiesOnly=yes".into(), "-i".into()]);
            arguments.push(key.into());
        }
        if let Some(port) = place.port {
            arguments.extend(["-p".into(), port.to_string().into()]);
        }
        let whom = match &place.user {
            Some(user) => format!("{user}@{}", place.host),
            None => place.host.clone(),
        };
        arguments.extend([
            "--".into(),
            whom.into(),
            format!("git-upload-pack {}", quoted(&place.path)).into(),
        ]);
        Self {
            program: ssh.program.clone(),
            arguments,
            variables: Vec::new(),
            shown: shown.to_owned(),
            bounds,
        }
    }

    pub(super) fn wire(self) -> StreamWire {
        StreamWire {
            how: self,
            running: None,
        }
    }

    fn start(&self) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("LC_ALL", "C")
            .env("GIT_PROTOCOL", "version=2")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().map_err(|cause| {
            let what = format!("{} cannot be started: {cause}", self.program.display());
            failed(UpstreamClass::Storage, &self.shown, &what)
        })?;
        let (chunks_in, chunks) = mpsc::sync_channel(CHUNKS_WAITING);
        let (complaints_in, complaints) = mpsc::sync_channel(1);
        let (input, input_from) = mpsc::sync_channel(1);
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || pump(output, &chunks_in));
        }
        if let Some(errors) = child.stderr.take() {
            thread::spawn(move || gather(errors, &complaints_in));
        }
        if let Some(stdin) = child.stdin.take() {
            thread::spawn(move || feed(stdin, &input_from));
        }
        Ok(Running {
            child,
            input,
            chunks,
            complaints,
            chunk: Vec::new(),
            taken: 0,
            left_bytes: self.bounds.bytes_max,
            ends_at: Instant::now() + self.bounds.whole_within,
        })
    }
}

impl Wire for StreamWire {
    fn greet(&mut self) -> Result<Box<dyn Read + '_>, WireError> {
        self.running = None;
        let running = self.running.insert(self.how.start()?);
        Ok(Box::new(Output {
            how: &self.how,
            running,
        }))
    }

    fn ask(&mut self, request: &[u8]) -> Result<Box<dyn Read + '_>, WireError> {
        let Some(running) = &mut self.running else {
            let what = "was asked before it was greeted";
            return Err(failed(UpstreamClass::Storage, &self.how.shown, what));
        };
        // Each question has its own time and room.
        running.ends_at = Instant::now() + self.how.bounds.whole_within;
        running.left_bytes = self.how.bounds.bytes_max;
        // Where the program has ended, its output says so.
        let _ = running.input.try_send(request.to_vec());
        Ok(Box::new(Output {
            how: &self.how,
            running,
        }))
    }

    fn is_stateless(&self) -> bool {
        false
    }
}

/// A program that runs. Its pipes are served by threads of their own: it cannot stop us by not reading or not writing.
#[derive(Debug)]
struct Running {
    child: Child,
    input: SyncSender<Vec<u8>>,
    chunks: Receiver<io::Result<Vec<u8>>>,
    complaints: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    taken: usize,
    left_bytes: u64,
    ends_at: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        // It is dead or dying; not to wait would leave it in the table of processes.
        let _ = self.child.wait();
    }
}

impl Running {
    fn kill(&self) {
        // The group is there as long as its first process has not been waited for.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Waits a little for the program's own end; `None` where it had to be killed.
    fn end(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + ENDING;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(5)),
                _ => {
                    self.kill();
                    return None;
                }
            }
        }
    }
}

/// Reads what a program says, within the bounds.
struct Output<'a> {
    how: &'a ProgramWire,
    running: &'a mut Running,
}

impl Output<'_> {
    fn too_slow(&self, what: &str) -> io::Error {
        self.running.kill();
        failed(UpstreamClass::TooSlow, &self.how.shown, what)
    }

    /// The error behind a program's output, if its end was one.
    fn check_end(&mut self) -> io::Result<()> {
        let status = self.running.end();
        if status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        let complaints = self.running.complaints.recv_timeout(ENDING);
        let complaints = String::from_utf8_lossy(&complaints.unwrap_or_default()).into_owned();
        let class = classify(status.and_then(|status| status.code()), &complaints);
        let what = match complaints.trim() {
            "" => "git upload-pack ended without an answer",
            complaints => complaints,
        };
        Err(failed(class, &self.how.shown, what))
    }
}

impl Read for Output<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.running.taken == self.running.chunk.len() {
            let left = self
                .running
                .ends_at
                .saturating_duration_since(Instant::now());
            let silence = self.how.bounds.pace.silence_max;
            match self.running.chunks.recv_timeout(left.min(silence)) {
                Ok(chunk) => {
                    self.running.chunk = chunk?;
                    self.running.taken = 0;
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
            let length = self.running.chunk.len() as u64;
            match self.running.left_bytes.checked_sub(length) {
                Some(left) => self.running.left_bytes = left,
                None => {
                    self.running.kill();
                    let limit = self.how.bounds.bytes_max;
                    let what = format!("sent more than the {limit} bytes allowed for an answer");
                    return Err(failed(UpstreamClass::Invalid, &self.how.shown, &what));
                }
            }
        }
        let rest = &self.running.chunk[self.running.taken..];
        let given = rest.len().min(into.len());
        into[..given].copy_from_slice(&rest[..given]);
        self.running.taken += given;
        Ok(given)
    }
}

/// Hands on what the program says until it ends or nobody listens.
fn pump(mut output: impl Read, chunks: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let sent = match output.read(&mut chunk) {
            Ok(0) => return,
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

/// One word of the other side's shell. Source: git, `sq_quote_buf`, whose quoting restricted shells know.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        match character {
            '\'' | '!' => {
                quoted.push_str("'\\");
                quoted.push(character);
                quoted.push('\'');
            }
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}
