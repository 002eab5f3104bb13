//! A PostgreSQL server on a scratch folder, reached by a Unix socket in it, stopped by its process id when dropped.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

/// A running server.
pub struct Server {
    process: Child,
    folder: TempDir,
    databases: u32,
}

impl Server {
    /// Starts a server; `None`, with a printed reason, where PostgreSQL is not installed. Then fails under
    /// `GRANARY_STRICT=1`, for a green run must not hide a missing part.
    pub async fn start() -> Option<Self> {
        let Some(programs) = find_programs() else {
            assert_ne!(
                std::env::var("GRANARY_STRICT").as_deref(),
                Ok("1"),
                "PostgreSQL not installed"
            );
            println!("skipped: PostgreSQL not installed");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let user = find_user();
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let data = folder.path().join("data");
        let mut initialise = command(&programs.join("initdb"), folder.path(), user);
        initialise.arg("-D").arg(&data).args([
            "-A",
            "trust",
            "-U",
            "granary",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ]);
        let initialised = initialise.stderr(Stdio::inherit()).status().unwrap();
        assert!(initialised.success(), "initdb failed");
        let mut serve = command(&programs.join("postgres"), folder.path(), user);
        serve.arg("-D").arg(&data).arg("-k").arg(folder.path());
        serve.args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        let process = serve.spawn().unwrap();
        let mut server = Self {
            process,
            folder,
            databases: 0,
        };
        server.wait().await;
        Some(server)
    }

    /// Makes an empty database and gives its address.
    pub async fn database(&mut self) -> String {
        self.databases += 1;
        let name = format!("test_{}", self.databases);
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://granary@localhost/{database}?host={}",
            self.folder.path().display()
        )
    }

    async fn wait(&mut self) {
        let start = Instant::now();
        while PgConnection::connect(&self.url("postgres")).await.is_err() {
            assert!(
                self.process.try_wait().unwrap().is_none(),
                "the server ended"
            );
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "the server does not answer"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGINT is a fast shutdown; killing the postmaster would leave its children behind.
        let _ = Command::new("kill")
            .args(["-INT", &self.process.id().to_string()])
            .status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            #[allow(clippy::disallowed_methods)] // a destructor cannot await
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(program: &Path, folder: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

fn find_programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// The user and group to run the server as: PostgreSQL refuses root. `None`: as we are.
fn find_user() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line
            .split(':')
            .skip(2)
            .map(|number| number.parse().unwrap());
        Some((numbers.next()?, numbers.next()?))
    };
    find("postgres").or_else(|| find("nobody"))
}
