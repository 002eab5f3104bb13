//! One case: a repository and what both sides are asked about it.

use gomod::semver;

use super::names::{Names, expand};
use super::repository::Repository;

/// Host of every module path here. The name is reserved and resolves nowhere; git is told where it lies instead.
pub const HOST: &str = "diff.example.test";

/// Versions asked for without being named by the case: enough for every tag of a case made by hand.
const AUTOMATIC_MAX: usize = 40;

/// A repository and the questions about it.
pub struct Case {
    /// Unique; the repository lies at `HOST/name.git`.
    pub name: String,
    /// The seed it was made from; none for a case made by hand.
    pub seed: Option<u64>,
    /// What is asked about.
    pub repository: Repository,
    /// What is asked.
    pub questions: Questions,
}

impl Case {
    /// Makes a case by letting `build` work on an empty repository.
    pub fn new(name: &str, build: impl FnOnce(&mut Repository, &mut Questions)) -> Self {
        let mut repository = Repository::new(&format!("{HOST}/{name}.git"));
        let mut questions = Questions {
            modules: vec![String::new()],
            asked: Vec::new(),
        };
        build(&mut repository, &mut questions);
        Self {
            name: name.to_owned(),
            seed: None,
            repository,
            questions,
        }
    }

    /// All questions, with hashes and times filled in, none twice: lists first, then the newest, then the rest.
    pub fn list_questions(&self, names: &Names) -> Vec<Question> {
        let path = |suffix: &str| format!("{}{suffix}", self.repository.root);
        let mut questions = Vec::new();
        for suffix in &self.questions.modules {
            questions.push(Question::new(path(suffix), Asked::List));
        }
        for suffix in &self.questions.modules {
            questions.push(Question::new(
                path(suffix),
                Asked::Version("latest".to_owned()),
            ));
        }
        for suffix in &self.questions.modules {
            for version in self.list_automatic(suffix) {
                questions.push(Question::new(path(suffix), Asked::Version(version)));
            }
        }
        for (suffix, query) in &self.questions.asked {
            if let Some(query) = expand(query, names) {
                questions.push(Question::new(path(suffix), Asked::Version(query)));
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        questions.retain(|question| seen.insert(question.clone()));
        questions
    }

    /// Tags and branches that a module of the repository could be asked for.
    fn list_automatic(&self, suffix: &str) -> Vec<String> {
        let (folder, major) = split_suffix(suffix);
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let mut queries = Vec::new();
        for tag in &self.repository.tags {
            let Some(version) = tag.name.strip_prefix(&prefix).filter(|v| is_askable(v)) else {
                continue;
            };
            let of_tag = semver::major(version).unwrap_or_default();
            let fits = match major {
                Some(major) => of_tag == major,
                None => true,
            };
            if fits {
                queries.push(version.to_owned());
            }
            if major.is_none() && !["v0", "v1", ""].contains(&of_tag) && !version.contains('+') {
                queries.push(format!("{version}+incompatible"));
            }
        }
        for name in self.repository.branches.keys() {
            if let Some(branch) = name.strip_prefix("refs/heads/").filter(|b| is_askable(b)) {
                queries.push(branch.to_owned());
            }
        }
        queries.truncate(AUTOMATIC_MAX);
        queries
    }
}

/// What is asked about a repository.
pub struct Questions {
    modules: Vec<String>,
    asked: Vec<(String, String)>,
}

impl Questions {
    /// Asks about another module too: `/sub`, `/v2`. The list, the newest and every tag and branch are asked for.
    pub fn module(&mut self, suffix: &str) -> &mut Self {
        self.modules.push(suffix.to_owned());
        self
    }

    /// Asks the root module for a version, branch or hash: `{a}` in it is the hash of commit `a`, `{a:12}` its first
    /// digits, `{a:12u}` the same in capitals, `{a:time}` its time as in a pseudo-version, `{a:+5}` that time 5
    /// seconds later, `{tag:v1.0.0:12}` an annotated tag's.
    pub fn ask(&mut self, query: &str) -> &mut Self {
        self.ask_of("", query)
    }

    /// Asks for the pseudo-version of a commit, with what stands before the time: `v0.0.0-`, `v1.0.1-0.`.
    pub fn pseudo(&mut self, start: &str, commit: &str) -> &mut Self {
        self.ask(&format!("{start}{{{commit}:time}}-{{{commit}:12}}"))
    }

    /// As [`Questions::ask`], of another module of the repository.
    pub fn ask_of(&mut self, suffix: &str, query: &str) -> &mut Self {
        self.asked.push((suffix.to_owned(), query.to_owned()));
        self
    }
}

/// What one question is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// The list of versions.
    List,
    /// A version, branch, hash or `latest`, and the files of what it resolves to.
    Version(String),
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The whole module path.
    pub module: String,
    /// What is asked.
    pub asked: Asked,
}

impl Question {
    fn new(module: String, asked: Asked) -> Self {
        Self { module, asked }
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.asked {
            Asked::List => write!(f, "versions of {}", self.module),
            Asked::Version(query) => write!(f, "{}@{query}", self.module),
        }
    }
}

/// The folder of a module and its major version, from what follows the root in its path.
fn split_suffix(suffix: &str) -> (&str, Option<&str>) {
    let suffix = suffix.trim_start_matches('/');
    let (folder, last) = suffix.rsplit_once('/').unwrap_or(("", suffix));
    let digits = last.strip_prefix('v').unwrap_or_default();
    let is_major = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if is_major {
        (folder, Some(last))
    } else {
        (suffix, None)
    }
}

/// Whether both sides can be asked for it and mean the same. To the go command `v1` and `v1.2` are patterns that it
/// matches with the list and never sends; a slash cannot be sent; some words are its own.
pub fn is_askable(query: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-+".contains(&b);
    let own = ["latest", "upgrade", "patch", "none"].contains(&query);
    let pattern = semver::is_valid(query)
        && query
            .split(['-', '+'])
            .next()
            .is_some_and(|v| v.matches('.').count() < 2);
    !query.is_empty()
        && !query.starts_with(['-', '.'])
        && query.bytes().all(plain)
        && !own
        && !pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_words_of_the_go_command_are_not_asked() {
        for query in ["v1", "v1.2", "latest", "a/b", "", "-x", "a@b"] {
            assert!(!is_askable(query), "{query}");
        }
        for query in ["v1.2.3", "v1.2.3+meta", "master", "HEAD", "1.2.3"] {
            assert!(is_askable(query), "{query}");
        }
    }

    #[test]
    fn folders_and_majors_are_told_apart() {
        assert_eq!(split_suffix(""), ("", None));
        assert_eq!(split_suffix("/sub"), ("sub", None));
        assert_eq!(split_suffix("/v2"), ("", Some("v2")));
        assert_eq!(split_suffix("/a/b/v3"), ("a/b", Some("v3")));
        assert_eq!(split_suffix("/value"), ("value", None));
    }
}
