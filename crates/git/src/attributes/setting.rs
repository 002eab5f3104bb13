//! Settings: what lines assign to the attributes that matter, and what the settings of all lines come to for one file.

use crate::conversion::{Conversion, Encoding, LineEndings};

use super::line::{Assignment, Value};
use super::rules::Macros;

/// Attributes that change content, by number; the macros' numbers follow.
pub(super) const NAMES: [&[u8]; 5] = [b"text", b"crlf", b"eol", b"ident", b"working-tree-encoding"];
const TEXT: usize = 0;
const CRLF: usize = 1;
const EOL: usize = 2;
const IDENT: usize = 3;
const ENCODING: usize = 4;

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
    /// `None` for an attribute that changes no content.
    pub(super) fn new(assignment: Assignment<'_>, macros: &Macros) -> Option<Self> {
        let attribute = macros.find_attribute(assignment.attribute)?;
        let state = match assignment.value {
            Value::True => State::True,
            Value::False => State::False,
            Value::Unset => State::Nothing,
            Value::Text(text) => State::of_text(attribute, text),
        };
        Some(Self { attribute, state })
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

/// What is settled for one file while lines are gone through from the last to the first: who comes first, decides.
pub(super) struct Decisions<'a> {
    macros: &'a Macros,
    states: Vec<Option<&'a State>>,
    open: usize,
}

impl<'a> Decisions<'a> {
    pub(super) fn new(macros: &'a Macros) -> Self {
        Self {
            macros,
            states: vec![None; macros.attributes()],
            open: NAMES.len(),
        }
    }

    /// Whether no further line can change anything.
    pub(super) fn are_complete(&self) -> bool {
        self.open == 0
    }

    /// Takes a matching line's settings, the last one first; a macro's own right after it was set.
    pub(super) fn take(&mut self, settings: &'a [Setting], steps: &mut u64) {
        let mut pending = vec![settings];
        while let Some(settings) = pending.pop() {
            let Some((setting, before)) = settings.split_last() else {
                continue;
            };
            *steps += 1;
            pending.push(before);
            let state = &mut self.states[setting.attribute];
            if state.is_some() {
                continue;
            }
            *state = Some(&setting.state);
            if setting.attribute < NAMES.len() {
                self.open -= 1;
            }
            if setting.state == State::True {
                pending.push(self.macros.settings_of(setting.attribute));
            }
        }
    }

    /// What the settings come to.
    pub(super) fn conversion(&self) -> Conversion {
        let text = self.text_state(TEXT).or_else(|| self.text_state(CRLF));
        let line_endings = match (self.states[EOL], text) {
            (Some(State::Crlf), Some(State::False)) => LineEndings::Kept,
            (Some(State::Crlf), Some(State::Auto)) => LineEndings::CrlfInText,
            (Some(State::Crlf), _) => LineEndings::Crlf,
            _ => LineEndings::Kept,
        };
        let encoding = match self.states[ENCODING] {
            Some(State::Encoding(encoding)) => Some(encoding.clone()),
            Some(State::True) => Some(Encoding::Unnamed),
            _ => None,
        };
        Conversion {
            line_endings,
            has_ident: self.states[IDENT] == Some(&State::True),
            encoding,
        }
    }

    fn text_state(&self, attribute: usize) -> Option<&'a State> {
        self.states[attribute].filter(|state| **state != State::Nothing)
    }
}
