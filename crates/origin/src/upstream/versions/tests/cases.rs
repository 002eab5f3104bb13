//! What the fuzz target `upstream_list` does with the body of a list; its corpus is replayed through the same function.

use gomod::{pseudo, semver};

use super::versions::{find_newest, parse_list};

/// Reads a list. What comes out is sorted, canonical, without pseudo-versions, and reads as itself again.
pub fn upstream_list(body: &[u8]) {
    let versions = parse_list(body);
    assert!(versions.is_sorted_by(|a, b| a < b), "each once, in order");
    let mut again = String::new();
    for version in &versions {
        let text = version.to_string();
        assert!(!pseudo::is_pseudo(&text));
        assert_eq!(
            gomod::version::canonical_version(&text).as_deref(),
            Some(text.as_str())
        );
        again.push_str(&text);
        again.push('\n');
    }
    assert_eq!(parse_list(again.as_bytes()), versions);
    if let Some(newest) = find_newest(body) {
        assert!(semver::is_valid(&newest));
    }
}
