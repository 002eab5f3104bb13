//! A PostgreSQL for this test binary alone: made on scratch, reached by a Unix socket and loopback, stopped at the end.
//!
//! The server refuses to run as root, so root hands it to a system account. It is stopped by its own pid when the test
//! process ends, however it ends: a shell waits on a pipe that only this process holds open.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

static SERVER: OnceLock<Option<Server>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

struct Server {
    bin: PathBuf,
    sockets: PathBuf,
    port: u16,
    account: Option<String>,
    /// Holds the pipe open; its shell stops the server and clears the scratch when this process is gone.
    _guard: Child,
}

/// The address of a new, empty database; nothing where PostgreSQL is not installed.
pub fn fresh_database() -> Option<String> {
    let server = SERVER.get_or_init(start).as_ref()?;
    let name = format!("contract_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    server.run(
        "createdb",
        &[
            "-h",
            &server.sockets.display().to_string(),
            "-U",
            "granary",
            &name,
        ],
    );
    // Half of the tests by socket, half by loopback: both must work.
    let host = if DATABASES.load(Ordering::Relaxed).is_multiple_of(2) {
        "127.0.0.1"
    } else {
        "localhost"
    };
    Some(match host {
        "localhost" => format!(
            "postgres://granary@localhost:{}/{name}?host={}",
            server.port,
            server.sockets.display().to_string().replace('/', "%2F")
        ),
        _ => format!("postgres://granary@127.0.0.1:{}/{name}", server.port),
    })
}

/// Makes and starts the server.
fn start() -> Option<Server> {
    let Some(bin) = find_binaries() else {
        eprintln!("skipped: PostgreSQL not installed");
        assert!(
            std::env::var_os("GRANARY_STRICT").is_none_or(|strict| strict != "1"),
            "PostgreSQL is not installed and a skip is a failure in strict mode"
        );
        return None;
    };
    let scratch = tempfile::Builder::new()
        .prefix("granary-pg-")
        .tempdir_in("/tmp")
        .unwrap()
        .keep();
    fs::set_permissions(&scratch, fs::Permissions::from_mode(0o755)).unwrap();
    let account = unprivileged_account();
    let data = scratch.join("data");
    let sockets = scratch.join("s");
    for folder in [&data, &sockets] {
        fs::create_dir(folder).unwrap();
        if let Some((_, uid, gid)) = &account {
            chown(folder, Some(*uid), Some(*gid)).unwrap();
        }
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let guard = guard(&scratch, &data);
    let server = Server {
        bin,
        sockets,
        port,
        account: account.map(|(name, _, _)| name),
        _guard: guard,
    };
    let data = data.display().to_string();
    server.run(
        "initdb",
        &[
            "-D",
            &data,
            "-A",
            "trust",
            "-U",
            "granary",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ],
    );
    let options = format!(
        "-p {port} -k {} -c listen_addresses=127.0.0.1 -c max_connections=300 -c shared_buffers=16MB -c fsync=off",
        server.sockets.display()
    );
    let log = format!("{}/server.log", server.sockets.display());
    server.run(
        "pg_ctl",
        &[
            "-w", "-t", "60", "-D", &data, "-l", &log, "-o", &options, "start",
        ],
    );
    Some(server)
}

impl Server {
    #[track_caller]
    fn run(&self, program: &str, args: &[&str]) {
        let mut command = match &self.account {
            None => Command::new(self.bin.join(program)),
            Some(account) => {
                let mut command = Command::new("setpriv");
                command.args([
                    "--reuid",
                    account,
                    "--regid",
                    account,
                    "--clear-groups",
                    "--",
                ]);
                command.arg(self.bin.join(program));
                command
            }
        };
        // No inherited pipes: the server outlives `pg_ctl` and would hold them open.
        let output = self
            .sockets
            .parent()
            .unwrap()
            .join(format!("{program}.out"));
        let output = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&output)
            .unwrap();
        let done = command
            .args(args)
            .current_dir("/")
            .env_remove("PGHOST")
            .env("PGPORT", self.port.to_string())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .status()
            .unwrap();
        if !done.success() {
            let mut said = String::new();
            for name in [format!("{program}.out"), "s/server.log".to_owned()] {
                let file = fs::File::open(self.sockets.parent().unwrap().join(name));
                let _ = file.map(|mut file| file.read_to_string(&mut said));
            }
            panic!("{program} failed: {said}");
        }
    }
}

/// Debian keeps the server's programs out of PATH.
fn find_binaries() -> Option<PathBuf> {
    let has_all = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres", "createdb"]
            .iter()
            .all(|p| folder.join(p).is_file())
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(has_all);
    on_path.or_else(|| {
        let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .flatten()
            .map(|e| e.path().join("bin"))
            .collect();
        versions.sort();
        versions.into_iter().rev().find(has_all)
    })
}

/// Root needs someone else to run the server as: name, uid, gid.
fn unprivileged_account() -> Option<(String, u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let find = |wanted: &str| {
        let line = accounts
            .lines()
            .find(|line| line.starts_with(&format!("{wanted}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((
            wanted.to_owned(),
            fields.next()?.parse().ok()?,
            fields.next()?.parse().ok()?,
        ))
    };
    let found: (String, u32, u32) = find("postgres")
        .or_else(|| find("nobody"))
        .expect("an account that is not root");
    Some(found)
}

/// A shell that sleeps until this process is gone, whatever ended it, then stops the server by its pid.
fn guard(scratch: &Path, data: &Path) -> Child {
    let script = "
        trap '' INT TERM HUP
        cat >/dev/null
        pid=$(head -n 1 \"$2/postmaster.pid\" 2>/dev/null)
        if [ -n \"$pid\" ]; then
            kill -INT \"$pid\"
            n=0
            while kill -0 \"$pid\" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
            kill -0 \"$pid\" 2>/dev/null && kill -QUIT \"$pid\"
        fi
        rm -rf \"$1\"";
    Command::new("sh")
        .args(["-c", script, "guard"])
        .arg(scratch)
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
