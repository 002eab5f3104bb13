//! The interpreter's words, which draw the place above an error, as one line or as a fault; and texts cut to size.

use super::super::fault::Fault;
use super::super::limits::TEXT_BYTES_MAX;

/// The fault in the interpreter's words, which show the place above them.
pub(super) fn fault_of(file: &str, words: &str) -> Fault {
    let text = match words.rfind("\nerror: ") {
        Some(at) => &words[at + "\nerror: ".len()..],
        None => words.trim(),
    };
    let place = words
        .find("--> ")
        .and_then(|at| words[at + "--> ".len()..].lines().next())
        .and_then(|place| {
            let mut parts = place.rsplitn(3, ':');
            let column = parts.next()?.parse().ok()?;
            let line = parts.next()?.parse().ok()?;
            Some((parts.next()?, line, column))
        });
    match place {
        Some((place, line, column)) => Fault::at(place, line, column, cut(&one_line(text))),
        None => Fault::of_file(file, cut(&one_line(text))),
    }
}

/// The interpreter's words or a message on one line: they end in logs and in answers whose lines count.
pub(super) fn one_line(text: &str) -> String {
    let text = match (text.find("--> "), text.rfind("\nerror: ")) {
        (Some(at), Some(error)) => {
            let place = text[at + "--> ".len()..].lines().next().unwrap_or_default();
            format!("{place}: {}", &text[error + "\nerror: ".len()..])
        }
        _ => text.to_owned(),
    };
    text.trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

pub(super) fn cut(text: &str) -> String {
    cut_at(text, TEXT_BYTES_MAX)
}

/// The beginning of a text, at most so many bytes and a mark that something is missing.
pub(super) fn cut_at(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}
