//! A PostgreSQL for one test, which may be killed, stopped, paused and started again; and a session on it, spoken by hand.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::rig::address::free_address;
use crate::rig::{skip, wait_until};

/// How long a start may take: after a kill -9 the first ones fail until the children of the old server have gone.
const START_WAIT: Duration = Duration::from_secs(60);

/// A server. It ends with this value, and with the test's thread.
pub struct Server {
    process: Child,
    folder: tempfile::TempDir,
    programs: PathBuf,
    account: Option<u32>,
    /// Where it listens on loopback.
    pub port: u16,
}

impl Server {
    /// Makes and starts one; nothing, said aloud, where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let Some(programs) = find_programs() else {
            skip("faults of PostgreSQL", "PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::Builder::new()
            .prefix("granary-pg-")
            .tempdir()
            .unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let account = find_account();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        chown(&data, account, account).unwrap();
        let mut server = Self {
            process: Command::new("true").spawn().unwrap(),
            folder,
            programs,
            account,
            port: free_address().port(),
        };
        let made = server
            .command("initdb")
            .args([
                "-A",
                "trust",
                "-U",
                "granary",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C",
                "-D",
            ])
            .arg(&data)
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        server.start_again();
        Some(server)
    }

    /// A program of PostgreSQL as the account it may run as. The kernel ends it with the thread that starts it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        if let Some(account) = self.account {
            let account = account.to_string();
            command.args(["--reuid", &account, "--regid", &account, "--clear-groups"]);
        }
        command
            .args(["--pdeathsig", "QUIT", "--"])
            .arg(self.programs.join(program))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Starts the server on its data and waits until it answers.
    pub fn start_again(&mut self) {
        self.process.wait().ok();
        wait_until(START_WAIT, "PostgreSQL starts", || {
            if self.process.try_wait().unwrap().is_some() {
                self.process = self
                    .command("postgres")
                    .arg("-D")
                    .arg(self.folder.path().join("data"))
                    .args(["-p", &self.port.to_string(), "-k", ""])
                    .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
                    // Small, so that a test can fill what is bounded.
                    .args([
                        "-c",
                        "max_connections=40",
                        "-c",
                        "max_locks_per_transaction=10",
                    ])
                    .args(["-c", "shared_buffers=16MB"])
                    .spawn()
                    .unwrap();
            }
            Session::open(self.port, "postgres").is_ok()
        });
    }

    /// The address of a new, empty database.
    pub fn fresh_database(&self, name: &str) -> String {
        let mut session = self.session("postgres");
        session.ask(&format!("create database {name}")).unwrap();
        format!("postgres://granary@127.0.0.1:{}/{name}", self.port)
    }

    /// A session on a database.
    pub fn session(&self, database: &str) -> Session {
        Session::open(self.port, database).unwrap()
    }

    /// kill -9 of the postmaster; its children end when they notice.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// What `pg_ctl stop -m immediate` sends.
    pub fn stop_at_once(&mut self) {
        signal("QUIT", &[self.process.id()]);
        self.process.wait().unwrap();
    }

    /// Stops all its processes where they are.
    pub fn pause(&self) {
        signal("STOP", &[self.process.id()]);
        signal("STOP", &self.children());
    }

    /// Lets them go on.
    pub fn resume(&self) {
        signal("CONT", &self.children());
        signal("CONT", &[self.process.id()]);
    }

    fn children(&self) -> Vec<u32> {
        let id = self.process.id();
        let listed = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let ids = listed.unwrap_or_default();
        ids.split_whitespace()
            .filter_map(|id| id.parse().ok())
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.resume();
        signal("QUIT", &[self.process.id()]);
        self.process.wait().ok();
    }
}

/// Sends a signal to processes that this test has started.
pub fn signal(name: &str, processes: &[u32]) {
    if processes.is_empty() {
        return;
    }
    let ids = processes.iter().map(u32::to_string);
    // One of them may have ended by itself.
    let _ = Command::new("kill")
        .arg(format!("-{name}"))
        .args(ids)
        .stderr(Stdio::null())
        .status();
}

fn find_programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|v| v.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort();
    folders.reverse();
    let has_all =
        |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    std::env::split_paths(&path).chain(folders).find(has_all)
}

/// The server refuses to run as root: the number of an account that is not.
fn find_account() -> Option<u32> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let number_of = |name: &str| {
        let line = accounts
            .lines()
            .find(|l| l.starts_with(&format!("{name}:")))?;
        line.split(':').nth(2)?.parse().ok()
    };
    number_of("postgres").or_else(|| number_of("nobody"))
}

/// A session, in the little of the protocol that a test needs.
pub struct Session {
    stream: TcpStream,
}

impl Session {
    /// Opens a session; fails when the server is away or has no place.
    pub fn open(port: u16, database: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for text in ["user", "granary", "database", database, ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        stream.write_all(&(body.len() as u32 + 4).to_be_bytes())?;
        stream.write_all(&body)?;
        let mut session = Self { stream };
        session.read_answer()?.map_err(io::Error::other)?;
        Ok(session)
    }

    /// Runs statements; gives the fields of all rows, or what the server said against it.
    pub fn ask(&mut self, sql: &str) -> Result<Vec<String>, String> {
        let mut message = vec![b'Q'];
        message.extend_from_slice(&(sql.len() as u32 + 5).to_be_bytes());
        message.extend_from_slice(sql.as_bytes());
        message.push(0);
        self.stream
            .write_all(&message)
            .and_then(|()| self.read_answer())
            .unwrap_or_else(|cause| Err(cause.to_string()))
    }

    /// Reads messages until the server is ready for the next question.
    fn read_answer(&mut self) -> io::Result<Result<Vec<String>, String>> {
        let mut answer = Ok(Vec::new());
        loop {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head)?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) - 4;
            let mut body = vec![0; length as usize];
            self.stream.read_exact(&mut body)?;
            match head[0] {
                b'D' => {
                    if let Ok(fields) = &mut answer {
                        fields.extend(read_fields(&body));
                    }
                }
                b'E' => {
                    let said = String::from_utf8_lossy(&body).replace('\0', " ");
                    if said.contains("FATAL") {
                        return Ok(Err(said));
                    }
                    answer = Err(said);
                }
                b'Z' => return Ok(answer),
                _ => {}
            }
        }
    }
}

fn read_fields(mut body: &[u8]) -> Vec<String> {
    body = &body[2..];
    let mut fields = Vec::new();
    while let Some((length, rest)) = body.split_first_chunk::<4>() {
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        fields.push(String::from_utf8_lossy(&rest[..length]).into_owned());
        body = &rest[length..];
    }
    fields
}
