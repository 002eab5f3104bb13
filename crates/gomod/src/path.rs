//! Module, import and file paths: what is valid, and the major version suffix of a module path.
//!
//! Not here: escaping of versions (`escape`), which versions fit a path's major (`version`), case collisions of
//! file names (`zip`). A valid module path may still name an address inside the network (`127.0.0.1/x`): whether
//! it may be contacted is for those to decide who open connections.
//!
//! Source: golang.org/x/mod, `module`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::bang;
use crate::unicode::is_letter;

mod major;

pub use major::{MajorMismatch, check_path_major, split_path_version};

/// Longest module path that is accepted, in bytes. Go has no such limit of its own.
///
/// The go command keeps modules in directories named after the escaped path, and operating systems stop at 4096
/// bytes for a whole name; escaping may double the path. The keys of our own tables end at about 2700 bytes.
/// The longest paths seen in public are below 300 bytes.
pub const MODULE_PATH_BYTES_MAX: usize = 1024;

/// How many bytes of a refused path an error message repeats: enough to recognise it, too few to flood a log.
const SHOWN_BYTES_MAX: usize = 200;

/// A module path as written in `go.mod`, e.g. `github.com/Azure/azure-sdk-for-go`; never the escaped form.
///
/// Clones are cheap: the text is shared. Order is that of the bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ModulePath(Arc<str>); // invariant: check_path(&self.0) is Ok

impl ModulePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the form used in addresses and names of files: `github.com/!azure/azure-sdk-for-go`.
    pub fn escaped(&self) -> String {
        bang::encode(&self.0)
            .unwrap_or_else(|| unreachable!("a valid module path is ASCII without '!': {self}"))
    }

    /// Reads the escaped form.
    ///
    /// # Errors
    /// [`PathError`] with [`Reason::BadEscape`], or what [`check_path`] says of the plain form.
    pub fn from_escaped(escaped: &str) -> Result<Self, PathError> {
        match bang::decode(escaped) {
            Some(plain) => plain.parse(),
            None => Err(PathError::new(PathKind::Module, escaped, Reason::BadEscape)),
        }
    }

    /// The path without its major version suffix: `example.com/a` of `example.com/a/v2`.
    pub fn without_major(&self) -> &str {
        self.split().0
    }

    /// The major version suffix with its separator, `/v2` or `.v3-unstable`; empty when there is none.
    pub fn major_suffix(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        split_path_version(&self.0).unwrap_or((&self.0, ""))
    }
}

impl FromStr for ModulePath {
    type Err = PathError;

    fn from_str(s: &str) -> Result<Self, PathError> {
        check_path(s)?;
        Ok(Self(s.into()))
    }
}

impl TryFrom<String> for ModulePath {
    type Error = PathError;

    fn try_from(s: String) -> Result<Self, PathError> {
        s.parse()
    }
}

impl AsRef<str> for ModulePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for ModulePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Which of the three sets of rules a path was held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// Path of a module, [`check_path`].
    Module,
    /// Path of a package, [`check_import_path`].
    Import,
    /// Path of a file inside a module, [`check_file_path`].
    File,
}

impl fmt::Display for PathKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Module => "module",
            Self::Import => "import",
            Self::File => "file",
        })
    }
}

/// A refused path: `malformed module path "a b": invalid char ' '`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {kind} path {shown:?}: {reason}")]
pub struct PathError {
    /// The rules it was held against.
    pub kind: PathKind,
    /// The refused text, cut to a length fit for messages.
    pub shown: String,
    /// What is wrong with it.
    pub reason: Reason,
}

impl PathError {
    fn new(kind: PathKind, path: &str, reason: Reason) -> Self {
        Self {
            kind,
            shown: shorten(path),
            reason,
        }
    }
}

/// What is wrong with a path or path element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nothing at all.
    #[error("empty string")]
    Empty,
    /// Over [`MODULE_PATH_BYTES_MAX`].
    #[error("{bytes} bytes are more than {MODULE_PATH_BYTES_MAX}")]
    TooLong {
        /// Length found.
        bytes: usize,
    },
    /// Not an escaped form.
    #[error("not properly escaped")]
    BadEscape,
    /// A dash in front.
    #[error("leading dash")]
    LeadingDash,
    /// `//` inside.
    #[error("double slash")]
    DoubleSlash,
    /// A slash at the end.
    #[error("trailing slash")]
    TrailingSlash,
    /// An element without characters.
    #[error("empty path element")]
    EmptyElement,
    /// An element of dots alone.
    #[error("invalid path element {0:?}")]
    DotsOnly(String),
    /// An element with a dot in front.
    #[error("leading dot in path element")]
    LeadingDot,
    /// An element with a dot at its end.
    #[error("trailing dot in path element")]
    TrailingDot,
    /// A character outside the kind's alphabet.
    #[error("invalid char {0:?}")]
    Char(char),
    /// A name that Windows keeps for devices.
    #[error("{0:?} disallowed as path element component on Windows")]
    WindowsName(String),
    /// An element that looks like a Windows short name, `PROGRA~1`.
    #[error("trailing tilde and digits in path element")]
    TildeDigits,
    /// A first element that cannot be a host.
    #[error("missing dot in first path element")]
    MissingDot,
    /// A character that a first element must not have.
    #[error("invalid char {0:?} in first path element")]
    HostChar(char),
    /// A major version suffix that is none: `/v1`, `/v01`, `/v2.0`, or none at all on gopkg.in.
    #[error("invalid version")]
    Suffix,
}

