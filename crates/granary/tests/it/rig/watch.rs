//! A server under watch: every connection it opens, every name it makes or removes and every program it starts is read
//! from a trace of its system calls. It sees a table of hosts that the test wrote, and no other resolver.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::{skip, wait_until};

/// What is traced: what opens connections, what makes, changes or removes names, and what starts programs.
const CALLS: &str = "trace=connect,execve,execveat,open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,\
renameat2,link,linkat,unlink,unlinkat,symlink,symlinkat,rmdir,truncate,chmod,fchmodat,chown,fchownat,setxattr";

/// Puts the hosts of the test in the place of this machine's, then starts what follows under trace. The tracer is the
/// detached one, so that the process that was started is the server itself.
const SCRIPT: &str = "mount --bind \"$1\" /etc/hosts && mount --bind \"$2\" /etc/nsswitch.conf && trace=$3 && shift 3 && \
exec strace -D -f -y --seccomp-bpf -q -e signal=KILL -o \"$trace\" -e \"$0\" -- \"$@\"";

/// Files and folders besides the data folder that may be opened for writing.
const DEVICES: [&str; 2] = ["/dev/null", "/dev/tty"];

/// How servers are put under watch.
#[derive(Clone, Debug)]
pub struct Watch {
    unshare: &'static [&'static str],
    hosts: PathBuf,
    names: PathBuf,
}

impl Watch {
    /// A watch whose files lie in `folder`; none, and a skip, where this machine has no such means. `hosts` has the form
    /// of `/etc/hosts`.
    pub fn new(folder: &Path, hosts: &str) -> Option<Self> {
        let watch = |unshare| {
            let watch = Self {
                unshare,
                hosts: folder.join("hosts"),
                names: folder.join("nsswitch.conf"),
            };
            std::fs::write(&watch.hosts, format!("127.0.0.1 localhost\n{hosts}")).unwrap();
            std::fs::write(&watch.names, "hosts: files\n").unwrap();
            watch
        };
        static WAY: OnceLock<Option<&'static [&'static str]>> = OnceLock::new();
        let ways: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];
        let found = WAY.get_or_init(|| ways.into_iter().find(|way| watch(way).works()));
        if found.is_none() {
            let why = "needs strace and the right to a mount namespace of its own";
            skip("the watch over system calls", why);
        }
        found.map(watch)
    }

    /// A command that runs `program` under watch.
    pub fn command(&self, program: &str, trace: &Path) -> Command {
        let mut command = Command::new("unshare");
        command.args(self.unshare).args(["sh", "-c", SCRIPT, CALLS]);
        command.args([&self.hosts, &self.names, &trace.to_owned()]);
        command.arg(program);
        command
    }

    fn works(&self) -> bool {
        let trace = self.hosts.with_file_name("trace-of-nothing");
        let mut command = self.command("true", &trace);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }
}

/// What a trace must not show.
#[derive(Debug, Default)]
pub struct Allowed {
    /// Where connections may go.
    pub to: Vec<SocketAddr>,
    /// Folders below which names may be made and removed.
    pub folders: Vec<PathBuf>,
    /// Programs that may be started, by the last element of their path.
    pub programs: Vec<&'static str>,
}

/// What a server did, as far as it concerns others.
#[derive(Debug, Default)]
pub struct Seen {
    /// What was not allowed, each once.
    pub wrong: BTreeSet<String>,
    /// How many connections it opened, and how many names it made or removed: with none the watch was blind.
    pub connections: usize,
    pub names: usize,
}

/// Reads the trace of a process that has ended.
#[track_caller]
pub fn read(trace: &Path, process_id: u32, allowed: &Allowed) -> Seen {
    let mut text = String::new();
    let process_id = process_id.to_string();
    wait_until(Duration::from_secs(30), "the end of the trace", || {
        text = String::from_utf8_lossy(&std::fs::read(trace).unwrap_or_default()).into_owned();
        let mut lines = text.lines().rev();
        lines.any(|line| {
            line.split_whitespace()
                .take(2)
                .eq([process_id.as_str(), "+++"])
        })
    });
    let mut seen = Seen::default();
    for line in text.lines() {
        // The first word is the process, padded.
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if let Some((name, arguments)) = call.split_once('(')
            && is_name(name)
        {
            judge(name, arguments, allowed, &mut seen);
        }
    }
    seen
}

fn judge(name: &str, arguments: &str, allowed: &Allowed, seen: &mut Seen) {
    match name {
        "connect" => judge_connection(arguments, allowed, seen),
        "execve" | "execveat" => {
            let program = quoted(arguments).next().map(|(_, path)| path);
            let last = program.as_deref().and_then(|path| path.rsplit('/').next());
            let is_own = last
                == Path::new(env!("CARGO_BIN_EXE_granary"))
                    .file_name()
                    .and_then(|n| n.to_str());
            if !is_own && !allowed.programs.iter().any(|known| Some(*known) == last) {
                seen.wrong.insert(format!("started {program:?}"));
            }
        }
        "open" | "openat" | "openat2" => {
            let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"];
            if writes.iter().any(|flag| arguments.contains(flag)) {
                judge_names(name, arguments, allowed, seen);
            }
        }
        _ => judge_names(name, arguments, allowed, seen),
    }
}

