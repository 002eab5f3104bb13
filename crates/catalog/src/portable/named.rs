//! What the lines of a dump say about files: which blobs a catalog needs, and which hashes they must have.

use gomod::hash::{ContentDigest, H1};
use gomod::version::ModuleVersion;
use serde_json::{Map, Value as Json};

/// A file that a row names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The version that it belongs to, or claimed to.
    pub of: ModuleVersion,
    /// What it is.
    pub role: FileRole,
    /// Its blob.
    pub digest: ContentDigest,
    /// Its size in bytes, where the row says it.
    pub size_bytes: Option<u64>,
}

/// What a named file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// The `.info`.
    Info,
    /// The `.mod`, with its `h1:`.
    GoMod(H1),
    /// The `.zip`, with its `h1:`.
    Zip(H1),
    /// Refused bytes in quarantine.
    Refused,
}

impl FileRole {
    /// How the file's name ends.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Info => ".info",
            Self::GoMod(_) => ".mod",
            Self::Zip(_) => ".zip",
            Self::Refused => " (in quarantine)",
        }
    }
}

/// A line that is no row of a catalog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this line is no row of a catalog: {what}")]
pub struct BadLine {
    /// What is wrong with it.
    pub what: String,
}

impl BadLine {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

/// The files that a line of a dump names.
///
/// # Errors
/// [`BadLine`] if it is none, or names what cannot be.
pub fn list_named_files(line: &str) -> Result<Vec<NamedFile>, BadLine> {
    let (table, row) = split_line(line)?;
    list_files_of_row(&table, &row)
}

/// As [`list_named_files`], for a line that was taken apart.
pub(crate) fn list_files_of_row(
    table: &str,
    row: &Map<String, Json>,
) -> Result<Vec<NamedFile>, BadLine> {
    let file = |role, digest, size| {
        Ok(NamedFile {
            of: version_of(row)?,
            role,
            digest: ContentDigest::from_bytes(hash(row, digest)?),
            size_bytes: match size {
                Some(size) => Some(number(row, size)?),
                None => None,
            },
        })
    };
    let h1 = |column| hash(row, column).map(H1::from_bytes);
    match table {
        "versions" => Ok(vec![
            file(FileRole::Info, "info", Some("info_size"))?,
            file(FileRole::GoMod(h1("mod_h1")?), "go_mod", Some("mod_size"))?,
        ]),
        "zips" => Ok(vec![file(
            FileRole::Zip(h1("kept_h1")?),
            "zip",
            Some("zip_size"),
        )?]),
        "quarantine" if row.get("digest").is_some_and(|digest| !digest.is_null()) => {
            Ok(vec![file(FileRole::Refused, "digest", None)?])
        }
        _ => Ok(Vec::new()),
    }
}

/// The table and the row of a line.
pub(crate) fn split_line(line: &str) -> Result<(String, Map<String, Json>), BadLine> {
    let outer: Map<String, Json> =
        serde_json::from_str(line).map_err(|cause| BadLine::new(cause.to_string()))?;
    let mut entries = outer.into_iter();
    match (entries.next(), entries.next()) {
        (Some((table, Json::Object(row))), None) => Ok((table, row)),
        _ => Err(BadLine::new("it does not hold one row")),
    }
}

fn text<'r>(row: &'r Map<String, Json>, column: &str) -> Result<&'r str, BadLine> {
    let value = row.get(column).and_then(Json::as_str);
    value.ok_or_else(|| BadLine::new(format!("{column} is no text")))
}

fn number(row: &Map<String, Json>, column: &str) -> Result<u64, BadLine> {
    let value = row.get(column).and_then(Json::as_u64);
    value.ok_or_else(|| BadLine::new(format!("{column} is no size")))
}

fn hash(row: &Map<String, Json>, column: &str) -> Result<[u8; 32], BadLine> {
    let digest: Result<ContentDigest, _> = text(row, column)?.parse();
    let digest = digest.map_err(|_| BadLine::new(format!("{column} is no hash")))?;
    Ok(*digest.as_bytes())
}

fn version_of(row: &Map<String, Json>) -> Result<ModuleVersion, BadLine> {
    let name = format!("{}@{}", text(row, "module")?, text(row, "version")?);
    let of = name.parse::<ModuleVersion>();
    of.map_err(|_| BadLine::new(format!("{name:?} is no version of a module")))
}
