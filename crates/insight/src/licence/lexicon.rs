//! The words that licences are made of, each with a number, and texts as such numbers.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use super::words::{Piece, read};

/// The number of a word.
pub type WordId = u16;

/// Every word that no licence uses. It is equal to nothing, not even to itself.
pub const UNKNOWN: WordId = 0;

/// A change of one of these changes what is allowed: such a word is never taken for a slip.
const WEIGHTY: &[&str] = &[
    "not",
    "no",
    "never",
    "none",
    "nor",
    "neither",
    "cannot",
    "without",
    "unless",
    "except",
    "excluding",
    "only",
    "solely",
    "shall",
    "may",
    "can",
    "prohibited",
    "prohibit",
    "forbidden",
    "forbid",
    "restricted",
    "restriction",
    "required",
    "require",
    "commercial",
    "commercially",
    "fee",
    "charge",
    "royalty",
    "sell",
    "compete",
    "competing",
    "hosted",
    "personal",
    "internal",
    "evil",
    "good",
    "revoke",
    "revocable",
    "military",
    "government",
    "permission",
    "grant",
    "granted",
    "use",
    "copy",
    "modify",
    "unmodified",
    "publish",
    "distribute",
    "redistribution",
    "sublicense",
    "free",
    "evaluation",
];

/// Words by number, and numbers by word. Filled once, from the licences' texts.
#[derive(Default)]
pub struct Lexicon {
    ids: HashMap<Box<str>, WordId, BuildHasherDefault<WordHasher>>,
    words: Vec<Box<str>>,
    weighty: Vec<bool>,
}

impl Lexicon {
    /// One that knows the weighty words. The place of [`UNKNOWN`] is taken.
    pub fn new() -> Self {
        let mut lexicon = Self {
            ids: HashMap::default(),
            words: vec!["".into()],
            weighty: vec![false],
        };
        for word in WEIGHTY {
            lexicon.learn(word);
        }
        lexicon
    }

    /// The number of `word`, a new one if need be. What finds no number any more stays unknown; the licences have some
    /// 11,000 words.
    pub fn learn(&mut self, word: &str) -> WordId {
        if let Some(id) = self.ids.get(word) {
            return *id;
        }
        let Ok(id) = WordId::try_from(self.words.len()) else {
            return UNKNOWN;
        };
        self.ids.insert(word.into(), id);
        self.words.push(word.into());
        self.weighty
            .push(WEIGHTY.contains(&word) || word.starts_with(NEGATION));
        id
    }

    /// The number of `word`, [`UNKNOWN`] if no licence has it.
    pub fn find(&self, word: &str) -> WordId {
        self.ids.get(word).copied().unwrap_or(UNKNOWN)
    }

    /// The words of a short text of ours, all of them learnt.
    pub fn learn_phrase(&mut self, phrase: &str) -> Vec<WordId> {
        let mut ids = Vec::new();
        read(phrase.as_bytes(), |piece, _, _| {
            if let Piece::Word(word) = piece {
                ids.push(self.learn(word));
            }
        });
        ids
    }

    /// The word with this number; empty for [`UNKNOWN`].
    pub fn word(&self, id: WordId) -> &str {
        self.words.get(usize::from(id)).map_or("", |word| word)
    }

    /// Whether a change of this word changes what is allowed.
    pub fn is_weighty(&self, id: WordId) -> bool {
        self.weighty.get(usize::from(id)).copied().unwrap_or(false)
    }
}

/// A word that begins so is weighty, whether a licence has it or not.
const NEGATION: &str = "non";

/// Whether this word may be the number of a paragraph, which prints of one licence write differently.
pub fn is_bullet(word: &[u8]) -> bool {
    const ROMAN: &[&[u8]] = &[b"ii", b"iii", b"iv", b"vi", b"vii", b"viii", b"ix"];
    match word {
        [one] => one.is_ascii_alphanumeric(),
        [a, b] if a.is_ascii_digit() && b.is_ascii_digit() => true,
        _ => ROMAN.iter().any(|roman| roman.eq_ignore_ascii_case(word)),
    }
}

