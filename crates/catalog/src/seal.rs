//! Seals: a sum over each row that decides what is served, because neither engine notices a bit that flips in a page.
//!
//! One flipped bit is not only found: the seal says which one it was, since with it turned back the sum is right again.
//! Nothing else makes a sum of 128 bits right, so what is read that way is what was written. That is tried for the rows
//! of versions and zips up to 4 KiB, which nobody else could give back; caches are only compared and asked for again.

use std::ops::Range;

use gomod::hash::ContentDigest;

use crate::REALM;
use crate::error::CatalogError;
use crate::link::{Row, Value};

/// Half of a SHA-256 is plenty against accidents, and rows stay short.
const SEAL_BYTES: usize = 16;

/// Longest row that is mended, as it is summed. Each of its bits is tried with a sum over all of it, on a thread that
/// others wait for: at this length that takes a tenth of a second, at some hundred bytes, as rows have, a millisecond.
const MENDED_BYTES_MAX: usize = 4096;

/// What a column holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Int = 1,
    Text = 2,
    Bytes = 3,
}

/// Which columns of a table its seal covers, after the realm; in the order of its insert.
pub(crate) struct Seal {
    pub(crate) table: &'static str,
    /// Name of the seal in the rows that are read.
    pub(crate) column: &'static str,
    pub(crate) covers: &'static [(&'static str, Kind)],
}

/// The seal of a row of `versions`.
pub(crate) const VERSION_SEAL: Seal = Seal {
    table: "versions",
    column: "version_seal",
    covers: &[
        ("module", Kind::Text),
        ("version", Kind::Text),
        ("info", Kind::Bytes),
        ("info_size", Kind::Int),
        ("go_mod", Kind::Bytes),
        ("mod_size", Kind::Int),
        ("mod_h1", Kind::Bytes),
        ("zip_h1", Kind::Bytes),
        ("version_at", Kind::Int),
        ("verified_by", Kind::Text),
        ("verified_name", Kind::Text),
        ("record_id", Kind::Int),
        ("tree_size", Kind::Int),
        ("first_seen_at", Kind::Int),
    ],
};

/// The seal of a row of `zips`.
pub(crate) const ZIP_SEAL: Seal = Seal {
    table: "zips",
    column: "zip_seal",
    covers: &[
        ("module", Kind::Text),
        ("version", Kind::Text),
        ("zip", Kind::Bytes),
        ("zip_size", Kind::Int),
        ("kept_h1", Kind::Bytes),
        ("kept_at", Kind::Int),
    ],
};

/// The seal of a row of `known_lists`. A list in which bits have flipped is as good as none: the upstream is asked again.
pub(crate) const LIST_SEAL: Seal = Seal {
    table: "known_lists",
    column: "seal",
    covers: &[
        ("module", Kind::Text),
        ("versions", Kind::Text),
        ("seen_at", Kind::Int),
    ],
};

/// The seal of a row of `resolutions`; as [`LIST_SEAL`].
pub(crate) const RESOLUTION_SEAL: Seal = Seal {
    table: "resolutions",
    column: "seal",
    covers: &[
        ("module", Kind::Text),
        ("query", Kind::Text),
        ("version", Kind::Text),
        ("info", Kind::Bytes),
        ("seen_at", Kind::Int),
    ],
};

/// The seal of a row of `records`; as [`LIST_SEAL`].
pub(crate) const RECORD_SEAL: Seal = Seal {
    table: "records",
    column: "seal",
    covers: &[
        ("database", Kind::Text),
        ("module", Kind::Text),
        ("version", Kind::Text),
        ("record_id", Kind::Int),
        ("body", Kind::Bytes),
        ("seen_at", Kind::Int),
    ],
};

/// How a row stands to its seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowState {
    /// It is what was written.
    Sound,
    /// An earlier release wrote it, without a seal.
    Unsealed,
    /// One bit had flipped and was turned back while it was read.
    Mended,
}

impl RowState {
    /// Of two rows, what has to be done about both: a flipped bit is told first.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Mended, _) | (_, Self::Mended) => Self::Mended,
            (Self::Unsealed, _) | (_, Self::Unsealed) => Self::Unsealed,
            (Self::Sound, Self::Sound) => Self::Sound,
        }
    }
}

/// The arguments of an insert with the seal behind them.
pub(crate) fn sealed(table: &'static str, mut values: Vec<Value>) -> Vec<Value> {
    let mut covered = Covered::begin(table);
    for value in &values {
        match value {
            Value::Int(number) => covered.add(
                Kind::Int,
                number.map(i64::to_be_bytes).as_ref().map(|b| &b[..]),
            ),
            Value::Text(text) => covered.add(Kind::Text, text.as_deref().map(str::as_bytes)),
            Value::Bytes(bytes) => covered.add(Kind::Bytes, bytes.as_deref()),
        }
    }
    values.push(Value::Bytes(Some(covered.sum().to_vec())));
    values
}

impl Seal {
    /// Compares a row with its seal. Where one flipped bit explains the difference, the row reads as it was written from
    /// then on; of a row over 4 KiB that is not tried.
    ///
    /// # Errors
    /// [`CatalogError::Rotten`] if more than that is wrong.
    pub(crate) fn check(&self, row: &Row) -> Result<RowState, CatalogError> {
        self.check_in(row, self.column)
    }

