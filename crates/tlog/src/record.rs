//! Records of a checksum database: two lines of hashes for one module version, and the answer to a look-up around them.
//!
//! What a record says is to be believed only after the log vouched for it; see [`crate::database`].
//!
//! Source: golang.org/x/mod, `sumdb/tlog`, `ParseRecord` and `FormatRecord`.

use gomod::hash::H1;
use gomod::version::ModuleVersion;

use crate::tree::{Hash, TREE_SIZE_END, parse_number, record_hash};

/// Longest answer to a look-up that is read: a real one is under 1 KiB, the note in it may be large.
pub const LOOKUP_BYTES_MAX: usize = crate::note::NOTE_BYTES_MAX;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    id: u64,
    text: String,
}

/// The two hashes of a module version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHashes {
    /// Of the module zip.
    pub zip: H1,
    /// Of the `go.mod`.
    pub go_mod: H1,
}

impl Record {
    /// The record `id` (from 0, below 2^63) with its text.
    ///
    /// # Errors
    /// [`RecordError::MalformedText`] unless the text ends in a newline and has neither blank lines nor control
    /// characters; [`RecordError::Malformed`] for an id out of bounds.
    pub fn new(id: u64, text: &str) -> Result<Self, RecordError> {
        if id >= TREE_SIZE_END {
            return Err(RecordError::Malformed);
        }
        if !is_text(text) {
            return Err(RecordError::MalformedText);
        }
        Ok(Self {
            id,
            text: text.to_owned(),
        })
    }

    /// The record that a version's two hashes make.
    ///
    /// # Errors
    /// As [`Record::new`].
    pub fn of_module(
        id: u64,
        module: &ModuleVersion,
        hashes: &RecordHashes,
    ) -> Result<Self, RecordError> {
        let (path, version) = (module.path(), module.version());
        let RecordHashes { zip, go_mod } = hashes;
        let text = format!("{path} {version} {zip}\n{path} {version}/go.mod {go_mod}\n");
        Self::new(id, &text)
    }

    /// Reads the answer to a look-up: the id's line, the record's text, a blank line. Gives what follows too, the
    /// signed head.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] also for more than [`LOOKUP_BYTES_MAX`] bytes; [`RecordError::MalformedText`].
    pub fn parse_lookup(body: &[u8]) -> Result<(Self, &[u8]), RecordError> {
        if body.len() > LOOKUP_BYTES_MAX {
            return Err(RecordError::Malformed);
        }
        let body = std::str::from_utf8(body).map_err(|_| RecordError::MalformedText)?;
        let (id, rest) = body.split_once('\n').ok_or(RecordError::Malformed)?;
        let id = parse_number(id).ok_or(RecordError::Malformed)?;
        let end = rest.find("\n\n").ok_or(RecordError::Malformed)?;
        let record = Self::new(id, &rest[..=end])?;
        Ok((record, &rest.as_bytes()[end + 2..]))
    }

    /// Writes the answer to a look-up. `note` is the signed head of a tree that has the record.
    pub fn format_lookup(&self, note: &[u8]) -> Vec<u8> {
        let mut body = format!("{}\n{}\n", self.id, self.text).into_bytes();
        body.extend_from_slice(note);
        body
    }

    /// Its number in the log, from 0.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its text, each line ended.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The leaf hash.
    pub fn hash(&self) -> Hash {
        record_hash(self.text.as_bytes())
    }

    /// The lines of `go.sum` that it is made of.
    pub fn go_sum_lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    /// Reads what it says of `module`: exactly the zip's line and the `go.mod`'s, in this order.
    ///
    /// # Errors
    /// [`RecordError::OtherModule`] if a line is about something else, is missing, is there twice or is one too many. A
    /// record with more in it than was asked for is not one this log should have, whoever signed it.
    pub fn hashes_of(&self, module: &ModuleVersion) -> Result<RecordHashes, RecordError> {
        let (path, version) = (module.path().as_str(), module.version().as_str());
        let mut lines = self.text.lines();
        let zip = lines
            .next()
            .and_then(|line| find_hash(line, path, version, ""));
        let go_mod = lines
            .next()
            .and_then(|line| find_hash(line, path, version, "/go.mod"));
        match (zip, go_mod, lines.next()) {
            (Some(zip), Some(go_mod), None) => Ok(RecordHashes { zip, go_mod }),
            _ => Err(RecordError::OtherModule),
        }
    }
}

/// The hash of a line `PATH VERSION[SUFFIX] HASH` if it is exactly that line.
fn find_hash(line: &str, path: &str, version: &str, suffix: &str) -> Option<H1> {
    let rest = line.strip_prefix(path)?.strip_prefix(' ')?;
    let rest = rest.strip_prefix(version)?.strip_prefix(suffix)?;
    rest.strip_prefix(' ')?.parse().ok()
}

/// Whether a text can be a record: UTF-8 lines, each ended, none blank, no other control character.
fn is_text(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte >= 0x20 || byte == b'\n');
    plain && text.ends_with('\n') && !text.starts_with('\n') && !text.contains("\n\n")
}

/// Why an answer or a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not an id, a text and a note.
    #[error("malformed answer to a look-up")]
    Malformed,
    /// The text is not one a log takes.
    #[error("malformed record text")]
    MalformedText,
    /// Well formed, but not the two lines of the version asked for.
    #[error("the record is not the two lines of the version asked for")]
    OtherModule,
}

#[cfg(test)]
mod tests;
