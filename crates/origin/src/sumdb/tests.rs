//! A database on the other side of a wire, honest or not, and a client of it. What the wire may tell is in the files below.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use gomod::hash::hash_go_mod;
use tlog::memory_log::MemoryLog;
use tlog::note::{Signer, sign};
use tlog::record::RecordHashes;
use tlog::tile::{TILE_BYTES, TileLevel};

use super::keeper::{KeeperError, MemoryKeeper};
use super::*;

mod caching;
mod forks;
mod lies;
mod passing;

fn signer() -> Signer {
    Signer::from_seed("granary.test/db", [7; 32]).unwrap()
}

fn module(n: u64) -> ModuleVersion {
    format!("example.com/m{n}@v1.0.0").parse().unwrap()
}

fn hashes(n: u64) -> RecordHashes {
    let of = |what: &str| hash_go_mod(format!("{what} {n}").as_bytes());
    RecordHashes {
        zip: of("zip"),
        go_mod: of("go.mod"),
    }
}

/// A log of the versions `example.com/m0@v1.0.0` and so on.
fn log(size: u64) -> MemoryLog {
    let mut log = MemoryLog::new(signer());
    grow(&mut log, size);
    log
}

fn grow(log: &mut MemoryLog, size: u64) {
    for n in log.size()..size {
        log.append_module(&module(n), &hashes(n)).unwrap();
    }
}

type Answer = Result<Bytes, TransportError>;

/// What a liar makes of an honest answer.
type Lie = Box<dyn Fn(&str, Answer) -> Answer + Send + Sync>;

/// A database on the other side of a wire that somebody may tamper with.
struct Wire {
    log: Mutex<MemoryLog>,
    lie: Mutex<Lie>,
    asked: Mutex<Vec<String>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl Wire {
    fn honest(log: MemoryLog) -> Arc<Self> {
        Self::lying(log, |_, answer| answer)
    }

    fn lying(
        log: MemoryLog,
        lie: impl Fn(&str, Answer) -> Answer + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::new(log),
            lie: Mutex::new(Box::new(lie)),
            asked: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
        })
    }

    fn lie(&self, lie: impl Fn(&str, Answer) -> Answer + Send + Sync + 'static) {
        *self.lie.lock().unwrap() = Box::new(lie);
    }

    fn grow(&self, size: u64) {
        grow(&mut self.log.lock().unwrap(), size);
    }

    /// Paths asked for since last asked here.
    fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[async_trait]
impl DatabaseTransport for Wire {
    async fn get(&self, path: &str, limit_bytes: u64) -> Answer {
        self.asked.lock().unwrap().push(path.to_owned());
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        // Lets every other task come to where it waits, too.
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let honest = self.log.lock().unwrap().answer(path).map(Bytes::from);
        let honest = honest.ok_or_else(|| TransportError::NotFound {
            text: "not found".into(),
        });
        let answer = (self.lie.lock().unwrap())(path, honest)?;
        if answer.len() as u64 > limit_bytes {
            return Err(TransportError::TooLarge);
        }
        Ok(answer)
    }
}

fn client(wire: &Arc<Wire>) -> ChecksumDatabase {
    client_with(wire, &Arc::default())
}

fn client_with(wire: &Arc<Wire>, keeper: &Arc<MemoryKeeper>) -> ChecksumDatabase {
    let key = signer().vkey().parse().unwrap();
    let wire: Arc<Wire> = Arc::clone(wire);
    let (heads, tiles) = (Arc::clone(keeper), Arc::clone(keeper));
    ChecksumDatabase::new(key, wire, heads, tiles)
}

fn not_found() -> Answer {
    Err(TransportError::NotFound {
        text: "not found".into(),
    })
}

#[track_caller]
fn check_lying(found: Result<VerifiedRecord, DatabaseError>) {
    assert!(
        matches!(found, Err(DatabaseError::Lying { .. })),
        "{found:?}"
    );
}

#[tokio::test]
async fn versions_are_verified() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    assert_eq!(client.name(), "granary.test/db");
    assert_eq!(client.find_head(), None);
    for n in [0, 255, 256, 599] {
        let found = client.lookup(&module(n)).await.unwrap();
        assert_eq!((found.record_id, found.tree_size), (n, 600));
        assert_eq!(
            (found.zip_h1, found.mod_h1),
            (hashes(n).zip, hashes(n).go_mod)
        );
        assert!(
            found
                .body
                .starts_with(format!("{n}\nexample.com/m{n} v1.0.0 h1:").as_bytes())
        );
    }
    assert_eq!(client.find_head().unwrap().size, 600);
    assert_eq!(client.find_fork(), None);
}

