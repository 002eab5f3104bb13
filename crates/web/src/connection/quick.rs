//! The short loop for plain HTTP/1.1: hits of the hot map, one read and one write each, and nothing else.
//!
//! It knows GET and HEAD without conditions, ranges or bodies. At the first request that is anything else the connection
//! goes to hyper, with the bytes that were read, and stays there. The loop decides nothing: what it answers is rendered
//! already, and what it does not understand it does not judge. Measured against hyper alone on two cores: 1.2 times the
//! requests a second for small files.
//!
//! An idle connection holds no buffer: there is one for reading and one for writing on each thread.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::conditional::accepts_gzip;
use crate::connection::abort::Abort;
use crate::connection::alarm::Alarm;
use crate::connection::date_line::push_date;
use crate::connection::file_tail::{FileTail, poll_send_file};
use crate::connection::gate::Gate;
use crate::connection::pace::Pace;
use crate::front::{Front, IDLE_WAIT_CROWDED};
use crate::metrics::Cut;

/// Bytes read at once. A request of the go client has about 200.
const READ_BYTES: usize = 16 << 10;
/// A header block longer than this is hyper's business.
const HEADER_BYTES_MAX: usize = 8 << 10;
/// So is one with more lines than this.
const HEADERS_MAX: usize = 32;
/// A body up to this length is copied behind its headers: cheaper than a second piece for the kernel.
const COPIED_BYTES_MAX: usize = 16 << 10;
/// Answers to pipelined requests are sent when this much has come together.
const OUT_BYTES_MAX: usize = 64 << 10;
/// The most that is offered to the kernel at once.
const WRITE_BYTES_MAX: usize = 1 << 20;
/// The most that one connection sends before the others of its thread have their turn: about a millisecond's work. A
/// client on the same machine takes bytes as fast as they come, and would keep the thread for the whole file.
const TURN_BYTES_MAX: usize = 2 << 20;

/// How the loop ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The connection is over.
    Closed,
    /// Hyper is to go on; these bytes were read already.
    Other(Bytes),
}

/// What comes after the answers at hand are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// More requests, from what was read or from the client.
    More,
    /// Hyper, with what was read and not answered.
    HandOver,
    /// The end: the client wants it so.
    Close,
}

/// The state of one connection between two system calls.
#[derive(Debug, Default)]
struct Turn {
    /// Read and not yet answered: the beginning of a request, or a pipelined one.
    unread: Vec<u8>,
    /// Whether `unread` may hold a whole request, which had to wait until the answers before it are sent.
    held_up: bool,
    /// Header blocks and small bodies to be sent.
    out: Vec<u8>,
    /// One long body to be sent after `out`.
    tail: Bytes,
    /// One body to be sent from its file after `out`.
    file: Option<FileTail>,
}

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
    static OUT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Serves hits until the connection ends or asks for something else.
pub(crate) async fn run(stream: &mut TcpStream, front: &Front, gate: &Gate) -> End {
    let config = &front.config;
    let mut turn = Turn::default();
    let mut idle_since = Instant::now();
    // A header block has its time from its first byte on, not from its last.
    let mut header_end: Option<Instant> = None;
    let mut alarm = Alarm::new(idle_since + IDLE_WAIT_CROWDED);
    let mut closing = pin!(gate.closing());
    loop {
        let read = poll_fn(|context| {
            let is_closing = closing.as_mut().poll(context).is_ready() || gate.is_closed();
            let outcome = poll_answer(stream, &mut turn, front, context);
            // How long it may be idle changes with how many others there are.
            let end = || header_end.unwrap_or_else(|| idle_since + front.idle_wait());
            if outcome.is_pending()
                && (is_closing || alarm.is_over_again(IDLE_WAIT_CROWDED, end, context))
            {
                if !is_closing && !turn.unread.is_empty() {
                    front.metrics.count_cut(Cut::SlowHeader);
                }
                return Poll::Ready(Ok(Next::Close));
            }
            outcome
        });
        let Ok(next) = read.await else {
            return End::Closed;
        };
        let has_answered = !turn.out.is_empty();
        let sent = send(stream, &mut turn, &mut alarm, front).await;
        OUT.set(std::mem::take(&mut turn.out));
        if sent.is_err() || next == Next::Close {
            return End::Closed;
        }
        if next == Next::HandOver {
            return End::Other(turn.unread.into());
        }
        let now = Instant::now();
        if turn.unread.is_empty() {
            (idle_since, header_end) = (now, None);
        } else if has_answered || header_end.is_none() {
            header_end = Some(now + config.header_wait);
        }
    }
}

