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

/// The arguments of an insert with the seal behind them.
pub(crate) fn sealed(table: &'static str, mut values: Vec<Value>) -> Vec<Value> {
    let seal = seal_of(table, &values);
    values.push(Value::Bytes(Some(seal.to_vec())));
    values
}

impl Seal {
    /// Compares a row with its seal. Where one flipped bit explains the difference, the row reads as it was written from
    /// then on.
    ///
    /// # Errors
    /// [`CatalogError::Rotten`] if more than that is wrong.
    pub(crate) fn check(&self, row: &Row) -> Result<RowState, CatalogError> {
        let Some(seal) = row.find_bytes(self.column)? else {
            return Ok(RowState::Unsealed);
        };
        let mut values = vec![Value::from(REALM)];
        for (column, kind) in self.covers {
            values.push(match kind {
                Kind::Int => Value::Int(row.find_int(column)?),
                Kind::Text => Value::Text(row.find_text(column)?),
                Kind::Bytes => Value::Bytes(row.find_bytes(column)?),
            });
        }
        let found = seal_of(self.table, &values);
        if seal == found {
            return Ok(RowState::Sound);
        }
        let differ = |(a, b): (&u8, &u8)| (a ^ b).count_ones();
        if seal.len() == SEAL_BYTES && seal.iter().zip(&found).map(differ).sum::<u32>() == 1 {
            return Ok(RowState::Mended); // the seal itself
        }
        let at = (1..values.len()).find(|at| self.turn_back(&mut values, *at, &seal));
        let Some(at) = at else {
            return Err(CatalogError::Rotten {
                table: self.table,
                of: name_of(&values),
            });
        };
        let column = self.covers[at - 1].0;
        row.mend(column, values.swap_remove(at));
        Ok(RowState::Mended)
    }

    /// The one row of a cache, if it can be believed.
    pub(crate) fn find_whole<'r>(&self, rows: &'r [Row]) -> Option<&'r Row> {
        rows.first().filter(|row| self.check(row).is_ok())
    }

    /// Flips each bit of one value in turn until the seal is right.
    fn turn_back(&self, values: &mut [Value], at: usize, seal: &[u8]) -> bool {
        let mut bytes = match &values[at] {
            Value::Int(Some(number)) => number.to_be_bytes().to_vec(),
            Value::Text(Some(text)) => text.clone().into_bytes(),
            Value::Bytes(Some(bytes)) => bytes.clone(),
            Value::Int(None) | Value::Text(None) | Value::Bytes(None) => return false,
        };
        let before = values[at].clone();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            values[at] = match &before {
                Value::Int(_) => {
                    Value::Int(bytes.as_slice().try_into().ok().map(i64::from_be_bytes))
                }
                Value::Text(_) => Value::Text(String::from_utf8(bytes.clone()).ok()),
                Value::Bytes(_) => Value::Bytes(Some(bytes.clone())),
            };
            if seal_of(self.table, values) == seal {
                return true;
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        values[at] = before;
        false
    }
}

/// The table, then every value with its kind and length in front, so that no two rows look alike.
fn seal_of(table: &str, values: &[Value]) -> [u8; SEAL_BYTES] {
    let mut bytes = table.as_bytes().to_vec();
    let mut add = |kind: u8, value: Option<&[u8]>| {
        bytes.push(kind);
        if let Some(value) = value {
            bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
            bytes.extend_from_slice(value);
        }
    };
    for value in values {
        match value {
            Value::Int(Some(number)) => add(1, Some(&number.to_be_bytes())),
            Value::Text(Some(text)) => add(2, Some(text.as_bytes())),
            Value::Bytes(Some(bytes)) => add(3, Some(bytes)),
            Value::Int(None) | Value::Text(None) | Value::Bytes(None) => add(0, None),
        }
    }
    let sum = ContentDigest::of(&bytes);
    std::array::from_fn(|at| sum.as_bytes()[at])
}

/// What a row is about, as far as its texts can be believed.
fn name_of(values: &[Value]) -> String {
    let texts = values
        .iter()
        .skip(1)
        .take(2)
        .filter_map(|value| match value {
            Value::Text(text) => text.clone(),
            Value::Int(_) | Value::Bytes(_) => None,
        });
    texts.collect::<Vec<_>>().join("@")
}
