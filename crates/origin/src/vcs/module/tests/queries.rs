//! What a name, a branch or a revision is called as a version.

use super::fake::Fake;
use super::{ROOT, check_questions, check_said, check_stat, module, pseudo, said, stated};

const GO_MOD: (&str, &str) = ("go.mod", "module example.test/x\n");

#[test]
fn tagged_version_costs_one_look_at_tag_and_go_mod() {
    let fake = Fake::new()
        .commit(&[GO_MOD, ("d/go.mod", "module example.test/x/d\n")])
        .tag("v1.0.0")
        .tag("v1.1.0")
        .tag("d/v1.0.0")
        .commit(&[("v2/go.mod", "module example.test/x/v2\n")])
        .tag("v2.0.0")
        .commit(&[])
        .tag("v3.0.0");
    check_stat(&fake, ROOT, "v1.0.0", "v1.0.0");
    check_questions(&fake, ROOT, "v1.0.0", &["stat v1.0.0", "read 1:go.mod"]);
    check_stat(&fake, "example.test/x/d", "v1.0.0", "v1.0.0");
    check_questions(
        &fake,
        "example.test/x/d",
        "v1.0.0",
        &["stat d/v1.0.0", "read 1:d/go.mod"],
    );
    check_stat(&fake, "example.test/x/v2", "v2.0.0", "v2.0.0");
    let places = ["stat v2.0.0", "read 2:go.mod", "read 2:v2/go.mod"];
    check_questions(&fake, "example.test/x/v2", "v2.0.0", &places);
    check_stat(&fake, ROOT, "v3.0.0", "v3.0.0+incompatible");
    let places = ["stat v3.0.0", "read 3:go.mod", "read 3:v3/go.mod"];
    check_questions(&fake, ROOT, "v3.0.0", &places);
    check_questions(
        &fake,
        ROOT,
        "v3.0.0+incompatible",
        &["stat v3.0.0", "read 3:go.mod"],
    );
    check_questions(&fake, ROOT, "v1.2.3", &["stat v1.2.3"]);
    check_questions(
        &fake,
        "example.test/x/v2",
        "v1.0.0",
        &["stat v1.0.0", "read 1:go.mod", "read 1:v2/go.mod"],
    );
    check_questions(&fake, ROOT, "", &[]);
}

#[test]
fn unknown_names_are_absent() {
    let fake = Fake::new().commit(&[GO_MOD]).tag("v3.0.0+incompatible");
    for (query, rev) in [
        ("v1.0.0", "v1.0.0"),
        ("v3.0.0+incompatible", "v3.0.0"),
        ("feature/x", "feature/x"),
        ("0123456", "0123456"),
        ("100000", "100000"),
        ("", ""),
    ] {
        check_stat(
            &fake,
            ROOT,
            query,
            &format!("!absent unknown revision {rev}"),
        );
    }
    check_stat(
        &fake,
        "example.test/x/d",
        "v1.0.0",
        "!absent unknown revision d/v1.0.0",
    );
    check_stat(
        &fake,
        "example.test/x/d",
        "main",
        "!absent missing d/go.mod",
    );
    let found = said(module(&fake, ROOT).stat("v1.0.0").map(|_| ""));
    assert_eq!(
        found,
        "!absent example.test/x@v1.0.0: invalid version: unknown revision v1.0.0"
    );
    check_stat(&Fake::new(), ROOT, "latest", "!absent no commits");
}

#[test]
fn branch_named_like_a_version_is_not_that_version() {
    let fake = Fake::new()
        .commit(&[GO_MOD])
        .branch("v1.9.0")
        .branch("v1.8");
    check_stat(
        &fake,
        ROOT,
        "v1.9.0",
        "!invalid there is no tag for it, and the revision of this name is v0.0.0-",
    );
    check_stat(&fake, ROOT, "v1.8", &pseudo("v0.0.0-", 1));
}

