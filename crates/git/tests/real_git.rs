//! Packs, objects and histories as git makes them, read back and compared with what git says of them. Without git on this
//! machine nothing is compared, and the tests say so.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use git::database::Database;
use git::history::{self, HistoryError};
use git::id::{HashKind, ObjectId};
use git::object::{EntryKind, ObjectKind, list_entries, parse_commit};
use git::pack::{PackLimits, take_pack};
use proptest::prelude::*;

/// A bare repository in a folder of its own.
struct Repository {
    folder: tempfile::TempDir,
    hash: HashKind,
}

impl Repository {
    /// `None` where git is missing.
    fn new(hash: HashKind) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let repository = Self { folder, hash };
        if Command::new("git").arg("--version").output().is_err() {
            println!("skipped: git is not on this machine");
            return None;
        }
        repository.git(
            &["init", "-q", "--bare", "--object-format", hash.name()],
            b"",
        );
        Some(repository)
    }

    fn git(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut process = Command::new("git")
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("GIT_DIR", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut stdin = process.stdin.take().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input).unwrap());
            let output = process.wait_with_output().unwrap();
            assert!(output.status.success(), "git {arguments:?}");
            output.stdout
        })
    }

    fn text(&self, arguments: &[&str], input: &[u8]) -> String {
        String::from_utf8(self.git(arguments, input))
            .unwrap()
            .trim_end()
            .to_owned()
    }

    fn objects(&self) -> PathBuf {
        self.folder.path().join("objects")
    }

    fn add(&self, kind: &str, content: &[u8]) -> ObjectId {
        let arguments = ["hash-object", "-t", kind, "--literally", "-w", "--stdin"];
        self.text(&arguments, content).parse().unwrap()
    }
}

/// Every object that git lists can be read and is what git says it is.
fn check_objects(repository: &Repository, objects: &Path) -> usize {
    let database = Database::open(objects, repository.hash).unwrap();
    let listed = repository.text(&["cat-file", "--batch-check", "--batch-all-objects"], b"");
    for line in listed.lines() {
        let [id, kind, size] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let id: ObjectId = id.parse().unwrap();
        let kind = ObjectKind::from_name(kind.as_bytes()).unwrap();
        let size_bytes: u64 = size.parse().unwrap();
        assert_eq!(
            database.find_header(&id).unwrap(),
            Some((kind, size_bytes)),
            "{line}"
        );
        let object = database.find_verified(&id, size_bytes).unwrap().unwrap();
        assert_eq!(
            (object.kind, object.bytes.len() as u64),
            (kind, size_bytes),
            "{line}"
        );
        let prefixed = database.find_prefix(&id.to_string()[..13]).unwrap();
        assert!(prefixed.contains(&id), "{line}");
    }
    listed.lines().count()
}

/// A repository's packs, taken anew, give git's own index.
fn check_pack(repository: &Repository, options: &[&str]) {
    let format = "--batch-check=%(objectname)";
    let ids = repository.git(&["cat-file", format, "--batch-all-objects"], b"");
    let arguments = [&["pack-objects", "-q", "--stdout"], options].concat();
    let pack = repository.git(&arguments, &ids);
    let folder = tempfile::tempdir().unwrap();
    let limits = PackLimits::default();
    let taken = take_pack(&mut &pack[..], folder.path(), repository.hash, &limits).unwrap();
    let objects = check_objects(repository, folder.path());
    assert_eq!(taken.objects as usize, objects);

    let ours = folder
        .path()
        .join("pack")
        .join(format!("{}.idx", taken.name));
    let theirs = folder.path().join("theirs.idx");
    let [theirs_name, pack_name] = [theirs.clone(), ours.with_extension("pack")]
        .map(|path| path.into_os_string().into_string().unwrap());
    repository.git(&["index-pack", "-o", &theirs_name, &pack_name], b"");
    assert!(
        std::fs::read(ours).unwrap() == std::fs::read(theirs).unwrap(),
        "{options:?}"
    );
}

/// A history: of every commit its parents (how far back), its time, and what it writes where.
type Commits = Vec<(Vec<usize>, i64, Vec<(u8, Vec<u8>)>)>;

fn commits() -> impl Strategy<Value = Commits> {
    let content = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        (any::<u8>(), 0..3_000_usize).prop_map(|(byte, len)| {
            (0..len)
                .map(|at| byte.wrapping_mul((at / 40) as u8))
                .collect()
        }),
    ];
    let files = proptest::collection::vec((0..6_u8, content), 0..4);
    let parents = proptest::collection::vec(0..5_usize, 0..3);
    proptest::collection::vec((parents, 0..2_000_000_000_i64, files), 1..25)
}

