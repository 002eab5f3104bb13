//! Every licence that is known, as patterns, and an index from a few words in a row to the places where they stand.
//!
//! The texts are those of the SPDX licence list, from the crate `spdx`. The library is made once per process, on first
//! use; nothing of it changes afterwards.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::accepted::is_redistributable;
use super::lexicon::{Lexicon, UNKNOWN, WordId};
use super::mentions;
use super::notices::{self, Clause};
use super::template::{Marks, Template};

/// The library of this process.
pub static LIBRARY: LazyLock<Library> = LazyLock::new(Library::new);

/// Words in a row that make an anchor: fewer are in every licence, more would break at every slip.
const ANCHOR_WORDS: usize = 4;
/// Of a longer text only every eighth anchor is kept, chosen by its hash, so that a file's anchors meet them.
const DENSE_WORDS_MAX: usize = 500;
const SPARSE_MASK: u32 = 7;
/// Patterns that one anchor leads to. Dozens of licences share the sentences of the MIT and BSD licences; which of them it
/// is shows at other anchors.
const PATTERNS_PER_ANCHOR_MAX: usize = 12;
/// A pattern with so few anchors keeps them all.
const ANCHORS_MIN: u32 = 24;

/// Patterns, words and anchors.
pub struct Library {
    /// The words of all patterns.
    pub lexicon: Lexicon,
    /// The patterns, those of whole licences first.
    pub templates: Vec<Template>,
    /// The clauses that are known by their ends.
    pub clauses: Vec<Clause>,
    /// How many anchors each pattern has in its core.
    pub anchors: Vec<u32>,
    postings: Vec<Posting>,
    /// Where the postings begin whose hash begins with these 16 bits.
    starts: Vec<u32>,
}

/// An anchor in a pattern.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Posting {
    hash: u32,
    /// The index of the pattern.
    pub template: u16,
    /// The place of the anchor's first word in it.
    pub place: u16,
}

