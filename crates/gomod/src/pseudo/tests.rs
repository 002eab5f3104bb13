//! Tests, see the parent module.

use super::*;

/// 2019-01-02 03:04:05 UTC.
const SOME_TIME: i64 = 1_546_398_245;

#[track_caller]
fn check_compose(major: &str, older: &str, want: &str) {
    let older = Some(older).filter(|older| !older.is_empty());
    let version = compose(major, older, SOME_TIME, "0123456789ab").unwrap();
    assert_eq!(version, want);
    assert!(is_pseudo(&version));
    assert_eq!(time(&version), Ok(SOME_TIME));
    assert_eq!(rev(&version), Ok("0123456789ab"));
    assert_eq!(check_git_rev(&version), Ok(()));
    let base_want = older.map(|older| crate::version::canonical_version(older).unwrap());
    assert_eq!(base(&version), Ok(base_want));
}

#[track_caller]
fn check_is_pseudo(version: &str, want: bool) {
    assert_eq!(is_pseudo(version), want, "{version}");
}

#[track_caller]
fn check_base_fault(version: &str, want: &str) {
    assert!(is_pseudo(version), "{version}");
    assert_eq!(base(version).unwrap_err().reason.to_string(), want);
}

#[test]
fn five_forms() {
    check_compose("v0", "", "v0.0.0-20190102030405-0123456789ab");
    check_compose("v2", "", "v2.0.0-20190102030405-0123456789ab");
    check_compose("v0", "v1.2.3", "v1.2.4-0.20190102030405-0123456789ab");
    check_compose(
        "v0",
        "v2.2.3+incompatible",
        "v2.2.4-0.20190102030405-0123456789ab+incompatible",
    );
    check_compose(
        "v0",
        "v1.2.3-pre",
        "v1.2.3-pre.0.20190102030405-0123456789ab",
    );
    check_compose(
        "v0",
        "v1.2.3-pre.1",
        "v1.2.3-pre.1.0.20190102030405-0123456789ab",
    );
    check_compose(
        "v0",
        "v2.0.0-pre+incompatible",
        "v2.0.0-pre.0.20190102030405-0123456789ab+incompatible",
    );
}

#[test]
fn a_base_with_build_metadata_counts_without_it() {
    check_compose("v0", "v1.1.0+meta", "v1.1.1-0.20190102030405-0123456789ab");
    check_compose("v0", "v1", "v1.0.1-0.20190102030405-0123456789ab");
}

#[test]
fn patches_are_counted_as_decimal_strings() {
    check_compose("v0", "v1.2.0", "v1.2.1-0.20190102030405-0123456789ab");
    check_compose("v0", "v1.2.9", "v1.2.10-0.20190102030405-0123456789ab");
    check_compose("v0", "v1.2.199", "v1.2.200-0.20190102030405-0123456789ab");
    check_compose(
        "v0",
        "v1.2.99999999999999999999",
        "v1.2.100000000000000000000-0.20190102030405-0123456789ab",
    );
}

#[test]
fn a_pseudo_version_lies_between_its_base_and_the_next() {
    use std::cmp::Ordering::Less;
    for (older, next) in [
        ("v1.2.3", "v1.2.4-pre"),
        ("v1.2.3-pre", "v1.2.3-pre.1"),
        ("v1.2.3-pre", "v1.2.3"),
    ] {
        let version = compose("v0", Some(older), SOME_TIME, "0123456789ab").unwrap();
        assert_eq!(semver::compare(older, &version), Less);
        assert_eq!(semver::compare(&version, next), Less);
    }
}

#[test]
fn what_is_a_pseudo_version() {
    check_is_pseudo("v0.0.0-20190102030405-0123456789ab", true);
    check_is_pseudo("v0.0.0-20190102030405-1", true);
    check_is_pseudo("v0.0.0-20190102030405-ABCxyz", true);
    check_is_pseudo("v99999999999999999999.0.0-20190102030405-a", true);
    check_is_pseudo("v1.2.3-0.20190102030405-0123456789ab+meta.1", true);
    check_is_pseudo("v1.2.3-a-b.0.20190102030405-0123456789ab", true);
    check_is_pseudo("v1.2.3-0.0.20190102030405-0123456789ab", true);
}

