//! What the fuzz target `zip_check` does with its bytes. Shared by the fuzzer, which includes this file by path, and the
//! replay of its corpus.

use std::io::Cursor;

use gomod::version::ModuleVersion;
use gomod::zip::{Limits, check, check_bytes, hash_zip, hash_zip_bytes};

/// The module that the zips of the corpus claim to be.
const MODULE: &str = "example.com/m@v1.0.0";

/// Any bytes as a module zip: both ways to read them agree, and what passes hashes the same without the rules.
pub fn zip_check(bytes: &[u8]) {
    let of: ModuleVersion = MODULE.parse().expect("the constant is a module version");
    // Tighter than in earnest: a fuzzer gives up on inputs that take long.
    let limits = Limits {
        contents_bytes: 32 << 20,
        go_mod_bytes: 1 << 20,
        entries: 10_000,
        ..Limits::default()
    };
    let from_memory = check_bytes(bytes, &of, &limits);
    let through_reader = check(&mut Cursor::new(bytes), bytes.len() as u64, &of, &limits);
    match (&from_memory, &through_reader) {
        (Ok(a), Ok(b)) => assert_eq!(a, b),
        (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
        _ => panic!("{from_memory:?} from memory, {through_reader:?} through a reader"),
    }
    if let Ok(checked) = from_memory {
        assert!(checked.unpacked_bytes <= limits.contents_bytes);
        assert_eq!(
            hash_zip_bytes(bytes).expect("what passed can be hashed"),
            checked.h1
        );
        let again = hash_zip(&mut Cursor::new(bytes)).expect("what passed can be hashed");
        assert_eq!(again, checked.h1);
    }
}
