//! A bare repository as the go command makes it, filled and archived by the real git.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::commit::{Commit, Kind};

/// A bare repository in a folder of its own.
pub struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    /// `None`, after a word about it, where git is not installed.
    pub fn create() -> Option<Self> {
        if Command::new("git").arg("version").output().is_err() {
            let strict = std::env::var("GRANARY_STRICT").is_ok_and(|value| value == "1");
            assert!(!strict, "git is not installed");
            let _ = writeln!(std::io::stderr(), "skipped: git is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let repository = Self { folder };
        repository.run(&["init", "--quiet", "--bare"], &[]);
        let info = repository.path().join("info");
        std::fs::create_dir_all(&info).unwrap();
        std::fs::write(
            info.join("attributes"),
            "\n* -export-subst -export-ignore\n",
        )
        .unwrap();
        Some(repository)
    }

    /// Makes a branch `name` for each commit.
    pub fn import(&self, commits: &[Commit]) {
        let mut stream = Vec::new();
        for commit in commits {
            let head = format!(
                "commit refs/heads/{}\ncommitter A <a@b> 0 +0000\ndata 0\n",
                commit.name
            );
            stream.extend_from_slice(head.as_bytes());
            for (path, (kind, content)) in &commit.files {
                let mode = match kind {
                    Kind::File => "100644",
                    Kind::Program => "100755",
                    Kind::Link => "120000",
                };
                stream.extend_from_slice(format!("M {mode} inline \"").as_bytes());
                for &byte in path {
                    stream.extend_from_slice(format!("\\{byte:03o}").as_bytes());
                }
                stream.extend_from_slice(format!("\"\ndata {}\n", content.len()).as_bytes());
                stream.extend_from_slice(content);
                stream.push(b'\n');
            }
            stream.push(b'\n');
        }
        self.run(&["fast-import", "--quiet", "--force"], &stream);
    }

    /// The regular files of an archive of the branch `name`; what git says if it makes none.
    pub fn archive(&self, name: &str) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, String> {
        let output = self.output(
            &[
                "-c",
                "core.autocrlf=input",
                "-c",
                "core.eol=lf",
                "archive",
                "--format=tar",
                "--prefix=prefix/",
                "--end-of-options",
                name,
            ],
            &[],
        );
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {text}", output.status));
        }
        Ok(read_tar(&output.stdout))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, arguments: &[&str], input: &[u8]) {
        let output = self.output(arguments, input);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "git {arguments:?}: {text}");
    }

    fn output(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }
}

/// Reads the regular files of a tar file, without `prefix/`.
fn read_tar(tar: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut long_path: Option<Vec<u8>> = None;
    let mut rest = tar;
    while rest.len() >= 512 && rest[0] != 0 {
        let (header, behind) = rest.split_at(512);
        let digits = std::str::from_utf8(&header[124..135]).unwrap();
        let size = usize::from_str_radix(digits, 8).unwrap();
        let (content, _) = behind.split_at(size);
        rest = &behind[size.next_multiple_of(512)..];
        match header[156] {
            b'x' => long_path = read_pax_path(content),
            b'0' => {
                let path = long_path.take().unwrap_or_else(|| {
                    let prefix = until_nul(&header[345..500]);
                    let name = until_nul(&header[..100]);
                    match prefix.is_empty() {
                        true => name.to_vec(),
                        false => [prefix, b"/", name].concat(),
                    }
                });
                let path = path.strip_prefix(b"prefix/").unwrap().to_vec();
                files.insert(path, content.to_vec());
            }
            _ => long_path = None,
        }
    }
    files
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap()
}

fn read_pax_path(mut records: &[u8]) -> Option<Vec<u8>> {
    while !records.is_empty() {
        let blank = records.iter().position(|&byte| byte == b' ').unwrap();
        let len: usize = std::str::from_utf8(&records[..blank])
            .unwrap()
            .parse()
            .unwrap();
        let record = &records[blank + 1..len - 1];
        if let Some(path) = record.strip_prefix(b"path=") {
            return Some(path.to_vec());
        }
        records = &records[len..];
    }
    None
}
