//! What these tests share: modules to capture, clients that never stop asking, answers that are held to the promises.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::Made;
use crate::rig::raw::{self, Answer};
use crate::rig::upstream::Upstream;

/// How long a server that is known to be away may keep a client.
const AWAY_WAIT: Duration = Duration::from_secs(1);

/// Modules that are captured before anything happens, and those that clients go on capturing.
const WARM: usize = 3;

/// A number from the environment: a soak run asks for more.
pub fn asked(name: &str, otherwise: u64) -> u64 {
    let asked = std::env::var(name).ok();
    asked
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// An upstream with modules, and how Granary is set to use it.
pub struct Stage {
    pub upstream: Upstream,
    pub setup: Setup,
    made: Arc<Vec<Made>>,
    published: AtomicUsize,
}

impl Stage {
    /// One with so many modules to capture beside the warm ones.
    pub fn new(count: usize) -> Self {
        let database = Database::new();
        let upstream = Upstream::start_with(&database);
        let publish = |i: usize| {
            let path = format!("example.com/m{i}");
            upstream.publish(&path, "v1.0.0", &[("x.go", "package x\n")])
        };
        let made = Arc::new((0..WARM + count).map(publish).collect());
        let setup = Setup::with(&upstream, &database);
        Self {
            upstream,
            setup,
            made,
            published: AtomicUsize::new(0),
        }
    }

    /// Uses a database.
    pub fn on(mut self, url: &str) -> Self {
        self.setup = self.setup.set("database", url);
        self
    }

    /// A module that nobody has asked for yet.
    pub fn fresh(&self) -> Made {
        let number = self.published.fetch_add(1, Ordering::Relaxed);
        let path = format!("example.com/fresh{number}");
        self.upstream
            .publish(&path, "v1.0.0", &[("f.go", "package f\n")])
    }

    /// Captures the warm modules; gives their files, which are in memory from then on.
    pub fn warm(&self, granary: &Granary) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        for made in &self.made[..WARM] {
            for extension in ["info", "mod", "zip"] {
                let path = made.file(extension);
                assert_eq!(granary.must_get(&path), made.bytes(extension));
                files.push((path, made.bytes(extension).to_vec()));
            }
        }
        files
    }

    /// Starts a client that captures one cold module after the other, and comes back to those that it did not get.
    pub fn capture_on(&self, granary: &Granary) -> Captures {
        let (address, made) = (granary.address, self.made.clone());
        let (stop, got) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Mutex::new(BTreeSet::new())),
        );
        let (stopped, noted) = (stop.clone(), got.clone());
        let client = std::thread::spawn(move || {
            let mut refusals = 0;
            for i in (WARM..made.len()).cycle() {
                for extension in ["info", "mod", "zip"] {
                    if stopped.load(Ordering::SeqCst) {
                        return refusals;
                    }
                    let answer = raw::get(address, &made[i].file(extension));
                    if answer.status == 200 {
                        assert_eq!(answer.body, made[i].bytes(extension), "wrong bytes");
                        noted.lock().unwrap().insert((i, extension));
                    } else {
                        // Whoever was paused for longer than the upstream has for its answer sees it as late.
                        if answer.status != 504 || !answer.text().contains("took too long") {
                            check_refusal(&answer);
                        }
                        refusals += 1;
                        std::thread::park_timeout(Duration::from_millis(50));
                    }
                }
            }
            refusals
        });
        Captures { stop, got, client }
    }

    /// Everything that was answered is there after a restart without an upstream, and the store agrees with the catalog.
    pub fn check_kept(&self, granary: Granary, got: &BTreeSet<(usize, &'static str)>) {
        self.upstream.stop();
        let setup = granary.kill();
        let again = setup.start();
        for (i, extension) in got {
            let made = &self.made[*i];
            assert_eq!(again.must_get(&made.file(extension)), made.bytes(extension));
        }
        let verified = setup.run(&["verify"]);
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stdout)
        );
    }
}

/// A client that captures.
pub struct Captures {
    stop: Arc<AtomicBool>,
    got: Arc<Mutex<BTreeSet<(usize, &'static str)>>>,
    client: JoinHandle<usize>,
}

impl Captures {
    /// How many files it got.
    pub fn count(&self) -> usize {
        self.got.lock().unwrap().len()
    }

    /// Stops it; gives what it got and how often it was told to come back.
    pub fn stop(self) -> (BTreeSet<(usize, &'static str)>, usize) {
        self.stop.store(true, Ordering::SeqCst);
        let refusals = self.client.join().unwrap();
        let got = self.got.lock().unwrap().clone();
        (got, refusals)
    }
}

/// Clients that read what is in memory, all the time.
pub struct Readers {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<usize>>,
}

impl Readers {
    /// Starts two of them.
    pub fn start(address: SocketAddr, files: &[(String, Vec<u8>)]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let files = Arc::new(files.to_vec());
        let read = |_| {
            let (stop, files) = (stop.clone(), files.clone());
            std::thread::spawn(move || {
                let mut count = 0;
                for (path, bytes) in files.iter().cycle() {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let answer = raw::get(address, path);
                    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
                    assert_eq!(&answer.body, bytes, "{path}");
                    count += 1;
                    std::thread::park_timeout(Duration::from_millis(5));
                }
                count
            })
        };
        Self {
            clients: (0..2).map(read).collect(),
            stop,
        }
    }

    /// Stops them; fails unless every answer was right. Gives how many there were.
    pub fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        let counts = self
            .clients
            .into_iter()
            .map(|client| client.join().unwrap());
        counts.sum()
    }
}

/// An answer of one who cannot now: it says when to come back, and nothing of the engine's insides.
#[track_caller]
pub fn check_refusal(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    let text = answer.text();
    for inside in [
        "database is locked",
        "error returned",
        "postgres",
        "127.0.0.1",
        "catalog.db",
    ] {
        assert!(!text.contains(inside), "{text}");
    }
}

/// A request that needs the database while that is known to be away.
#[track_caller]
pub fn check_refused_soon(granary: &Granary, path: &str) {
    let begun = Instant::now();
    let answer = granary.get(path);
    let took = begun.elapsed();
    check_refusal(&answer);
    assert!(took < AWAY_WAIT, "{path} took {took:?}");
}

/// A count out of `/metrics`.
pub fn metric(granary: &Granary, name: &str) -> u64 {
    let text = String::from_utf8(granary.must_get("/metrics")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}"))
        .trim()
        .parse()
        .unwrap()
}
