//! Servers that lie, babble and break off.

use std::io::{self, Read};

use super::super::{
    Deepen, FetchAsk, FetchError, Fetched, ProtocolError, ProtocolLimits, Session, Wire, WireError,
};
use super::{check_says, lines, packet};
use crate::id::ObjectId;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A wire that says what it is told to; asked again it says nothing more.
struct Script {
    greeting: Vec<u8>,
    answer: Box<dyn Read>,
}

impl Wire for Script {
    fn greet(&mut self) -> Result<Box<dyn Read + '_>, WireError> {
        Ok(Box::new(self.greeting.as_slice()))
    }

    fn ask(&mut self, _request: &[u8]) -> Result<Box<dyn Read + '_>, WireError> {
        Ok(Box::new(&mut self.answer))
    }

    fn is_stateless(&self) -> bool {
        true
    }
}

const MODERN: [&str; 4] = ["version 2", "ls-refs=unborn", "fetch=shallow", "0000"];

fn limits() -> ProtocolLimits {
    ProtocolLimits {
        refs_max: 3,
        names_bytes_max: 10_000,
        messages_max: 5,
    }
}

fn greet(greeting: Vec<u8>) -> Result<Session<Script>, ProtocolError> {
    let wire = Script {
        greeting,
        answer: Box::new(io::empty()),
    };
    Session::open(wire, &limits())
}

fn open(greeting: &[&str], answer: impl Read + 'static) -> Session<Script> {
    let wire = Script {
        greeting: lines(greeting),
        answer: Box::new(answer),
    };
    Session::open(wire, &limits()).unwrap()
}

fn list(answer: impl Read + 'static) -> Result<super::super::RefList, ProtocolError> {
    open(&MODERN, answer).list_refs(&[])
}

fn fetch(
    greeting: &[&str],
    answer: impl Read + 'static,
) -> Result<Fetched<Vec<u8>>, ProtocolError> {
    let want: ObjectId = A.parse().unwrap();
    let ask = FetchAsk {
        wants: &[want],
        shallow: &[want],
        deepen: Deepen::Commits(1),
        ..FetchAsk::default()
    };
    let fetched = open(greeting, answer).fetch(&ask, |pack| {
        let mut bytes = Vec::new();
        pack.read_to_end(&mut bytes).map(|_| bytes)
    });
    fetched.map_err(|error| match error {
        FetchError::Protocol(error) => error,
        FetchError::Taken(error) => panic!("the taker was blamed: {error}"),
    })
}

fn band(band: u8, text: &str) -> Vec<u8> {
    packet(&[&[band], text.as_bytes()].concat())
}

/// Bytes that never end.
fn endless(line: Vec<u8>) -> impl Read {
    struct Endless(Vec<u8>, usize);
    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let rest = &self.0[self.1..];
            let given = rest.len().min(into.len());
            into[..given].copy_from_slice(&rest[..given]);
            self.1 = (self.1 + given) % self.0.len();
            Ok(given)
        }
    }
    Endless(line, 0)
}

#[test]
fn greetings_that_are_none_are_refused() {
    for (greeting, want) in [
        (b"".to_vec(), "broke off in its first words"),
        (b"00".to_vec(), "broke off in its first words"),
        (b"<html><head>".to_vec(), "length in hexadecimal"),
        (b"0003".to_vec(), "a line of 3 bytes"),
        (b"0002".to_vec(), "a line of 2 bytes"),
        (b"fff1".to_vec(), "a line of 65521 bytes"),
        (b"0010abc".to_vec(), "broke off in its first words"),
        (b"0001".to_vec(), "stray delimiter"),
        (lines(&["version 2", "ls-refs", "fetch"]), "broke off"),
        (lines(&["version 2", "0001"]), "stray delimiter"),
        (
            lines(&["version 2", "ls-refs", "0000"]),
            "the command fetch",
        ),
        (lines(&["version 3", "0000"]), "not 40 hexadecimal digits"),
        (
            lines(&["ERR no\tsuch\u{1b}[31m repository"]),
            "no such [31m repository",
        ),
        (
            lines(&["# service=git-receive-pack", "0000"]),
            "another service",
        ),
        (lines(&["# service=git-upload-pack"; 40]), "too much before"),
        (lines(&[A, "0000"]), "names no ref"),
        (lines(&["shallow x", "0000"]), "not 40 hexadecimal digits"),
    ] {
        check_says(greet(greeting), want);
    }
    let unknown = ["version 2", "ls-refs", "fetch", "object-format=md5", "0000"];
    let error = greet(lines(&unknown)).err().unwrap();
    assert!(error.is_unsupported(), "{error}");
}

