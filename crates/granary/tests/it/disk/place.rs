//! A server whose folders lie on file systems of the test's own, in a mount namespace that ends with the test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::by_hand::{Process, may_mount, said};
use crate::rig::address::free_address;
use crate::rig::granary::Setup;
use crate::rig::{raw, wait_until};

/// A mount namespace. Its file systems are gone when it is dropped, whatever happened to the test.
pub struct Place {
    holder: Child,
    setup: Setup,
}

impl Place {
    /// Mounts a file system of memory with these options at every folder; nothing where the tests may not mount.
    pub fn mount(what: &str, setup: &Setup, mounts: &[(&Path, &str)]) -> Option<Self> {
        if !may_mount(what) {
            return None;
        }
        let mut script = String::new();
        for (folder, options) in mounts {
            std::fs::create_dir_all(folder).unwrap();
            script += &format!("mount -t tmpfs -o {options} tmpfs {} && ", folder.display());
        }
        // It lives for as long as somebody holds its input open.
        let mut holder = Command::new("unshare")
            .args([
                "-m",
                "sh",
                "-c",
                &format!("{script} echo mounted && exec cat"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(holder.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "mounted\n");
        Some(Self {
            holder,
            setup: setup.clone(),
        })
    }

    /// A folder in there, as it is reached from outside.
    pub fn inside(&self, folder: &Path) -> PathBuf {
        PathBuf::from(format!(
            "/proc/{}/root{}",
            self.holder.id(),
            folder.display()
        ))
    }

    /// A command in there.
    pub fn enter(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(["-t", &self.holder.id().to_string(), "-m", "--"]);
        inside.arg(command.get_program());
        take_over(&mut inside, command);
        inside
    }

    /// Whether a file system could be mounted anew with other options.
    pub fn remount(&self, folder: &Path, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount
            .args(["-o", &format!("remount,{options}")])
            .arg(folder);
        mount.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        self.enter(&mount).output().unwrap().status.success()
    }

    /// Starts the server in there and waits until it is ready.
    pub fn start(&self) -> Server {
        Server::start(&self.setup, |command| self.enter(command))
    }

    /// `granary verify` finds nothing missing and nothing wrong; `doctor` finds what it should.
    #[track_caller]
    pub fn check_verified(&self) {
        let output = self.enter(&self.setup.command(&["verify"])).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }

    /// What `granary doctor` says, and with which code it ends.
    pub fn doctor(&self) -> (Option<i32>, String) {
        let output = self.enter(&self.setup.command(&["doctor"])).output();
        let output = output.unwrap();
        (output.status.code(), said(&output))
    }

    /// Nothing that came in part is left on its way in.
    #[track_caller]
    pub fn check_nothing_partial(&self, store: &Path) {
        let incoming = self.inside(store).join("incoming");
        wait_until(Duration::from_secs(5), "rid of what came in part", || {
            std::fs::read_dir(&incoming).is_ok_and(|mut files| files.next().is_none())
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}

/// The command as it is: a server on folders of this machine.
pub fn plain(command: &Command) -> Command {
    let mut same = Command::new(command.get_program());
    take_over(&mut same, command);
    same
}

pub fn take_over(command: &mut Command, from: &Command) {
    command.args(from.get_args()).env_clear();
    for (name, value) in from.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
}

/// A running server.
pub struct Server {
    process: Process,
    pub address: SocketAddr,
}

impl Server {
    /// Starts it, by a command that `wrap` made of the plain one, and waits until it is ready.
    pub fn start(setup: &Setup, wrap: impl FnOnce(&Command) -> Command) -> Self {
        let address = free_address();
        let plain = setup.command(&["serve", "--listen", &address.to_string()]);
        let log = setup.folder("logs").join(address.port().to_string());
        let process = Process::start(&mut wrap(&plain), &log);
        let server = Self { process, address };
        wait_until(Duration::from_secs(30), "ready", || {
            raw::get(address, "/readyz").status == 200
        });
        server
    }

    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Its process. `nsenter` and `prlimit` become what they start, so it is the server's own.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

/// A file that takes room away.
pub struct Filler(PathBuf);

impl Filler {
    /// Leaves so many bytes free on the file system of a folder.
    pub fn leaving(folder: &Path, left_bytes: u64) -> Self {
        let filler = Self(folder.join("filler"));
        let free = free_bytes(folder);
        let size = free.saturating_sub(left_bytes).to_string();
        let made = Command::new("fallocate")
            .args(["-l", &size])
            .arg(&filler.0)
            .output()
            .unwrap();
        assert!(made.status.success() || size == "0", "{}", said(&made));
        filler
    }

    /// Leaves nothing free at all, although others write meanwhile.
    pub fn to_the_brim(folder: &Path) -> Self {
        let filler = Self(folder.join("filler"));
        let filled = Command::new("sh")
            .args(["-c", "cat /dev/zero > \"$0\""])
            .arg(&filler.0)
            .output()
            .unwrap();
        assert!(!filled.status.success(), "it never filled up");
        filler
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

/// What is free on the file system of a folder.
fn free_bytes(folder: &Path) -> u64 {
    let output = Command::new("stat")
        .args(["-f", "-c", "%a %S"])
        .arg(folder)
        .output()
        .unwrap();
    let text = said(&output);
    let (blocks, size) = text.trim().split_once(' ').unwrap();
    blocks.parse::<u64>().unwrap() * size.parse::<u64>().unwrap()
}

/// Something done to the system calls of a running server, until it is dropped.
pub struct Strace(Child);

impl Strace {
    /// Injects into a process by this rule; `path` limits it to one file. Nothing where strace cannot be had.
    pub fn inject(what: &str, server: &Server, rule: &str, paths: &[&Path]) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-e", &format!("inject={rule}")]);
        // Only what is injected into is traced: everything else goes on at its own speed, or nearly so.
        let calls = rule.split(':').next().unwrap_or_default();
        command.args(["-e", &format!("trace={calls}")]);
        for path in paths {
            command.arg("-P").arg(path);
        }
        let started = command
            .args(["-p", &server.id().to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else {
            crate::rig::skip(what, "there is no strace");
            return None;
        };
        let mut says = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains(" attached") {
            line.clear();
            if says.read_line(&mut line).unwrap() == 0 {
                child.wait().ok();
                crate::rig::skip(what, "strace may not attach to a process here");
                return None;
            }
        }
        // Nobody else reads what it says, and it must not be held up by that.
        std::thread::spawn(move || std::io::copy(&mut says, &mut std::io::sink()));
        Some(Self(child))
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // A TERM makes it let go of the process; a KILL would too, but might leave a call half injected.
        let kill = format!("kill -TERM {}", self.0.id());
        Command::new("sh").args(["-c", &kill]).status().ok();
        self.0.wait().ok();
    }
}
