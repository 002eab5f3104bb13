//! Whether a licence stands at a place of a file: its pattern and the file's words, laid side by side.
//!
//! From a place where both agree the walk goes on to the end and back to the start. Where they disagree it looks for the
//! next place where they agree again. What lies between is a name in a slot, a paragraph's number, a slip of spelling or
//! a small edit; anything more, and any change of a word such as "not" or "commercial", and this is another licence.

use std::ops::Range;

use super::lexicon::{Lexicon, Text, UNKNOWN, is_bullet};
use super::template::{Fill, Slot, Template};

/// Words that must agree after a difference: two agree by chance too often.
const LANDING_WORDS: usize = 3;
/// The longest difference outside a slot, in words. A clause is longer.
const EDIT_WORDS_MAX: usize = 4;
/// A licence may have one edit for so many words, at most so many, and one more for many words: of 760 licence files of
/// real modules none had more than four in a short licence, and twelve in a long one.
const WORDS_PER_EDIT: usize = 25;
const EDITS_OF_SHORT_MAX: usize = 4;
const WORDS_PER_EDIT_OF_LONG: usize = 300;
/// A shorter text is a notice: it is what its words say, and an edit could make it name another licence.
const EDITABLE_WORDS_MIN: usize = 60;

/// A licence that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aligned {
    /// The words of the file that it takes, with title and appendix.
    pub words: Range<usize>,
    /// Those of them that must be there.
    pub core: Range<usize>,
    /// How many words of the core differ that no slot allows.
    pub edits: usize,
}

/// A licence that is not there, though it seemed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differs {
    /// The first word of the file that the licence does not have.
    pub at: usize,
    /// How many words of the licence are there.
    pub agreed: usize,
}

/// The steps that may still be taken for a file, so that no file can take for ever.
pub struct Work(pub usize);

/// Lays `template` over `text` where the word `place` of the one is the word `at` of the other.
///
/// # Errors
/// [`Differs`] if the core of the licence is not there whole.
pub fn align(
    template: &Template,
    lexicon: &Lexicon,
    text: &Text<'_>,
    (at, place): (usize, usize),
    work: &mut Work,
) -> Result<Aligned, Differs> {
    let budget = match template.core.len() {
        0..EDITABLE_WORDS_MIN => 0,
        words => (words / WORDS_PER_EDIT).min(EDITS_OF_SHORT_MAX) + words / WORDS_PER_EDIT_OF_LONG,
    };
    let is_editable = budget > 0;
    let mut walk = Walk {
        template,
        lexicon,
        text,
        forward: true,
        place,
        at,
        budget,
        is_editable,
    };
    let forth = walk.run(work);
    walk.forward = false;
    (walk.place, walk.at) = (place, at);
    walk.budget = forth.core.map_or(0, |(_, left)| left);
    let back = walk.run(work);
    let agreed = forth.place - back.place;
    let Some((end, _)) = forth.core else {
        return Err(Differs {
            at: forth.at,
            agreed,
        });
    };
    let Some((start, left)) = back.core else {
        return Err(Differs {
            at: back.at.saturating_sub(1),
            agreed,
        });
    };
    Ok(Aligned {
        words: back.at..forth.at,
        core: start..end,
        edits: budget - left,
    })
}

/// How far a walk came: the places after the last words that agree.
struct Reach {
    place: usize,
    at: usize,
    /// The word of the text at which the core was whole, and the edits that were left then.
    core: Option<(usize, usize)>,
}

struct Walk<'a> {
    template: &'a Template,
    lexicon: &'a Lexicon,
    text: &'a Text<'a>,
    forward: bool,
    /// Words of the template before the walker.
    place: usize,
    /// Words of the text before the walker.
    at: usize,
    /// Edits that may still be made.
    budget: usize,
    /// Whether paragraphs may be numbered otherwise, and the like.
    is_editable: bool,
}

/// A difference: so many words of the text stand for so many of the template.
#[derive(Clone, Copy)]
struct Jump {
    text: usize,
    template: usize,
}

