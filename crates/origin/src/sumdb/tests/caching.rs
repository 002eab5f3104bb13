//! What is kept, what is asked again, and that nothing kept is believed for being kept.

use super::*;

fn tiles(asked: &[String]) -> Vec<&str> {
    asked
        .iter()
        .map(String::as_str)
        .filter(|path| path.starts_with("tile/"))
        .collect()
}

#[tokio::test]
async fn with_warm_tiles_a_lookup_is_one_request() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    client.lookup(&module(1)).await.unwrap();
    assert_eq!(wire.take_asked().len(), 1 + 3);
    client.lookup(&module(2)).await.unwrap();
    assert_eq!(wire.take_asked(), ["lookup/example.com/m2@v1.0.0"]);
}

#[tokio::test]
async fn proof_and_consistency_are_fetched_in_one_round() {
    let wire = Wire::honest(log(66_000));
    let client = client(&wire);
    client.lookup(&module(1)).await.unwrap();
    wire.grow(67_000);
    wire.take_asked();
    wire.most_under_way.store(0, Ordering::SeqCst);
    client.lookup(&module(30_000)).await.unwrap();
    let asked = wire.take_asked();
    let fresh = tiles(&asked).len();
    assert!(fresh >= 4, "{asked:?}");
    assert_eq!(wire.most_under_way.load(Ordering::SeqCst), fresh);
}

#[tokio::test]
async fn identical_tiles_are_fetched_once() {
    let wire = Wire::honest(log(600));
    let client = Arc::new(client(&wire));
    let modules: Vec<ModuleVersion> = (0..16).map(module).collect();
    let found =
        futures_util::future::join_all(modules.iter().map(|module| client.lookup(module))).await;
    assert!(found.iter().all(Result::is_ok));
    let asked = wire.take_asked();
    let distinct: HashSet<&str> = tiles(&asked).into_iter().collect();
    assert_eq!((tiles(&asked).len(), distinct.len()), (3, 3), "{asked:?}");
}

#[tokio::test]
async fn tiles_outlive_the_process_the_edge_of_the_tree_too() {
    let keeper = Arc::default();
    let wire = Wire::honest(log(600));
    client_with(&wire, &keeper)
        .lookup(&module(1))
        .await
        .unwrap();
    assert!(TileKeeper::get(&*keeper, "tile/8/0/000").await.is_some());
    let edge = TileKeeper::get(&*keeper, "tile/8/0/002.edge")
        .await
        .unwrap();
    assert_eq!(edge.len(), 88 * 32);
    wire.take_asked();
    let restarted = client_with(&wire, &keeper);
    for path in ["tile/8/0/002.p/88", "tile/8/0/002.p/7", "tile/8/1/000.p/2"] {
        restarted.raw(path).await.unwrap();
    }
    restarted.lookup(&module(2)).await.unwrap();
    assert_eq!(wire.take_asked(), ["lookup/example.com/m2@v1.0.0"]);
}

#[tokio::test]
async fn a_torn_tile_on_disk_is_fetched_again_and_mended() {
    for torn in [
        Bytes::new(),
        Bytes::from_static(b"torn"),
        Bytes::from(vec![0; TILE_BYTES]),
    ] {
        let keeper = Arc::default();
        let wire = Wire::honest(log(600));
        client_with(&wire, &keeper)
            .lookup(&module(1))
            .await
            .unwrap();
        TileKeeper::put(&*keeper, "tile/8/0/000", torn.clone()).await;
        client_with(&wire, &keeper)
            .lookup(&module(2))
            .await
            .unwrap();
        let mended = TileKeeper::get(&*keeper, "tile/8/0/000").await.unwrap();
        assert_eq!(
            Some(mended.to_vec()),
            wire.log.lock().unwrap().answer("tile/8/0/000")
        );
    }
}

