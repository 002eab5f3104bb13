//! Lists of module path patterns, as in the environment variables `GOPRIVATE` and `GONOSUMDB`.
//!
//! A pattern is a glob over whole path elements and matches a path and everything below it: `*.corp.example`
//! matches `git.corp.example/team/lib`.
//!
//! Source: golang.org/x/mod, `module.MatchPrefixPatterns`; Go, `path.Match`.

use std::str::FromStr;

/// Longest list of patterns that is accepted, in bytes: a configuration value, not a database.
const LIST_BYTES_MAX: usize = 64 << 10;

/// Comma-separated patterns, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivatePatterns {
    patterns: Vec<Pattern>,
}

impl PrivatePatterns {
    /// Does a pattern match `target`, a module path, or a prefix of it that ends between elements.
    pub fn is_match(&self, target: &str) -> bool {
        self.find_match(target).is_some()
    }

    /// Gives the text of the first pattern that matches `target`.
    pub fn find_match(&self, target: &str) -> Option<&str> {
        self.patterns
            .iter()
            .find(|pattern| pattern.matches(target))
            .map(|pattern| pattern.text.as_str())
    }

    /// Is the list without any pattern.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

impl FromStr for PrivatePatterns {
    type Err = PatternError;

    fn from_str(s: &str) -> Result<Self, PatternError> {
        if s.len() > LIST_BYTES_MAX {
            return Err(PatternError::TooLong { bytes: s.len() });
        }
        let patterns = list_globs(s)
            .map(|glob| {
                Pattern::parse(glob).ok_or_else(|| PatternError::Malformed {
                    pattern: glob.to_owned(),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }
}

/// Why a list of patterns is refused. (The go command passes over malformed patterns in silence; a server that
/// did so would send private names to the outside.)
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A bracket without its end, a backslash at the end, and the like.
    #[error("malformed pattern {pattern:?}")]
    Malformed {
        /// The pattern.
        pattern: String,
    },
    /// A list out of proportion.
    #[error("pattern list of {bytes} bytes is longer than {LIST_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// Does any of the comma-separated `globs` match `target` or a prefix of it that ends between elements.
///
/// Malformed patterns match nothing, as with the go command. Cost: pattern length times path length.
pub fn match_prefix_patterns(globs: &str, target: &str) -> bool {
    list_globs(globs)
        .filter_map(Pattern::parse)
        .any(|pattern| pattern.matches(target))
}

/// Splits the list; one trailing slash of a pattern does not count.
fn list_globs(globs: &str) -> impl Iterator<Item = &str> {
    globs
        .split(',')
        .map(|glob| glob.strip_suffix('/').unwrap_or(glob))
        .filter(|glob| !glob.is_empty())
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    text: String,
    tokens: Vec<Token>,
    slashes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`: any one character but the slash.
    One,
    /// `*`: any number of characters but the slash.
    Many,
    /// `[a-z]`, `[^a-z]`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Token {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Char(want) => c == *want,
            Self::One | Self::Many => c != '/',
            Self::Class { negated, ranges } => {
                ranges.iter().any(|&(low, high)| (low..=high).contains(&c)) != *negated
            }
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::Many,
                '?' => Token::One,
                '\\' => Token::Char(chars.next()?),
                '[' => {
                    let negated = chars.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    while ranges.is_empty() || chars.next_if_eq(&']').is_none() {
                        let low = parse_class_char(&mut chars)?;
                        let high = match chars.next_if_eq(&'-') {
                            Some(_) => parse_class_char(&mut chars)?,
                            None => low,
                        };
                        ranges.push((low, high));
                    }
                    Token::Class { negated, ranges }
                }
                _ => Token::Char(c),
            });
        }
        Some(Self {
            text: text.to_owned(),
            tokens,
            slashes: text.matches('/').count(),
        })
    }

    fn matches(&self, target: &str) -> bool {
        let mut ends = target
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([target.len()]);
        match ends.nth(self.slashes) {
            Some(end) => self.matches_whole(&target[..end]),
            None => false, // fewer elements than the pattern
        }
    }

    /// Matches with one point to go back to, the last `*`: enough for globs, and never exponential.
    fn matches_whole(&self, name: &str) -> bool {
        let mut rest = name.chars();
        let mut at = 0;
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let mut ahead = rest.clone();
            let next = ahead.next();
            match (self.tokens.get(at), next) {
                (None, None) => return true,
                (Some(Token::Many), _) => {
                    at += 1;
                    retry = Some((at, rest.clone()));
                    continue;
                }
                (Some(token), Some(c)) if token.accepts(c) => {
                    at += 1;
                    rest = ahead;
                    continue;
                }
                _ => {}
            }
            // Let the last star take one character more.
            let Some((star_end, mut from)) = retry.take() else {
                return false;
            };
            match from.next() {
                Some(c) if c != '/' => {
                    at = star_end;
                    rest = from.clone();
                    retry = Some((star_end, from));
                }
                _ => return false,
            }
        }
    }
}

/// Reads one bound of a range inside brackets; a bracket must still come after it.
fn parse_class_char(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    let c = match chars.next()? {
        '-' | ']' => return None,
        '\\' => chars.next()?,
        c => c,
    };
    chars.peek()?;
    Some(c)
}

#[cfg(test)]
mod tests;
