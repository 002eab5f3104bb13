//! What the fuzz target `go_import` does with a page; its corpus is replayed through the same function.

use super::tag::{ImportTag, check_subdirectory, find_tag, read_head};

/// Reads a page, half of it, and asks for each tag by its own prefix. None may panic, and tags are what was meant.
pub fn go_import(page: &[u8]) {
    let head = read_head(page);
    let half = read_head(&page[..page.len() / 2]);
    assert!(
        head.tags.starts_with(&half.tags),
        "later bytes change earlier tags"
    );
    for tag in &head.tags {
        check_fields(tag);
        match find_tag(&head.tags, &tag.prefix) {
            Ok(found) => assert!(tag.prefix.starts_with(&found.prefix)),
            Err(error) => assert!(error.to_string().len() < 2000),
        }
    }
}

fn check_fields(tag: &ImportTag) {
    for field in [&tag.prefix, &tag.vcs, &tag.repository] {
        assert!(!field.is_empty() && !field.contains(char::is_whitespace));
    }
    if check_subdirectory(&tag.subdirectory).is_ok() {
        assert!(tag.subdirectory.split('/').all(|element| element != ".."));
    }
}