#[test]
fn trap_t11_incompatible_is_for_trees_without_go_mod() {
    let fake = Fake::new()
        .commit(&[])
        .tag("v2.0.0")
        .commit(&[("v2/go.mod", "module example.test/x/v2\n")])
        .tag("v2.1.0")
        .tag("v3.0.0")
        .commit(&[GO_MOD])
        .tag("v2.2.0")
        .tag("v1.0.0");
    for (query, want) in [
        ("v2.0.0", "v2.0.0+incompatible"),
        ("v2.0.0+incompatible", "v2.0.0+incompatible"),
        ("v2.1.0", "!invalid with a go.mod file this version belongs"),
        ("v2.1.0+incompatible", "v2.1.0+incompatible"),
        ("v3.0.0", "v3.0.0+incompatible"),
        (
            "v2.2.0",
            "!invalid belongs to the path \"example.test/x/v2\"",
        ),
        (
            "v2.2.0+incompatible",
            "!invalid with a go.mod file this version belongs",
        ),
        (
            "v1.0.0+incompatible",
            "!invalid +incompatible does not go with major version v1",
        ),
    ] {
        check_stat(&fake, ROOT, query, want);
    }
    let fake = Fake::new()
        .commit(&[
            ("go.mod", "module example.test/x/v2\n"),
            ("d/go.mod", "module example.test/x/d\n"),
        ])
        .tag("v3.0.0")
        .tag("d/v2.0.0");
    check_stat(
        &fake,
        "example.test/x/v2",
        "v3.0.0",
        "!invalid not that of the path",
    );
    check_stat(
        &fake,
        "example.test/x/d",
        "v2.0.0",
        "!invalid with a go.mod file this version belongs",
    );
    check_stat(
        &fake,
        "example.test/x/d",
        "v2.0.0+incompatible",
        "!invalid with a go.mod file this version belongs",
    );
}

#[test]
fn canonical_tag_on_the_commit_is_its_name() {
    let fake = Fake::new()
        .commit(&[GO_MOD])
        .tag("v1.0.0")
        .tag("v1.1.0")
        .tag("v1.1.0-rc.1")
        .tag("release")
        .tag("v2.0.0");
    for query in ["main", "latest", "release", "1000000", "100000000000"] {
        check_stat(&fake, ROOT, query, "v1.1.0");
    }
    check_stat(&fake, ROOT, "v1.0.0", "v1.0.0");
    let fake = Fake::new().commit(&[]).tag("v1.0.0").tag("v2.0.0");
    check_stat(&fake, ROOT, "main", "v2.0.0+incompatible");
    check_questions(
        &fake,
        ROOT,
        "main",
        &["stat main", "tags v", "read 1:go.mod", "read 1:v2/go.mod"],
    );
    let fake = Fake::new()
        .commit(&[("v2/go.mod", "module example.test/x/v2\n")])
        .tag("v1.0.0")
        .tag("v2.0.0");
    check_stat(&fake, ROOT, "main", "v1.0.0");
}

#[test]
fn name_that_is_not_canonical_gives_the_tag_or_is_built_on() {
    let fake = Fake::new()
        .commit(&[GO_MOD])
        .tag("v1.0.0")
        .commit(&[GO_MOD])
        .tag("v1.1.0+meta")
        .tag("v1.2")
        .commit(&[GO_MOD])
        .tag("v1.3.0")
        .tag("v1.3.0+meta")
        .tag("v1.3")
        .commit(&[GO_MOD])
        .tag("v1.4.0+a")
        .tag("v1.5.0+b");
    for (query, want) in [
        ("v1.1.0+meta", pseudo("v1.1.1-0.", 2)),
        ("v1.2", pseudo("v1.1.1-0.", 2)),
        ("v1.3.0+meta", "v1.3.0".to_owned()),
        ("v1.3", "v1.3.0".to_owned()),
        ("v1.4.0+a", pseudo("v1.4.1-0.", 4)),
        ("v1.5.0+b", pseudo("v1.5.1-0.", 4)),
        ("main", pseudo("v1.5.1-0.", 4)),
        ("v1.1.0", "!absent unknown revision v1.1.0".to_owned()),
    ] {
        check_stat(&fake, ROOT, query, &want);
    }
}

#[test]
fn base_is_the_highest_usable_ancestor() {
    let fake = Fake::new()
        .commit(&[GO_MOD])
        .tag("v1.2.0")
        .tag("v1.3.0-rc.1")
        .tag("v2.0.0")
        .tag("d/v1.9.0")
        .tag("v1.8.0-0.20200101000000-abcdefabcdef")
        .commit(&[GO_MOD])
        .tag("v1.1.0")
        .commit(&[GO_MOD])
        .commit_on(1, &[GO_MOD])
        .tag("v1.7.0")
        .commit_on(
            3,
            &[
                GO_MOD,
                ("v2/go.mod", "module example.test/x/v2\n"),
                ("d/go.mod", "module example.test/x/d\n"),
            ],
        );
    check_stat(&fake, ROOT, "main", &pseudo("v1.3.0-rc.1.0.", 5));
    check_stat(&fake, "example.test/x/v2", "main", &pseudo("v2.0.1-0.", 5));
    check_stat(&fake, "example.test/x/d", "main", &pseudo("v1.9.1-0.", 5));
    check_stat(
        &fake.clone().without_history(),
        ROOT,
        "main",
        &pseudo("v0.0.0-", 5),
    );
    let fake = Fake::new()
        .commit(&[("go.mod", "module example.test/x/v2\n")])
        .tag("v1.0.0")
        .commit(&[("go.mod", "module example.test/x/v2\n")]);
    check_stat(&fake, "example.test/x/v2", "main", &pseudo("v2.0.0-", 2));
    // No tag can be a base, so nobody looks for one.
    check_questions(
        &fake,
        "example.test/x/v2",
        "main",
        &["stat main", "tags v", "read 2:go.mod", "read 2:v2/go.mod"],
    );
}

