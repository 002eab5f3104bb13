//! Settings: what lines assign to the attributes that matter.

use crate::conversion::Encoding;

use super::line::Value;

/// Attributes that change content, by number; the macros' numbers follow.
pub(super) const NAMES: [&[u8]; 5] = [b"text", b"crlf", b"eol", b"ident", b"working-tree-encoding"];
pub(super) const TEXT: usize = 0;
pub(super) const CRLF: usize = 1;
pub(super) const EOL: usize = 2;
pub(super) const IDENT: usize = 3;
pub(super) const ENCODING: usize = 4;

/// One attribute of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) attribute: usize,
    pub(super) state: State,
}

/// What an attribute is set to, as far as it makes a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    True,
    False,
    /// Not set, by `!` or to a text without meaning.
    Nothing,
    Auto,
    Input,
    Lf,
    Crlf,
    Encoding(Encoding),
}

impl Setting {
    pub(super) fn new(attribute: usize, value: Value<'_>) -> Self {
        let state = match value {
            Value::True => State::True,
            Value::False => State::False,
            Value::Unset => State::Nothing,
            Value::Text(text) => State::of_text(attribute, text),
        };
        Self { attribute, state }
    }

    /// Whether it alone can lead to a conversion. Line ends of archives are LF unless `eol=crlf` says otherwise.
    pub(super) fn may_convert(&self) -> bool {
        matches!(
            (self.attribute, &self.state),
            (EOL, State::Crlf)
                | (IDENT, State::True)
                | (ENCODING, State::True | State::Encoding(_))
        )
    }
}

impl State {
    fn of_text(attribute: usize, text: &[u8]) -> Self {
        match (attribute, text) {
            (TEXT | CRLF, b"auto") => Self::Auto,
            (TEXT | CRLF, b"input") => Self::Input,
            (EOL, b"lf") => Self::Lf,
            (EOL, b"crlf") => Self::Crlf,
            (ENCODING, _) => Encoding::find(text).map_or(Self::Nothing, Self::Encoding),
            _ => Self::Nothing,
        }
    }
}
