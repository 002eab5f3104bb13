//! Bits that flip in rows: turned back where it was one, refused where it was more, never read as something else.

use std::path::Path;

use catalog::{Catalog, CatalogError, RowFate, RowState, StoredVersion};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::gates::verdict_on;
use crate::portable::{dump, load};
use crate::rig::{Rig, module, new_mod, time, zip_of};
use crate::server;

const QUOTE: &str = "rsc.io/quote@v1.5.2";

/// A database of its own, and a way to change it behind the catalog's back.
struct Behind {
    url: String,
    catalog: Catalog,
}

enum Hand {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Behind {
    /// On the engine of the catalog that is given.
    async fn of(given: &Catalog) -> Self {
        let url = if format!("{given:?}").contains("postgres") {
            server::fresh_database().unwrap()
        } else {
            let folder = tempfile::tempdir().unwrap().keep();
            format!("sqlite:{}", folder.join("catalog.db").display())
        };
        let catalog = Catalog::open(&url).await.unwrap();
        Self { url, catalog }
    }

    async fn run(&self, sql: &str) {
        let mut hand = match self.url.strip_prefix("sqlite:") {
            Some(path) => {
                // Rot asks no foreign key.
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .foreign_keys(false);
                Hand::Sqlite(options.connect().await.unwrap())
            }
            None => Hand::Postgres(PgConnection::connect(&self.url).await.unwrap()),
        };
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match &mut hand {
            Hand::Sqlite(hand) => sqlx::query(sql).execute(hand).await.map(drop).unwrap(),
            Hand::Postgres(hand) => sqlx::query(sql).execute(hand).await.map(drop).unwrap(),
        }
    }

    /// 32 bytes as a literal of the engine.
    fn literal(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.url.starts_with("sqlite:") {
            true => format!("x'{hex}'"),
            false => format!("'\\x{hex}'"),
        }
    }

    async fn find(&self) -> Result<StoredVersion, CatalogError> {
        let found = self.catalog.find_version("prod", &module(QUOTE)).await;
        found.map(|found| found.unwrap())
    }

    async fn end(self) {
        self.catalog.close().await;
        if let Some(path) = self.url.strip_prefix("sqlite:") {
            std::fs::remove_dir_all(Path::new(path).parent().unwrap()).unwrap();
        }
    }
}

async fn with_quote(given: &Catalog) -> Behind {
    let behind = Behind::of(given).await;
    behind.catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    let zip = zip_of(QUOTE, "x");
    behind.catalog.land_zip(&module(QUOTE), zip).await.unwrap();
    behind
}

pub async fn one_flipped_bit_is_turned_back(given: &Catalog) {
    let behind = with_quote(given).await;
    let whole = behind.find().await.unwrap();
    assert_eq!(whole.rows, RowState::Sound);
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[17] ^= 0x40;
        behind.literal(&bytes)
    };
    let changes = [
        format!("versions set info = {}", flipped(whole.info.as_bytes())),
        format!("versions set go_mod = {}", flipped(whole.go_mod.as_bytes())),
        format!("versions set mod_h1 = {}", flipped(whole.mod_h1.as_bytes())),
        format!("versions set zip_h1 = {}", flipped(whole.mod_h1.as_bytes())),
        "versions set info_size = info_size + 1".to_owned(), // 90 is even
        "versions set record_id = record_id - 1".to_owned(), // 17 is odd
        "versions set verified_name = 'sum.golang.ovg'".to_owned(),
        format!(
            "zips set zip = {}",
            flipped(whole.zip.unwrap().digest.as_bytes())
        ),
        "zips set zip_size = zip_size + 1".to_owned(), // 30,000 is even
    ];
    for (at, change) in changes.iter().enumerate() {
        behind.run(&format!("update {change}")).await;
        if at == 3 {
            // Not one bit of what stood there, but another hash: refused below, put right here.
            assert!(matches!(
                behind.find().await,
                Err(CatalogError::Rotten { .. })
            ));
            let right = behind.literal(whole.zip_h1_expected.unwrap().as_bytes());
            behind
                .run(&format!("update versions set zip_h1 = {right}"))
                .await;
            continue;
        }
        let mut as_before = behind.find().await.unwrap();
        assert_eq!(as_before.rows, RowState::Mended, "{change}");
        as_before.rows = RowState::Sound;
        assert_eq!(as_before, whole, "{change}");
        behind.catalog.reseal(&module(QUOTE)).await.unwrap();
        assert_eq!(behind.find().await.unwrap(), whole, "{change}");
    }
    behind.end().await;
}

