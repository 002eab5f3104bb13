//! The store's promises on a real file system: created once, durable, named by content, nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use store::{Digest, Store, StoreError};
use tempfile::TempDir;

const LOG: &str = "sum.golang.org";

struct Rig {
    folder: TempDir,
    store: Store,
}

fn open(folder: &Path) -> Store {
    Store::open_local(&folder.join("store"), &folder.join("staging")).unwrap()
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    Rig { folder, store }
}

impl Rig {
    fn staged(&self) -> Vec<PathBuf> {
        fs::read_dir(self.folder.path().join("staging"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    fn make_writable(&self, digest: &Digest) -> PathBuf {
        let path = self.store.local_path(digest).unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
        fs::set_permissions(&path, permissions).unwrap();
        path
    }
}

/// Writes other bytes into a file, a second later by its own word: clocks of file systems are coarse.
fn rot(path: &Path, bytes: &[u8]) {
    let later = fs::metadata(path).unwrap().modified().unwrap() + Duration::from_secs(1);
    fs::write(path, bytes).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(later).unwrap();
}

fn big(size_bytes: usize) -> Bytes {
    (0..size_bytes).map(|i| (i * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn put_small_names_bytes_by_their_sha256() {
    let rig = rig();
    let digest = rig
        .store
        .put_small(Bytes::from_static(b"hello"))
        .await
        .unwrap();
    assert_eq!(
        digest.to_string(),
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    );
    let path = rig.store.local_path(&digest).unwrap();
    assert!(path.ends_with(
        "blob/sha256/2c/f24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    ));
    assert_eq!(fs::read(path).unwrap(), b"hello");
    let blob = rig.store.open(&digest).await.unwrap();
    assert_eq!(
        (blob.bytes().as_ref(), blob.len(), blob.is_mapped()),
        (&b"hello"[..], 5, false)
    );
    assert_eq!(rig.store.exists(&digest).await.unwrap(), Some(5));
    assert_eq!(rig.store.verify(&digest).await.unwrap(), 5);
}

#[tokio::test]
async fn the_empty_blob_is_a_blob() {
    let rig = rig();
    let digest = rig.store.put_small(Bytes::new()).await.unwrap();
    assert!(rig.store.open(&digest).await.unwrap().is_empty());
    let staged = rig.store.stage().await.unwrap();
    assert_eq!(rig.store.publish(staged).await.unwrap(), digest);
}

#[tokio::test]
async fn a_blob_is_created_once_and_not_touched_again() {
    use std::os::unix::fs::MetadataExt;
    let rig = rig();
    let digest = rig
        .store
        .put_small(Bytes::from_static(b"once"))
        .await
        .unwrap();
    let path = rig.store.local_path(&digest).unwrap();
    let before = fs::metadata(&path).unwrap();
    assert_eq!(
        rig.store
            .put_small(Bytes::from_static(b"once"))
            .await
            .unwrap(),
        digest
    );
    let mut staged = rig.store.stage().await.unwrap();
    staged
        .write_chunk(Bytes::from_static(b"once"))
        .await
        .unwrap();
    assert_eq!(rig.store.publish(staged).await.unwrap(), digest);
    let after = fs::metadata(&path).unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec(), before.mode()),
        (after.ino(), after.mtime_nsec(), after.mode())
    );
    assert_eq!(after.mode() & 0o222, 0, "a published blob is not writable");
}

#[tokio::test]
async fn a_missing_blob_is_not_found_everywhere() {
    let rig = rig();
    let digest = Digest::of(b"never stored");
    assert!(matches!(
        rig.store.open(&digest).await,
        Err(StoreError::NotFound { .. })
    ));
    assert!(matches!(
        rig.store.verify(&digest).await,
        Err(StoreError::NotFound { .. })
    ));
    assert_eq!(rig.store.exists(&digest).await.unwrap(), None);
}

#[tokio::test]
async fn chunks_become_one_mapped_blob() {
    let rig = rig();
    let bytes = big(3 * 1024 * 1024 + 17);
    let mut staged = rig.store.stage().await.unwrap();
    for chunk in bytes.chunks(16_000) {
        staged
            .write_chunk(Bytes::copy_from_slice(chunk))
            .await
            .unwrap();
    }
    assert_eq!(staged.len(), bytes.len() as u64);
    let mut read = Vec::new();
    staged
        .reader()
        .await
        .unwrap()
        .read_to_end(&mut read)
        .unwrap();
    assert_eq!(read, bytes, "the reader sees every chunk");
    assert_eq!(staged.digest().await.unwrap(), Digest::of(&bytes));
    let mut reader = staged.reader().await.unwrap();
    let digest = rig.store.publish(staged).await.unwrap();
    assert_eq!(digest, Digest::of(&bytes));
    reader.seek(SeekFrom::End(-1)).unwrap();
    assert_eq!(
        reader.read(&mut [0; 2]).unwrap(),
        1,
        "the reader outlives the staged file"
    );

    let blob = rig.store.open(&digest).await.unwrap();
    assert!(blob.is_mapped());
    let slice = blob.bytes().slice(1_000_000..1_000_100);
    drop(blob);
    fs::remove_file(rig.store.local_path(&digest).unwrap()).unwrap();
    assert_eq!(
        slice,
        bytes.slice(1_000_000..1_000_100),
        "a slice keeps the mapping alive, even of an unlinked file"
    );
}

#[tokio::test]
async fn sixty_four_kib_are_read_and_one_more_is_mapped() {
    let rig = rig();
    for (size_bytes, mapped) in [(64 * 1024, false), (64 * 1024 + 1, true)] {
        let digest = rig.store.put_small(big(size_bytes)).await.unwrap();
        let blob = rig.store.open(&digest).await.unwrap();
        assert_eq!((blob.len(), blob.is_mapped()), (size_bytes as u64, mapped));
        assert_eq!(blob.bytes(), big(size_bytes));
    }
}

#[tokio::test]
async fn a_dropped_staged_file_leaves_nothing() {
    let rig = rig();
    let mut staged = rig.store.stage().await.unwrap();
    staged.write_chunk(big(500_000)).await.unwrap();
    assert_eq!(rig.staged().len(), 1);
    drop(staged);
    for _ in 0..200 {
        if rig.staged().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(rig.staged(), Vec::<PathBuf>::new());
    assert_eq!(
        rig.store.list().try_collect::<Vec<_>>().await.unwrap(),
        vec![]
    );
}

#[tokio::test]
async fn a_crash_s_leftovers_are_swept_and_nothing_else() {
    let rig = rig();
    let staging = rig.folder.path().join("staging");
    let staged = rig.store.stage().await.unwrap();
    std::mem::forget(staged);
    fs::write(staging.join("not-ours"), b"keep me").unwrap();
    fs::create_dir(staging.join("staged-folder")).unwrap();
    assert_eq!(rig.staged().len(), 3);
    open(rig.folder.path());
    let mut left: Vec<_> = rig
        .staged()
        .iter()
        .map(|path| path.file_name().unwrap().to_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["not-ours", "staged-folder"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_publishers_of_one_blob_all_succeed() {
    let rig = rig();
    let bytes = big(700_000);
    let want = Digest::of(&bytes);
    let publishers: Vec<_> = (0..16)
        .map(|i| {
            let (store, bytes) = (rig.store.clone(), bytes.clone());
            tokio::spawn(async move {
                if i % 2 == 0 {
                    return store.put_small(bytes).await.unwrap();
                }
                let mut staged = store.stage().await.unwrap();
                for chunk in bytes.chunks(10_000) {
                    staged
                        .write_chunk(Bytes::copy_from_slice(chunk))
                        .await
                        .unwrap();
                }
                store.publish(staged).await.unwrap()
            })
        })
        .collect();
    for publisher in publishers {
        assert_eq!(publisher.await.unwrap(), want);
    }
    let listed: Vec<_> = rig.store.list().try_collect().await.unwrap();
    assert_eq!(listed, vec![(want, 700_000)]);
    assert_eq!(rig.store.verify(&want).await.unwrap(), 700_000);
}

#[tokio::test]
async fn verify_names_what_a_flipped_bit_made() {
    let rig = rig();
    for size_bytes in [1_000, 200_000] {
        let digest = rig.store.put_small(big(size_bytes)).await.unwrap();
        let path = rig.make_writable(&digest);
        let mut bytes = fs::read(&path).unwrap();
        bytes[size_bytes / 2] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let error = rig.store.verify(&digest).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Corrupt { found, .. } if found == Digest::of(&bytes)),
            "{error}"
        );
    }
    let small = Digest::of(&big(1_000));
    assert!(
        matches!(
            rig.store.open(&small).await,
            Err(StoreError::Corrupt { .. })
        ),
        "small blobs are checked on opening"
    );
}

#[tokio::test]
async fn right_bytes_take_the_place_of_wrong_ones_and_those_are_kept() {
    let rig = rig();
    for (size_bytes, longer) in [(2_000, true), (2_000, false), (200_000, false)] {
        let digest = rig.store.put_small(big(size_bytes)).await.unwrap();
        let path = rig.make_writable(&digest);
        let mut bytes = fs::read(&path).unwrap();
        bytes[7] ^= 0x10;
        bytes.extend(longer.then_some(b'x'));
        rot(&path, &bytes);
        let counted = rig.store.set_aside_count().load(Ordering::Relaxed);
        assert_eq!(rig.store.find_evidence(&digest).await.unwrap(), None);
        assert_eq!(rig.store.put_small(big(size_bytes)).await.unwrap(), digest);
        assert_eq!(
            rig.store.open(&digest).await.unwrap().bytes(),
            big(size_bytes)
        );
        let kept = rig.store.find_evidence(&digest).await.unwrap().unwrap();
        assert_eq!(fs::read(&kept).unwrap(), bytes);
        fs::remove_file(kept).unwrap();
        assert_eq!(
            rig.store.set_aside_count().load(Ordering::Relaxed),
            counted + 1
        );
    }
}

/// A flipped bit that came while nothing ran is found by the first opening, whoever comes and how many.
#[tokio::test]
async fn rot_is_found_at_the_first_opening() {
    for size_bytes in [1, 64 << 10, (64 << 10) + 1, 3_000_000] {
        let rig = rig();
        let digest = rig.store.put_small(big(size_bytes)).await.unwrap();
        let path = rig.make_writable(&digest);
        let mut bytes = fs::read(&path).unwrap();
        bytes[size_bytes / 2] ^= 4;
        rot(&path, &bytes);
        let store = open(rig.folder.path());
        let mut told = store.follow_set_aside();
        let openers: Vec<_> = (0..16)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.open(&digest).await.map(|blob| blob.len()) })
            })
            .collect();
        for opener in openers {
            let outcome = opener.await.unwrap();
            assert!(
                matches!(
                    outcome,
                    Err(StoreError::Corrupt { .. } | StoreError::NotFound { .. })
                ),
                "{outcome:?}"
            );
        }
        assert_eq!(store.set_aside_count().load(Ordering::Relaxed), 1);
        let set_aside = told.try_recv().unwrap();
        assert_eq!(
            (set_aside.digest, set_aside.found),
            (digest, Some(Digest::of(&bytes)))
        );
        assert_eq!(fs::read(set_aside.path).unwrap(), bytes);
        assert!(!path.exists());
        assert_eq!(store.put_small(big(size_bytes)).await.unwrap(), digest);
        assert_eq!(store.open(&digest).await.unwrap().bytes(), big(size_bytes));
    }
}

/// A file that was changed after it was hashed is hashed again when it is opened again; a hard link to it changes nothing.
#[tokio::test]
async fn what_was_hashed_once_is_known_until_it_changes() {
    let rig = rig();
    let digest = rig.store.put_small(big(100_000)).await.unwrap();
    let path = rig.make_writable(&digest);
    fs::hard_link(&path, rig.folder.path().join("exported")).unwrap();
    assert!(rig.store.open(&digest).await.is_ok());
    let mut bytes = fs::read(&path).unwrap();
    bytes[99_999] ^= 0x80;
    rot(&path, &bytes);
    assert!(matches!(
        rig.store.open(&digest).await,
        Err(StoreError::Corrupt { .. })
    ));
}

/// A disk that takes no renames any more keeps nobody from learning that a blob is rotten, and nobody gets it.
#[tokio::test]
async fn what_cannot_be_moved_is_told_and_not_given() {
    let rig = rig();
    let digest = rig.store.put_small(big(100_000)).await.unwrap();
    assert!(rig.store.open(&digest).await.is_ok());
    let path = rig.make_writable(&digest);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[50_000] ^= 2;
    rot(&path, &bytes);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(modified).unwrap();
    assert!(
        rig.store.open(&digest).await.is_ok(),
        "it looks as ever, and nobody has read it"
    );
    fs::write(rig.folder.path().join("store/rotten"), "in the way").unwrap();
    let mut told = rig.store.follow_set_aside();
    assert!(rig.store.set_aside(&digest).await.is_err());
    assert_eq!(told.try_recv().unwrap().digest, digest);
    assert!(rig.store.open(&digest).await.is_err());
    assert!(path.exists());
}

#[tokio::test]
async fn a_slow_look_finds_what_a_quick_one_finds() {
    let rig = rig();
    let digest = rig.store.put_small(big(2_500_000)).await.unwrap();
    let slowly = || rig.store.verify_slowly(&digest, 1 << 30);
    assert_eq!(slowly().await.unwrap(), 2_500_000);
    let path = rig.make_writable(&digest);
    let mut bytes = fs::read(&path).unwrap();
    bytes[2_400_000] ^= 1;
    rot(&path, &bytes);
    assert!(matches!(slowly().await, Err(StoreError::Corrupt { .. })));
    assert!(rig.store.set_aside(&digest).await.unwrap().is_some());
    assert!(rig.store.set_aside(&digest).await.unwrap().is_none());
    assert!(matches!(slowly().await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn list_leaves_foreign_files_out() {
    let rig = rig();
    let mut want = Vec::new();
    for i in 0..20_u64 {
        let bytes = Bytes::from(format!("blob {i:02}"));
        want.push((rig.store.put_small(bytes).await.unwrap(), 7));
    }
    fs::write(rig.folder.path().join("store/blob/sha256/00/README"), b"?").unwrap();
    let mut listed: Vec<_> = rig.store.list().try_collect().await.unwrap();
    listed.sort_by_key(|(digest, _)| digest.to_string());
    want.sort_by_key(|(digest, _)| digest.to_string());
    assert_eq!(listed, want);
}

#[tokio::test]
async fn a_reopened_store_has_its_blobs() {
    let rig = rig();
    let digest = rig
        .store
        .put_small(Bytes::from_static(b"stays"))
        .await
        .unwrap();
    let again = open(rig.folder.path());
    assert_eq!(again.open(&digest).await.unwrap().bytes(), "stays");
}

#[tokio::test]
async fn probe_leaves_nothing() {
    let rig = rig();
    rig.store.probe().await.unwrap();
    for _ in 0..200 {
        if rig.staged().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("left: {:?}", rig.staged());
}

#[tokio::test]
async fn tiles_are_kept_replaced_and_apart_by_log() {
    let rig = rig();
    let path = "tile/8/0/x001/234.p/17";
    assert_eq!(rig.store.get_tile(LOG, path).await.unwrap(), None);
    rig.store
        .put_tile(LOG, path, Bytes::from_static(b"torn"))
        .await
        .unwrap();
    rig.store
        .put_tile(LOG, path, Bytes::from_static(b"whole"))
        .await
        .unwrap();
    assert_eq!(
        rig.store.get_tile(LOG, path).await.unwrap().unwrap(),
        "whole"
    );
    assert_eq!(
        rig.store.get_tile("other.example/log", path).await.unwrap(),
        None
    );
    let name = Digest::of(format!("main\0{LOG}").as_bytes());
    assert!(
        rig.folder
            .path()
            .join(format!("store/tile/{name}/{path}"))
            .is_file()
    );
    assert_eq!(
        rig.store.list().try_collect::<Vec<_>>().await.unwrap(),
        vec![],
        "a tile is no blob"
    );
}

#[tokio::test]
async fn a_tile_with_a_flipped_bit_counts_as_absent() {
    let rig = rig();
    let path = "tile/8/0/000";
    rig.store.put_tile(LOG, path, big(8192)).await.unwrap();
    let name = Digest::of(format!("main\0{LOG}").as_bytes());
    let file = rig.folder.path().join(format!("store/tile/{name}/{path}"));
    let whole = fs::read(&file).unwrap();
    for at in [0, 4000, 8191, 8192, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 2;
        fs::write(&file, &bytes).unwrap();
        assert_eq!(rig.store.get_tile(LOG, path).await.unwrap(), None, "{at}");
    }
    for length in [0, 31, 32, 8192, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        assert_eq!(rig.store.get_tile(LOG, path).await.unwrap(), None);
    }
    assert_eq!(rig.store.rotten_tiles().load(Ordering::Relaxed), 10);
    rig.store.put_tile(LOG, path, big(8192)).await.unwrap();
    assert_eq!(
        rig.store.get_tile(LOG, path).await.unwrap(),
        Some(big(8192))
    );
}

#[tokio::test]
async fn names_that_no_tile_has_are_refused() {
    let rig = rig();
    for name in [
        "",
        "..",
        "tile/../x",
        "/tile",
        "tile//0",
        "tile/8/%2e%2e",
        "tile\\x",
        "tile/8/0/a b",
        "tile/8/\0",
    ] {
        let refused = rig
            .store
            .put_tile(LOG, name, Bytes::from_static(b"x"))
            .await;
        assert!(
            matches!(refused, Err(StoreError::BadName { .. })),
            "{name:?}"
        );
        assert!(
            matches!(
                rig.store.get_tile(LOG, name).await,
                Err(StoreError::BadName { .. })
            ),
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn the_tile_cache_is_bounded_also_across_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (root, staging) = (folder.path().join("store"), folder.path().join("staging"));
    for start in 0..2 {
        let store = Store::open_bounded(&root, &staging, 100_000).unwrap();
        for n in 0..30 {
            store
                .put_tile(LOG, &format!("tile/8/{start}/{n:03}"), big(8192))
                .await
                .unwrap();
        }
        assert!(
            store
                .get_tile(LOG, &format!("tile/8/{start}/029"))
                .await
                .unwrap()
                .is_some(),
            "the newest stays"
        );
    }
    let name = Digest::of(format!("main\0{LOG}").as_bytes());
    let held: u64 = (0..2)
        .flat_map(|start| {
            fs::read_dir(root.join(format!("tile/{name}/tile/8/{start}")))
                .into_iter()
                .flatten()
        })
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(held <= 100_000, "{held} bytes held");
}

#[tokio::test]
async fn a_staging_folder_elsewhere_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let Some(other) = Tmpfs::mount(folder.path().join("other"), "size=1m") else {
        return;
    };
    let error =
        Store::open_local(&folder.path().join("store"), &other.0.join("staging")).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("must be on the file system of"),
        "{error}: {cause}"
    );
}

#[tokio::test]
async fn a_full_disk_is_full_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(folder.path().join("disk"), "size=4m") else {
        return;
    };
    let store = open(&disk.0);
    let kept = store.put_small(big(1_000_000)).await.unwrap();
    let mut staged = store.stage().await.unwrap();
    let mut outcome = Ok(());
    for _ in 0..40 {
        outcome = staged.write_chunk(big(300_000)).await;
        if outcome.is_err() {
            break;
        }
    }
    assert!(
        matches!(outcome, Err(StoreError::Full { .. })),
        "{outcome:?}"
    );
    assert!(matches!(
        store.put_small(big(3_500_000)).await,
        Err(StoreError::Full { .. })
    ));
    assert!(
        staged.write_chunk(big(300_000)).await.is_err(),
        "a staged file that failed stays unusable"
    );
    assert!(store.publish(staged).await.is_err());
    assert_eq!(
        store.verify(&kept).await.unwrap(),
        1_000_000,
        "reading goes on"
    );
    assert_eq!(
        store.list().try_collect::<Vec<_>>().await.unwrap(),
        vec![(kept, 1_000_000)]
    );
    for _ in 0..200 {
        match store.put_small(big(2_000_000)).await {
            Ok(_) => return,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    }
    panic!("the room of what failed was not given back");
}

#[tokio::test]
async fn a_full_disk_fails_the_probe() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(folder.path().join("disk"), "size=2m") else {
        return;
    };
    let store = open(&disk.0);
    store.probe().await.unwrap();
    let mut filler = fs::File::create(disk.0.join("filler")).unwrap();
    // Another test may be starting a program, whose process holds all our files until it has become that program: a
    // page of the first probe is free only then, behind the filling.
    let mut found = Ok(());
    for _ in 0..10 {
        while filler.write_all(&[0; 4096]).is_ok() {}
        found = store.probe().await;
        if found.is_err() {
            break;
        }
    }
    assert!(matches!(found, Err(StoreError::Full { .. })), "{found:?}");
}

#[tokio::test]
async fn a_read_only_disk_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(folder.path().join("disk"), "size=4m") else {
        return;
    };
    let store = open(&disk.0);
    let kept = store.put_small(Bytes::from_static(b"kept")).await.unwrap();
    disk.remount("ro");
    assert!(matches!(
        store.put_small(Bytes::from_static(b"new")).await,
        Err(StoreError::ReadOnly { .. })
    ));
    assert!(matches!(
        store.probe().await,
        Err(StoreError::ReadOnly { .. })
    ));
    assert_eq!(store.open(&kept).await.unwrap().bytes(), "kept");
    let opened = Store::open_local(&disk.0.join("elsewhere"), &disk.0.join("staging"));
    assert!(matches!(opened, Err(StoreError::ReadOnly { .. })));
}

/// A small file system of its own, unmounted on drop; needs root.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&at)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at)),
            _ => {
                eprintln!("skipped: mounting a tmpfs needs root");
                assert!(
                    std::env::var_os("GRANARY_STRICT").is_none_or(|v| v != "1"),
                    "a skip is a failure in strict mode"
                );
                None
            }
        }
    }

    fn remount(&self, mode: &str) {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{mode}")])
            .arg(&self.0)
            .status()
            .unwrap();
        assert!(done.success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Whoever finds a blob may owe it to a process that was killed before it synced the folder.
#[tokio::test]
async fn names_that_were_found_are_synced_or_it_is_said() {
    let rig = rig();
    rig.store.sync_names().await.unwrap();
    let again = open(rig.folder.path());
    let shard = rig.folder.path().join("store/blob/sha256/7f");
    fs::remove_dir(&shard).unwrap();
    fs::write(&shard, "no folder").unwrap();
    let error = again.sync_names().await.unwrap_err();
    assert!(error.to_string().contains("7f"), "{error}");
    // The failure is remembered: the next try is an honest one.
    fs::remove_file(&shard).unwrap();
    fs::create_dir(&shard).unwrap();
    again.sync_names().await.unwrap();
}
