//! What was seen outside, what databases said, what was refused.

use catalog::{Catalog, Quarantined};
use gomod::path::ModulePath;
use gomod::version::Version;
use jiff::{SignedDuration, Timestamp};

use crate::rig::{digest, h1, module, time};

fn path() -> ModulePath {
    "example.com/m".parse().unwrap()
}

fn lines(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

pub async fn a_list_is_kept_and_its_changes_observed(catalog: &Catalog) {
    let (noon, one, two) = (
        time("2026-01-01T12:00:00Z"),
        time("2026-01-01T13:00:00Z"),
        time("2026-01-01T14:00:00Z"),
    );
    assert_eq!(catalog.find_list(&path()).await.unwrap(), None);
    catalog
        .save_list(&path(), &lines("v1.1.0 v1.0.0"), noon)
        .await
        .unwrap();
    catalog
        .save_list(&path(), &lines("v1.1.0 v1.0.0"), one)
        .await
        .unwrap();
    let known = catalog.find_list(&path()).await.unwrap().unwrap();
    assert_eq!(
        (known.versions, known.seen_at),
        (lines("v1.1.0 v1.0.0"), one)
    );
    catalog
        .save_list(&path(), &lines("v1.1.0 v1.2.0 v1.2.0"), two)
        .await
        .unwrap();
    catalog
        .save_list(
            &path(),
            &lines("v1.1.0 v1.2.0 v1.0.0"),
            time("2026-01-01T15:00:00Z"),
        )
        .await
        .unwrap();

    let seen: Vec<_> = catalog
        .list_observations(&path(), 10)
        .await
        .unwrap()
        .into_iter()
        .map(|seen| (seen.kind, seen.name, seen.seen_at, seen.gone_at))
        .collect();
    let list =
        |name: &str, seen_at, gone_at| ("list".to_owned(), name.to_owned(), seen_at, gone_at);
    assert_eq!(
        seen,
        [
            list("v1.0.0", noon, Some(two)),
            list("v1.0.0", time("2026-01-01T15:00:00Z"), None),
            list("v1.1.0", noon, None),
            list("v1.2.0", two, None),
        ]
    );
}

pub async fn hostile_lines_of_a_list_do_no_harm(catalog: &Catalog) {
    let at = time("2026-01-01T12:00:00Z");
    let hostile = [
        "v1.0.0",
        "v1\0.0",
        "a\nb",
        "",
        "\u{1b}[2J",
        "v1.0.0\r",
        "'); drop table versions; --",
        "\"\\u0000",
        "ü",
    ];
    let hostile = hostile.map(str::to_owned);
    catalog.save_list(&path(), &hostile, at).await.unwrap();
    let known = catalog.find_list(&path()).await.unwrap().unwrap();
    assert_eq!(
        known.versions,
        ["v1.0.0", "'); drop table versions; --", "\"\\u0000", "ü"]
    );
    assert_eq!(
        catalog.list_observations(&path(), 10).await.unwrap().len(),
        4
    );
}

pub async fn answers_from_the_future_are_replaced(catalog: &Catalog) {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let tomorrow = now.checked_add(SignedDuration::from_hours(24)).unwrap();
    let (old, new): (Version, Version) = ("v1.0.0".parse().unwrap(), "v1.1.0".parse().unwrap());
    for (version, at) in [(&old, tomorrow), (&new, now)] {
        let list = [version.as_str().to_owned()];
        catalog.save_list(&path(), &list, at).await.unwrap();
        catalog
            .save_resolution(&path(), "main", version, b"{}", at)
            .await
            .unwrap();
    }
    let known = catalog.find_list(&path()).await.unwrap().unwrap();
    assert_eq!(
        (known.versions, known.seen_at),
        (vec!["v1.1.0".to_owned()], now)
    );
    let found = catalog.find_resolution(&path(), "main").await.unwrap();
    assert_eq!(
        found.map(|found| (found.version, found.seen_at)),
        Some((new, now))
    );
}

pub async fn an_empty_list_is_a_list(catalog: &Catalog) {
    let at = time("2026-01-01T12:00:00Z");
    catalog.save_list(&path(), &[], at).await.unwrap();
    let known = catalog.find_list(&path()).await.unwrap().unwrap();
    assert_eq!((known.versions, known.seen_at), (Vec::new(), at));
}

pub async fn a_resolution_is_kept_and_its_moves_observed(catalog: &Catalog) {
    let (noon, one) = (time("2026-01-01T12:00:00Z"), time("2026-01-01T13:00:00Z"));
    let (old, new): (Version, Version) = ("v1.0.0".parse().unwrap(), "v1.1.0".parse().unwrap());
    assert_eq!(
        catalog.find_resolution(&path(), "main").await.unwrap(),
        None
    );
    catalog
        .save_resolution(&path(), "main", &old, b"{old}", noon)
        .await
        .unwrap();
    catalog
        .save_resolution(&path(), "latest", &old, b"{old}", noon)
        .await
        .unwrap();
    catalog
        .save_resolution(&path(), "main", &new, b"{new}\0\xff", one)
        .await
        .unwrap();
    let found = catalog
        .find_resolution(&path(), "main")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.version, found.info.as_slice(), found.seen_at),
        (new, &b"{new}\0\xff"[..], one)
    );
    let latest = catalog
        .find_resolution(&path(), "latest")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((latest.version, latest.seen_at), (old, noon));
    let seen: Vec<_> = catalog
        .list_observations(&path(), 10)
        .await
        .unwrap()
        .into_iter()
        .map(|seen| {
            format!(
                "{} {} {} {}",
                seen.kind,
                seen.name,
                seen.value,
                seen.gone_at.is_some()
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "query latest v1.0.0 false",
            "query main v1.0.0 true",
            "query main v1.1.0 false"
        ]
    );
}

