//! Encodings: what `working-tree-encoding` turns UTF-8 into.
//!
//! git asks the C library's iconv, so what that of GNU does is the measure. Content that is not UTF-8, or that holds a
//! character without a place in the encoding, stays as it is as a whole; so it does with a name that iconv does not know.

use std::sync::LazyLock;

mod table;
mod unicode;

use table::Table;
use unicode::Unicode;

/// The longest mark that an encoding puts in front of a text.
pub(super) const MARK_BYTES_MAX: u64 = 4;

/// How many times longer than in UTF-8 a text is at most, without a mark: in UTF-7 a character of one byte may take five.
pub(super) const GROWTH_MAX: u64 = 6;

/// An encoding other than UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The attribute is set without a value, which git refuses.
    Unnamed,
    /// UTF-16 and its like.
    Unicode(Unicode),
    /// An older encoding.
    Table(Table),
    /// One that iconv knows, or may know, and Granary does not.
    Unknown(Box<[u8]>),
}

/// Why content cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// git gives up as well, and makes no archive at all.
    #[error("git refuses the attribute working-tree-encoding without the name of an encoding")]
    UnnamedEncoding,
    /// git may know it, Granary does not.
    #[error("the encoding {name:?} of the attribute working-tree-encoding is not known here")]
    UnknownEncoding {
        /// Its name as written in `.gitattributes`.
        name: String,
    },
}

/// All names of iconv but those with a slash, each with the name of the encoding where Granary has that.
static NAMES: LazyLock<Vec<(&str, Option<&str>)>> = LazyLock::new(|| {
    let split = |line: &'static str| match line.split_once(' ') {
        Some((name, encoding)) => (name, Some(encoding)),
        None => (line, None),
    };
    let mut names: Vec<_> = include_str!("encoding/names.txt")
        .lines()
        .map(split)
        .collect();
    names.sort_unstable();
    names
});

impl Encoding {
    /// The encoding of a name as written in `.gitattributes`; `None` if content is not converted: for UTF-8 and for names
    /// that iconv does not know.
    pub fn find(name: &[u8]) -> Option<Self> {
        // git itself sees to these, and to nothing else that begins like this.
        if let Some(rest) = strip_utf(name) {
            match &*rest.to_ascii_uppercase() {
                b"8" => return None,
                b"16LE-BOM" => return Some(Self::Unicode(Unicode::UTF_16_LE_MARKED)),
                b"16BE-BOM" => return Some(Self::Unicode(Unicode::UTF_16_BE_MARKED)),
                _ => {}
            }
        }
        if name.is_empty() {
            return None;
        }
        let unknown = || Some(Self::Unknown(name.into()));
        let upper = match name.eq_ignore_ascii_case(b"latin-1") {
            true => "ISO-8859-1".to_owned(),
            false => iconv_name(name),
        };
        // A name of nothing is the locale's; with a slash come options and names made of several.
        if upper.is_empty() || upper.contains('/') {
            return unknown();
        }
        let found = NAMES
            .binary_search_by(|(known, _)| known.cmp(&&*upper))
            .ok()?;
        let Some(encoding) = NAMES[found].1 else {
            return unknown();
        };
        let unicode = Unicode::find(encoding).map(Self::Unicode);
        unicode
            .or_else(|| Table::find(encoding).map(Self::Table))
            .or_else(unknown)
    }

    /// Encodes content; `None` if it stays as it is.
    pub(super) fn encode(&self, content: &[u8]) -> Result<Option<Vec<u8>>, ConversionError> {
        let unknown = |name: &[u8]| ConversionError::UnknownEncoding {
            name: String::from_utf8_lossy(name).into_owned(),
        };
        let text = std::str::from_utf8(content);
        match (self, text) {
            (Self::Unnamed, _) => Err(ConversionError::UnnamedEncoding),
            (_, Ok("")) => Ok(None),
            (Self::Unknown(name), _) => Err(unknown(name)),
            (_, Err(_)) => Ok(None),
            (Self::Unicode(unicode), Ok(text)) => Ok(unicode.encode(text)),
            (Self::Table(table), Ok(text)) => table.encode(text).map_err(|unlike| {
                let character = unlike.0.escape_unicode();
                unknown(format!("{} for {character}", table.name()).as_bytes())
            }),
        }
    }
}

/// What is behind `utf` or `utf-`.
fn strip_utf(name: &[u8]) -> Option<&[u8]> {
    let (prefix, rest) = name.split_first_chunk::<3>()?;
    let is_utf = prefix.eq_ignore_ascii_case(b"utf");
    is_utf.then(|| rest.strip_prefix(b"-").unwrap_or(rest))
}

/// A name as iconv looks it up: in upper case, without the characters that no name has.
fn iconv_name(name: &[u8]) -> String {
    name.iter()
        .filter(|byte| byte.is_ascii_alphanumeric() || b"_-.,:/".contains(byte))
        .map(|byte| char::from(byte.to_ascii_uppercase()))
        .collect()
}
