//! A scratch folder with repositories and the servers for them, and what reads them.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gomod::zip::{Kind, Tree};
use origin::guard::{AllowList, Guard};
use origin::vcs::code::{Code, Tag};
use origin::vcs::programs::{ProgramBounds, ProgramSettings, Programs};

/// Whether all of these programs are there; says so where not, which is a failure in strict mode.
#[track_caller]
pub fn have(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in programs {
        if !std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
            assert!(
                std::env::var_os("GRANARY_STRICT").is_none_or(|strict| strict != "1"),
                "{program} is not installed, which strict mode does not allow"
            );
            // Not by a macro: those are caught by the test harness when the test passes.
            let line = format!("skipped: {program} is not installed\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return false;
        }
    }
    true
}

/// A scratch folder.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("vcs-it-")
            .tempdir()
            .unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes files below a folder of it.
    pub fn write(&self, folder: &str, files: &[(&str, &str)]) {
        for (file, text) in files {
            let path = self.join(folder).join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    fn command(&self, folder: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.join(folder))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.join("home"))
            .env("USER", "tester")
            .env("LC_ALL", "C.UTF-8")
            .env("BRZ_EMAIL", "Tester <tester@example.com>")
            .env("HGUSER", "tester")
            .stdin(Stdio::null());
        command
    }

    /// Runs a program in a folder; it must succeed. Gives what it printed.
    #[track_caller]
    pub fn run(&self, folder: &str, program: &str, arguments: &[&str]) -> String {
        let output = self.command(folder, program, arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{program} {arguments:?} failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a server and waits until it listens; `arguments` are made for a free port.
    #[track_caller]
    #[allow(clippy::disallowed_methods)]
    pub fn serve(&self, program: &str, arguments: impl Fn(u16) -> Vec<String>) -> Serving {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let arguments = arguments(port);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let child = self
            .command("", program, &arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let serving = Serving { child, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{program} {arguments:?} does not listen"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        serving
    }

    /// Settings for reading what is on loopback, by any scheme, always asking anew.
    pub fn settings(&self) -> ProgramSettings {
        let allow = AllowList::new(["127.0.0.0/8"]).unwrap();
        ProgramSettings {
            work_folder: self.join("work"),
            path: std::env::var_os("PATH").unwrap_or_default(),
            guard: Arc::new(Guard::new(allow, [])),
            allowed_schemes: ["https", "http", "svn", "bzr", "file"]
                .map(str::to_owned)
                .to_vec(),
            bounds: ProgramBounds {
                fresh_for: Duration::ZERO,
                ..ProgramBounds::default()
            },
        }
    }

    /// Opens a repository with these settings.
    #[track_caller]
    pub fn open(&self, vcs: &str, url: &str) -> Arc<dyn Code> {
        let programs = Programs::new(self.settings()).unwrap();
        programs.open(vcs, url).unwrap()
    }

    /// Opens a repository whose clone stays as it is once it is there.
    #[track_caller]
    pub fn open_lasting(&self, vcs: &str, url: &str) -> Arc<dyn Code> {
        let mut settings = self.settings();
        settings.bounds.fresh_for = Duration::from_secs(3600);
        let programs = Programs::new(settings).unwrap();
        programs.open(vcs, url).unwrap()
    }

    /// Names of what lies in the work folder, sorted.
    pub fn kept(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.join("work"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// A server that ends when dropped.
pub struct Serving {
    child: Child,
    port: u16,
}

impl Serving {
    /// A URL on it.
    pub fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names of tags.
pub fn names(tags: &[Tag]) -> Vec<&str> {
    tags.iter().map(|tag| tag.name.as_str()).collect()
}

/// Paths of a tree with contents, `->` before those of links; sorted.
pub fn contents(tree: &mut dyn Tree) -> Vec<(String, String)> {
    let mut contents = Vec::new();
    for index in 0..tree.files().len() {
        let file = tree.files()[index].clone();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut tree.open(index).unwrap(), &mut text).unwrap();
        let arrow = if file.kind == Kind::Symlink { "->" } else { "" };
        contents.push((file.path, format!("{arrow}{text}")));
    }
    contents.sort();
    contents
}

/// Compares contents of a tree.
#[track_caller]
pub fn check_tree(tree: &mut dyn Tree, want: &[(&str, &str)]) {
    let found = contents(tree);
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    assert_eq!(found, want);
}
