//! Which functions a rule may call: what the language brings, less everything that reaches outside or answers differently
//! each time, plus Granary's own.

use std::str::FromStr;

use gomod::private::PrivatePatterns;
use regorus::unstable::BUILTINS;
use regorus::{Engine, Value};

/// Granary's function: `granary.find_pattern(patterns, module, version)` gives the first of the patterns that matches.
pub(super) const FIND_PATTERN: &str = "granary.find_pattern";

/// Functions of the language that no rule may call, known to this build or not, with the reason.
const FORBIDDEN: &[(&str, &str)] = &[
    ("http.send", OUTSIDE),
    ("net.lookup_ip_addr", OUTSIDE),
    ("opa.runtime", OUTSIDE),
    ("rego.metadata.chain", OUTSIDE),
    ("rego.metadata.rule", OUTSIDE),
    (
        "time.now_ns",
        "a verdict must be the same whenever it is made again: the moment of judging is input.now_seconds",
    ),
    ("rand.intn", CHANCE),
    ("uuid.rfc4122", CHANCE),
];
const OUTSIDE: &str = "a rule knows the facts and its data, and reaches nothing else";
const CHANCE: &str = "a verdict must be the same whenever it is made again";

/// Why a function that is none of the policies' own may not be called; none if it may.
pub(super) fn refuse(name: &str) -> Option<String> {
    if let Some((_, why)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
        return Some(format!("{name} is forbidden: {why}"));
    }
    if name == FIND_PATTERN || name == "print" || BUILTINS.contains_key(name) {
        return None;
    }
    if name.starts_with("time.") {
        return Some(format!(
            "there is no function {name}: times are facts, as text and as Unix seconds (input.first_seen_seconds)"
        ));
    }
    Some(format!(
        "there is no function {name}; a function of another file is called by its whole name, data.lib.<file>.<function>"
    ))
}

/// Adds Granary's own functions to an interpreter.
///
/// # Errors
/// The interpreter's words, if it has such a function already.
pub(super) fn add_own(engine: &mut Engine) -> Result<(), String> {
    let function = |arguments: Vec<Value>| {
        let [patterns, module, version] = arguments.as_slice() else {
            return Ok(Value::Undefined); // the interpreter has counted them
        };
        let (module, version) = (module.as_string()?, version.as_string()?);
        for pattern in patterns.as_array()? {
            if matches(pattern.as_string()?, module, version)? {
                return Ok(pattern.clone());
            }
        }
        Ok(Value::Undefined)
    };
    engine
        .add_extension(FIND_PATTERN.to_owned(), 3, Box::new(function))
        .map_err(|e| e.to_string())
}

/// Whether a pattern as in `GOPRIVATE` matches, with `@version` behind it that version only.
fn matches(
    pattern: &str,
    module: &str,
    version: &str,
) -> Result<bool, gomod::private::PatternError> {
    let (glob, only) = match pattern.split_once('@') {
        Some((glob, only)) => (glob, Some(only)),
        None => (pattern, None),
    };
    let fits = PrivatePatterns::from_str(glob)?.is_match(module);
    Ok(fits && only.is_none_or(|only| only == version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_brings_these_and_no_more() {
        // A release of the interpreter that brings others needs someone who looks at them.
        let mut names: Vec<&str> = BUILTINS
            .keys()
            .copied()
            .filter(|n| refuse(n).is_none())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names.join("\n"),
            include_str!("functions.txt").trim_end(),
            "look at each function that is new: does it reach outside, and does it answer the same each time"
        );
    }

    #[track_caller]
    fn check_refused(name: &str, words: &str) {
        let why = refuse(name).unwrap();
        assert!(why.contains(words), "{why}");
    }

    #[test]
    fn what_reaches_outside_is_refused() {
        check_refused("http.send", "reaches nothing else");
        check_refused("opa.runtime", "reaches nothing else");
        check_refused("time.now_ns", "input.now_seconds");
        check_refused("rand.intn", "the same whenever");
        check_refused("time.parse_rfc3339_ns", "Unix seconds");
        check_refused("no.such", "there is no function");
        assert_eq!(refuse("count"), None);
        assert_eq!(refuse("print"), None);
        assert_eq!(refuse(FIND_PATTERN), None);
    }

    #[track_caller]
    fn check_match(pattern: &str, want: bool) {
        assert_eq!(
            matches(pattern, "example.com/group/lib", "v1.2.3").unwrap(),
            want,
            "{pattern}"
        );
    }

    #[test]
    fn patterns_match_as_goprivate_does_and_versions_whole() {
        check_match("example.com", true);
        check_match("*.com/group", true);
        check_match("example.com/grou", false);
        check_match("example.com/group/lib/deeper", false);
        check_match("example.com/group/lib@v1.2.3", true);
        check_match("example.com@v1.2.3", true);
        check_match("example.com/group/lib@v1.2", false);
        assert!(matches("[", "example.com", "v1.0.0").is_err());
    }
}
