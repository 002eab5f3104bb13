//! Reading a table page by page in the order of its key, although keys may have rotted: a page begins after a row that
//! its neighbours vouch for, so that a key in which a bit has flipped hides nothing and brings nothing twice.

use super::tables::{Kind, Table};
use crate::link::{Row, Value};

/// One column of a key, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Int(i64),
    Text(String),
}

/// Where the next page begins: so many rows behind a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    after: Vec<Part>,
    skip: u64,
}

impl Cursor {
    /// Before every row: names are never empty, numbers never this small.
    pub(crate) fn first(table: &Table) -> Self {
        let part = |name: &&str| match table.find_column(name).map(|column| column.kind) {
            Some(Kind::Int) => Part::Int(i64::MIN),
            _ => Part::Text(String::new()),
        };
        Self {
            after: table.key.iter().map(part).collect(),
            skip: 0,
        }
    }

    /// The arguments of the statement that reads the next page: the key, and how many rows to pass over.
    pub(crate) fn arguments(&self) -> Vec<Value> {
        let parts = self.after.iter().cloned().map(|part| match part {
            Part::Int(number) => Value::Int(Some(number)),
            Part::Text(text) => Value::Text(Some(text)),
        });
        let skip = Value::Int(i64::try_from(self.skip).ok());
        parts.chain([skip]).collect()
    }

    /// Moves behind a page with these keys; none for one that cannot be read.
    pub(crate) fn pass(&mut self, page: &[Option<Vec<Part>>]) {
        let is_sound = |at: &usize| {
            let (Some(key), Some(Some(next))) = (&page[*at], page.get(at + 1)) else {
                return false;
            };
            let before = match at.checked_sub(1).map(|before| &page[before]) {
                Some(Some(before)) => before,
                Some(None) => return false,
                None => &self.after,
            };
            before < key && key < next && *key > self.after
        };
        let found = (0..page.len()).rev().find(is_sound);
        match found.and_then(|at| Some((at, page[at].clone()?))) {
            Some((at, key)) => {
                self.after = key;
                self.skip = (page.len() - 1 - at) as u64;
            }
            None => self.skip += page.len() as u64,
        }
    }
}

/// The key of a row as it is stored; nothing if it cannot be read.
pub(crate) fn key_of(table: &Table, row: &Row) -> Option<Vec<Part>> {
    let part = |name: &&'static str| match table.find_column(name).map(|column| column.kind) {
        Some(Kind::Int) => row.find_int(name).ok()?.map(Part::Int),
        _ => row.find_text(name).ok()?.map(Part::Text),
    };
    table.key.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads rows as a database does whose order is that of the list, and checks that each comes once.
    #[track_caller]
    fn check_each_once(keys: &[Option<i64>]) {
        const PAGE: usize = 4;
        let key = |at: usize| keys[at].map(|number| vec![Part::Int(number)]);
        let mut cursor = Cursor {
            after: vec![Part::Int(i64::MIN)],
            skip: 0,
        };
        let mut read: Vec<usize> = Vec::new();
        loop {
            // Where a walk down a tree of such keys may well begin.
            let first = (0..keys.len()).find(|at| key(*at).is_some_and(|key| key > cursor.after));
            let first = match cursor.after[0] {
                Part::Int(i64::MIN) => 0,
                _ => first.unwrap_or(keys.len()),
            };
            let from = (first + cursor.skip as usize).min(keys.len());
            let page: Vec<usize> = (from..keys.len().min(from + PAGE)).collect();
            read.extend(&page);
            let page_keys: Vec<_> = page.iter().map(|at| key(*at)).collect();
            cursor.pass(&page_keys);
            if page.len() < PAGE {
                break;
            }
            assert!(read.len() <= keys.len(), "{keys:?}: {read:?}");
        }
        assert_eq!(read, (0..keys.len()).collect::<Vec<_>>(), "{keys:?}");
    }

    #[test]
    fn a_rotten_key_hides_nothing_and_brings_nothing_twice() {
        let sound: Vec<Option<i64>> = (1..20).map(|n| Some(n * 10)).collect();
        check_each_once(&sound);
        for at in 1..sound.len() {
            for rotten in [Some(100_000), None] {
                let mut keys = sound.clone();
                keys[at] = rotten;
                check_each_once(&keys);
            }
        }
        check_each_once(&[None; 9]);
        check_each_once(&[]);
    }
}
