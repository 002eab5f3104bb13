//! UTF-16, UTF-32 and UCS-2.

/// An encoding with units of two or four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unicode {
    unit: Unit,
    is_big_endian: bool,
    /// Whether a byte order mark comes first.
    is_marked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Unit {
    /// UCS-2: without pairs.
    Two,
    /// UTF-16.
    TwoWithPairs,
    /// UTF-32.
    Four,
}

impl Unicode {
    pub(super) const UTF_16_LE_MARKED: Self = Self::new(Unit::TwoWithPairs, false, true);
    pub(super) const UTF_16_BE_MARKED: Self = Self::new(Unit::TwoWithPairs, true, true);

    const fn new(unit: Unit, is_big_endian: bool, is_marked: bool) -> Self {
        Self {
            unit,
            is_big_endian,
            is_marked,
        }
    }

    /// By iconv's name. Where the name leaves the order open, it is that of the machines in use.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "UTF-16" => Self::UTF_16_LE_MARKED,
            "UTF-16LE" => Self::new(Unit::TwoWithPairs, false, false),
            "UTF-16BE" => Self::new(Unit::TwoWithPairs, true, false),
            "UTF-32" => Self::new(Unit::Four, false, true),
            "UTF-32LE" => Self::new(Unit::Four, false, false),
            "UTF-32BE" => Self::new(Unit::Four, true, false),
            "UNICODE" => Self::new(Unit::Two, false, true),
            "UCS-2" | "UNICODELITTLE" => Self::new(Unit::Two, false, false),
            "UNICODEBIG" => Self::new(Unit::Two, true, false),
            _ => return None,
        })
    }

    /// `None` if a character has no place.
    pub(super) fn encode(self, text: &str) -> Option<Vec<u8>> {
        let mut encoded = Vec::with_capacity(text.len() * 2 + 4);
        if self.is_marked {
            self.push('\u{feff}', &mut encoded);
        }
        for character in text.chars() {
            if self.unit == Unit::Two && character > '\u{ffff}' {
                match super::table::is_tag(character) {
                    true => continue,
                    false => return None,
                }
            }
            self.push(character, &mut encoded);
        }
        Some(encoded)
    }

    fn push(self, character: char, encoded: &mut Vec<u8>) {
        if self.unit == Unit::Four {
            encoded.extend_from_slice(&match self.is_big_endian {
                true => u32::from(character).to_be_bytes(),
                false => u32::from(character).to_le_bytes(),
            });
            return;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            encoded.extend_from_slice(&match self.is_big_endian {
                true => unit.to_be_bytes(),
                false => unit.to_le_bytes(),
            });
        }
    }
}
