//! What a request path asks for. Parsed once, strictly, before anything else looks at it.
//!
//! The order is the protocol's: percent-decode exactly once, then split at the last `/@v/`, then undo the `!` escapes.
//! Everything after this module works on valid module paths; nothing here asks anybody anything.

use catalog::Stages;
use gomod::escape;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version, canonical_version};

/// Longest request path that is looked at, in bytes as sent. Module paths and versions end far below it.
pub const PATH_BYTES_MAX: usize = 4096;

/// First path elements with a dot that are files of the site and never module paths.
pub const FIXED_FILES: [&str; 4] = ["favicon.ico", "opensearch.xml", "robots.txt", "sitemap.xml"];

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The page at `/`.
    Root,
    /// `/livez`.
    Live,
    /// `/readyz`.
    Ready,
    /// `/version`.
    Version,
    /// `/metrics`.
    Metrics,
    /// One of [`FIXED_FILES`].
    Fixed(&'static str),
    /// `/<module>/@v/list`.
    List(ModulePath),
    /// `/<module>/@latest`.
    Latest(ModulePath),
    /// `/<module>/@v/<query>.info` where the query is no canonical version that fits the path.
    Query(ModulePath, String),
    /// A file of one version.
    File(ModuleVersion, FileKind),
    /// `/sumdb/…`: what follows, decoded.
    Sumdb(String),
}

/// What a path asks for, and of which view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The view, as its position among the stages.
    pub stage: usize,
    /// What is asked for.
    pub target: Target,
}

/// The three files of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// `.info`: JSON with version and time.
    Info,
    /// `.mod`: the go.mod file.
    GoMod,
    /// `.zip`: the source.
    Zip,
}

impl FileKind {
    /// The ending of the file's name, with its dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Info => ".info",
            Self::GoMod => ".mod",
            Self::Zip => ".zip",
        }
    }
}

/// Why a path asks for nothing that is served here; a sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unserved {
    /// The reason, without control characters.
    pub reason: String,
}

impl Unserved {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl Request {
    /// Parses the path of a request as it was sent.
    ///
    /// `prefix` is the path of the public address (empty or `/go`); it may be there or not. `/r/<stage>` in front names a
    /// view; without it the last stage is meant.
    ///
    /// # Errors
    /// [`Unserved`] with the reason: a 404 to the client. Nothing that fails here leads to a job.
    pub fn parse(raw: &str, prefix: &str, stages: &Stages) -> Result<Self, Unserved> {
        if raw.len() > PATH_BYTES_MAX {
            return Err(Unserved::new(format!(
                "the path is longer than {PATH_BYTES_MAX} bytes"
            )));
        }
        let decoded = percent_decode(raw)?;
        let path = strip_prefix(&decoded, prefix);
        let (stage, path) = split_view(path, stages)?;
        let path = path.strip_prefix('/').unwrap_or(path);
        let target = Target::parse(path)?;
        Ok(Self { stage, target })
    }
}

impl Target {
    /// Parses what follows the view, without its slash.
    fn parse(path: &str) -> Result<Self, Unserved> {
        if let Some(target) = parse_own(path) {
            return Ok(target);
        }
        if let Some(rest) = path.strip_prefix("sumdb/") {
            return Ok(Self::Sumdb(rest.to_owned()));
        }
        if let Some(module) = path.strip_suffix("/@latest") {
            return Ok(Self::Latest(parse_module(module)?));
        }
        match path.rfind("/@v/") {
            Some(at) => parse_file(&path[..at], &path[at + "/@v/".len()..]),
            None => Err(Unserved::new(
                "nothing is served here; a module's files are at /<module>/@v/ and /<module>/@latest",
            )),
        }
    }
}

/// The path under which an answer is kept in the hot map: `!` escapes, no percent signs, no prefix.
pub fn hot_path(module: &ModulePath, file: &str) -> String {
    format!("/{}/{file}", module.escaped())
}

/// The hot path of a version's file.
pub fn hot_file_path(of: &ModuleVersion, kind: FileKind) -> String {
    format!(
        "/{}/@v/{}{}",
        of.path().escaped(),
        of.version().escaped(),
        kind.ending()
    )
}

fn strip_prefix<'a>(path: &'a str, prefix: &str) -> &'a str {
    if prefix.is_empty() {
        return path;
    }
    match path.strip_prefix(prefix) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Takes `/r/<stage>` off and says which it was. What names no stage falls through to none.