impl Library {
    fn new() -> Self {
        let mut lexicon = Lexicon::new();
        let marks = Marks::new(&mut lexicon);
        let mut templates: Vec<Template> = list_texts()
            .into_iter()
            .map(|(name, text)| Template::read(name, text, &mut lexicon, &marks))
            .collect();
        let notices = notices::make(&templates, &mut lexicon);
        templates.extend(notices);
        let clauses = Clause::list(&mut lexicon);
        mentions::learn_words(&mut lexicon);
        let mut postings = Vec::new();
        let mut anchors = Vec::with_capacity(templates.len());
        for (index, template) in templates.iter().enumerate() {
            anchors.push(post(index, template, &mut postings));
        }
        postings.sort_unstable();
        let postings = thin(postings, &templates, &mut anchors);
        let mut starts = vec![0; (1 << 16) + 1];
        for posting in &postings {
            starts[(posting.hash >> 16) as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        Self {
            lexicon,
            templates,
            clauses,
            anchors,
            postings,
            starts,
        }
    }

    /// The places in patterns where the words at `at` stand.
    pub fn find_anchor(&self, words: &[WordId], at: usize) -> &[Posting] {
        let Some(hash) = hash(words, at) else {
            return &[];
        };
        let bucket = (hash >> 16) as usize;
        let bucket = &self.postings[self.starts[bucket] as usize..self.starts[bucket + 1] as usize];
        let start = bucket.partition_point(|posting| posting.hash < hash);
        let length = bucket[start..].partition_point(|posting| posting.hash == hash);
        &bucket[start..start + length]
    }
}

/// Adds the anchors of a pattern, and counts those in its core.
fn post(index: usize, template: &Template, postings: &mut Vec<Posting>) -> u32 {
    let words = &template.words;
    let mut in_core = 0;
    for place in 0..words.len() {
        let Some(hash) = hash(words, place) else {
            continue;
        };
        if words.len() > DENSE_WORDS_MAX && hash & SPARSE_MASK != 0 {
            continue;
        }
        let (Ok(template_index), Ok(short_place)) = (u16::try_from(index), u16::try_from(place))
        else {
            continue;
        };
        postings.push(Posting {
            hash,
            template: template_index,
            place: short_place,
        });
        if template.core.contains(&place) {
            in_core += 1;
        }
    }
    in_core
}

/// Leaves the postings of crowded anchors to the patterns that are asked for most, and to those that have few.
fn thin(postings: Vec<Posting>, templates: &[Template], anchors: &mut [u32]) -> Vec<Posting> {
    let mut kept = Vec::with_capacity(postings.len());
    for same in postings.chunk_by(|a, b| a.hash == b.hash) {
        if same.len() <= PATTERNS_PER_ANCHOR_MAX {
            kept.extend(same);
            continue;
        }
        let mut ranked = same.to_vec();
        ranked.sort_by_key(|posting| {
            let template = &templates[usize::from(posting.template)];
            (
                !is_redistributable(template.licence),
                template.words.len(),
                *posting,
            )
        });
        for (rank, posting) in ranked.into_iter().enumerate() {
            let index = usize::from(posting.template);
            if rank < PATTERNS_PER_ANCHOR_MAX || anchors[index] <= ANCHORS_MIN {
                kept.push(posting);
            } else if templates[index].core.contains(&usize::from(posting.place)) {
                anchors[index] -= 1;
            }
        }
    }
    kept.sort_unstable();
    kept
}

/// The hash of the anchor at `at`; none at the end, and none over a word that no licence has.
fn hash(words: &[WordId], at: usize) -> Option<u32> {
    let anchor = words.get(at..at + ANCHOR_WORDS)?;
    let mut hash: u64 = 0x9e37_79b9_7f4a_7c15;
    for word in anchor {
        if *word == UNKNOWN {
            return None;
        }
        hash = (hash ^ u64::from(*word)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
    }
    Some((hash >> 16) as u32)
}

/// Shorter texts stand inside other texts by chance.
const TEXT_WORDS_MIN: usize = 50;
/// Short ones all the same, since Go's package site knows them and refuses them.
const SHORT: &[&str] = &[
    "Beerware", "Dotseqn", "FSFAP", "FSFUL", "FSFULLR", "Fair", "NLPL", "Zed", "blessing",
    "diffmark", "dvipdfm",
];
/// Texts that got a name of their own on the SPDX list, and the names that Go's package site has for them.
const RENAMED: &[(&str, &str)] = &[
    ("BSD-2-Clause-Darwin", "BSD-2-Clause"),
    ("BSD-2-Clause-FreeBSD", "BSD-2-Clause-Views"),
    ("BSD-2-Clause-NetBSD", "BSD-2-Clause"),
    ("BSD-2-Clause-pos-unchanged", "BSD-2-Clause"),
    ("HPND-Netrek", "HPND"),
    ("HPND-export-US", "HPND"),
    ("OpenSSL-standalone", "OpenSSL"),
    ("SSLeay-standalone", "BSD-3-Clause"),
    ("dtoa", "HPND"),
    ("metamail", "HPND"),
];

/// The texts of the SPDX list, each once. Licences that share a text (`GPL-3.0`, `GPL-3.0-only`, `GPL-3.0-or-later`) are
/// one, under their shortest name: a text alone does not say which was meant.
fn list_texts() -> Vec<(&'static str, &'static str)> {
    let mut texts: Vec<(&str, &str)> = spdx::text::LICENSE_TEXTS
        .iter()
        .filter(|(name, text)| {
            let is_long = text.split_whitespace().nth(TEXT_WORDS_MIN).is_some();
            (is_long || SHORT.contains(name)) && !name.contains("-with-") && !name.ends_with('+')
        })
        .copied()
        .collect();
    texts.sort_by_key(|(name, _)| (name.len(), *name));
    let mut seen = HashSet::new();
    texts.retain(|(_, text)| seen.insert(*text));
    for (name, _) in &mut texts {
        if let Some((_, other)) = RENAMED.iter().find(|(own, _)| own == name) {
            *name = other;
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_licence_is_in_the_library_once_and_can_be_found() {
        let names: HashSet<&str> = LIBRARY.templates.iter().map(|t| t.licence).collect();
        for name in [
            "MIT",
            "Apache-2.0",
            "GPL-3.0",
            "BUSL-1.1",
            "MPL-2.0",
            "LGPL-2.1",
        ] {
            assert!(names.contains(name), "{name}");
        }
        assert!(!names.contains("GPL-2.0-with-GCC-exception"));
        for (template, anchors) in LIBRARY.templates.iter().zip(&LIBRARY.anchors) {
            assert!(*anchors >= 4, "{} has {anchors} anchors", template.licence);
            assert!(
                template.words.len() < usize::from(u16::MAX),
                "{}",
                template.licence
            );
        }
    }

    #[test]
    fn anchors_are_found_where_they_stand() {
        let index = LIBRARY
            .templates
            .iter()
            .position(|t| t.licence == "MIT")
            .unwrap();
        let words = &LIBRARY.templates[index].words;
        let find = |place| LIBRARY.find_anchor(words, place).iter();
        let is_there = |place: usize| {
            find(place).any(|p| usize::from(p.template) == index && usize::from(p.place) == place)
        };
        assert!((0..words.len()).all(|place| find(place).len() <= 2 * PATTERNS_PER_ANCHOR_MAX));
        let there = (0..words.len()).filter(|place| is_there(*place)).count();
        assert!(there > words.len() / 2, "{there}");
        assert_eq!(find(words.len() - 3).len(), 0);
        assert!(LIBRARY.find_anchor(&[UNKNOWN; 8], 0).is_empty());
    }
}
