//! The real git behind HTTP and behind programs, and servers that do not do what they should.

mod addresses;
mod over_http;
mod over_programs;
mod server;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use git::config::GitConfig;
use git::id::ObjectId;
use git::protocol::{Deepen, FetchAsk, FetchError, ProtocolError, ProtocolLimits, Session, Wire};
use tokio::runtime::Runtime;

use super::{RemoteBounds, RemoteSettings, Remotes};
use crate::outside::{Outside, OutsideConfig, Pace};
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// Remotes on a runtime of their own.
struct Ways {
    remotes: Remotes,
    _runtime: Runtime,
}

impl Ways {
    fn new(settings: RemoteSettings) -> Self {
        let mut config = OutsideConfig::new("0.0.0", "https://example.com/granary", "test");
        config.connect_within = Duration::from_secs(2);
        Self::over(&config, settings)
    }

    fn over(config: &OutsideConfig, settings: RemoteSettings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let outside = Outside::new(config).unwrap();
        Self {
            remotes: Remotes::new(outside, runtime.handle().clone(), settings),
            _runtime: runtime,
        }
    }

    /// Opens a conversation; an error is what the wire had in it.
    fn open(&self, url: &str) -> Result<Session<Box<dyn Wire + Send>>, CodeError> {
        let wire = self.remotes.open(url)?;
        Session::open(wire, &ProtocolLimits::default()).map_err(code_of)
    }

    #[track_caller]
    fn check_refused(&self, url: &str, class: UpstreamClass, want: &str) {
        let Err(error) = self.open(url) else {
            panic!("{url} was opened");
        };
        assert_eq!(error.class, class, "{error}");
        assert!(error.text.contains(want), "{error} does not say {want:?}");
    }
}

/// The error that a wire put into one of the protocol.
#[track_caller]
fn code_of(error: ProtocolError) -> CodeError {
    let ProtocolError::Wire(cause) = error else {
        return CodeError::invalid(format!("protocol: {error}"));
    };
    let inner = cause.get_ref().and_then(|inner| inner.downcast_ref());
    CodeError::clone(inner.unwrap())
}

/// Settings under which `https://code.test/` stands for `base`.
fn standing_for(base: &str) -> RemoteSettings {
    let config = format!("[url \"{base}\"]\n insteadOf = https://code.test/\n");
    RemoteSettings {
        config: GitConfig::parse(config.as_bytes()).unwrap(),
        git: Some("/usr/bin/git".into()),
        bounds: RemoteBounds {
            answer_within: Duration::from_secs(5),
            whole_within: Duration::from_secs(10),
            pace: Pace {
                silence_max: Duration::from_secs(5),
                window: Duration::from_secs(5),
                bytes_min: 1,
            },
            bytes_max: 1 << 20,
        },
        ..RemoteSettings::default()
    }
}

/// A folder with the bare repository `r.git`: three commits on main, a tag at the second.
struct Repositories {
    room: tempfile::TempDir,
    commits: Vec<ObjectId>,
}

impl Repositories {
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Repositories> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    fn new() -> Self {
        let room = tempfile::tempdir().unwrap();
        run(
            room.path(),
            &["init", "-q", "--bare", "-b", "main", "r.git"],
            b"",
        );
        let mut script = String::new();
        for n in 1..=3 {
            script.push_str(&format!(
                "commit refs/heads/main\ncommitter T <t@t> 170000000{n} +0000\ndata 1\nc\nM 100644 inline f{n}\ndata 2\n{n}\n"
            ));
            if n == 2 {
                script.push_str("reset refs/tags/v1.0.0\nfrom refs/heads/main\n\n");
            }
        }
        let path = room.path().join("r.git");
        run(&path, &["fast-import", "--quiet"], script.as_bytes());
        let listed = run(&path, &["rev-list", "--reverse", "main"], b"");
        let listed = String::from_utf8(listed).unwrap();
        Self {
            commits: listed.lines().map(|id| id.parse().unwrap()).collect(),
            room,
        }
    }

    fn path(&self) -> PathBuf {
        self.room.path().to_owned()
    }
}

#[track_caller]
fn run(directory: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .current_dir(directory)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    output.stdout
}

/// Fetches one commit without its history and gives the pack.
fn fetch<W: Wire>(
    session: &mut Session<W>,
    id: ObjectId,
) -> Result<Vec<u8>, FetchError<std::io::Error>> {
    let wants = [id];
    let ask = FetchAsk {
        wants: &wants,
        deepen: Deepen::Commits(1),
        ..FetchAsk::default()
    };
    let fetched = session.fetch(&ask, |pack| {
        let mut bytes = Vec::new();
        pack.read_to_end(&mut bytes).map(|_| bytes)
    })?;
    assert_eq!(fetched.change.shallow, wants);
    Ok(fetched.taken)
}

/// Lists and fetches twice.
#[track_caller]
fn check_conversation<W: Wire>(session: &mut Session<W>, repositories: &Repositories) {
    let list = session.list_refs(&["HEAD", "refs/tags/"]).unwrap();
    let tag = list.find("refs/tags/v1.0.0").unwrap().id;
    assert_eq!(tag, repositories.commits[1]);
    assert_eq!(list.find("HEAD").unwrap().id, repositories.commits[2]);
    for (id, objects) in [(tag, 4), (repositories.commits[2], 5)] {
        let pack = fetch(session, id).unwrap();
        // A commit, its tree and its files; what follows is the pack reader's to check.
        assert_eq!(
            pack[..12],
            [b"PACK\0\0\0\x02\0\0\0".as_slice(), &[objects]].concat()
        );
    }
}
