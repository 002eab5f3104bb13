//! Tests, see the parent module.

use super::*;

#[track_caller]
fn check_canonical(text: &str, want: &str) {
    assert_eq!(canonical_version(text).as_deref(), Some(want));
    assert_eq!(Version::canonicalize(text).unwrap().as_str(), want);
    let parsed = text.parse::<Version>();
    assert_eq!(parsed.is_ok(), text == want, "{parsed:?}");
}

#[track_caller]
fn check_fits(path: &str, version: &str, fits: bool) {
    let path: ModulePath = path.parse().unwrap();
    let version: Version = version.parse().unwrap();
    let text = format!("{path}@{version}");
    assert_eq!(ModuleVersion::new(path, version).is_ok(), fits, "{text}");
    assert_eq!(text.parse::<ModuleVersion>().is_ok(), fits, "{text}");
}

#[test]
fn canonical_form_keeps_one_build_suffix() {
    check_canonical("v1", "v1.0.0");
    check_canonical("v1.2", "v1.2.0");
    check_canonical("v1.2.3", "v1.2.3");
    check_canonical("v1.2.3-pre.1", "v1.2.3-pre.1");
    check_canonical("v1.2.3+meta", "v1.2.3");
    check_canonical("v2.0.0+incompatible", "v2.0.0+incompatible");
    check_canonical("v2.0.0-pre+incompatible", "v2.0.0-pre+incompatible");
    check_canonical("v2.0.0+incompatible.1", "v2.0.0");
    for text in [
        "",
        "master",
        "1.2.3",
        "v1.2.3.4",
        "v1+incompatible",
        "v01.0.0",
    ] {
        assert_eq!(canonical_version(text), None);
        assert!(
            matches!(text.parse::<Version>(), Err(VersionError::NotSemver { .. })),
            "{text}"
        );
    }
}

#[test]
fn length_of_a_version() {
    let longest = format!("v1.0.0-{}", "a".repeat(VERSION_BYTES_MAX - 7));
    assert!(longest.parse::<Version>().is_ok());
    assert!(matches!(
        format!("{longest}a").parse::<Version>(),
        Err(VersionError::TooLong { bytes: 248, .. })
    ));
    assert!(matches!(
        Version::canonicalize(&format!("{longest}a")),
        Err(VersionError::TooLong { .. })
    ));
}

#[test]
fn kinds_of_versions() {
    let parse = |text: &str| text.parse::<Version>().unwrap();
    let kinds = |text: &str| {
        (
            parse(text).is_pseudo(),
            parse(text).is_incompatible(),
            parse(text).is_prerelease(),
        )
    };
    assert_eq!(kinds("v1.2.3"), (false, false, false));
    assert_eq!(kinds("v1.2.3-pre"), (false, false, true));
    assert_eq!(kinds("v2.0.0+incompatible"), (false, true, false));
    assert_eq!(
        kinds("v0.0.0-20190102030405-0123456789ab"),
        (true, false, true)
    );
    assert_eq!(
        kinds("v2.0.1-0.20190102030405-0123456789ab+incompatible"),
        (true, true, true)
    );
    assert_eq!(parse("v10.0.0").major(), "v10");
    assert_eq!(parse("v1.0.0-RC1").escaped(), "v1.0.0-!r!c1");
    assert_eq!(
        Version::from_escaped("v1.0.0-!r!c1").unwrap(),
        parse("v1.0.0-RC1")
    );
    assert!(matches!(
        Version::from_escaped("v1.0.0-RC1"),
        Err(VersionError::BadEscape { .. })
    ));
    assert!(matches!(
        Version::from_escaped("master"),
        Err(VersionError::NotSemver { .. })
    ));
}

