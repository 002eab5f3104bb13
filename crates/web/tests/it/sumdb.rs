//! Checksum databases passed on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::work::{RefusalClass, SumdbAnswer};

use crate::house::House;

const NAME: &str = "sum.example.com/db";

async fn open() -> House {
    House::open_with(|config| {
        config.databases = vec!["sum.example.com".into(), NAME.into()];
        config.private = "private.example.com".parse().unwrap();
    })
    .await
}

fn body(bytes: &[u8]) -> SumdbAnswer {
    SumdbAnswer::Body {
        base64: STANDARD.encode(bytes),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn supported_is_answered_here() {
    let house = open().await;
    for prefix in ["", "/r/prod"] {
        for name in ["sum.example.com", NAME] {
            for _ in 0..2 {
                let reply = house.get(&format!("{prefix}/sumdb/{name}/supported")).await;
                assert_eq!(reply.status, 200, "{name}");
            }
        }
        assert_eq!(
            house
                .get(&format!("{prefix}/sumdb/evil.example.com/supported"))
                .await
                .status,
            404
        );
    }
    assert_eq!(house.script.all_runs(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_records_are_served_for_ever() {
    let house = open().await;
    let of = "example.com/Up@v1.1.0".parse().unwrap();
    let record = b"7\nexample.com/Up v1.1.0 h1:x\n\nnote";
    house
        .keepers
        .catalog
        .save_record(NAME, &of, 7, record)
        .await
        .unwrap();
    for _ in 0..2 {
        let reply = house
            .get(&format!("/sumdb/{NAME}/lookup/example.com/%21up@v1.1.0"))
            .await;
        assert_eq!(
            (reply.status, reply.body.as_slice()),
            (200, record.as_slice())
        );
        assert_eq!(
            reply.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
    }
    assert_eq!(house.script.all_runs(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_records_are_a_job() {
    let house = open().await;
    let job = format!("sumdb:{NAME}/lookup/example.com/m@v1.0.0");
    let path = format!("/sumdb/{NAME}/lookup/example.com/m@v1.0.0");
    house.script.refuse(&job, RefusalClass::Absent, "no record");
    for _ in 0..2 {
        assert_eq!(house.get(&path).await.status, 404);
    }
    assert_eq!(house.script.runs(&job), 1);
    let job = format!("sumdb:{NAME}/lookup/example.com/n@v1.0.0");
    house.script.say(&job, body(b"record"));
    for _ in 0..2 {
        assert_eq!(
            house
                .get(&format!("/sumdb/{NAME}/lookup/example.com/n@v1.0.0"))
                .await
                .text(),
            "record"
        );
    }
    assert_eq!(house.script.runs(&job), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_paths_never_leave() {
    let house = open().await;
    let reply = house
        .get(&format!(
            "/sumdb/{NAME}/lookup/private.example.com/m@v1.0.0"
        ))
        .await;
    assert_eq!(reply.status, 403);
    assert!(reply.text().contains("private"));
    assert_eq!(house.script.all_runs(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiles_come_out_of_the_store_unless_they_are_torn() {
    let house = open().await;
    let store = &house.keepers.store;
    let full = vec![7; 8192];
    store
        .put_tile(NAME, "tile/8/0/000", full.clone().into())
        .await
        .unwrap();
    let reply = house.get(&format!("/sumdb/{NAME}/tile/8/0/000")).await;
    assert!(reply.status == 200 && reply.body == full);
    assert_eq!(
        reply.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    store
        .put_tile(NAME, "tile/8/0/001.p/2", vec![7; 64].into())
        .await
        .unwrap();
    let partial = house.get(&format!("/sumdb/{NAME}/tile/8/0/001.p/2")).await;
    assert_eq!((partial.status, partial.body.len()), (200, 64));
    assert_ne!(
        partial.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(house.script.all_runs(), 0);

    let mut torn = full.clone();
    torn[4096..].fill(0);
    store
        .put_tile(NAME, "tile/8/0/002", torn.into())
        .await
        .unwrap();
    store
        .put_tile(NAME, "tile/8/0/003", vec![7; 4096].into())
        .await
        .unwrap();
    for number in ["002", "003", "004"] {
        let job = format!("sumdb:{NAME}/tile/8/0/{number}");
        house.script.say(&job, body(&full));
        let reply = house.get(&format!("/sumdb/{NAME}/tile/8/0/{number}")).await;
        assert!(reply.status == 200 && reply.body == full, "{number}");
        assert_eq!(house.script.runs(&job), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latest_is_short_lived() {
    let house = open().await;
    house
        .script
        .say(&format!("sumdb:{NAME}/latest"), body(b"head"));
    let reply = house.get(&format!("/sumdb/{NAME}/latest")).await;
    assert_eq!((reply.status, reply.text()), (200, "head"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=5"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_with_the_database_is_a_5xx() {
    let house = open().await;
    let job = format!("sumdb:{NAME}/lookup/example.com/m@v1.0.0");
    house
        .script
        .refuse(&job, RefusalClass::Unverifiable, "unreachable");
    assert_eq!(
        house
            .get(&format!("/sumdb/{NAME}/lookup/example.com/m@v1.0.0"))
            .await
            .status,
        503
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_requests_ask_nobody() {
    let house = open().await;
    for path in [
        "",
        "/",
        "/x",
        "/lookup/m",
        "/lookup/example.com/m@master",
        "/tile/8/0/00",
        "/tile/8/0/000.p/256",
    ] {
        let path = format!("/sumdb/{NAME}{path}");
        assert_eq!(house.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(house.script.all_runs(), 0);
}
