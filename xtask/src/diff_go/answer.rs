//! What a side answered, in one shape for both.

/// The answer to one question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The versions of a module, sorted.
    List(Result<Vec<String>, Refusal>),
    /// What a version, branch or hash resolves to, with its files.
    Version(Box<Files>),
}

/// The files of a version.
#[derive(Clone, Debug)]
pub struct Files {
    /// What `.info` says.
    pub info: Result<Info, Refusal>,
    /// The bytes of `.mod`.
    pub go_mod: Result<Vec<u8>, Refusal>,
    /// The zip.
    pub zip: Result<Zip, Refusal>,
}

/// Version and time of `.info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The canonical version.
    pub version: String,
    /// As written: RFC 3339, UTC.
    pub time: String,
}

impl std::fmt::Display for Info {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.version, self.time)
    }
}

/// A module zip.
#[derive(Clone)]
pub struct Zip {
    /// The `h1:` hash.
    pub h1: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Zip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.h1, self.bytes.len())
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The words of the side.
    pub text: String,
    /// The HTTP status, where there is one.
    pub status: Option<u16>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            Some(status) => write!(f, "{status} {}", self.text.trim()),
            None => write!(f, "{}", self.text.trim()),
        }
    }
}

impl Answer {
    /// The same refusal for everything that was asked.
    pub fn refused(list: bool, refusal: Refusal) -> Self {
        if list {
            return Self::List(Err(refusal));
        }
        Self::Version(Box::new(Files {
            info: Err(refusal.clone()),
            go_mod: Err(refusal.clone()),
            zip: Err(refusal),
        }))
    }
}
