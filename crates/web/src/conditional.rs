//! Conditional and partial requests: entity tags, dates, byte ranges, accepted encodings. Pure functions of header text.

use std::ops::Range;

use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

/// What a `Range` header asks of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeAsk {
    /// The whole: no range, several ranges, or a unit other than bytes.
    Whole,
    /// These bytes.
    Part(Range<usize>),
    /// Nothing that the body has, or nonsense (416).
    Unsatisfiable,
}

/// Parses a `Range` header against a body of `length` bytes.
///
/// Several ranges get the whole body: nobody who downloads modules needs them, and they are a known way to make a
/// server do more work than it is asked for.
pub fn parse_range(header: &str, length: usize) -> RangeAsk {
    let Some((unit, spec)) = header.split_once('=') else {
        return RangeAsk::Unsatisfiable;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || spec.contains(',') {
        return RangeAsk::Whole;
    }
    match parse_one_range(spec.trim(), length) {
        Some(range) if range.start < range.end => RangeAsk::Part(range),
        _ => RangeAsk::Unsatisfiable,
    }
}

fn parse_one_range(spec: &str, length: usize) -> Option<Range<usize>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        let suffix = parse_position(last)?;
        return Some(length.saturating_sub(suffix)..length);
    }
    let first = parse_position(first)?;
    if last.is_empty() {
        return Some(first..length);
    }
    let last = parse_position(last)?;
    Some(first..last.saturating_add(1).min(length))
}

/// Digits only; a number too large for the machine is as good as the largest.
fn parse_position(digits: &str) -> Option<usize> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(usize::MAX))
}

/// Whether an `If-None-Match` list names one of `tags` (quoted, as in `ETag`). Weak marks are ignored, as RFC 9110
/// 13.1.2 wants.
pub fn is_listed(header: &str, tags: &[&str]) -> bool {
    header.split(',').map(str::trim).any(|listed| {
        let listed = listed.strip_prefix("W/").unwrap_or(listed);
        listed == "*" || tags.contains(&listed)
    })
}

/// Whether `If-Range` allows the range: the same strong tag, or the same date (RFC 9110 13.1.5).
pub fn is_same(if_range: &str, tag: &str, last_modified: Option<&str>) -> bool {
    let if_range = if_range.trim();
    if_range == tag || last_modified == Some(if_range)
}

/// Whether nothing changed since the date of an `If-Modified-Since`; an unreadable date does not count.
pub fn is_unchanged_since(header: &str, last_modified: Timestamp) -> bool {
    DateTimeParser::new()
        .parse_timestamp(header.trim())
        .is_ok_and(|since| last_modified.as_second() <= since.as_second())
}

/// A time as HTTP headers write it, e.g. `Sat, 21 Nov 2026 12:31:57 GMT`; `None` before the year 0.
pub fn http_date(at: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

/// Whether an `Accept-Encoding` header takes gzip.
pub fn accepts_gzip(header: &str) -> bool {
    header.split(',').any(|item| {
        let mut parts = item.split(';');
        let name = parts.next().unwrap_or_default().trim();
        let refused = parts.any(|part| {
            let part = part.trim();
            let weight = part.strip_prefix("q=").or(part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|q| q <= 0.0))
        });
        (name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip")) && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_range(header: &str, length: usize, want: RangeAsk) {
        assert_eq!(parse_range(header, length), want, "{header}");
    }

    #[test]
    fn single_ranges_are_cut_to_the_body() {
        check_range("bytes=0-0", 10, RangeAsk::Part(0..1));
        check_range("bytes=0-9", 10, RangeAsk::Part(0..10));
        check_range("bytes=0-10", 10, RangeAsk::Part(0..10));
        check_range("bytes=9-", 10, RangeAsk::Part(9..10));
        check_range("bytes=-3", 10, RangeAsk::Part(7..10));
        check_range("bytes=-30", 10, RangeAsk::Part(0..10));
        check_range("Bytes = 2-3 ", 10, RangeAsk::Part(2..4));
        check_range(
            "bytes=5-99999999999999999999999999",
            10,
            RangeAsk::Part(5..10),
        );
    }

    #[test]
    fn impossible_ranges_are_unsatisfiable() {
        for header in [
            "bytes=10-",
            "bytes=10-11",
            "bytes=5-4",
            "bytes=-0",
            "bytes=-",
            "bytes=",
            "bytes=a-b",
            "bytes=1",
            "bytes=--1",
            "bytes=+1-2",
            "bytes",
            "bytes=99999999999999999999999999-",
        ] {
            check_range(header, 10, RangeAsk::Unsatisfiable);
        }
        check_range("bytes=0-0", 0, RangeAsk::Unsatisfiable);
        check_range("bytes=-5", 0, RangeAsk::Unsatisfiable);
    }

    #[test]
    fn many_ranges_and_other_units_get_the_whole() {
        check_range("bytes=0-0,2-2", 10, RangeAsk::Whole);
        check_range(
            &format!("bytes=0-0{}", ",0-0".repeat(10_000)),
            10,
            RangeAsk::Whole,
        );
        check_range("lines=0-0", 10, RangeAsk::Whole);
    }

    #[test]
    fn tags_are_compared_weakly_in_lists() {
        let tags = ["\"a\"", "\"a-gz\""];
        for header in [
            "\"a\"",
            "W/\"a\"",
            "\"x\", \"a-gz\"",
            "*",
            " \"a\" ,",
            ",,\"a\"",
        ] {
            assert!(is_listed(header, &tags), "{header}");
        }
        for header in ["", "a", "\"b\"", "\"A\"", "\"a", "W/"] {
            assert!(!is_listed(header, &tags), "{header}");
        }
    }

    #[test]
    fn if_range_is_strong() {
        let date = Some("Thu, 01 Jan 1970 00:00:00 GMT");
        assert!(is_same("\"a\"", "\"a\"", None));
        assert!(!is_same("W/\"a\"", "\"a\"", None));
        assert!(is_same("Thu, 01 Jan 1970 00:00:00 GMT", "\"a\"", date));
        assert!(!is_same("Thu, 01 Jan 1970 00:00:01 GMT", "\"a\"", date));
    }

    #[test]
    fn dates_round_trip() {
        let at: Timestamp = "2021-03-04T05:06:07.9Z".parse().unwrap();
        let text = http_date(at).unwrap();
        assert_eq!(text, "Thu, 04 Mar 2021 05:06:07 GMT");
        assert!(is_unchanged_since(&text, at));
        assert!(is_unchanged_since("Fri, 05 Mar 2021 05:06:07 GMT", at));
        assert!(!is_unchanged_since("Thu, 04 Mar 2021 05:06:06 GMT", at));
        assert!(!is_unchanged_since("yesterday", at));
        assert!(!is_unchanged_since("", at));
    }

    #[test]
    fn gzip_is_taken_where_it_is_named() {
        for header in [
            "gzip",
            "GZIP",
            "br, gzip",
            "gzip;q=0.5",
            "deflate , x-gzip",
            "gzip; q=1",
        ] {
            assert!(accepts_gzip(header), "{header}");
        }
        for header in ["", "br", "gzip;q=0", "gzip; q=0.000", "identity", "gzipped"] {
            assert!(!accepts_gzip(header), "{header}");
        }
    }
}
