//! Reads HTML as the go command does: as lenient XML, token by token, until something cannot be that.
//!
//! Only what go-import tags need comes out: the names of elements, and the attributes of those that begin. Nothing is
//! copied but attribute values, and nothing is nested, so a page costs its length and no more.
//!
//! Source of what is lenient and what is not: encoding/xml, `Decoder.RawToken` with `Strict` false.

use super::entity::{find_character, find_entity};
use super::names;

/// One piece of markup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `<name attribute="value">`.
    Start(Element),
    /// `</name>`, the name without its prefix.
    End(String),
    /// Text, a comment, an instruction or a declaration.
    Other,
}

/// The beginning of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name without its prefix.
    pub(super) name: String,
    /// Names (without their prefixes) and values, as written and in their order.
    pub(super) attributes: Vec<(String, String)>,
    /// Whether it ends at once: `<name/>`.
    pub(super) is_empty: bool,
}

impl Element {
    /// The value of the first attribute of that name, in capitals or not; empty where there is none.
    pub(super) fn value(&self, name: &str) -> &str {
        self.attributes
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }
}

/// Why nothing more can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadMarkup(pub(super) &'static str);

/// The bytes were over in the middle of something.
const CUT: BadMarkup = BadMarkup("the page ends inside of markup");

/// Where text ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// At the next `<`.
    Markup,
    /// At this quotation mark.
    Quote(u8),
    /// At `]]>`.
    SectionEnd,
}

/// A place in a page.
#[derive(Debug)]
pub(super) struct Markup<'a> {
    rest: &'a [u8],
}

impl<'a> Markup<'a> {
    pub(super) fn new(page: &'a [u8]) -> Self {
        Self { rest: page }
    }

