//! Conversations with the real upload-pack of every version, and with servers that lie.

mod hostile;
mod real;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use super::{ProtocolError, Session, Wire, WireError};

/// `git` with nothing of the user's and the machine's own configuration.
pub(super) fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_DATE", "1700000000 +0000")
        .env("GIT_COMMITTER_DATE", "1700000000 +0000");
    command
}

/// Runs git with input and gives its output; it must succeed.
#[track_caller]
pub(super) fn run(directory: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = git(directory)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    output.stdout
}

/// A bare repository: 60 commits on main, each with the lightweight tag `v1.<n>.0`; the annotated tag `v2.0.0` and the
/// branch `old` on the 10th.
pub(super) struct Repository {
    pub(super) path: PathBuf,
    pub(super) commits: Vec<String>,
    _room: tempfile::TempDir,
}

impl Repository {
    pub(super) fn new(format: &str) -> Self {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("r.git");
        let init = ["init", "-q", "--bare", "-b", "main"];
        let format = format!("--object-format={format}");
        run(room.path(), &[&init[..], &[&format, "r.git"]].concat(), b"");
        let mut script = String::new();
        for n in 1..=60 {
            script.push_str(&format!(
                "commit refs/heads/main\ncommitter T <t@t> {} +0000\ndata 1\nc\nM 100644 inline f{n}\ndata <<E\n{n}\nE\n\n\
                 reset refs/tags/v1.{n}.0\nfrom refs/heads/main\n\n",
                1_700_000_000 + n
            ));
        }
        script.push_str("reset refs/heads/old\nfrom refs/tags/v1.10.0\n\n");
        script.push_str(
            "tag v2.0.0\nfrom refs/tags/v1.10.0\ntagger T <t@t> 1700000999 +0000\ndata 1\nt\n",
        );
        run(&path, &["fast-import", "--quiet"], script.as_bytes());
        let listed = run(&path, &["rev-list", "--reverse", "main"], b"");
        Self {
            path,
            commits: String::from_utf8(listed)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect(),
            _room: room,
        }
    }

    pub(super) fn shared() -> &'static Self {
        static SHARED: OnceLock<Repository> = OnceLock::new();
        SHARED.get_or_init(|| Self::new("sha1"))
    }

    /// Opens a session that asks for a version of the protocol.
    #[track_caller]
    pub(super) fn open(&self, version: u8, is_stateless: bool) -> Session<Program> {
        let wire = Program::new(&self.path, version, is_stateless);
        Session::open(wire, &Default::default()).unwrap()
    }
}

/// A wire over the real `git upload-pack`, as a stream or as HTTP would carry it.
pub(super) struct Program {
    path: PathBuf,
    version: u8,
    is_stateless: bool,
    child: Option<(Child, Option<ChildStdin>)>,
}

impl Program {
    fn new(path: &Path, version: u8, is_stateless: bool) -> Self {
        Self {
            path: path.to_owned(),
            version,
            is_stateless,
            child: None,
        }
    }

    fn start(&mut self, options: &[&str]) {
        self.stop();
        let mut command = git(&self.path);
        command
            .env("GIT_PROTOCOL", format!("version={}", self.version))
            .arg("upload-pack")
            .args(options)
            .arg(".")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        self.child = Some((child, stdin));
    }

    fn stop(&mut self) {
        if let Some((mut child, stdin)) = self.child.take() {
            drop(stdin);
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    fn answer(&mut self) -> Box<dyn Read + '_> {
        Box::new(self.child.as_mut().unwrap().0.stdout.as_mut().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Wire for Program {
    fn greet(&mut self) -> Result<Box<dyn Read + '_>, WireError> {
        match self.is_stateless {
            true => self.start(&["--stateless-rpc", "--http-backend-info-refs"]),
            false => self.start(&[]),
        }
        Ok(self.answer())
    }

    fn ask(&mut self, request: &[u8]) -> Result<Box<dyn Read + '_>, WireError> {
        if self.is_stateless {
            self.start(&["--stateless-rpc"]);
        }
        let (_, stdin) = self.child.as_mut().unwrap();
        stdin.as_mut().unwrap().write_all(request)?;
        if self.is_stateless {
            *stdin = None;
        }
        Ok(self.answer())
    }

    fn is_stateless(&self) -> bool {
        self.is_stateless
    }
}

/// Bytes made of lines: each becomes a pkt-line with a newline, `0000` and `0001` stay what they are.
pub(super) fn lines(lines: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        match *line {
            "0000" | "0001" => bytes.extend_from_slice(line.as_bytes()),
            text => bytes.extend_from_slice(&packet(format!("{text}\n").as_bytes())),
        }
    }
    bytes
}

/// One pkt-line.
pub(super) fn packet(bytes: &[u8]) -> Vec<u8> {
    let mut packet = format!("{:04x}", bytes.len() + 4).into_bytes();
    packet.extend_from_slice(bytes);
    packet
}

#[track_caller]
pub(super) fn check_says<T>(found: Result<T, ProtocolError>, want: &str) {
    let Err(error) = found else {
        panic!("no error, wanted {want}");
    };
    let text = error.to_string();
    assert!(text.contains(want), "{text:?} does not say {want:?}");
}
