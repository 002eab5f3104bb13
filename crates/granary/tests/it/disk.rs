//! Disks that fill up, run out of nodes, turn read-only or slow under a running server: hits go on, nothing is stored in
//! part, nobody is told what is not so, and afterwards everything goes on without a restart.

mod place;

mod full;
mod limits;
mod low_water;
mod read_only;
mod rounds;
mod slow;

use std::net::SocketAddr;
use std::time::Duration;

use crate::rig::module::{Made, noise};
use crate::rig::upstream::Upstream;
use crate::rig::{raw, wait_until};

/// Longer than any pause that the server makes between two tries of its own.
const RECOVERY: Duration = Duration::from_secs(30);

const FILES: [&str; 3] = ["info", "mod", "zip"];

/// A version with a zip of about so many bytes.
fn publish(upstream: &Upstream, name: &str, size_bytes: usize) -> Made {
    let seed = name.bytes().map(u64::from).sum();
    let files = [("x.txt", &*noise(seed, size_bytes))];
    upstream.publish(&format!("example.com/{name}"), "v1.0.0", &files)
}

/// All files are there, byte for byte.
#[track_caller]
fn check_served(address: SocketAddr, made: &Made) {
    for extension in FILES {
        let answer = raw::get(address, &made.file(extension));
        assert_eq!(answer.status, 200, "{}: {}", made.of, answer.text());
        assert_eq!(answer.body, made.bytes(extension), "{}", made.of);
    }
}

/// What cannot be stored is refused for that reason, and is not there in part.
#[track_caller]
fn check_refused(address: SocketAddr, made: &Made, extension: &str, words: &[&str]) {
    let answer = raw::get(address, &made.file(extension));
    let text = answer.text();
    assert_eq!(answer.status, 507, "{}.{extension}: {text}", made.of);
    for word in words.iter().chain([&made.of.path().as_str()]) {
        assert!(text.contains(word), "no {word} in: {text}");
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let kept = ("Disable-Module-Fetch", "true");
    let answer = raw::get_with(address, &made.file(extension), &[kept]);
    assert_eq!(answer.status, 404, "it was kept all the same");
}

/// Whether a file is stored already; nothing is fetched for it.
fn is_stored(address: SocketAddr, made: &Made, extension: &str) -> bool {
    let kept = ("Disable-Module-Fetch", "true");
    let answer = raw::get_with(address, &made.file(extension), &[kept]);
    answer.status == 200
}

/// The same requests succeed by and by.
#[track_caller]
fn check_recovers(address: SocketAddr, made: &Made) {
    for extension in FILES {
        wait_until(RECOVERY, "captured again", || {
            raw::get(address, &made.file(extension)).status == 200
        });
    }
    check_served(address, made);
}

/// A figure of the metrics, by its name and labels.
#[track_caller]
fn figure(address: SocketAddr, name: &str) -> u64 {
    let text = raw::get(address, "/metrics").text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in: {text}"))
        .parse()
        .unwrap()
}
