//! The text of a licence as a pattern: the words that must be there, and the places where something else may stand.

use std::ops::Range;

use super::lexicon::{Lexicon, WordId};
use super::words::{Piece, read};

/// A licence's text. Words before and after the core (a title, an appendix) may be there or not.
pub struct Template {
    /// The licence, by its SPDX identifier where it has one.
    pub licence: &'static str,
    /// The words of the canonical text.
    pub words: Vec<WordId>,
    /// The words that must be there for the licence to be there.
    pub core: Range<usize>,
    /// Where a print may differ by more than a slip, in order of their starts.
    pub slots: Vec<Slot>,
    /// Every word once, sorted.
    vocabulary: Vec<WordId>,
}

/// A place to be filled in, such as the holder's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The first word that may be replaced.
    pub from: usize,
    /// The word after the last one that may be; equal to `from` where nothing stands in the canonical text.
    pub to: usize,
    /// How many words may stand there instead.
    pub words_max: usize,
    /// What they may be.
    pub fill: Fill,
}

/// What may stand in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// A name or a list of names, with no word that changes what is allowed.
    Name,
    /// The beginning of the sentence that says whose names may not be used to endorse; it begins with one of few words.
    Endorsement {
        /// Whether the first word of the slot is the paragraph's number.
        is_numbered: bool,
    },
}

/// A slot that is found by the words around it.
struct Blank {
    before: &'static str,
    after: &'static str,
    /// How many words of the canonical text there may be between the two.
    canonical_max: usize,
    words_max: usize,
    /// Whether the slot begins with the words of `before`, which are those of an endorsement.
    is_endorsement: bool,
}

const fn blank(
    before: &'static str,
    after: &'static str,
    canonical_max: usize,
    words_max: usize,
) -> Blank {
    Blank {
        before,
        after,
        canonical_max,
        words_max,
        is_endorsement: false,
    }
}

/// The places that prints of the short licences fill in, though their canonical texts do not mark them.
const BLANKS: &[Blank] = &[
    blank("the full notice is found", "copyright", 20, 20),
    blank("copyright", "the program is free software", 8, 8),
    blank("copyright", "the library is free software", 8, 8),
    blank("hacker", "1 april 19", 6, 8),
    blank("is provided by", "as is", 12, 20),
    blank("in no event", "be liable", 16, 20),
    blank("in no event", "have any liability", 16, 20),
    Blank {
        is_endorsement: true,
        ..blank("neither the name", "used to endorse", 24, 40)
    },
    Blank {
        is_endorsement: true,
        ..blank("the name", "used to endorse", 24, 40)
    },
    blank("includes software developed by", "neither", 12, 40),
    blank("as is and", "disclaims all warranties", 6, 12),
];

/// Where the core of a licence begins that does not begin at its first long paragraph.
const OPENINGS: &[&str] = &[
    "license shall mean the terms and conditions for use",
    "redistribution and use in source",
    "permission is hereby granted free of charge",
    "by exercising the licensed rights",
    "the work as defined below is provided under the terms",
    "the laws of most jurisdictions throughout the world",
    "the accompanying program is provided",
    "the licensor hereby grants you the right",
    "this european union public license",
];
/// How far into a text an opening is looked for: after a preface, before the licence proper.
const OPENING_WORDS_MAX: usize = 800;

/// Where the core of a licence ends, if its text goes on with what is not its terms.
const CLOSINGS: &[&str] = &[
    "end of terms and conditions",
    "how to apply these terms to your new",
    "exhibit a source code form",
    "exhibit a form of secondary",
    "creative commons is not a party",
    "creative commons may be contacted at",
    "creative commons notice",
    "gnu general public license version 3 29 june 2007",
    "for more information please refer to http unlicense",
    "the software consists of voluntary contributions",
    "covenants of licensor",
    "expressed or implied of the copyright holders",
];