#[tokio::test]
async fn a_tile_on_disk_of_another_log_is_not_believed() {
    let keeper = Arc::default();
    let wire = Wire::honest(log(600));
    let mut other = MemoryLog::new(signer());
    for n in 0..256 {
        other.append(&format!("forged {n}\n")).unwrap();
    }
    let forged = Bytes::from(other.answer("tile/8/0/000").unwrap());
    TileKeeper::put(&*keeper, "tile/8/0/000", forged.clone()).await;
    // And the database gives the same forged one: then it is a lie, not a torn file.
    wire.lie(move |path, honest| {
        if path == "tile/8/0/000" {
            Ok(forged.clone())
        } else {
            honest
        }
    });
    check_lying(client_with(&wire, &keeper).lookup(&module(1)).await);
}

#[tokio::test]
async fn partial_tiles_that_are_gone_are_read_from_full_ones() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    // The log has grown past the tile since it signed the head, and dropped the partial one.
    let (note, full) = (
        log(600).latest().unwrap(),
        log(800).answer("tile/8/0/002").unwrap(),
    );
    assert_eq!(full.len(), TILE_BYTES);
    wire.lie(move |path, honest| match path {
        "tile/8/0/002" => Ok(full.clone().into()),
        "tile/8/0/002.p/88" => not_found(),
        path if path.starts_with("lookup/") => {
            let body = String::from_utf8(honest?.to_vec()).unwrap();
            let (record, _) = body.split_once("\n\n").unwrap();
            Ok([record.as_bytes(), b"\n\n", &note].concat().into())
        }
        _ => honest,
    });
    assert_eq!(client.lookup(&module(599)).await.unwrap().tree_size, 600);
}

#[tokio::test]
async fn an_older_head_is_proven_once() {
    let wire = Wire::honest(log(66_000));
    let client = client(&wire);
    client.lookup(&module(65_999)).await.unwrap();
    let old = log(30_000).latest().unwrap();
    wire.lie(move |path, honest| {
        if !path.starts_with("lookup/") {
            return honest;
        }
        let body = String::from_utf8(honest?.to_vec()).unwrap();
        let (record, _) = body.split_once("\n\n").unwrap();
        Ok([record.as_bytes(), b"\n\n", &old].concat().into())
    });
    client.lookup(&module(1)).await.unwrap();
    wire.take_asked();
    client.lookup(&module(2)).await.unwrap();
    assert_eq!(wire.take_asked().len(), 1);
}

/// A keeper of heads that fails as often as it is told to.
#[derive(Default)]
struct Failing {
    failures: AtomicUsize,
    inner: MemoryKeeper,
}

#[async_trait]
impl HeadKeeper for Failing {
    async fn load(&self) -> Result<Option<Vec<u8>>, KeeperError> {
        HeadKeeper::load(&self.inner).await
    }

    async fn save(&self, head: &SignedHead) -> Result<(), KeeperError> {
        let before = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if before.is_ok() {
            Err("disk full".into())
        } else {
            self.inner.save(head).await
        }
    }
}

#[tokio::test]
async fn a_head_that_cannot_be_kept_is_an_error_and_is_tried_again() {
    let keeper = Arc::new(Failing {
        failures: AtomicUsize::new(2),
        ..Failing::default()
    });
    let wire = Wire::honest(log(600));
    let heads: Arc<Failing> = Arc::clone(&keeper);
    let client = ChecksumDatabase::new(
        signer().vkey().parse().unwrap(),
        Arc::clone(&wire) as Arc<dyn DatabaseTransport>,
        heads,
        Arc::new(MemoryKeeper::default()),
    );
    for _ in 0..2 {
        assert!(matches!(
            client.lookup(&module(1)).await,
            Err(DatabaseError::Keeper(_))
        ));
    }
    client.lookup(&module(1)).await.unwrap();
    assert!(keeper.load().await.unwrap().is_some());
}

#[tokio::test]
async fn a_kept_head_of_another_key_is_an_error() {
    let keeper: Arc<MemoryKeeper> = Arc::default();
    let mut other = MemoryLog::new(Signer::generate("granary.test/db").unwrap());
    grow(&mut other, 3);
    let signed = SignedHead::open(&other.latest().unwrap(), other.signer().verifier()).unwrap();
    keeper.save(&signed).await.unwrap();
    let found = client_with(&Wire::honest(log(3)), &keeper)
        .lookup(&module(1))
        .await;
    assert!(matches!(found, Err(DatabaseError::Keeper(_))));
}