#[test]
fn what_is_no_pseudo_version() {
    for version in [
        "",
        "v1.2.3",
        "v1.2.3-pre",
        "v1.2.3-20190102030405-0123456789ab", // minor and patch must be 0
        "v1.0.0-2019010203040-0123456789ab",  // 13 digits
        "v1.0.0-201901020304050-0123456789ab", // 15 digits
        "v1.0.0-20190102030405",
        "v1.0.0-20190102030405-",
        "v1.0.0-20190102030405.0123456789ab",
        "v1.0.0-20190102030405-01234-6789ab",
        "v1.0.0-20190102030405-01234.6789ab",
        "v1.2.3-1.20190102030405-0123456789ab",
        "v1.2.3-pre0.20190102030405-0123456789ab",
        "v1.2.3-pre.00.20190102030405-0123456789ab",
        "v1.2.3-x-20190102030405-0123456789ab",
        "v1.2-0.20190102030405-0123456789ab",
        "1.0.0-20190102030405-0123456789ab",
        "v1.0.0-0.2019010203040é-0123456789ab",
    ] {
        check_is_pseudo(version, false);
        assert_eq!(base(version).unwrap_err().reason, PseudoReason::Syntax);
        assert_eq!(time(version).unwrap_err().reason, PseudoReason::Syntax);
        assert_eq!(rev(version).unwrap_err().reason, PseudoReason::Syntax);
    }
}

#[test]
fn bases_that_cannot_be() {
    check_base_fault(
        "v1.0.0-0.20190102030405-0123456789ab",
        "version before v1.0.0 would have negative patch number",
    );
    check_base_fault(
        "v1.3.0-0.20190102030405-0123456789ab",
        "version before v1.3.0 would have negative patch number",
    );
    check_base_fault(
        "v2.0.0-20190102030405-0123456789ab+incompatible",
        "lacks base version, but has build metadata \"+incompatible\"",
    );
    assert_eq!(
        base("v1.2.10-0.20190102030405-0123456789ab"),
        Ok(Some("v1.2.9".to_owned()))
    );
    assert_eq!(
        base("v1.2.100-0.20190102030405-0123456789ab+incompatible"),
        Ok(Some("v1.2.99+incompatible".to_owned()))
    );
}

#[test]
fn trap_t05_short_hash_is_exactly_twelve() {
    let with = |rev: &str| {
        check_git_rev(&format!("v0.0.0-20190102030405-{rev}")).map_err(|error| error.reason)
    };
    assert_eq!(with("0123456789ab"), Ok(()));
    assert_eq!(with("0123456789a"), Err(PseudoReason::Rev));
    assert_eq!(with("0123456"), Err(PseudoReason::Rev));
    assert_eq!(with("0123456789abc"), Err(PseudoReason::Rev));
    assert_eq!(
        with("0123456789abcdef0123456789abcdef01234567"),
        Err(PseudoReason::Rev)
    );
    assert_eq!(with("0123456789AB"), Err(PseudoReason::Rev));
    assert_eq!(with("0123456789ag"), Err(PseudoReason::Rev));
    assert_eq!(with(""), Err(PseudoReason::Syntax));
}

#[track_caller]
fn check_time(digits: &str, want: Option<i64>) {
    assert_eq!(
        time(&format!("v0.0.0-{digits}-0123456789ab")).ok(),
        want,
        "{digits}"
    );
    if let Some(seconds) = want {
        let version = compose("v0", None, seconds, "0123456789ab").unwrap();
        assert_eq!(version, format!("v0.0.0-{digits}-0123456789ab"));
    }
}

#[test]
fn times_are_those_of_the_calendar() {
    check_time("19700101000000", Some(0));
    check_time("19691231235959", Some(-1));
    check_time("20240229235959", Some(1_709_251_199));
    check_time("00000101000000", Some(-62_167_219_200));
    check_time("99991231235959", Some(253_402_300_799));
    for digits in [
        "20230229000000",
        "20231301000000",
        "20230001000000",
        "20230100000000",
        "20230132000000",
        "20230101240000",
        "20230101006000",
        "20230101000060",
    ] {
        check_time(digits, None);
    }
}

#[test]
fn parts_that_make_no_pseudo_version() {
    let compose = |major, older, seconds, rev| {
        compose(major, older, seconds, rev).map_err(|error| error.reason)
    };
    assert_eq!(
        compose("v0", None, 253_402_300_800, "a"),
        Err(PseudoReason::TimeRange)
    );
    assert_eq!(
        compose("v0", None, -62_167_219_201, "a"),
        Err(PseudoReason::TimeRange)
    );
    assert_eq!(
        compose("v0", None, i64::MAX, "a"),
        Err(PseudoReason::TimeRange)
    );
    assert_eq!(compose("v0", None, 0, ""), Err(PseudoReason::Syntax));
    assert_eq!(compose("v0", None, 0, "a-b"), Err(PseudoReason::Syntax));
    assert_eq!(compose("v0", None, 0, "a.b"), Err(PseudoReason::Syntax));
    assert_eq!(compose("0", None, 0, "a"), Err(PseudoReason::Syntax));
    assert_eq!(compose("v0.1", None, 0, "a"), Err(PseudoReason::Syntax));
    assert_eq!(
        compose("v0", Some("master"), 0, "a"),
        Err(PseudoReason::Syntax)
    );
}
