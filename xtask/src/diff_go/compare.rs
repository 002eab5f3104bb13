//! Whether two answers are the same, by what `go` promises to its users; and if not, in what they differ.

use super::answer::{Answer, Files, Refusal};
use super::zips;

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Granary answers as `go` does.
    Same,
    /// A part was not compared, for a reason that is known.
    Skipped(&'static str),
    /// Every way in which they differ.
    Different(Vec<String>),
}

/// A module that asks for a newer Go than the one at hand is not zipped by `go`; a server serves it all the same.
const TOO_NEW: &str = "go does not zip what asks for a newer Go";
/// A client does not ask for `/@latest` there.
const FROM_THE_LIST: &str = "the newest is taken from the list";
/// `go mod download` refuses such a version as a whole, but only once it makes the zip; Granary refuses it at once.
const GO_MOD_TOO_LARGE: &str = "go makes no module of a go.mod over 16 MiB either";
/// The largest go.mod that a module may have, in bytes.
const GO_MOD_BYTES_MAX: usize = 16 << 20;
/// What `go` says where what there is may not be chosen.
const NONE_ALLOWED: &str = "no matching versions for query \"latest\"";
/// What `go` says of versions and modules that are not there. A server has to say 404 or 410 then.
const NOT_FOUND: &[&str] = &[
    "unknown revision",
    "no matching versions",
    "no matching commits",
    "not found",
    "no commits",
    "missing",
    "does not contain",
];

/// Compares Granary's answer with that of `go`.
pub fn compare(granary: &Answer, go: &Answer) -> Verdict {
    let mut differences = Vec::new();
    let mut skipped = None;
    match (granary, go) {
        (Answer::List(ours), Answer::List(theirs)) => compare_lists(ours, theirs, &mut differences),
        (Answer::Version(ours), Answer::Version(theirs)) => {
            skipped = compare_files(ours, theirs, &mut differences);
        }
        _ => differences.push("the two sides were asked different things".to_owned()),
    }
    match skipped {
        _ if !differences.is_empty() => Verdict::Different(differences),
        Some(reason) => Verdict::Skipped(reason),
        None => Verdict::Same,
    }
}

fn compare_lists(
    ours: &Result<Vec<String>, Refusal>,
    theirs: &Result<Vec<String>, Refusal>,
    differences: &mut Vec<String>,
) {
    // Of a path without any version `go` says that the list is empty; that there is no such module says the same.
    let empty = theirs.as_ref().is_ok_and(Vec::is_empty);
    if empty && ours.as_ref().is_err_and(is_absent) {
        return;
    }
    if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
        let missing: Vec<&String> = theirs.iter().filter(|v| !ours.contains(v)).collect();
        let added: Vec<&String> = ours.iter().filter(|v| !theirs.contains(v)).collect();
        if !missing.is_empty() {
            differences.push(format!("list: Granary lacks {missing:?}"));
        }
        if !added.is_empty() {
            differences.push(format!("list: only Granary has {added:?}"));
        }
        return;
    }
    compare_outcomes("list", ours, theirs, differences);
}

fn compare_files(
    ours: &Files,
    theirs: &Files,
    differences: &mut Vec<String>,
) -> Option<&'static str> {
    if ours.info.as_ref().is_err_and(is_absent) && is_go_mod_too_large(theirs) {
        return Some(GO_MOD_TOO_LARGE);
    }
    if !compare_outcomes("info", &ours.info, &theirs.info, differences) {
        // What `go` refuses must not be had by its files either. Where Granary refuses, nothing more can differ.
        if let Err(go) = &theirs.info {
            let go = go.text.trim();
            for (what, answers) in [("mod", ours.go_mod.is_ok()), ("zip", ours.zip.is_ok())] {
                if answers {
                    differences.push(format!("{what}: Granary answers, go says: {go}"));
                }
            }
        }
        return None;
    }
    if let (Ok(a), Ok(b)) = (&ours.info, &theirs.info)
        && a != b
    {
        differences.push(format!("info: Granary says {a}, go says {b}"));
        return None; // files of different versions differ; that says nothing more
    }
    if compare_outcomes("mod", &ours.go_mod, &theirs.go_mod, differences)
        && let (Ok(a), Ok(b)) = (&ours.go_mod, &theirs.go_mod)
        && a != b
    {
        differences.push(format!("mod: {}", zips::describe_bytes(a, b)));
    }
    let too_new = |refusal: &Refusal| refusal.text.contains("requires go >= ");
    if theirs.zip.as_ref().is_err_and(too_new) {
        return Some(TOO_NEW);
    }
    if compare_outcomes("zip", &ours.zip, &theirs.zip, differences)
        && let (Ok(a), Ok(b)) = (&ours.zip, &theirs.zip)
        && a.h1 != b.h1
    {
        let what = zips::describe_difference(&a.bytes, &b.bytes);
        let what = what.unwrap_or_else(|e| format!("{e:#}"));
        differences.push(format!("zip: Granary {}, go {}\n    {what}", a.h1, b.h1));
    }
    None
}

/// Whether `go` itself refuses to make a module of this, because of a go.mod over the limit.
fn is_go_mod_too_large(go: &Files) -> bool {
    let is_over = |text: &Vec<u8>| text.len() > GO_MOD_BYTES_MAX;
    let says_so = |refusal: &Refusal| refusal.text.contains("go.mod file too large");
    go.go_mod.as_ref().is_ok_and(is_over) && go.zip.as_ref().is_err_and(says_so)
}

/// Compares the answers to `latest`, given the list that `go` has of the module.
///
/// A client takes the newest of the list by itself and asks for `/@latest` only where that gives none. So a refusal is
/// compared only where `go` itself had to look at the repository's HEAD.
pub fn compare_latest(granary: &Answer, go: &Answer, list: &[String]) -> Verdict {
    let from_the_list = match go {
        Answer::Version(files) => match &files.info {
            // Granary chooses from the list as a client does.
            Ok(_) => false,
            // It is the client, too, that finds the one version of HEAD retracted.
            Err(refusal) => !list.is_empty() || refusal.text.contains(NONE_ALLOWED),
        },
        Answer::List(_) => false,
    };
    if from_the_list {
        return Verdict::Skipped(FROM_THE_LIST);
    }
    compare(granary, go)
}

/// Compares whether there is an answer, and with which status there is none. True where both have one.
fn compare_outcomes<T: std::fmt::Debug>(
    what: &str,
    ours: &Result<T, Refusal>,
    theirs: &Result<T, Refusal>,
    differences: &mut Vec<String>,
) -> bool {
    let say_go = |r: &Refusal| format!("{what}: Granary answers, go says: {}", r.text.trim());
    match (ours, theirs) {
        (Ok(_), Ok(_)) => return true,
        (Ok(_), Err(go)) => differences.push(say_go(go)),
        (Err(r), Ok(_)) => differences.push(format!("{what}: go answers, Granary says: {r}")),
        (Err(r), Err(go)) if r.status == Some(200) => differences.push(say_go(go)),
        (Err(r), Err(go)) => {
            let not_found = NOT_FOUND.iter().any(|words| go.text.contains(words));
            let fine = match r.status {
                None => true, // cannot be asked over HTTP
                Some(status) if not_found => [404, 410].contains(&status),
                Some(status) => (400..500).contains(&status),
            };
            if !fine {
                let go = go.text.trim();
                differences.push(format!("{what}: Granary refuses with {r}, go says: {go}"));
            }
        }
    }
    false
}

fn is_absent(refusal: &Refusal) -> bool {
    matches!(refusal.status, Some(404 | 410))
}

#[cfg(test)]
mod tests;
