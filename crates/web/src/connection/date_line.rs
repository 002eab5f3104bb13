//! The end of a header block: the date, made once in half a second.

use std::cell::RefCell;
use std::time::Instant;

use crate::conditional::http_date;

thread_local! {
    static DATE: RefCell<DateLine> = const { RefCell::new(DateLine { made_at: None, text: String::new() }) };
}

/// The last line of a header block, good for a second.
#[derive(Debug)]
struct DateLine {
    made_at: Option<Instant>,
    text: String,
}

/// Writes the date and the end of the block.
pub(crate) fn push_date(out: &mut Vec<u8>, now: Instant) {
    DATE.with_borrow_mut(|line| {
        let is_old = |at: Instant| now.saturating_duration_since(at).as_millis() >= 500;
        if line.made_at.is_none_or(is_old) {
            let date = http_date(jiff::Timestamp::now()).unwrap_or_default();
            line.text = format!("Date: {date}\r\n\r\n");
            line.made_at = Some(now);
        }
        out.extend_from_slice(line.text.as_bytes());
    });
}
