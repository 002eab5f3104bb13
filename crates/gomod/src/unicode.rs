//! What Go's `unicode` package says of a character: is it a letter, can it be printed.
//!
//! Not here: case folding, which only module zips need.

use unicode_general_category::{GeneralCategory, get_general_category};

/// Characters that the category tables linked here know and those of Go 1.26 (Unicode 15.0) do not.
///
/// Go refuses a module that holds a file name with one of them, so they must be refused here too: a newer
/// table would build modules that the `go` command cannot read. To be emptied as Go moves on; the ranges
/// were found by comparing the two tables over all of Unicode.
const YOUNGER_THAN_GO: &[(char, char)] = &[
    ('\u{897}', '\u{897}'),
    ('\u{1b4e}', '\u{1b4f}'),
    ('\u{1b7f}', '\u{1b7f}'),
    ('\u{1c89}', '\u{1c8a}'),
    ('\u{2427}', '\u{2429}'),
    ('\u{2ffc}', '\u{2fff}'),
    ('\u{31e4}', '\u{31e5}'),
    ('\u{31ef}', '\u{31ef}'),
    ('\u{a7cb}', '\u{a7cd}'),
    ('\u{a7da}', '\u{a7dc}'),
    ('\u{105c0}', '\u{105f3}'),
    ('\u{10d40}', '\u{10d65}'),
    ('\u{10d69}', '\u{10d85}'),
    ('\u{10d8e}', '\u{10d8f}'),
    ('\u{10ec2}', '\u{10ec4}'),
    ('\u{10efc}', '\u{10efc}'),
    ('\u{11380}', '\u{11389}'),
    ('\u{1138b}', '\u{1138b}'),
    ('\u{1138e}', '\u{1138e}'),
    ('\u{11390}', '\u{113b5}'),
    ('\u{113b7}', '\u{113c0}'),
    ('\u{113c2}', '\u{113c2}'),
    ('\u{113c5}', '\u{113c5}'),
    ('\u{113c7}', '\u{113ca}'),
    ('\u{113cc}', '\u{113d5}'),
    ('\u{113d7}', '\u{113d8}'),
    ('\u{113e1}', '\u{113e2}'),
    ('\u{116d0}', '\u{116e3}'),
    ('\u{11bc0}', '\u{11be1}'),
    ('\u{11bf0}', '\u{11bf9}'),
    ('\u{11f5a}', '\u{11f5a}'),
    ('\u{13460}', '\u{143fa}'),
    ('\u{16100}', '\u{16139}'),
    ('\u{16d40}', '\u{16d79}'),
    ('\u{18cff}', '\u{18cff}'),
    ('\u{1cc00}', '\u{1ccf9}'),
    ('\u{1cd00}', '\u{1ceb3}'),
    ('\u{1e5d0}', '\u{1e5fa}'),
    ('\u{1e5ff}', '\u{1e5ff}'),
    ('\u{1f8b2}', '\u{1f8bb}'),
    ('\u{1f8c0}', '\u{1f8c1}'),
    ('\u{1fa89}', '\u{1fa89}'),
    ('\u{1fa8f}', '\u{1fa8f}'),
    ('\u{1fabe}', '\u{1fabe}'),
    ('\u{1fac6}', '\u{1fac6}'),
    ('\u{1fadc}', '\u{1fadc}'),
    ('\u{1fadf}', '\u{1fadf}'),
    ('\u{1fae9}', '\u{1fae9}'),
    ('\u{1fbcb}', '\u{1fbef}'),
    ('\u{2ebf0}', '\u{2ee5d}'),
];

/// Is `c` a letter (category L) of Unicode 15.0, the one that Go 1.26 knows.
///
/// Source: Go, `unicode.IsLetter`.
pub fn is_letter(c: char) -> bool {
    use GeneralCategory::{
        LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter, UppercaseLetter,
    };
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    matches!(
        get_general_category(c),
        UppercaseLetter | LowercaseLetter | TitlecaseLetter | ModifierLetter | OtherLetter
    ) && !is_younger_than_go(c)
}

/// Can `c` be printed: a letter, mark, number, punctuation or symbol of Unicode 15.0, or the ASCII space.
///
/// Source: Go, `unicode.IsPrint`.
pub fn is_printable(c: char) -> bool {
    use GeneralCategory::{
        Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, SpaceSeparator, Surrogate,
        Unassigned,
    };
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    !matches!(
        get_general_category(c),
        Control
            | Format
            | LineSeparator
            | ParagraphSeparator
            | PrivateUse
            | SpaceSeparator
            | Surrogate
            | Unassigned
    ) && !is_younger_than_go(c)
}

fn is_younger_than_go(c: char) -> bool {
    let after = YOUNGER_THAN_GO.partition_point(|&(first, _)| first <= c);
    after > 0 && c <= YOUNGER_THAN_GO[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_letter(c: char, want: bool) {
        assert_eq!(is_letter(c), want, "letter {c:?}");
    }

    #[track_caller]
    fn check_printable(c: char, want: bool) {
        assert_eq!(is_printable(c), want, "printable {c:?}");
    }

    #[test]
    fn letters_are_category_l() {
        check_letter('a', true);
        check_letter('Z', true);
        check_letter('é', true);
        check_letter('ſ', true);
        check_letter('ʰ', true);
        check_letter('ǅ', true);
        check_letter('世', true);
        check_letter('1', false);
        check_letter('_', false);
        check_letter('\u{301}', false); // combining mark
        check_letter('٣', false); // digit of another script
        check_letter('Ⅷ', false); // letter-like number
        check_letter('😀', false);
    }

    #[test]
    fn characters_younger_than_go_do_not_count() {
        check_letter('\u{1c88}', true);
        check_letter('\u{1c89}', false); // Unicode 16
        check_letter('\u{2ebef}', false); // never assigned
        check_letter('\u{2ebf0}', false); // Unicode 15.1
        check_letter('\u{2ee5d}', false);
        check_printable('\u{1fae8}', true); // Unicode 15
        check_printable('\u{1fae9}', false); // Unicode 16
        check_printable('\u{2ee5d}', false);
    }

    #[test]
    fn only_the_ascii_space_is_a_printable_space() {
        check_printable(' ', true);
        check_printable('~', true);
        check_printable('\u{7f}', false);
        check_printable('\t', false);
        check_printable('\n', false);
        check_printable('\u{a0}', false);
        check_printable('\u{ad}', false); // soft hyphen
        check_printable('\u{200b}', false);
        check_printable('\u{2028}', false);
        check_printable('\u{feff}', false);
        check_printable('\u{e000}', false); // private use
        check_printable('\u{301}', true);
        check_printable('\u{fffd}', true);
    }

    #[test]
    fn the_ranges_are_sorted_and_apart() {
        for pair in YOUNGER_THAN_GO.windows(2) {
            assert!(pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0, "{pair:?}");
        }
    }
}