#[test]
fn incompatible_tags_are_bases_where_they_would_be_versions() {
    let fake = Fake::new()
        .commit(&[])
        .tag("v1.5.0")
        .tag("v10.0.0")
        .tag("v9.9.9")
        .commit(&[]);
    check_stat(
        &fake,
        ROOT,
        "main",
        &format!("{}+incompatible", pseudo("v10.0.1-0.", 2)),
    );
    let with_go_mod = fake.clone().commit(&[GO_MOD]);
    check_stat(&with_go_mod, ROOT, "main", &pseudo("v1.5.1-0.", 3));
    let with_major = fake.commit(&[("v10/go.mod", "module example.test/x/v10\n")]);
    check_stat(
        &with_major,
        ROOT,
        "main",
        &format!("{}+incompatible", pseudo("v9.9.10-0.", 3)),
    );
}

#[test]
fn trap_t3_gopkg_v1_begins_at_v1() {
    let fake = Fake::new().commit(&[]);
    check_stat(&fake, "gopkg.in/x.v1", "main", &pseudo("v1.0.0-", 1));
    check_stat(&fake, "gopkg.in/x.v0", "main", &pseudo("v0.0.0-", 1));
    check_stat(&fake, "gopkg.in/x.v3", "main", &pseudo("v3.0.0-", 1));
    check_stat(
        &fake,
        "gopkg.in/x.v1",
        &pseudo("v0.0.0-", 1),
        &pseudo("v0.0.0-", 1),
    );
    check_stat(
        &fake,
        "gopkg.in/x.v3",
        &pseudo("v0.0.0-", 1),
        "!invalid not that of the path",
    );
}

#[test]
fn unstable_gopkg_path_still_knows_tags_by_name() {
    let fake = Fake::new().commit(&[]).tag("v2.0.0").commit(&[]);
    let path = "gopkg.in/x.v2-unstable";
    check_stat(&fake, path, "v2.0.0", "v2.0.0");
    check_stat(&fake, path, "main", &pseudo("v2.0.1-0.", 2));
    check_stat(
        &Fake::new().commit(&[]),
        path,
        "main",
        &pseudo("v2.0.0-", 1),
    );
}

const RETRACT: &str =
    "module example.test/x\nretract v1.1.0 // by mistake\nretract [v1.3.0-rc.1, v1.3.0]\n";

#[test]
fn trap_t16_retracted_versions_name_no_branch() {
    let fake = Fake::new()
        .commit(&[GO_MOD])
        .tag("v1.0.0")
        .commit(&[GO_MOD])
        .tag("v1.1.0")
        .branch("old")
        .commit(&[("go.mod", RETRACT)])
        .tag("v1.3.0")
        .tag("v1.4.0-rc.1");
    check_stat(&fake, ROOT, "v1.1.0", "v1.1.0");
    check_stat(&fake, ROOT, "old", &pseudo("v1.0.1-0.", 2));
    check_stat(&fake, ROOT, "2000000", &pseudo("v1.0.1-0.", 2));
    check_stat(&fake, ROOT, "main", "v1.4.0-rc.1");
    check_stat(&fake, ROOT, "v1.3.0", "v1.3.0");
    check_questions(
        &fake,
        ROOT,
        "old",
        &[
            "stat old",
            "tags v",
            "stat v1.3.0",
            "read 3:go.mod",
            "recent 2 ",
            "read 2:go.mod",
        ],
    );
    let lost = fake.clone().unreachable("stat v1.3.0");
    check_stat(&lost, ROOT, "old", "!unreachable no route");
    check_stat(&lost, ROOT, "v1.1.0", "v1.1.0");
}

