//! One run of a program: walled off, bounded in time, output, memory and disk, and ended with all that it started.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// Most that is kept of what a program says about its trouble.
const COMPLAINT_BYTES_MAX: usize = 16 * 1024;

/// How often folders that grow are measured. A fast line writes some 25 MB meanwhile.
const MEASURE_EVERY: Duration = Duration::from_millis(250);

/// Measuring takes at most about one part in this many of the time.
const MEASURE_SHARE: u32 = 10;

/// First and longest pause while waiting for a program that has said all; they nearly always end at once.
const END_PAUSE_FIRST: Duration = Duration::from_micros(200);
const END_PAUSE_MAX: Duration = Duration::from_millis(20);

/// A folder that must not outgrow its bounds while the program runs.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The folder, or a file.
    pub path: PathBuf,
    /// Most bytes in it.
    pub limit_bytes: u64,
    /// Most files in it.
    pub limit_files: u64,
}

/// A run to be made.
#[derive(Debug)]
pub struct Run<'a> {
    /// The program's file.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it runs.
    pub folder: &'a Path,
    /// Its whole environment.
    pub environment: Vec<(&'static str, OsString)>,
    /// When it is ended.
    pub within: Duration,
    /// Most bytes of output.
    pub output_bytes: u64,
    /// Most bytes of memory for its data.
    pub memory_bytes: u64,
    /// What it may fill.
    pub watched: Vec<Watched>,
    /// The repository, for errors.
    pub what: &'a str,
}

/// What came of a run that ended by itself.
#[derive(Debug)]
pub struct Ended {
    /// Whether the program says that all went well.
    pub is_success: bool,
    /// What it printed.
    pub output: Vec<u8>,
    /// What it said about its trouble, shortened.
    pub complaint: String,
}

impl Ended {
    /// The output as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }
}

/// Where a program is, by the words of `PATH`.
pub fn find_program(name: &str, path: &OsStr) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| {
            fs::metadata(file)
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        })
}

enum Event {
    Output(Vec<u8>),
    TooMuch,
    Complaint(Vec<u8>),
}

/// A program whose whole group is killed when this is dropped before it ended.
struct Running {
    child: Child,
    is_over: bool,
}

impl Running {
    fn start(run: &Run<'_>) -> Result<Self, CodeError> {
        use std::os::unix::process::CommandExt;
        let child = Command::new(run.program)
            .args(&run.arguments)
            .current_dir(run.folder)
            .env_clear()
            .envs(run.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| {
                let program = run.program.display();
                CodeError::new(
                    UpstreamClass::Unreachable,
                    format!("{}: {program} could not be started: {error}", run.what),
                )
            })?;
        let running = Self {
            child,
            is_over: false,
        };
        running.bound_memory(run.memory_bytes);
        Ok(running)
    }

    /// Bounds the memory of the program and of what it starts. A system that cannot do it goes without.
    #[cfg(target_os = "linux")]
    fn bound_memory(&self, memory_bytes: u64) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let limit = |bytes| Rlimit {
            current: Some(bytes),
            maximum: Some(bytes),
        };
        let pid = Pid::from_child(&self.child);
        let _ = prlimit(Some(pid), Resource::Data, limit(memory_bytes));
        let _ = prlimit(Some(pid), Resource::Core, limit(0));
    }

    #[cfg(not(target_os = "linux"))]
    fn bound_memory(&self, _memory_bytes: u64) {}

    /// Waits for the end of a program that has closed its output. There is no event for that which has a deadline; the
    /// thread is one that blocks anyway.
    #[allow(clippy::disallowed_methods)]
    fn end(&mut self, until: Instant) -> Option<ExitStatus> {
        let mut pause = END_PAUSE_FIRST;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.is_over = true;
                return Some(status);
            }
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(END_PAUSE_MAX);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // Not reaped yet, so that the number still means this group.
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
///
/// # Errors
/// Class `TooSlow` past the deadline, `Invalid` where output or folders grow over their bounds, `Unreachable` where the
/// program cannot be started. Whatever it says itself is no error here.
pub fn run(run: &Run<'_>) -> Result<Ended, CodeError> {
    let until = Instant::now() + run.within;
    let mut running = Running::start(run)?;
    let (sender, receiver) = mpsc::channel();
    let limit_bytes = run.output_bytes;
    if let Some(output) = running.child.stdout.take() {
        let sender = sender.clone();
        std::thread::spawn(move || read_output(output, limit_bytes, &sender));
    }
    if let Some(complaint) = running.child.stderr.take() {
        std::thread::spawn(move || read_complaint(complaint, &sender));
    }
    let (output, complaint) = collect(run, &receiver, until)?;
    let status = running.end(until).ok_or_else(|| too_slow(run))?;
    Ok(Ended {
        is_success: status.success(),
        output,
        complaint: String::from_utf8_lossy(&complaint).into_owned(),
    })
}

