//! A disk that fills up and is emptied again at random points, under clients that go on asking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::place::{Filler, Place};
use super::{FILES, RECOVERY, check_recovers, check_served, is_stored, publish};
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::module::Made;
use crate::rig::upstream::Upstream;
use crate::rig::{raw, wait_until};

/// How often the disk fills up in a round, behind which everything is verified.
const STEPS: usize = 3;

/// Versions that are new each time, of some 400 KiB each.
const NEW: usize = 2;

/// A soak run asks for more.
fn rounds() -> usize {
    let asked = std::env::var("GRANARY_DISK_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(2)
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Asks for everything again and again until told to stop; what comes with 200 must be right, and what is refused must be
/// refused as trouble.
fn ask_all(
    address: std::net::SocketAddr,
    made: &[Made],
    stop: &AtomicBool,
    refused: &AtomicUsize,
) -> usize {
    let mut served = 0;
    while !stop.load(Ordering::SeqCst) {
        for one in made {
            for extension in FILES {
                let answer = raw::get(address, &one.file(extension));
                match answer.status {
                    200 => {
                        assert_eq!(answer.body, one.bytes(extension), "{}", one.of);
                        served += 1;
                    }
                    503 | 507 => drop(refused.fetch_add(1, Ordering::SeqCst)),
                    other => panic!("{}.{extension}: {other}: {}", one.of, answer.text()),
                }
            }
        }
    }
    served
}

#[test]
fn filled_up_and_emptied_again_and_again() {
    let rounds = rounds();
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let setup = Setup::with(&upstream, &database).set("disk.reserve", "8MiB");
    let data = setup.data();
    let options = format!("size={}m", 40 + 3 * rounds);
    let mounts = [(&*data, &*options)];
    let Some(place) = Place::mount("a disk filled again and again", &setup, &mounts) else {
        return;
    };
    let server = place.start();
    let address = server.address;
    upstream.set_delay(Duration::from_millis(10));
    let mut numbers = Numbers(5);
    let mut before: Vec<Made> = Vec::new();
    let mut served_total = 0;
    let refused = Arc::new(AtomicUsize::new(0));
    for step in 0..rounds * STEPS {
        let new: Vec<Made> = (0..NEW)
            .map(|n| publish(&upstream, &format!("s{step}n{n}"), 400_000))
            .collect();
        let new = Arc::new(new);
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let (new, stop) = (Arc::clone(&new), Arc::clone(&stop));
                let refused = Arc::clone(&refused);
                thread::spawn(move || ask_all(address, &new, &stop, &refused))
            })
            .collect();
        // Before, between or behind the files of a version.
        let one = &new[numbers.below(NEW as u64) as usize];
        let extension = FILES[numbers.below(3) as usize];
        wait_until(RECOVERY, "the upstream is asked", || {
            upstream.count(&one.file(extension)) > 0
        });
        // Anywhere from the last byte to somewhat above the reserve.
        let left_bytes = numbers.below(12) << 20;
        let inside = place.inside(&data);
        let filler = if left_bytes == 0 {
            Filler::to_the_brim(&inside)
        } else {
            Filler::leaving(&inside, left_bytes)
        };
        // Until it made a difference, or came too late for that.
        let seen = refused.load(Ordering::SeqCst);
        wait_until(RECOVERY, "refused or stored", || {
            refused.load(Ordering::SeqCst) > seen
                || new.iter().all(|one| is_stored(address, one, "zip"))
        });
        for one in before.iter().rev().take(4) {
            check_served(address, one);
        }
        drop(filler);
        stop.store(true, Ordering::SeqCst);
        for client in clients {
            served_total += client.join().unwrap();
        }
        for one in new.iter() {
            check_recovers(address, one);
        }
        before.extend(new.iter().cloned());
        if step % STEPS == STEPS - 1 {
            place.check_nothing_partial(&data.join("store"));
            place.check_verified();
        }
    }
    // The rest of a round would show nothing if no client had ever met a full disk.
    let refused_total = refused.load(Ordering::SeqCst);
    assert!(refused_total > 0, "no client was ever refused");
    eprintln!(
        "{rounds} rounds, {served_total} answers served, {refused_total} refused, 0 wrong, 0 partial"
    );
}
