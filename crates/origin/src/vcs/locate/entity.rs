//! What entities in text stand for: `&amp;` and `&#38;`.

/// The only entities that are known: those of XML itself.
pub(super) fn find_entity(name: &[u8]) -> Option<char> {
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"apos" => Some('\''),
        b"quot" => Some('"'),
        _ => None,
    }
}

/// The character of a number. Halves of surrogate pairs become the replacement character.
pub(super) fn find_character(digits: &[u8], radix: u32) -> Option<char> {
    let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
    (number <= u32::from(char::MAX))
        .then(|| char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER))
}
