//! Random repositories: a seed gives the same one always and everywhere.
//!
//! Small on purpose. What differs shows in three commits as well as in three hundred, and is understood sooner.

use super::case::{Case, Questions};
use super::repository::{Entry, Repository, Storage};
use super::samples::{ATTRIBUTES, write_texts};

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }

    /// True once in `times`.
    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Where modules may lie, by what follows the root in their path.
const MODULES: &[&str] = &["", "", "/v2", "/d", "/d/v2", "/d/e", "/Up", "/v3"];
/// Names of files that a module may hold.
const GOOD_NAMES: &[&str] = &[
    "x.go",
    "d/x.go",
    "d/e/y.go",
    "README",
    ".hidden",
    "-dash",
    "a b.txt",
    "LICENSE",
    "d/LICENSE",
    "vendor/modules.txt",
    "vendor/a/b.go",
    "d/vendor/a/b.go",
    "d/vendor/modules.txt",
    "d/vendor/x.go",
    "v2/x.go",
    "d/v2/x.go",
    "testdata/go.txt",
    "\u{e9}.go",
    ".hg_archival.txt",
    "d/.gitignore",
    "sub/z.txt",
    "Up/x.go",
    "LICENSE.md",
    "v2/LICENSE",
];
/// Names that mostly fail a module.
const BAD_NAMES: &[&str] = &[
    "a:b",
    "d/con",
    "X.go",
    "D/x.go",
    "e\u{301}",
    "d/License",
    "GO.MOD",
    "d/Go.mod",
    "\u{1f600}",
];
/// Versions that tags carry, most of them right.
const VERSIONS: &[&str] = &[
    "v1.0.0",
    "v1.0.1",
    "v1.1.0",
    "v1.2.0-rc.1",
    "v0.1.0",
    "v0.9.0",
    "v2.0.0",
    "v2.1.0",
    "v2.1.1-beta",
    "v3.0.0",
    "v1.3.0",
    "v1.10.0",
    "v0.2.0",
    "v1",
    "v1.2",
    "v1.4.0+meta",
    "1.5.0",
    "v1.0.0-0",
    "v1.2.0-rc.10",
    "v10.0.0",
    "v1.0.1-0.20200913122640-0123456789ab",
    "v2.0.0+incompatible",
];
const BRANCHES: &[&str] = &[
    "master",
    "master",
    "dev",
    "v2",
    "feature/x",
    "release-1",
    "Upper",
];
const GO_LINES: &[&str] = &[
    "",
    "go 1.16\n",
    "go 1.21\n",
    "go 1.23.4\n",
    "go 1.24\n",
    "go 1.24rc1\n",
    "go 1.26\n",
    "go 1.24 // x\n",
];
const RETRACTIONS: &[&str] = &[
    "retract v1.0.1\n",
    "retract [v1.0.0, v1.1.0]\n",
    "retract v2.1.0 // x\n",
    "retract v1.3.0\n",
    "retract [v0.0.0, v9.0.0]\n",
    "retract (\n\tv1.10.0\n\tv1.2.0-rc.1\n)\n",
];
/// What stands before the time of a pseudo-version, right for some commits only.
const STARTS: &[&str] = &[
    "v0.0.0-",
    "v1.0.1-0.",
    "v1.1.1-0.",
    "v0.1.1-0.",
    "v2.0.1-0.",
    "v1.2.0-rc.1.0.",
    "v2.0.0-",
    "v1.0.0-",
    "v1.3.1-0.",
];
const ENDINGS: &[&str] = &["", "", "", "", "+incompatible"];
const ZONES: &[&str] = &["+0000", "+0530", "-0800", "+1400"];

/// The case that a seed gives.
pub fn make(seed: u64) -> Case {
    let mut case = Case::new(&format!("random-{seed}"), |r, q| {
        let mut dice = Dice(seed);
        build(&mut dice, r);
        ask(&mut dice, r, q);
    });
    case.seed = Some(seed);
    case
}

