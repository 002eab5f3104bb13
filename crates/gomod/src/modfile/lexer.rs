//! Splits the bytes of a `go.mod` into words, strings, punctuation, comments and line ends.
//!
//! One pass, nothing is copied that is valid UTF-8. Bytes that are not count as U+FFFD, as with the go command.
//!
//! Source: golang.org/x/mod, `modfile/read.go`.

use std::borrow::Cow;

use crate::unicode::is_printable;

/// A place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Counted from 1.
    pub line: usize,
    /// Offset of the line's first byte.
    line_start: usize,
    byte: usize,
}

impl Position {
    /// Gives the column, in characters, counted from 1. Cost: the length of the line.
    pub fn column(self, bytes: &[u8]) -> usize {
        let mut column = 1;
        let mut rest = bytes.get(self.line_start..self.byte).unwrap_or_default();
        while !rest.is_empty() {
            rest = &rest[decode(rest).1..];
            column += 1;
        }
        column
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    Newline,
    /// A comment after something on its line; ends the line.
    SuffixComment,
    /// A comment alone on its line; takes the line end with it.
    LineComment,
    /// A word, a string with its quotes, or one of `[ ] { } ,`.
    Word,
    Open,
    Close,
}

impl Kind {
    /// Does it end a line.
    pub fn is_line_end(self) -> bool {
        matches!(self, Self::End | Self::Newline | Self::SuffixComment)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub start: Position,
    /// For a comment with its slashes and without its line end.
    pub text: Cow<'a, str>,
}

/// A place and what is wrong there.
pub(super) struct Fault {
    pub at: Position,
    pub message: String,
}

pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    at: Position,
    /// Has the current line had a token yet.
    in_line: bool,
}

impl<'a> Lexer<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: Position {
                line: 1,
                line_start: 0,
                byte: 0,
            },
            in_line: false,
        }
    }

    /// Reads the next token; after the end it is [`Kind::End`] forever.
    pub fn next(&mut self) -> Result<Token<'a>, Fault> {
        while matches!(self.rest().first(), Some(b' ' | b'\t' | b'\r')) {
            self.at.byte += 1;
        }
        let start = self.at;
        let Some(&first) = self.rest().first() else {
            return Ok(self.token(Kind::End, start));
        };
        if self.rest().starts_with(b"//") {
            return Ok(self.comment());
        }
        match first {
            b'\n' => {
                self.step();
                self.in_line = false;
                return Ok(self.token(Kind::Newline, start));
            }
            b'"' | b'`' => self.string(first)?,
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b',' => self.step(),
            _ => self.word()?,
        }
        self.in_line = true;
        let kind = match first {
            b'(' => Kind::Open,
            b')' => Kind::Close,
            _ => Kind::Word,
        };
        Ok(self.token(kind, start))
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at.byte..]
    }

    fn token(&self, kind: Kind, start: Position) -> Token<'a> {
        Token {
            kind,
            start,
            text: String::from_utf8_lossy(&self.bytes[start.byte..self.at.byte]),
        }
    }

    fn fault<T>(&self, message: impl Into<String>) -> Result<T, Fault> {
        Err(Fault {
            at: self.at,
            message: message.into(),
        })
    }

    /// Takes one character.
    fn step(&mut self) {
        let (c, bytes) = decode(self.rest());
        self.at.byte += bytes;
        if c == '\n' {
            self.at.line += 1;
            self.at.line_start = self.at.byte;
        }
    }

    fn comment(&mut self) -> Token<'a> {
        let start = self.at;
        let length = self
            .rest()
            .iter()
            .position(|&b| b == b'\n')
            .unwrap_or(self.rest().len());
        self.at.byte += length;
        let mut token = self.token(
            if self.in_line {
                Kind::SuffixComment
            } else {
                Kind::LineComment
            },
            start,
        );
        if !self.rest().is_empty() {
            self.step();
            if token.text.ends_with('\r') {
                let text = token.text.into_owned();
                token.text = Cow::Owned(text[..text.len() - 1].to_owned());
            }
        }
        self.in_line = false;
        token
    }

    fn string(&mut self, quote: u8) -> Result<(), Fault> {
        let start = self.at;
        self.step();
        loop {
            match self.rest().first() {
                None => {
                    return Err(Fault {
                        at: start,
                        message: "unexpected EOF in string".to_owned(),
                    });
                }
                Some(b'\n') => return self.fault("unexpected newline in string"),
                Some(b'\\') if quote == b'"' => {
                    self.step();
                    if self.rest().is_empty() {
                        return Err(Fault {
                            at: start,
                            message: "unexpected EOF in string".to_owned(),
                        });
                    }
                    self.step();
                }
                Some(&b) => {
                    self.step();
                    if b == quote {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn word(&mut self) -> Result<(), Fault> {
        let start = self.at.byte;
        while !self.rest().is_empty() && !self.rest().starts_with(b"//") {
            if self.rest().starts_with(b"/*") {
                return self.fault("mod files must use // comments (not /* */ comments)");
            }
            let (c, bytes) = decode(self.rest());
            if !is_word_char(c) {
                break;
            }
            self.at.byte += bytes;
        }
        if self.at.byte == start {
            let (c, _) = decode(self.rest());
            return self.fault(format!("unexpected input character {c:?}"));
        }
        Ok(())
    }
}

fn is_word_char(c: char) -> bool {
    !matches!(c, ' ' | '(' | ')' | '[' | ']' | '{' | '}' | ',')
        && is_printable(c)
        && !c.is_whitespace()
}

/// Reads the first character of `bytes`, which are not empty, and how many bytes it takes.
fn decode(bytes: &[u8]) -> (char, usize) {
    if let Some(&first) = bytes.first()
        && first.is_ascii()
    {
        return (char::from(first), 1);
    }
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    valid
        .chars()
        .next()
        .map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8()))
}