/// One bit in a row of versions and one in its zip's row are two rows with one bit each.
pub async fn each_row_has_its_own_seal(given: &Catalog) {
    let behind = with_quote(given).await;
    let whole = behind.find().await.unwrap();
    behind
        .run("update versions set mod_size = mod_size + 1")
        .await;
    behind.run("update zips set zip_size = zip_size + 1").await;
    let mended = behind.find().await.unwrap();
    assert_eq!((mended.mod_size, mended.zip), (whole.mod_size, whole.zip));
    behind.catalog.reseal(&module(QUOTE)).await.unwrap();
    assert_eq!(behind.find().await.unwrap(), whole);
    behind.end().await;
}

pub async fn more_than_one_bit_is_refused_and_named(given: &Catalog) {
    let behind = with_quote(given).await;
    let other = "example.com/other@v1.0.0";
    behind.catalog.land_mod(new_mod(other, "x")).await.unwrap();
    behind
        .run("update versions set mod_size = mod_size + 3, info_size = info_size + 5 where module = 'rsc.io/quote'")
        .await;
    for error in [
        behind.find().await.map(drop).unwrap_err(),
        behind.catalog.reseal(&module(QUOTE)).await.unwrap_err(),
        // The same bytes again do not hide it, and others do not get in.
        behind
            .catalog
            .land_mod(new_mod(QUOTE, "y"))
            .await
            .map(drop)
            .unwrap_err(),
    ] {
        assert!(
            matches!(&error, CatalogError::Rotten { of, .. } if of == QUOTE),
            "{error}"
        );
    }
    let listed = behind.catalog.list_as_found(0, 10).await.unwrap();
    let found: Vec<_> = listed
        .iter()
        .map(|one| (one.seq, one.of.as_str(), one.version.is_ok()))
        .collect();
    assert_eq!(found, [(1, QUOTE, false), (2, other, true)]);
    behind.end().await;
}

pub async fn rows_of_earlier_releases_are_sealed_on_request(given: &Catalog) {
    let behind = with_quote(given).await;
    behind.run("update versions set seal = null").await;
    behind.run("update zips set seal = null").await;
    assert_eq!(behind.find().await.unwrap().rows, RowState::Unsealed);
    behind.catalog.reseal(&module(QUOTE)).await.unwrap();
    assert_eq!(behind.find().await.unwrap().rows, RowState::Sound);
    behind.end().await;
}

pub async fn rows_that_lost_each_other_are_named(given: &Catalog) {
    let behind = with_quote(given).await;
    assert_eq!(behind.catalog.list_loose_ends(10).await.unwrap(), [""; 0]);
    assert_eq!(behind.catalog.check_pages().await.unwrap(), [""; 0]);
    behind.run("delete from members").await;
    assert_eq!(
        behind.catalog.list_loose_ends(10).await.unwrap(),
        ["a version that landed and is no member: rsc.io/quote@v1.5.2"]
    );
    behind.end().await;
}

pub async fn verdicts_that_lost_their_rows_are_named(given: &Catalog) {
    for (table, what) in [
        ("newest_verdicts", "a verdict that is not found"),
        ("verdicts", "a newest verdict that is none"),
    ] {
        let behind = with_quote(given).await;
        let of = module(QUOTE);
        for facts in ["a", "b"] {
            let verdict = Some(verdict_on(QUOTE, "prod", false, facts));
            let settled = behind.catalog.settle(verdict, &[], &of, "gate", "").await;
            settled.unwrap();
        }
        assert_eq!(behind.catalog.list_loose_ends(10).await.unwrap(), [""; 0]);
        behind.run(&format!("delete from {table}")).await;
        let mut told = behind.catalog.list_loose_ends(10).await.unwrap();
        told.dedup();
        assert_eq!(told, [format!("{what}: {QUOTE}")]);
        // The next verdict puts it right.
        let verdict = Some(verdict_on(QUOTE, "prod", true, "c"));
        let settled = behind.catalog.settle(verdict, &[], &of, "gate", "").await;
        settled.unwrap();
        assert_eq!(behind.catalog.list_loose_ends(10).await.unwrap(), [""; 0]);
        behind.end().await;
    }
}