/// Writes a history with `git fast-import`, all commits on branches. Returns the ids in order.
fn import(repository: &Repository, commits: &Commits) -> Vec<ObjectId> {
    let mut stream = Vec::new();
    for (at, (parents, seconds, files)) in commits.iter().enumerate() {
        let number = at + 1;
        write!(stream, "commit refs/heads/b{number}\nmark :{number}\n").unwrap();
        writeln!(stream, "committer A B <a@b> {seconds} +0100\ndata 2\nx").unwrap();
        let parents: Vec<_> = parents.iter().filter(|back| **back < at).collect();
        for (place, back) in parents.iter().enumerate() {
            let word = if place == 0 { "from" } else { "merge" };
            writeln!(stream, "{word} :{}", at - *back).unwrap();
        }
        for (name, content) in files {
            writeln!(
                stream,
                "M 100644 inline d{}/f{name}\ndata {}",
                name % 2,
                content.len()
            )
            .unwrap();
            stream.extend_from_slice(content);
            stream.push(b'\n');
        }
        writeln!(
            stream,
            "tag t{number}\nfrom :{number}\ntagger A <a> 1 +0000\ndata 1\nx"
        )
        .unwrap();
    }
    repository.git(&["fast-import", "--quiet", "--force"], &stream);
    let mut names = String::new();
    (1..=commits.len()).for_each(|at| writeln!(names, "refs/heads/b{at}").unwrap());
    let listed = repository.text(
        &["cat-file", "--batch-check=%(objectname)"],
        names.as_bytes(),
    );
    listed.lines().map(|id| id.parse().unwrap()).collect()
}

/// A few repositories; more of them where there is time: `GRANARY_PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let cases = std::env::var("GRANARY_PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(6),
        max_shrink_iters: 50,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_git_packs_is_taken(commits in commits(), is_sha256: bool, seed: u8) {
        let hash = if is_sha256 { HashKind::Sha256 } else { HashKind::Sha1 };
        let Some(repository) = Repository::new(hash) else { return Ok(()) };
        let ids = import(&repository, &commits);
        check_pack(&repository, &["--delta-base-offset"]);
        check_pack(&repository, &["--no-reuse-delta", "--depth=500", "--window=50"]);
        check_objects(&repository, &repository.objects());

        let database = Database::open(&repository.objects(), hash).unwrap();
        let tip = ids[seed as usize % ids.len()];
        let listed = repository.text(&["rev-list", &tip.to_string()], b"");
        let want: HashSet<ObjectId> = listed.lines().map(|id| id.parse().unwrap()).collect();
        for id in &ids {
            let is_ancestor = history::is_ancestor(&database, id, &tip).unwrap();
            prop_assert_eq!(is_ancestor, want.contains(id));
        }
        let count = want.len();
        prop_assert_eq!(history::list_reachable(&database, &[tip], count).unwrap(), want);
        let too_many = history::list_reachable(&database, &[tip], count - 1);
        prop_assert!(matches!(too_many, Err(HistoryError::TooManyCommits { .. })), "one too many");
        for (id, (_, seconds, _)) in ids.iter().zip(&commits) {
            let commit = history::read_commit(&database, id).unwrap();
            prop_assert_eq!(commit.committer_seconds, Some(*seconds));
        }
    }
}

#[test]
fn small_histories_of_any_kind_are_packed_alike() {
    let Some(repository) = Repository::new(HashKind::Sha1) else {
        return;
    };
    check_pack(&repository, &[]); // nothing at all
    // Versions of one file: chains as long as git makes them.
    let lines = |version: usize| -> Vec<u8> {
        (0..200)
            .flat_map(|line| format!("{}\n", line * (version % 7 + 1)).into_bytes())
            .collect()
    };
    let commits: Commits = (0..150)
        .map(|at| {
            (
                vec![1],
                at as i64,
                vec![(0, [lines(at), vec![at as u8; at]].concat())],
            )
        })
        .collect();
    import(&repository, &commits);
    check_pack(
        &repository,
        &["--no-reuse-delta", "--depth=4095", "--window=100"],
    );
    check_pack(
        &repository,
        &["--delta-base-offset", "--no-reuse-delta", "--depth=4095"],
    );
    check_pack(&repository, &["--depth=0"]);
}

#[test]
fn committers_and_modes_are_read_as_git_reads_them() {
    let Some(repository) = Repository::new(HashKind::Sha1) else {
        return;
    };
    let tree = repository.add("tree", b"");
    for committer in [
        "A <a@b> 1234567890 +0000",
        "A <a@b> 12\t-0730",
        "A <a@b>12+0730",
        " <> 7 +0",
        "A > B <a@b> 7 +0000",
        "A <a>b> 99 +1> 7 +0000",
        "A <a@b> 7 +0000 and more",
        "A <a@b> -7 +0000",
        "A <a@b> 7",
        "A <a@b> 7 +",
        "A <a@b> seven +0000",
        "A <a@b 7 +0000",
        "A a@b> 7 +0000",
        "",
    ] {
        let text = format!("tree {tree}\nauthor A <a> 1 +0000\ncommitter {committer}\n\nx\n");
        let id = repository.add("commit", text.as_bytes()).to_string();
        let want = repository.text(&["log", "-1", "--format=%ct", &id], b"");
        let commit = parse_commit(text.as_bytes(), HashKind::Sha1).unwrap();
        let ours = commit.committer_seconds.map(|seconds| seconds.to_string());
        assert_eq!(ours.unwrap_or_default(), want, "{committer}");
    }
    for mode in [
        "100644", "100664", "120777", "40755", "040000", "160000", "100000", "17100644",
    ] {
        let content = [mode.as_bytes(), b" n\0", tree.as_bytes()].concat();
        let id = repository.add("tree", &content).to_string();
        let listed = repository.text(&["ls-tree", &id], b"");
        let kind = list_entries(&content, HashKind::Sha1)
            .next()
            .unwrap()
            .unwrap()
            .kind;
        let want = match &listed[..6] {
            "100644" | "100755" => EntryKind::File,
            "120000" => EntryKind::Symlink,
            "040000" => EntryKind::Directory,
            _ => EntryKind::Submodule,
        };
        assert_eq!(kind, want, "{mode}: {listed}");
    }
}

