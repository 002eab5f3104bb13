//! What each fuzz target does with its bytes. Shared by the fuzzers, which include this file by path, and the
//! replay of their corpus.

use std::cmp::Ordering;

use gomod::path::{ModulePath, check_file_path, check_import_path, check_path, split_path_version};
use gomod::version::{ModuleVersion, Version, canonical_version};
use gomod::{escape, gosum, info, modfile, private, pseudo, semver};

/// Paths in all forms: what unescapes must escape to the same text again.
pub fn path_escape(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(plain) = escape::unescape_path(text) {
        assert_eq!(escape::escape_path(&plain).as_deref(), Ok(text));
        let path: ModulePath = plain.parse().expect("an unescaped path is valid");
        assert_eq!(path.escaped(), text);
    }
    if let Ok(plain) = escape::unescape_version(text) {
        assert_eq!(escape::escape_version(&plain).as_deref(), Ok(text));
    }
    if let Ok(escaped) = escape::escape_path(text) {
        assert_eq!(escape::unescape_path(&escaped).as_deref(), Ok(text));
    }
    if let Ok(escaped) = escape::escape_version(text) {
        assert_eq!(escape::unescape_version(&escaped).as_deref(), Ok(text));
    }
    if check_path(text).is_ok() {
        assert!(check_import_path(text).is_ok() && check_file_path(text).is_ok());
        let (prefix, suffix) = split_path_version(text).expect("a valid path splits");
        assert_eq!(format!("{prefix}{suffix}"), text);
    }
    let (globs, target) = text.split_once('\n').unwrap_or((text, "example.com/a/b"));
    let matched = private::match_prefix_patterns(globs, target);
    if let Ok(patterns) = globs.parse::<private::PrivatePatterns>() {
        assert_eq!(patterns.is_match(target), matched);
    }
}

/// Two versions, parted by a newline: forms, order, pseudo-versions.
pub fn version(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (v, w) = text.split_once('\n').unwrap_or((text, "v1.0.0"));
    assert_eq!(semver::compare(v, w), semver::compare(w, v).reverse());
    assert_eq!(semver::compare_for_sort(v, w) == Ordering::Equal, v == w);
    assert_eq!(semver::is_valid(v), canonical_version(v).is_some());
    if let Some(canonical) = canonical_version(v) {
        assert_eq!(
            canonical_version(&canonical).as_deref(),
            Some(canonical.as_str())
        );
        assert_eq!(semver::compare(v, &canonical), Ordering::Equal);
    }
    if let Ok(version) = v.parse::<Version>() {
        assert_eq!(version.as_str(), v);
        assert_eq!(Version::from_escaped(&version.escaped()), Ok(version));
    }
    if let Ok(module) = v.parse::<ModuleVersion>() {
        assert_eq!(module.to_string(), v);
    }
    if pseudo::is_pseudo(v)
        && let (Ok(base), Ok(time), Ok(rev)) = (pseudo::base(v), pseudo::time(v), pseudo::rev(v))
    {
        let major = semver::major(v).expect("a pseudo-version is a version");
        let again = pseudo::compose(major, base.as_deref(), time, rev)
            .expect("its parts make a pseudo-version");
        assert_eq!(semver::compare(&again, v), Ordering::Equal);
    }
}

/// A `go.mod` in both modes and for the scanner.
pub fn modfile(bytes: &[u8]) {
    let strict = modfile::parse("go.mod", bytes);
    let lax = modfile::parse_lax("go.mod", bytes);
    assert!(
        strict.is_err() || lax.is_ok(),
        "a main module's file is good for a dependency"
    );
    for file in strict.iter().chain(&lax) {
        let _ = file.find_retraction("v1.0.0");
        let _ = gomod::graph::Summary::from_lax(file);
    }
    for errors in strict.as_ref().err().into_iter().chain(lax.as_ref().err()) {
        assert!(!errors.0.is_empty() && !errors.to_string().is_empty());
    }
    if let Some(path) = modfile::module_path(bytes) {
        assert!(!path.is_empty());
        if path == "(" {
            return; // what the scanner takes from "module (", which opens a block
        }
        let line = format!("module {}\n", modfile::auto_quote(&path));
        assert_eq!(
            modfile::parse("go.mod", line.as_bytes())
                .ok()
                .and_then(|file| file.module)
                .map(|m| m.path),
            Some(path)
        );
    }
}

/// An `.info` file.
pub fn info(bytes: &[u8]) {
    if let Ok(info) = info::Info::parse(bytes) {
        assert_eq!(info.version.as_str().parse(), Ok(info.version));
    }
}

/// A `go.sum`.
pub fn gosum(bytes: &[u8]) {
    let Ok(lines) = gosum::parse(bytes) else {
        return;
    };
    for line in lines {
        let again: gosum::GoSumLine = line
            .to_string()
            .parse()
            .expect("a line that was read can be read again");
        assert_eq!(again, line);
    }
}
