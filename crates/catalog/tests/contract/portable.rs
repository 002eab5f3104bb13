//! A catalog as text: what one engine wrote the other takes in, whole or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use catalog::{Act, ActOutcome, Catalog, CatalogError, Dumped, Quarantined, Settled};
use tokio::sync::mpsc;

use crate::gates::{deed_of, token_of, verdict_on, waiver_for};
use crate::rig::{Rig, digest, h1, module, new_mod, time, views, zip_of};
use crate::server;

pub async fn dump(catalog: &Catalog) -> (Dumped, String) {
    let (send, mut receive) = mpsc::channel::<String>(2);
    let gather = async {
        let mut text = String::new();
        while let Some(page) = receive.recv().await {
            text += &page;
        }
        text
    };
    let (dumped, text) = tokio::join!(catalog.dump(send), gather);
    (dumped.unwrap(), text)
}

pub async fn load(catalog: &Catalog, text: &str) -> Result<(), CatalogError> {
    let (send, receive) = mpsc::channel(2);
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let feed = async move {
        for line in lines {
            if send.send(Ok(line)).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(catalog.load(receive), feed).0
}

/// Something in every table, with text that wants care.
async fn fill(catalog: &Catalog) {
    let now = time("2026-01-01T12:00:00.123456Z");
    for n in 0..230 {
        let of = format!("example.com/M{n}@v1.0.0");
        catalog.land_mod(new_mod(&of, "a")).await.unwrap();
        if n % 2 == 0 {
            let zip = catalog.land_zip(&module(&of), zip_of(&of, "a")).await;
            zip.unwrap();
        }
    }
    let path = "example.com/m".parse().unwrap();
    catalog
        .save_list(&path, &["v1.0.0".to_owned()], now)
        .await
        .unwrap();
    catalog
        .save_record("sums", &module("example.com/m@v1.0.0"), 7, b"a\nb \xf0\n")
        .await
        .unwrap();
    catalog
        .save_head("sums", 9, "note \u{2014} x".as_bytes())
        .await
        .unwrap();
    for file in ["go.mod", "zip"] {
        let refused = Quarantined {
            module: module("example.com/m@v1.0.0"),
            kind: file.to_owned(),
            found: h1("found"),
            expected: h1("expected"),
            source: "somewhere".to_owned(),
            digest: (file == "zip").then(|| digest("refused")),
            detail: "\"quoted\" \\u0000 \u{1f980}".to_owned(),
            at: now,
        };
        catalog.save_refusal(refused).await.unwrap();
    }
    let detail = serde_json::json!({"text": "it's \\ \u{0} \u{fffd} ' $1"});
    catalog.save_event("fork", None, &detail).await.unwrap();
    catalog.set_setting("name", "").await.unwrap();
    for (n, admitted) in [(0, false), (0, true), (1, false)] {
        let of = format!("example.com/M{n}@v1.0.0");
        let verdict = verdict_on(&of, "prod", admitted, "\u{0} \u{1f980}");
        let settled = catalog
            .settle(Some(verdict), &[], &module(&of), "gate", "")
            .await;
        settled.unwrap();
    }
    let waiver = catalog.save_waiver(waiver_for("example.com/*", now)).await;
    let id = waiver.unwrap().id;
    catalog.end_waiver(id, "ann", "it's over").await.unwrap();
    let open = catalog.save_waiver(waiver_for("example.org", now)).await;
    open.unwrap();
    catalog.save_token(token_of("ci", "secret")).await.unwrap();
    catalog.revoke_token("ci", "ann").await.unwrap();
    catalog.save_token(token_of("ci", "other")).await.unwrap();
    catalog.save_deed(deed_of("withdraw", "x")).await.unwrap();
}

pub async fn what_is_dumped_loads_into_both_engines(catalog: &Catalog) {
    fill(catalog).await;
    let (dumped, text) = dump(catalog).await;
    assert_eq!(
        (dumped.seq, dumped.rows["versions"], dumped.rows["zips"]),
        (230, 230, 115)
    );
    assert_eq!(
        text.lines().count() as u64,
        dumped.rows.values().sum::<u64>()
    );

    for target in [Some(Rig::sqlite().await), Rig::postgres().await]
        .into_iter()
        .flatten()
    {
        let other = &target.catalog;
        assert!(other.is_empty().await.unwrap());
        load(other, &text).await.unwrap();
        assert!(!other.is_empty().await.unwrap());
        assert_eq!(dump(other).await, (dumped.clone(), text.clone()));
        // It goes on where the first one stopped.
        other
            .land_mod(new_mod("example.com/new@v1.0.0", "a"))
            .await
            .unwrap();
        assert_eq!(other.last_seq().await.unwrap(), 231);
        other
            .save_event("later", None, &serde_json::json!({}))
            .await
            .unwrap();
        assert_eq!(other.list_events(10).await.unwrap().len(), 2);
        let deed = other.save_deed(deed_of("release", "x")).await.unwrap();
        assert_eq!(deed, 2);
        let (new, of) = ("example.com/new@v1.0.0", module("example.com/new@v1.0.0"));
        let verdict = Some(verdict_on(new, "prod", true, "x"));
        let settled = other.settle(verdict, &[], &of, "gate", "").await;
        settled.unwrap();
        assert_eq!(other.list_verdicts(0, 10, None).await.unwrap()[3].id, 4);
        other.close().await;
    }
}

pub async fn a_dump_is_of_one_moment_while_others_write(catalog: &Catalog) {
    fill(catalog).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (writing, stopped) = (catalog.clone(), Arc::clone(&stop));
    let writer = tokio::spawn(async move {
        let mut n = 0;
        while !stopped.load(Ordering::Relaxed) {
            let of = format!("example.com/busy{n}@v1.0.0");
            writing.land_mod(new_mod(&of, "a")).await.unwrap();
            n += 1;
        }
        n
    });
    for _ in 0..5 {
        let (dumped, _) = dump(catalog).await;
        for table in ["versions", "landings", "members"] {
            assert_eq!(dumped.rows[table], dumped.seq, "{table}");
        }
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writer.await.unwrap() > 0);
}

pub async fn a_bad_line_loads_nothing(catalog: &Catalog) {
    let source = Rig::sqlite().await;
    fill(&source.catalog).await;
    let (_, text) = dump(&source.catalog).await;
    let setting = text
        .lines()
        .find(|line| line.starts_with("{\"settings\""))
        .unwrap();
    let member = text
        .lines()
        .find(|line| line.starts_with("{\"members\""))
        .unwrap();
    let bad = [
        "{}".to_owned(),
        setting.replace("settings", "sqlite_schema"),
        setting.replace("\"value\"", "\"value) --\""),
        setting.replace("\"realm\":\"main\",", ""),
        setting.to_owned(), // twice
        member.replace("example.com", "example.org"),
        "[".repeat(10_000),
    ];
    for line in bad {
        let error = load(catalog, &format!("{text}{line}\n")).await.unwrap_err();
        assert!(catalog.is_empty().await.unwrap(), "{line}: {error}");
    }
    load(catalog, &text).await.unwrap();
}

/// A restore that was cut off between the last migration and its end finds its rows again.
pub async fn what_was_brought_up_to_date_dumps_as_before_at_the_older_schema(_: &Catalog) {
    let source = Rig::sqlite().await;
    fill(&source.catalog).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("catalog.db").display());
    let older = Catalog::open_at(&url, 1).await.unwrap();
    let (_, text) = dump(&source.catalog).await;
    let unsealed = as_at_schema(1, &text);
    load(&older, &unsealed).await.unwrap();
    older.close().await;
    Catalog::open(&url).await.unwrap().close().await;
    let older = Catalog::open_at(&url, 1).await.unwrap();
    assert_eq!(dump(&older).await.1, unsealed);
    older.close().await;
}

/// The lines of a dump as an older release would have written them.
fn as_at_schema(schema: i64, text: &str) -> String {
    const OF_GATES: [&str; 5] = ["verdicts", "newest_verdicts", "waivers", "tokens", "deeds"];
    let mut older = String::new();
    for line in text.lines() {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let (table, row) = line.as_object_mut().unwrap().iter_mut().next().unwrap();
        if OF_GATES.contains(&table.as_str()) {
            continue;
        }
        let row = row.as_object_mut().unwrap();
        row.remove("legal");
        if schema < 2 {
            row.remove("seal");
        }
        older += &(line.to_string() + "\n");
    }
    older
}

/// A backup of the release before says nothing of legal reasons, verdicts, waivers, tokens and deeds.
pub async fn backups_of_before_the_gates_are_brought_up_to_date(catalog: &Catalog) {
    fill(catalog).await;
    let of = module("example.com/M7@v1.0.0");
    catalog
        .quarantine(&of, &views(&["prod"]), "ann", "")
        .await
        .unwrap();
    let (_, text) = dump(catalog).await;
    let text = as_at_schema(2, &text);
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("catalog.db").display());
    for url in [Some(file), server::fresh_database()].into_iter().flatten() {
        let older = Catalog::open_at(&url, 2).await.unwrap();
        load(&older, &text).await.unwrap();
        older.close().await;
        let newer = Catalog::open(&url).await.unwrap();
        let landings = newer.landings_since(0, 1000).await.unwrap();
        assert_eq!(landings, catalog.landings_since(0, 1000).await.unwrap());
        assert_eq!(newer.list_deeds(0, 10).await.unwrap(), []);
        let verdict = verdict_on("example.com/M7@v1.0.0", "prod", true, "x");
        let prod = views(&["prod"]);
        let settled = newer.settle(Some(verdict), &prod, &of, "gate", "").await;
        let settled = settled.unwrap();
        assert!(matches!(settled, Settled::Withheld { .. }), "{settled:?}");
        let released = newer.release(&of, &[], "ann", "").await.unwrap();
        assert!(
            matches!(&released, ActOutcome::Done { landings } if landings[0].act == Act::Release),
            "{released:?}"
        );
        assert_eq!(newer.list_loose_ends(10).await.unwrap(), [""; 0]);
        newer.close().await;
    }
}
