//! Which licences a file's text holds, and where: every pattern that shares enough anchors with a place is laid over it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::align::{Aligned, Work, align};
use super::lexicon::Text;
use super::library::Library;
use super::mentions;

/// A licence in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The licence.
    pub licence: &'static str,
    /// The words of the text that it takes.
    pub words: Range<usize>,
    core: Range<usize>,
    edits: usize,
}

impl Found {
    /// Whether there is room for `other` beside this one: no word must be in both, and it is not in this one's appendix.
    fn leaves(&self, other: &Self) -> bool {
        let is_apart = self.core.end <= other.core.start || other.core.end <= self.core.start;
        let is_inside = self.words.start <= other.core.start && other.core.end <= self.words.end;
        is_apart && !is_inside
    }
}

/// A licence that a part of the text nearly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Near {
    /// The licence.
    pub licence: &'static str,
    /// The first word of the text that differs.
    pub at: usize,
    agreed: usize,
}

/// What was found in a text.
#[derive(Debug, Default)]
pub struct Scan {
    /// Licences, in the order of the text, none over another.
    pub found: Vec<Found>,
    /// The licence that came nearest among those that are not there.
    pub near: Option<Near>,
}

/// Words whose anchors are looked at together, so that the memory for them is bounded: some ten megabytes for the densest
/// file. A licence that lies across the border shares enough anchors with one side.
const WINDOW_WORDS: usize = 1 << 16;
/// Steps for each word of a file, and for any file: usual files take one or two for each of some ten patterns.
const WORK_PER_WORD: usize = 64;
const WORK_MIN: usize = 400_000;
/// Anchors whose distance differs by less than this are of one copy of a licence: names and small edits lie between.
const DRIFT_WORDS_MAX: i64 = 64;
/// The part of its anchors that a pattern must share to be laid over a place.
const SHARED_PERCENT_MIN: u32 = 25;
/// Lines of rights so many words before a licence belong to it. Source: licensecheck, maxCopyrightWords.
const RIGHTS_WORDS_MAX: usize = 50;

/// Looks for licences in `text`.
pub fn scan(library: &Library, text: &Text<'_>) -> Scan {
    let mut work = Work(WORK_MIN + text.ids.len() * WORK_PER_WORD);
    let mut scan = Scan::default();
    let mut hits = Vec::new();
    for start in (0..text.ids.len()).step_by(WINDOW_WORDS) {
        collect_hits(library, text, start, &mut hits);
        for copy in hits.chunk_by(|a, b| {
            a.template() == b.template() && b.distance() - a.distance() <= DRIFT_WORDS_MAX
        }) {
            lay(library, text, copy, &mut work, &mut scan);
        }
    }
    find_clauses(library, text, &mut scan.found);
    scan.found = choose(scan.found);
    extend_over_rights(library, text, &mut scan.found);
    add_mentions(library, text, &mut scan.found);
    scan
}

fn find_clauses(library: &Library, text: &Text<'_>, found: &mut Vec<Found>) {
    for clause in &library.clauses {
        let mut from = 0;
        while let Some(words) = clause.find(&text.ids, from) {
            from = words.end;
            found.push(Found {
                licence: clause.licence,
                core: words.clone(),
                words,
                edits: 0,
            });
        }
    }
}

/// An anchor that a text shares with a pattern, packed so that sorting puts copies of a pattern together:
/// the pattern, how much further it stands in the text than in the pattern, and its place in the pattern.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hit(u64);

/// Keeps distances above zero; no pattern is longer.
const DISTANCE_ZERO: i64 = 1 << 16;

impl Hit {
    fn new(template: u16, place: u16, at: usize) -> Option<Self> {
        let distance = i64::try_from(at).ok()? - i64::from(place) + DISTANCE_ZERO;
        let distance = u32::try_from(distance).ok()?;
        Some(Self(
            u64::from(template) << 48 | u64::from(distance) << 16 | u64::from(place),
        ))
    }

    fn template(self) -> usize {
        (self.0 >> 48) as usize
    }

    fn distance(self) -> i64 {
        i64::from((self.0 >> 16) as u32) - DISTANCE_ZERO
    }

    fn place(self) -> usize {
        usize::from(self.0 as u16)
    }
}

/// Fills `hits` with the anchors of the window that begins at `start`, sorted.
fn collect_hits(library: &Library, text: &Text<'_>, start: usize, hits: &mut Vec<Hit>) {
    hits.clear();
    for at in start..text.ids.len().min(start + WINDOW_WORDS) {
        let postings = library.find_anchor(&text.ids, at).iter();
        hits.extend(postings.filter_map(|posting| Hit::new(posting.template, posting.place, at)));
    }
    hits.sort_unstable();
}

