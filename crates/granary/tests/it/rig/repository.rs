//! Git repositories made on the fly, out of what a test says is in their commits.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What stands at a path of a commit.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A regular file, stored byte by byte.
    File(Vec<u8>),
    /// A symbolic link and where it leads.
    Link(&'static str),
    /// A submodule; its commit is nowhere to be had.
    Submodule,
}

/// Commits and tags of a repository to be, one line of history on branch `main`.
#[derive(Default)]
pub struct History {
    stream: Vec<u8>,
    commits: u32,
}

impl History {
    /// Adds a commit that holds these entries and nothing else.
    pub fn commit(
        &mut self,
        at_seconds: i64,
        entries: impl IntoIterator<Item = (String, Entry)>,
    ) -> &mut Self {
        self.commits += 1;
        let who = "it <it@example.com>";
        self.line(&format!(
            "commit refs/heads/main\nmark :{}\ncommitter {who} {at_seconds} +0000\ndata 1\nc\ndeleteall",
            self.commits
        ));
        for (path, entry) in entries {
            match entry {
                Entry::File(content) => self.inline("100644", &path, &content),
                Entry::Link(target) => self.inline("120000", &path, target.as_bytes()),
                Entry::Submodule => self.line(&format!("M 160000 {} {path}", "5".repeat(40))),
            }
        }
        self
    }

    /// Tags the newest commit.
    pub fn tag(&mut self, name: &str) -> &mut Self {
        self.line(&format!("reset refs/tags/{name}\nfrom :{}\n", self.commits));
        self
    }

    /// Makes the bare repository.
    #[track_caller]
    pub fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        git(
            folder,
            &["init", "--quiet", "--bare", "--initial-branch=main"],
            &[],
        );
        git(folder, &["fast-import", "--quiet"], &self.stream);
    }

    fn inline(&mut self, mode: &str, path: &str, content: &[u8]) {
        self.line(&format!("M {mode} inline {path}\ndata {}", content.len()));
        self.stream.extend_from_slice(content);
        self.line("");
    }

    fn line(&mut self, text: &str) {
        self.stream.extend_from_slice(text.as_bytes());
        self.stream.push(b'\n');
    }
}

/// Runs `git` in a folder, with no settings of this machine.
#[track_caller]
pub fn git(folder: &Path, arguments: &[&str], input: &[u8]) {
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).ok();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
