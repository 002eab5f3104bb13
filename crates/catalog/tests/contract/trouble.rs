//! Databases that cannot be used, and how that is said.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use catalog::{Catalog, CatalogError};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::rig::{Rig, module, new_mod};
use crate::server;

const QUOTE: &str = "rsc.io/quote@v1.5.2";

pub async fn health_is_good(catalog: &Catalog) {
    catalog.check_health().await.unwrap();
    catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    catalog.check_health().await.unwrap();
    assert_eq!(
        catalog.last_seq().await.unwrap(),
        1,
        "a check of health is no landing"
    );
}

/// Runs on its own databases, whatever it is given: reopening needs the address.
pub async fn a_reopened_catalog_has_everything(catalog: &Catalog) {
    let url = if format!("{catalog:?}").contains("postgres") {
        server::fresh_database().unwrap()
    } else {
        let folder = tempfile::tempdir().unwrap().keep();
        format!("sqlite:{}", folder.join("catalog.db").display())
    };
    for i in 0..3 {
        let catalog = Catalog::open(&url).await.unwrap();
        catalog
            .land_mod(new_mod(&format!("example.com/m{i}@v1.0.0"), "x"))
            .await
            .unwrap();
        assert_eq!(catalog.last_seq().await.unwrap(), i + 1);
        if i == 1 {
            catalog.close().await;
            assert!(
                catalog.find_list(module(QUOTE).path()).await.is_err(),
                "closed is closed"
            );
            assert!(catalog.set_setting("a", "b").await.is_err());
        }
    }
    if let Some(path) = url.strip_prefix("sqlite:") {
        fs::remove_dir_all(Path::new(path).parent().unwrap()).unwrap();
    }
}

#[track_caller]
fn said(outcome: Result<Catalog, CatalogError>) -> (CatalogError, String) {
    let error = outcome.unwrap_err();
    let text = error.to_string();
    (error, text)
}

async fn open(path: &Path) -> Result<Catalog, CatalogError> {
    Catalog::open(&format!("sqlite:{}", path.display())).await
}

