//! Requests that never end. Those that are malformed are in the corpus (`corpus`).

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::rig::granary::Setup;

#[test]
fn a_client_that_never_finishes_its_request_is_cut_off_and_disturbs_nobody() {
    let granary = Setup::new().start();
    let mut slow: Vec<_> = (0..50)
        .map(|_| std::net::TcpStream::connect(granary.address).unwrap())
        .collect();
    for stream in &mut slow {
        stream
            .write_all(b"GET /example.com/hello/@v/list HT")
            .unwrap();
    }
    let begun = Instant::now();
    assert_eq!(granary.get("/livez").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(1));
    slow[0]
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut rest = Vec::new();
    slow[0]
        .read_to_end(&mut rest)
        .expect("still open after 30 s");
}