impl Walk<'_> {
    /// Walks as far as the two go together.
    fn run(&mut self, work: &mut Work) -> Reach {
        let (place, at) = (self.place, self.at);
        let mut reach = Reach {
            place,
            at,
            core: self.is_past_core(0).then_some((at, self.budget)),
        };
        while work.0 > 0 {
            work.0 -= 1;
            if self.is_same(0, 0) {
                self.step(Jump {
                    text: 1,
                    template: 1,
                });
                (reach.place, reach.at) = (self.place, self.at);
                if reach.core.is_none() && self.is_past_core(0) {
                    reach.core = Some((self.at, self.budget));
                }
                continue;
            }
            let Some((jump, cost)) = self.find_jump(work) else {
                break;
            };
            self.step(jump);
            self.budget -= cost;
        }
        reach
    }

    fn step(&mut self, jump: Jump) {
        if self.forward {
            self.place += jump.template;
            self.at += jump.text;
        } else {
            self.place -= jump.template;
            self.at -= jump.text;
        }
    }

    /// The index of the word that lies `ahead`, if there is one.
    fn template_index(&self, ahead: usize) -> Option<usize> {
        if self.forward {
            Some(self.place + ahead).filter(|i| *i < self.template.words.len())
        } else {
            self.place.checked_sub(ahead + 1)
        }
    }

    fn text_index(&self, ahead: usize) -> Option<usize> {
        if self.forward {
            Some(self.at + ahead).filter(|i| *i < self.text.ids.len())
        } else {
            self.at.checked_sub(ahead + 1)
        }
    }

    fn is_same(&self, text: usize, template: usize) -> bool {
        match (self.text_index(text), self.template_index(template)) {
            (Some(i), Some(j)) => {
                self.text.ids[i] != UNKNOWN && self.text.ids[i] == self.template.words[j]
            }
            _ => false,
        }
    }

    /// The smallest difference after which both agree again, and what it costs.
    fn find_jump(&self, work: &mut Work) -> Option<(Jump, usize)> {
        if let Some(jump) = self.find_spelling() {
            return Some((jump, 0));
        }
        let in_slot = self
            .template
            .slots_at(self.place)
            .find_map(|slot| self.find_in_slot(slot, work));
        if let Some(jump) = in_slot {
            return Some((jump, 0));
        }
        if !self.is_editable {
            return None;
        }
        for total in 1..=2 * EDIT_WORDS_MAX {
            for template in 0..=total.min(EDIT_WORDS_MAX) {
                let text = total - template;
                if text > EDIT_WORDS_MAX {
                    continue;
                }
                let jump = Jump { text, template };
                if self.lands(jump, work)
                    && let Some(cost) = self.find_cost(jump).filter(|cost| *cost <= self.budget)
                {
                    return Some((jump, cost));
                }
            }
        }
        None
    }

    fn find_in_slot(&self, slot: &Slot, work: &mut Work) -> Option<Jump> {
        let template_max = if self.forward {
            slot.to - self.place
        } else {
            self.place - slot.from
        };
        // Most names are short: the shortest that fits is the right one.
        for text in 0..=slot.words_max {
            if slot.fill == Fill::Name && text > 0 && !self.is_name_word(text - 1) {
                return None;
            }
            for template in (0..=template_max).rev() {
                let jump = Jump { text, template };
                if text + template > 0 && self.lands(jump, work) && self.may_fill(slot, jump) {
                    return Some(jump);
                }
            }
        }
        None
    }

    /// Whether a word that lies `ahead` in the text may be one of a name.
    fn is_name_word(&self, ahead: usize) -> bool {
        // "In no event shall", and words that names have: the Free Software Foundation, a government.
        const HARMLESS: &[&str] = &[
            "shall",
            "will",
            "may",
            "free",
            "good",
            "government",
            "grant",
            "publish",
            "copy",
        ];
        self.text_index(ahead).is_some_and(|i| {
            !self.text.is_weighty(self.lexicon, i)
                || HARMLESS.contains(&self.lexicon.word(self.text.ids[i]))
        })
    }

    /// Whether these words of the text may stand in the slot: an endorsement must begin as one, or a clause of another
    /// kind would pass for one.
    fn may_fill(&self, slot: &Slot, jump: Jump) -> bool {
        const BEGINNINGS: &[&str] = &["neither", "none", "name", "names"];
        const BEGINNING_WORDS: usize = 4;
        let Fill::Endorsement { is_numbered } = slot.fill else {
            return true;
        };
        let (place, at) = if self.forward {
            (self.place, self.at)
        } else {
            (self.place - jump.template, self.at - jump.text)
        };
        if place > slot.from + usize::from(is_numbered) {
            return true;
        }
        let is_beginning = |i| BEGINNINGS.contains(&self.lexicon.word(self.text.ids[i]));
        (at..at + jump.text.min(BEGINNING_WORDS)).any(is_beginning)
            || (at..at + jump.text).all(|i| is_bullet(self.text.written(i)))
    }

    /// Whether both agree again after this difference: for a few words, or to the end of what must be there.
    fn lands(&self, jump: Jump, work: &mut Work) -> bool {
        work.0 = work.0.saturating_sub(1);
        for ahead in 0..LANDING_WORDS {
            if !self.is_same(jump.text + ahead, jump.template + ahead) {
                return ahead > 0 && self.is_past_core(jump.template + ahead);
            }
        }
        true
    }

    fn is_past_core(&self, ahead: usize) -> bool {
        if self.forward {
            self.place + ahead >= self.template.core.end
        } else {
            self.place <= self.template.core.start + ahead
        }
    }

    /// A word that is written otherwise: a slip of one letter, or one word written as two.
    fn find_spelling(&self) -> Option<Jump> {
        let (i, j) = (self.text_index(0)?, self.template_index(0)?);
        let (written, meant) = (self.text.word(i), self.lexicon.word(self.template.words[j]));
        if is_slip(written.as_bytes(), meant.as_bytes()) {
            return Some(Jump {
                text: 1,
                template: 1,
            });
        }
        if let Some(next) = self.text_index(1) {
            let next = self.text.word(next);
            if self.is_joined(&written, &next, meant) {
                return Some(Jump {
                    text: 2,
                    template: 1,
                });
            }
        }
        let next = self
            .lexicon
            .word(self.template.words[self.template_index(1)?]);
        self.is_joined(meant, next, &written).then_some(Jump {
            text: 1,
            template: 2,
        })
    }

    fn is_joined(&self, near: &str, far: &str, whole: &str) -> bool {
        let (first, last) = if self.forward {
            (near, far)
        } else {
            (far, near)
        };
        whole.len() == first.len() + last.len() && whole.starts_with(first) && whole.ends_with(last)
    }

    /// What a difference outside a slot costs: nothing for numbers of paragraphs, else its words; none if it may not be.
    fn find_cost(&self, jump: Jump) -> Option<usize> {
        let mut written_weight = Vec::new();
        let mut inserted = 0;
        for ahead in 0..jump.text {
            let i = self.text_index(ahead)?;
            if is_bullet(self.text.written(i)) {
                continue;
            }
            let id = self.text.ids[i];
            if !self.template.has_word(id) {
                return None;
            }
            if self.lexicon.is_weighty(id) {
                written_weight.push(id);
            }
            inserted += 1;
        }
        let mut meant_weight = Vec::new();
        let mut missing = 0;
        for ahead in 0..jump.template {
            let id = self.template.words[self.template_index(ahead)?];
            if self.lexicon.is_weighty(id) {
                meant_weight.push(id);
            }
            missing += usize::from(!is_bullet(self.lexicon.word(id).as_bytes()));
        }
        // A weighty word between two numbers of paragraphs is on both sides.
        (written_weight == meant_weight).then_some(inserted.max(missing))
    }
}

/// Whether two words of some length differ by one letter that is missing, extra or another.
fn is_slip(written: &[u8], meant: &[u8]) -> bool {
    const SLIP_BYTES_MIN: usize = 4;
    let (short, long) = if written.len() <= meant.len() {
        (written, meant)
    } else {
        (meant, written)
    };
    if short.len() < SLIP_BYTES_MIN || long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let rest = usize::from(short.len() == long.len());
    short.get(same + rest..).unwrap_or_default() == long.get(same + 1..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