pub async fn late_answers_do_not_replace_newer_ones(catalog: &Catalog) {
    let (noon, one) = (time("2026-01-01T12:00:00Z"), time("2026-01-01T13:00:00Z"));
    catalog
        .save_list(&path(), &lines("v1.1.0"), one)
        .await
        .unwrap();
    catalog
        .save_list(&path(), &lines("v1.0.0"), noon)
        .await
        .unwrap();
    assert_eq!(
        catalog.find_list(&path()).await.unwrap().unwrap().versions,
        ["v1.1.0"]
    );
    let (old, new): (Version, Version) = ("v1.0.0".parse().unwrap(), "v1.1.0".parse().unwrap());
    catalog
        .save_resolution(&path(), "main", &new, b"new", one)
        .await
        .unwrap();
    catalog
        .save_resolution(&path(), "main", &old, b"old", noon)
        .await
        .unwrap();
    assert_eq!(
        catalog
            .find_resolution(&path(), "main")
            .await
            .unwrap()
            .unwrap()
            .version,
        new
    );
    assert_eq!(
        catalog.list_observations(&path(), 10).await.unwrap().len(),
        2
    );
}

pub async fn records_stay_as_they_came_first(catalog: &Catalog) {
    let of = module("example.com/m@v1.0.0");
    let name = "sum.golang.org";
    assert_eq!(catalog.find_record(name, &of).await.unwrap(), None);
    catalog
        .save_record(name, &of, 7, b"7\ntext\n\nnote")
        .await
        .unwrap();
    catalog
        .save_record(name, &of, 7, b"7\ntext\n\nlater note")
        .await
        .unwrap();
    assert_eq!(
        catalog.find_record(name, &of).await.unwrap().unwrap(),
        b"7\ntext\n\nnote"
    );
    assert_eq!(
        catalog.find_record("sum.example/log", &of).await.unwrap(),
        None
    );
}

pub async fn the_largest_head_is_found(catalog: &Catalog) {
    let name = "sum.golang.org";
    assert_eq!(catalog.find_head(name).await.unwrap(), None);
    for size in [10, 300, 20] {
        catalog
            .save_head(name, size, format!("note {size}").as_bytes())
            .await
            .unwrap();
    }
    catalog
        .save_head(name, 300, b"another note of the same size")
        .await
        .unwrap();
    catalog
        .save_head("sum.example/log", 5_000, b"elsewhere")
        .await
        .unwrap();
    assert_eq!(
        catalog.find_head(name).await.unwrap(),
        Some((300, b"note 300".to_vec()))
    );
}

pub async fn quarantine_keeps_one_row_for_each_way_to_be_wrong(catalog: &Catalog) {
    let refused = |found: &str, digest| Quarantined {
        module: module("example.com/m@v1.0.0"),
        kind: "zip".to_owned(),
        found: h1(found),
        expected: h1("right"),
        source: "https://mirror.example".to_owned(),
        digest,
        detail: "offered twice".to_owned(),
        at: time("2026-01-01T12:00:00.5Z"),
    };
    assert_eq!(
        catalog
            .find_refusal(&module("example.com/m@v1.0.0"))
            .await
            .unwrap(),
        None
    );
    catalog.save_refusal(refused("wrong", None)).await.unwrap();
    catalog.save_refusal(refused("wrong", None)).await.unwrap();
    let other = refused("wrong too", Some(digest("kept")));
    catalog.save_refusal(other.clone()).await.unwrap();
    assert_eq!(
        catalog.list_quarantine(10).await.unwrap(),
        [other.clone(), refused("wrong", None)]
    );
    assert_eq!(
        catalog.list_quarantine(1).await.unwrap(),
        std::slice::from_ref(&other)
    );
    assert_eq!(
        catalog.find_refusal(&other.module).await.unwrap(),
        Some(other)
    );
    assert_eq!(
        catalog
            .find_refusal(&module("example.com/m@v1.0.1"))
            .await
            .unwrap(),
        None
    );
}

pub async fn events_are_listed_newest_first(catalog: &Catalog) {
    let of = module("example.com/m@v1.0.0");
    catalog
        .save_event(
            "hash-mismatch",
            Some(&of),
            &serde_json::json!({"found": "h1:x\u{0}"}),
        )
        .await
        .unwrap();
    catalog
        .save_event("fork", None, &serde_json::json!({"proof": [1, 2]}))
        .await
        .unwrap();
    let events = catalog.list_events(10).await.unwrap();
    assert_eq!(
        (events[0].kind.as_str(), &events[0].module),
        ("fork", &None)
    );
    assert_eq!(events[0].detail, r#"{"proof":[1,2]}"#);
    assert_eq!(events[1].module.as_deref(), Some("example.com/m@v1.0.0"));
    assert_eq!(catalog.list_events(1).await.unwrap(), events[..1]);
    let numbered = catalog.list_events_after(0, 10).await.unwrap();
    assert_eq!(numbered[0].event, events[1]);
    let later = catalog.list_events_after(numbered[0].id, 10).await.unwrap();
    assert_eq!(later, numbered[1..]);
}

pub async fn settings_are_replaced(catalog: &Catalog) {
    assert_eq!(catalog.get_setting("instance").await.unwrap(), None);
    catalog.set_setting("instance", "a").await.unwrap();
    catalog.set_setting("instance", "b").await.unwrap();
    catalog.set_setting("upstream", "").await.unwrap();
    assert_eq!(
        catalog.get_setting("instance").await.unwrap().as_deref(),
        Some("b")
    );
    assert_eq!(
        catalog.get_setting("upstream").await.unwrap().as_deref(),
        Some("")
    );
}
