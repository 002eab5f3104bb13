//! Encodings: what `working-tree-encoding` turns UTF-8 into.

use super::ConversionError;

/// An encoding other than UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The attribute is set without a value, which git refuses.
    Unnamed,
    /// UTF-16 or UTF-32.
    Wide(Wide),
    /// An encoding without a table here.
    Unknown(Box<[u8]>),
}

/// A Unicode encoding of two or four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wide {
    unit_bytes: u8,
    is_big_endian: bool,
    has_mark: bool,
}

impl Encoding {
    /// The encoding of a name as written in `.gitattributes`; `None` for UTF-8, which needs no conversion.
    pub fn find(name: &[u8]) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let wide = |unit_bytes, is_big_endian, has_mark| {
            Some(Self::Wide(Wide {
                unit_bytes,
                is_big_endian,
                has_mark,
            }))
        };
        match &*upper {
            b"" | b"UTF-8" | b"UTF8" => None,
            b"UTF-16" | b"UTF16" | b"UTF-16LE-BOM" | b"UTF16LE-BOM" => wide(2, false, true),
            b"UTF-16BE-BOM" | b"UTF16BE-BOM" => wide(2, true, true),
            b"UTF-16LE" | b"UTF16LE" => wide(2, false, false),
            b"UTF-16BE" | b"UTF16BE" => wide(2, true, false),
            b"UTF-32" | b"UTF32" => wide(4, false, true),
            b"UTF-32LE" | b"UTF32LE" => wide(4, false, false),
            b"UTF-32BE" | b"UTF32BE" => wide(4, true, false),
            _ => Some(Self::Unknown(name.into())),
        }
    }

    /// Encodes content; `None` if it stays as it is, as it does when it is not UTF-8.
    pub(super) fn encode(&self, content: &[u8]) -> Result<Option<Vec<u8>>, ConversionError> {
        match self {
            Self::Unnamed => Err(ConversionError::UnnamedEncoding),
            Self::Unknown(name) => Err(ConversionError::UnknownEncoding {
                name: String::from_utf8_lossy(name).into_owned(),
            }),
            Self::Wide(_) if content.is_empty() => Ok(None),
            Self::Wide(wide) => Ok(std::str::from_utf8(content)
                .ok()
                .map(|text| wide.encode(text))),
        }
    }
}

impl Wide {
    fn encode(self, text: &str) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(text.len() * usize::from(self.unit_bytes));
        let mark = self.has_mark.then_some('\u{feff}');
        for character in mark.into_iter().chain(text.chars()) {
            if self.unit_bytes == 4 {
                let bytes = match self.is_big_endian {
                    true => u32::from(character).to_be_bytes(),
                    false => u32::from(character).to_le_bytes(),
                };
                encoded.extend_from_slice(&bytes);
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                let bytes = match self.is_big_endian {
                    true => unit.to_be_bytes(),
                    false => unit.to_le_bytes(),
                };
                encoded.extend_from_slice(&bytes);
            }
        }
        encoded
    }
}