fn build(dice: &mut Dice, r: &mut Repository) {
    r.sha256 = dice.one_in(12);
    r.storage = *dice.pick(&[
        &Storage::Packed,
        &Storage::Packed,
        &Storage::Loose,
        &Storage::PackedRefs,
    ]);
    if dice.one_in(3) {
        write_texts(r);
    }
    if !dice.one_in(4) {
        write_go_mod(dice, r, "");
    }
    if dice.one_in(2) {
        let module = dice.pick(MODULES);
        write_go_mod(dice, r, module);
    }
    let commits = 3 + dice.below(10);
    for place in 0..commits {
        if place > 0 && dice.one_in(3) {
            let branch = dice.pick(BRANCHES);
            r.branch(branch);
        }
        r.zone(dice.pick(ZONES));
        for _ in 0..1 + dice.below(4) {
            change(dice, r);
        }
        let name = format!("c{place}");
        if place > 1 && dice.one_in(6) {
            r.merge(&name, dice.pick(BRANCHES));
        } else {
            r.commit(&name);
        }
        while dice.one_in(2) {
            tag(dice, r);
        }
    }
    if dice.one_in(10) {
        let place = dice.below(commits);
        let head = [
            format!("{{c{place}}}"),
            "ref: refs/heads/none".to_owned(),
            "ref: refs/heads/dev".to_owned(),
        ];
        r.head(&head[dice.below(head.len())]);
    }
}

fn write_go_mod(dice: &mut Dice, r: &mut Repository, suffix: &str) {
    let folder = suffix.trim_start_matches('/').to_owned();
    let major = folder
        .rsplit('/')
        .next()
        .is_some_and(|last| ["v2", "v3"].contains(&last));
    // The module of a major version lies in a folder of its own or where the older one lies.
    let folder = if major && dice.one_in(2) {
        folder
            .rsplit_once('/')
            .map_or(String::new(), |(before, _)| before.to_owned())
    } else {
        folder
    };
    let path = if folder.is_empty() {
        "go.mod".to_owned()
    } else {
        format!("{folder}/go.mod")
    };
    let declared = match dice.below(16) {
        0 => dice.pick(MODULES),
        _ => suffix,
    };
    let declared = match dice.below(20) {
        0 => format!("\"$M{declared}\""),
        1 => format!("other.example/x{declared}"),
        _ => format!("$M{declared}"),
    };
    let end = if dice.one_in(4) {
        dice.pick(RETRACTIONS)
    } else {
        ""
    };
    let text = format!("module {declared}\n{}{end}", dice.pick(GO_LINES));
    let text = if dice.one_in(15) {
        text.replace('\n', "\r\n")
    } else {
        text
    };
    r.file(&path, &text);
}

fn change(dice: &mut Dice, r: &mut Repository) {
    let content = format!("one {}\ntwo\r\n$Id$\nthree\n", dice.below(1000));
    match dice.below(18) {
        0 | 1 => {
            let module = dice.pick(MODULES);
            write_go_mod(dice, r, module);
        }
        2 => {
            let paths: Vec<String> = r
                .files()
                .keys()
                .map(|p| String::from_utf8_lossy(p).into_owned())
                .collect();
            if let Some(path) = paths.get(dice.below(paths.len())) {
                r.remove(path);
            }
        }
        3 | 4 => {
            let (_, lines) = ATTRIBUTES[dice.below(ATTRIBUTES.len())];
            let (_, more) = ATTRIBUTES[dice.below(ATTRIBUTES.len())];
            let folder = dice.pick(&["", "", "d/", "sub/", "v2/"]);
            r.file(
                &format!("{folder}.gitattributes"),
                &format!("{lines}\n{more}"),
            );
        }
        5 => {
            _ = r.link(
                dice.pick(GOOD_NAMES),
                dice.pick(&["x.go", "../..", "* eol=crlf", "/etc/passwd"]),
            )
        }
        6 => _ = r.executable(dice.pick(GOOD_NAMES), &content),
        7 if dice.one_in(2) => {
            _ = r.entry(
                dice.pick(&["third", "d/third"]).as_bytes(),
                Entry::Submodule,
            )
        }
        8 if dice.one_in(4) => _ = r.file(dice.pick(BAD_NAMES), &content),
        _ => _ = r.file(dice.pick(GOOD_NAMES), &content),
    }
    drop_what_is_file_and_folder(r);
}