/// The fewest words of a paragraph that is not a title.
const PARAGRAPH_WORDS_MIN: usize = 12;
/// A longer text in brackets is text, not a name to be filled in.
const BRACKET_WORDS_MAX: usize = 10;
/// Words that may stand where a canonical text has a name in brackets.
const NAME_WORDS_MAX: usize = 12;

impl Template {
    /// Reads the canonical text of a licence.
    pub fn read(licence: &'static str, text: &str, lexicon: &mut Lexicon, marks: &Marks) -> Self {
        let mut draft = Draft::default();
        read(text.as_bytes(), |piece, _, _| draft.take(piece, lexicon));
        draft.end_paragraph();
        let Draft {
            words,
            mut slots,
            core_start,
            ..
        } = draft;
        let window = &words[..words.len().min(OPENING_WORDS_MAX)];
        let start = marks
            .openings
            .iter()
            .find_map(|opening| find(window, opening, 0))
            .or(core_start)
            .unwrap_or(0);
        let end = marks
            .closings
            .iter()
            .filter_map(|closing| find(&words, closing, start + 1))
            .min()
            .unwrap_or(words.len());
        marks.find_slots(&words, &mut slots);
        Self::new(licence, words, start..end, slots)
    }

    /// A pattern of these words.
    pub fn new(
        licence: &'static str,
        words: Vec<WordId>,
        core: Range<usize>,
        mut slots: Vec<Slot>,
    ) -> Self {
        slots.sort_by_key(|slot| (slot.from, slot.to));
        let mut vocabulary = words.clone();
        vocabulary.sort_unstable();
        vocabulary.dedup();
        vocabulary.shrink_to_fit();
        Self {
            licence,
            words,
            core,
            slots,
            vocabulary,
        }
    }

    /// Whether the licence uses this word anywhere.
    pub fn has_word(&self, id: WordId) -> bool {
        self.vocabulary.binary_search(&id).is_ok()
    }

    /// The slots that have this place at their edge or inside them, where `place` is the number of words before it.
    pub fn slots_at(&self, place: usize) -> impl Iterator<Item = &Slot> {
        let end = self.slots.partition_point(|slot| slot.from <= place);
        self.slots[..end]
            .iter()
            .rev()
            .filter(move |slot| place <= slot.to)
    }
}

/// The phrases that mark places in canonical texts, as words.
pub struct Marks {
    openings: Vec<Vec<WordId>>,
    closings: Vec<Vec<WordId>>,
    blanks: Vec<(Vec<WordId>, Vec<WordId>, &'static Blank)>,
    bullets: Vec<WordId>,
}

impl Marks {
    /// The phrases by the numbers of this lexicon.
    pub fn new(lexicon: &mut Lexicon) -> Self {
        let mut learn = |phrases: &[&str]| -> Vec<Vec<WordId>> {
            phrases
                .iter()
                .map(|phrase| lexicon.learn_phrase(phrase))
                .collect()
        };
        let (openings, closings) = (learn(OPENINGS), learn(CLOSINGS));
        let blanks = BLANKS
            .iter()
            .map(|blank| {
                let before = lexicon.learn_phrase(blank.before);
                (before, lexicon.learn_phrase(blank.after), blank)
            })
            .collect();
        Self {
            openings,
            closings,
            blanks,
            bullets: lexicon.learn_phrase("1 2 3 4 5 iii iv c d"),
        }
    }

