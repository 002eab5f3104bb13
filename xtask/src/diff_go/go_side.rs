//! What `go` answers in direct mode: two processes for as many questions as one likes.
//!
//! The real command is the judge. It gets a folder of its own, no proxy, no checksum database, and a git configuration
//! that says where the repositories lie.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::Context;
use serde_json::Value;

use super::answer::{Answer, Files, Info, Refusal, Zip};
use super::case::{Asked, Question};

/// One run of `go`; a batch of questions takes seconds.
const RUN_SECONDS_MAX: &str = "300";
/// Questions in one process: their arguments must fit a command line.
const QUESTIONS_MAX: usize = 400;

/// The go command with a module cache of its own.
pub struct GoSide {
    folder: PathBuf,
    git_config: PathBuf,
}

impl GoSide {
    /// Takes an empty folder for the module cache and all else that `go` writes.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn new(folder: &Path, git_config: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder.join("empty"))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            git_config: git_config.to_path_buf(),
        })
    }

    /// Answers every question, in order.
    ///
    /// # Errors
    /// Where `go` cannot be run at all; that it refuses a question is an answer.
    pub fn ask(&self, questions: &[Question]) -> anyhow::Result<Vec<Answer>> {
        let mut answers: Vec<Option<Answer>> = vec![None; questions.len()];
        let is_list = |place: &usize| questions[*place].asked == Asked::List;
        let (lists, versions): (Vec<usize>, Vec<usize>) = (0..questions.len()).partition(is_list);
        for places in lists.chunks(QUESTIONS_MAX) {
            self.ask_some(questions, places, &mut answers)?;
        }
        for places in versions.chunks(QUESTIONS_MAX) {
            self.ask_some(questions, places, &mut answers)?;
        }
        let answers: Option<Vec<Answer>> = answers.into_iter().collect();
        answers.context("a question was not asked")
    }

    /// Asks questions of one kind in one process. Where `go` gives up without a word about each, asks by halves.
    fn ask_some(
        &self,
        questions: &[Question],
        places: &[usize],
        answers: &mut Vec<Option<Answer>>,
    ) -> anyhow::Result<()> {
        let Some(first) = places.first() else {
            return Ok(());
        };
        let list = questions[*first].asked == Asked::List;
        let words: &[&str] = if list {
            &["list", "-m", "-e", "-json", "-versions", "-retracted"]
        } else {
            &["mod", "download", "-json"]
        };
        let arguments = places.iter().map(|place| match &questions[*place].asked {
            Asked::List => questions[*place].module.clone(),
            Asked::Version(query) => format!("{}@{query}", questions[*place].module),
        });
        let output = self.run(words, arguments)?;
        let objects: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&output.stdout)
            .into_iter()
            .collect();
        let objects = objects.unwrap_or_default();
        if objects.len() == places.len() {
            for (place, object) in places.iter().zip(&objects) {
                answers[*place] = Some(if list {
                    read_list(object)
                } else {
                    read_version(object)?
                });
            }
            return Ok(());
        }
        if places.len() == 1 {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            answers[*first] = Some(Answer::refused(list, Refusal { text, status: None }));
            return Ok(());
        }
        let (one, other) = places.split_at(places.len() / 2);
        self.ask_some(questions, one, answers)?;
        self.ask_some(questions, other, answers)
    }

    fn run(
        &self,
        words: &[&str],
        arguments: impl Iterator<Item = String>,
    ) -> anyhow::Result<Output> {
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", RUN_SECONDS_MAX, "go"])
            .args(words)
            .args(arguments)
            .current_dir(self.folder.join("empty"))
            .stdin(Stdio::null())
            .env("HOME", self.folder.join("home"))
            .env("GOPATH", self.folder.join("path"))
            .env("GOMODCACHE", self.folder.join("modules"))
            .env("GIT_CONFIG_GLOBAL", &self.git_config)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ATTR_NOSYSTEM", "1");
        for (name, value) in [
            ("GOPROXY", "direct"),
            ("GOSUMDB", "off"),
            ("GONOSUMDB", "*"),
            ("GOVCS", "*:all"),
            ("GOFLAGS", "-mod=mod -modcacherw"),
            ("GOTOOLCHAIN", "local"),
            ("GOENV", "off"),
            ("GOWORK", "off"),
            ("GOTELEMETRY", "off"),
            ("GO111MODULE", "on"),
            ("GOPRIVATE", ""),
            ("GONOPROXY", ""),
            ("GOINSECURE", ""),
        ] {
            command.env(name, value);
        }
        command.output().context("starting go")
    }

    /// Completes every clone that `go` made and forgets what it concluded, so that it answers from full histories.
    ///
    /// `go` clones shallowly and, while it does, can take the tag of the only commit it sees for the base of a
    /// pseudo-version. What it answers then depends on what it was asked before.
    ///
    /// # Errors
    /// Where its folders cannot be read.
    pub fn complete_clones(&self) -> anyhow::Result<()> {
        let clones = self.folder.join("modules/cache/vcs");
        for clone in std::fs::read_dir(&clones).into_iter().flatten() {
            let clone = clone?.path();
            if !clone.join("HEAD").is_file() {
                continue;
            }
            let fetch = |unshallow: &[&str]| {
                Command::new("git")
                    .args(["fetch", "--quiet", "--force"])
                    .args(unshallow)
                    .args([
                        "origin",
                        "refs/heads/*:refs/heads/*",
                        "refs/tags/*:refs/tags/*",
                    ])
                    .current_dir(&clone)
                    .env("GIT_DIR", &clone)
                    .env("GIT_CONFIG_GLOBAL", &self.git_config)
                    .env("GIT_CONFIG_NOSYSTEM", "1")
                    .output()
            };
            let shallow = clone.join("shallow").is_file();
            fetch(if shallow { &["--unshallow"] } else { &[] })?;
        }
        std::fs::remove_dir_all(self.folder.join("modules/cache/download")).ok();
        Ok(())
    }
}

