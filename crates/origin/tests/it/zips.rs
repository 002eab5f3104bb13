//! Zips: streamed, bounded, begun anew with every entry.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use origin::upstream::{SinkError, UpstreamClass, ZipSink};

use crate::asking::{check_says, upstreams, version};
use crate::server::{Server, Step, ok, raw_then_close, refuse};

/// Keeps what comes; may be full.
#[derive(Default)]
pub struct Collected {
    pub bytes: Vec<u8>,
    pub resets: usize,
    pub expected: Option<u64>,
    pub room: Option<usize>,
}

#[async_trait]
impl ZipSink for Collected {
    async fn reset(&mut self) -> Result<(), SinkError> {
        self.bytes.clear();
        self.resets += 1;
        Ok(())
    }

    async fn write(&mut self, chunk: Bytes) -> Result<(), SinkError> {
        self.bytes.extend_from_slice(&chunk);
        match self.room {
            Some(room) if self.bytes.len() > room => Err(SinkError("no space left".to_owned())),
            _ => Ok(()),
        }
    }

    fn expect(&mut self, size_bytes: u64) {
        self.expected = Some(size_bytes);
    }
}

#[tokio::test]
async fn a_zip_arrives_whole() {
    let zip = vec![b'z'; 300_000];
    let server = Server::saying(ok(&zip)).await;
    let mut sink = Collected::default();
    let entry = upstreams(&server.url())
        .get_zip(&version(), &mut sink)
        .await
        .unwrap();
    assert_eq!(entry, server.url());
    assert_eq!(
        (sink.bytes.len(), sink.expected, sink.resets),
        (300_000, Some(300_000), 1)
    );
    assert_eq!(server.targets(), ["/example.com/m/@v/v1.0.0.zip"]);
}

#[tokio::test]
async fn the_next_entry_begins_anew() {
    let cut = Server::saying(raw_then_close(
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
    ))
    .await;
    let good = Server::saying(ok("whole")).await;
    let mut sink = Collected::default();
    upstreams(&format!("{}|{}", cut.url(), good.url()))
        .get_zip(&version(), &mut sink)
        .await
        .unwrap();
    assert_eq!((sink.bytes.as_slice(), sink.resets), (&b"whole"[..], 2));
}

#[tokio::test]
async fn a_refused_zip_does_not_touch_the_sink() {
    let server = Server::saying(refuse("410 Gone", "gone")).await;
    let mut sink = Collected::default();
    let error = upstreams(&server.url())
        .get_zip(&version(), &mut sink)
        .await
        .unwrap_err();
    assert_eq!((error.class, sink.resets), (UpstreamClass::Gone, 0));
}

#[tokio::test]
async fn zips_are_bounded() {
    let announced = Server::saying(raw_then_close(
        "HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n",
    ))
    .await;
    let mut sink = Collected::default();
    let error = upstreams(&announced.url())
        .get_zip(&version(), &mut sink)
        .await
        .unwrap_err();
    assert_eq!((error.class, sink.resets), (UpstreamClass::Invalid, 0));

    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).into_bytes();
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let endless = Server::saying(vec![Step::Send(head), Step::Drip(chunk, Duration::ZERO)]).await;
    let error = upstreams(&endless.url())
        .get_zip(&version(), &mut sink)
        .await
        .unwrap_err();
    assert_eq!(error.class, UpstreamClass::Invalid);
    check_says(&error, "1048576 bytes");
    assert!(sink.bytes.len() <= 1 << 20);
}

#[tokio::test]
async fn a_zip_that_drips_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec();
    let drip = Step::Drip(b"x".to_vec(), Duration::from_millis(20));
    let server = Server::saying(vec![Step::Send(head), drip]).await;
    let error = upstreams(&server.url())
        .get_zip(&version(), &mut Collected::default())
        .await
        .unwrap_err();
    assert_eq!(error.class, UpstreamClass::TooSlow);
}

#[tokio::test]
async fn a_full_disk_here_is_not_the_upstreams_fault() {
    let first = Server::saying(ok("whole")).await;
    let second = Server::saying(ok("whole")).await;
    let mut sink = Collected {
        room: Some(2),
        ..Collected::default()
    };
    let list = format!("{}|{}", first.url(), second.url());
    let error = upstreams(&list)
        .get_zip(&version(), &mut sink)
        .await
        .unwrap_err();
    assert_eq!(error.class, UpstreamClass::Storage);
    check_says(&error, "no space left");
    assert_eq!(second.connection_count(), 0);
}
