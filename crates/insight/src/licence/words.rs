//! A text as words, folded so that two prints of one licence give the same words.
//!
//! The folding follows the matching guidelines of the SPDX licence list: case, punctuation, quotes, dashes and white
//! space do not count, `(c)` and `©` are the word "copyright", `http` and `https` are one word, spellings that the
//! guidelines name are one word. Markup that only decorates a text (tags, entities, targets of links) is left out.

/// Words are compared by their first bytes only, so that a file without a space cannot make one huge word.
const KEY_BYTES_MAX: usize = 48;
/// A tag, entity or link target that is longer is text: looking further would make hostile files slow.
const MARKUP_BYTES_MAX: usize = 256;

/// What stands at a place of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A word, folded.
    Word(&'a str),
    /// Something between `<` and `>`, left out: markup in a file, a name to be filled in in a canonical text.
    Tag,
    /// `[`
    Open,
    /// `]`
    Close,
    /// The end of a line.
    Line,
}

/// Reads `text` piece by piece, each with the bytes where it starts and ends. One pass; what is not UTF-8 separates words.
pub fn read(text: &[u8], mut each: impl FnMut(Piece<'_>, usize, usize)) {
    let mut key = String::with_capacity(KEY_BYTES_MAX + 4);
    let mut at = 0;
    let mut after_copyright = false;
    while at < text.len() {
        let Some((first, _)) = decode(&text[at..]) else {
            at += 1;
            continue;
        };
        if !is_word(first) {
            at = read_mark(text, at, first, &mut each);
            continue;
        }
        let mut start = at;
        let mut end = read_key(text, at, &mut key);
        if key == "c" && start > 0 && text[start - 1] == b'(' && text.get(end) == Some(&b')') {
            key.replace_range(.., "copyright");
            start -= 1;
            end += 1;
        } else if text[end..].starts_with(b"(s)") {
            key.push('s'); // "notice(s)" is "notices"
            end += 3;
        }
        at = end;
        let word = canonical(&key);
        // "Copyright (c)" is one word: each of the two alone says the same.
        if word != "copyright" || !after_copyright {
            each(Piece::Word(word), start, end);
        }
        after_copyright = word == "copyright";
    }
}

/// Reads the word at `at` into `key` and gives the byte after it.
fn read_key(text: &[u8], at: usize, key: &mut String) -> usize {
    key.clear();
    let mut end = at;
    while let Some((letter, size)) = text.get(end..).and_then(decode) {
        if letter == '©' && end > at {
            break;
        }
        if is_word(letter) {
            if letter == '©' {
                key.push_str("copyright");
                return end + size;
            }
            if key.len() < KEY_BYTES_MAX {
                fold(letter, key);
            }
        } else if !is_accent(letter) {
            break;
        }
        end += size;
    }
    end
}

/// Steps over what is no word, and reports what a reader may want to know of it.
fn read_mark(
    text: &[u8],
    at: usize,
    first: char,
    each: &mut impl FnMut(Piece<'_>, usize, usize),
) -> usize {
    let piece = match first {
        '<' => {
            if let Some(end) = find_tag_end(text, at) {
                each(Piece::Tag, at, end);
                return end;
            }
            return at + 1;
        }
        '&' => return find_entity_end(text, at).unwrap_or(at + 1),
        ']' => {
            each(Piece::Close, at, at + 1);
            return find_target_end(text, at).unwrap_or(at + 1);
        }
        '[' => Piece::Open,
        '\n' => Piece::Line,
        _ => return at + first.len_utf8(),
    };
    each(piece, at, at + 1);
    at + 1
}

/// The first character of `bytes`, and its length; none where they are not UTF-8.
fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    let size = match first {
        0..0x80 => return Some((char::from(first), 1)),
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let text = std::str::from_utf8(bytes.get(..size)?).ok()?;
    Some((text.chars().next()?, size))
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || (!letter.is_ascii() && (letter.is_alphanumeric() || letter == '©'))
}

/// Accents that follow their letter do not end a word.
fn is_accent(letter: char) -> bool {
    ('\u{300}'..='\u{36F}').contains(&letter)
}

fn fold(letter: char, key: &mut String) {
    if letter.is_ascii() {
        key.push(letter.to_ascii_lowercase());
        return;
    }
    for lower in letter.to_lowercase() {
        key.push(match lower {
            'à'..='å' => 'a',
            'ç' => 'c',
            'è'..='ë' => 'e',
            'ì'..='ï' => 'i',
            'ñ' => 'n',
            'ò'..='ö' => 'o',
            'ù'..='ü' => 'u',
            other => other,
        });
    }
}

/// The one form of words that licences use for each other, with no change of meaning.
fn canonical(word: &str) -> &str {
    match word {
        "https" => "http",
        "licence" => "license",
        "licences" => "licenses",
        "licenced" => "licensed",
        "acknowledgement" => "acknowledgment",
        "merchantibility" | "merchantablity" => "merchantability",
        "redistributions" => "redistribution",
        "copies" => "copy",
        "are" => "is",
        "them" | "they" => "it",
        "these" | "this" | "those" => "the",
        "must" => "shall",
        _ => word,
    }
}

/// The end of a tag such as `<p>` or `</a>`; an address such as `<me@example.com>` is none.
fn find_tag_end(text: &[u8], at: usize) -> Option<usize> {
    let after = text.get(at + 1)?;
    if !(after.is_ascii_alphabetic() || *after == b'/') {
        return None;
    }
    let window = &text[at + 1..text.len().min(at + MARKUP_BYTES_MAX)];
    let mut spaced = false;
    for (i, byte) in window.iter().enumerate() {
        match byte {
            b'>' => return Some(at + 1 + i + 1),
            b'<' => return None,
            b'@' | b':' if !spaced => return None,
            b' ' => spaced = true,
            _ => {}
        }
    }
    None
}

/// The end of an entity such as `&quot;`.
fn find_entity_end(text: &[u8], at: usize) -> Option<usize> {
    let window = &text[at + 1..text.len().min(at + 12)];
    let end = window.iter().position(|b| *b == b';')?;
    let name = &window[..end];
    let is_name = !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'#');
    is_name.then_some(at + 1 + end + 1)
}

/// The end of the target of a link, `](http://…)`.
fn find_target_end(text: &[u8], at: usize) -> Option<usize> {
    let rest = text[at + 1..].strip_prefix(b"(")?;
    let known: [&[u8]; 5] = [b"http://", b"https://", b"mailto:", b"file:", b"#"];
    if !known.iter().any(|prefix| rest.starts_with(prefix)) {
        return None;
    }
    let window = &rest[..rest.len().min(MARKUP_BYTES_MAX)];
    let end = window
        .iter()
        .position(|b| *b == b')' || b.is_ascii_whitespace())?;
    (window[end] == b')').then_some(at + 2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &[u8]) -> Vec<String> {
        let mut words = Vec::new();
        read(text, |piece, start, end| {
            assert!(start < end && end <= text.len());
            if let Piece::Word(word) = piece {
                words.push(word.to_owned());
            }
        });
        words
    }

    #[track_caller]
    fn check_words(text: &str, want: &str) {
        assert_eq!(list(text.as_bytes()).join(" "), want);
    }

    #[test]
    fn prints_of_one_text_give_the_same_words() {
        check_words("\u{201C}AS IS\u{201D} -- 'as-is'", "as is as is");
        check_words("Copyright (c) 2016", "copyright 2016");
        check_words("Copyright © 2016", "copyright 2016");
        check_words("©2016", "copyright 2016");
        check_words("(C) 2016, (d)", "copyright 2016 d");
        check_words("the notice(s)", "the notices");
        check_words("https://example.org/", "http example org");
        check_words("this Licence", "the license");
        check_words("l'Énergie Que\u{301}bec", "l energie quebec");
    }

    #[test]
    fn markup_is_no_text() {
        check_words("<p>one</p> two", "one two");
        check_words("<me@example.com> <http://x>", "me example com http x");
        check_words("[MIT](http://example.org/mit) done", "mit done");
        check_words("&quot;one&quot; AT&T", "one at t");
        check_words("a < b > c", "a b c");
        check_words(
            &format!("<a{} b>", "a".repeat(300)),
            &format!("a{} b", "a".repeat(47)),
        );
    }

    #[test]
    fn what_is_not_utf8_separates() {
        assert_eq!(list(b"one\xFFtwo\xC3"), ["one", "two"]);
        assert_eq!(list(b"\xE2\x82one \xF4\x90\x80\x80two"), ["one", "two"]);
        assert!(list(b"").is_empty());
        assert!(list(b"<[]&(").is_empty());
    }
}