#[test]
fn retractions_are_those_of_the_highest_release() {
    let retract =
        |version: &str, more: &str| format!("module example.test/x\nretract {version}\n{more}");
    let repository = |release: &str, prerelease: &str| {
        Fake::new()
            .commit(&[GO_MOD])
            .tag("v1.0.0")
            .branch("old")
            .commit(&[("go.mod", release)])
            .tag("v1.1.0")
            .commit(&[("go.mod", prerelease)])
            .tag("v1.2.0-rc.1")
    };
    let (yes, no) = (retract("v1.0.0", ""), retract("v1.5.0", ""));
    check_stat(&repository(&yes, &no), ROOT, "old", &pseudo("v0.0.0-", 1));
    check_stat(&repository(&no, &yes), ROOT, "old", "v1.0.0");
    let only_prereleases = Fake::new()
        .commit(&[GO_MOD])
        .tag("v1.0.0-a")
        .branch("old")
        .commit(&[("go.mod", &retract("v1.0.0-a", ""))])
        .tag("v1.0.0-b");
    check_stat(&only_prereleases, ROOT, "old", &pseudo("v0.0.0-", 1));
    // What cannot be read takes nothing back: another path, a file that does not parse, no commit behind the tag.
    check_stat(
        &repository("module example.test/x/v2\nretract v1.0.0\n", &no),
        ROOT,
        "old",
        "v1.0.0",
    );
    check_stat(
        &repository(&retract("v1.0.0", "require (\n"), &no),
        ROOT,
        "old",
        "v1.0.0",
    );
    check_stat(
        &repository(&yes, &no).tag_blob("v1.9.0"),
        ROOT,
        "old",
        "v1.0.0",
    );
    check_stat(
        &repository("module example.test/x\nretract [v1.0.0, v1.0\n", &no),
        ROOT,
        "old",
        "v1.0.0",
    );
    // An incompatible version can take nothing back.
    let incompatible = repository(&yes, &no).commit(&[]).tag("v2.0.0");
    check_stat(&incompatible, ROOT, "old", &pseudo("v0.0.0-", 1));
}

/// Observed: the look-alike test of queries sees the directory before the tag, that of lists does not.
#[test]
fn look_alike_tag_of_a_subdirectory_spoils_branches() {
    let go_mod = ("d/go.mod", "module example.test/x/d\n");
    let path = "example.test/x/d";
    let unknown = Fake::new()
        .commit(&[go_mod])
        .tag("d/v1.0.1-0.20200101000000-aaaaaaaaaaaa");
    check_stat(
        &unknown,
        path,
        "main",
        "!absent unknown revision aaaaaaaaaaaa",
    );
    let own = format!("d/{}", pseudo("v1.0.1-0.", 1));
    check_stat(
        &Fake::new().commit(&[go_mod]).tag(&own),
        path,
        "main",
        &own[2..],
    );
    let other = Fake::new().commit(&[go_mod]).commit(&[go_mod]).tag(&own);
    check_stat(&other, path, "main", &own[2..]);
    check_stat(
        &other,
        path,
        &own[2..],
        "!invalid there is no tag d/v1.0.0 to follow",
    );
    let at_root = Fake::new()
        .commit(&[GO_MOD])
        .tag("v1.0.1-0.20200101000000-aaaaaaaaaaaa");
    check_stat(&at_root, ROOT, "main", &pseudo("v0.0.0-", 1));
}

#[test]
fn latest_is_the_newest_revision() {
    let fake = Fake::new().commit(&[GO_MOD]).tag("v1.0.0");
    check_said(
        &said(module(&fake, ROOT).latest().map(|stated| stated.version)),
        "v1.0.0",
    );
    let fake = fake.commit(&[GO_MOD]);
    let latest = module(&fake, ROOT).latest().unwrap();
    assert_eq!(latest.version.as_str(), pseudo("v1.0.1-0.", 2));
    assert_eq!(latest.revision.reference.as_deref(), Some("HEAD"));
    assert_eq!(latest, stated(&fake, ROOT, "latest"));
    let fake = Fake::new().commit(&[GO_MOD]);
    check_questions(
        &fake,
        ROOT,
        "latest",
        &["latest", "tags v", "read 1:go.mod"],
    );
}

#[test]
fn overlong_tags_name_no_version() {
    let long = format!("v1.0.0-{}", "x".repeat(300));
    let fake = Fake::new().commit(&[GO_MOD]).tag(&long).tag("v1.0.0");
    assert_eq!(module(&fake, ROOT).list_versions().unwrap().len(), 1);
    check_stat(&fake, ROOT, &long, "!invalid more than 247");
}
