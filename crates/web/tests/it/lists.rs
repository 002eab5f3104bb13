//! `/@v/list`: what is in it, and when somebody is asked.

use std::time::{Duration, Instant};

use catalog::work::RefusalClass;

use crate::house::House;

const PATH: &str = "/example.com/m/@v/list";
const JOB: &str = "list:main/example.com/m";

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_what_is_stored_and_what_the_upstream_told() {
    let house = House::open().await;
    house.land("example.com/m@v1.10.0").await;
    house.land("example.com/m@v1.9.0").await;
    house
        .land("example.com/m@v0.0.0-20210304050607-abcdef012345")
        .await;
    house.script.list(
        "example.com/m",
        &["v1.10.0", "v1.11.0-rc.1", "v0.1.0", "v1.11.0"],
    );
    let reply = house.get(PATH).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.text(),
        "v0.1.0\nv1.9.0\nv1.10.0\nv1.11.0-rc.1\nv1.11.0\n"
    );
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(reply.header("cache-control"), Some("public, max-age=60"));
    for _ in 0..20 {
        house.get(PATH).await;
    }
    // News of a landing makes the list anew, and that of each of the three may come behind the first answer.
    let runs = house.script.runs(JOB);
    assert!(runs <= 4, "{runs} runs: later answers come out of memory");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_without_tags_has_an_empty_list() {
    let house = House::open().await;
    house.script.list("example.com/m", &[]);
    for _ in 0..2 {
        let reply = house.get(PATH).await;
        assert_eq!((reply.status, reply.text()), (200, ""));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_list_asks_nobody() {
    let house = House::open().await;
    house
        .keepers
        .know_list(
            "example.com/m",
            &["v1.0.0", "master", "v1"],
            Duration::from_secs(10),
        )
        .await;
    let reply = house.get(PATH).await;
    assert_eq!((reply.status, reply.text()), (200, "v1.0.0\n"));
    assert_eq!(house.script.all_runs(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_list_is_answered_at_once_and_refreshed_behind() {
    let house = House::open().await;
    house
        .keepers
        .know_list("example.com/m", &["v1.0.0"], Duration::from_secs(120))
        .await;
    house.script.list("example.com/m", &["v1.0.0", "v1.1.0"]);
    house.script.set_delay(Duration::from_millis(1500));
    let begun = Instant::now();
    assert_eq!(house.get(PATH).await.text(), "v1.0.0\n");
    assert!(
        begun.elapsed() < Duration::from_millis(400),
        "{:?}",
        begun.elapsed()
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(house.script.runs(JOB), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_list_of_what_is_stored_does_not_wait_for_a_slow_origin() {
    let house = House::open().await;
    house.land("example.com/m@v1.0.0").await;
    house
        .keepers
        .know_list("example.com/m", &["v1.1.0"], hours(48))
        .await;
    house.script.list("example.com/m", &["v1.0.0", "v1.2.0"]);
    house.script.set_delay(Duration::from_secs(10));
    let begun = Instant::now();
    let reply = house.get(PATH).await;
    assert_eq!(reply.text(), "v1.0.0\nv1.1.0\n");
    let first = begun.elapsed();
    assert!(
        (Duration::from_millis(490)..Duration::from_millis(1500)).contains(&first),
        "{first:?}"
    );
    let begun = Instant::now();
    house.get(PATH).await;
    assert!(
        begun.elapsed() < Duration::from_millis(300),
        "one wait, not one a request"
    );
    assert_eq!(house.script.runs(JOB), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_list_is_refreshed_where_that_is_quick() {
    let house = House::open().await;
    house.land("example.com/m@v1.0.0").await;
    house
        .keepers
        .know_list("example.com/m", &["v1.1.0"], hours(48))
        .await;
    house.script.list("example.com/m", &["v1.2.0"]);
    // What an upstream once told stays in the list: a deleted tag is not our deletion.
    assert_eq!(house.get(PATH).await.text(), "v1.0.0\nv1.1.0\nv1.2.0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_known_waits_for_the_upstream() {
    let house = House::open().await;
    house.script.list("example.com/m", &["v1.0.0"]);
    house.script.set_delay(Duration::from_millis(800));
    assert_eq!(house.get(PATH).await.text(), "v1.0.0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_no_is_remembered_until_something_lands() {
    let house = House::open().await;
    for _ in 0..3 {
        let reply = house.get(PATH).await;
        assert_eq!(reply.status, 404);
        assert!(reply.text().contains("not found"), "{}", reply.text());
    }
    assert_eq!(house.script.runs(JOB), 1);
    house.land("example.com/m@v1.0.0").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.get(PATH).await.text(), "v1.0.0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_landing_is_in_the_list_at_once() {
    let house = House::open().await;
    house.land("example.com/m@v1.0.0").await;
    house.script.list("example.com/m", &["v1.0.0"]);
    assert_eq!(house.get(PATH).await.text(), "v1.0.0\n");
    house.land("example.com/m@v1.3.0").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.get(PATH).await.text(), "v1.0.0\nv1.3.0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_is_listed_whatever_the_upstream_says() {
    for class in [
        RefusalClass::Absent,
        RefusalClass::Gone,
        RefusalClass::Unreachable,
        RefusalClass::Legal,
    ] {
        let house = House::open().await;
        house.land("example.com/m@v1.0.0").await;
        house.script.refuse(JOB, class, "no");
        let reply = house.get(PATH).await;
        assert_eq!((reply.status, reply.text()), (200, "v1.0.0\n"), "{class:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_once_is_better_than_trouble() {
    let house = House::open().await;
    house
        .keepers
        .know_list("example.com/m", &["v1.0.0"], hours(48))
        .await;
    house.script.refuse(JOB, RefusalClass::Unreachable, "down");
    assert_eq!(house.get(PATH).await.text(), "v1.0.0\n");
    let house = House::open().await;
    house.script.refuse(JOB, RefusalClass::Unreachable, "down");
    assert_eq!(house.get(PATH).await.status, 502);
    house.script.list("example.com/m", &["v1.0.0"]);
    assert_eq!(
        house.get(PATH).await.status,
        200,
        "trouble is not remembered"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_can_be_asked_for_without_fetching() {
    let house = House::open().await;
    let refused = house
        .ask("GET", PATH, "Disable-Module-Fetch: true\r\n")
        .await;
    assert_eq!(refused.status, 404);
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    house.land("example.com/m@v1.0.0").await;
    house
        .keepers
        .know_list("example.com/m", &["v1.1.0"], hours(48))
        .await;
    let reply = house
        .ask("GET", PATH, "disable-module-fetch: True\r\n")
        .await;
    assert_eq!(reply.text(), "v1.0.0\nv1.1.0\n");
    assert_eq!(house.script.all_runs(), 0);
}
