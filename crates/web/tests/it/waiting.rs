//! What is not here yet: one job, everyone waits for it, nobody waits too long.

use std::time::{Duration, Instant};

use catalog::work::{CaptureAnswer, Refusal, RefusalClass};
use queue::Outcome;

use crate::house::{Deed, House, info_of, mod_of, zip_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_captured_and_answered() {
    let house = House::open().await;
    let of: gomod::version::ModuleVersion = "example.com/m@v1.0.0".parse().unwrap();
    let job = "capture:main/example.com/m@v1.0.0";
    house.script.set(job, Deed::Land(of.clone()));
    let mut client = house.client().await;
    assert_eq!(
        client.get("/example.com/m/@v/v1.0.0.info").await.text(),
        info_of("v1.0.0")
    );
    assert_eq!(
        client.get("/example.com/m/@v/v1.0.0.mod").await.text(),
        mod_of(&of)
    );
    assert_eq!(house.script.runs(job), 1);
    assert_eq!(house.script.all_runs(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_zip_is_one_job() {
    let house = House::open().await;
    let of: gomod::version::ModuleVersion = "example.com/m@v1.0.0".parse().unwrap();
    house
        .script
        .set("zip:main/example.com/m@v1.0.0", Deed::Land(of.clone()));
    let reply = house.get("/example.com/m/@v/v1.0.0.zip").await;
    assert!(reply.status == 200 && reply.body == zip_of(&of));
    assert_eq!(house.script.all_runs(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_are_one_fetch_a_file() {
    let house = House::open().await;
    let of: gomod::version::ModuleVersion = "example.com/m@v1.0.0".parse().unwrap();
    for kind in ["capture", "zip"] {
        house.script.set(
            &format!("{kind}:main/example.com/m@v1.0.0"),
            Deed::Land(of.clone()),
        );
    }
    house.script.set_delay(Duration::from_millis(300));
    let begun = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..64 {
        let mut client = house.client().await;
        let ending = ["info", "mod", "zip"][number % 3];
        clients.spawn(async move {
            (
                ending,
                client
                    .get(&format!("/example.com/m/@v/v1.0.0.{ending}"))
                    .await,
            )
        });
    }
    while let Some(answered) = clients.join_next().await {
        let (ending, reply) = answered.unwrap();
        let want = match ending {
            "info" => info_of("v1.0.0").into_bytes(),
            "mod" => mod_of(&of).into_bytes(),
            _ => zip_of(&of),
        };
        assert!(reply.status == 200 && reply.body == want, "{ending}");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(house.script.runs("capture:main/example.com/m@v1.0.0"), 1);
    assert_eq!(house.script.runs("zip:main/example.com/m@v1.0.0"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_with_a_503_that_names_the_progress() {
    let house = House::open_with(|config| config.client_wait = Duration::from_millis(300)).await;
    house.script.set_delay(Duration::from_secs(30));
    for (path, job) in [
        (
            "/example.com/m/@v/v1.0.0.zip",
            "zip:main/example.com/m@v1.0.0",
        ),
        ("/example.com/m/@v/list", "list:main/example.com/m"),
        (
            "/example.com/m/@latest",
            "resolve:main/example.com/m@latest",
        ),
    ] {
        let reply = house.get(path).await;
        assert_eq!(reply.status, 503, "{path}");
        assert!(reply.header("retry-after").is_some());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(
            reply.text().contains("asking the upstream, 1 of 3"),
            "{}",
            reply.text()
        );
        house.get(path).await;
        assert_eq!(
            house.script.runs(job),
            1,
            "the second client joined the first one's job"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_cancels_nothing() {
    let house = House::open().await;
    let of: gomod::version::ModuleVersion = "example.com/m@v1.0.0".parse().unwrap();
    house
        .script
        .set("zip:main/example.com/m@v1.0.0", Deed::Land(of));
    house.script.set_delay(Duration::from_millis(500));
    let path = "/example.com/m/@v/v1.0.0.zip";
    let mut leaving = house.client().await;
    leaving
        .send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(leaving);
    assert_eq!(house.get(path).await.status, 200);
    assert_eq!(house.script.all_runs(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_info_without_its_files_is_handed_on_and_not_kept() {
    let house = House::open().await;
    let job = "capture:main/example.com/m@v1.0.0";
    let refusal = Refusal::new(RefusalClass::Absent, "no .mod upstream");
    let passed = |info: String| CaptureAnswer::Passed {
        info,
        refusal: refusal.clone(),
    };
    house.script.say(job, passed(info_of("v1.0.0")));
    let info = house.get("/example.com/m/@v/v1.0.0.info").await;
    assert_eq!(
        (info.status, info.text()),
        (200, info_of("v1.0.0").as_str())
    );
    assert_eq!(info.header("cache-control"), Some("public, max-age=60"));
    let go_mod = house.get("/example.com/m/@v/v1.0.0.mod").await;
    assert_eq!((go_mod.status, go_mod.text()), (404, "no .mod upstream\n"));
    assert_eq!(house.script.runs(job), 1);

    let house = House::open().await;
    house.script.say(job, passed(info_of("v1.0.1")));
    let info = house.get("/example.com/m/@v/v1.0.0.info").await;
    assert_eq!(info.status, 502, "the guard of canonical versions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_versions_are_not_asked_for_again_at_once() {
    let house = House::open().await;
    for ending in ["info", "mod", "zip", "info"] {
        let reply = house
            .get(&format!("/example.com/m/@v/v1.0.0.{ending}"))
            .await;
        assert_eq!(reply.status, 404, "{ending}");
    }
    assert_eq!(house.script.all_runs(), 1);
    // Trouble is another matter.
    let job = "capture:main/example.com/n@v1.0.0";
    house.script.refuse(job, RefusalClass::Unreachable, "down");
    for _ in 0..2 {
        assert_eq!(house.get("/example.com/n/@v/v1.0.0.mod").await.status, 502);
    }
    assert_eq!(house.script.runs(job), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_jobs_are_trouble_here() {
    let house = House::open().await;
    let job = "capture:main/example.com/m@v1.0.0";
    for (outcome, want) in [
        (
            Outcome::Failed {
                message: "disk".into(),
                retry: false,
            },
            500,
        ),
        (
            Outcome::Failed {
                message: "disk".into(),
                retry: true,
            },
            503,
        ),
        (Outcome::Cancelled, 503),
        (Outcome::Done("nonsense".into()), 500),
    ] {
        let house = House::open().await;
        house.script.set(job, Deed::End(outcome.clone()));
        let reply = house.get("/example.com/m/@v/v1.0.0.mod").await;
        assert_eq!(reply.status, want, "{outcome:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    drop(house);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetching_can_be_forbidden() {
    let house = House::open().await;
    let stored_only = "Disable-Module-Fetch: true\r\n";
    let reply = house
        .ask("GET", "/example.com/m/@v/v1.0.0.mod", stored_only)
        .await;
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("Disable-Module-Fetch"));
    house.land("example.com/m@v1.0.0").await;
    let reply = house
        .ask("GET", "/example.com/m/@v/v1.0.0.mod", stored_only)
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(house.script.all_runs(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_requests_wait() {
    let house = House::open_with(|config| config.requests_max = 2).await;
    house.script.set_delay(Duration::from_millis(1500));
    house.script.list("example.com/m", &["v1.0.0"]);
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut client = house.client().await;
        client
            .send("GET /example.com/m/@v/list HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        waiting.push(client);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let reply = house.get("/example.com/n/@v/list").await;
    assert_eq!(reply.status, 503);
    assert!(reply.header("retry-after").is_some());
    assert_eq!(house.get("/livez").await.status, 200);
    for mut client in waiting {
        assert_eq!(client.reply(false).await.unwrap().status, 200);
    }
    assert_eq!(
        house.get("/example.com/n/@v/list").await.status,
        404,
        "there is room again"
    );
}
