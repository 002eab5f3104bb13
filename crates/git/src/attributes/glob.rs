//! Wildcards: `?`, `*`, `**`, `[…]` and `\`, matched against a path or a name.
//!
//! A pattern is walked for all its possible positions at once, one byte of the text after another, so the cost is bounded
//! by the product of both lengths, whatever a stranger writes. git itself tries one possibility after another.

use super::line::LINE_BYTES_MAX;

const WORD_BITS: usize = u64::BITS as usize;

/// Room for the positions of the longest pattern and the one behind its end.
const WORDS_MAX: usize = LINE_BYTES_MAX / WORD_BITS + 1;

/// The part of a pattern that begins with its first wildcard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Byte(u8),
    /// `?`: anything but a slash.
    Any,
    /// One of a set, which never holds the slash.
    Class(Box<Set>),
    /// `*`: any number of bytes other than the slash.
    Star,
    /// `**` in the place of a whole path element: any number of bytes. Before a slash it can also stand for nothing
    /// together with that slash.
    Deep {
        or_nothing: bool,
    },
}

impl Glob {
    /// Compiles `pattern`, which must be shorter than a line of attributes can be.
    pub(super) fn new(pattern: &[u8]) -> Self {
        let pattern = &pattern[..pattern.len().min(LINE_BYTES_MAX - 1)];
        let mut parts = Vec::with_capacity(pattern.len());
        let mut at = 0;
        while let Some(&byte) = pattern.get(at) {
            at += 1;
            let part = match byte {
                b'?' => Part::Any,
                b'*' => {
                    let stars = 1 + pattern[at..].iter().take_while(|&&b| b == b'*').count();
                    let begins_element = at == 1 || pattern[at - 2] == b'/';
                    at += stars - 1;
                    let rest = &pattern[at..];
                    let ends_element =
                        rest.is_empty() || rest[0] == b'/' || rest.starts_with(b"\\/");
                    if stars > 1 && begins_element && ends_element {
                        Part::Deep {
                            or_nothing: rest.first() == Some(&b'/'),
                        }
                    } else {
                        Part::Star
                    }
                }
                b'[' => match Set::parse(&pattern[at..]) {
                    Some((set, len_bytes)) => {
                        at += len_bytes;
                        Part::Class(Box::new(set))
                    }
                    None => {
                        // Nothing gets past a class that is not closed or not known.
                        parts.push(Part::Class(Box::default()));
                        break;
                    }
                },
                b'\\' => {
                    let escaped = pattern.get(at).copied().unwrap_or_default();
                    at += 1;
                    Part::Byte(escaped)
                }
                _ => Part::Byte(byte),
            };
            parts.push(part);
        }
        Self { parts }
    }

    /// Whether it matches the whole of `text`. Adds what it cost to `steps`.
    pub(super) fn matches(&self, text: &[u8], steps: &mut u64) -> bool {
        let words = self.parts.len() / WORD_BITS + 1;
        let mut now = [0; WORDS_MAX];
        self.enter(0, &mut now);
        for &byte in text {
            let mut next = [0; WORDS_MAX];
            let mut is_alive = false;
            for (word, &bits) in now[..words].iter().enumerate() {
                let mut bits: u64 = bits;
                is_alive |= bits != 0;
                while bits != 0 {
                    let position = word * WORD_BITS + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    *steps += 1;
                    self.advance(position, byte, &mut next);
                }
            }
            if !is_alive {
                return false;
            }
            *steps += words as u64;
            now = next;
        }
        let end = self.parts.len();
        now[end / WORD_BITS] & 1 << (end % WORD_BITS) != 0
    }

    /// Where one gets from `position` over `byte`.
    fn advance(&self, position: usize, byte: u8, next: &mut [u64; WORDS_MAX]) {
        let Some(part) = self.parts.get(position) else {
            return;
        };
        match part {
            Part::Byte(wanted) if *wanted == byte => self.enter(position + 1, next),
            Part::Any if byte != b'/' => self.enter(position + 1, next),
            Part::Class(set) if set.contains(byte) => self.enter(position + 1, next),
            // Once within, the way past `**/` for nothing is no longer open.
            Part::Star if byte != b'/' => self.stay(position, next),
            Part::Deep { .. } => self.stay(position, next),
            _ => {}
        }
    }

