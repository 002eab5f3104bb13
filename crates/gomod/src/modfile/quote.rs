//! Quoted strings of `go.mod`, with the escapes of Go.
//!
//! Source: golang.org/x/mod, `modfile.AutoQuote`; Go, `strconv.Unquote`, `strconv.Quote`.

use std::fmt::Write;

use crate::unicode::is_printable;

/// Gives `text` as one word of a `go.mod` line: as it is, or in double quotes where it must be.
pub fn auto_quote(text: &str) -> String {
    if must_quote(text) {
        quote(text)
    } else {
        text.to_owned()
    }
}

/// Does `text` need quotes to be one word of a `go.mod` line.
pub fn must_quote(text: &str) -> bool {
    let brackets = |c| matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | ',');
    text.is_empty()
        || text.contains("//")
        || text.contains("/*")
        || text.chars().any(|c| match c {
            ' ' | '"' | '\'' | '`' => true,
            _ if brackets(c) => text.len() > 1, // alone it is a word already
            _ => !is_printable(c),
        })
}

/// Gives the text of a string in double quotes; `None` when it is malformed.
///
/// Escapes may make up any bytes (`\xff`); those that are no UTF-8 become U+FFFD, which no path allows.
pub(super) fn unquote(quoted: &str) -> Option<String> {
    let inner = quoted
        .strip_prefix('"')?
        .strip_suffix('"')
        .filter(|_| quoted.len() > 1)?;
    if !inner.contains('\\') {
        return (!inner.contains(['"', '\n'])).then(|| inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '"' | '\n' => return None,
            '\\' => rest = unescape(rest, &mut bytes)?,
            _ => push_char(&mut bytes, c),
        }
    }
    Some(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Gives the text of a string in backquotes: everything but carriage returns.
pub(super) fn unquote_raw(quoted: &str) -> Option<String> {
    let inner = quoted
        .strip_prefix('`')?
        .strip_suffix('`')
        .filter(|_| quoted.len() > 1)?;
    (!inner.contains('`')).then(|| inner.replace('\r', ""))
}

/// Reads what follows a backslash; gives what comes after it.
fn unescape<'a>(rest: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let c = rest.chars().next()?;
    let after = &rest[c.len_utf8()..];
    let simple = match c {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' => b'"',
        'x' => return unescape_number(after, 2, 16, bytes),
        'u' => return unescape_number(after, 4, 16, bytes),
        'U' => return unescape_number(after, 8, 16, bytes),
        '0'..='7' => return unescape_number(rest, 3, 8, bytes),
        _ => return None,
    };
    bytes.push(simple);
    Some(after)
}

fn unescape_number<'a>(
    rest: &'a str,
    digits: usize,
    radix: u32,
    bytes: &mut Vec<u8>,
) -> Option<&'a str> {
    let (number, after) = rest.split_at_checked(digits)?;
    if !number.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = u32::from_str_radix(number, radix).ok()?;
    if digits <= 3 {
        bytes.push(u8::try_from(value).ok()?);
    } else {
        push_char(bytes, char::from_u32(value)?);
    }
    Some(after)
}

fn push_char(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            _ if is_printable(c) => quoted.push(c),
            // Writing to a String cannot fail.
            _ if c.is_ascii() => _ = write!(quoted, "\\x{:02x}", u32::from(c)),
            _ if u32::from(c) < 0x10000 => _ = write!(quoted, "\\u{:04x}", u32::from(c)),
            _ => _ = write!(quoted, "\\U{:08x}", u32::from(c)),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_quote(text: &str, want: &str) {
        assert_eq!(auto_quote(text), want);
        if want != text {
            assert_eq!(unquote(want).as_deref(), Some(text));
        }
    }

    #[test]
    fn quotes_only_where_they_must_be() {
        check_quote("example.com/A-b_c~d.e", "example.com/A-b_c~d.e");
        check_quote("é", "é");
        check_quote("a\\b", "a\\b");
        check_quote("=>", "=>");
        check_quote("(", "(");
        check_quote(",", ",");
        check_quote("a,", "\"a,\"");
        check_quote("((", "\"((\"");
        check_quote("", "\"\"");
        check_quote("a b", "\"a b\"");
        check_quote("a\"b", r#""a\"b""#);
        check_quote("a'b", "\"a'b\"");
        check_quote("a`b", "\"a`b\"");
        check_quote("a//b", "\"a//b\"");
        check_quote("a/*", "\"a/*\"");
        check_quote("a\\ b", r#""a\\ b""#);
        check_quote("\x07\x08\x0c\n\r\t\x0b", r#""\a\b\f\n\r\t\v""#);
        check_quote("\0\x7f", r#""\x00\x7f""#);
        check_quote("\u{a0}\u{feff}", r#""\u00a0\ufeff""#);
        check_quote("\u{10ffff}", r#""\U0010ffff""#);
    }

    #[track_caller]
    fn check_unquote(quoted: &str, want: Option<&str>) {
        assert_eq!(unquote(quoted).as_deref(), want, "{quoted}");
    }

    #[test]
    fn escapes_of_go() {
        check_unquote(r#""""#, Some(""));
        check_unquote(r#""a.b/c""#, Some("a.b/c"));
        check_unquote(r#""\x41\101\u0041\U00000041""#, Some("AAAA"));
        check_unquote(r#""\xc3\xa9""#, Some("é"));
        check_unquote(r#""\xff""#, Some("\u{fffd}"));
        check_unquote(r#""\400""#, None);
        check_unquote(r#""\378""#, None);
        check_unquote(r#""\x4""#, None);
        check_unquote(r#""\x+1""#, None);
        check_unquote(r#""\ud800""#, None);
        check_unquote(r#""\U00110000""#, None);
        check_unquote(r#""\'""#, None);
        check_unquote(r#""\z""#, None);
        check_unquote(r#""a"b""#, None);
        check_unquote(r#""\\\""#, None);
        check_unquote(r#"""#, None);
        check_unquote(r#""a"#, None);
        check_unquote("\"\\\n\"", None);
        check_unquote("\"\n\"", None);
        check_unquote("\"\\é\"", None);
        check_unquote("\"\\x4é\"", None);
    }

    #[test]
    fn raw_strings_lose_carriage_returns() {
        assert_eq!(unquote_raw("`a\rb\\n`").as_deref(), Some("ab\\n"));
        assert_eq!(unquote_raw("``").as_deref(), Some(""));
        assert_eq!(unquote_raw("`"), None);
        assert_eq!(unquote_raw("`a`b`"), None);
        assert_eq!(unquote_raw("`a"), None);
    }
}
