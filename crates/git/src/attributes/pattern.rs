//! Patterns of `.gitattributes`: which files of its folder and below a line speaks of.

use super::glob::Glob;

/// What looking at a pattern costs beside the positions that are tried: it is somewhere else in memory.
const PATTERN_STEPS: u64 = 20;

/// A pattern, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Whether the path within the folder of the pattern's file is meant, not only the file's own name.
    is_path: bool,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// No wildcard at all.
    Whole(Box<[u8]>),
    /// `*.go`
    Suffix(Box<[u8]>),
    /// What comes before the first wildcard, and the rest.
    Glob(Box<[u8]>, Glob),
}

impl Pattern {
    /// Compiles `pattern`; `None` if git heeds it not for any file: with `!` in front, or with a slash at its end.
    pub(super) fn new(pattern: &[u8]) -> Option<Self> {
        if pattern.first() == Some(&b'!') || pattern.last() == Some(&b'/') {
            return None;
        }
        let is_path = pattern.contains(&b'/');
        let text = pattern.strip_prefix(b"/").unwrap_or(pattern);
        let literal_len = text
            .iter()
            .position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
            .unwrap_or(text.len());
        let (literal, rest) = text.split_at(literal_len);
        let shape = match rest.split_first() {
            None => Shape::Whole(literal.into()),
            Some((b'*', suffix)) if !is_path && literal.is_empty() && is_literal(suffix) => {
                Shape::Suffix(suffix.into())
            }
            // The wildcards are judged without what is before them: `a**/b` is taken for `a` and `**/b`.
            _ => Shape::Glob(literal.into(), Glob::new(rest)),
        };
        Some(Self { is_path, shape })
    }

    /// Whether it speaks of the file `path`, which is relative to the folder of the pattern's file and ends in `name`.
    /// Adds what it cost to `steps`.
    pub(super) fn matches(&self, path: &[u8], name: &[u8], steps: &mut u64) -> bool {
        *steps += PATTERN_STEPS;
        let text = if self.is_path { path } else { name };
        match &self.shape {
            Shape::Whole(whole) => **whole == *text,
            Shape::Suffix(suffix) => text.ends_with(suffix),
            Shape::Glob(literal, glob) => text
                .strip_prefix(&**literal)
                .is_some_and(|rest| glob.matches(rest, steps)),
        }
    }
}

fn is_literal(text: &[u8]) -> bool {
    !text
        .iter()
        .any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
}
