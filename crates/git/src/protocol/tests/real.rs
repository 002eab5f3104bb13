//! The real upload-pack.

use std::path::Path;

use super::super::{Deepen, FetchAsk, Fetched, Filter, Session, Wire};
use super::{Repository, run};
use crate::id::{HashKind, ObjectId};

const ALL_WAYS: [(u8, bool); 6] = [
    (2, true),
    (2, false),
    (1, true),
    (1, false),
    (0, true),
    (0, false),
];

fn id(hex: &str) -> ObjectId {
    hex.parse().unwrap()
}

/// Fetches into an empty repository, checks the pack there and gives how many objects it has.
#[track_caller]
fn fetch<W: Wire>(session: &mut Session<W>, ask: &FetchAsk<'_>, into: &Path) -> Fetched<u32> {
    let kind = session.hash_kind();
    let fetched = session
        .fetch(ask, |pack| {
            let mut bytes = Vec::new();
            pack.read_to_end(&mut bytes).map(|_| bytes)
        })
        .unwrap();
    let count = u32::from_be_bytes(fetched.taken[8..12].try_into().unwrap());
    if !into.join("objects").exists() {
        let format = format!("--object-format={}", kind.name());
        run(into, &["init", "-q", "--bare", &format, "."], b"");
    }
    if count > 0 {
        run(into, &["index-pack", "--stdin"], &fetched.taken);
    }
    Fetched {
        taken: count,
        change: fetched.change,
    }
}

fn write_shallow(into: &Path, shallow: &[ObjectId]) {
    let text: String = shallow.iter().map(|id| format!("{id}\n")).collect();
    std::fs::write(into.join("shallow"), text).unwrap();
}

#[track_caller]
fn check_history(into: &Path, tip: &str, commits: usize) {
    let count = run(into, &["rev-list", "--count", tip], b"");
    assert_eq!(
        String::from_utf8(count).unwrap().trim(),
        commits.to_string()
    );
}

#[test]
fn refs_are_listed_in_every_version() {
    let repository = Repository::shared();
    for (version, is_stateless) in ALL_WAYS {
        let mut session = repository.open(version, is_stateless);
        assert_eq!(session.version(), version);
        assert_eq!(session.hash_kind(), HashKind::Sha1);
        assert_eq!(session.can_want_any(), version == 2);
        let list = session.list_refs(&[]).unwrap();
        assert_eq!(list.refs().len(), 1 + 2 + 61);
        let head = list.find("HEAD").unwrap();
        assert_eq!(head.id.to_string(), repository.commits[59]);
        assert_eq!(head.symref.as_deref(), Some("refs/heads/main"));
        let annotated = list.find("refs/tags/v2.0.0").unwrap();
        assert_eq!(annotated.peeled, Some(id(&repository.commits[9])));
        assert_ne!(annotated.id, id(&repository.commits[9]));
        assert_eq!(list.find("refs/tags/v1.3.0").unwrap().peeled, None);
        let few = session
            .list_refs(&["refs/tags/v2", "refs/heads/o"])
            .unwrap();
        let names: Vec<_> = few.refs().iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["refs/heads/old", "refs/tags/v2.0.0"]);
    }
}

#[test]
fn one_tag_is_fetched_without_its_history_and_completed_later() {
    let repository = Repository::shared();
    for (version, is_stateless) in ALL_WAYS {
        let room = tempfile::tempdir().unwrap();
        let mut session = repository.open(version, is_stateless);
        let tip = id(&repository.commits[29]);
        let ask = FetchAsk {
            wants: &[tip],
            deepen: Deepen::Commits(1),
            ..FetchAsk::default()
        };
        let first = fetch(&mut session, &ask, room.path());
        assert_eq!(first.taken, 1 + 1 + 30);
        assert_eq!(first.change.shallow, [tip]);
        write_shallow(room.path(), &first.change.shallow);
        check_history(room.path(), &tip.to_string(), 1);

        let ask = FetchAsk {
            wants: &[tip],
            haves: &[tip],
            shallow: &[tip],
            deepen: Deepen::Whole,
            ..FetchAsk::default()
        };
        let rest = fetch(&mut session, &ask, room.path());
        assert_eq!(rest.change.unshallow, [tip]);
        assert!(rest.change.shallow.is_empty());
        write_shallow(room.path(), &[]);
        check_history(room.path(), &tip.to_string(), 30);
        run(room.path(), &["fsck", "--connectivity-only"], b"");
    }
}

