//! Tests of the whole: foreign zips, hostile archives, our own zips, properties.

use std::io::Cursor;

use super::testing::module;
use super::{Checked, Limits, MemoryTree, ZipError, check, check_bytes, create};

mod creating;
mod hostile;
mod preparing;
mod properties;
mod rules;

/// Checks a zip in both ways, which must agree, within the limits of Go.
#[track_caller]
fn check_both(zip: &[u8]) -> Result<Checked, ZipError> {
    check_both_within(zip, &Limits::default())
}

#[track_caller]
fn check_both_within(zip: &[u8], limits: &Limits) -> Result<Checked, ZipError> {
    let from_memory = check_bytes(zip, &module(), limits);
    let through_reader = check(&mut Cursor::new(zip), zip.len() as u64, &module(), limits);
    match (&from_memory, &through_reader) {
        (Ok(a), Ok(b)) => assert_eq!(a, b),
        (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
        _ => panic!("{from_memory:?} from memory, {through_reader:?} through a reader"),
    }
    from_memory
}

/// Makes the zip of a tree, which must pass the check with the same hash.
#[track_caller]
fn create_checked(tree: &mut MemoryTree) -> (super::Created, Vec<u8>) {
    let mut zip = Vec::new();
    let created = create(&mut zip, &module(), tree, &Limits::default()).unwrap();
    let checked = check_both(&zip).unwrap();
    assert_eq!(checked.h1, created.h1);
    assert_eq!(checked.files, created.files);
    assert_eq!(checked.unpacked_bytes, created.unpacked_bytes);
    assert_eq!(zip.len() as u64, created.zip_bytes);
    (created, zip)
}
