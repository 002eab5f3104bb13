//! What several tests of commands and of places need: outputs taken apart, and servers started by hand.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::rig::granary::{Granary, Setup};

/// Whether a command finds a server on its folder or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A server runs and does the work.
    Socket,
    /// None runs.
    Folder,
}

/// Both ways.
pub const WAYS: [Way; 2] = [Way::Socket, Way::Folder];

impl Way {
    /// Starts a server where this way needs one.
    pub fn enter(self, setup: &Setup) -> Option<Granary> {
        (self == Self::Socket).then(|| setup.start())
    }
}

/// Everything a command said.
pub fn said(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    format!("{out}{}", String::from_utf8_lossy(&output.stderr))
}

/// Runs a command that must end with this code; gives its standard output.
#[track_caller]
pub fn run(setup: &Setup, arguments: &[&str], code: i32) -> String {
    check(&mut setup.command(arguments), code)
}

/// As [`run`], for a command with more to it.
#[track_caller]
pub fn check(command: &mut Command, code: i32) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{command:?}\n{}",
        said(&output)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The JSON lines of one type, `finding` or `done` for example.
pub fn lines_of(out: &str, kind: &str) -> Vec<Value> {
    let lines = out.lines().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("not JSON: {e}: {line}"))
    });
    lines.filter(|line| line["type"] == kind).collect()
}

/// A process that is killed when it is dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command with its output in a file of this name.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self {
            child,
            log: log.to_owned(),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn kill(mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("--- the log of {}:\n{}", self.id(), self.log());
        }
    }
}

/// Whether the tests run as root and may mount; says so where not.
pub fn may_mount(what: &str) -> bool {
    let tried = Command::new("unshare")
        .args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        crate::rig::skip(what, "this user may not mount file systems");
    }
    may
}