fn read_list(object: &Value) -> Answer {
    if let Some(text) = object.pointer("/Error/Err").and_then(Value::as_str) {
        let text = text.to_owned();
        return Answer::List(Err(Refusal { text, status: None }));
    }
    let versions = object["Versions"].as_array().into_iter().flatten();
    let mut versions: Vec<String> = versions
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    versions.sort();
    Answer::List(Ok(versions))
}

fn read_version(object: &Value) -> anyhow::Result<Answer> {
    // `go` names files that it did not write when writing failed, on a time that JSON cannot hold, say.
    let file = |name: &str| {
        object[name]
            .as_str()
            .and_then(|path| std::fs::read(path).ok())
    };
    let refusal = |text: &str| Refusal {
        text: text.to_owned(),
        status: None,
    };
    let info = match (file("Info"), object["Error"].as_str()) {
        (Some(bytes), _) => Ok(read_info(&bytes)?),
        (None, Some(text)) => Err(refusal(text)),
        // Without its .info no client can use the version, whatever else `go` has downloaded.
        (None, None) => return Ok(Answer::refused(false, refusal("it wrote no .info"))),
    };
    let text = object["Error"].as_str().unwrap_or("it wrote no file");
    let zip = match (file("Zip"), object["Sum"].as_str()) {
        (Some(bytes), Some(h1)) => Ok(Zip {
            h1: h1.to_owned(),
            bytes,
        }),
        _ => Err(refusal(text)),
    };
    let go_mod = file("GoMod").ok_or_else(|| refusal(text));
    Ok(Answer::Version(Box::new(Files { info, go_mod, zip })))
}

/// Reads version and time of an `.info`.
///
/// # Errors
/// Where it is no JSON or names no version.
pub fn read_info(bytes: &[u8]) -> anyhow::Result<Info> {
    let info: Value = serde_json::from_slice(bytes).context("an .info that is no JSON")?;
    let word = |name: &str| info[name].as_str().map(str::to_owned);
    Ok(Info {
        version: word("Version").context("an .info without a version")?,
        time: word("Time").unwrap_or_default(),
    })
}
