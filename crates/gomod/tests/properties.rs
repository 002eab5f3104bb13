//! Properties that hold for any input: round trips, orders, and readers that never panic.
//!
//! `GRANARY_PROPTEST_CASES` raises the number of cases, for a long run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gomod::graph::{Known, Step, Summary, walk, walk_all};
use gomod::path::{ModulePath, check_file_path, check_import_path, check_path, split_path_version};
use gomod::version::{ModuleVersion, Version, canonical_version};
use gomod::{escape, go_version, gosum, info, modfile, private, pseudo, semver};
use proptest::prelude::*;

/// Cases a property, unless the environment says otherwise: few, as these run with every build.
const CASES: u32 = 64;

fn config() -> ProptestConfig {
    let cases = std::env::var("GRANARY_PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(CASES);
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn module_path() -> impl Strategy<Value = String> {
    (
        "[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){1,2}",
        prop::collection::vec("[A-Za-z0-9_][A-Za-z0-9._~-]{0,8}[A-Za-z0-9_]", 0..4),
        "(/v[2-9]|/v1[0-9])?",
    )
        .prop_map(|(host, elements, major)| {
            let mut path = host;
            for element in elements {
                path.push('/');
                path.push_str(&element);
            }
            path + &major
        })
        .prop_filter("a valid path", |path| check_path(path).is_ok())
}

fn version() -> impl Strategy<Value = String> {
    "v(0|[1-9][0-9]{0,22})\\.(0|[1-9][0-9]{0,2})\\.(0|[1-9][0-9]{0,22})(-(0|[1-9][0-9]{0,2}|[A-Za-z-]{1,4})(\\.(0|[a-zA-Z][0-9a-z-]{0,5})){0,2})?(\\+incompatible)?"
}

/// Text that is often nearly a version.
fn near_version() -> impl Strategy<Value = String> {
    prop_oneof![
        version(),
        "v?[0-9.]{0,8}(-[0-9a-z.-]{0,6})?(\\+[0-9a-z.]{0,4})?",
        any::<String>()
    ]
}

/// Text that is often nearly a `go.mod`.
fn near_go_mod() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        "(module|go|toolchain|godebug|require|exclude|replace|retract|tool|ignore|unknown)",
        "(\\(|\\)|\\[|\\]|,|=>|//|/\\*|\"|`|\\\\|\n|\r\n|// indirect\n|// Deprecated: x\n|\t)",
        "(example\\.com/a|example\\.com/b/v2|\\./x|1\\.20|v1\\.0\\.0|v2\\.0\\.0|\"q\"|a=b)",
        any::<String>(),
    ];
    prop::collection::vec((word, "[ \t\n]{0,2}"), 0..40).prop_map(|words| {
        words
            .into_iter()
            .flat_map(|(word, blank)| (word + &blank).into_bytes())
            .collect()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_path_comes_back_from_its_escaped_form(text in module_path()) {
        let path: ModulePath = text.parse().unwrap();
        prop_assert_eq!(&ModulePath::from_escaped(&path.escaped()).unwrap(), &path);
        prop_assert_eq!(escape::unescape_path(&escape::escape_path(&text).unwrap()).unwrap(), text);
        prop_assert!(!path.escaped().contains(|c: char| c.is_ascii_uppercase()));
        prop_assert_eq!(format!("{}{}", path.without_major(), path.major_suffix()), path.as_str());
    }

    #[test]
    fn an_escaped_form_comes_back_from_what_it_means(text in prop_oneof!["[a-z!./]{0,12}", any::<String>()]) {
        if let Ok(plain) = escape::unescape_path(&text) {
            prop_assert_eq!(escape::escape_path(&plain).unwrap(), text.clone());
        }
        if let Ok(plain) = escape::unescape_version(&text) {
            prop_assert_eq!(escape::escape_version(&plain).unwrap(), text);
        }
    }

    #[test]
    fn a_version_comes_back_from_its_text(text in version()) {
        let version: Version = text.parse().unwrap();
        prop_assert_eq!(version.to_string(), text.clone());
        prop_assert_eq!(&Version::from_escaped(&version.escaped()).unwrap(), &version);
        prop_assert_eq!(canonical_version(&text), Some(text.clone()));
        prop_assert_eq!(version.is_prerelease(), text.contains('-'));
    }

    #[test]
    fn only_canonical_text_is_a_version(text in near_version()) {
        let canonical = canonical_version(&text);
        prop_assert_eq!(text.parse::<Version>().is_ok(), canonical.as_deref() == Some(text.as_str()));
        prop_assert_eq!(canonical.is_some(), semver::is_valid(&text));
        if let Some(canonical) = canonical {
            prop_assert_eq!(semver::compare(&text, &canonical), Ordering::Equal);
        }
    }

    #[test]
    fn the_order_of_versions_is_total(mut list in prop::collection::vec(near_version(), 3)) {
        list.sort_by(|v, w| semver::compare_for_sort(v, w));
        let (a, b, c) = (&list[0], &list[1], &list[2]);
        prop_assert!(semver::compare_for_sort(a, c).is_le());
        prop_assert!(semver::compare(a, b).is_le() && semver::compare(b, c).is_le() && semver::compare(a, c).is_le());
        for (v, w) in [(a, b), (b, c), (a, c)] {
            prop_assert_eq!(semver::compare(v, w), semver::compare(w, v).reverse());
            prop_assert_eq!(semver::compare_for_sort(v, w), semver::compare_for_sort(w, v).reverse());
            prop_assert_eq!(semver::compare_for_sort(v, w) == Ordering::Equal, v == w);
            prop_assert_eq!(go_version::compare(v, w), go_version::compare(w, v).reverse());
        }
    }

    #[test]
    fn a_pseudo_version_comes_back_from_its_text(
        older in prop::option::of(version()),
        major in 0_u8..20,
        seconds in -62_167_219_200_i64..=253_402_300_799,
        rev in "[0-9a-f]{12}",
    ) {
        let text = pseudo::compose(&format!("v{major}"), older.as_deref(), seconds, &rev).unwrap();
        prop_assert!(pseudo::is_pseudo(&text));
        prop_assert_eq!(pseudo::time(&text), Ok(seconds));
        prop_assert_eq!(pseudo::rev(&text), Ok(rev.as_str()));
        prop_assert_eq!(pseudo::check_git_rev(&text), Ok(()));
        prop_assert_eq!(pseudo::base(&text).unwrap(), older.clone());
        if let Some(older) = older {
            prop_assert_eq!(semver::compare(&older, &text), Ordering::Less);
        }
    }

    #[test]
    fn checks_of_any_text_agree(text in any::<String>()) {
        // What is a module path is an import path is a file path.
        prop_assert!(check_path(&text).is_err() || check_import_path(&text).is_ok());
        prop_assert!(check_import_path(&text).is_err() || check_file_path(&text).is_ok());
        prop_assert_eq!(text.parse::<ModulePath>().is_ok(), check_path(&text).is_ok());
        prop_assert!(check_path(&text).is_err() || split_path_version(&text).is_some());
        let _ = (text.parse::<ModuleVersion>(), pseudo::is_pseudo(&text), go_version::is_valid(&text));
        let _ = (private::match_prefix_patterns(&text, "example.com/a"), text.parse::<private::PrivatePatterns>());
    }

    #[test]
    fn a_pattern_without_wildcards_matches_itself_and_below(path in module_path(), below in "[a-z]{1,5}") {
        prop_assert!(private::match_prefix_patterns(&path, &path));
        let deeper = format!("{path}/{below}");
        let longer = format!("{path}{below}");
        prop_assert!(private::match_prefix_patterns(&path, &deeper));
        prop_assert!(!private::match_prefix_patterns(&path, &longer));
    }

    #[test]
    fn readers_take_any_bytes(bytes in prop_oneof![near_go_mod(), prop::collection::vec(any::<u8>(), 0..300)]) {
        let strict = modfile::parse("go.mod", &bytes);
        let lax = modfile::parse_lax("go.mod", &bytes);
        // What is right for a main module is right for a dependency.
        prop_assert!(strict.is_err() || lax.is_ok());
        if let Err(errors) = &strict {
            prop_assert!(!errors.0.is_empty() && errors.0.iter().all(|error| error.line > 0 && error.column > 0));
        }
        let _ = (modfile::module_path(&bytes), info::Info::parse(&bytes).is_ok(), gosum::parse(&bytes).is_ok());
    }

    #[test]
    fn a_word_is_read_as_it_was_quoted(word in any::<String>()) {
        // Alone at the end of its line it opens a block, quoted or not: Go quotes no single bracket.
        prop_assume!(word != "(");
        let text = format!("tool {}\n", modfile::auto_quote(&word));
        prop_assert_eq!(modfile::parse("go.mod", text.as_bytes()).unwrap().tool, vec![word]);
    }

    #[test]
    fn a_file_is_read_as_it_was_written(path in module_path(), require in prop::collection::vec((module_path(), 0_u16..100, any::<bool>()), 0..5)) {
        let mut text = modfile::synthesize(&path.parse().unwrap());
        text.push_str("require (\n");
        let mut want = Vec::new();
        for (path, minor, indirect) in require {
            let (_, suffix) = split_path_version(&path).unwrap();
            let major = suffix.trim_start_matches(['/', '.']);
            let version = format!("{}.{minor}.0", if major.is_empty() { "v1" } else { major });
            text.push_str(&format!("\t{path} {version}{}\n", if indirect { " // indirect" } else { "" }));
            want.push((path, version, indirect));
        }
        text.push_str(")\n");
        let file = modfile::parse_lax("go.mod", text.as_bytes()).unwrap();
        prop_assert_eq!(file.module.unwrap().path, path.clone());
        let found: Vec<_> = file.require.into_iter().map(|r| (r.path, r.version.to_string(), r.indirect)).collect();
        prop_assert_eq!(found, want);
        prop_assert_eq!(modfile::module_path(text.as_bytes()), Some(path));
    }

    #[test]
    fn walks_end_and_select_the_highest(
        edges in prop::collection::vec((0_usize..6, 0_usize..4, 0_usize..6, 0_usize..4), 0..40),
        old in prop::collection::vec(any::<bool>(), 24),
        roots in prop::collection::vec((0_usize..6, 0_usize..4), 0..4),
    ) {
        let module = |name: usize, minor: usize| format!("m{name}.x@v1.{minor}.0").parse::<ModuleVersion>().unwrap();
        let mut files: HashMap<ModuleVersion, Summary> = HashMap::new();
        for name in 0..6 {
            for minor in 0..4 {
                let go = (!old[name * 4 + minor]).then(|| "1.21".to_owned());
                files.insert(module(name, minor), Summary { go, require: vec![] });
            }
        }
        for (name, minor, to, at) in edges {
            files.get_mut(&module(name, minor)).unwrap().require.push((module(to, at), false));
        }
        let roots: Vec<ModuleVersion> = roots.into_iter().map(|(name, minor)| module(name, minor)).collect();
        for walk in [walk, walk_all] {
            let mut known = Known::new();
            let graph = loop {
                match walk(&roots, &known) {
                    Step::Done(graph) => break graph,
                    Step::Need(needed) => {
                        prop_assert!(!needed.is_empty());
                        for module in needed {
                            let summary = Some(Arc::new(files[&module].clone()));
                            prop_assert!(known.insert(module, summary).is_none());
                        }
                    }
                }
            };
            prop_assert!(graph.complete);
            prop_assert_eq!(graph.go_mods.len(), known.len());
            let at = |path: &ModulePath| graph.build_list.iter().find(|m| m.path() == path);
            prop_assert!(graph.build_list.is_sorted_by(|a, b| a.path() < b.path()));
            for root in &roots {
                prop_assert!(at(root.path()).is_some_and(|m| m.version() >= root.version()));
            }
        }
    }
}

/// Measures one reading in processor-bound wall time, the best of three.
fn measure(mut act: impl FnMut()) -> Duration {
    (0..3)
        .map(|_| {
            let start = Instant::now();
            act();
            start.elapsed()
        })
        .min()
        .unwrap()
}

#[test]
fn the_parser_is_linear() {
    let shapes: [(&str, &str, &str, &str); 10] = [
        ("comments", "", "// x\n", ""),
        ("one long comment", "//", "x", ""),
        ("lines", "", "unknown a b c\n", ""),
        ("one long line", "unknown", " a", ""),
        ("one long word", "unknown ", "é", ""),
        ("parentheses", "unknown x", " ( )", " y"),
        ("blanks", "", " \t", ""),
        ("blank lines in a block", "require (\n", "\n", ")"),
        ("comments in a block", "retract (\n", "// x\n", "v1.0.0\n)"),
        ("escapes", "module \"", "\\x41", "\""),
    ];
    for (name, head, piece, tail) in shapes {
        let text = |bytes: usize| format!("{head}{}{tail}", piece.repeat(bytes / piece.len()));
        let (small, large) = (text(1 << 17), text(1 << 20));
        let read = |text: &str| {
            measure(|| {
                let _ = modfile::parse_lax("go.mod", text.as_bytes());
                let _ = modfile::parse("go.mod", text.as_bytes());
                let _ = modfile::module_path(text.as_bytes());
            })
        };
        // Eight times the bytes; a quadratic reader would take sixty-four times as long, however often it is tried. A
        // machine that does other things meanwhile makes single tries slow.
        let is_linear = (0..8).any(|_| {
            let (small, large) = (read(&small), read(&large));
            large < small * 32 + Duration::from_millis(50)
        });
        assert!(is_linear, "{name}");
    }
}
