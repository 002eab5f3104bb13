//! A wire to PostgreSQL that can be cut at the worst moment: after a COMMIT has gone out and before its answer is back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Passes connections on to a server.
pub struct Cutter {
    /// Where it listens.
    pub port: u16,
    wire: Arc<Wire>,
}

#[derive(Default)]
struct Wire {
    commits_to_cut: AtomicUsize,
    cuts: AtomicUsize,
}

impl Cutter {
    /// Starts one in front of the server at a port of loopback. It ends with the test's process.
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = Arc::new(Wire::default());
        let shared = wire.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    continue;
                };
                join(client, server, &shared);
            }
        });
        Self { port, wire }
    }

    /// Cuts the wire at the next commits, so many of them.
    pub fn cut_commits(&self, count: usize) {
        self.wire.commits_to_cut.store(count, Ordering::SeqCst);
    }

    /// How often it was cut.
    pub fn cuts(&self) -> usize {
        self.wire.cuts.load(Ordering::SeqCst)
    }
}

fn join(client: TcpStream, server: TcpStream, wire: &Arc<Wire>) {
    let is_deaf = Arc::new(AtomicBool::new(false));
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (deaf, shared) = (is_deaf.clone(), wire.clone());
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let sent = &buffer[..length];
            let commits = sent.windows(7).any(|bytes| bytes == b"COMMIT\0");
            let left = &shared.commits_to_cut;
            let takes_one = |count: usize| count.checked_sub(1);
            if commits
                && left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, takes_one)
                    .is_ok()
            {
                deaf.store(true, Ordering::SeqCst);
            }
            if to.write_all(sent).is_err() {
                break;
            }
        }
        to.shutdown(Shutdown::Both).ok();
    });
    let (mut from, mut to, wire) = (server, client, wire.clone());
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            // The answer to the commit is here: it was carried out.
            if is_deaf.load(Ordering::SeqCst) {
                wire.cuts.fetch_add(1, Ordering::SeqCst);
                break;
            }
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        from.shutdown(Shutdown::Both).ok();
        to.shutdown(Shutdown::Both).ok();
    });
}