fn judge_connection(arguments: &str, allowed: &Allowed, seen: &mut Seen) {
    let part = |from: &str, to: char| {
        let (_, rest) = arguments.split_once(from)?;
        rest.split_once(to).map(|(part, _)| part)
    };
    if let Some(path) = part("sun_path=\"", '"') {
        // Asked by the C library before it reads the table of hosts; a server asks who else is on its own folder.
        let is_own = allowed
            .folders
            .iter()
            .any(|folder| Path::new(path).starts_with(folder));
        if path != "/var/run/nscd/socket" && !is_own {
            seen.wrong.insert(format!("connected to {path}"));
        }
        return;
    }
    let port = part("sin_port=htons(", ')').or_else(|| part("sin6_port=htons(", ')'));
    let address = part("inet_addr(\"", '"').or_else(|| part("inet_pton(AF_INET6, \"", '"'));
    let (Some(port), Some(address)) = (port, address) else {
        if !arguments.contains("AF_UNSPEC") {
            seen.wrong.insert(format!("connected to {arguments}"));
        }
        return;
    };
    // With port 0 the C library asks the kernel for a route; nothing is sent.
    if port == "0" {
        return;
    }
    seen.connections += 1;
    let to = SocketAddr::new(address.parse().unwrap(), port.parse().unwrap());
    if !allowed.to.contains(&to) {
        seen.wrong.insert(format!("connected to {to}"));
    }
}

fn judge_names(name: &str, arguments: &str, allowed: &Allowed, seen: &mut Seen) {
    for (before, path) in quoted(arguments) {
        seen.names += 1;
        let base = before
            .rsplit_once('<')
            .map(|(_, base)| base.trim_end_matches(['>', ',', ' ']));
        let path = plain(&Path::new(base.unwrap_or("/")).join(&path));
        let is_device = DEVICES.iter().any(|device| path == Path::new(device));
        if !is_device
            && !allowed
                .folders
                .iter()
                .any(|folder| path.starts_with(folder))
        {
            seen.wrong.insert(format!("{name} of {}", path.display()));
        }
    }
}

/// The quoted texts among the arguments, each with what stands between it and the one before.
fn quoted(arguments: &str) -> impl Iterator<Item = (String, String)> {
    let mut parts = arguments.split('"');
    std::iter::from_fn(move || {
        let before = parts.next()?.to_owned();
        Some((before, parts.next()?.to_owned()))
    })
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[test]
fn traces_are_judged() {
    let allowed = Allowed {
        to: vec!["127.0.0.1:80".parse().unwrap()],
        folders: vec!["/data".into()],
        programs: vec!["git"],
    };
    let judged = |call: &str| {
        let mut seen = Seen::default();
        let (name, arguments) = call.split_once('(').unwrap();
        judge(name, arguments, &allowed, &mut seen);
        seen.wrong.into_iter().collect::<String>()
    };
    for call in [
        r#"connect(9<socket:[1]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0"#,
        r#"openat(AT_FDCWD</x>, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3"#,
        r#"openat(AT_FDCWD</x>, "/data/a", O_WRONLY|O_CREAT <unfinished ...>"#,
        r#"renameat(7</data/b>, "c", 7</data/b>, "d") = 0"#,
        r#"execve("/usr/bin/git", ["git"], 0x1 /* 2 vars */) = 0"#,
    ] {
        assert_eq!(judged(call), "", "{call}");
    }
    for (call, want) in [
        (
            r#"connect(9, {sa_family=AF_INET, sin_port=htons(81), sin_addr=inet_addr("127.0.0.1")}, 16) = 0"#,
            "connected to 127.0.0.1:81",
        ),
        (
            r#"connect(9, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = -1"#,
            "connected to [::1]:80",
        ),
        (
            r#"connect(9, {sa_family=AF_UNIX, sun_path="/run/x"}, 110) = 0"#,
            "connected to /run/x",
        ),
        (
            r#"openat(AT_FDCWD</data>, "../x", O_WRONLY|O_CREAT) = 3"#,
            "openat of /x",
        ),
        (
            r#"linkat(AT_FDCWD</>, "/data/a", AT_FDCWD</>, "/etc/a", 0) = -1 EPERM"#,
            "linkat of /etc/a",
        ),
        (r#"unlink("/data2/a") = 0"#, "unlink of /data2/a"),
        (
            r#"execve("/bin/sh", ["sh"], 0x1) = 0"#,
            r#"started Some("/bin/sh")"#,
        ),
    ] {
        assert_eq!(judged(call), want, "{call}");
    }
}