#[test]
fn fifty_tags_come_in_one_pack() {
    let repository = Repository::shared();
    for version in [2, 0] {
        let room = tempfile::tempdir().unwrap();
        let mut session = repository.open(version, true);
        let wants: Vec<_> = repository.commits[..50].iter().map(|hex| id(hex)).collect();
        let ask = FetchAsk {
            wants: &wants,
            deepen: Deepen::Commits(1),
            ..FetchAsk::default()
        };
        let fetched = fetch(&mut session, &ask, room.path());
        assert_eq!(fetched.taken, 50 + 50 + 50);
        // All parents are wanted too, so only the first commit has no more to be cut off.
        write_shallow(room.path(), &fetched.change.shallow);
        run(
            room.path(),
            &["rev-list", "--objects", &repository.commits[49]],
            b"",
        );
    }
}

#[test]
fn haves_shrink_the_pack() {
    let repository = Repository::shared();
    for (version, is_stateless) in ALL_WAYS {
        let room = tempfile::tempdir().unwrap();
        let mut session = repository.open(version, is_stateless);
        let old = id(&repository.commits[49]);
        let unknown = id("0123456789012345678901234567890123456789");
        let all = FetchAsk {
            wants: &[old],
            ..FetchAsk::default()
        };
        assert_eq!(fetch(&mut session, &all, room.path()).taken, 150);
        let haves = [unknown, old, id(&repository.commits[20])];
        let rest = FetchAsk {
            wants: &[id(&repository.commits[59])],
            haves: &haves,
            ..FetchAsk::default()
        };
        let fetched = fetch(&mut session, &rest, room.path());
        assert_eq!(fetched.taken, 30);
        check_history(room.path(), &repository.commits[59], 60);
        // With all there already an empty pack comes.
        let nothing = FetchAsk {
            wants: &[old],
            haves: &[old],
            ..FetchAsk::default()
        };
        assert_eq!(fetch(&mut session, &nothing, room.path()).taken, 0);
    }
}

#[test]
fn objects_are_left_out_only_where_the_server_can() {
    let repository = Repository::shared();
    let tip = [id(&repository.commits[59])];
    let ask = FetchAsk {
        wants: &tip,
        filter: Some(Filter::TreeNone),
        ..FetchAsk::default()
    };
    let mut session = repository.open(2, true);
    assert!(!session.can_filter() && session.can_deepen());
    let refused = session.fetch(&ask, |_| Ok::<_, ()>(())).unwrap_err();
    assert!(matches!(refused, super::super::FetchError::Protocol(error) if error.is_unsupported()));

    let able = Repository::new("sha1");
    run(
        &able.path,
        &["config", "uploadpack.allowFilter", "true"],
        b"",
    );
    for version in [2, 0] {
        let mut session = able.open(version, true);
        assert!(session.can_filter());
        let room = tempfile::tempdir().unwrap();
        assert_eq!(fetch(&mut session, &ask, room.path()).taken, 60);
        let blobless = FetchAsk {
            filter: Some(Filter::BlobNone),
            deepen: Deepen::Commits(1),
            ..ask
        };
        let room = tempfile::tempdir().unwrap();
        assert_eq!(fetch(&mut session, &blobless, room.path()).taken, 2);
    }
}

#[test]
fn sha256_repositories_are_read() {
    let repository = Repository::new("sha256");
    for version in [2, 0] {
        let mut session = repository.open(version, true);
        assert_eq!(session.hash_kind(), HashKind::Sha256);
        let list = session.list_refs(&["refs/tags/v1.60.0"]).unwrap();
        let tip = list.refs()[0].id;
        assert_eq!(tip.to_string(), repository.commits[59]);
        let room = tempfile::tempdir().unwrap();
        let ask = FetchAsk {
            wants: &[tip],
            deepen: Deepen::Commits(1),
            ..FetchAsk::default()
        };
        assert_eq!(fetch(&mut session, &ask, room.path()).taken, 62);
    }
}

#[test]
fn an_empty_repository_has_no_refs() {
    let room = tempfile::tempdir().unwrap();
    run(
        room.path(),
        &["init", "-q", "--bare", "-b", "trunk", "r.git"],
        b"",
    );
    for (version, is_stateless) in ALL_WAYS {
        let wire = super::Program::new(&room.path().join("r.git"), version, is_stateless);
        let mut session = Session::open(wire, &Default::default()).unwrap();
        let list = session.list_refs(&["HEAD", "refs/heads/"]).unwrap();
        assert!(list.refs().is_empty());
        let unborn = (version == 2).then_some("refs/heads/trunk");
        assert_eq!(list.unborn_head.as_deref(), unborn, "version {version}");
    }
}

#[test]
fn what_is_not_there_is_refused_in_the_servers_words() {
    let repository = Repository::shared();
    let unknown = [id("0123456789012345678901234567890123456789")];
    let ask = FetchAsk {
        wants: &unknown,
        ..FetchAsk::default()
    };
    for (version, want) in [(2, "not our ref"), (0, "gives only what its refs name")] {
        let mut session = repository.open(version, true);
        let error = session.fetch(&ask, |_| Ok::<_, ()>(())).unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        // The next request goes well again.
        assert!(session.list_refs(&["HEAD"]).is_ok());
    }
}