#[tokio::test]
async fn toolchains_are_verified_like_others() {
    let toolchain: ModuleVersion = "golang.org/toolchain@v0.0.1-go1.22.0.linux-amd64"
        .parse()
        .unwrap();
    let mut log = log(3);
    log.append_module(&toolchain, &hashes(3)).unwrap();
    let found = client(&Wire::honest(log)).lookup(&toolchain).await.unwrap();
    assert_eq!((found.record_id, found.zip_h1), (3, hashes(3).zip));
}

#[tokio::test]
async fn capitals_are_escaped() {
    let module: ModuleVersion = "github.com/Azure/sdk@v1.0.0-RC1".parse().unwrap();
    let mut log = log(3);
    log.append_module(&module, &hashes(3)).unwrap();
    let wire = Wire::honest(log);
    client(&wire).lookup(&module).await.unwrap();
    assert_eq!(
        wire.take_asked()[0],
        "lookup/github.com/!azure/sdk@v1.0.0-!r!c1"
    );
}

#[tokio::test]
async fn a_version_without_a_record_is_said_to_have_none() {
    let found = client(&Wire::honest(log(3))).lookup(&module(3)).await;
    assert!(matches!(found, Err(DatabaseError::NoRecord { text }) if text == "not found"));
}

#[tokio::test]
async fn a_database_out_of_reach_is_not_one_without_a_record() {
    let down = |_: &str, _| {
        Err(TransportError::Unreachable {
            text: "refused".into(),
        })
    };
    let found = client(&Wire::lying(log(3), down)).lookup(&module(1)).await;
    assert!(matches!(found, Err(DatabaseError::Unreachable { text }) if text == "refused"));
}

#[tokio::test]
async fn a_missing_tile_is_trouble_and_not_an_answer() {
    let no_tiles = |path: &str, honest| {
        if path.starts_with("tile/") {
            not_found()
        } else {
            honest
        }
    };
    let found = client(&Wire::lying(log(3), no_tiles))
        .lookup(&module(1))
        .await;
    assert!(
        matches!(found, Err(DatabaseError::Unreachable { text }) if text.contains("tile/8/0/000.p/3"))
    );
}

#[tokio::test]
async fn growth_is_followed_and_kept() {
    let wire = Wire::honest(log(10));
    let keeper = Arc::default();
    let client = client_with(&wire, &keeper);
    for size in [10, 11, 255, 256, 257, 600, 1500] {
        wire.grow(size);
        let found = client.lookup(&module(size - 1)).await.unwrap();
        assert_eq!((found.record_id, found.tree_size), (size - 1, size));
        let kept = HeadKeeper::load(&*keeper).await.unwrap().unwrap();
        let kept = SignedHead::open(&kept, signer().verifier()).unwrap();
        assert_eq!(Some(kept.head), client.find_head());
    }
}

#[tokio::test]
async fn many_lookups_run_at_once_while_the_log_grows() {
    let wire = Wire::honest(log(1000));
    let client = Arc::new(client(&wire));
    let asks = (0..32).map(|n| {
        let (client, wire) = (Arc::clone(&client), Arc::clone(&wire));
        async move {
            wire.grow(1000 + n * 17);
            client.lookup(&module(n * 31)).await
        }
    });
    for (n, found) in futures_util::future::join_all(asks)
        .await
        .into_iter()
        .enumerate()
    {
        assert_eq!(found.unwrap().record_id, n as u64 * 31);
    }
    assert!(wire.most_under_way.load(Ordering::SeqCst) >= 16);
    assert_eq!(client.find_head().unwrap().size, 1000 + 31 * 17);
}

#[tokio::test]
async fn a_lookup_that_is_given_up_disturbs_no_other() {
    let wire = Wire::honest(log(600));
    let client = client(&wire);
    let (one, other) = (module(1), module(2));
    let mut given_up = Box::pin(client.lookup(&one));
    // As far as its tiles, which the other lookup then waits for with it.
    for _ in 0..8 {
        assert!(futures_util::poll!(&mut given_up).is_pending());
    }
    assert!(wire.asked.lock().unwrap().len() > 1);
    let other = client.lookup(&other);
    let (_, found) = futures_util::future::join(async move { drop(given_up) }, other).await;
    assert_eq!(found.unwrap().record_id, 2);
}
