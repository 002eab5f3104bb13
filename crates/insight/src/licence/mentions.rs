//! Licences that a text names by an address or a tag, without giving their text.

use std::ops::Range;

use super::lexicon::{Lexicon, Text};

/// The words at which a mention begins.
pub fn learn_words(lexicon: &mut Lexicon) {
    lexicon.learn_phrase("http spdx copyright");
}

/// A licence that is named.
#[derive(Debug, PartialEq, Eq)]
pub struct Mention {
    /// The licence.
    pub licence: &'static str,
    /// The words that name it.
    pub words: Range<usize>,
}

/// An address is looked at so far.
const ADDRESS_BYTES_MAX: usize = 160;
/// A tag ends with its line, or here.
const TAG_BYTES_MAX: usize = 300;
/// Words of one mention at most.
const MENTION_WORDS_MAX: usize = 60;

/// Addresses of licences without `http://`, `www.` and their ending, and the licences.
const ADDRESSES: &[(&str, &str)] = &[
    ("apache.org/licenses/license-2.0", "Apache-2.0"),
    ("apache.org/licenses/license-1.1", "Apache-1.1"),
    ("mozilla.org/mpl/2.0", "MPL-2.0"),
    ("mozilla.org/en-us/mpl/2.0", "MPL-2.0"),
    ("mozilla.org/mpl/1.1", "MPL-1.1"),
    ("gnu.org/licenses/gpl-2.0", "GPL-2.0"),
    ("gnu.org/licenses/gpl-3.0", "GPL-3.0"),
    ("gnu.org/licenses/lgpl-2.1", "LGPL-2.1"),
    ("gnu.org/licenses/lgpl-3.0", "LGPL-3.0"),
    ("gnu.org/licenses/agpl-3.0", "AGPL-3.0"),
    ("eclipse.org/legal/epl-v10", "EPL-1.0"),
    ("eclipse.org/legal/epl-2.0", "EPL-2.0"),
    ("eclipse.org/legal/epl-v20", "EPL-2.0"),
    ("boost.org/license_1_0", "BSL-1.0"),
    ("creativecommons.org/publicdomain/zero/1.0", "CC0-1.0"),
    ("creativecommons.org/licenses/by/3.0", "CC-BY-3.0"),
    ("creativecommons.org/licenses/by/4.0", "CC-BY-4.0"),
    ("creativecommons.org/licenses/by-sa/3.0", "CC-BY-SA-3.0"),
    ("creativecommons.org/licenses/by-sa/4.0", "CC-BY-SA-4.0"),
    ("creativecommons.org/licenses/by-nc/3.0", "CC-BY-NC-3.0"),
    ("creativecommons.org/licenses/by-nc/4.0", "CC-BY-NC-4.0"),
    (
        "creativecommons.org/licenses/by-nc-sa/3.0",
        "CC-BY-NC-SA-3.0",
    ),
    (
        "creativecommons.org/licenses/by-nc-sa/4.0",
        "CC-BY-NC-SA-4.0",
    ),
    (
        "creativecommons.org/licenses/by-nc-nd/4.0",
        "CC-BY-NC-ND-4.0",
    ),
    ("creativecommons.org/licenses/by-nd/4.0", "CC-BY-ND-4.0"),
    ("opensource.org/licenses/mit-license", "MIT"),
    ("opensource.org/licenses/bsd-license", "BSD-2-Clause"),
    ("opensource.org/licenses/isc-license", "ISC"),
];

/// The folders in which two sites keep licences by their SPDX identifiers.
const FOLDERS: &[&str] = &[
    "opensource.org/licenses/",
    "opensource.org/license/",
    "spdx.org/licenses/",
];

/// The licences that are named by the words `at` and after it, before the word `end`.
pub fn find(lexicon: &Lexicon, text: &Text<'_>, at: usize, end: usize) -> Vec<Mention> {
    match lexicon.word(text.ids[at]) {
        "http" => find_address(text, at, end).into_iter().collect(),
        "spdx" => find_tag(text, at, end),
        _ => Vec::new(),
    }
}

fn find_address(text: &Text<'_>, at: usize, end: usize) -> Option<Mention> {
    let start = text.span(&(at..at + 1)).start;
    let rest = &text.bytes()[start..text.bytes().len().min(start + ADDRESS_BYTES_MAX)];
    let length = rest
        .iter()
        .position(|b| !(b.is_ascii_alphanumeric() || b"-_./:#?=".contains(b)))
        .unwrap_or(rest.len());
    let address = std::str::from_utf8(&rest[..length]).ok()?;
    let licence = licence_at(address)?;
    let mut last = at + 1;
    while last < end
        && last - at < MENTION_WORDS_MAX
        && text.span(&(last..last + 1)).end <= start + length
    {
        last += 1;
    }
    Some(Mention {
        licence,
        words: at..last,
    })
}

