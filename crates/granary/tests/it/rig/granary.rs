//! The built binary on a scratch folder and a free port.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::address::free_address;
use super::database::Database;
use super::raw::{self, Answer};
use super::upstream::Upstream;
use super::watch::{self, Allowed, Seen, Watch};

/// How long a start may take on a busy machine; tests of start-up time have their own, tighter bound.
const START_WAIT: Duration = Duration::from_secs(30);

/// How Granary is started: its folder and its settings. It can be started again and again.
#[derive(Clone)]
pub struct Setup {
    scratch: Arc<tempfile::TempDir>,
    variables: Vec<(String, String)>,
    watch: Option<Watch>,
}

impl Setup {
    /// An empty data folder, no upstream, no checksum database.
    pub fn new() -> Self {
        let scratch = tempfile::Builder::new()
            .prefix("granary-it-")
            .tempdir()
            .unwrap();
        Self {
            scratch: Arc::new(scratch),
            variables: Vec::new(),
            watch: None,
        }
        .set("upstream", "off")
        .set("sumdb", "off")
    }

    /// One that captures from an upstream and believes a database.
    pub fn with(upstream: &Upstream, database: &Database) -> Self {
        Self::new()
            .set("upstream", &upstream.url())
            .set("sumdb", &database.vkey())
    }

