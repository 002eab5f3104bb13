//! What go itself is set to use: the environment, go's own env file, and `go env` where neither says.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The variables of go that matter here.
const NAMES: [&str; 6] = [
    "GOPROXY",
    "GOPRIVATE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOINSECURE",
    "GOVCS",
];

/// How long `go env` may take; it answers in some tens of milliseconds.
const GO_ENV_WAIT: Duration = Duration::from_secs(5);

/// The largest env file read.
const ENV_FILE_BYTES_MAX: u64 = 1 << 20;

/// Go's settings, each with who said so.
#[derive(Clone, Debug, Default)]
pub struct GoEnv {
    values: HashMap<&'static str, (String, &'static str)>,
}

impl GoEnv {
    /// Reads go's settings once: the environment first, then go's own env file, then `go env` (which also knows
    /// the defaults of the installed go).
    pub fn read() -> Self {
        let mut found = Self::default();
        for name in NAMES {
            if let Ok(value) = std::env::var(name) {
                found.offer(name, value, "the environment");
            }
        }
        if let Some(text) = read_env_file() {
            for (name, value) in parse_env_file(&text) {
                found.offer(name, value, "go's env file");
            }
        }
        if !found.values.contains_key("GOPROXY") {
            for (name, value) in ask_go().unwrap_or_default() {
                found.offer(name, value, "go env");
            }
        }
        found
    }

    fn offer(&mut self, name: &'static str, value: String, source: &'static str) {
        if !value.is_empty() {
            self.values.entry(name).or_insert((value, source));
        }
    }

    /// The value of a variable and who said so.
    pub fn get(&self, name: &str) -> Option<(&str, &'static str)> {
        self.values
            .get(name)
            .map(|(value, source)| (value.as_str(), *source))
    }
}

/// Go's env file: `GOENV`, else `go/env` in the user's configuration folder. Source: cmd/go, `go help environment`.
fn read_env_file() -> Option<String> {
    let path = match std::env::var_os("GOENV") {
        Some(off) if off == "off" => return None,
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => {
            let base = std::env::var_os("XDG_CONFIG_HOME")
                .filter(|v| !v.is_empty())
                .map(PathBuf::from);
            base.or_else(|| {
                std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"))
            })?
            .join("go/env")
        }
    };
    if std::fs::metadata(&path).ok()?.len() > ENV_FILE_BYTES_MAX {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

fn parse_env_file(text: &str) -> Vec<(&'static str, String)> {
    let lines = text.lines().filter_map(|line| line.trim().split_once('='));
    lines
        .filter_map(|(name, value)| {
            Some((
                *NAMES.iter().find(|known| **known == name)?,
                value.trim().to_owned(),
            ))
        })
        .collect()
}

/// Asks `go env`, away from any module and without switching toolchains; none when there is no go or it takes too long.
fn ask_go() -> Option<Vec<(&'static str, String)>> {
    let mut child = Command::new("go")
        .arg("env")
        .args(NAMES)
        .current_dir("/")
        .env("GOTOOLCHAIN", "local")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + GO_ENV_WAIT;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > deadline {
            child.kill().ok()?;
            child.wait().ok()?;
            return None;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let output = child.wait_with_output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(
        NAMES
            .into_iter()
            .zip(text.lines().map(str::to_owned))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_env_file_gives_only_what_is_asked_for() {
        let text =
            "GOPROXY=http://127.0.0.1:3000,direct\n# comment\nGOFLAGS=-x\nGOPRIVATE=corp.example\n";
        let found = parse_env_file(text);
        assert_eq!(
            found,
            [
                ("GOPROXY", "http://127.0.0.1:3000,direct".to_owned()),
                ("GOPRIVATE", "corp.example".to_owned())
            ]
        );
    }

    #[test]
    fn the_first_to_say_something_is_believed() {
        let mut env = GoEnv::default();
        env.offer("GOPROXY", String::new(), "the environment");
        env.offer("GOPROXY", "a".into(), "go's env file");
        env.offer("GOPROXY", "b".into(), "go env");
        assert_eq!(env.get("GOPROXY"), Some(("a", "go's env file")));
    }
}