/// The licence that has this address.
fn licence_at(address: &str) -> Option<&'static str> {
    let lower = address.to_ascii_lowercase();
    let rest = lower.strip_prefix("http")?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix("://")?;
    let mut rest = rest.strip_prefix("www.").unwrap_or(rest);
    for ending in [
        "/",
        ".",
        "/legalcode",
        ".html",
        ".txt",
        ".php",
        ".json",
        "/",
    ] {
        rest = rest.strip_suffix(ending).unwrap_or(rest);
    }
    let known = |address: &str| ADDRESSES.iter().find(|(known, _)| *known == address);
    if let Some((_, licence)) = known(rest).or_else(|| known(rest.rsplit_once('/')?.0)) {
        return Some(licence);
    }
    let name = FOLDERS
        .iter()
        .find_map(|folder| rest.strip_prefix(folder))?;
    find_licence(name)
}

/// The licence with this identifier, in any case.
fn find_licence(name: &str) -> Option<&'static str> {
    let exact = spdx::license_id(name).map(|id| id.name);
    exact.or_else(|| {
        let mut list = spdx::identifiers::LICENSES
            .iter()
            .map(|licence| licence.name);
        list.find(|known| known.eq_ignore_ascii_case(name))
    })
}

/// `SPDX-License-Identifier: MIT OR Apache-2.0`: every licence of the expression, the last with the words up to its end.
fn find_tag(text: &Text<'_>, at: usize, end: usize) -> Vec<Mention> {
    const TAG: &[u8] = b"spdx-license-identifier:";
    let start = text.span(&(at..at + 1)).start;
    let rest = &text.bytes()[start..text.bytes().len().min(start + TAG_BYTES_MAX)];
    if !rest
        .get(..TAG.len())
        .is_some_and(|tag| tag.eq_ignore_ascii_case(TAG))
    {
        return Vec::new();
    }
    let line = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    let mut mentions = Vec::new();
    let (mut first, mut begin) = (at, TAG.len());
    while begin < line {
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"-.+".contains(b);
        let length = rest[begin..line]
            .iter()
            .position(|b| !is_name(b))
            .unwrap_or(line - begin);
        let stop = begin + length.max(1);
        let name = std::str::from_utf8(&rest[begin..begin + length]).unwrap_or_default();
        begin = stop;
        let Some(licence) = find_licence(name.trim_end_matches('.')) else {
            continue;
        };
        let mut last = first;
        while last < end
            && last - at < MENTION_WORDS_MAX
            && text.span(&(last..last + 1)).end <= start + stop
        {
            last += 1;
        }
        mentions.push(Mention {
            licence,
            words: first..last,
        });
        first = last;
    }
    mentions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_licences_are_known() {
        for (address, want) in [
            (
                "http://www.apache.org/licenses/LICENSE-2.0",
                Some("Apache-2.0"),
            ),
            (
                "https://www.apache.org/licenses/LICENSE-2.0.txt",
                Some("Apache-2.0"),
            ),
            ("https://opensource.org/licenses/MIT", Some("MIT")),
            (
                "https://opensource.org/licenses/BSD-3-Clause/",
                Some("BSD-3-Clause"),
            ),
            ("https://spdx.org/licenses/0BSD.html", Some("0BSD")),
            (
                "https://creativecommons.org/licenses/by/3.0/us/",
                Some("CC-BY-3.0"),
            ),
            (
                "https://creativecommons.org/licenses/by/4.0/legalcode.",
                Some("CC-BY-4.0"),
            ),
            ("http://mozilla.org/MPL/2.0/.", Some("MPL-2.0")),
            ("https://example.org/licenses/MIT", None),
            ("https://opensource.org/licenses/", None),
            ("https://", None),
        ] {
            assert_eq!(licence_at(address), want, "{address}");
        }
    }

    fn list(text: &str) -> Vec<(&'static str, Range<usize>)> {
        let mut lexicon = Lexicon::new();
        learn_words(&mut lexicon);
        let text = Text::read(&lexicon, text.as_bytes());
        (0..text.ids.len())
            .flat_map(|at| find(&lexicon, &text, at, text.ids.len()))
            .map(|m| (m.licence, m.words))
            .collect()
    }

    #[test]
    fn tags_name_every_licence_of_their_expression() {
        assert_eq!(list("SPDX-License-Identifier: MIT"), [("MIT", 0..4)]);
        assert_eq!(
            list("// SPDX-License-Identifier: (MIT OR Apache-2.0)\nmore"),
            [("MIT", 0..4), ("Apache-2.0", 4..8)]
        );
        assert_eq!(list("SPDX-License-Identifier: unheard-of"), []);
        assert_eq!(list("SPDX License Identifier: MIT"), []);
        assert_eq!(
            list("see https://opensource.org/licenses/MIT now"),
            [("MIT", 1..6)]
        );
        assert_eq!(list("spdx http"), []);
    }
}