/// Lays a pattern over the place that the anchors of `copy` point to, if they are enough.
fn lay(library: &Library, text: &Text<'_>, copy: &[Hit], work: &mut Work, scan: &mut Scan) {
    let Some(template) = copy.first().map(|hit| hit.template()) else {
        return;
    };
    let pattern = &library.templates[template];
    let shared = u32::try_from(copy.len()).unwrap_or(u32::MAX);
    if shared.saturating_mul(100) < library.anchors[template].saturating_mul(SHARED_PERCENT_MIN) {
        return;
    }
    // Where most anchors agree about the distance, they are surely not there by chance.
    let in_core = |hits: &&[Hit]| {
        hits.iter()
            .filter(|hit| pattern.core.contains(&hit.place()))
            .count()
    };
    let agreeing = copy.chunk_by(|a, b| a.distance() == b.distance());
    let Some(hit) = agreeing.max_by_key(in_core).and_then(|hits| {
        let core: Vec<&Hit> = hits
            .iter()
            .filter(|hit| pattern.core.contains(&hit.place()))
            .collect();
        core.get(core.len() / 2).copied()
    }) else {
        return;
    };
    let place = hit.place();
    let Ok(at) = usize::try_from(hit.distance() + place as i64) else {
        return;
    };
    match align(pattern, &library.lexicon, text, (at, place), work) {
        Ok(Aligned { words, core, edits }) => scan.found.push(Found {
            licence: pattern.licence,
            words,
            core,
            edits,
        }),
        Err(differs) if scan.near.is_none_or(|near| near.agreed < differs.agreed) => {
            scan.near = Some(Near {
                licence: pattern.licence,
                at: differs.at,
                agreed: differs.agreed,
            });
        }
        Err(_) => {}
    }
}

/// Keeps the longest where the cores of several lie over each other, and among equals the one with the fewest edits.
fn choose(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by(|a, b| {
        let rank = |f: &Found| (std::cmp::Reverse(f.words.len()), f.edits, f.licence.len());
        rank(a)
            .cmp(&rank(b))
            .then_with(|| a.licence.cmp(b.licence))
            .then(a.words.start.cmp(&b.words.start))
    });
    let mut chosen: BTreeMap<usize, Found> = BTreeMap::new();
    for one in found {
        let before = chosen.range(..one.core.end).next_back();
        let after = chosen.range(one.core.end..).next();
        if before
            .into_iter()
            .chain(after)
            .all(|(_, other)| other.leaves(&one))
        {
            chosen.insert(one.core.start, one);
        }
    }
    let mut chosen: Vec<Found> = chosen.into_values().collect();
    // The appendix of one may look like the title of the next; what must be there goes before what may be.
    for i in 1..chosen.len() {
        let (before, after) = chosen.split_at_mut(i);
        let (last, next) = (&mut before[i - 1], &mut after[0]);
        last.words.end = last.words.end.min(next.core.start);
        next.words.start = next.words.start.max(last.words.end);
    }
    chosen
}

/// Counts the lines of rights before a licence as part of it.
fn extend_over_rights(library: &Library, text: &Text<'_>, found: &mut [Found]) {
    let copyright = library.lexicon.find("copyright");
    let mut last_end = 0;
    for one in found {
        let from = last_end.max(one.words.start.saturating_sub(RIGHTS_WORDS_MAX));
        let window = &text.ids[from..one.words.start];
        if let Some(ahead) = window.iter().position(|id| *id == copyright) {
            one.words.start = from + ahead;
        }
        last_end = one.words.end;
    }
}

/// Adds what is named between the licences whose text is there.
fn add_mentions(library: &Library, text: &Text<'_>, found: &mut Vec<Found>) {
    let mut mentions = Vec::new();
    let mut from = 0;
    let gaps = found.iter().map(|one| one.words.clone());
    for words in gaps.chain(std::iter::once(text.ids.len()..text.ids.len())) {
        let mut at = from;
        while at < words.start {
            let named = mentions::find(&library.lexicon, text, at, words.start);
            at = named
                .last()
                .map_or(at + 1, |last| last.words.end.max(at + 1));
            mentions.extend(named.into_iter().map(|mention| Found {
                licence: mention.licence,
                core: mention.words.clone(),
                words: mention.words,
                edits: 0,
            }));
        }
        from = words.end;
    }
    found.extend(mentions);
    found.sort_by_key(|one| one.words.start);
}

#[cfg(test)]
mod tests;
