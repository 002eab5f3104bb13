//! Which licences a module's files carry, and whether everyone may pass the module on: as Go's package site judges, with
//! the places that show it.
//!
//! A licence counts if its whole text stands in a file; names are filled in, slips and small edits are forgiven, but a
//! clause more or less, or a "not", makes another licence of it. The files at the module's root decide. Texts that the
//! package site's checker does not know (`BUSL-1.1`) are named here, and are no more redistributable for that.
//!
//! Source: golang.org/x/pkgsite, `internal/licenses`; the texts are those of the SPDX licence list.

mod accepted;
mod align;
mod lexicon;
mod library;
mod mentions;
mod notices;
mod scan;
mod template;
mod words;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use accepted::is_licence_file;
use accepted::{is_ignorable, is_redistributable};
use lexicon::Text;
use library::LIBRARY;
use scan::{Scan, scan};

/// The part of a file's words that must be text of licences. Source: pkgsite, coverageThreshold.
pub const COVERAGE_PERCENT_MIN: f64 = 75.0;
/// A larger licence file is not read. Source: golang.org/x/mod/zip, MaxLICENSE.
pub const LICENCE_BYTES_MAX: usize = 16 << 20;
/// Spans that are told of one file. The largest collection of licences seen in a module has some 500; coverage counts all.
pub const SPANS_MAX: usize = 1_000;
/// The name of what is no known licence. Source: pkgsite, unknownLicenseType.
pub const UNKNOWN: &str = "UNKNOWN";

/// A file of a module that may be a licence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceText {
    /// Its path inside the module, with `/`.
    pub path: String,
    /// Its bytes, whatever they are.
    pub text: Vec<u8>,
}

/// What a module's licence files come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LicenceVerdict {
    /// Whether everyone may pass the module on: some licence at the root allows it, and none there does not.
    pub redistributable: bool,
    /// The licences of the files at the root, in alphabetical order, each once.
    pub licences: Vec<String>,
    /// Every licence file that was given, in the order given.
    pub files: Vec<LicenceFile>,
    /// The reason, for a person.
    pub why: String,
}

/// What one licence file holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LicenceFile {
    /// Its path inside the module.
    pub path: String,
    /// Its licences in alphabetical order, by their SPDX identifiers; [`UNKNOWN`] alone if too little of it is covered.
    pub licences: Vec<String>,
    /// The part of its words that belong to licences.
    pub coverage_percent: f64,
    /// Where licences stand in it, in order, even if they cover too little; the first [`SPANS_MAX`].
    pub spans: Vec<Span>,
    /// The reason, for a person.
    pub why: String,
}

/// A licence at a place of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its SPDX identifier.
    pub licence: String,
    /// The first byte.
    pub start_byte: usize,
    /// The byte after the last one.
    pub end_byte: usize,
}

/// Judges a module by its licence files; files with other names are left out.
///
/// Linear in the bytes given: a usual file takes 0.1 ms, 16 MiB of nothing but licences a second or two. The first call
/// of a process makes the library of licences, 0.1 s and 5 MB; [`prepare`] does it earlier.
pub fn judge(files: &[LicenceText]) -> LicenceVerdict {
    let files: Vec<LicenceFile> = files
        .iter()
        .filter(|file| is_licence_file(&file.path))
        .map(|file| judge_file(&file.path, &file.text))
        .collect();
    let root = || files.iter().filter(|file| !file.path.contains('/'));
    let licences: BTreeSet<&String> = root().flat_map(|file| &file.licences).collect();
    let refused: Vec<&LicenceFile> = root()
        .filter(|file| list_refused(file).next().is_some())
        .collect();
    let allowing = licences.iter().any(|licence| is_redistributable(licence));
    let why = match (refused.first(), root().next(), allowing) {
        (Some(file), ..) => explain_refused(file),
        (None, None, _) => "no file at the root of the module has the name of a licence".to_owned(),
        (None, Some(_), false) => {
            "no licence at the root of the module is one that decides anything".to_owned()
        }
        (None, Some(_), true) => format!("redistributable under {}", join(licences.iter())),
    };
    LicenceVerdict {
        redistributable: refused.is_empty() && allowing,
        licences: licences.into_iter().cloned().collect(),
        why,
        files,
    }
}

/// Makes the library of licences, if it is not made yet.
pub fn prepare() {
    LazyLock::force(&LIBRARY);
}

fn judge_file(path: &str, bytes: &[u8]) -> LicenceFile {
    let mut file = LicenceFile {
        path: path.to_owned(),
        licences: vec![UNKNOWN.to_owned()],
        ..LicenceFile::default()
    };
    if bytes.len() > LICENCE_BYTES_MAX {
        file.why = format!(
            "of {} bytes: more than {LICENCE_BYTES_MAX} are not read",
            bytes.len()
        );
        return file;
    }
    let text = Text::read(&LIBRARY.lexicon, bytes);
    let scan = scan(&LIBRARY, &text);
    let covered: usize = scan.found.iter().map(|one| one.words.len()).sum();
    file.coverage_percent = percent(covered, text.ids.len());
    file.spans = scan
        .found
        .iter()
        .take(SPANS_MAX)
        .map(|one| {
            let bytes = text.span(&one.words);
            Span {
                licence: one.licence.to_owned(),
                start_byte: bytes.start,
                end_byte: bytes.end,
            }
        })
        .collect();
    let names: BTreeSet<&str> = scan.found.iter().map(|one| one.licence).collect();
    if !names.is_empty() && file.coverage_percent >= COVERAGE_PERCENT_MIN {
        file.licences = names.iter().map(|name| (*name).to_owned()).collect();
        file.why = format!(
            "{} in {:.1} % of its words",
            join(names.iter()),
            file.coverage_percent
        );
    } else {
        file.why = explain_unknown(&names, file.coverage_percent, &text, &scan);
    }
    file
}

fn percent(part: usize, whole: usize) -> f64 {
    // Words of a file of 16 MiB are far below what a float counts exactly.
    if whole == 0 {
        0.0
    } else {
        100.0 * part as f64 / whole as f64
    }
}

/// The licences of a file that do not allow everyone to pass it on.
fn list_refused(file: &LicenceFile) -> impl Iterator<Item = &String> {
    file.licences
        .iter()
        .filter(|licence| !is_redistributable(licence) && !is_ignorable(licence))
}

fn explain_refused(file: &LicenceFile) -> String {
    if file.licences == [UNKNOWN] {
        return format!("{} is no known licence: {}", file.path, file.why);
    }
    format!(
        "{} holds {}, which is not among the licences that allow redistribution",
        file.path,
        join(list_refused(file))
    )
}

fn explain_unknown(
    names: &BTreeSet<&str>,
    coverage_percent: f64,
    text: &Text<'_>,
    scan: &Scan,
) -> String {
    if text.ids.is_empty() {
        return "it has no words".to_owned();
    }
    let mut why = if names.is_empty() {
        "no known licence stands in it whole".to_owned()
    } else {
        format!(
            "{} is only {coverage_percent:.1} % of its words, {COVERAGE_PERCENT_MIN} % are needed",
            join(names.iter())
        )
    };
    if let Some(near) = scan.near.filter(|near| near.at < text.ids.len()) {
        let start = text.span(&(near.at..near.at + 1)).start;
        why.push_str(&format!(
            "; nearest is {}, which differs at byte {start}",
            near.licence
        ));
    }
    why
}

fn join(names: impl Iterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<_> = names.collect();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
