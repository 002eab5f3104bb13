//! Versions of the Go language and toolchain as the `go` line names them: `1.21`, `1.21.3`, `1.22rc1`.
//!
//! Not semantic versions: no `v`, and a pre-release hangs on the minor number.
//!
//! Source: Go, `internal/gover`.

use std::cmp::Ordering;

/// A version taken apart. The default, all empty, stands for one that is not valid and sorts below all others.
#[derive(Default, PartialEq, Eq)]
struct Parsed<'a> {
    major: &'a str,
    minor: &'a str,
    patch: &'a str,
    /// `alpha`, `beta`, `rc`, or empty.
    kind: &'a str,
    pre: &'a str,
}

/// Is `x` a Go version.
pub fn is_valid(x: &str) -> bool {
    parse(x).is_some()
}

/// Compares two Go versions: `1.20 = 1.20.0`, `1.21 < 1.21rc1 < 1.21.0`. What is not valid is lowest.
pub fn compare(x: &str, y: &str) -> Ordering {
    let (x, y) = (parse(x).unwrap_or_default(), parse(y).unwrap_or_default());
    compare_numbers(x.major, y.major)
        .then_with(|| compare_numbers(x.minor, y.minor))
        .then_with(|| compare_numbers(x.patch, y.patch))
        .then_with(|| x.kind.cmp(y.kind))
        .then_with(|| compare_numbers(x.pre, y.pre))
}

/// Gives the language version, `1.24` for `1.24rc1` and `1.24.3`; empty when `x` is not valid.
pub fn language(x: &str) -> String {
    let parsed = parse(x).unwrap_or_default();
    if parsed.minor.is_empty() || (parsed.major == "1" && parsed.minor == "0") {
        return parsed.major.to_owned();
    }
    format!("{}.{}", parsed.major, parsed.minor)
}

fn parse(x: &str) -> Option<Parsed<'_>> {
    let (major, rest) = split_number(x)?;
    if rest.is_empty() {
        return Some(Parsed {
            major,
            minor: "0",
            patch: "0",
            ..Parsed::default()
        });
    }
    let (minor, rest) = split_number(rest.strip_prefix('.')?)?;
    let parsed = Parsed {
        major,
        minor,
        ..Parsed::default()
    };
    if rest.is_empty() {
        // Up to Go 1.20 the first release of a line was called 1.N, since then 1.N.0.
        let patch = if compare_numbers(minor, "21").is_lt() {
            "0"
        } else {
            ""
        };
        return Some(Parsed { patch, ..parsed });
    }
    if let Some(rest) = rest.strip_prefix('.') {
        let (patch, rest) = split_number(rest)?;
        return rest.is_empty().then_some(Parsed { patch, ..parsed });
    }
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let kind = &rest[..rest.len() - digits.len()];
    if kind.is_empty() {
        return None;
    }
    if digits.is_empty() {
        return Some(Parsed { kind, ..parsed });
    }
    let (pre, rest) = split_number(digits)?;
    rest.is_empty().then_some(Parsed {
        kind,
        pre,
        ..parsed
    })
}

/// Splits a decimal number without leading zeros off the front.
fn split_number(s: &str) -> Option<(&str, &str)> {
    let rest = s.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &s[..s.len() - rest.len()];
    (!number.is_empty() && (number.len() == 1 || !number.starts_with('0')))
        .then_some((number, rest))
}

fn compare_numbers(x: &str, y: &str) -> Ordering {
    x.len().cmp(&y.len()).then_with(|| x.cmp(y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_order(x: &str, want: Ordering, y: &str) {
        assert_eq!(compare(x, y), want, "{x} {y}");
        assert_eq!(compare(y, x), want.reverse(), "{y} {x}");
    }

    #[test]
    fn order_of_go_versions() {
        use Ordering::{Equal, Less};
        check_order("", Equal, "");
        check_order("", Equal, "v1.2");
        check_order("x", Less, "0");
        check_order("1", Equal, "1.0.0");
        check_order("1.16", Less, "1.17");
        check_order("1.9", Less, "1.17");
        check_order("1.17", Equal, "1.17.0");
        check_order("1.17rc1", Less, "1.17");
        check_order("1.20", Equal, "1.20.0");
        check_order("1.21", Less, "1.21.0");
        check_order("1.21", Less, "1.21rc1");
        check_order("1.21beta2", Less, "1.21rc1");
        check_order("1.21rc9", Less, "1.21rc10");
        check_order("1.21rc2", Less, "1.21.0");
        check_order("1.21.3", Less, "1.21.10");
        check_order("1.99999999999999999998", Less, "1.99999999999999999999");
        check_order("1.17x", Equal, "1.17x");
        check_order("1.17.x", Less, "1.0");
        check_order("1.01", Less, "1.0");
    }

    #[track_caller]
    fn check_language(x: &str, want: &str) {
        assert_eq!(language(x), want);
        assert_eq!(is_valid(x), !want.is_empty());
    }

    #[test]
    fn language_drops_patch_and_pre_release() {
        check_language("1.24", "1.24");
        check_language("1.24rc1", "1.24");
        check_language("1.24.5", "1.24");
        check_language("1.999testmod", "1.999");
        check_language("1.0", "1");
        check_language("1", "1");
        check_language("2.0", "2.0");
        check_language("", "");
        check_language("go1.24", "");
        check_language("1.24.5rc1", "");
        check_language("1.600+auto", "");
        check_language("1.24-rc1", "");
    }
}
