//! What must not be in the graph of crates: each needs a tool a fresh machine lacks, or carries a known hole.

use crate::finding::Finding;
use crate::tree::Tree;

const BANNED: &[(&str, &str)] = &[
    ("aws-lc-rs", "it needs cmake; rustls runs on ring here"),
    ("aws-lc-sys", "it needs cmake; rustls runs on ring here"),
    (
        "openssl-sys",
        "it needs the system's OpenSSL; rustls runs on ring here",
    ),
    (
        "native-tls",
        "it needs the system's OpenSSL; rustls runs on ring here",
    ),
    ("cmake", "a fresh machine has no cmake"),
    ("bindgen", "a fresh machine has no libclang"),
    ("rsa", "its timing leak is not mended (RUSTSEC-2023-0071)"),
];

/// Checks the lock file.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(lock) = tree.find("Cargo.lock") else {
        let why = "without it two builds are not the same";
        return vec![Finding::new(
            "Cargo.lock",
            1,
            "there is no lock file",
            why,
            "commit it",
        )];
    };
    let mut findings = Vec::new();
    for (i, line) in lock.text.lines().enumerate() {
        let name = line
            .strip_prefix("name = \"")
            .and_then(|l| l.strip_suffix('"'));
        if let Some((banned, why)) = BANNED.iter().find(|(banned, _)| name == Some(banned)) {
            let advice = format!(
                "find who brings it with `cargo tree -i {banned}` and switch that feature off"
            );
            findings.push(Finding::new(
                &lock.path,
                i + 1,
                format!("{banned} is in the graph"),
                why,
                &advice,
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_crates_are_found() {
        let lock =
            "[[package]]\nname = \"rsa\"\nversion = \"0.9.0\"\n\n[[package]]\nname = \"rsanity\"\n";
        let lines: Vec<usize> = check(&Tree::of(&[("Cargo.lock", lock)]))
            .iter()
            .map(|f| f.line)
            .collect();
        assert_eq!(lines, [2]);
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
