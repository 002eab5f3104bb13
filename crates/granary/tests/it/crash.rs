//! kill -9 at any moment under load loses nothing that was acknowledged, shows nothing half-written, and needs no repair.
//!
//! Every start is the check of the kill before it: whatever had been acknowledged is asked for again, and the upstream
//! must not be asked for it. Eight kills in `make test`, `GRANARY_CRASH_KILLS` of them in the soak.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gomod::hash::ContentDigest;

use crate::by_hand::lines_of;
use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::{Made, go_mod, noise};
use crate::rig::raw;
use crate::rig::upstream::{Lie, Upstream};

/// Kills of one folder; then a new one, so that a verification stays a matter of milliseconds.
const KILLS_PER_FOLDER: usize = 25;

/// Folders that are worked on at once: as many as there are cores on a small machine.
const AT_ONCE: usize = 2;

/// Modules that a round of load captures file by file.
const PLAIN: usize = 6;

/// A server is killed a random moment of this after a random number of acknowledgements, 0 to `TOLD_MAX`.
const MOMENT: Duration = Duration::from_millis(20);
const TOLD_MAX: usize = 40;

/// A load that is over before so many were given is killed then; this bounds the wait for it.
const LOAD_WAIT: Duration = Duration::from_secs(20);

fn kills() -> usize {
    let asked = std::env::var("GRANARY_CRASH_KILLS").ok();
    asked.and_then(|kills| kills.parse().ok()).unwrap_or(8)
}

/// What a client was told.
#[derive(Clone, Debug)]
enum Told {
    /// 200 with the whole body.
    File(Made, &'static str),
    /// 200 with the version in it.
    List(Made),
    /// 403, because the zip is not what the database vouches for; the bytes that came instead are kept apart.
    Refusal(ContentDigest),
    /// `granary get` ended well.
    Got(Vec<Made>),
}

/// The modules of one round.
struct Load {
    plain: Vec<Made>,
    lied: Made,
    lie: Vec<u8>,
    app: Made,
    needed: Made,
}

impl Load {
    fn publish(upstream: &Upstream, number: usize) -> Self {
        let source = noise(number as u64, 20_000);
        let publish = |name: &str, text: Option<String>| {
            let path = format!("example.com/{name}{number}");
            let text = text.unwrap_or_else(|| go_mod(&path, &[]));
            upstream.publish(&path, "v1.0.0", &[("go.mod", &text), ("t", &source)])
        };
        let plain = (0..PLAIN).map(|i| publish(&format!("plain{i}-"), None));
        let plain = plain.collect();
        let needed = publish("needed", None);
        let requires = go_mod(
            &format!("example.com/app{number}"),
            &[(needed.of.path().as_str(), "v1.0.0")],
        );
        let app = publish("app", Some(requires));
        let lied = publish("lied", None);
        let mut changed = lied.clone();
        changed.set_zip(&[
            (format!("{}/go.mod", lied.of), lied.go_mod.clone()),
            (format!("{}/evil.go", lied.of), b"package evil\n".to_vec()),
        ]);
        upstream.lie(&lied.file("zip"), Lie::Body(changed.zip.clone()));
        Self {
            plain,
            lied,
            lie: changed.zip,
            app,
            needed,
        }
    }

