//! Tests, see the parent module.

use super::*;

#[track_caller]
fn check_info(json: &str, version: &str, time: Option<&str>) {
    let info = Info::parse(json.as_bytes()).unwrap();
    assert_eq!(info.version.as_str(), version);
    assert_eq!(info.time, time.map(|time| time.parse().unwrap()), "{json}");
}

#[track_caller]
fn check_fault(json: &[u8], want: &str) {
    assert_eq!(Info::parse(json).unwrap_err().to_string(), want);
}

#[test]
fn version_and_time() {
    check_info(
        r#"{"Version":"v1.2.3","Time":"2019-01-02T03:04:05Z"}"#,
        "v1.2.3",
        Some("2019-01-02T03:04:05Z"),
    );
    check_info(r#"{"Version":"v1.2.3"}"#, "v1.2.3", None);
    check_info(r#"{"Version":"v1.2.3","Time":null}"#, "v1.2.3", None);
    check_info(
        r#"{"Version":"v1.2.3","Time":"2019-01-02T05:04:05+02:00"}"#,
        "v1.2.3",
        Some("2019-01-02T03:04:05Z"),
    );
    check_info(
        r#"{"Version":"v1.2.3","Time":"2019-01-02T03:04:05.123456Z"}"#,
        "v1.2.3",
        Some("2019-01-02T03:04:05.123456Z"),
    );
    check_info(
        r#"{"Version":"v1.2.3","Time":"0001-01-01T00:00:00Z"}"#,
        "v1.2.3",
        Some("0001-01-01T00:00:00Z"),
    );
    for last in [
        r#"{"Version":"v1.2.3","Time":"9999-12-30T22:00:00.999999Z"}"#,
        r#"{"Version":"v1.2.3","Time":"9999-12-31T23:59:59Z"}"#,
        r#"{"Version":"v1.2.3","Time":"9999-12-30T23:59:59.5Z"}"#,
    ] {
        let info = Info::parse(last.as_bytes()).unwrap();
        assert_eq!(info.time, Some(TIME_MAX), "{last}");
    }
    check_info(
        "\n {\"version\" : \"v2.0.0+incompatible\",\"TIME\":\"2019-01-02T03:04:05Z\"}\n",
        "v2.0.0+incompatible",
        Some("2019-01-02T03:04:05Z"),
    );
    check_info(r#"{"version":"v9.9.9","Version":"v1.0.0"}"#, "v1.0.0", None);
}

#[test]
fn unknown_fields_are_passed_over_and_the_origin_kept() {
    let json = r#"{"Version":"v1.2.3","Name":"x","Short":"y","Origin":{"VCS":"git","Hash":"0123","Ref":"refs/tags/v1.2.3"}}"#;
    let info = Info::parse(json.as_bytes()).unwrap();
    assert_eq!(info.origin.unwrap()["Ref"], "refs/tags/v1.2.3");
    assert_eq!(
        Info::parse(br#"{"Version":"v1.2.3","Origin":null}"#)
            .unwrap()
            .origin,
        None
    );
}

#[test]
fn files_that_cannot_be_used() {
    for json in [
        "",
        "{",
        "[]",
        "null",
        "\"v1.2.3\"",
        "v1.2.3",
        "{\"Version\":\"v1.2.3\"}x",
        "<html>",
    ] {
        check_fault(json.as_bytes(), ".info is not a JSON object");
    }
    check_fault(
        b"{\"Version\":\"v1.2.3\xff\"}",
        ".info is not a JSON object",
    );
    check_fault("[".repeat(100_000).as_bytes(), ".info is not a JSON object");
    check_fault(
        format!("{{\"Version\":{}", "[".repeat(100_000)).as_bytes(),
        ".info is not a JSON object",
    );
    check_fault(b"{}", ".info names no version");
    check_fault(br#"{"Version":null}"#, ".info names no version");
    check_fault(br#"{"Version":1}"#, "malformed field Version in .info");
    check_fault(br#"{"Version":""}"#, ".info names no usable version");
    check_fault(br#"{"Version":"master"}"#, ".info names no usable version");
    check_fault(br#"{"Version":"v1.2"}"#, ".info names no usable version");
    check_fault(
        br#"{"Version":"v1.2.3","Time":"yesterday"}"#,
        "malformed field Time in .info",
    );
    check_fault(
        br#"{"Version":"v1.2.3","Time":1}"#,
        "malformed field Time in .info",
    );
}

#[test]
fn length_of_an_info_file() {
    let mut json = br#"{"Version":"v1.2.3"}"#.to_vec();
    json.resize(INFO_BYTES_MAX, b' ');
    assert!(Info::parse(&json).is_ok());
    json.push(b' ');
    check_fault(&json, ".info of 1048577 bytes is longer than 1048576");
}