#[test]
fn order_is_precedence_then_text() {
    let mut versions: Vec<Version> = [
        "v2.0.0+incompatible",
        "v1.10.0",
        "v2.0.0",
        "v1.9.0",
        "v1.10.0-pre",
    ]
    .map(|v| v.parse().unwrap())
    .into();
    versions.sort();
    let texts: Vec<&str> = versions.iter().map(Version::as_str).collect();
    assert_eq!(
        texts,
        [
            "v1.9.0",
            "v1.10.0-pre",
            "v1.10.0",
            "v2.0.0",
            "v2.0.0+incompatible"
        ]
    );
}

#[test]
fn versions_fit_their_path() {
    check_fits("x.y/z", "v0.1.0", true);
    check_fits("x.y/z", "v1.0.0", true);
    check_fits("x.y/z", "v2.0.0", false);
    check_fits("x.y/z", "v2.0.0+incompatible", true);
    check_fits("x.y/z/v2", "v2.0.0", true);
    check_fits("x.y/z/v2", "v1.0.0", false);
    check_fits("x.y/z/v2", "v3.0.0", false);
    check_fits("gopkg.in/yaml.v2", "v2.4.0", true);
    check_fits("gopkg.in/yaml.v2", "v1.0.0", false);
    check_fits(
        "gopkg.in/check.v1",
        "v0.0.0-20161208181325-20d25e280405",
        true,
    );
    check_fits("golang.org/toolchain", "v0.0.1-go1.26.0.linux-amd64", true);
}

#[test]
fn text_of_a_module_version() {
    let module: ModuleVersion = "x.y/z@v1.2.3".parse().unwrap();
    assert_eq!(
        (module.path().as_str(), module.version().as_str()),
        ("x.y/z", "v1.2.3")
    );
    assert_eq!(module.to_string(), "x.y/z@v1.2.3");
    assert_eq!(serde_json::to_string(&module).unwrap(), "\"x.y/z@v1.2.3\"");
    assert_eq!(
        serde_json::from_str::<ModuleVersion>("\"x.y/z@v1.2.3\"").unwrap(),
        module
    );
    assert_eq!(
        serde_json::to_string(module.version()).unwrap(),
        "\"v1.2.3\""
    );
    assert!(serde_json::from_str::<ModuleVersion>("\"x.y/z@v2.0.0\"").is_err());
    assert!(serde_json::from_str::<Version>("\"v1\"").is_err());
    assert!(matches!(
        "x.y/z".parse::<ModuleVersion>(),
        Err(VersionError::NoVersion { .. })
    ));
    assert!(matches!(
        "z@v1.0.0".parse::<ModuleVersion>(),
        Err(VersionError::Path(_))
    ));
    assert!(matches!(
        "x.y/z@v1".parse::<ModuleVersion>(),
        Err(VersionError::NotCanonical { .. })
    ));
    assert!(matches!(
        "x.y/z@v1.0.0@v1.0.0".parse::<ModuleVersion>(),
        Err(VersionError::NotSemver { .. })
    ));
}

#[test]
fn texts_of_errors() {
    let text = |module: &str| module.parse::<ModuleVersion>().unwrap_err().to_string();
    assert_eq!(
        text("x.y/z@v2.0.0"),
        "module x.y/z: version \"v2.0.0\" invalid: should be v0 or v1, not v2"
    );
    assert_eq!(
        text("x.y/z@master"),
        "version \"master\" invalid: not a semantic version"
    );
    assert_eq!(
        text("x.y/z@v1"),
        "version \"v1\" invalid: not canonical, should be v1.0.0"
    );
}

#[track_caller]
fn check_speaker(list: &[&str], want: Option<&str>) {
    let list: Vec<Version> = list.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(find_speaker(&list).map(Version::as_str), want);
}

#[test]
fn the_highest_release_speaks() {
    check_speaker(&["v1.0.0", "v1.2.0", "v1.3.0-rc.1"], Some("v1.2.0"));
    check_speaker(&["v1.0.0-a", "v1.0.0-b"], Some("v1.0.0-b"));
    check_speaker(&["v2.0.0+incompatible"], None);
}
