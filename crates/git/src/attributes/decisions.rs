//! Decisions: what the settings of all lines that match a file come to.

use crate::conversion::{Conversion, Encoding, LineEndings};

use super::rules::Macros;
use super::setting::{CRLF, ENCODING, EOL, IDENT, NAMES, Setting, State, TEXT};

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