    /// Sets a key, by its name in the file.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        let name = format!("GRANARY_{}", key.to_uppercase().replace('.', "_"));
        self.variables.retain(|(n, _)| *n != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Unsets a key, so that its default holds.
    pub fn unset(mut self, key: &str) -> Self {
        let name = format!("GRANARY_{}", key.to_uppercase().replace('.', "_"));
        self.variables.retain(|(n, _)| *n != name);
        self
    }

    /// Sets a variable that is not Granary's own.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(n, _)| *n != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has the server watched, where that can be done; it sees these hosts and no other resolver.
    pub fn watched(mut self, hosts: &str) -> Self {
        self.watch = Watch::new(self.scratch.path(), hosts);
        self
    }

    /// Whether the server is watched.
    pub fn is_watched(&self) -> bool {
        self.watch.is_some()
    }

    /// Lets the server see how this environment reaches the outside: its roots and its outgoing proxy.
    pub fn reaching_out(mut self) -> Self {
        self.variables.extend(outside_variables());
        self
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// Another folder of this test.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.scratch.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A command of the binary on this folder, with nothing of this process's environment but the path.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.prepare(Command::new(env!("CARGO_BIN_EXE_granary")), arguments)
    }

    fn prepare(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder("home"))
            .env("GOPROXY", "off")
            .env("GRANARY_DATA", self.data())
            .envs(self.variables.iter().cloned());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Starts the server and waits until it is ready.
    pub fn start(&self) -> Granary {
        let granary = self.launch(free_address());
        let begun = Instant::now();
        while raw::get(granary.address, "/readyz").status != 200 {
            if let Some(status) = granary.ended() {
                panic!(
                    "granary ended with {status} at its start:\n{}",
                    granary.log()
                );
            }
            assert!(
                begun.elapsed() < START_WAIT,
                "granary is not ready after {START_WAIT:?}:\n{}",
                granary.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        granary
    }

    /// Starts the server at an address without waiting for it.
    pub fn launch(&self, address: SocketAddr) -> Granary {
        let program = env!("CARGO_BIN_EXE_granary");
        let command = match &self.watch {
            Some(watch) => watch.command(program, &trace_path(&self.log_path(address))),
            None => Command::new(program),
        };
        let command = self.prepare(command, &["serve", "--listen", &address.to_string()]);
        self.spawn(address, command)
    }

    /// As [`Setup::launch`], by another program that runs it: `by` ends with what comes before the command.
    pub fn launch_under(&self, address: SocketAddr, by: &mut Command) -> Granary {
        let inner = self.command(&[]);
        let mut command = Command::new(by.get_program());
        command.args(by.get_args()).arg(inner.get_program());
        command
            .args(["serve", "--listen", &address.to_string()])
            .env_clear();
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        self.spawn(address, command)
    }

    fn log_path(&self, address: SocketAddr) -> PathBuf {
        self.scratch.path().join(format!("log-{}", address.port()))
    }

    fn spawn(&self, address: SocketAddr, mut command: Command) -> Granary {
        let log_path = self.log_path(address);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&log_path)
            .unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Granary {
            child: Mutex::new(child),
            address,
            log_path,
            setup: self.clone(),
        }
    }
}

/// Where the trace of the server with that log lies.
fn trace_path(log: &Path) -> PathBuf {
    log.with_extension("trace")
}

/// The variables that say how this environment reaches the outside.
pub fn outside_variables() -> Vec<(String, String)> {
    let names = [
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "https_proxy",
        "http_proxy",
        "no_proxy",
    ];
    let set = names.map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
    set.into_iter().flatten().collect()
}

/// A running server; it is killed when it is dropped.
pub struct Granary {
    child: Mutex<Child>,
    /// Where it listens.
    pub address: SocketAddr,
    log_path: PathBuf,
    /// How it was started.
    pub setup: Setup,
}

impl Granary {
    /// Its address as a GOPROXY.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Gets a path.
    pub fn get(&self, path: &str) -> Answer {
        raw::get(self.address, path)
    }

    /// Gets a path that must be there; gives its body.
    #[track_caller]
    pub fn must_get(&self, path: &str) -> Vec<u8> {
        let answer = self.get(path);
        assert_eq!(
            answer.status,
            200,
            "{path}: {}\n{}",
            answer.text(),
            self.log()
        );
        answer.body
    }

    /// Waits until it answers; false if it ended before.
    pub fn is_up(&self) -> bool {
        let begun = Instant::now();
        while raw::get(self.address, "/livez").status != 200 {
            if self.ended().is_some() {
                return false;
            }
            assert!(
                begun.elapsed() < START_WAIT,
                "granary does not answer after {START_WAIT:?}:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log_path).unwrap_or_default()
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// How it has ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().try_wait().unwrap()
    }

    /// kill -9.
    pub fn kill(mut self) -> Setup {
        self.child.get_mut().unwrap().kill().unwrap();
        self.child.get_mut().unwrap().wait().unwrap();
        self.setup.clone()
    }

    /// kill -9; if it was watched, it must have opened connections to these addresses only, made names in its data folder
    /// only and started no program but these.
    #[track_caller]
    pub fn kill_and_judge(self, to: &[SocketAddr], programs: &[&'static str]) -> Option<Seen> {
        let (trace, process_id) = (trace_path(&self.log_path), self.process_id());
        let setup = self.kill();
        setup.is_watched().then(|| {
            let allowed = Allowed {
                to: to.to_vec(),
                folders: vec![setup.data()],
                programs: programs.to_vec(),
            };
            let seen = watch::read(&trace, process_id, &allowed);
            assert!(seen.wrong.is_empty(), "{:#?}", seen.wrong);
            seen
        })
    }

    /// The most memory that was resident since the last time of asking (VmHWM), in bytes: its own and of files.
    pub fn take_resident_bytes_max(&self) -> u64 {
        let folder = PathBuf::from(format!("/proc/{}", self.process_id()));
        let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
        std::fs::write(folder.join("clear_refs"), "5").ok(); // begins anew, where that is allowed
        kibibytes.unwrap_or(u64::MAX / 1024) * 1024
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.lock().unwrap().id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(
                begun.elapsed() < limit,
                "granary has not ended after {limit:?}:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Processor time that the server has used.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process_id())).unwrap();
        let after_name = stat.rsplit_once(')').unwrap().1;
        let fields: Vec<u64> = after_name
            .split_whitespace()
            .map(|field| field.parse().unwrap_or(0))
            .collect();
        // utime and stime, in hundredths of a second.
        Duration::from_millis((fields[11] + fields[12]) * 10)
    }

    /// Memory that is its own (RssAnon), in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.lock().unwrap().id()))
                .unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:"));
        line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0)
            * 1024
    }
}

impl Drop for Granary {
    fn drop(&mut self) {
        self.child.get_mut().unwrap().kill().ok();
        self.child.get_mut().unwrap().wait().ok();
        if std::thread::panicking() {
            eprintln!(
                "--- the log of granary at {}:\n{}",
                self.address,
                self.log()
            );
        }
    }
}

/// Bytes of all files below a folder.
pub fn size_of_folder(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|e| match e.metadata() {
            Ok(m) if m.is_dir() => size_of_folder(&e.path()),
            Ok(m) => m.len(),
            Err(_) => 0,
        })
        .sum()
}