#[tokio::test]
async fn addresses_that_are_none_are_refused_without_being_repeated() {
    for url in [
        "",
        "mysql://u:secret@h/db",
        "sqlite:",
        "sqlite://",
        "catalog.db",
        "postgres://u:secret@[/db",
    ] {
        let (error, text) = said(Catalog::open(url).await);
        assert!(
            matches!(error, CatalogError::Address { .. }),
            "{url}: {error}"
        );
        assert!(!format!("{text} {error:?}").contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    fs::write(&path, "This is a letter, not a database. ".repeat(400)).unwrap();
    let (error, text) = said(open(&path).await);
    assert!(matches!(error, CatalogError::Corrupt { .. }), "{error}");
    assert_eq!(text, "the catalog is damaged: the file is not a database");
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .starts_with("This is a letter"),
        "it was not touched"
    );
}

#[tokio::test]
async fn malformed_pages_are_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let catalog = open(&path).await.unwrap();
    for i in 0..300 {
        catalog
            .land_mod(new_mod(&format!("example.com/m{i}@v1.0.0"), "x"))
            .await
            .unwrap();
    }
    catalog.close().await;
    let size = fs::metadata(&path).unwrap().len();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    // The header and the schema at the front stay whole, so that it opens.
    file.seek(SeekFrom::Start(16 * 4096)).unwrap();
    file.write_all(&vec![0xa5; (size - 16 * 4096) as usize])
        .unwrap();
    drop(file);
    let outcome = match open(&path).await {
        Ok(catalog) => catalog.list_all("prod", 0, 1000).await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(
        matches!(outcome, Err(CatalogError::Corrupt { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn another_program_s_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("create table recipes (name text)")
        .execute(&mut other)
        .await
        .unwrap();
    let (error, text) = said(open(&path).await);
    assert!(matches!(error, CatalogError::Foreign { .. }), "{error}");
    assert!(
        text.contains("catalog.db is another program's database"),
        "{text}"
    );
    let tables: i64 = sqlx::query_scalar("select count(*) from sqlite_schema")
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

const FROM_THE_FUTURE: &str = "
    insert into catalog_migrations (version, description, success, checksum, execution_time)
    values (9001, 'from the future', true, '', 0)";

#[tokio::test]
async fn a_newer_granary_s_sqlite_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    open(&path).await.unwrap().close().await;
    let options = SqliteConnectOptions::new().filename(&path);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(FROM_THE_FUTURE)
        .execute(&mut other)
        .await
        .unwrap();
    let (error, text) = said(open(&path).await);
    assert!(
        matches!(error, CatalogError::Newer { migration: 9001 }),
        "{error}"
    );
    assert_eq!(
        text,
        "the catalog was written by a newer Granary: its migration 9001 is unknown here; start that version again, or \
         restore the backup from before the upgrade"
    );
}

#[tokio::test]
async fn a_newer_granary_s_postgres_is_refused_by_name() {
    let Some(url) = server::fresh_database() else {
        return;
    };
    Catalog::open(&url).await.unwrap().close().await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    sqlx::query(FROM_THE_FUTURE)
        .execute(&mut other)
        .await
        .unwrap();
    let (error, _) = said(Catalog::open(&url).await);
    assert!(
        matches!(error, CatalogError::Newer { migration: 9001 }),
        "{error}"
    );
}

#[tokio::test]
async fn a_postgres_with_tables_of_the_same_names_is_foreign() {
    let Some(url) = server::fresh_database() else {
        return;
    };
    let mut other = PgConnection::connect(&url).await.unwrap();
    sqlx::query("create table versions (id bigint)")
        .execute(&mut other)
        .await
        .unwrap();
    let (error, text) = said(Catalog::open(&url).await);
    assert!(matches!(error, CatalogError::Foreign { .. }), "{error}");
    assert!(text.starts_with("database contract_"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_one_postgres_at_once() {
    let Some(url) = server::fresh_database() else {
        return;
    };
    let opening: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let url = url.clone();
                async move { Catalog::open(&url).await }
            })
        })
        .collect();
    for (i, catalog) in opening.into_iter().enumerate() {
        let catalog = catalog.await.unwrap().unwrap();
        catalog
            .land_mod(new_mod(&format!("example.com/m{i}@v1.0.0"), "x"))
            .await
            .unwrap();
        catalog.close().await;
    }
    let catalog = Catalog::open(&url).await.unwrap();
    assert_eq!(catalog.last_seq().await.unwrap(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_are_replaced() {
    let Some(url) = server::fresh_database() else {
        return;
    };
    let catalog = Catalog::open(&url).await.unwrap();
    catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    let mut other = PgConnection::connect(&url).await.unwrap();
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()")
        .execute(&mut other)
        .await
        .unwrap();
    assert!(
        catalog
            .find_version("prod", &module(QUOTE))
            .await
            .unwrap()
            .is_some()
    );
    catalog.check_health().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_soon() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let before = std::time::Instant::now();
    let (error, text) =
        said(Catalog::open(&format!("postgres://u:secret@127.0.0.1:{port}/db")).await);
    assert!(matches!(error, CatalogError::Unavailable { .. }), "{error}");
    assert!(!format!("{text} {error:?}").contains("secret"), "{text}");
    assert!(before.elapsed().as_secs() < 10);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let (error, _) = said(open(&folder.path().join("absent/catalog.db")).await);
    assert!(matches!(error, CatalogError::Unavailable { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_file_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let catalog = open(&path).await.unwrap();
    let mut other = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path))
        .await
        .unwrap();
    sqlx::query("begin immediate")
        .execute(&mut other)
        .await
        .unwrap();
    let landing = tokio::spawn({
        let catalog = catalog.clone();
        async move { catalog.land_mod(new_mod(QUOTE, "x")).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!landing.is_finished());
    assert_eq!(
        catalog.find_version("prod", &module(QUOTE)).await.unwrap(),
        None,
        "reading goes on"
    );
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    landing.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_disk_is_full_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(folder.path().join("disk")) else {
        return;
    };
    let catalog = open(&disk.0.join("catalog.db")).await.unwrap();
    catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    let filler = disk.0.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let mut outcome = Ok(());
    let big = "v1.0.0 ".repeat(100_000);
    for i in 0..50 {
        outcome = catalog.set_setting(&format!("big {i}"), &big).await;
        if outcome.is_err() {
            break;
        }
    }
    assert!(
        matches!(outcome, Err(CatalogError::Full { .. })),
        "{outcome:?}"
    );
    assert!(
        catalog
            .find_version("prod", &module(QUOTE))
            .await
            .unwrap()
            .is_some(),
        "reading goes on"
    );
    drop(file);
    fs::remove_file(&filler).unwrap();
    catalog.set_setting("small", "again").await.unwrap();
    catalog.check_health().await.unwrap();
    catalog.close().await;
}

#[tokio::test]
async fn a_read_only_disk_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(folder.path().join("disk")) else {
        return;
    };
    let path = disk.0.join("catalog.db");
    open(&path).await.unwrap().close().await;
    disk.remount("ro");
    let (error, text) = said(open(&path).await);
    assert!(matches!(error, CatalogError::ReadOnly { .. }), "{error:?}");
    assert_eq!(
        text,
        "the catalog cannot be written: its file, folder or server is read-only"
    );
}

#[tokio::test]
async fn rows_that_nobody_wrote_are_damage_in_words() {
    let rig = Rig::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let catalog = open(&path).await.unwrap();
    catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    let mut other = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path))
        .await
        .unwrap();
    sqlx::query("update versions set info = x'00'")
        .execute(&mut other)
        .await
        .unwrap();
    let error = catalog
        .find_version("prod", &module(QUOTE))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the catalog's row of rsc.io/quote@v1.5.2 (versions) has rotted: `granary verify` names it, a backup has it whole"
    );
    drop(rig);
}

/// A small file system of its own, unmounted on drop; needs root.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(&at)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at)),
            _ => {
                eprintln!("skipped: mounting a tmpfs needs root");
                assert!(
                    std::env::var_os("GRANARY_STRICT").is_none_or(|v| v != "1"),
                    "a skip is a failure in strict mode"
                );
                None
            }
        }
    }

    fn remount(&self, mode: &str) {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{mode}")])
            .arg(&self.0)
            .status()
            .unwrap();
        assert!(done.success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