/// A cache in which bits have flipped is as good as none, and is filled again.
pub async fn rotten_caches_are_asked_for_again(given: &Catalog) {
    let behind = Behind::of(given).await;
    let (catalog, of) = (&behind.catalog, module(QUOTE));
    let versions = ["v1.5.1".to_owned(), "v1.5.2".to_owned()];
    let (now, later) = (time("2026-01-01T00:00:00Z"), time("2026-01-01T00:00:01Z"));
    let save = async |at| {
        catalog.save_list(of.path(), &versions, at).await.unwrap();
        let info = b"{\"Version\":\"v1.5.2\"}";
        catalog
            .save_resolution(of.path(), "main", of.version(), info, at)
            .await
            .unwrap();
    };
    save(now).await;
    catalog
        .save_record("sum.example", &of, 7, b"record")
        .await
        .unwrap();
    for table in ["known_lists", "resolutions", "records"] {
        behind
            .run(&format!(
                "update {table} set seen_at = seen_at + 1000000007"
            ))
            .await;
    }
    assert_eq!(catalog.find_list(of.path()).await.unwrap(), None);
    let resolution = catalog.find_resolution(of.path(), "main").await.unwrap();
    assert_eq!(resolution, None);
    assert_eq!(catalog.find_record("sum.example", &of).await.unwrap(), None);
    save(later).await;
    let list = catalog.find_list(of.path()).await.unwrap().unwrap();
    assert_eq!(
        (list.versions.as_slice(), list.seen_at),
        (&versions[..], later)
    );
    let resolution = catalog.find_resolution(of.path(), "main").await.unwrap();
    assert_eq!(resolution.unwrap().seen_at, later);
    let save_record = async || {
        catalog
            .save_record("sum.example", &of, 7, b"record")
            .await
            .unwrap();
        let found = catalog.find_record("sum.example", &of).await.unwrap();
        assert_eq!(found.as_deref(), Some(&b"record"[..]));
    };
    save_record().await;
    // One bit is not turned back either: in a list of megabytes that would take hours.
    behind.run("update records set record_id = 6").await;
    assert_eq!(catalog.find_record("sum.example", &of).await.unwrap(), None);
    save_record().await;
    behind
        .run("update known_lists set versions = 'v1.5.1\nv1.5.3'")
        .await;
    assert_eq!(catalog.find_list(of.path()).await.unwrap(), None);
    behind.end().await;
}

/// The top bit of a letter makes a text of SQLite one that is not UTF-8. PostgreSQL takes none such by hand.
pub async fn a_text_that_is_none_any_more_stops_no_listing(given: &Catalog) {
    let behind = with_quote(given).await;
    if !behind.url.starts_with("sqlite:") {
        return behind.end().await;
    }
    let whole = behind.find().await.unwrap();
    behind
        .run("update versions set verified_by = cast(x'f265636f7264' as text)")
        .await;
    let mut as_before = behind.find().await.unwrap();
    assert_eq!(as_before.rows, RowState::Mended);
    as_before.rows = RowState::Sound;
    assert_eq!(as_before, whole);
    behind.catalog.reseal(&module(QUOTE)).await.unwrap();
    assert_eq!(behind.find().await.unwrap(), whole);
    // A key: the row is named as far as it can be read, and the others are listed.
    for other in ["example.com/a@v1.0.0", "example.com/b@v1.0.0"] {
        behind.catalog.land_mod(new_mod(other, "x")).await.unwrap();
    }
    behind
        .run("update versions set version = cast(x'76312e302eb0' as text) where module = 'example.com/a'")
        .await;
    let found = behind.catalog.list_loose_ends(10).await.unwrap();
    assert!(
        found.contains(&"a version that never landed: example.com/a@v1.0.\u{fffd}".to_owned()),
        "{found:?}"
    );
    let missing = behind.catalog.list_missing_zips(10).await.unwrap();
    assert_eq!(missing, [module("example.com/b@v1.0.0")]);
    behind.end().await;
}

/// What is mended is written again; a row that never had a seal gets one when its files were found well, not thereby.
pub async fn a_bit_beside_an_unsealed_row_is_told_and_seals_no_other(given: &Catalog) {
    for (unsealed, flipped) in [
        ("versions", "zips set zip_size = zip_size + 1"),
        ("zips", "versions set mod_size = mod_size + 1"),
    ] {
        let behind = with_quote(given).await;
        behind
            .run(&format!("update {unsealed} set seal = null"))
            .await;
        behind.run(&format!("update {flipped}")).await;
        assert_eq!(behind.find().await.unwrap().rows, RowState::Mended);
        behind.catalog.reseal(&module(QUOTE)).await.unwrap();
        assert_eq!(behind.find().await.unwrap().rows, RowState::Unsealed);
        behind.catalog.reseal(&module(QUOTE)).await.unwrap();
        assert_eq!(behind.find().await.unwrap().rows, RowState::Sound);
        behind.end().await;
    }
}