/// A file that is looked at: its words by number, and where each stands.
pub struct Text<'a> {
    bytes: &'a [u8],
    /// The words in order.
    pub ids: Vec<WordId>,
    places: Vec<(u32, u32)>,
}

impl<'a> Text<'a> {
    /// Reads `bytes`, which are no more than 4 GiB.
    pub fn read(lexicon: &Lexicon, bytes: &'a [u8]) -> Self {
        let mut text = Self {
            bytes,
            ids: Vec::with_capacity(bytes.len() / 6),
            places: Vec::with_capacity(bytes.len() / 6),
        };
        read(bytes, |piece, start, end| {
            if let Piece::Word(word) = piece
                && let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end))
            {
                text.ids.push(lexicon.find(word));
                text.places.push((start, end));
            }
        });
        text
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes from the first to the last of these words.
    pub fn span(&self, words: &Range<usize>) -> Range<usize> {
        let start = self.places.get(words.start).map_or(0, |place| place.0);
        let end = self
            .places
            .get(words.end.saturating_sub(1))
            .map_or(start, |place| place.1);
        start as usize..(end.max(start)) as usize
    }

    /// A word as it is written in the file.
    pub fn written(&self, index: usize) -> &'a [u8] {
        &self.bytes[self.span(&(index..index + 1))]
    }

    /// The same in lower case; only its beginning if it is very long.
    pub fn word(&self, index: usize) -> String {
        const WRITTEN_BYTES_MAX: usize = 40;
        let written = self.written(index);
        String::from_utf8_lossy(&written[..written.len().min(WRITTEN_BYTES_MAX)]).to_lowercase()
    }

    /// Whether a change of the word at `index` changes what is allowed.
    pub fn is_weighty(&self, lexicon: &Lexicon, index: usize) -> bool {
        match self.ids[index] {
            UNKNOWN => self
                .written(index)
                .get(..NEGATION.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(NEGATION.as_bytes())),
            known => lexicon.is_weighty(known),
        }
    }
}

/// FNV-1a. The words that are put in are the licences' own, so nobody can choose them to collide.
#[derive(Default)]
struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let mut hash = self.0 ^ OFFSET;
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
        // The table takes the upper bits, which the last multiplication alone mixes too little.
        self.0 = hash ^ (hash >> 29);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_numbers_and_unknown_ones_have_none() {
        let mut lexicon = Lexicon::new();
        let ids = lexicon.learn_phrase("The software, the Work; NOT noncommercial");
        assert_eq!(ids[0], ids[2]);
        assert_ne!(ids[0], ids[1]);
        assert_eq!(lexicon.word(ids[1]), "software");
        assert_eq!(lexicon.find("software"), ids[1]);
        assert_eq!(lexicon.find("hardware"), UNKNOWN);
        let weighty: Vec<bool> = ids.iter().map(|id| lexicon.is_weighty(*id)).collect();
        assert_eq!(weighty, [false, false, false, false, true, true]);
    }

    #[test]
    fn a_text_knows_where_its_words_stand() {
        let mut lexicon = Lexicon::new();
        let known = lexicon.learn_phrase("as is");
        let text = Text::read(&lexicon, b"  \"As, Is\" Unseen nonprofit");
        assert_eq!(text.ids, [known[0], known[1], UNKNOWN, UNKNOWN]);
        assert_eq!(text.span(&(0..2)), 3..9);
        assert_eq!(text.word(2), "unseen");
        assert!(text.is_weighty(&lexicon, 3) && !text.is_weighty(&lexicon, 2));
    }

    #[test]
    fn bullets_are_short() {
        for bullet in ["1", "12", "a", "iv", "VIII"] {
            assert!(is_bullet(bullet.as_bytes()), "{bullet}");
        }
        for word in ["123", "is", "no", "", "1a"] {
            assert!(!is_bullet(word.as_bytes()), "{word}");
        }
    }
}