    fn stay(&self, position: usize, next: &mut [u64; WORDS_MAX]) {
        mark(position, next);
        self.enter(position + 1, next);
    }

    /// Marks `position` and all that can be reached from it without a byte.
    fn enter(&self, mut position: usize, next: &mut [u64; WORDS_MAX]) {
        loop {
            mark(position, next);
            match self.parts.get(position) {
                Some(Part::Deep { or_nothing: true }) => {
                    mark(position + 1, next); // the slash
                    position += 2;
                }
                Some(Part::Star | Part::Deep { .. }) => position += 1,
                _ => return,
            }
        }
    }
}

fn mark(position: usize, positions: &mut [u64; WORDS_MAX]) {
    positions[position / WORD_BITS] |= 1 << (position % WORD_BITS);
}

/// A set of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set([u64; 4]);

impl Set {
    /// Reads what is behind `[`, up to and with `]`; the length is given too.
    fn parse(text: &[u8]) -> Option<(Self, usize)> {
        let mut set = Self::default();
        let is_negated = matches!(text.first(), Some(b'!' | b'^'));
        let first = usize::from(is_negated);
        let mut at = first;
        let mut before = None; // what a range can begin with
        loop {
            let byte = *text.get(at)?;
            // A bracket that comes first is one of the set.
            if byte == b']' && at > first {
                break;
            }
            at += 1;
            match byte {
                b'\\' => {
                    let escaped = *text.get(at)?;
                    at += 1;
                    set.insert(escaped, escaped);
                    before = Some(escaped);
                }
                b'-' if before.is_some() && !matches!(text.get(at), None | Some(b']')) => {
                    let mut last = text[at];
                    at += 1;
                    if last == b'\\' {
                        last = *text.get(at)?;
                        at += 1;
                    }
                    set.insert(before.unwrap_or(last), last);
                    before = None;
                }
                b'[' if text.get(at) == Some(&b':') => {
                    let name_at = at + 1;
                    let len_bytes = text[name_at..].iter().position(|&byte| byte == b']')?;
                    match text[name_at..name_at + len_bytes].strip_suffix(b":") {
                        Some(name) => {
                            set.insert_named(name)?;
                            at = name_at + len_bytes + 1;
                            before = None;
                        }
                        None => {
                            set.insert(b'[', b'[');
                            before = Some(b'[');
                        }
                    }
                }
                _ => {
                    set.insert(byte, byte);
                    before = Some(byte);
                }
            }
        }
        if is_negated {
            set.0 = set.0.map(|word| !word);
        }
        set.0[usize::from(b'/') / WORD_BITS] &= !(1 << (usize::from(b'/') % WORD_BITS));
        Some((set, at + 1))
    }

    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte) / WORD_BITS] & 1 << (usize::from(byte) % WORD_BITS) != 0
    }

    fn insert(&mut self, first: u8, last: u8) {
        for byte in first..=last {
            self.0[usize::from(byte) / WORD_BITS] |= 1 << (usize::from(byte) % WORD_BITS);
        }
    }

    /// Inserts a class of POSIX, of ASCII only; `None` if there is none of this name.
    fn insert_named(&mut self, name: &[u8]) -> Option<()> {
        let holds: fn(&u8) -> bool = match name {
            b"alnum" => u8::is_ascii_alphanumeric,
            b"alpha" => u8::is_ascii_alphabetic,
            b"blank" => |byte| matches!(byte, b' ' | b'\t'),
            b"cntrl" => u8::is_ascii_control,
            b"digit" => u8::is_ascii_digit,
            b"graph" => u8::is_ascii_graphic,
            b"lower" => u8::is_ascii_lowercase,
            b"print" => |byte| matches!(byte, b' '..=b'~'),
            b"punct" => u8::is_ascii_punctuation,
            // Without the vertical tab and the form feed, other than in C.
            b"space" => |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'),
            b"upper" => u8::is_ascii_uppercase,
            b"xdigit" => u8::is_ascii_hexdigit,
            _ => return None,
        };
        for byte in (0..=u8::MAX).filter(holds) {
            self.insert(byte, byte);
        }
        Some(())
    }
}
