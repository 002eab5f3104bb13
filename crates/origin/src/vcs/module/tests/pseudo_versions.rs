//! Whether pseudo-versions that somebody else made are true.

use super::fake::Fake;
use super::{ROOT, check_questions, check_stat, pseudo};

const GO_MOD: (&str, &str) = ("go.mod", "module example.test/x\n");

/// 1 is v1.0.0; 2 follows; 3 is v1.1.0+meta; 4 is beside them from 1 on, v1.5.0.
fn repository() -> Fake {
    Fake::new()
        .commit(&[GO_MOD])
        .tag("v1.0.0")
        .commit(&[GO_MOD])
        .commit(&[GO_MOD])
        .tag("v1.1.0+meta")
        .commit_on(1, &[GO_MOD])
        .tag("v1.5.0")
        .commit_on(3, &[GO_MOD])
}

#[test]
fn true_pseudo_versions_are_their_own_name() {
    let fake = repository();
    for version in [
        pseudo("v0.0.0-", 2),
        pseudo("v1.0.1-0.", 2),
        pseudo("v1.0.1-0.", 5), // v1.1.0 is higher, and need not be taken
        pseudo("v1.1.1-0.", 5),
        pseudo("v0.0.0-", 1),
    ] {
        check_stat(&fake, ROOT, &version, &version);
    }
}

#[test]
fn trap_t5_revision_has_its_canonical_length() {
    let fake = repository();
    let short = |digits: &str| format!("v0.0.0-20200101000200-{digits}");
    check_stat(&fake, ROOT, &short("200000000000"), &short("200000000000"));
    check_stat(
        &fake,
        ROOT,
        &short("20000000000"),
        "!invalid its revision is to be written 200000000000",
    );
    check_stat(
        &fake,
        ROOT,
        &short("2000000000000"),
        "!invalid its revision is to be written",
    );
    check_stat(
        &fake,
        ROOT,
        &short("200000"),
        "!absent unknown revision 200000",
    );
    check_stat(
        &fake,
        ROOT,
        &short("abcdefabcdef"),
        "!absent unknown revision abcdefabcdef",
    );
    check_stat(
        &fake.tag("abcdefabcdef"),
        ROOT,
        &short("abcdefabcdef"),
        "!invalid its revision is to be written",
    );
}

#[test]
fn time_is_that_of_the_commit() {
    let fake = repository();
    check_stat(
        &fake,
        ROOT,
        "v0.0.0-20200101000201-200000000000",
        "!invalid its commit was made at 20200101000200",
    );
    check_stat(
        &fake,
        ROOT,
        "v0.0.0-20201301000000-200000000000",
        "!invalid malformed time",
    );
}

#[test]
fn trap_t6_checks_come_in_order() {
    let fake = repository();
    let wrong_all = "v1.9.1-0.20200101000000-20000000000";
    check_stat(
        &fake,
        "example.test/x/d",
        wrong_all,
        "!absent missing d/go.mod",
    );
    check_questions(
        &fake,
        "example.test/x/d",
        wrong_all,
        &["stat 20000000000", "read 2:d/go.mod"],
    );
    check_stat(
        &fake,
        "example.test/x",
        &wrong_all.replace("v1", "v2"),
        "!invalid with a go.mod file",
    );
    check_stat(
        &fake,
        ROOT,
        wrong_all,
        "!invalid its revision is to be written",
    );
    check_stat(
        &fake,
        ROOT,
        "v1.9.1-0.20200101000000-200000000000",
        "!invalid its commit was made",
    );
    check_questions(
        &fake,
        ROOT,
        "v1.9.1-0.20200101000000-200000000000",
        &["stat 200000000000", "read 2:go.mod"],
    );
    check_stat(
        &fake,
        ROOT,
        &pseudo("v1.9.1-0.", 2),
        "!invalid there is no tag v1.9.0 to follow",
    );
    check_questions(
        &fake,
        ROOT,
        &pseudo("v0.0.0-", 2),
        &["stat 200000000000", "read 2:go.mod"],
    );
    check_questions(
        &fake,
        ROOT,
        &pseudo("v1.0.1-0.", 2),
        &[
            "stat 200000000000",
            "read 2:go.mod",
            "tags v1.0.0",
            "descends 2 v1.0.0",
        ],
    );
}