/// A path cannot be a file and a folder at once: the file goes.
fn drop_what_is_file_and_folder(r: &mut Repository) {
    let paths: Vec<Vec<u8>> = r.files().keys().cloned().collect();
    for path in &paths {
        let below = [path.as_slice(), b"/"].concat();
        if paths.iter().any(|other| other.starts_with(&below)) {
            r.remove(&String::from_utf8_lossy(path));
        }
    }
}

fn tag(dice: &mut Dice, r: &mut Repository) {
    let folder = dice.pick(&["", "", "", "", "d/", "d/e/", "Up/", "v2/"]);
    let name = format!("{folder}{}", dice.pick(VERSIONS));
    if r.tags.iter().any(|tag| tag.name == name) {
        return;
    }
    let known = r
        .tags
        .iter()
        .find(|tag| tag.annotated)
        .map(|tag| tag.name.clone());
    match (dice.below(30), known) {
        (0, Some(known)) => r.nested(&name, &known),
        (1, _) => r.tag_blob(&name, true),
        (2, _) => r.tag_tree(&name),
        (3..=9, _) => r.annotated(&name),
        _ => r.tag(&name),
    };
}

fn ask(dice: &mut Dice, r: &Repository, q: &mut Questions) {
    let mut modules = list_declared(r);
    modules.truncate(3);
    if dice.one_in(4) {
        modules.push(dice.pick(MODULES).to_owned());
    }
    for module in &modules {
        q.module(module);
    }
    modules.push(String::new());
    for _ in 0..4 {
        let commit = r.commits[dice.below(r.commits.len())].name.clone();
        let module = modules[dice.below(modules.len())].clone();
        let digits = ["7", "12", "12", "40", "20"][dice.below(5)];
        q.ask_of(&module, &format!("{{{commit}:{digits}}}"));
        let (start, end) = (dice.pick(STARTS), dice.pick(ENDINGS));
        q.ask_of(
            &module,
            &format!("{start}{{{commit}:time}}-{{{commit}:12}}{end}"),
        );
    }
}

/// Modules other than the root's that some `go.mod` declares, by what follows the root in their path.
fn list_declared(r: &Repository) -> Vec<String> {
    let mut declared = std::collections::BTreeSet::new();
    for (path, entry) in r.commits.iter().flat_map(|commit| &commit.files) {
        if let (true, Entry::File(content)) = (path.ends_with(b"go.mod"), entry)
            && let Some(module) = gomod::modfile::module_path(content)
            && let Some(suffix) = module.strip_prefix(&r.root)
        {
            declared.insert(suffix.to_owned());
        }
    }
    declared.remove("");
    declared.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_repository_and_another_one_another() {
        let text = |seed| format!("{:?}", make(seed).repository);
        assert_eq!(text(1), text(1));
        assert_ne!(
            text(1).replace("random-1", ""),
            text(2).replace("random-2", "")
        );
    }

    #[test]
    fn every_seed_gives_commits_and_no_path_that_is_file_and_folder() {
        for seed in 0..200 {
            let r = make(seed).repository;
            assert!((3..=12).contains(&r.commits.len()));
            for commit in &r.commits {
                let paths: Vec<&Vec<u8>> = commit.files.keys().collect();
                let below = |p: &[u8]| [p, b"/"].concat();
                assert!(
                    !paths
                        .iter()
                        .any(|p| paths.iter().any(|o| o.starts_with(&below(p)))),
                    "{seed}"
                );
            }
        }
    }
}
