//! Many clients at once for something that is not here yet.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::module::noise;
use crate::rig::raw;
use crate::rig::upstream::Upstream;

const CLIENTS: usize = 64;

#[test]
fn sixty_four_clients_for_one_version_cause_one_fetch_a_file() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish(
        "example.com/herd",
        "v1.0.0",
        &[("h.go", &noise(1, 200_000))],
    );
    upstream.set_delay(Duration::from_millis(300));
    let granary = Setup::with(&upstream, &database).start();

    let barrier = Arc::new(Barrier::new(CLIENTS));
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|i| {
            let (made, address, barrier) = (made.clone(), granary.address, Arc::clone(&barrier));
            std::thread::spawn(move || {
                let extension = ["info", "mod", "zip"][i % 3];
                barrier.wait();
                let answer = raw::get(address, &made.file(extension));
                (
                    extension,
                    answer.status,
                    answer.body == made.bytes(extension),
                )
            })
        })
        .collect();
    for client in clients {
        let (extension, status, same) = client.join().unwrap();
        assert_eq!((status, same), (200, true), "{extension}");
    }
    // The zip follows the other two, so two delays are the floor; the bound leaves room for a busy machine.
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    for extension in ["info", "mod", "zip"] {
        assert_eq!(
            upstream.count(&made.file(extension)),
            1,
            "{extension}: {:?}",
            upstream.counts()
        );
    }
    let lookups: usize = upstream
        .counts()
        .iter()
        .filter(|(p, _)| p.contains("/lookup/"))
        .map(|(_, n)| n)
        .sum();
    assert_eq!(lookups, 1, "{:?}", upstream.counts());
}

#[test]
fn a_client_that_goes_away_cancels_nothing_for_the_others() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish(
        "example.com/patience",
        "v1.0.0",
        &[("p.go", "package patience\n")],
    );
    upstream.set_delay(Duration::from_millis(500));
    let granary = Setup::with(&upstream, &database).start();

    let (path, address) = (made.file("info"), granary.address);
    let stayer = std::thread::spawn(move || raw::get(address, &path));
    for _ in 0..8 {
        use std::io::Write;
        let mut leaver = std::net::TcpStream::connect(granary.address).unwrap();
        write!(
            leaver,
            "GET {} HTTP/1.1\r\nHost: x\r\n\r\n",
            made.file("info")
        )
        .unwrap();
        std::thread::sleep(Duration::from_millis(20));
        drop(leaver);
    }
    let answer = stayer.join().unwrap();
    assert_eq!((answer.status, answer.body), (200, made.info.clone()));
    assert_eq!(upstream.count(&made.file("info")), 1);
}

#[test]
fn a_herd_for_what_does_not_exist_asks_once_too() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    upstream.set_delay(Duration::from_millis(200));
    let granary = Setup::with(&upstream, &database).start();
    let path = "/example.com/nothing/here/@v/list";
    let barrier = Arc::new(Barrier::new(32));
    let clients: Vec<_> = (0..32)
        .map(|_| {
            let (address, barrier) = (granary.address, Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                raw::get(address, path).status
            })
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().unwrap(), 404);
    }
    assert_eq!(granary.get(path).status, 404);
    assert_eq!(upstream.count(path), 1, "{:?}", upstream.counts());
}