#[test]
fn trap_t6_without_base_any_major_of_the_path_will_do() {
    let fake = Fake::new().commit(&[]);
    check_stat(
        &fake,
        ROOT,
        &pseudo("v1.0.0-", 1),
        "!invalid begins with v0, not v1",
    );
    // Observed: without a go.mod the later majors are there too, and the suffix does no harm without a base.
    let incompatible = format!("{}+incompatible", pseudo("v2.0.0-", 1));
    check_stat(&fake, ROOT, &pseudo("v2.0.0-", 1), &incompatible);
    check_stat(&fake, ROOT, &incompatible, &incompatible);
    check_stat(
        &fake,
        "gopkg.in/x.v1",
        &pseudo("v1.0.0-", 1),
        &pseudo("v1.0.0-", 1),
    );
    check_stat(
        &fake,
        ROOT,
        &pseudo("v0.1.0-0.", 1),
        "!invalid negative patch number",
    );
    let fake = Fake::new().commit(&[("go.mod", "module example.test/x/v2\n")]);
    check_stat(
        &fake,
        "example.test/x/v2",
        &pseudo("v2.0.0-", 1),
        &pseudo("v2.0.0-", 1),
    );
    check_stat(
        &fake,
        "example.test/x/v2",
        &pseudo("v0.0.0-", 1),
        "!invalid not that of the path",
    );
}

#[test]
fn trap_t6_base_is_an_ancestor() {
    let fake = repository();
    check_stat(
        &fake,
        ROOT,
        &pseudo("v1.5.1-0.", 2),
        "!invalid does not follow the tag v1.5.0",
    );
    check_stat(
        &fake,
        ROOT,
        &pseudo("v1.1.1-0.", 2),
        "!invalid does not follow the tag v1.1.0",
    );
    check_stat(
        &fake,
        ROOT,
        &pseudo("v1.0.0-rc.0.", 2),
        "!invalid there is no tag v1.0.0-rc to follow",
    );
    check_stat(
        &fake.clone().without_history(),
        ROOT,
        &pseudo("v1.0.1-0.", 2),
        "!invalid no history",
    );
    check_stat(
        &fake.clone().unreachable("descends"),
        ROOT,
        &pseudo("v1.0.1-0.", 2),
        "!unreachable no route",
    );
    // A second tag of the same rank will do.
    let twice = fake
        .commit_on(2, &[GO_MOD])
        .tag("v1.5.0+again")
        .commit(&[GO_MOD]);
    check_stat(
        &twice,
        ROOT,
        &pseudo("v1.5.1-0.", 7),
        &pseudo("v1.5.1-0.", 7),
    );
    let version = pseudo("v1.5.1-0.", 7);
    check_questions(
        &twice,
        ROOT,
        &version,
        &[
            "stat 700000000000",
            "read 7:go.mod",
            "tags v1.5.0",
            "recent 7 ",
        ],
    );
}

#[test]
fn base_of_a_subdirectory_bears_its_name() {
    let go_mod = ("d/go.mod", "module example.test/x/d\n");
    let fake = Fake::new()
        .commit(&[go_mod])
        .tag("d/v1.0.0")
        .tag("v1.5.0")
        .commit(&[go_mod]);
    let path = "example.test/x/d";
    check_stat(
        &fake,
        path,
        &pseudo("v1.0.1-0.", 2),
        &pseudo("v1.0.1-0.", 2),
    );
    check_stat(
        &fake,
        path,
        &pseudo("v1.5.1-0.", 2),
        "!invalid there is no tag d/v1.5.0 to follow",
    );
    check_stat(
        &fake,
        path,
        &pseudo("v1.0.1-0.", 1),
        "!invalid is to be used instead",
    );
}

#[test]
fn trap_t7_base_in_canonical_form_is_not_on_the_commit_itself() {
    let fake = repository();
    check_stat(
        &fake,
        ROOT,
        &pseudo("v1.0.1-0.", 1),
        "!invalid is to be used instead",
    );
    check_stat(
        &fake,
        ROOT,
        &pseudo("v1.1.1-0.", 3),
        &pseudo("v1.1.1-0.", 3),
    );
}

#[test]
fn incompatible_base_is_a_tag_without_the_suffix() {
    let fake = Fake::new()
        .commit(&[])
        .tag("v2.0.0")
        .commit(&[])
        .commit(&[GO_MOD]);
    let plain = pseudo("v2.0.1-0.", 2);
    let suffixed = format!("{plain}+incompatible");
    check_stat(&fake, ROOT, &suffixed, &suffixed);
    check_stat(&fake, ROOT, &plain, &suffixed);
    check_stat(
        &fake,
        ROOT,
        &format!("{}+incompatible", pseudo("v2.0.1-0.", 3)),
        "!invalid with a go.mod file",
    );
    let v0 = format!("{}+incompatible", pseudo("v0.0.0-", 2));
    check_stat(
        &fake,
        ROOT,
        &v0,
        "!invalid does not go with major version v0",
    );
}
