//! Which versions there are.

use super::super::Module;
use super::super::versions::Retractions;
use super::fake::Fake;
use super::{ROOT, check_list, check_said, joined, module, said};
use std::sync::Arc;

const GO_MOD: (&str, &str) = ("go.mod", "module example.test/x\n");

fn tagged(files: &[(&str, &str)], tags: &[&str]) -> Fake {
    tags.iter()
        .fold(Fake::new().commit(files), |fake, tag| fake.tag(tag))
}

#[test]
fn trap_t9_only_canonical_tags_of_the_right_major_are_listed() {
    let fake = tagged(
        &[GO_MOD],
        &[
            "v1.10.0",
            "v1.9.0",
            "v1.9.0-rc.1",
            "v0.1.0",
            "v1.2",
            "v1",
            "v1.2.3+meta",
            "1.2.3",
            "v01.2.3",
            "version",
            "v",
            "v1.0.1-0.20200101000000-abcdefabcdef",
            "v2.0.0",
            "v3.0.0+incompatible",
            "sub/v1.5.0",
            "V1.0.0",
        ],
    );
    check_list(&fake, ROOT, "v0.1.0 v1.9.0-rc.1 v1.9.0 v1.10.0");
    check_list(&fake, "example.test/x/v2", "v2.0.0");
    check_list(&fake, "example.test/x/v3", "");
    check_list(&fake, "example.test/x/sub", "v1.5.0");
}

#[test]
fn trap_t9_tags_of_a_subdirectory_bear_its_name_without_the_major() {
    let fake = tagged(
        &[],
        &[
            "d/v1.0.0",
            "d/v2.0.0",
            "d/v2.1.0",
            "d/v2/v2.2.0",
            "d/v1.0.1-0.20200101000000-abcdefabcdef",
            "v2.3.0",
            "dd/v1.0.0",
            "d/e/v1.1.0",
        ],
    );
    check_list(&fake, "example.test/x/d", "v1.0.0");
    check_list(&fake, "example.test/x/d/v2", "v2.0.0 v2.1.0");
    check_list(&fake, "example.test/x/d/e", "v1.1.0");
}

#[test]
fn unstable_gopkg_path_has_no_versions() {
    let fake = tagged(&[], &["v2.0.0", "v2.1.0", "v1.0.0", "v0.0.0-rc.1"]);
    check_list(&fake, "gopkg.in/x.v2-unstable", "");
    assert_eq!(fake.questions(), [""; 0]);
    check_list(&fake, "gopkg.in/x.v2", "v2.0.0 v2.1.0");
    check_list(&fake, "gopkg.in/x.v1", "v0.0.0-rc.1 v1.0.0");
    check_list(&fake, "gopkg.in/x.v0", "v0.0.0-rc.1");
}

#[test]
fn subdirectory_of_the_tag_page_comes_behind_the_path() {
    let fake = tagged(&[], &["s/t/v1.0.0", "d/s/t/v1.1.0"]);
    let place = |path: &str, subdirectory| {
        Module::new(
            Arc::new(fake.clone()),
            ROOT,
            Some(subdirectory),
            path.parse().unwrap(),
        )
    };
    for (path, subdirectory, want) in [
        (ROOT, "s/t", "v1.0.0"),
        (ROOT, "s//./t", "v1.0.0"),
        ("example.test/x/d", "s/t", "v1.1.0"),
    ] {
        let versions = place(path, subdirectory).unwrap().list_versions().unwrap();
        assert_eq!(joined(&versions), want);
    }
    for bad in ["..", "../x", "s/../t", "s/.."] {
        check_said(
            &said(place(ROOT, bad).map(|_| "")),
            "!invalid leaves the repository",
        );
    }
}

#[test]
fn repository_must_be_able_to_hold_the_path() {
    let place = |root, path: &str| {
        said(Module::new(Arc::new(Fake::new()), root, None, path.parse().unwrap()).map(|_| ""))
    };
    check_said(&place("example.test/x/v2", "example.test/x/v2"), "");
    check_said(&place("example.test/x", "example.test/x/v2"), "");
    check_said(
        &place("example.test/y", "example.test/x"),
        "!invalid found the repository",
    );
    check_said(
        &place("example.test/x", "example.test/xy"),
        "!invalid found the repository",
    );
    check_said(
        &place("gopkg.in/x", "gopkg.in/x.v2"),
        "!invalid found the repository",
    );
    check_said(
        &place("example.test/x/v2", "example.test/x"),
        "!invalid found the repository",
    );
}

#[test]
fn trap_t10_go_mod_in_the_newest_compatible_version_ends_the_incompatible_ones() {
    let fake = Fake::new()
        .commit(&[])
        .tag("v1.0.0")
        .tag("v2.0.0")
        .commit(&[GO_MOD])
        .tag("v1.1.0-rc.1");
    check_list(&fake, ROOT, "v1.0.0 v1.1.0-rc.1");
    assert_eq!(
        fake.questions(),
        ["tags v", "stat v1.1.0-rc.1", "read 2:go.mod"]
    );
    let fake = fake.commit(&[]).tag("v1.1.0");
    check_list(&fake, ROOT, "v1.0.0 v1.1.0-rc.1 v1.1.0 v2.0.0+incompatible");
}

