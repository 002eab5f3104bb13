//! Tests, see the parent module.

use super::*;

const HASH: &str = "h1:9fHAtK0uDfpveeqqo1hkEZJcFvYXAiCN3UutL8F9xHw=";

#[track_caller]
fn check_line(line: &str, module: &str, hashed: Hashed) {
    let parsed: GoSumLine = line.parse().unwrap();
    assert_eq!(
        (
            parsed.module.to_string(),
            parsed.hashed,
            parsed.h1.to_string()
        ),
        (module.to_owned(), hashed, HASH.to_owned())
    );
    assert_eq!(
        parsed.to_string(),
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    );
}

#[track_caller]
fn check_fault(line: &str, want: &str) {
    let error = line.parse::<GoSumLine>().unwrap_err();
    assert!(error.to_string().contains(want), "{line:?}: {error}");
}

#[test]
fn lines() {
    check_line(&format!("x.y/z v1.2.3 {HASH}"), "x.y/z@v1.2.3", Hashed::Zip);
    check_line(
        &format!("x.y/z v1.2.3/go.mod {HASH}"),
        "x.y/z@v1.2.3",
        Hashed::GoMod,
    );
    check_line(
        &format!(" x.y/z\tv2.0.0+incompatible  {HASH}\r\n"),
        "x.y/z@v2.0.0+incompatible",
        Hashed::Zip,
    );
}

#[test]
fn malformed_lines() {
    check_fault("", "wrong number of fields 0");
    check_fault("x.y/z v1.2.3", "wrong number of fields 2");
    check_fault(
        &format!("x.y/z v1.2.3 {HASH} x"),
        "wrong number of fields 4",
    );
    check_fault(&format!("z v1.2.3 {HASH}"), "missing dot");
    check_fault(&format!("x.y/z v1.2 {HASH}"), "not canonical");
    check_fault(&format!("x.y/z v2.0.0 {HASH}"), "should be v0 or v1");
    check_fault(
        &format!("x.y/z v1.2.3/go.sum {HASH}"),
        "not a semantic version",
    );
    check_fault("x.y/z v1.2.3 h2:abc", "unknown hash algorithm");
    check_fault("x.y/z v1.2.3 h1:abc", "not an h1 hash");
}

#[test]
fn files() {
    let text = format!(
        "\nx.y/z v1.2.3 {HASH}\r\n  \nx.y/z v1.2.3/go.mod {HASH}\nx.y/z v1.2.3 h9:later\nx.y/z v1.2.3 {HASH}"
    );
    let lines = parse(text.as_bytes()).unwrap();
    assert_eq!(
        lines.iter().map(|line| line.hashed).collect::<Vec<_>>(),
        [Hashed::Zip, Hashed::GoMod, Hashed::Zip]
    );
    assert_eq!(parse(b"").unwrap(), []);
    let error = parse(b"\n\nx.y/z v1.2.3\n").unwrap_err();
    assert_eq!(error.to_string(), "malformed go.sum in line 3");
    assert_eq!(
        parse(b"\xff").unwrap_err().to_string(),
        "malformed go.sum in line 1"
    );
}

#[test]
fn length_of_a_file() {
    let mut text = vec![b'\n'; GO_SUM_BYTES_MAX];
    assert!(parse(&text).is_ok());
    text.push(b'\n');
    assert!(matches!(parse(&text), Err(GoSumError::TooLong { .. })));
}