    /// The next token, `None` at the end.
    pub(super) fn next_token(&mut self) -> Result<Option<Token>, BadMarkup> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        if !self.skip(b"<") {
            self.text(Until::Markup)?;
            return Ok(Some(Token::Other));
        }
        match self.peek()? {
            b'/' => self.end().map(|name| Some(Token::End(name))),
            b'?' => self.instruction().map(|()| Some(Token::Other)),
            b'!' => self.declaration().map(|()| Some(Token::Other)),
            _ => self.start().map(|element| Some(Token::Start(element))),
        }
    }

    fn start(&mut self) -> Result<Element, BadMarkup> {
        let name = self.local_name("a < without the name of an element")?;
        let mut attributes = Vec::new();
        loop {
            self.skip_space();
            let is_empty = self.skip(b"/");
            if self.skip(b">") {
                return Ok(Element {
                    name,
                    attributes,
                    is_empty,
                });
            }
            self.peek()?;
            if is_empty {
                return Err(BadMarkup("a / that ends no element"));
            }
            attributes.push(self.attribute()?);
        }
    }

    fn attribute(&mut self) -> Result<(String, String), BadMarkup> {
        let name = self.local_name("an attribute without a name")?;
        self.skip_space();
        self.peek()?;
        if !self.skip(b"=") {
            return Ok((name.clone(), name));
        }
        self.skip_space();
        let value = match self.peek()? {
            quote @ (b'"' | b'\'') => {
                self.rest = &self.rest[1..];
                self.text(Until::Quote(quote))?
            }
            _ => self
                .take_while(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-')
                })?
                .to_vec(),
        };
        // Text was checked to be UTF-8, so nothing is replaced.
        Ok((name, String::from_utf8_lossy(&value).into_owned()))
    }

    fn end(&mut self) -> Result<String, BadMarkup> {
        self.skip(b"/");
        let name = self.local_name("a </ without the name of an element")?;
        self.skip_space();
        self.peek()?;
        if self.skip(b">") {
            Ok(name)
        } else {
            Err(BadMarkup("an end of an element with more than its name"))
        }
    }

    /// `<?xml version="1.0" encoding="utf-8"?>` and the like.
    fn instruction(&mut self) -> Result<(), BadMarkup> {
        self.skip(b"?");
        let name = self.name("a <? without a name")?;
        self.skip_space();
        let content = self.take_through(b"?>")?;
        if name != b"xml" {
            return Ok(());
        }
        if !matches!(find_parameter(b"version=", content), b"" | b"1.0") {
            return Err(BadMarkup("a version of XML other than 1.0"));
        }
        let encoding = find_parameter(b"encoding=", content);
        let is_known = encoding.is_empty()
            || encoding.eq_ignore_ascii_case(b"utf-8")
            || encoding.eq_ignore_ascii_case(b"ascii");
        if is_known {
            Ok(())
        } else {
            Err(BadMarkup("an encoding other than UTF-8 and ASCII"))
        }
    }

    /// What begins with `<!`: a comment, a section of plain text, or a declaration such as `<!DOCTYPE html>`.
    fn declaration(&mut self) -> Result<(), BadMarkup> {
        self.skip(b"!");
        match self.take()? {
            b'-' => {
                if self.take()? != b'-' {
                    return Err(BadMarkup("a <!- that begins no comment"));
                }
                self.take_through(b"--")?;
                match self.take()? {
                    b'>' => Ok(()),
                    _ => Err(BadMarkup("two dashes inside of a comment")),
                }
            }
            b'[' => {
                for want in b"CDATA[" {
                    if self.take()? != *want {
                        return Err(BadMarkup("a <![ that begins no section"));
                    }
                }
                self.text(Until::SectionEnd).map(|_text| ())
            }
            // The first character never counts as a quotation mark or as the end.
            _ => self.directive(),
        }
    }

    /// To the `>` that ends a declaration: quotation marks, nested `<…>` and comments inside are stepped over.
    fn directive(&mut self) -> Result<(), BadMarkup> {
        let mut quote = None;
        let mut depth = 0_u32;
        loop {
            let byte = self.take()?;
            match (quote, byte) {
                (Some(mark), _) => {
                    if byte == mark {
                        quote = None;
                    }
                }
                (None, b'>') if depth == 0 => return Ok(()),
                (None, b'>') => depth -= 1,
                (None, b'\'' | b'"') => quote = Some(byte),
                (None, b'<') if self.rest.starts_with(b"!--") => {
                    self.rest = &self.rest[3..];
                    self.take_through(b"-->")?;
                }
                (None, b'<') => depth += 1,
                (None, _) => {}
            }
        }
    }

    /// Text with its entities resolved and its line ends made `\n`; what it must not hold is an error.
    fn text(&mut self, until: Until) -> Result<Vec<u8>, BadMarkup> {
        let mut text = Vec::new();
        // Entities stand between what comes before and after them, so they break up `]]>` and `\r\n`.
        let mut before = [0_u8; 2];
        loop {
            let Some((&byte, rest)) = self.rest.split_first() else {
                if until == Until::SectionEnd {
                    return Err(CUT);
                }
                break;
            };
            let ends_section = before == *b"]]" && byte == b'>';
            match until {
                Until::SectionEnd if ends_section => {
                    self.rest = rest;
                    text.truncate(text.len() - 2);
                    break;
                }
                Until::Markup if ends_section => {
                    return Err(BadMarkup("a ]]> outside of a section"));
                }
                Until::Markup if byte == b'<' => break,
                Until::Quote(_) if byte == b'<' => {
                    return Err(BadMarkup("a < inside of quotation marks"));
                }
                Until::Quote(mark) if byte == mark => {
                    self.rest = rest;
                    break;
                }
                _ => self.rest = rest,
            }
            if byte == b'&' && until != Until::SectionEnd {
                self.entity(&mut text)?;
                before = [0; 2];
                continue;
            }
            match byte {
                b'\r' => text.push(b'\n'),
                b'\n' if before[1] == b'\r' => {}
                _ => text.push(byte),
            }
            before = [before[1], byte];
        }
        check_characters(&text)?;
        Ok(text)
    }

    /// What follows an ampersand. Entities that are malformed or unknown stay as they are written.
    fn entity(&mut self, text: &mut Vec<u8>) -> Result<(), BadMarkup> {
        let whole = self.rest;
        let meant = if self.skip(b"#") {
            self.peek()?;
            let radix = if self.skip(b"x") { 16 } else { 10 };
            let digits = self.take_while(|byte| (byte as char).is_digit(radix))?;
            find_character(digits, radix)
        } else {
            find_entity(self.take_while(is_name_byte)?)
        };
        if self.skip(b";")
            && let Some(meant) = meant
        {
            text.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            text.push(b'&');
            text.extend_from_slice(&whole[..whole.len() - self.rest.len()]);
        }
        Ok(())
    }

    /// A name without its prefix. Two colons make it none; a colon at either end is part of it.
    fn local_name(&mut self, missing: &'static str) -> Result<String, BadMarkup> {
        let name = self.name(missing)?;
        let local = match name.iter().position(|byte| *byte == b':') {
            Some(colon) if name[colon + 1..].contains(&b':') => return Err(BadMarkup(missing)),
            Some(colon) if colon > 0 && colon + 1 < name.len() => &name[colon + 1..],
            _ => name,
        };
        Ok(String::from_utf8_lossy(local).into_owned())
    }

    fn name(&mut self, missing: &'static str) -> Result<&'a [u8], BadMarkup> {
        let name = self.take_while(is_name_byte)?;
        if names::is_name(name) {
            Ok(name)
        } else {
            Err(BadMarkup(missing))
        }
    }

    fn skip_space(&mut self) {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\r' | b'\n' | b'\t');
        let length = self.rest.iter().take_while(|byte| is_space(byte)).count();
        self.rest = &self.rest[length..];
    }

    fn peek(&self) -> Result<u8, BadMarkup> {
        self.rest.first().copied().ok_or(CUT)
    }

    fn take(&mut self) -> Result<u8, BadMarkup> {
        let byte = self.peek()?;
        self.rest = &self.rest[1..];
        Ok(byte)
    }

    fn skip(&mut self, expected: &[u8]) -> bool {
        let after = self.rest.strip_prefix(expected);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// The bytes that fit. One that does not must come after them.
    fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> Result<&'a [u8], BadMarkup> {
        let length = self.rest.iter().position(|byte| !fits(*byte)).ok_or(CUT)?;
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(taken)
    }

    /// The bytes before `mark`, which is stepped over.
    fn take_through(&mut self, mark: &[u8]) -> Result<&'a [u8], BadMarkup> {
        let at = find(mark, self.rest).ok_or(CUT)?;
        let taken = &self.rest[..at];
        self.rest = &self.rest[at + mark.len()..];
        Ok(taken)
    }
}

/// Every byte beyond ASCII counts; whether they make characters of names is looked at afterwards.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'.' | b'-') || byte >= 0x80
}

/// The quoted text after the first `name=` that has quotation marks after it; empty where there is none.
fn find_parameter<'a>(name: &[u8], content: &'a [u8]) -> &'a [u8] {
    let mut rest = content;
    while let Some(at) = find(name, rest) {
        let Some((mark, after)) = rest[at + name.len()..].split_first() else {
            break;
        };
        if matches!(mark, b'\'' | b'"') {
            let length = after.iter().position(|byte| byte == mark);
            return length.map_or(b"", |length| &after[..length]);
        }
        rest = after;
    }
    b""
}

fn find(what: &[u8], bytes: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn check_characters(text: &[u8]) -> Result<(), BadMarkup> {
    let text = std::str::from_utf8(text).map_err(|_utf8| BadMarkup("text that is not UTF-8"))?;
    let is_refused = |c: char| {
        matches!(c, '\0'..='\u{1f}' if !matches!(c, '\t' | '\n' | '\r'))
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if text.contains(is_refused) {
        Err(BadMarkup("a character that no text has"))
    } else {
        Ok(())
    }
}