#[test]
fn trap_t10_go_mod_in_the_newest_of_a_major_drops_that_major() {
    let fake = Fake::new()
        .commit(&[("v2/go.mod", "module example.test/x/v2\n")])
        .tag("v2.0.0")
        .tag("v3.0.0")
        .tag("v10.0.0")
        .tag("v10.1.0-rc.1")
        .commit(&[GO_MOD])
        .tag("v3.1.0")
        .tag("v2.0.0-rc.1");
    check_list(
        &fake,
        ROOT,
        "v2.0.0-rc.1+incompatible v2.0.0+incompatible v10.0.0+incompatible v10.1.0-rc.1+incompatible",
    );
    let want = [
        "tags v",
        "stat v2.0.0",
        "read 1:go.mod",
        "stat v3.1.0",
        "read 2:go.mod",
    ];
    // v10.1.0-rc.1 stands on a commit that is known by then.
    assert_eq!(fake.questions(), want);
}

#[test]
fn go_mod_counts_whatever_it_says_and_however_large() {
    for content in ["", "rubbish (", &"x".repeat((16 << 20) + 1)] {
        let fake = tagged(&[("go.mod", content)], &["v2.0.0"]);
        check_list(&fake, ROOT, "");
    }
}

#[test]
fn incompatible_versions_are_of_root_modules_without_suffix() {
    let fake = tagged(&[], &["v2.0.0", "d/v2.0.0"]);
    check_list(&fake, ROOT, "v2.0.0+incompatible");
    check_list(&fake, "example.test/x/d", "");
    check_list(&fake, "example.test/x/v3", "");
    check_list(&fake, "gopkg.in/x.v1", "");
}

/// Observed: `go list -m -versions` fails as a whole.
#[test]
fn tag_without_files_fails_the_list_where_it_must_be_looked_into() {
    let fake = tagged(&[], &["v1.0.0"]).tag_blob("v1.1.0");
    check_list(&fake, ROOT, "v1.0.0 v1.1.0");
    check_list(&fake.clone().tag("v2.0.0"), ROOT, "!invalid v1.1.0");
    check_list(
        &tagged(&[], &["v1.0.0"]).tag_blob("v2.1.0"),
        ROOT,
        "!invalid v2.1.0",
    );
}

#[test]
fn no_module_is_told_from_a_module_without_versions() {
    let of_module = |fake: &Fake, path| {
        let answer = module(fake, path).list_versions_of_module();
        said(answer.map(|versions| joined(&versions)))
    };
    let fake = Fake::new().commit(&[GO_MOD]);
    check_said(&of_module(&fake, ROOT), "");
    assert_eq!(fake.questions(), ["tags v", "latest", "read 1:go.mod"]);
    check_said(
        &of_module(&fake, "example.test/x/d"),
        "!absent missing d/go.mod",
    );
    check_said(&of_module(&fake, "example.test/x/v2"), "!absent v2");
    check_said(&of_module(&Fake::new(), ROOT), "!absent no commits");
    check_said(
        &of_module(&Fake::new().unreachable("latest"), ROOT),
        "!unreachable no route",
    );
    check_said(
        &of_module(&Fake::new().unreachable("tags"), ROOT),
        "!unreachable no route",
    );
    let fake = fake.tag("d/v1.0.0");
    fake.questions();
    check_said(&of_module(&fake, "example.test/x/d"), "v1.0.0");
    assert_eq!(fake.questions(), ["tags d/v"]);
}

#[test]
fn retractions_are_found_as_if_each_were_looked_at() {
    let text = "module m\nretract [v1.5.0, v1.6.0]\nretract v1.0.0\nretract [v1.1.0, v1.4.0]\n\
        retract [v1.2.0, v1.3.0]\nretract [word, v0.1.0]\nretract [v2.0.0, word]\nretract [v3.1.0, v3.0.0]\n";
    let file = gomod::modfile::parse_lax("go.mod", text.as_bytes()).unwrap();
    assert_eq!(file.retract.len(), 7);
    let retractions = Retractions::new(file.retract.clone());
    for version in [
        "v0.0.1",
        "v0.1.0",
        "v0.2.0",
        "v1.0.0-rc.1",
        "v1.0.0",
        "v1.0.1",
        "v1.1.0",
        "v1.3.5",
        "v1.4.0",
        "v1.4.1",
        "v1.5.5",
        "v1.6.0",
        "v1.6.1",
        "v2.0.0",
        "v3.0.0",
        "v3.0.5",
        "v3.1.0",
        "v9.0.0",
    ] {
        let want = file.find_retraction(version).is_some();
        assert_eq!(retractions.cover(version), want, "{version}");
    }
    assert!(!Retractions::default().cover("v1.0.0"));
}
