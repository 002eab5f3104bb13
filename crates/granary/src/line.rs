//! The lines in which a long operation speaks, over the socket and in process alike, and how they are shown.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// One line of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// How far it is; `total` 0 means unknown.
    Progress {
        /// Done so far.
        done: u64,
        /// To be done, as far as known.
        total: u64,
        /// What it is at.
        at: String,
    },
    /// Something that is wrong, or was refused.
    Finding {
        /// `missing`, `wrong`, `extra`, `refused`, …
        what: String,
        /// The module version or blob.
        of: String,
        /// In words.
        detail: String,
    },
    /// One of several things that were asked for.
    Item {
        /// For people.
        text: String,
        /// For scripts.
        data: serde_json::Value,
    },
    /// The end: what came of it, in words and as data.
    Done {
        /// Whether all is well.
        well: bool,
        /// One sentence.
        text: String,
        /// The figures.
        data: serde_json::Value,
    },
}

/// Where an operation's lines go. A listener that went away ends nothing: the operation goes on.
pub type Lines = mpsc::Sender<Line>;

/// Lines in flight; a slow reader slows the operation down.
pub const LINES_IN_FLIGHT: usize = 64;

/// Sends word of one thing that is wrong.
pub async fn finding(
    lines: &Lines,
    what: &str,
    of: &(dyn Display + Sync),
    detail: &(dyn Display + Sync),
) {
    let line = Line::Finding {
        what: what.to_owned(),
        of: of.to_string(),
        detail: detail.to_string(),
    };
    lines.send(line).await.ok();
}

/// Sends one of several things that were asked for.
pub async fn item(lines: &Lines, text: String, data: &(impl Serialize + Sync)) {
    let data = serde_json::to_value(data).unwrap_or_default();
    lines.send(Line::Item { text, data }).await.ok();
}

/// A text for people of which others wrote parts: none of it looks like another entry, and none steers a terminal.
pub fn on_one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Sends word of how far it is.
pub async fn progress(lines: &Lines, done: u64, total: u64, at: &(dyn Display + Sync)) {
    lines
        .send(Line::Progress {
            done,
            total,
            at: at.to_string(),
        })
        .await
        .ok();
}

/// Shows lines: JSON as they are, or a progress bar with findings above it.
pub struct Show {
    json: bool,
    bar: ProgressBar,
    /// Whether the operation ended well; unknown until it ended.
    pub well: Option<bool>,
}

impl Show {
    /// Shows on standard output (results, findings) and standard error (progress).
    pub fn new(json: bool) -> Self {
        let bar = if json || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(0)
        };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {wide_msg}")
        {
            bar.set_style(style);
        }
        Self {
            json,
            bar,
            well: None,
        }
    }

    /// Shows one line. A closed standard output is no error: the reader had enough.
    pub fn line(&mut self, line: &Line) {
        if let Line::Done { well, .. } = line {
            self.well = Some(*well);
            self.bar.finish_and_clear();
        }
        let mut out = std::io::stdout().lock();
        if self.json {
            if let Ok(text) = serde_json::to_string(line) {
                writeln!(out, "{text}").ok();
            }
            return;
        }
        match line {
            Line::Progress { done, total, at } => {
                self.bar.set_length(*total);
                self.bar.set_position(*done);
                self.bar.set_message(at.clone());
            }
            Line::Finding { what, of, detail } => {
                self.bar.suspend(|| {
                    writeln!(out, "{what}: {of}\n    {}", detail.replace('\n', "\n    ")).ok()
                });
            }
            Line::Item { text, .. } => {
                self.bar.suspend(|| writeln!(out, "{text}").ok());
            }
            Line::Done { text, .. } => {
                writeln!(out, "{text}").ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes_a_second_entry_into_a_list() {
        let text = on_one_line("1 ann withdraw m: done (x\n2 bob promote m\u{1b}[2J)");
        assert_eq!(text, "1 ann withdraw m: done (x 2 bob promote m [2J)");
    }
}
