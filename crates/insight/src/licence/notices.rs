//! Short forms: the notices by which a file says under which licence it is, and clauses that come with a licence.
//!
//! A notice names a licence without giving its text. The longer ones are parts of the canonical texts, which say how they
//! are to be applied.

use std::ops::Range;

use super::lexicon::{Lexicon, WordId};
use super::template::{Template, find};

/// A notice that a canonical text proposes: it begins and ends with these words, of which the first must be there.
struct Proposed {
    licence: &'static str,
    core: &'static str,
    end: &'static str,
    /// Another wording of its first words, which files use as well.
    or: Option<&'static str>,
}

const PROPOSED: &[Proposed] = &[
    Proposed {
        licence: "Apache-2.0",
        core: "licensed under the apache license version 2 0",
        end: "limitations under the license",
        or: Some("licenses the file to you under the apache license version 2 0"),
    },
    Proposed {
        licence: "MPL-2.0",
        core: "the source code form is subject to the terms of the mozilla public license v 2 0",
        end: "one at http mozilla org mpl 2 0",
        or: None,
    },
];

/// The notice of the GNU licences, for a version and its like. What follows the first sentence is in all of them.
struct Gnu {
    /// The name without its ending.
    licence: &'static str,
    /// What stands before "General Public License".
    kind: &'static str,
    version: &'static str,
}

const GNU: &[Gnu] = &[
    Gnu {
        licence: "GPL-2.0",
        kind: "GNU",
        version: "2",
    },
    Gnu {
        licence: "GPL-3.0",
        kind: "GNU",
        version: "3",
    },
    Gnu {
        licence: "LGPL-2.1",
        kind: "GNU Lesser",
        version: "2.1",
    },
    Gnu {
        licence: "LGPL-3.0",
        kind: "GNU Lesser",
        version: "3",
    },
    Gnu {
        licence: "AGPL-3.0",
        kind: "GNU Affero",
        version: "3",
    },
];

/// A clause that is known by its first and its last words; what is between may be so many words.
struct KnownClause {
    /// Its name: that of the checker which Go's package site uses, since SPDX has none.
    licence: &'static str,
    first: &'static str,
    last: &'static str,
    /// The words from its first to its last.
    words_max: usize,
}

/// Clauses that change nothing about who may pass the files on, a choice of two licences, and the one clause that does.
const CLAUSES: &[KnownClause] = &[
    KnownClause {
        licence: "GooglePatentClause",
        first: "patent license to make have made use offer to sell sell import and otherwise transfer the implementation",
        last: "shall terminate as of the date such litigation is filed",
        words_max: 180,
    },
    KnownClause {
        licence: "GooglePatentsFile",
        first: "means the copyrightable works distributed by",
        last: "shall terminate as of the date such litigation is filed",
        words_max: 240,
    },
    KnownClause {
        licence: "CommonsClause",
        first: "the software is provided to you by the licensor under the license",
        last: "license condition notice",
        words_max: 160,
    },
    KnownClause {
        licence: "CC0-1.0",
        first: "the work is subject to the cc0 1 0 universal",
        last: "http creativecommons org publicdomain zero 1 0",
        words_max: 40,
    },
    KnownClause {
        licence: "MIT",
        first: "dual licensed under mit and aslv2",
        last: "permissive license stack",
        words_max: 14,
    },
    KnownClause {
        licence: "Freetype",
        first: "use of the freetype go software is subject to your choice of exactly one",
        last: "http freetype sourceforge net license html",
        words_max: 90,
    },
];

/// A clause by the numbers of its words.
pub struct Clause {
    /// Its name.
    pub licence: &'static str,
    first: Vec<WordId>,
    last: Vec<WordId>,
    words_max: usize,
}

impl Clause {
    /// All that are known.
    pub fn list(lexicon: &mut Lexicon) -> Vec<Self> {
        CLAUSES
            .iter()
            .map(|clause| Self {
                licence: clause.licence,
                first: lexicon.learn_phrase(clause.first),
                last: lexicon.learn_phrase(clause.last),
                words_max: clause.words_max,
            })
            .collect()
    }

    /// Its words in `words`, at or after `from`.
    pub fn find(&self, words: &[WordId], from: usize) -> Option<Range<usize>> {
        let mut at = from;
        loop {
            let start = find(words, &self.first, at)?;
            let window = words.len().min(start + self.words_max);
            if let Some(last) = find(&words[..window], &self.last, start) {
                return Some(start..last + self.last.len());
            }
            at = start + 1;
        }
    }
}

/// Makes the patterns of all notices, from the patterns of the licences that propose them.
pub fn make(templates: &[Template], lexicon: &mut Lexicon) -> Vec<Template> {
    let mut notices = Vec::new();
    for notice in PROPOSED {
        let core = lexicon.learn_phrase(notice.core);
        let end = lexicon.learn_phrase(notice.end);
        let Some(whole) = templates.iter().find(|t| t.licence == notice.licence) else {
            continue;
        };
        if let Some(start) = find(&whole.words, &core, 0)
            && let Some(last) = find(&whole.words, &end, start)
        {
            let rest = &whole.words[start + core.len()..last + end.len()];
            let or = notice.or.map(|or| lexicon.learn_phrase(or));
            for first in or.into_iter().chain([core]) {
                let words = [&first, rest].concat();
                notices.push(Template::new(
                    notice.licence,
                    words,
                    0..first.len(),
                    Vec::new(),
                ));
            }
        }
    }
    for gnu in GNU {
        for (ending, choice) in [
            (
                "-or-later",
                "either version {} of the License, or (at your option) any later version",
            ),
            ("-or-later", "version {} or later"),
            ("-only", "version {} of the License"),
            ("-only", "version {}"),
        ] {
            let version = choice.replace("{}", gnu.version);
            let text = format!(
                "free software: you can redistribute it and/or modify it under the terms of the {} General Public \
                 License as published by the Free Software Foundation, {version}.",
                gnu.kind
            );
            let mut words = lexicon.learn_phrase(&text);
            let core = 0..words.len();
            words.extend(lexicon.learn_phrase(&format!("{GNU_TAIL} {} {GNU_END}", gnu.kind)));
            let licence = name(gnu.licence, ending);
            notices.push(Template::new(licence, words, core, Vec::new()));
        }
    }
    notices
}

const GNU_TAIL: &str = "This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; \
     without even the implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the";
const GNU_END: &str = "General Public License for more details.";

/// The name as a constant: the list has them all.
fn name(licence: &str, ending: &str) -> &'static str {
    let name = format!("{licence}{ending}");
    spdx::license_id(&name).map_or("GPL-3.0-or-later", |id| id.name)
}