    /// Works on the server until it is dead; gives what was told.
    fn run(
        &self,
        granary: Granary,
        setup: &Setup,
        (enough, moment): (usize, Duration),
    ) -> Vec<Told> {
        let told = Mutex::new(Vec::new());
        let tell = |what| told.lock().unwrap().push(what);
        let dead = AtomicBool::new(false);
        let busy = AtomicUsize::new(5);
        let address = granary.address;
        std::thread::scope(|scope| {
            for client in 0..3 {
                let (tell, busy) = (&tell, &busy);
                scope.spawn(move || {
                    for step in 0..PLAIN * 3 {
                        let made = &self.plain[(step / 3 + client * 2) % PLAIN];
                        let extension = ["info", "mod", "zip"][step % 3];
                        let answer = raw::get(address, &made.file(extension));
                        // A body that breaks off with its server is no answer.
                        if answer.status == 200 && answer.body.len() == made.bytes(extension).len()
                        {
                            assert_eq!(answer.body, made.bytes(extension), "wrong bytes");
                            tell(Told::File(made.clone(), extension));
                        }
                    }
                    busy.fetch_sub(1, Ordering::SeqCst);
                });
            }
            scope.spawn(|| {
                let list = format!("/{}/@v/list", self.plain[0].of.path().escaped());
                if raw::get(address, &list).text() == "v1.0.0\n" {
                    tell(Told::List(self.plain[0].clone()));
                }
                let answer = raw::get(address, &self.lied.file("zip"));
                assert!(
                    answer.status != 200,
                    "what was changed on the way was served"
                );
                if answer.status == 403 {
                    tell(Told::Refusal(ContentDigest::of(&self.lie)));
                }
                busy.fetch_sub(1, Ordering::SeqCst);
            });
            scope.spawn(|| {
                let got = setup.run(&["get", &self.app.of.to_string()]);
                // With its server gone the command works on the folder itself, and that is another test's business.
                if got.status.success() && !dead.load(Ordering::SeqCst) {
                    tell(Told::Got(vec![self.app.clone(), self.needed.clone()]));
                }
                busy.fetch_sub(1, Ordering::SeqCst);
            });
            let begun = Instant::now();
            while told.lock().unwrap().len() < enough
                && busy.load(Ordering::SeqCst) > 0
                && begun.elapsed() < LOAD_WAIT
            {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            std::thread::park_timeout(moment);
            drop(granary.kill());
            dead.store(true, Ordering::SeqCst);
        });
        told.into_inner().unwrap()
    }
}

/// All that was told is there, out of what is kept: the upstream is not asked.
fn check_told(granary: &Granary, upstream: &Upstream, told: &[Told], extra: &BTreeSet<String>) {
    let check_file = |made: &Made, extension: &'static str| {
        let path = made.file(extension);
        let before = upstream.count(&path);
        assert_eq!(granary.must_get(&path), made.bytes(extension), "{path}");
        assert_eq!(upstream.count(&path), before, "{path} was lost");
    };
    for one in told {
        match one {
            Told::File(made, extension) => check_file(made, extension),
            Told::List(made) => {
                let path = format!("/{}/@v/list", made.of.path().escaped());
                let before = upstream.count(&path);
                assert_eq!(granary.must_get(&path), b"v1.0.0\n");
                assert_eq!(upstream.count(&path), before, "{path} was lost");
            }
            Told::Refusal(digest) => {
                let hex = digest.to_string();
                let blob = format!("store/blob/sha256/{}/{}", &hex[..2], &hex[2..]);
                assert!(granary.setup.data().join(blob).exists(), "{digest}");
                // A blob that no row names would be called extra.
                assert!(!extra.contains(&hex), "the quarantine has lost {digest}");
            }
            Told::Got(all) => {
                for made in all {
                    for extension in ["info", "mod", "zip"] {
                        check_file(made, extension);
                    }
                }
            }
        }
    }
}

/// `granary verify` finds nothing missing and nothing wrong; gives what is extra.
fn verify(setup: &Setup) -> BTreeSet<String> {
    let output = setup.run(&["verify", "--json"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let findings = lines_of(&said, "finding").into_iter();
    findings
        .map(|finding| finding["of"].as_str().unwrap().to_owned())
        .collect()
}

/// When to kill: the same in every run of the test.
fn moment(kill: usize) -> (usize, Duration) {
    let mixed = (kill as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let enough = (mixed >> 40) as usize % (TOLD_MAX + 1);
    (
        enough,
        MOMENT.mul_f64((mixed >> 20 & 0xfff) as f64 / 4_096.0),
    )
}

/// Kills a server on one folder again and again; gives how much was acknowledged.
fn kill_again_and_again(first: usize, kills: usize) -> [usize; 4] {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let setup = Setup::with(&upstream, &database)
        .set("list.fresh", "1h")
        .set("list.stale_max", "1h");
    let mut counts = [0; 4];
    let mut told = Vec::new();
    let mut last: Option<Load> = None;
    for kill in first..=first + kills {
        let granary = setup.start();
        check_told(&granary, &upstream, &told, &verify(&setup));
        if kill == first + kills {
            // And what was cut off succeeds at the next try.
            for made in last.iter().flat_map(|load| &load.plain) {
                for extension in ["info", "mod", "zip"] {
                    let path = made.file(extension);
                    assert_eq!(granary.must_get(&path), made.bytes(extension));
                }
            }
            break;
        }
        let load = Load::publish(&upstream, kill);
        told = load.run(granary, &setup, moment(kill));
        for one in &told {
            counts[match one {
                Told::File(..) => 0,
                Told::List(_) => 1,
                Told::Refusal(_) => 2,
                Told::Got(_) => 3,
            }] += 1;
        }
        last = Some(load);
    }
    counts
}

#[test]
fn kill_9_under_load_leaves_nothing_partial_and_loses_nothing_acknowledged() {
    let kills = kills();
    let next = AtomicUsize::new(0);
    let per_folder = KILLS_PER_FOLDER.min(kills.div_ceil(AT_ONCE));
    let counts = Mutex::new([0; 4]);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(per_folder, Ordering::SeqCst);
                    if first >= kills {
                        return;
                    }
                    let more = kill_again_and_again(first, per_folder.min(kills - first));
                    let mut counts = counts.lock().unwrap();
                    *counts = std::array::from_fn(|i| counts[i] + more[i]);
                }
            });
        }
    });
    let [files, lists, refusals, gets] = counts.into_inner().unwrap();
    let line = format!(
        "laboratory: row\tkill -9 under load\t{kills} kills\t{files} files, {lists} lists, {refusals} quarantined, \
         {gets} `granary get` acknowledged: 0 partial, 0 lost, 0 wrong\n"
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(files > 0, "nobody was ever answered before a kill");
    assert!(
        kills < 100 || (lists > 0 && refusals > 0 && gets > 0),
        "{line}"
    );
}
