//! Encodings by table: those of the web, as far as they agree with the C library's.

use encoding_rs as web;

/// An encoding of one byte or of a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Table(usize);

/// A character that the two may encode differently, so that no answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unlike(pub(super) char);

struct Entry {
    name: &'static str,
    /// Characters below this number are bytes of their own.
    itself_below: u32,
    base: Option<&'static web::Encoding>,
    /// What is known of the characters that `base` has.
    agreement: Agreement,
}

#[derive(Clone, Copy)]
enum Agreement {
    /// iconv has those of them for which this holds, in the same bytes, and no others.
    Exact(fn(char, &[u8]) -> bool),
    /// The same, but for these characters, which iconv has and `base` has not.
    ExactBut(fn(char, &[u8]) -> bool, &'static [char]),
    /// iconv has those of them for which this holds, in the same bytes. The rest was not looked into.
    Partial(fn(char, &[u8]) -> bool),
}

use Agreement::{Exact, ExactBut, Partial};

/// Signs of JIS X 0208 that the web writes as their twins.
const JIS_TWINS: &[char] = &['\u{a2}', '\u{a3}', '\u{ac}', '\u{2016}', '\u{301c}'];

/// Checked against the GNU C library 2.36 for every character of Unicode.
const TABLES: [Entry; 33] = [
    entry("ANSI_X3.4-1968", 0x80, None, Exact(all)),
    entry("ISO-8859-1", 0x100, None, Exact(all)),
    entry("ISO-8859-2", 0x80, Some(web::ISO_8859_2), Exact(all)),
    entry("ISO-8859-3", 0x80, Some(web::ISO_8859_3), Exact(all)),
    entry("ISO-8859-4", 0x80, Some(web::ISO_8859_4), Exact(all)),
    entry("ISO-8859-5", 0x80, Some(web::ISO_8859_5), Exact(all)),
    entry("ISO-8859-6", 0x80, Some(web::ISO_8859_6), Exact(all)),
    entry("ISO-8859-7", 0x80, Some(web::ISO_8859_7), Exact(all)),
    entry("ISO-8859-8", 0x80, Some(web::ISO_8859_8), Exact(all)),
    entry("ISO-8859-9", 0xa0, Some(web::WINDOWS_1254), Exact(is_high)),
    entry("ISO-8859-10", 0x80, Some(web::ISO_8859_10), Exact(all)),
    entry("ISO-8859-13", 0x80, Some(web::ISO_8859_13), Exact(all)),
    entry("ISO-8859-14", 0x80, Some(web::ISO_8859_14), Exact(all)),
    entry("ISO-8859-15", 0x80, Some(web::ISO_8859_15), Exact(all)),
    entry("ISO-8859-16", 0x80, Some(web::ISO_8859_16), Exact(all)),
    entry(
        "CP1250",
        0x80,
        Some(web::WINDOWS_1250),
        Exact(is_no_control),
    ),
    entry(
        "CP1251",
        0x80,
        Some(web::WINDOWS_1251),
        Exact(is_no_control),
    ),
    entry(
        "CP1252",
        0x80,
        Some(web::WINDOWS_1252),
        Exact(is_no_control),
    ),
    entry(
        "CP1253",
        0x80,
        Some(web::WINDOWS_1253),
        Exact(is_no_control),
    ),
    entry(
        "CP1254",
        0x80,
        Some(web::WINDOWS_1254),
        Exact(is_no_control),
    ),
    entry("CP1256", 0x80, Some(web::WINDOWS_1256), Exact(all)),
    entry(
        "CP1257",
        0x80,
        Some(web::WINDOWS_1257),
        Exact(is_no_control),
    ),
    entry("KOI8-R", 0x80, Some(web::KOI8_R), Exact(all)),
    entry("IBM866", 0x80, Some(web::IBM866), Exact(all)),
    entry(
        "SJIS",
        0x80,
        Some(web::SHIFT_JIS),
        ExactBut(is_jis, JIS_TWINS),
    ),
    entry("CP932", 0x80, Some(web::SHIFT_JIS), Partial(is_no_control)),
    entry("EUC-JP", 0x80, Some(web::EUC_JP), Partial(is_euc_jp)),
    entry("UHC", 0x80, Some(web::EUC_KR), Exact(all)),
    entry("EUC-KR", 0x80, Some(web::EUC_KR), Partial(is_euc)),
    entry("GBK", 0x80, Some(web::GBK), Partial(is_gbk)),
    entry("GB18030", 0x80, Some(web::GB18030), Partial(is_gb_18030)),
    entry("EUC-CN", 0x80, Some(web::GBK), Partial(is_gb_2312)),
    entry("BIG5", 0x80, Some(web::BIG5), Partial(is_big5)),
];

const fn entry(
    name: &'static str,
    itself_below: u32,
    base: Option<&'static web::Encoding>,
    agreement: Agreement,
) -> Entry {
    Entry {
        name,
        itself_below,
        base,
        agreement,
    }
}

impl Table {
    /// By iconv's name.
    pub(super) fn find(name: &str) -> Option<Self> {
        TABLES.iter().position(|entry| entry.name == name).map(Self)
    }