#[test]
fn histories_with_gaps_and_tags_are_walked_as_far_as_they_go() {
    let Some(repository) = Repository::new(HashKind::Sha1) else {
        return;
    };
    let tree = repository.add("tree", b"");
    let commit = |parents: &[ObjectId]| {
        let mut text = format!("tree {tree}\n");
        parents
            .iter()
            .for_each(|parent| writeln!(text, "parent {parent}").unwrap());
        text += "author A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nx\n";
        repository.add("commit", text.as_bytes())
    };
    let absent: ObjectId = "1".repeat(40).parse().unwrap();
    let root = commit(&[]);
    let shallow = commit(&[absent]);
    let tip = commit(&[shallow, root]);
    let mut tag = tip;
    let mut tags = Vec::new();
    for depth in 0..70 {
        let kind = if depth == 0 { "commit" } else { "tag" };
        let text = format!("object {tag}\ntype {kind}\ntag t\ntagger A <a> 1 +0000\n\nx\n");
        tag = repository.add("tag", text.as_bytes());
        tags.push(tag);
    }
    let database = Database::open_local(&repository.objects(), HashKind::Sha1).unwrap();
    let is_ancestor = |id: &ObjectId| history::is_ancestor(&database, id, &tip);
    assert!(is_ancestor(&root).unwrap());
    assert!(is_ancestor(&tip).unwrap());
    assert!(is_ancestor(&absent).unwrap());
    assert!(matches!(is_ancestor(&tree), Err(HistoryError::Missing(id)) if id == absent));
    let listed = history::list_reachable(&database, &[tip], 10);
    assert!(matches!(listed, Err(HistoryError::Missing(id)) if id == absent));
    assert_eq!(
        history::list_reachable(&database, &[root], 1).unwrap(),
        HashSet::from([root])
    );

    assert_eq!(
        history::peel(&database, &tags[62]).unwrap(),
        (tip, ObjectKind::Commit)
    );
    assert_eq!(
        history::peel(&database, &tree).unwrap(),
        (tree, ObjectKind::Tree)
    );
    let deep = history::peel(&database, &tags[69]);
    assert!(matches!(deep, Err(HistoryError::TooManyTags(_))));
    let no_commit = history::list_reachable(&database, &[tree], 10);
    assert!(matches!(no_commit, Err(HistoryError::NoCommit(_))));
}

#[test]
fn local_repositories_are_read_with_their_alternates() {
    let (Some(far), Some(near)) = (
        Repository::new(HashKind::Sha1),
        Repository::new(HashKind::Sha1),
    ) else {
        return;
    };
    let loose = far.add("blob", b"far");
    let packed = far.add("blob", b"far and packed");
    far.git(
        &[
            "pack-objects",
            "-q",
            &format!("{}/pack/pack", far.objects().display()),
        ],
        packed.to_string().as_bytes(),
    );
    far.git(&["prune-packed", "-q"], b"");
    let own = near.add("blob", b"near");
    let info = near.objects().join("info");
    std::fs::create_dir_all(&info).unwrap();
    let circle = format!(
        "# a comment\n{}\n/nowhere\n../objects\n",
        far.objects().display()
    );
    std::fs::write(info.join("alternates"), circle).unwrap();
    let all = [loose, packed, own];
    let contained = |database: Database| all.map(|id| database.contains(&id).unwrap());
    let hash = HashKind::Sha1;
    assert_eq!(
        contained(Database::open_local(&near.objects(), hash).unwrap()),
        [true; 3]
    );
    assert_eq!(
        contained(Database::open(&near.objects(), hash).unwrap()),
        [false, false, true]
    );
    let missing = Database::open(&near.objects().join("missing"), hash).unwrap();
    assert_eq!(contained(missing), [false; 3]);
}

#[test]
fn packs_that_come_later_are_seen_after_a_refresh() {
    let Some(repository) = Repository::new(HashKind::Sha1) else {
        return;
    };
    let id = repository.add("blob", b"later");
    let pack = repository.git(
        &["pack-objects", "-q", "--stdout"],
        id.to_string().as_bytes(),
    );
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), HashKind::Sha1).unwrap();
    take_pack(
        &mut &pack[..],
        folder.path(),
        HashKind::Sha1,
        &PackLimits::default(),
    )
    .unwrap();
    assert!(!database.contains(&id).unwrap());
    database.clone().refresh().unwrap();
    assert!(database.contains(&id).unwrap());
}
