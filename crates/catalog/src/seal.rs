//! Seals: a sum over each row that decides what is served, because neither engine notices a bit that flips in a page.
//!
//! One flipped bit is not only found: the seal says which one it was, since with it turned back the sum is right again.
//! Nothing else makes a sum of 128 bits right, so what is read that way is what was written.

use gomod::hash::ContentDigest;

use crate::REALM;
use crate::error::CatalogError;
use crate::link::{Row, Value};

/// Half of a SHA-256 is plenty against accidents, and rows stay short.
const SEAL_BYTES: usize = 16;

/// What a column holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Int,
    Text,
    Bytes,
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

/// A value as a seal sees it: its kind, and its bytes.
type Cell = (u8, Option<Vec<u8>>);

/// The arguments of an insert with the seal behind them.
pub(crate) fn sealed(table: &'static str, mut values: Vec<Value>) -> Vec<Value> {
    let cells: Vec<Cell> = values.iter().map(cell_of).collect();
    values.push(Value::Bytes(Some(seal_of(table, &cells).to_vec())));
    values
}

impl Seal {
    /// Compares a row with its seal. Where one flipped bit explains the difference, the row reads as it was written from
    /// then on.
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
        let mut cells = vec![cell_of(&Value::from(REALM))];
        for (column, kind) in self.covers {
            cells.push(match kind {
                Kind::Int => cell_of(&Value::Int(row.find_int(column)?)),
                // A bit that flips may leave bytes that are no text any more.
                Kind::Text => (TEXT, row.find_raw_text(column)?),
                Kind::Bytes => cell_of(&Value::Bytes(row.find_bytes(column)?)),
            });
        }
        let found = seal_of(self.table, &cells);
        if seal == found {
            return Ok(RowState::Sound);
        }
        let differ = |(a, b): (&u8, &u8)| (a ^ b).count_ones();
        if seal.len() == SEAL_BYTES && seal.iter().zip(&found).map(differ).sum::<u32>() == 1 {
            row.mend(seal_column, Value::Bytes(Some(found.to_vec())));
            return Ok(RowState::Mended);
        }
        let turned =
            (1..cells.len()).find_map(|at| Some((at, self.turn_back(&mut cells, at, &seal)?)));
        let Some((at, value)) = turned else {
            return Err(CatalogError::Rotten {
                table: self.table,
                of: name_of(&cells),
            });
        };
        row.mend(self.covers[at - 1].0, value);
        Ok(RowState::Mended)
    }

    /// The one row of a cache, if it can be believed.
    pub(crate) fn find_whole<'r>(&self, rows: &'r [Row]) -> Option<&'r Row> {
        rows.first().filter(|row| self.check(row).is_ok())
    }

    /// Flips each bit of one value in turn until the seal is right; gives what was written then.
    fn turn_back(&self, cells: &mut [Cell], at: usize, seal: &[u8]) -> Option<Value> {
        let bits = cells[at].1.as_ref()?.len() * 8;
        for bit in 0..bits {
            flip(&mut cells[at], bit);
            if seal_of(self.table, cells) == seal {
                return value_of(&cells[at]);
            }
            flip(&mut cells[at], bit);
        }
        None
    }
}

const INT: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;

fn cell_of(value: &Value) -> Cell {
    match value {
        Value::Int(number) => (INT, number.map(|number| number.to_be_bytes().to_vec())),
        Value::Text(text) => (TEXT, text.clone().map(String::into_bytes)),
        Value::Bytes(bytes) => (BYTES, bytes.clone()),
    }
}

fn value_of((kind, bytes): &Cell) -> Option<Value> {
    let bytes = bytes.clone()?;
    match *kind {
        INT => {
            let number = bytes.as_slice().try_into().ok().map(i64::from_be_bytes)?;
            Some(Value::Int(Some(number)))
        }
        TEXT => Some(Value::Text(Some(String::from_utf8(bytes).ok()?))),
        _ => Some(Value::Bytes(Some(bytes))),
    }
}

fn flip((_, bytes): &mut Cell, bit: usize) {
    if let Some(byte) = bytes.as_mut().and_then(|bytes| bytes.get_mut(bit / 8)) {
        *byte ^= 1 << (bit % 8);
    }
}

/// The table, then every value with its kind and length in front, so that no two rows look alike.
fn seal_of(table: &str, cells: &[Cell]) -> [u8; SEAL_BYTES] {
    let mut all = table.as_bytes().to_vec();
    for (kind, bytes) in cells {
        match bytes {
            Some(bytes) => {
                all.push(*kind);
                all.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
                all.extend_from_slice(bytes);
            }
            None => all.push(0),
        }
    }
    let sum = ContentDigest::of(&all);
    std::array::from_fn(|at| sum.as_bytes()[at])
}

/// What a row is about, as far as its texts can be believed.
fn name_of(cells: &[Cell]) -> String {
    let texts = cells.iter().skip(1).take(2).filter_map(|cell| match cell {
        (TEXT, Some(text)) => Some(String::from_utf8_lossy(text)),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("@")
}
