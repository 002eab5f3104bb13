//! What clients are served: files, headers, conditions, refusals.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use catalog::work::RefusalClass;
use web::metrics::Class;

use crate::house::{House, info_of, mod_of, zip_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_files_are_served_byte_for_byte() {
    let house = House::open().await;
    let of = house.land("github.com/BurntSushi/toml@v1.0.0").await;
    for prefix in ["", "/r/prod"] {
        let path = format!("{prefix}/github.com/%21burnt%21sushi/toml/@v/v1.0.0");
        let info = house.get(&format!("{path}.info")).await;
        assert_eq!(
            (info.status, info.text()),
            (200, info_of("v1.0.0").as_str())
        );
        assert_eq!(info.header("content-type"), Some("application/json"));
        let go_mod = house.get(&format!("{path}.mod")).await;
        assert_eq!(go_mod.text(), mod_of(&of));
        assert_eq!(
            go_mod.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        let zip = house.get(&format!("{path}.zip")).await;
        assert!(zip.body == zip_of(&of));
        assert_eq!(zip.header("content-type"), Some("application/zip"));
        for reply in [info, go_mod, zip] {
            assert_eq!(
                reply.header("cache-control"),
                Some("public, max-age=31536000, immutable")
            );
            assert_eq!(
                reply.header("last-modified"),
                Some("Thu, 04 Mar 2021 05:06:07 GMT")
            );
            let tag = reply.header("etag").unwrap();
            assert!(
                tag.starts_with('"') && tag.ends_with('"') && tag.len() == 66,
                "{tag}"
            );
            assert!(reply.header("date").is_some());
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        }
    }
    assert_eq!(house.script.all_runs(), 0);
    // The second round came out of memory.
    assert_eq!(house.front.metrics().hits(Class::Zip), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_and_later_answers_are_the_same() {
    let house = House::open().await;
    house.land("example.com/m@v1.0.0").await;
    for file in ["v1.0.0.info", "v1.0.0.mod", "v1.0.0.zip"] {
        for headers in ["", "Accept-Encoding: gzip\r\n"] {
            let path = format!("/example.com/m/@v/{file}");
            let mut client = house.client().await;
            let first = client.ask("GET", &path, headers).await;
            let by_hyper = client.ask("GET", &path, headers).await;
            let quick = house.ask("GET", &path, headers).await;
            let shown = |reply: &crate::client::Reply| {
                let mut headers: Vec<_> = reply
                    .headers
                    .iter()
                    .map(|(name, value)| (name.to_lowercase(), value.clone()))
                    .filter(|(name, _)| name != "date" && name != "x-request-id")
                    .collect();
                headers.sort();
                (reply.status, headers, reply.body.clone())
            };
            assert!(shown(&first) == shown(&by_hyper), "{file} {headers}");
            assert_eq!(shown(&quick).1, shown(&by_hyper).1, "{file} {headers}");
            assert!(shown(&quick) == shown(&by_hyper), "{file} {headers}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_is_get_without_the_body() {
    let house = House::open().await;
    house.land("example.com/m@v1.0.0").await;
    for file in [
        "@v/v1.0.0.info",
        "@v/v1.0.0.mod",
        "@v/v1.0.0.zip",
        "@v/list",
    ] {
        let path = format!("/example.com/m/{file}");
        let mut client = house.client().await;
        // On one connection, so that a body where none belongs would be the next answer's beginning.
        let head = client.ask("HEAD", &path, "").await;
        let get = client.ask("GET", &path, "").await;
        let quick = house.ask("HEAD", &path, "").await;
        let length = get.body.len().to_string();
        for reply in [&head, &get, &quick] {
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(
                reply.header("content-length"),
                Some(length.as_str()),
                "{path}"
            );
        }
    }
    let missing = house.ask("HEAD", "/example.com/none/@v/list", "").await;
    assert_eq!(missing.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_and_ranges_work_on_hot_and_cold_files() {
    let house = House::open().await;
    let of = house.land("example.com/m@v1.0.0").await;
    let path = "/example.com/m/@v/v1.0.0.zip";
    let tag = house.get(path).await.header("etag").unwrap().to_owned();
    for _ in 0..2 {
        let mut client = house.client().await;
        let part = client.ask("GET", path, "Range: bytes=100-199\r\n").await;
        assert_eq!(part.status, 206);
        assert_eq!(part.header("content-range"), Some("bytes 100-199/200000"));
        assert_eq!(part.body, &zip_of(&of)[100..200]);
        let unchanged = client
            .ask("GET", path, &format!("If-None-Match: {tag}\r\n"))
            .await;
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
        let beyond = client.ask("GET", path, "Range: bytes=200000-\r\n").await;
        assert_eq!(beyond.status, 416);
        let many = format!("Range: bytes=0-0{}\r\n", ",0-0".repeat(1000));
        let whole = client.ask("GET", path, &many).await;
        assert_eq!((whole.status, whole.body.len()), (200, 200_000));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_is_gzipped_for_those_who_take_it_and_zips_never() {
    let house = House::open().await;
    let of = house.land("example.com/m@v1.0.0").await;
    let takes = "Accept-Encoding: gzip\r\n";
    for _ in 0..2 {
        let go_mod = house
            .ask("GET", "/example.com/m/@v/v1.0.0.mod", takes)
            .await;
        assert_eq!(go_mod.header("content-encoding"), Some("gzip"));
        assert_eq!(go_mod.header("vary"), Some("Accept-Encoding"));
        let mut plain = vec![0; 100_000];
        let length = libdeflater::Decompressor::new()
            .gzip_decompress(&go_mod.body, &mut plain)
            .unwrap();
        assert_eq!(&plain[..length], mod_of(&of).as_bytes());
        let zip = house
            .ask("GET", "/example.com/m/@v/v1.0.0.zip", takes)
            .await;
        assert_eq!(zip.header("content-encoding"), None);
        assert_eq!(zip.body.len(), 200_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_are_refused_and_ask_nobody() {
    let house = House::open().await;
    for path in [
        "/example.com/!!m/@v/list",
        "/example.com/m!/@v/list",
        "/example.com//m/@v/list",
        "/..%2f..%2fetc/passwd/@v/list",
        "/example.com/m%2541/@v/list",
        "/example.com/m%00/@v/list",
        "/example.com/m%zz/@v/list",
        "/example.com\\m/@v/list",
        "/example.com/m/@v/v1.mod",
        "/example.com/m/@v/master.zip",
        "/example.com/m/@v/v2.0.0.zip",
        "/example.com/m/@v/-x.info",
        "/example.com/m/@v/v1.0.0.exe",
        "/r/staging/example.com/m/@v/list",
        "/no-dot/@v/list",
        "/wp-login.php",
        "/example.com/m/@v/",
    ] {
        let reply = house.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(
            reply.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{path}"
        );
        assert!(reply.body.len() > 10 && reply.body.len() <= 648, "{path}");
        assert!(reply.header("x-request-id").is_some());
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"] {
        let reply = house
            .ask(method, "/example.com/m/@v/list", "Content-Length: 0\r\n")
            .await;
        assert_eq!(reply.status, 405, "{method}");
        assert_eq!(reply.header("allow"), Some("GET, HEAD"));
    }
    let overridden = house
        .ask(
            "GET",
            "/x.example/@v/list",
            "X-HTTP-Method-Override: DELETE\r\n",
        )
        .await;
    assert_eq!(overridden.status, 404);
    assert_eq!(house.script.all_runs(), 1, "only the last one asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_pages_answer() {
    let house =
        House::open_with(|config| config.public_url = Some("https://granary.example/go".into()))
            .await;
    let root = house.get("/").await;
    assert!(root.status == 200 && root.text().contains("GOPROXY=https://granary.example/go"));
    assert_eq!(house.get("/livez").await.status, 200);
    let ready = house.get("/readyz").await;
    assert_eq!((ready.status, ready.text()), (200, "ready\n"));
    let version: serde_json::Value =
        serde_json::from_slice(&house.get("/version").await.body).unwrap();
    assert_eq!(version["instance"], "granary-test-1");
    for name in web::target::FIXED_FILES {
        let reply = house.get(&format!("/{name}")).await;
        assert_eq!(
            reply.status,
            if name == "robots.txt" { 200 } else { 404 },
            "{name}"
        );
    }
    house.get("/example.com/m/@v/list").await;
    let metrics = house.get("/metrics").await;
    let text = metrics.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(
        text.contains("granary_requests_total{class=\"list\",status=\"404\"} 1"),
        "{text}"
    );
    assert!(text.contains("granary_versions 0"), "{text}");
    assert!(
        text.contains("granary_jobs{kind=\"capture\",state=\"queued\"} 0"),
        "{text}"
    );
    assert!(!text.contains("example.com"), "module names are no labels");
    assert_eq!(house.script.all_runs(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_says_what_is_wrong() {
    let house = House::open().await;
    assert_eq!(house.get("/readyz").await.status, 200);
    std::fs::remove_dir_all(house.folder.path().join("staging")).unwrap();
    std::fs::remove_dir_all(house.folder.path().join("store")).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let reply = house.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert!(reply.text().starts_with("store: "), "{}", reply.text());
    assert_eq!(house.get("/livez").await.status, 200);
}

/// Who cannot take new versions serves the old ones: ready, and it is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_says_that_captures_are_stopped() {
    let stopped = Arc::new(AtomicU64::new(1));
    let house = House::open_with(|config| config.captures_stopped = stopped.clone()).await;
    let reply = house.get("/readyz").await;
    assert_eq!(reply.status, 200);
    let said = reply.text();
    assert!(said.starts_with("ready\nnot captured: disk: "), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_came_back_are_loops() {
    let house = House::open().await;
    house.land("example.com/m@v1.0.0").await;
    house.get("/example.com/m/@v/v1.0.0.mod").await;
    for path in ["/example.com/m/@v/v1.0.0.mod", "/example.com/n/@v/list"] {
        let reply = house
            .ask("GET", path, "Via: 1.1 other, 1.1 granary-test-1\r\n")
            .await;
        assert_eq!(reply.status, 508);
        assert_eq!(reply.header("granary-loop"), Some("granary-test-1"));
    }
    let other = house
        .ask("GET", "/example.com/m/@v/v1.0.0.mod", "Via: 1.1 other\r\n")
        .await;
    assert_eq!(other.status, 200);
    assert_eq!(house.script.all_runs(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_ids_of_trusted_proxies_are_kept() {
    let house =
        House::open_with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()])
            .await;
    let given = house.ask("GET", "/x", "X-Request-Id: abc-1\r\n").await;
    assert_eq!(given.header("x-request-id"), Some("abc-1"));
    let odd = house.ask("GET", "/x", "X-Request-Id: a b\r\n").await;
    assert_eq!(odd.header("x-request-id").map(str::len), Some(32));
    let untrusting = House::open().await;
    let given = untrusting.ask("GET", "/x", "X-Request-Id: abc-1\r\n").await;
    assert_ne!(given.header("x-request-id"), Some("abc-1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_path_is_taken_off() {
    let house = House::open_with(|config| config.public_prefix = "/go".into()).await;
    house.land("example.com/m@v1.0.0").await;
    for _ in 0..2 {
        for prefix in ["/go", "/go/r/prod", "", "/r/prod"] {
            let path = format!("{prefix}/example.com/m/@v/v1.0.0.info");
            assert_eq!(house.get(&path).await.status, 200, "{path}");
        }
    }
    assert_eq!(house.get("/go/livez").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn withdrawn_versions_are_gone_at_once() {
    let house = House::open().await;
    let of = house.land("example.com/m@v1.0.0").await;
    let path = "/example.com/m/@v/v1.0.0.zip";
    assert_eq!(house.get(path).await.status, 200);
    let views = ["prod".to_owned()];
    let catalog = &house.keepers.catalog;
    let withdrawn = catalog.withdraw(&of, &views, false, "admin", "a secret got in");
    withdrawn.await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let reply = house.get(path).await;
    assert_eq!(reply.status, 410);
    assert!(reply.text().contains("a secret got in"), "{}", reply.text());
    assert_eq!(house.script.all_runs(), 0, "nothing is fetched again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn toolchains_are_modules_like_any_other() {
    let house = House::open().await;
    house
        .land("golang.org/toolchain@v0.0.1-go1.21.0.linux-amd64")
        .await;
    let path = "/golang.org/toolchain/@v/v0.0.1-go1.21.0.linux-amd64.zip";
    assert_eq!(house.get(path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_blob_is_trouble_and_not_absence() {
    let house = House::open().await;
    house.land("example.com/m@v1.0.0").await;
    std::fs::remove_dir_all(house.folder.path().join("store/blob")).unwrap();
    let reply = house.get("/example.com/m/@v/v1.0.0.zip").await;
    assert_eq!(reply.status, 503, "whatever the healer says");
    assert_eq!(house.script.runs("heal:main/example.com/m@v1.0.0.zip"), 1);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert!(!reply.text().contains(house.folder.path().to_str().unwrap()));
    // What could not be healed a moment ago is not tried with every request.
    let again = house.get("/example.com/m/@v/v1.0.0.zip").await;
    assert_eq!((again.status, again.text()), (503, reply.text()));
    assert_eq!(house.script.runs("heal:main/example.com/m@v1.0.0.zip"), 1);
    // Nor is it for someone who wants nothing fetched; and it is not said to be missing.
    let forbidden = "Disable-Module-Fetch: true\r\n";
    let info = "/example.com/m/@v/v1.0.0.info";
    let reply = house.ask("GET", info, forbidden).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert_eq!(house.script.all_runs(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healed_blob_is_served() {
    let house = House::open().await;
    let of = house.land("example.com/m@v1.0.0").await;
    std::fs::remove_dir_all(house.folder.path().join("store/blob")).unwrap();
    assert_eq!(house.get("/example.com/m/@v/v1.0.0.mod").await.status, 503);
    let store = house.folder.path().join("store/blob/sha256");
    for shard in 0..256 {
        std::fs::create_dir_all(store.join(format!("{shard:02x}"))).unwrap();
    }
    house.keepers.land_mod(&of).await;
    assert_eq!(house.get("/example.com/m/@v/v1.0.0.mod").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_carry_their_status_and_text() {
    let house = House::open().await;
    for (class, want) in [
        (RefusalClass::Gone, 410),
        (RefusalClass::Forbidden, 403),
        (RefusalClass::Legal, 451),
        (RefusalClass::Mismatch, 403),
        (RefusalClass::NoRecord, 403),
        (RefusalClass::Unverifiable, 503),
        (RefusalClass::Unreachable, 502),
        (RefusalClass::TooSlow, 504),
        (RefusalClass::Storage, 507),
    ] {
        let name = format!("{class:?}").to_lowercase();
        let job = format!("capture:main/example.com/{name}@v1.0.0");
        house.script.refuse(
            &job,
            class,
            &format!("no {name}\n\nfor you{}", "!".repeat(1000)),
        );
        let reply = house
            .get(&format!("/example.com/{name}/@v/v1.0.0.mod"))
            .await;
        assert_eq!(reply.status, want, "{name}");
        assert!(reply.text().starts_with(&format!("no {name}\nfor you!!")));
        assert!(reply.body.len() <= 648);
        assert_eq!(
            reply.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        let kept = if want >= 500 || class == RefusalClass::Mismatch {
            "no-store"
        } else {
            "public, max-age=60"
        };
        assert_eq!(reply.header("cache-control"), Some(kept), "{name}");
    }
}
