//! What clients that do their own proofs are given.

use super::*;

async fn raw(client: &ChecksumDatabase, path: &str) -> Bytes {
    client
        .raw(path)
        .await
        .unwrap_or_else(|error| panic!("{path}: {error:?}"))
}

#[tokio::test]
async fn everything_a_client_asks_for_is_passed_on_as_it_is() {
    let wire = Wire::honest(log(66_000));
    let client = client(&wire);
    let paths = [
        "lookup/example.com/m1@v1.0.0",
        "latest",
        "tile/8/0/000",
        "tile/8/0/000.p/7",
        "tile/8/0/257.p/208",
        "tile/8/1/000",
        "tile/8/2/000.p/1",
        "tile/8/data/000",
        "tile/8/data/257.p/9",
    ];
    // Before anything is known, too.
    for path in paths.iter().rev().chain(&paths) {
        let honest = wire.log.lock().unwrap().answer(path).unwrap();
        assert_eq!(raw(&client, path).await, honest, "{path}");
    }
}

#[tokio::test]
async fn only_paths_of_a_database_are_asked_for() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    for path in [
        "",
        "/latest",
        "latest/",
        "latest?x",
        "supported",
        "lookup",
        "lookup/",
        "lookup/example.com/m1",
        "lookup/example.com/M1@v1.0.0",
        "lookup/example.com/m1@v1",
        "lookup/example.com/m1@latest",
        "lookup/example.com/m1@v1.0.0/go.mod",
        "lookup/../m1@v1.0.0",
        "lookup/m1@v1.0.0@v1.0.0",
        "tile/8/0/0",
        "tile/8/0/000.p/0",
        "tile/8/0/000.p/256",
        "tile/4/0/000",
        "tile/8/8/000",
        "tile/8/0/x000/000",
        "tile/8/0/../../latest",
        "tile/8/data/00",
        "../latest",
    ] {
        let found = client.raw(path).await;
        assert!(
            matches!(found, Err(DatabaseError::BadPath)),
            "{path}: {found:?}"
        );
    }
    assert!(wire.take_asked().is_empty());
}

#[tokio::test]
async fn tiles_of_the_known_tree_are_proven() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    client.lookup(&module(599)).await.unwrap();
    wire.lie(|path, honest| match honest {
        Ok(bytes) if path.starts_with("tile/8/0/000") => Ok(vec![0; bytes.len()].into()),
        honest => honest,
    });
    for path in ["tile/8/0/000", "tile/8/0/000.p/9"] {
        assert!(
            matches!(client.raw(path).await, Err(DatabaseError::Lying { .. })),
            "{path}"
        );
    }
    wire.lie(|_, honest| honest);
    raw(&client, "tile/8/0/000").await;
    wire.take_asked();
    raw(&client, "tile/8/0/000.p/9").await;
    raw(&client, "tile/8/0/002.p/50").await;
    assert!(wire.take_asked().is_empty(), "proven tiles are in memory");
}

#[tokio::test]
async fn tiles_beyond_the_known_tree_are_passed_on_at_the_right_length() {
    let wire = Wire::honest(log(300));
    let client = client(&wire);
    client.lookup(&module(1)).await.unwrap();
    wire.grow(600);
    assert_eq!(raw(&client, "tile/8/0/001").await.len(), TILE_BYTES);
    for path in ["tile/8/0/002.p/88", "tile/8/1/000.p/2"] {
        raw(&client, path).await;
        wire.lie(|path, honest| {
            if path.starts_with("tile/") {
                Ok(honest?.slice(32..))
            } else {
                honest
            }
        });
        assert!(
            matches!(client.raw(path).await, Err(DatabaseError::Lying { .. })),
            "{path}"
        );
        wire.lie(|_, honest| honest);
    }
    let found = client.raw("tile/8/0/099").await;
    assert!(
        matches!(found, Err(DatabaseError::NoRecord { .. })),
        "{found:?}"
    );
}

#[tokio::test]
async fn t30_data_tiles_of_the_known_tree_are_proven() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    client.lookup(&module(599)).await.unwrap();
    wire.lie(|path, honest| match honest {
        Ok(bytes) if path.starts_with("tile/8/data/") => {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            Ok(text.replacen("v1.0.0", "v1.0.1", 1).into())
        }
        honest => honest,
    });
    for path in ["tile/8/data/000", "tile/8/data/001.p/3"] {
        assert!(
            matches!(client.raw(path).await, Err(DatabaseError::Lying { .. })),
            "{path}"
        );
    }
    wire.lie(|path, honest| {
        if path.starts_with("tile/8/data/") {
            Ok(honest?.slice(1..))
        } else {
            honest
        }
    });
    assert!(matches!(
        client.raw("tile/8/data/000").await,
        Err(DatabaseError::Lying { .. })
    ));
}

#[tokio::test]
async fn latest_is_passed_on_only_when_signed_and_becomes_what_is_known() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    assert_eq!(raw(&client, "latest").await, log(600).latest().unwrap());
    assert_eq!(client.find_head().unwrap().size, 600);
    wire.grow(700);
    raw(&client, "latest").await;
    assert_eq!(client.find_head().unwrap().size, 700);
    wire.lie(|_, honest| Ok(honest?.slice(1..)));
    assert!(matches!(
        client.raw("latest").await,
        Err(DatabaseError::Lying { .. })
    ));
}

#[tokio::test]
async fn a_lookup_without_a_record_is_a_404() {
    let found = client(&Wire::honest(log(3)))
        .raw("lookup/example.com/m9@v1.0.0")
        .await;
    assert!(matches!(found, Err(DatabaseError::NoRecord { .. })));
}