/// Reads once and answers all whole requests that are there.
fn poll_answer(
    stream: &mut TcpStream,
    turn: &mut Turn,
    front: &Front,
    context: &mut Context<'_>,
) -> Poll<io::Result<Next>> {
    // What a long body held up comes before anything new.
    if turn.held_up {
        let unread = std::mem::take(&mut turn.unread);
        return Poll::Ready(Ok(turn.answer(unread, front)));
    }
    READ.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
        let read = buffer.filled();
        if read.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        if turn.unread.is_empty() {
            let (used, next) = turn.answer_all(read, front);
            turn.unread.extend_from_slice(&read[used..]);
            return Poll::Ready(Ok(next));
        }
        let mut unread = std::mem::take(&mut turn.unread);
        unread.extend_from_slice(read);
        Poll::Ready(Ok(turn.answer(unread, front)))
    })
}

impl Turn {
    fn answer(&mut self, mut unread: Vec<u8>, front: &Front) -> Next {
        let (used, next) = self.answer_all(&unread, front);
        unread.drain(..used);
        self.unread = unread;
        next
    }

    /// Answers requests from the beginning of `read`; gives how many bytes they were.
    fn answer_all(&mut self, read: &[u8], front: &Front) -> (usize, Next) {
        self.out = OUT.take();
        self.out.clear();
        let now = std::time::Instant::now();
        let mut used = 0;
        self.held_up = false;
        while used < read.len() {
            let has_tail = !self.tail.is_empty() || self.file.is_some();
            if has_tail || self.out.len() >= OUT_BYTES_MAX {
                self.held_up = true;
                break;
            }
            let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
            let mut request = httparse::Request::new(&mut []);
            let rest = &read[used..];
            let length = match request.parse_with_uninit_headers(rest, &mut headers) {
                Ok(httparse::Status::Complete(length)) => length,
                Ok(httparse::Status::Partial) if rest.len() <= HEADER_BYTES_MAX => break,
                Ok(httparse::Status::Partial) | Err(_) => return (used, Next::HandOver),
            };
            let Some(ask) = Ask::of(&request) else {
                return (used, Next::HandOver);
            };
            let Some(entry) = front.hot.find(ask.path, now) else {
                return (used, Next::HandOver);
            };
            let variant = entry.variant(ask.takes_gzip);
            self.out.extend_from_slice(&variant.head);
            if ask.closes {
                self.out.extend_from_slice(b"Connection: close\r\n");
            }
            push_date(&mut self.out, now);
            let sent_bytes = match (ask.is_head, variant.body.len()) {
                (true, _) => 0,
                (false, length) if length <= COPIED_BYTES_MAX => {
                    self.out.extend_from_slice(&variant.body);
                    length
                }
                (false, length) if entry.file.is_some() && entry.gzip.is_none() => {
                    self.file = Some(FileTail {
                        entry: entry.clone(),
                        offset: 0,
                    });
                    length
                }
                (false, length) => {
                    self.tail = variant.body.clone();
                    length
                }
            };
            front.metrics.count_hit(entry.class, sent_bytes);
            used += length;
            if ask.closes {
                return (used, Next::Close);
            }
        }
        (used, Next::More)
    }
}

/// A request that the loop may answer.
#[derive(Debug)]
struct Ask<'a> {
    path: &'a str,
    is_head: bool,
    takes_gzip: bool,
    closes: bool,
}