    /// As [`Seal::check`], for rows in which the seal has another name.
    pub(crate) fn check_in(
        &self,
        row: &Row,
        seal_column: &'static str,
    ) -> Result<RowState, CatalogError> {
        let Some(seal) = row.find_bytes(seal_column)? else {
            return Ok(RowState::Unsealed);
        };
        let mut covered = self.read(row);
        let found = covered.sum();
        if seal == found {
            return Ok(RowState::Sound);
        }
        let differ = |(a, b): (&u8, &u8)| (a ^ b).count_ones();
        if seal.len() == SEAL_BYTES && seal.iter().zip(&found).map(differ).sum::<u32>() == 1 {
            row.mend(seal_column, Value::Bytes(Some(found.to_vec())));
            return Ok(RowState::Mended);
        }
        let mended = covered
            .turn_back(&seal)
            .and_then(|at| Some((self.covers.get(at)?, covered.values.get(at)?.clone()?)))
            .and_then(|((column, kind), span)| {
                Some((*column, value_of(*kind, &covered.bytes[span])?))
            });
        let Some((column, value)) = mended else {
            let names = self.covers.iter().map(|(column, _)| *column);
            let names = names.filter(|column| ["module", "version"].contains(column));
            let names: Vec<String> = names.map(|column| row.lossy_text(column)).collect();
            return Err(CatalogError::Rotten {
                table: self.table,
                of: names.join("@"),
            });
        };
        row.mend(column, value);
        Ok(RowState::Mended)
    }

    /// Whether a row is what was written, or was written without a seal. Nothing is mended.
    pub(crate) fn is_whole(&self, row: &Row) -> bool {
        match row.find_bytes(self.column) {
            Ok(None) => true,
            Ok(Some(seal)) => seal == self.read(row).sum(),
            Err(_) => false,
        }
    }

    /// The one row of a cache, if it can be believed.
    pub(crate) fn find_whole<'r>(&self, rows: &'r [Row]) -> Option<&'r Row> {
        rows.first().filter(|row| self.is_whole(row))
    }

    /// What the seal covers, as it is found. A text is taken as bytes, because one flipped bit makes it none; what is
    /// not even of its type any more counts as no value, with which no seal is right.
    fn read(&self, row: &Row) -> Covered {
        let mut covered = Covered::begin(self.table);
        covered.add(Kind::Text, Some(REALM.as_bytes()));
        // The realm is a constant of ours: what is read with it is not mended.
        covered.values.clear();
        for (column, kind) in self.covers {
            let bytes = match kind {
                Kind::Int => row
                    .find_int(column)
                    .map(|number| number.map(|number| number.to_be_bytes().to_vec())),
                Kind::Text => row.find_raw_text(column),
                Kind::Bytes => row.find_bytes(column),
            };
            covered.add(*kind, bytes.unwrap_or_default().as_deref());
        }
        covered
    }
}

/// What a sum is made of: the table, then every value with its kind and length in front, so that no two rows look alike.
struct Covered {
    bytes: Vec<u8>,
    /// Where the values lie that may be mended.
    values: Vec<Option<Range<usize>>>,
}

impl Covered {
    fn begin(table: &str) -> Self {
        Self {
            bytes: table.as_bytes().to_vec(),
            values: Vec::new(),
        }
    }

    fn add(&mut self, kind: Kind, value: Option<&[u8]>) {
        let Some(value) = value else {
            self.bytes.push(0);
            self.values.push(None);
            return;
        };
        self.bytes.push(kind as u8);
        self.bytes
            .extend_from_slice(&(value.len() as u64).to_be_bytes());
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.values.push(Some(begin..self.bytes.len()));
    }

    fn sum(&self) -> [u8; SEAL_BYTES] {
        let sum = ContentDigest::of(&self.bytes);
        std::array::from_fn(|at| sum.as_bytes()[at])
    }

    /// Flips each bit of each value in turn until the seal is right; gives in which value that was. Without such a bit
    /// everything is as before.
    fn turn_back(&mut self, seal: &[u8]) -> Option<usize> {
        if self.bytes.len() > MENDED_BYTES_MAX {
            return None;
        }
        for at in 0..self.values.len() {
            let Some(span) = self.values[at].clone() else {
                continue;
            };
            for bit in span.start * 8..span.end * 8 {
                self.bytes[bit / 8] ^= 1 << (bit % 8);
                if self.sum() == seal {
                    return Some(at);
                }
                self.bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        None
    }
}

/// A value from the bytes that it is summed as.
fn value_of(kind: Kind, bytes: &[u8]) -> Option<Value> {
    Some(match kind {
        Kind::Int => Value::Int(Some(i64::from_be_bytes(bytes.try_into().ok()?))),
        Kind::Text => Value::Text(Some(String::from_utf8(bytes.to_vec()).ok()?)),
        Kind::Bytes => Value::Bytes(Some(bytes.to_vec())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_turned_back(size_bytes: usize, is_turned: bool) {
        let mut covered = Covered::begin("t");
        covered.add(Kind::Int, None);
        let written = vec![b'x'; size_bytes - covered.bytes.len() - 9];
        covered.add(Kind::Text, Some(&written));
        assert_eq!(covered.bytes.len(), size_bytes);
        let seal = covered.sum();
        let last = size_bytes - 1;
        covered.bytes[last] ^= 0x80;
        let found = covered.turn_back(&seal);
        assert_eq!(found, is_turned.then_some(1), "{size_bytes} bytes");
        assert_eq!(covered.bytes[last] == b'x', is_turned);
    }

    #[test]
    fn one_bit_is_turned_back_in_rows_of_up_to_four_kib() {
        check_turned_back(100, true);
        check_turned_back(MENDED_BYTES_MAX, true);
        check_turned_back(MENDED_BYTES_MAX + 1, false);
    }
}