/// Checks a module path.
///
/// The first element must look like a host (`a-z 0-9 . -`, at least one dot), elements hold ASCII letters,
/// digits and `-._~`, and a major version suffix must be a proper one.
///
/// # Errors
/// [`PathError`], also over [`MODULE_PATH_BYTES_MAX`].
pub fn check_path(path: &str) -> Result<(), PathError> {
    find_module_fault(path).map_or(Ok(()), |reason| {
        Err(PathError::new(PathKind::Module, path, reason))
    })
}

/// Checks the path of a package. Unlike a module path it needs no dot in its first element (`fmt`), may have
/// elements that start with a dot, and may hold `+`.
///
/// # Errors
/// [`PathError`].
pub fn check_import_path(path: &str) -> Result<(), PathError> {
    find_fault(path, PathKind::Import).map_or(Ok(()), |reason| {
        Err(PathError::new(PathKind::Import, path, reason))
    })
}

/// Checks the slash-separated path of a file inside a module: Unicode letters, ASCII digits and most ASCII
/// punctuation. A leading dash is allowed.
///
/// # Errors
/// [`PathError`]. One such file makes its whole module invalid; it is never left out.
pub fn check_file_path(path: &str) -> Result<(), PathError> {
    find_fault(path, PathKind::File).map_or(Ok(()), |reason| {
        Err(PathError::new(PathKind::File, path, reason))
    })
}

/// Checks text that stands alone as one element of a file path, as a version does in an address.
pub(crate) fn check_file_element(element: &str) -> Result<(), Reason> {
    find_element_fault(element, PathKind::File).map_or(Ok(()), Err)
}

/// Cuts text that came from outside to a length fit for a message.
pub(crate) fn shorten(text: &str) -> String {
    if text.len() <= SHOWN_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(SHOWN_BYTES_MAX);
    format!("{}...", &text[..end])
}

fn find_module_fault(path: &str) -> Option<Reason> {
    if path.len() > MODULE_PATH_BYTES_MAX {
        return Some(Reason::TooLong { bytes: path.len() });
    }
    if let Some(reason) = find_fault(path, PathKind::Module) {
        return Some(reason);
    }
    let host = path.split('/').next().unwrap_or_default();
    if !host.contains('.') {
        return Some(Reason::MissingDot);
    }
    if let Some(c) = host
        .chars()
        .find(|c| !matches!(c, '-' | '.' | '0'..='9' | 'a'..='z'))
    {
        return Some(Reason::HostChar(c));
    }
    split_path_version(path).is_none().then_some(Reason::Suffix)
}

fn find_fault(path: &str, kind: PathKind) -> Option<Reason> {
    if path.is_empty() {
        return Some(Reason::Empty);
    }
    if path.starts_with('-') && kind != PathKind::File {
        return Some(Reason::LeadingDash);
    }
    if path.contains("//") {
        return Some(Reason::DoubleSlash);
    }
    if path.ends_with('/') {
        return Some(Reason::TrailingSlash);
    }
    path.split('/')
        .find_map(|element| find_element_fault(element, kind))
}

fn find_element_fault(element: &str, kind: PathKind) -> Option<Reason> {
    if element.is_empty() {
        return Some(Reason::EmptyElement);
    }
    if element.bytes().all(|b| b == b'.') {
        return Some(Reason::DotsOnly(shorten(element)));
    }
    if element.starts_with('.') && kind == PathKind::Module {
        return Some(Reason::LeadingDot);
    }
    if element.ends_with('.') {
        return Some(Reason::TrailingDot);
    }
    if let Some(c) = element.chars().find(|&c| !is_allowed(c, kind)) {
        return Some(Reason::Char(c));
    }
    let short = element.split('.').next().unwrap_or_default();
    if is_windows_device(short) {
        return Some(Reason::WindowsName(short.to_owned()));
    }
    if kind != PathKind::File && ends_in_tilde_digits(short) {
        return Some(Reason::TildeDigits);
    }
    None
}

fn is_allowed(c: char, kind: PathKind) -> bool {
    let everywhere = c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    match kind {
        PathKind::Module => everywhere,
        PathKind::Import => everywhere || c == '+',
        PathKind::File if c.is_ascii() => everywhere || " !#$%&()+,=@[]^{}".contains(c),
        PathKind::File => is_letter(c),
    }
}

fn is_windows_device(name: &str) -> bool {
    match name.len() {
        3 => ["con", "prn", "aux", "nul"]
            .iter()
            .any(|device| name.eq_ignore_ascii_case(device)),
        4 if name.is_ascii() => {
            let (port, digit) = name.split_at(3);
            (port.eq_ignore_ascii_case("com") || port.eq_ignore_ascii_case("lpt"))
                && matches!(digit.as_bytes(), [b'1'..=b'9'])
        }
        _ => false,
    }
}

fn ends_in_tilde_digits(name: &str) -> bool {
    name.rsplit_once('~')
        .is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