impl<'a> Ask<'a> {
    /// `None` for everything that needs a closer look.
    fn of(request: &httparse::Request<'_, 'a>) -> Option<Self> {
        let is_head = match request.method? {
            "GET" => false,
            "HEAD" => true,
            _ => return None,
        };
        if request.version != Some(1) {
            return None;
        }
        let mut ask = Self {
            path: request.path?,
            is_head,
            takes_gzip: false,
            closes: false,
        };
        let mut hosts = 0;
        for header in request.headers.iter() {
            match kind_of(header.name) {
                Kind::Plain => {}
                Kind::Host => hosts += 1,
                Kind::Encoding => {
                    ask.takes_gzip |= accepts_gzip(std::str::from_utf8(header.value).ok()?);
                }
                Kind::Connection => match header.value {
                    value if value.eq_ignore_ascii_case(b"keep-alive") => {}
                    value if value.eq_ignore_ascii_case(b"close") => ask.closes = true,
                    _ => return None,
                },
                Kind::Special => return None,
            }
        }
        (hosts == 1).then_some(ask)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Changes nothing.
    Plain,
    Host,
    Encoding,
    Connection,
    /// Needs a closer look: a body, a condition, a range, a loop, another protocol.
    Special,
}

fn kind_of(name: &str) -> Kind {
    let is = |of: &str| name.eq_ignore_ascii_case(of);
    // By length first: nearly every header of a usual request is decided by that.
    match name.len() {
        3 if is("via") => Kind::Special,
        4 if is("host") => Kind::Host,
        5 if is("range") => Kind::Special,
        6 if is("expect") => Kind::Special,
        7 if is("upgrade") => Kind::Special,
        8 if is("if-range") || is("if-match") => Kind::Special,
        10 if is("connection") => Kind::Connection,
        13 if is("if-none-match") => Kind::Special,
        14 if is("content-length") => Kind::Special,
        15 if is("accept-encoding") => Kind::Encoding,
        17 if is("transfer-encoding") || is("if-modified-since") => Kind::Special,
        19 if is("if-unmodified-since") => Kind::Special,
        _ => Kind::Plain,
    }
}

/// Sends what the turn holds. A client that takes too little of it is given up.
async fn send(
    stream: &mut TcpStream,
    turn: &mut Turn,
    alarm: &mut Alarm,
    front: &Front,
) -> io::Result<()> {
    let mut sent = 0;
    let mut pace = Pace::default();
    poll_fn(|context| {
        let mut sent_in_turn = 0;
        loop {
            if sent_in_turn >= TURN_BYTES_MAX {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let head = turn.out.get(sent..).unwrap_or_default();
            if let Some(file) = &mut turn.file {
                let offset = file.offset;
                let outcome = poll_send_file(stream, head, file, context);
                let Poll::Ready(outcome) = outcome else {
                    return poll_patience(stream, &mut pace, alarm, front, context);
                };
                let (of_head, is_over) = outcome?;
                pace.note(of_head + (file.offset - offset) as usize);
                sent += of_head;
                if is_over {
                    turn.file = None;
                }
                continue;
            }
            let tail = &turn.tail[..turn.tail.len().min(WRITE_BYTES_MAX)];
            let outcome = match (head.is_empty(), tail.is_empty()) {
                (true, true) => return Poll::Ready(Ok(())),
                (false, true) => Pin::new(&mut *stream).poll_write(context, head),
                (true, false) => Pin::new(&mut *stream).poll_write(context, tail),
                (false, false) => {
                    let pieces = [IoSlice::new(head), IoSlice::new(tail)];
                    Pin::new(&mut *stream).poll_write_vectored(context, &pieces)
                }
            };
            let Poll::Ready(outcome) = outcome else {
                return poll_patience(stream, &mut pace, alarm, front, context);
            };
            let written = outcome?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            pace.note(written);
            sent_in_turn += written;
            let of_head = written.min(head.len());
            sent += of_head;
            let _ = turn.tail.split_to(written - of_head);
        }
    })
    .await
}

/// Waits for a client that has no room for more, as long as it is worth it.
fn poll_patience(
    stream: &TcpStream,
    pace: &mut Pace,
    alarm: &mut Alarm,
    front: &Front,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let since = pace.held_up_since(Instant::now());
    let at = || since + front.write_wait();
    if alarm.is_over_again(IDLE_WAIT_CROWDED, at, context) {
        front.metrics.count_cut(Cut::Stalled);
        stream.abort();
        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
    }
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_ask(request: &str, want: bool) {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut headers);
        let status = parsed.parse(request.as_bytes()).unwrap();
        assert!(status.is_complete(), "{request}");
        assert_eq!(Ask::of(&parsed).is_some(), want, "{request}");
    }

    #[test]
    fn plain_requests_are_answered_here() {
        check_ask("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", true);
        check_ask(
            "HEAD /a HTTP/1.1\r\nHost: x\r\nUser-Agent: go\r\nAccept-Encoding: gzip\r\n\r\n",
            true,
        );
        check_ask(
            "GET /a HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n",
            true,
        );
        check_ask(
            "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            true,
        );
    }

    #[test]
    fn everything_else_is_hypers() {
        for request in [
            "POST /a HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /a HTTP/1.0\r\nHost: x\r\n\r\n",
            "GET /a HTTP/1.1\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"a\"\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nIf-Modified-Since: x\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nVia: 1.1 x\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gz\u{ff}ip\r\nConnection: x, y\r\n\r\n",
        ] {
            check_ask(request, false);
        }
    }

    #[test]
    fn encodings_are_read() {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut headers);
        let request =
            b"GET /a HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\naccept-encoding: gzip\r\n\r\n";
        assert!(parsed.parse(request).unwrap().is_complete());
        assert!(Ask::of(&parsed).unwrap().takes_gzip);
    }
}