/// Pages of SQLite's file; those of PostgreSQL are its server's.
pub async fn a_page_that_cannot_be_read_does_not_end_the_list(given: &Catalog) {
    const LANDED: u64 = 300;
    let behind = Behind::of(given).await;
    let Some(path) = behind.url.strip_prefix("sqlite:").map(str::to_owned) else {
        return behind.end().await;
    };
    for number in 1..=LANDED {
        let of = format!("example.com/m{number:03}@v1.0.0");
        behind.catalog.land_mod(new_mod(&of, "x")).await.unwrap();
    }
    behind.catalog.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let mut broken = 0;
    for page in bytes.chunks_mut(4096).skip(1) {
        let is_leaf = matches!(page[0], 0x0a | 0x0d);
        if is_leaf && page.windows(16).any(|text| text == b"example.com/m150") {
            page[0] = 0xff;
            broken += 1;
        }
    }
    assert!(broken > 0);
    std::fs::write(&path, bytes).unwrap();
    let catalog = Catalog::open(&behind.url).await.unwrap();
    let (mut after, mut read, mut lost) = (0, 0, Vec::new());
    loop {
        let page = catalog.list_as_found(after, 100).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.seq;
        for listed in page {
            match listed.version {
                Ok(_) => read += 1,
                Err(CatalogError::Corrupt { .. }) => lost.push(listed.of),
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert_eq!((after, read + lost.len() as u64), (LANDED, LANDED));
    assert!(lost.contains(&"landing 150".to_owned()), "{lost:?}");
    assert!(lost.len() < LANDED as usize / 2, "{lost:?}");
    catalog.close().await;
    behind.end().await;
}

/// A dump has rows as they were written, or says which ones it has not; what is left of it loads.
pub async fn a_dump_does_not_pass_rot_on(given: &Catalog) {
    let behind = with_quote(given).await;
    let catalog = &behind.catalog;
    let names = ["a", "b", "c", "d", "e", "f"].map(|name| format!("example.com/{name}@v1.0.0"));
    for of in &names {
        catalog.land_mod(new_mod(of, "x")).await.unwrap();
        let zip = catalog.land_zip(&module(of), zip_of(of, "x")).await;
        zip.unwrap();
    }
    let list = ["v1.0.0".to_owned()];
    let now = time("2026-01-01T00:00:00Z");
    catalog
        .save_list(module(QUOTE).path(), &list, now)
        .await
        .unwrap();
    let (before, whole) = dump(catalog).await;
    assert_eq!(before.spoiled, []);

    // One bit each: in a size, a hash, a time, a text, the seal.
    let stored = behind.find().await.unwrap();
    let mut h1 = stored.mod_h1.as_bytes().to_vec();
    h1[17] ^= 0x40;
    let text = match behind.url.starts_with("sqlite:") {
        // 's' with its highest bit is no text.
        true => "cast(x'f3756d2e676f6c616e672e6f7267' as text)",
        false => "'sum.golang.ovg'",
    };
    for change in [
        "versions set info_size = info_size + 1 where module = 'example.com/a'".to_owned(),
        format!(
            "versions set mod_h1 = {} where module = 'rsc.io/quote'",
            behind.literal(&h1)
        ),
        "versions set version_at = version_at + 1 where module = 'example.com/b'".to_owned(),
        format!("versions set verified_name = {text} where module = 'example.com/c'"),
        "zips set zip_size = zip_size + 1 where module = 'example.com/d'".to_owned(),
    ] {
        behind.run(&format!("update {change}")).await;
    }
    let (dumped, text) = dump(catalog).await;
    assert_eq!(text, whole, "{:?}", dumped.spoiled);
    assert_eq!(dumped.spoiled.len(), 5, "{:?}", dumped.spoiled);
    assert!(dumped.spoiled.iter().all(|row| row.fate == RowFate::Mended));

    // More than one, or no seal and nonsense: left out with what needs it.
    for change in [
        "versions set mod_size = mod_size + 3, info_size = info_size + 5 where module = 'example.com/e'",
        "known_lists set seen_at = seen_at + 1000000007",
    ] {
        behind.run(&format!("update {change}")).await;
    }
    let nonsense = behind.literal(b"abc");
    let change = format!("zips set seal = null, zip = {nonsense} where module = 'example.com/f'");
    behind.run(&format!("update {change}")).await;
    let (dumped, text) = dump(catalog).await;
    let gone = |fate| -> Vec<(&str, &str)> {
        let rows = dumped.spoiled.iter().filter(|row| row.fate == fate);
        rows.map(|row| (row.table.as_str(), row.of.as_str()))
            .collect()
    };
    let (e, f) = (names[4].as_str(), names[5].as_str());
    let left_out = [
        ("versions", e),
        ("zips", e),
        ("zips", f),
        ("landings", e),
        ("members", e),
    ];
    assert_eq!(gone(RowFate::LeftOut), left_out, "{:?}", dumped.spoiled);
    assert_eq!(gone(RowFate::Forgotten), [("known_lists", "rsc.io/quote")]);
    let other = Rig::sqlite().await;
    load(&other.catalog, &text).await.unwrap();
    let (again, same) = dump(&other.catalog).await;
    assert_eq!(
        (again.seq, again.rows, same),
        (dumped.seq, dumped.rows.clone(), text)
    );
    behind.end().await;
}