fn split_view<'a>(path: &'a str, stages: &Stages) -> Result<(usize, &'a str), Unserved> {
    let Some(rest) = path.strip_prefix("/r/") else {
        return Ok((stages.list().len() - 1, path));
    };
    let rest_at = rest.find('/').unwrap_or(rest.len());
    let (view, rest) = rest.split_at(rest_at);
    match stages.position(view) {
        Some(stage) => Ok((stage, rest)),
        None => Err(Unserved::new(format!(
            "no view {view:?} is served here; there are {}",
            stages.names().join(", ")
        ))),
    }
}

fn parse_own(path: &str) -> Option<Target> {
    Some(match path {
        "" => Target::Root,
        "livez" => Target::Live,
        "readyz" => Target::Ready,
        "version" => Target::Version,
        "metrics" => Target::Metrics,
        _ => Target::Fixed(FIXED_FILES.into_iter().find(|name| *name == path)?),
    })
}

fn parse_module(escaped: &str) -> Result<ModulePath, Unserved> {
    ModulePath::from_escaped(escaped)
        .map_err(|error| Unserved::new(format!("malformed module path {escaped:?}: {error}")))
}

fn parse_file(module: &str, file: &str) -> Result<Target, Unserved> {
    let module = parse_module(module)?;
    if file == "list" {
        return Ok(Target::List(module));
    }
    let kinds = [FileKind::Info, FileKind::GoMod, FileKind::Zip];
    let Some((escaped, kind)) = kinds
        .into_iter()
        .find_map(|kind| Some((file.strip_suffix(kind.ending())?, kind)))
    else {
        return Err(Unserved::new(format!(
            "no file {file:?}: a version has .info, .mod and .zip, and there is list"
        )));
    };
    let text = escape::unescape_version(escaped)
        .map_err(|error| Unserved::new(format!("malformed version {escaped:?}: {error}")))?;
    if text.starts_with('-') {
        return Err(Unserved::new(format!(
            "malformed version {text:?}: leading dash"
        )));
    }
    let fits = fit_version(&module, &text);
    match (fits, kind) {
        (Ok(of), kind) => Ok(Target::File(of, kind)),
        (Err(_), FileKind::Info) => Ok(Target::Query(module, text)),
        (Err(reason), _) => Err(reason),
    }
}

/// The version, if it is canonical and its major fits the path. Only such a one has files.
fn fit_version(module: &ModulePath, text: &str) -> Result<ModuleVersion, Unserved> {
    if canonical_version(text).as_deref() != Some(text) {
        return Err(Unserved::new(format!(
            "{module}@{text} is no canonical version: ask for its .info first, which names one"
        )));
    }
    let unfit = |error: &dyn std::fmt::Display| Unserved::new(format!("{module}@{text}: {error}"));
    let version: Version = text.parse().map_err(|error| unfit(&error))?;
    ModuleVersion::new(module.clone(), version).map_err(|error| unfit(&error))
}

/// Decodes percent escapes exactly once. The result is text without control characters.
pub fn percent_decode(raw: &str) -> Result<String, Unserved> {
    let malformed = || Unserved::new("malformed percent escape in the path");
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = bytes.next().and_then(hex_digit).ok_or_else(malformed)?;
        let low = bytes.next().and_then(hex_digit).ok_or_else(malformed)?;
        decoded.push(high << 4 | low);
    }
    if decoded.iter().any(|byte| byte.is_ascii_control()) {
        return Err(Unserved::new("control character in the path"));
    }
    String::from_utf8(decoded).map_err(|_| Unserved::new("the path is not UTF-8"))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests;
