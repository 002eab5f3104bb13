//! The command line of `cargo xtask diff-go`.

use std::path::PathBuf;

use anyhow::{Context, bail};

/// What `--help` says.
pub const HELP: &str = "usage: cargo xtask diff-go [OPTIONS]

Makes git repositories, asks `go` in direct mode and Granary with upstream=direct the same questions, and compares the
answers: lists of versions, version and time of .info, the bytes of .mod, h1: of zips, and what is refused.

  --cases all|none|WORDS   cases made by hand whose name holds one of these comma separated words; default all
  --random COUNT           this many random repositories besides; default 0
  --seed N                 the seed of the first random one, the next has N+1; default 1
  --transport file|http|both   how both sides reach the repositories; http is git http-backend on loopback; default file
  --quick                  some cases of every theme over file, some over http, a few random ones: for `make test`
  --granary PROGRAM        the server to compare; default target/debug/granary, so build it first
  --jobs N                 batches at a time; default 2
  --folder DIR             where everything is made; default a folder of its own below the system's temporary one
  --keep                   keeps every repository, not only those of cases that differ
  --only-go                asks only go and prints what it says
  --show                   prints every answer, not only those that differ
  --list                   prints the names of the cases and ends

A mismatch prints the case, its seed, the question, both answers and, of zips, the first file and byte that differ; its
repository stays where the last lines say. The exit code is 1 then. To look at one again:

  cargo xtask diff-go --cases choice-license-own-link --show
  cargo xtask diff-go --cases none --seed 4711 --random 1 --show";

/// How repositories are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `file://`
    File,
    /// `http://` to `git http-backend` on loopback.
    Http,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Words, one of which a case's name must hold; empty for all cases, none for no case.
    pub cases: Option<Vec<String>>,
    /// Random repositories.
    pub random: u64,
    /// Seed of the first of them.
    pub seed: u64,
    /// Each is a run of its own.
    pub transports: Vec<Transport>,
    /// The subset for every day.
    pub quick: bool,
    /// The server; none for the one of the workspace.
    pub granary: Option<PathBuf>,
    /// Batches at a time.
    pub jobs: usize,
    /// Where everything is made.
    pub folder: Option<PathBuf>,
    /// Nothing is removed.
    pub keep: bool,
    /// No Granary.
    pub only_go: bool,
    /// Every answer is printed.
    pub show: bool,
    /// Only names are printed.
    pub list: bool,
}

impl Options {
    /// Reads the words after `diff-go`.
    ///
    /// # Errors
    /// Where a word is unknown or lacks its value.
    pub fn read(words: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self {
            cases: Some(Vec::new()),
            random: 0,
            seed: 1,
            transports: vec![Transport::File],
            quick: false,
            granary: None,
            jobs: 2,
            folder: None,
            keep: false,
            only_go: false,
            show: false,
            list: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("{word} wants a value"))
            };
            match *word {
                "--cases" => options.cases = read_cases(value()?),
                "--random" => {
                    options.random = value()?.parse().context("--random wants a number")?
                }
                "--seed" => options.seed = value()?.parse().context("--seed wants a number")?,
                "--transport" => options.transports = read_transports(value()?)?,
                "--granary" => options.granary = Some(PathBuf::from(value()?)),
                "--jobs" => options.jobs = value()?.parse().context("--jobs wants a number")?,
                "--folder" => options.folder = Some(PathBuf::from(value()?)),
                "--quick" => options.quick = true,
                "--keep" => options.keep = true,
                "--only-go" => options.only_go = true,
                "--show" => options.show = true,
                "--list" => options.list = true,
                other => bail!("unknown: {other}"),
            }
        }
        Ok(options)
    }
}

fn read_cases(value: &str) -> Option<Vec<String>> {
    match value {
        "all" => Some(Vec::new()),
        "none" => None,
        words => Some(words.split(',').map(str::to_owned).collect()),
    }
}

fn read_transports(value: &str) -> anyhow::Result<Vec<Transport>> {
    match value {
        "file" => Ok(vec![Transport::File]),
        "http" => Ok(vec![Transport::Http]),
        "both" => Ok(vec![Transport::File, Transport::Http]),
        other => bail!("--transport is file, http or both, not {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_options() {
        let options = Options::read(&[
            "--cases",
            "a,b",
            "--random",
            "7",
            "--transport",
            "both",
            "--show",
        ])
        .unwrap();
        assert_eq!(options.cases, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(
            (options.random, options.transports.len(), options.show),
            (7, 2, true)
        );
        assert_eq!(Options::read(&["--cases", "none"]).unwrap().cases, None);
        for wrong in [
            &["--random"] as &[&str],
            &["--random", "x"],
            &["--transport", "ssh"],
            &["x"],
        ] {
            assert!(Options::read(wrong).is_err(), "{wrong:?}");
        }
    }
}