    fn find_slots(&self, words: &[WordId], slots: &mut Vec<Slot>) {
        for (before, after, blank) in &self.blanks {
            let mut at = 0;
            while let Some(start) = find(words, before, at) {
                let from = start + before.len();
                let window = words.len().min(from + blank.canonical_max + after.len());
                if let Some(to) = find(&words[..window], after, from) {
                    slots.push(if blank.is_endorsement {
                        let is_numbered = start > 0 && self.bullets.contains(&words[start - 1]);
                        Slot {
                            from: start - usize::from(is_numbered),
                            to,
                            words_max: blank.words_max,
                            fill: Fill::Endorsement { is_numbered },
                        }
                    } else {
                        Slot {
                            from,
                            to,
                            words_max: blank.words_max,
                            fill: Fill::Name,
                        }
                    });
                }
                at = from;
            }
        }
    }
}

/// Where `phrase` first stands in `words` at or after `from`.
pub fn find(words: &[WordId], phrase: &[WordId], from: usize) -> Option<usize> {
    let first = phrase.first()?;
    let last = words.len().checked_sub(phrase.len())?;
    (from..=last).find(|at| words[*at] == *first && words[*at..].starts_with(phrase))
}

/// A canonical text while it is read.
#[derive(Default)]
struct Draft {
    words: Vec<WordId>,
    slots: Vec<Slot>,
    core_start: Option<usize>,
    paragraph_start: usize,
    line_words: usize,
    bracket: Option<usize>,
    is_legal_notice: bool,
}

impl Draft {
    fn take(&mut self, piece: Piece<'_>, lexicon: &mut Lexicon) {
        let at = self.words.len();
        match piece {
            Piece::Word(word) => {
                if at == self.paragraph_start {
                    // A line of rights, or the permission to copy the licence's own text, is no term of it.
                    self.is_legal_notice = matches!(word, "copyright" | "everyone");
                }
                self.words.push(lexicon.learn(word));
                self.line_words += 1;
            }
            Piece::Tag => self.slots.push(Slot {
                from: at,
                to: at,
                words_max: NAME_WORDS_MAX,
                fill: Fill::Name,
            }),
            Piece::Open => self.bracket = Some(at),
            Piece::Close => {
                if let Some(from) = self
                    .bracket
                    .take()
                    .filter(|from| at - from <= BRACKET_WORDS_MAX)
                {
                    self.slots.push(Slot {
                        from,
                        to: at,
                        words_max: NAME_WORDS_MAX,
                        fill: Fill::Name,
                    });
                }
            }
            Piece::Line => {
                if self.line_words == 0 {
                    self.end_paragraph();
                }
                self.line_words = 0;
            }
        }
    }

    fn end_paragraph(&mut self) {
        let length = self.words.len() - self.paragraph_start;
        if self.core_start.is_none() && length >= PARAGRAPH_WORDS_MIN && !self.is_legal_notice {
            self.core_start = Some(self.paragraph_start);
        }
        self.paragraph_start = self.words.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> (Template, Lexicon) {
        let mut lexicon = Lexicon::new();
        let marks = Marks::new(&mut lexicon);
        (Template::read("X", text, &mut lexicon, &marks), lexicon)
    }

    #[track_caller]
    fn check_core(text: &str, want: &str) {
        let (template, lexicon) = template(text);
        let words: Vec<&str> = template.words[template.core.clone()]
            .iter()
            .map(|id| lexicon.word(*id))
            .collect();
        assert_eq!(words.join(" "), want);
    }

    #[test]
    fn titles_and_lines_of_rights_are_no_core() {
        let body = "one two three four five six seven eight nine ten eleven twelve";
        check_core(&format!("A Title\n\n{body}\n"), body);
        check_core(
            &format!(
                "Title\n\nCopyright <year> by so many people that the line is quite long indeed\n \n{body}"
            ),
            body,
        );
        check_core(
            &format!("{body}\n\nEND OF TERMS AND CONDITIONS\n\nmore"),
            body,
        );
        check_core("short", "short");
        check_core("", "");
    }

    #[test]
    fn names_are_slots() {
        let (template, _) =
            template("is provided by THE AUTHOR \"as is\" [yyyy] [name of owner] and <owner> here");
        let slot = |from, to, words_max| Slot {
            from,
            to,
            words_max,
            fill: Fill::Name,
        };
        assert_eq!(
            template.slots,
            [
                slot(3, 5, 20),
                slot(7, 8, 12),
                slot(8, 11, 12),
                slot(12, 12, 12)
            ]
        );
        assert_eq!(template.slots_at(8).count(), 2);
        assert_eq!(template.slots_at(6).count(), 0);
    }
}
