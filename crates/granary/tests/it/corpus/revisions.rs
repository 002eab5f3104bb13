//! Names of revisions, asked of one honest repository: forged pseudo-versions, branches and tags that are no versions,
//! modules that are not there.

use git::id::ObjectId;

use super::case::Case;
use super::stage::Stage;
use crate::rig::forge::Site;
use crate::rig::pack::{FILE, FOLDER, Pack};

/// When every commit of the repository was made, in a pseudo-version.
const TIME: &str = "20200913122640";

/// All cases; the forge has the repository.
pub fn cases(stage: &Stage) -> Vec<Case> {
    let (site, first, second) = repository();
    stage.forge.put("h/revs", site);
    let (a, b) = (&first.to_string()[..12], &second.to_string()[..12]);
    let mut cases = Vec::new();
    let mut ask = |name: &str, path: &str, statuses: &str| {
        let target = format!("/github.com/h/revs{path}");
        cases.push(Case::get(
            &format!("revision: {name}"),
            &target,
            statuses,
            "",
        ));
    };
    ask(
        "what is right",
        &format!("/@v/v1.0.1-0.{TIME}-{b}.info"),
        "200",
    );
    for (name, version) in [
        ("a base that comes later", format!("v1.2.1-0.{TIME}-{a}")),
        ("a base that is not there", format!("v1.9.1-0.{TIME}-{b}")),
        ("a base beyond the path", format!("v0.9.1-0.{TIME}-{b}")),
        ("no base where there is one", format!("v1.0.0-{TIME}-{b}")),
        ("no base and v0", format!("v0.0.0-{TIME}-{b}")),
        (
            "a base that is a pre-release",
            format!("v1.0.0-pre.0.{TIME}-{b}"),
        ),
        ("a second too late", format!("v1.0.1-0.20200913122641-{b}")),
        ("a second too early", format!("v1.0.1-0.20200913122639-{b}")),
        ("the year 9999", format!("v1.0.1-0.99991231235959-{b}")),
        ("the year 0", format!("v1.0.1-0.00000101000000-{b}")),
        ("no day", format!("v1.0.1-0.20200931122640-{b}")),
        ("99 of everything", format!("v1.0.1-0.99999999999999-{b}")),
        (
            "a commit too short",
            format!("v1.0.1-0.{TIME}-{}", &b[..11]),
        ),
        (
            "a commit too long",
            format!("v1.0.1-0.{TIME}-{}", &second.to_string()[..13]),
        ),
        ("a whole commit", format!("v1.0.1-0.{TIME}-{second}")),
        (
            "a commit in capitals",
            format!("v1.0.1-0.{TIME}-!a!b!c!d!e!f012345"),
        ),
        (
            "a commit that is not there",
            format!("v1.0.1-0.{TIME}-000000000000"),
        ),
        ("a branch for a commit", format!("v1.0.1-0.{TIME}-main")),
        (
            "incompatible with a go.mod",
            "v2.0.0+incompatible".to_owned(),
        ),
        (
            "an incompatible pseudo-version",
            format!("v2.0.1-0.{TIME}-{b}+incompatible"),
        ),
        ("a tag of build metadata", "v1.3.0+meta".to_owned()),
        ("a version that is a tree", "v1.4.0".to_owned()),
    ] {
        // Any commit may be pinned before all versions, and a tag may be asked for as a branch is.
        let may_be = name == "no base and v0" || name == "a tag of build metadata";
        let statuses = if may_be { "200|404" } else { "404" };
        for ending in ["info", "mod", "zip"] {
            ask(
                &format!("{name}: {ending}"),
                &format!("/@v/{version}.{ending}"),
                statuses,
            );
        }
    }
    for (name, query, statuses) in [
        ("a branch", "main", "200"),
        ("a branch of another case", "!main", "404"),
        ("a branch with a parameter", "master;x", "404"),
        ("a tag that is a way out", "..", "404"),
        ("HEAD", "!h!e!a!d", "200|404"),
        ("a ref by its whole name", "refs%2Fheads%2Fmain", "404"),
        ("a pull request", "pull%2F1%2Fhead", "404"),
        ("a commit in part", &b[..4], "200|404"),
        ("one digit", "a", "404"),
        (
            "forty zeros",
            "0000000000000000000000000000000000000000",
            "404",
        ),
        ("the commit's parent", &format!("{b}~1"), "404"),
        ("a tree for a commit", "v1.4.0", "404"),
        ("latest", "latest", "200|404"),
    ] {
        ask(name, &format!("/@v/{query}.info"), statuses);
    }
    for (name, path) in [
        ("a folder without a go.mod", "/docs/@v/list"),
        ("a folder that is not there", "/nowhere/@v/v1.0.0.info"),
        ("a file for a folder", "/p.go/@v/v1.0.0.info"),
        ("a folder whose tags have no prefix", "/sub/@v/v1.0.0.info"),
        ("a major version that is no folder", "/v3/@v/v3.0.0.info"),
        ("a major version below a folder", "/sub/v2/@v/v2.0.0.info"),
        ("a folder called .git", "/.git/@v/v1.0.0.info"),
        ("a folder of options", "/--upload-pack/@v/v1.0.0.info"),
    ] {
        ask(name, path, "200|404");
    }
    cases
}

/// Two commits: `v1.0.0` and, behind it, `v1.2.0`; a tag of a tree, tags of all kinds.
fn repository() -> (Site, ObjectId, ObjectId) {
    let mut pack = Pack::new();
    let go_mod = pack.blob(b"module github.com/h/revs\n");
    let below = pack.blob(b"module github.com/h/revs/sub\n");
    let (one, two) = (pack.blob(b"package p\n"), pack.blob(b"package p // 2\n"));
    let folder = pack.tree(&[(FILE, b"go.mod", below)]);
    let mut commit = |source, parents: &[ObjectId]| {
        let entries: [(&str, &[u8], ObjectId); 3] = [
            (FILE, b"go.mod", go_mod),
            (FILE, b"p.go", source),
            (FOLDER, b"sub", folder),
        ];
        let tree = pack.tree(&entries);
        (tree, pack.commit(tree, parents))
    };
    let (_, first) = commit(one, &[]);
    let (tree, middle) = commit(two, &[first]);
    let (_, last) = commit(one, &[middle]);
    let tags = [
        ("v1.0.0", first),
        ("v1.2.0", last),
        ("v2.0.0", last),
        ("v1.3.0+meta", last),
        ("v1.4.0", tree),
        ("V1.5.0", last),
        ("v1.0", first),
        ("sub/v0.1.0", first),
        ("--upload-pack=x", first),
        ("../../x", first),
    ];
    (Site::of(last, &tags, &pack.finish()), first, middle)
}
