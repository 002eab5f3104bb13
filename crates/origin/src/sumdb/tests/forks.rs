//! A log that was rewritten: seen, proven, and the end of all lookups.

use super::*;

/// Like [`log`] up to the record 300, then another one.
fn forked(size: u64) -> MemoryLog {
    let mut log = log(300);
    log.append("forked\n").unwrap();
    grow(&mut log, size);
    log
}

async fn check_fork(client: &ChecksumDatabase, n: u64) -> Arc<str> {
    match client.lookup(&module(n)).await {
        Err(DatabaseError::Fork { proof }) => proof,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_forked_newer_tree_is_proven_and_ends_all_lookups() {
    let wire = Wire::honest(log(600));
    let keeper = Arc::default();
    let client = client_with(&wire, &keeper);
    client.lookup(&module(1)).await.unwrap();
    *wire.log.lock().unwrap() = forked(700);
    let proof = check_fork(&client, 2).await;
    for log in [log(600), forked(700)] {
        let note = String::from_utf8(log.latest().unwrap()).unwrap();
        assert!(
            note.lines()
                .all(|line| proof.contains(&format!("\t{line}"))),
            "{proof}"
        );
    }
    assert!(
        proof.contains(&forked(600).head_at(600).unwrap().hash.to_string()),
        "{proof}"
    );
    assert_eq!(client.find_fork(), Some(Arc::clone(&proof)));
    // Nothing is asked any more, not even where the answer would hold.
    *wire.log.lock().unwrap() = log(600);
    wire.take_asked();
    assert_eq!(check_fork(&client, 1).await, proof);
    for path in [
        "latest",
        "lookup/example.com/m1@v1.0.0",
        "tile/8/0/000",
        "tile/8/data/000",
    ] {
        assert!(
            matches!(client.raw(path).await, Err(DatabaseError::Fork { .. })),
            "{path}"
        );
    }
    assert!(wire.take_asked().is_empty());
    // The head from before is still the one that is kept: a restart does not make the fork true.
    let kept = HeadKeeper::load(&*keeper).await.unwrap().unwrap();
    assert_eq!(kept, log(600).latest().unwrap());
    let restarted = client_with(&wire, &keeper);
    restarted.lookup(&module(1)).await.unwrap();
    *wire.log.lock().unwrap() = forked(700);
    check_fork(&restarted, 2).await;
}

#[tokio::test]
async fn a_forked_older_tree_is_found() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    client.lookup(&module(1)).await.unwrap();
    let old = forked(400).latest().unwrap();
    wire.lie(move |path, honest| {
        if !path.starts_with("lookup/") {
            return honest;
        }
        let body = String::from_utf8(honest?.to_vec()).unwrap();
        let (record, _) = body.split_once("\n\n").unwrap();
        Ok([record.as_bytes(), b"\n\n", &old].concat().into())
    });
    check_fork(&client, 2).await;
}

#[tokio::test]
async fn two_heads_of_one_size_are_found_without_any_tile() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    client.lookup(&module(1)).await.unwrap();
    *wire.log.lock().unwrap() = forked(600);
    wire.lie(|path, honest| {
        if path.starts_with("tile/") {
            not_found()
        } else {
            honest
        }
    });
    let proof = check_fork(&client, 1).await;
    assert_eq!(proof.matches("go.sum database tree").count(), 2, "{proof}");
}

#[tokio::test]
async fn a_fork_is_found_after_a_restart_by_the_kept_head() {
    let keeper = Arc::default();
    client_with(&Wire::honest(log(600)), &keeper)
        .lookup(&module(1))
        .await
        .unwrap();
    check_fork(&client_with(&Wire::honest(forked(601)), &keeper), 1).await;
}

#[tokio::test]
async fn a_log_restored_from_an_older_backup_is_found_when_it_has_grown_otherwise() {
    let keeper = Arc::default();
    let wire = Wire::honest(log(600));
    let client = client_with(&wire, &keeper);
    client.lookup(&module(1)).await.unwrap();
    *wire.log.lock().unwrap() = log(300);
    // It lacks tiles that the newest head stands for: nothing can be proven.
    let found = client.lookup(&module(299)).await;
    assert!(
        matches!(found, Err(DatabaseError::Unreachable { .. })),
        "{found:?}"
    );
    *wire.log.lock().unwrap() = forked(700);
    check_fork(&client, 3).await;
}

/// What is remembered of heads must not vouch for the newest one against those that come: it once did.
#[tokio::test]
async fn a_fork_is_found_though_the_newest_head_was_seen_twice() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    client.lookup(&module(1)).await.unwrap();
    client.lookup(&module(2)).await.unwrap();
    *wire.log.lock().unwrap() = forked(700);
    check_fork(&client, 3).await;
}

#[tokio::test]
async fn a_bad_tile_is_not_taken_for_a_fork() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    client.lookup(&module(1)).await.unwrap();
    wire.grow(700);
    wire.lie(|path, honest| match honest {
        Ok(bytes) if path == "tile/8/0/002.p/188" => Ok(vec![0; bytes.len()].into()),
        honest => honest,
    });
    check_lying(client.lookup(&module(650)).await);
    assert_eq!(client.find_fork(), None);
    assert_eq!(client.find_head().unwrap().size, 600);
    wire.lie(|_, honest| honest);
    client.lookup(&module(650)).await.unwrap();
}

#[tokio::test]
async fn latest_is_held_against_what_is_known() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    client.lookup(&module(1)).await.unwrap();
    *wire.log.lock().unwrap() = forked(700);
    assert!(matches!(
        client.raw("latest").await,
        Err(DatabaseError::Fork { .. })
    ));
    assert!(client.find_fork().is_some());
}

#[tokio::test]
async fn a_lookup_under_way_when_the_fork_is_found_fails_too() {
    let forked = forked(600).latest().unwrap();
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    client.lookup(&module(1)).await.unwrap();
    wire.lie(move |path, honest| {
        if path != "lookup/example.com/m3@v1.0.0" {
            return honest;
        }
        let body = String::from_utf8(honest?.to_vec()).unwrap();
        let (record, _) = body.split_once("\n\n").unwrap();
        Ok([record.as_bytes(), b"\n\n", &forked].concat().into())
    });
    let two = module(2);
    let mut under_way = Box::pin(client.lookup(&two));
    assert!(futures_util::poll!(&mut under_way).is_pending());
    check_fork(&client, 3).await;
    let found = under_way.await;
    assert!(
        matches!(found, Err(DatabaseError::Fork { .. })),
        "{found:?}"
    );
}
