//! kill -9 at any point loses nothing that was answered, shows nothing half-written, and needs no repair.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::module::{Made, noise};
use crate::rig::raw;
use crate::rig::upstream::Upstream;

const MODULES: usize = 12;

/// Rounds of five kills; a soak run asks for more.
fn rounds() -> usize {
    let asked = std::env::var("GRANARY_SOAK_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

fn publish_many(upstream: &Upstream) -> Vec<Made> {
    (0..MODULES)
        .map(|i| {
            let source = noise(i as u64, 60_000);
            upstream.publish(
                &format!("example.com/crash{i}"),
                "v1.0.0",
                &[("a.txt", &source), ("b.txt", &source)],
            )
        })
        .collect()
}

/// Clients ask for everything until the server dies, which is once `enough` answers were given; gives what they were
/// answered.
fn ask_until_killed(
    setup: &Setup,
    made: &Arc<Vec<Made>>,
    enough: usize,
) -> Vec<(usize, &'static str)> {
    let granary = setup.start();
    let address = granary.address;
    let answered = Arc::new(Mutex::new(Vec::new()));
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let (made, answered) = (Arc::clone(made), Arc::clone(&answered));
            std::thread::spawn(move || {
                for step in 0..MODULES * 3 {
                    let (i, extension) = (
                        (step / 3 + client * 5) % MODULES,
                        ["info", "mod", "zip"][step % 3],
                    );
                    let answer = raw::get(address, &made[i].file(extension));
                    if answer.status == 200 && answer.body.len() == made[i].bytes(extension).len() {
                        assert_eq!(answer.body, made[i].bytes(extension), "wrong bytes");
                        answered.lock().unwrap().push((i, extension));
                    }
                }
            })
        })
        .collect();
    let deadline = Instant::now() + Duration::from_secs(20);
    while answered.lock().unwrap().len() < enough && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    drop(granary.kill());
    for client in clients {
        client.join().unwrap();
    }
    let answered = answered.lock().unwrap();
    answered.clone()
}

#[test]
fn kill_9_in_the_midst_leaves_nothing_partial_and_loses_nothing_answered() {
    let database = Database::new();
    let mut all_answered = 0;
    for round in 0..5 * rounds() {
        let enough = [0, 1, 4, 12, 24][round % 5] + round / 5 % 12;
        let upstream = Upstream::start_with(&database);
        let made = Arc::new(publish_many(&upstream));
        upstream.set_delay(Duration::from_millis(10));
        let setup = Setup::with(&upstream, &database);
        let answered = ask_until_killed(&setup, &made, enough);
        all_answered += answered.len();

        // With the upstream gone, only what is kept can be served: all that was answered must be.
        upstream.stop();
        let restarted = setup.start();
        for (i, extension) in &answered {
            let body = restarted.must_get(&made[*i].file(extension));
            assert_eq!(
                body,
                made[*i].bytes(extension),
                "{extension} of {} after {enough} answers",
                made[*i].of
            );
        }
        for one in made.iter() {
            for extension in ["info", "mod", "zip"] {
                let answer = restarted.get(&one.file(extension));
                let whole = answer.status == 200 && answer.body == one.bytes(extension);
                assert!(
                    whole || answer.status >= 400,
                    "{extension} of {}: {}",
                    one.of,
                    answer.status
                );
            }
            let both = [
                restarted.get(&one.file("info")).status,
                restarted.get(&one.file("mod")).status,
            ];
            assert!(
                both[0] == both[1],
                ".info and .mod of {} came apart: {both:?}",
                one.of
            );
        }
        let verified = setup.run(&["verify"]);
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stdout)
        );

        // And with an upstream again, the retry succeeds.
        drop(restarted);
        let back = Upstream::start_with(&database);
        for one in made.iter() {
            back.add(one.clone());
        }
        let again = setup.clone().set("upstream", &back.url()).start();
        for one in made.iter() {
            for extension in ["info", "mod", "zip"] {
                assert_eq!(again.must_get(&one.file(extension)), one.bytes(extension));
            }
        }
    }
    assert!(
        all_answered > 0,
        "no client was ever answered before the kill: the test shows nothing"
    );
}