    /// iconv's name.
    pub(super) fn name(self) -> &'static str {
        TABLES[self.0].name
    }

    /// `None` if a character has no place.
    pub(super) fn encode(self, text: &str) -> Result<Option<Vec<u8>>, Unlike> {
        let entry = &TABLES[self.0];
        let mut encoder = entry.base.map(web::Encoding::new_encoder);
        let mut encoded = Vec::with_capacity(text.len());
        for character in text.chars() {
            if u32::from(character) < entry.itself_below {
                encoded.push(character as u8);
                continue;
            }
            let mut room = [0; 8];
            let bytes = match &mut encoder {
                Some(encoder) => encode_one(encoder, character, &mut room),
                None => None,
            };
            match (bytes, entry.agreement) {
                (Some(bytes), Exact(agrees) | ExactBut(agrees, _) | Partial(agrees))
                    if agrees(character, bytes) =>
                {
                    encoded.extend_from_slice(bytes);
                }
                (None, _) if is_tag(character) => {}
                (_, ExactBut(_, twins)) if twins.contains(&character) => {
                    return Err(Unlike(character));
                }
                (_, Exact(_) | ExactBut(..)) => return Ok(None),
                (_, Partial(_)) => return Err(Unlike(character)),
            }
        }
        Ok(Some(encoded))
    }
}

/// Whether iconv drops it silently on the way into these encodings: the tags, invisible marks of languages.
pub(super) fn is_tag(character: char) -> bool {
    ('\u{e0000}'..='\u{e007f}').contains(&character)
}

fn encode_one<'a>(
    encoder: &mut web::Encoder,
    character: char,
    room: &'a mut [u8; 8],
) -> Option<&'a [u8]> {
    let text = character.encode_utf8(&mut [0; 4]).to_owned();
    let (result, _, written) = encoder.encode_from_utf8_without_replacement(&text, room, false);
    (result == web::EncoderResult::InputEmpty).then_some(&room[..written])
}

fn all(_: char, _: &[u8]) -> bool {
    true
}

/// The web has the controls of C1 where Windows has nothing.
fn is_no_control(character: char, _: &[u8]) -> bool {
    !character.is_control()
}

fn is_high(_: char, bytes: &[u8]) -> bool {
    bytes[0] >= 0xa0
}

/// Without the rows of NEC and IBM.
fn is_jis(character: char, bytes: &[u8]) -> bool {
    is_no_control(character, bytes)
        && !matches!(bytes[0], 0x87 | 0xfa..=0xfc)
        && !matches!(character, '\u{2225}' | '\u{ff0d}' | '\u{ff5e}')
}

fn is_euc_jp(character: char, bytes: &[u8]) -> bool {
    !matches!(bytes[0], 0xad | 0xf9..=0xfc)
        && !matches!(
            character,
            '\u{2225}' | '\u{ff0d}' | '\u{ff5e}' | '\u{ffe0}'..='\u{ffe2}'
        )
}

fn is_euc(_: char, bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte >= 0xa1)
}

fn is_private(character: char) -> bool {
    ('\u{e000}'..='\u{f8ff}').contains(&character)
}

/// Without the rows where both have filled gaps in their own way.
fn is_gbk(character: char, bytes: &[u8]) -> bool {
    !is_private(character) && !matches!(bytes[0], 0xa2 | 0xa6 | 0xa8 | 0xa9 | 0xfe)
}

/// Without the characters that one has in the private area and the other has not.
fn is_gb_18030(character: char, _: &[u8]) -> bool {
    const MOVED: [char; 6] = [
        '\u{20087}',
        '\u{20089}',
        '\u{200cc}',
        '\u{215d7}',
        '\u{2298f}',
        '\u{241fe}',
    ];
    !is_private(character) && !MOVED.contains(&character)
}

fn is_gb_2312(character: char, bytes: &[u8]) -> bool {
    is_gbk(character, bytes)
        && is_euc(character, bytes)
        && matches!(bytes[0], 0xa1..=0xf7)
        && !matches!(character, '\u{b7}' | '\u{2014}')
}

/// Without the extensions of ETEN and of Hong Kong.
fn is_big5(_: char, bytes: &[u8]) -> bool {
    match bytes[0] {
        0xa3 => bytes[1] < 0xc0,
        0xc6 => bytes[1] < 0xa1,
        0xc7 | 0xc8 | 0xf9.. => false,
        _ => true,
    }
}
