//! Addresses for servers that are started with one.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports that the system does not give to connections that go out: one of those could be gone before it is used.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// An address on loopback that nobody listens on at the moment, and that this process gives only once.
pub fn free_address() -> SocketAddr {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Other test processes begin elsewhere.
    let first = std::process::id().wrapping_mul(613);
    loop {
        let at = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + u16::try_from(at % PORTS.len() as u32).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