#[test]
fn older_greetings_are_bounded() {
    let many: Vec<String> = (0..4).map(|n| format!("{A} refs/tags/{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain(["0000"]).collect();
    check_says(greet(lines(&many)), "more than 3 refs");
    assert!(greet(lines(&many[1..])).is_ok());
    let words = format!("{A} HEAD\0{}", "x ".repeat(1001));
    check_says(
        greet(lines(&[&words, "0000"])),
        "more than 1000 capabilities",
    );
    let long = format!("{A} refs/tags/{}", "n".repeat(20_000));
    check_says(greet(lines(&[&long, "0000"])), "bytes of names");
}

#[test]
fn a_service_may_be_named_before_every_version() {
    let named = ["# service=git-upload-pack", "0000"];
    assert_eq!(
        greet(lines(&[&named[..], &MODERN].concat()))
            .unwrap()
            .version(),
        2
    );
    assert_eq!(
        greet(lines(&[&named[..], &["0000"]].concat()))
            .unwrap()
            .version(),
        0
    );
    let first = format!("{A} HEAD\0side-band-64k symref=HEAD:refs/heads/x");
    let peeled = format!("{B} refs/tags/t^{{}}");
    let tag = format!("{A} refs/tags/t");
    let cut = format!("shallow {B}");
    let words = ["version 1", &first, &tag, &peeled, &cut, "0000"];
    let mut session = greet(lines(&[&named[..], &words].concat())).unwrap();
    assert_eq!(session.version(), 1);
    let list = session.list_refs(&[]).unwrap();
    assert_eq!(list.refs().len(), 2);
    assert_eq!(list.refs()[0].symref.as_deref(), Some("refs/heads/x"));
    assert_eq!(list.refs()[1].peeled.unwrap().to_string(), B);
}

#[test]
fn lists_of_refs_are_bounded_and_checked() {
    for (answer, want) in [
        (lines(&[]), "broke off in its list of refs"),
        (lines(&["x"]), "names no ref"),
        (lines(&["unborn"]), "names no ref"),
        (lines(&["aaaa HEAD"]), "not 40 hexadecimal digits"),
        (
            lines(&[&format!("{} HEAD", "a".repeat(64))]),
            "not 40 hexadecimal digits",
        ),
        (
            lines(&[&format!("{A} refs/tags/x peeled:z")]),
            "not 40 hexadecimal digits",
        ),
        (lines(&["0001"]), "stray delimiter"),
        (lines(&["ERR go away"]), "refuses: go away"),
    ] {
        check_says(list(io::Cursor::new(answer)), want);
    }
    let line = format!("{A} refs/tags/x\n");
    check_says(list(endless(packet(line.as_bytes()))), "more than 3 refs");
    check_says(list(endless(packet(b"unborn HEAD"))), "more than 3 refs");
    let long = format!("{A} refs/tags/{}\n", "n".repeat(60_000));
    check_says(list(endless(packet(long.as_bytes()))), "bytes of names");
}

#[test]
fn names_that_are_none_are_dropped() {
    let mut answer = packet(&[A.as_bytes(), b" refs/tags/\xff\xfe\n"].concat());
    answer.extend(lines(&[
        &format!("{A} refs/tags/../../etc"),
        &format!("{A} --upload-pack=x"),
        &format!("{A} refs/heads/b symref-target:../x something"),
        &format!("{A} refs/tags/a"),
        &format!("{B} refs/tags/a"),
        "0000",
    ]));
    let list = list(io::Cursor::new(answer)).unwrap();
    assert_eq!(list.dropped_count, 3);
    let names: Vec<_> = list
        .refs()
        .iter()
        .map(|found| found.name.as_str())
        .collect();
    assert_eq!(names, ["refs/heads/b", "refs/tags/a"]);
    assert_eq!(list.refs()[0].symref, None);
    // Of two refs with one name the last counts.
    assert_eq!(list.refs()[1].id.to_string(), B);
}

#[test]
fn answers_to_a_fetch_are_checked() {
    let shallow_lines = |line: &str| lines(&["shallow-info", line]);
    for (answer, want) in [
        (lines(&[]), "broke off in its answer"),
        (lines(&["0000"]), "without a pack"),
        (lines(&["acknowledgments", "NAK", "0000"]), "without a pack"),
        (
            lines(&["packfile-uris", &format!("{A} https://x/"), "0001"]),
            "not asked for",
        ),
        (shallow_lines("deep"), "says nothing about where"),
        (shallow_lines("shallow zz"), "not 40 hexadecimal"),
        (shallow_lines(&format!("unshallow {B}")), "was not cut off"),
        (lines(&["shallow-info", "0000"]), "without a pack"),
        (lines(&["packfile"]), "broke off in its pack"),
        (
            lines(&["packfile", "\u{1}PACK", "0001"]),
            "a delimiter within",
        ),
        (lines(&["packfile", "\u{4}x"]), "band 4"),
        ([lines(&["packfile"]), packet(b"")].concat(), "no band"),
        (
            [lines(&["packfile"]), band(3, "no\nroom")].concat(),
            "refuses: no room",
        ),
        (
            [lines(&["packfile"]), band(2, "fatal: out of memory\n")].concat(),
            "out of memory",
        ),
        (lines(&["packfile", "ERR later"]), "refuses: later"),
        (lines(&["ERR upload-pack: not our ref"]), "not our ref"),
    ] {
        check_says(fetch(&MODERN, io::Cursor::new(answer)), want);
    }
}

#[test]
fn answers_without_end_are_cut() {
    let cut = format!("shallow {B}");
    let before = |first: &str| io::Cursor::new(lines(&[first]));
    check_says(
        fetch(
            &MODERN,
            before("shallow-info").chain(endless(lines(&[&cut]))),
        ),
        "more than 3 places",
    );
    check_says(
        fetch(
            &MODERN,
            before("acknowledgments").chain(endless(lines(&["NAK"]))),
        ),
        "lines before the pack",
    );
    check_says(
        fetch(&MODERN, endless(lines(&["wanted-refs", "0001"]))),
        "lines before the pack",
    );
    for sign in [band(1, ""), band(2, "working\r")] {
        check_says(
            fetch(&MODERN, before("packfile").chain(endless(sign))),
            "more than 5 messages",
        );
    }
    let older = format!("{A} HEAD\0side-band-64k shallow multi_ack_detailed");
    let older = [older.as_str(), "0000"];
    let ack = format!("ACK {A} common");
    check_says(
        fetch(
            &older,
            io::Cursor::new(lines(&["0000"])).chain(endless(lines(&[&ack]))),
        ),
        "lines of acknowledgment",
    );
}

#[test]
fn older_answers_are_checked() {
    let older = format!("{A} HEAD\0side-band-64k shallow");
    let older = [older.as_str(), "0000"];
    for (answer, want) in [
        (lines(&["0000", "ACK"]), "no acknowledgment"),
        (lines(&["0000", &format!("ACK {A} maybe")]), "no known kind"),
        (lines(&["0000", "0000"]), "without a pack"),
        (lines(&["0000", "PACK"]), "no acknowledgment"),
        (lines(&["NAK"]), "says nothing about where"),
    ] {
        check_says(fetch(&older, io::Cursor::new(answer)), want);
    }
    let answer = [
        lines(&[&format!("shallow {A}"), "0000", "NAK"]),
        band(1, "PA"),
        band(2, "words"),
        band(1, "CK"),
        lines(&["0000"]),
    ];
    let fetched = fetch(&older, io::Cursor::new(answer.concat())).unwrap();
    assert_eq!(fetched.taken, b"PACK");
    assert_eq!(fetched.change.shallow[0].to_string(), A);

    for words in ["shallow", "side-band-64k"] {
        let unable = format!("{A} HEAD\0{words}");
        let error = fetch(&[&unable, "0000"], io::empty()).unwrap_err();
        assert!(error.is_unsupported(), "{error}");
    }
}

#[test]
fn a_taker_must_read_the_whole_pack() {
    let answer = [lines(&["packfile"]), band(1, "PACK"), lines(&["0000"])].concat();
    let want: ObjectId = A.parse().unwrap();
    let ask = FetchAsk {
        wants: &[want],
        ..FetchAsk::default()
    };
    let mut session = open(&MODERN, io::Cursor::new(answer.clone()));
    let error = session.fetch(&ask, |_| Ok::<_, ()>(())).unwrap_err();
    assert!(
        error.to_string().contains("bytes behind the pack"),
        "{error}"
    );
    let mut session = open(&MODERN, io::Cursor::new(answer));
    let error = session.fetch(&ask, |_| Err::<(), _>("full")).unwrap_err();
    assert!(matches!(error, FetchError::Taken("full")));
}
