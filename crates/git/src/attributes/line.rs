//! Lines of a `.gitattributes` file: a pattern or a macro's name, and what is assigned to which attribute.

use std::borrow::Cow;

/// Lines of this many bytes and more are passed over by git.
pub(super) const LINE_BYTES_MAX: usize = 2048;

const MACRO_PREFIX: &[u8] = b"[attr]";

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject<'a> {
    /// Files whose names match a pattern.
    Pattern(Cow<'a, [u8]>),
    /// The macro of this name is defined.
    Macro(Cow<'a, [u8]>),
}

/// A line that says something. All its attributes have valid names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) subject: Subject<'a>,
    assignments: &'a [u8],
}

/// What an attribute is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// `attribute`
    True,
    /// `-attribute`
    False,
    /// `!attribute`: as if no line had spoken of it.
    Unset,
    /// `attribute=text`
    Text(&'a [u8]),
}

/// One attribute of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Assignment<'a> {
    pub(super) attribute: &'a [u8],
    pub(super) value: Value<'a>,
}

/// Gives the lines that git heeds, in order. A NUL ends the file; macros count in the root's file only.
pub(super) fn lines(file: &[u8], is_root: bool) -> impl Iterator<Item = Line<'_>> {
    file.split(|&byte| byte == 0)
        .take(1)
        .flat_map(|text| text.split(|&byte| byte == b'\n'))
        .filter_map(Line::parse)
        .filter(move |line| is_root || matches!(line.subject, Subject::Pattern(_)))
}

impl<'a> Line<'a> {
    /// `None` for a line without effect: blank, a comment, too long, or with a mistake anywhere in it.
    fn parse(line: &'a [u8]) -> Option<Self> {
        let text = skip_blanks(line);
        if text.is_empty() || text[0] == b'#' || line.len() >= LINE_BYTES_MAX {
            return None;
        }
        let (name, rest) = match unquote(text) {
            Some((name, rest)) => (Cow::Owned(name), rest),
            None => {
                let (name, rest) = split_word(text);
                (Cow::Borrowed(name), rest)
            }
        };
        // The blank between `[attr]` and a name makes it a pattern, unless both are within quotes.
        let subject = if name.len() > MACRO_PREFIX.len() && name.starts_with(MACRO_PREFIX) {
            let name = split_word(skip_blanks(&name[MACRO_PREFIX.len()..])).0;
            if !is_attribute_name(name) {
                return None;
            }
            Subject::Macro(Cow::Owned(name.to_vec()))
        } else {
            Subject::Pattern(until_nul(name))
        };
        let line = Self {
            subject,
            assignments: skip_blanks(rest),
        };
        line.assignments()
            .all(|assignment| is_attribute_name(assignment.attribute))
            .then_some(line)
    }

    /// The attributes in order.
    pub(super) fn assignments(&self) -> impl Iterator<Item = Assignment<'a>> + use<'a> {
        let mut rest = self.assignments;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (word, behind) = split_word(rest);
            rest = skip_blanks(behind);
            Some(Assignment::parse(word))
        })
    }
}

impl<'a> Assignment<'a> {
    fn parse(word: &'a [u8]) -> Self {
        let mut parts = word.splitn(2, |&byte| byte == b'=');
        let name = parts.next().unwrap_or_default();
        let text = parts.next();
        match (name.split_first(), text) {
            // `-text=auto` takes text away, whatever is behind the sign.
            (Some((b'-', attribute)), _) => Self {
                attribute,
                value: Value::False,
            },
            (Some((b'!', attribute)), _) => Self {
                attribute,
                value: Value::Unset,
            },
            (_, Some(text)) => Self {
                attribute: name,
                value: Value::Text(text),
            },
            (_, None) => Self {
                attribute: name,
                value: Value::True,
            },
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|&&byte| is_blank(byte)).count();
    &text[blanks..]
}

/// Splits in front of the first blank. What a quoted name hides behind a NUL is not seen by git.
fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|&byte| is_blank(byte) || byte == 0)
        .unwrap_or(text.len());
    text.split_at(end)
}

fn until_nul(name: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match name.iter().position(|&byte| byte == 0) {
        Some(end) => Cow::Owned(name[..end].to_vec()),
        None => name,
    }
}

fn is_attribute_name(name: &[u8]) -> bool {
    !matches!(name.first(), None | Some(b'-'))
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// Reads a name in double quotes, with the escapes of C; `None` when it is none, which is then taken as it stands.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut name = Vec::new();
    loop {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        match byte {
            b'"' => return Some((name, rest)),
            b'\\' => {
                let (byte, behind) = unescape(rest)?;
                name.push(byte);
                rest = behind;
            }
            _ => name.push(byte),
        }
    }
}

fn unescape(text: &[u8]) -> Option<(u8, &[u8])> {
    let (&letter, rest) = text.split_first()?;
    let byte = match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' | b'"' => letter,
        b'0'..=b'3' => {
            let (digits, rest) = rest.split_first_chunk::<2>()?;
            if !digits.iter().all(|digit| (b'0'..=b'7').contains(digit)) {
                return None;
            }
            let byte = (letter - b'0') << 6 | (digits[0] - b'0') << 3 | (digits[1] - b'0');
            return Some((byte, rest));
        }
        _ => return None,
    };
    Some((byte, rest))
}