/// Waits until both pipes are closed; looks after time and disk meanwhile.
fn collect(
    run: &Run<'_>,
    receiver: &Receiver<Event>,
    until: Instant,
) -> Result<(Vec<u8>, Vec<u8>), CodeError> {
    let (mut output, mut complaint) = (None, None);
    let mut measure_at = Instant::now() + MEASURE_EVERY;
    while output.is_none() || complaint.is_none() {
        let now = Instant::now();
        if now >= until {
            return Err(too_slow(run));
        }
        let next = if run.watched.is_empty() {
            until
        } else {
            until.min(measure_at)
        };
        match receiver.recv_timeout(next.saturating_duration_since(now)) {
            Ok(Event::Output(bytes)) => output = Some(bytes),
            Ok(Event::Complaint(bytes)) => complaint = Some(bytes),
            Ok(Event::TooMuch) => {
                let limit = run.output_bytes;
                return Err(too_large(
                    run,
                    &format!("an answer of more than {limit} bytes"),
                ));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let begun = Instant::now();
        if begun >= measure_at {
            check_watched(run)?;
            measure_at = Instant::now() + MEASURE_EVERY.max(begun.elapsed() * MEASURE_SHARE);
        }
    }
    check_watched(run)?;
    Ok((output.unwrap_or_default(), complaint.unwrap_or_default()))
}

fn check_watched(run: &Run<'_>) -> Result<(), CodeError> {
    for watched in &run.watched {
        let (mut bytes, mut files) = (0, 0);
        measure(&watched.path, &mut |size_bytes| {
            bytes += size_bytes;
            files += 1;
            bytes <= watched.limit_bytes && files <= watched.limit_files
        });
        if bytes > watched.limit_bytes {
            let limit = watched.limit_bytes;
            return Err(too_large(run, &format!("more than {limit} bytes on disk")));
        }
        if files > watched.limit_files {
            let limit = watched.limit_files;
            return Err(too_large(run, &format!("more than {limit} files on disk")));
        }
    }
    Ok(())
}

/// Tells `note` the size of every file below, until it says no. Folders count as files without bytes, links are not
/// followed, and what vanishes meanwhile is passed over.
fn measure(path: &Path, note: &mut dyn FnMut(u64) -> bool) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else {
        return true;
    };
    if !found.is_dir() {
        return note(found.len());
    }
    if !note(0) {
        return false;
    }
    let Ok(entries) = fs::read_dir(path) else {
        return true;
    };
    entries.flatten().all(|entry| measure(&entry.path(), note))
}

fn read_output(output: impl Read, limit_bytes: u64, sender: &Sender<Event>) {
    let mut bytes = Vec::new();
    let _ = output
        .take(limit_bytes.saturating_add(1))
        .read_to_end(&mut bytes);
    // The receiver is gone where the run has been given up.
    let _ = sender.send(if bytes.len() as u64 > limit_bytes {
        Event::TooMuch
    } else {
        Event::Output(bytes)
    });
}

/// Keeps the beginning and reads on, so that the program is not held up.
fn read_complaint(mut complaint: impl Read, sender: &Sender<Event>) {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match complaint.read(&mut buffer) {
            Ok(0) => break,
            Ok(bytes) => {
                let room = COMPLAINT_BYTES_MAX.saturating_sub(kept.len());
                kept.extend_from_slice(&buffer[..bytes.min(room)]);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let _ = sender.send(Event::Complaint(kept));
}

fn too_slow(run: &Run<'_>) -> CodeError {
    CodeError::new(
        UpstreamClass::TooSlow,
        format!(
            "{}: {} did not end within {} s",
            run.what,
            name_of(run.program),
            run.within.as_secs_f32()
        ),
    )
}

fn too_large(run: &Run<'_>, what: &str) -> CodeError {
    CodeError::invalid(format!(
        "{}: {} made {what}, so it was stopped",
        run.what,
        name_of(run.program)
    ))
}

/// The program's name for errors.
pub fn name_of(program: &Path) -> String {
    program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests;
