//! The real go client in a world of its own: scratch home, scratch module cache, no settings but ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::database::Database;
use super::granary::Granary;

/// The GOPROXY list that this environment's `go` is set to use, where it begins with a proxy.
pub fn environment_proxies() -> Option<String> {
    let output = Command::new("go").args(["env", "GOPROXY"]).output().ok()?;
    let list = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    // Behind `direct` are hosts of strangers, which no test asks.
    let list = list.split(",direct").next().unwrap_or_default();
    let list = list.split("|direct").next().unwrap_or_default();
    list.starts_with("http").then(|| list.to_owned())
}

/// A go client with an empty module cache.
pub struct Go {
    scratch: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// Whether it ended with 0.
    pub ok: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Go {
    /// A client whose only source is `granary`; none where there is no go (a failure in strict mode).
    #[track_caller]
    pub fn find(granary: &Granary, database: &Database) -> Option<Self> {
        Self::find_at(&granary.url(), Some(database))
    }

    /// A client whose only source is this GOPROXY, and which believes this database, or go's own public one.
    #[track_caller]
    pub fn find_at(proxy: &str, database: Option<&Database>) -> Option<Self> {
        let there = Command::new("go")
            .arg("version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            super::skip("the real go client", "there is no `go` on the path");
            return None;
        }
        let mut go = Self {
            scratch: tempfile::Builder::new().prefix("go-it-").tempdir().unwrap(),
            variables: Vec::new(),
        };
        go.set("GOPROXY", proxy);
        if let Some(database) = database {
            go.set("GOSUMDB", &database.vkey());
        }
        Some(go)
    }

    /// Sets a variable of the client.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A folder for a project, with these files.
    pub fn project(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = self.scratch.path().join(name);
        for (file, text) in files {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    /// Runs `go` in a folder.
    pub fn run(&self, folder: &Path, arguments: &[&str]) -> Said {
        let output = Command::new("go")
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.scratch.path())
            .env("GOENV", "off")
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-modcacherw -mod=mod")
            .env("GOMODCACHE", self.scratch.path().join("modcache"))
            // Compiled packages of the standard library are the same for every test.
            .env(
                "GOCACHE",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-build"),
            )
            .env("CGO_ENABLED", "0")
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Said {
            ok: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs `go` and fails where it does.
    #[track_caller]
    pub fn must(&self, folder: &Path, arguments: &[&str]) -> String {
        let said = self.run(folder, arguments);
        assert!(
            said.ok,
            "go {arguments:?} failed:\n{}{}",
            said.out, said.err
        );
        said.out
    }
}
