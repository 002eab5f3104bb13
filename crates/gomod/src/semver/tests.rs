//! Tests, see the parent module.

use super::*;

/// Valid versions with their canonical form, and the pieces.
#[track_caller]
fn check_valid(
    v: &str,
    canonical_want: &str,
    major_minor_want: &str,
    prerelease_want: &str,
    build_want: &str,
) {
    assert!(is_valid(v), "{v}");
    assert_eq!(canonical(v).as_deref(), Some(canonical_want));
    assert_eq!(major_minor(v).as_deref(), Some(major_minor_want));
    assert_eq!(major(v), major_minor_want.split('.').next());
    assert_eq!(prerelease(v), Some(prerelease_want));
    assert_eq!(build(v), Some(build_want));
}

#[track_caller]
fn check_invalid(v: &str) {
    assert!(!is_valid(v), "{v}");
    assert_eq!(canonical(v), None);
    assert_eq!(major(v), None);
    assert_eq!(major_minor(v), None);
    assert_eq!(prerelease(v), None);
    assert_eq!(build(v), None);
    assert_eq!(compare(v, "v0.0.0-0"), Ordering::Less, "{v}");
    assert_eq!(compare(v, ""), Ordering::Equal, "{v}");
}

#[track_caller]
fn check_order(ascending: &[&str]) {
    for (i, v) in ascending.iter().enumerate() {
        for (j, w) in ascending.iter().enumerate() {
            assert_eq!(compare(v, w), i.cmp(&j), "{v} {w}");
        }
    }
}

#[test]
fn forms_that_are_valid() {
    check_valid("v0", "v0.0.0", "v0.0", "", "");
    check_valid("v1", "v1.0.0", "v1.0", "", "");
    check_valid("v1.2", "v1.2.0", "v1.2", "", "");
    check_valid("v1.2.3", "v1.2.3", "v1.2", "", "");
    check_valid("v10.20.30", "v10.20.30", "v10.20", "", "");
    check_valid("v1.2.3-pre", "v1.2.3-pre", "v1.2", "-pre", "");
    check_valid("v1.2.3-0", "v1.2.3-0", "v1.2", "-0", "");
    check_valid("v1.2.3-00a", "v1.2.3-00a", "v1.2", "-00a", "");
    check_valid("v1.2.3--", "v1.2.3--", "v1.2", "--", "");
    check_valid("v1.2.3-a.1.-", "v1.2.3-a.1.-", "v1.2", "-a.1.-", "");
    check_valid("v1.2.3+meta", "v1.2.3", "v1.2", "", "+meta");
    check_valid("v1.2.3+001", "v1.2.3", "v1.2", "", "+001");
    check_valid("v1.2.3+a-b.c", "v1.2.3", "v1.2", "", "+a-b.c");
    check_valid("v1.2.3-pre+meta", "v1.2.3-pre", "v1.2", "-pre", "+meta");
}

#[test]
fn forms_that_are_not_valid() {
    for v in [
        "", "v", "1.2.3", "V1.2.3", "vv1", "v1.", "v1.2.", "v.1.2", "v1..2", "v1.2.3.4", " v1",
        "v1 ", "v1.2.3\n",
    ] {
        check_invalid(v);
    }
    for v in [
        "v01", "v00", "v1.02", "v1.2.03", "v-1", "v+1", "v1.-2", "va.b.c", "v1.2.x", "v１",
    ] {
        check_invalid(v);
    }
    for v in ["v1-pre", "v1.2-pre", "v1+meta", "v1.2+meta"] {
        check_invalid(v); // only full versions have these parts
    }
    for v in [
        "v1.2.3-",
        "v1.2.3-.",
        "v1.2.3-a.",
        "v1.2.3-.a",
        "v1.2.3-a..b",
        "v1.2.3-01",
        "v1.2.3-a.01",
        "v1.2.3-é",
        "v1.2.3-a_b",
    ] {
        check_invalid(v);
    }
    for v in [
        "v1.2.3+",
        "v1.2.3+a.",
        "v1.2.3+a..b",
        "v1.2.3+a+b",
        "v1.2.3-+a",
        "v1.2.3+é",
    ] {
        check_invalid(v);
    }
}

#[test]
fn precedence() {
    check_order(&[
        "no version",
        "v0.0.0-0",
        "v0.0.0",
        "v0.0.1",
        "v0.1.0",
        "v1.0.0-0",
        "v1.0.0-1",
        "v1.0.0-2",
        "v1.0.0-10",
        "v1.0.0--",
        "v1.0.0-A",
        "v1.0.0-a",
        "v1.0.0-a.0",
        "v1.0.0-a.0.0",
        "v1.0.0-a.9",
        "v1.0.0-a.10",
        "v1.0.0-a.a",
        "v1.0.0-a.a.0",
        "v1.0.0-a0",
        "v1.0.0-ab",
        "v1.0.0",
        "v1.0.1",
        "v1.2.0",
        "v1.10.0",
        "v2.0.0",
        "v10.0.0",
    ]);
}

#[test]
fn precedence_passes_over_build_metadata_and_missing_numbers() {
    assert_eq!(compare("v1.2.3+a", "v1.2.3+b"), Ordering::Equal);
    assert_eq!(compare("v1.2.3-a+b", "v1.2.3-a"), Ordering::Equal);
    assert_eq!(compare("v1", "v1.0.0"), Ordering::Equal);
    assert_eq!(compare("v1.2", "v1.2.0"), Ordering::Equal);
    assert_eq!(compare("v1.2.3-00a", "v1.2.3-0a"), Ordering::Less);
}

#[test]
fn sorting_breaks_ties_by_text() {
    let mut list = ["v1.0.0+b", "v1", "x", "v1.0.0", "", "v1.0.0+a", "v1.0"];
    list.sort_by(|v, w| compare_for_sort(v, w));
    assert_eq!(
        list,
        ["", "x", "v1", "v1.0", "v1.0.0", "v1.0.0+a", "v1.0.0+b"]
    );
}

#[test]
fn trap_t01_numbers_have_no_upper_bound() {
    check_valid(
        "v1.99999999999999999999.0",
        "v1.99999999999999999999.0",
        "v1.99999999999999999999",
        "",
        "",
    );
    check_order(&[
        "v1.18446744073709551615.0",
        "v1.18446744073709551616.0",
        "v1.99999999999999999998.0",
        "v1.99999999999999999999.0",
        "v1.100000000000000000000.0-99999999999999999999",
        "v1.100000000000000000000.0-100000000000000000000",
        "v1.100000000000000000000.0",
        "v100000000000000000000.0.0",
    ]);
}
