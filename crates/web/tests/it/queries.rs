//! `/@latest` and the `.info` of words that are no versions.

use std::time::{Duration, Instant};

use catalog::work::{RefusalClass, ResolveAnswer};

use crate::house::{House, info_of};

const LATEST: &str = "/example.com/m/@latest";
const LATEST_JOB: &str = "resolve:main/example.com/m@latest";

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latest_is_what_the_upstream_says() {
    let house = House::open().await;
    house.script.resolve("example.com/m", "latest", "v1.2.0");
    for _ in 0..2 {
        let reply = house.get(LATEST).await;
        assert_eq!(
            (reply.status, reply.text()),
            (200, info_of("v1.2.0").as_str())
        );
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("cache-control"), Some("public, max-age=60"));
    }
    assert_eq!(house.script.runs(LATEST_JOB), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latest_of_what_is_stored_needs_no_upstream() {
    for class in [RefusalClass::Unreachable, RefusalClass::Absent] {
        let house = House::open().await;
        house.land("example.com/m@v1.2.0").await;
        house.land("example.com/m@v1.10.0").await;
        house.land("example.com/m@v1.11.0-rc.1").await;
        house.script.refuse(LATEST_JOB, class, "no");
        let reply = house.get(LATEST).await;
        assert_eq!(
            (reply.status, reply.text()),
            (200, info_of("v1.10.0").as_str()),
            "{class:?}"
        );
    }
}

/// A damaged version keeps nobody from hearing what the upstream says; without the upstream it is damage, not absence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latest_is_not_lost_with_a_damaged_version() {
    let lose = async || {
        let house = House::open().await;
        house.land("example.com/m@v1.2.0").await;
        std::fs::remove_dir_all(house.folder.path().join("store/blob")).unwrap();
        house
    };
    let house = lose().await;
    house.script.resolve("example.com/m", "latest", "v1.3.0");
    let reply = house.get(LATEST).await;
    assert_eq!(
        (reply.status, reply.text()),
        (200, info_of("v1.3.0").as_str())
    );
    let house = lose().await;
    let reply = house.get(LATEST).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    // What is known already needs nothing that is stored, and nothing is fetched for who wants nothing fetched.
    let house = lose().await;
    let forbidden = "Disable-Module-Fetch: true\r\n";
    assert_eq!(house.ask("GET", LATEST, forbidden).await.status, 503);
    house
        .keepers
        .know_resolution("example.com/m", "latest", "v1.2.0", hours(1))
        .await;
    let reply = house.ask("GET", LATEST, forbidden).await;
    assert_eq!(
        (reply.status, reply.text()),
        (200, info_of("v1.2.0").as_str())
    );
    assert_eq!(house.script.all_runs(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retracted_versions_are_not_latest() {
    let house = House::open().await;
    house.land("example.com/m@v1.1.0").await;
    house.land("example.com/m@v1.2.0").await;
    let of = "example.com/m@v1.3.0".parse().unwrap();
    let go_mod = "module example.com/m\n\nretract [v1.2.0, v1.3.0] // oops\n";
    house.keepers.land_mod_as(&of, go_mod).await;
    house
        .script
        .refuse(LATEST_JOB, RefusalClass::Unreachable, "down");
    assert_eq!(house.get(LATEST).await.text(), info_of("v1.1.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latest_of_nothing_is_the_upstreams_no() {
    let house = House::open().await;
    for _ in 0..3 {
        assert_eq!(house.get(LATEST).await.status, 404);
    }
    assert_eq!(house.script.runs(LATEST_JOB), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latest_does_not_wait_for_a_slow_origin_once_it_is_known() {
    let house = House::open().await;
    house
        .keepers
        .know_resolution("example.com/m", "latest", "v1.0.0", hours(48))
        .await;
    house.script.resolve("example.com/m", "latest", "v1.2.0");
    house.script.set_delay(Duration::from_secs(10));
    let begun = Instant::now();
    assert_eq!(house.get(LATEST).await.text(), info_of("v1.0.0"));
    assert!(
        begun.elapsed() < Duration::from_millis(1500),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_is_resolved_and_asked_again_when_stale() {
    let house = House::open().await;
    let (old, new) = (
        "v0.0.0-20210304050607-abcdef012345",
        "v0.0.0-20220304050607-bbbbbb012345",
    );
    let path = "/example.com/m/@v/master.info";
    house
        .keepers
        .know_resolution("example.com/m", "master", old, Duration::from_secs(10))
        .await;
    assert_eq!(house.get(path).await.text(), info_of(old), "fresh");
    let house = House::open().await;
    house
        .keepers
        .know_resolution("example.com/m", "master", old, Duration::from_secs(120))
        .await;
    house.script.resolve("example.com/m", "master", new);
    assert_eq!(
        house.get(path).await.text(),
        info_of(new),
        "who asks for a branch wants its tip"
    );
    let house = House::open().await;
    house
        .keepers
        .know_resolution("example.com/m", "master", old, Duration::from_secs(120))
        .await;
    house.script.refuse(
        "resolve:main/example.com/m@master",
        RefusalClass::Unreachable,
        "down",
    );
    assert_eq!(
        house.get(path).await.text(),
        info_of(old),
        "the upstream is down"
    );
    let house = House::open().await;
    house
        .keepers
        .know_resolution("example.com/m", "master", old, Duration::from_secs(120))
        .await;
    assert_eq!(house.get(path).await.status, 404, "the branch is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_answered_from_what_is_known() {
    let house = House::open().await;
    let version = "v0.0.0-20210304050607-abcdef012345";
    house
        .keepers
        .know_resolution(
            "example.com/m",
            "abcdef0",
            version,
            Duration::from_secs(120),
        )
        .await;
    house.script.set_delay(Duration::from_secs(10));
    let begun = Instant::now();
    assert_eq!(
        house.get("/example.com/m/@v/abcdef0.info").await.text(),
        info_of(version)
    );
    assert!(begun.elapsed() < Duration::from_millis(400));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_may_turn_out_to_be_incompatible() {
    let house = House::open().await;
    house
        .script
        .resolve("example.com/m", "v2.0.0", "v2.0.0+incompatible");
    let reply = house.get("/example.com/m/@v/v2.0.0.info").await;
    assert_eq!(reply.text(), info_of("v2.0.0+incompatible"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_break_the_protocol_are_not_handed_on() {
    let house = House::open().await;
    let job = "resolve:main/example.com/m@master";
    let found = |version: &str, info: &str| ResolveAnswer::Found {
        version: version.parse().unwrap(),
        info: info.to_owned(),
    };
    for answer in [
        found("v3.0.0", &info_of("v3.0.0")),
        found("v1.0.0", &info_of("v1.0.1")),
        found("v1.0.0", "<html>"),
    ] {
        house.script.say(job, answer);
        assert_eq!(house.get("/example.com/m/@v/master.info").await.status, 502);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_can_be_asked_without_fetching() {
    let house = House::open().await;
    let stored_only = "Disable-Module-Fetch: true\r\n";
    assert_eq!(house.ask("GET", LATEST, stored_only).await.status, 404);
    house.land("example.com/m@v1.0.0").await;
    assert_eq!(
        house.ask("GET", LATEST, stored_only).await.text(),
        info_of("v1.0.0")
    );
    assert_eq!(
        house
            .ask("GET", "/example.com/m/@v/master.info", stored_only)
            .await
            .status,
        404
    );
    assert_eq!(house.script.all_runs(), 0);
}
