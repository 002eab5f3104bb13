//! Checksum databases that lie: a database for each case, passed on by the one server, so that no lie of one touches
//! another. What a lie does to a module that is captured: `database_lies`.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use gomod::hash::hash_go_mod;
use gomod::version::ModuleVersion;
use tlog::memory_log::MemoryLog;
use tlog::note::{Signer, sign};
use tlog::record::{Record, RecordHashes};

use super::case::Case;
use super::stage::Stage;

/// Records of each log: most tiles full, and one half empty.
const RECORDS: u64 = 600;

/// The record that is asked for.
const NUMBER: u64 = 7;
const LOOKUP: &str = "lookup/example.com/m7@v1.0.0";

/// What is answered to a path: the honest answer, changed.
type Answer = Box<dyn Fn(&MemoryLog, &str, Option<Vec<u8>>) -> Option<Vec<u8>> + Send + Sync>;

struct Lie {
    name: &'static str,
    ask: &'static str,
    statuses: &'static str,
    says: &'static str,
    answer: Answer,
}

/// The databases.
pub struct Databases {
    pub address: SocketAddr,
    keys: Vec<String>,
}

impl Databases {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let all: Vec<(MemoryLog, Lie)> = lies()
            .into_iter()
            .enumerate()
            .map(|(at, lie)| (log(at), lie))
            .collect();
        let all: &'static [_] = all.leak();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || serve(stream, all));
            }
        });
        let keys = all.iter().map(|(log, _)| log.signer().vkey()).collect();
        Self { address, keys }
    }

    /// What `sumdb_also` is set to.
    pub fn settings(&self) -> Vec<String> {
        let keys = self.keys.iter().enumerate();
        keys.map(|(at, key)| format!("{key} http://{}/{at}", self.address))
            .collect()
    }
}

/// All cases.
pub fn cases(_stage: &Stage) -> Vec<Case> {
    let case = |(at, lie): (usize, Lie)| {
        let target = format!("/sumdb/{}/{}", name(at), lie.ask);
        Case::get(
            &format!("sumdb: {}", lie.name),
            &target,
            lie.statuses,
            lie.says,
        )
    };
    lies().into_iter().enumerate().map(case).collect()
}

fn name(at: usize) -> String {
    format!("lie{at}.example")
}

fn module(number: u64) -> ModuleVersion {
    format!("example.com/m{number}@v1.0.0").parse().unwrap()
}

fn hashes(number: u64) -> RecordHashes {
    let hash = hash_go_mod(format!("{number}").as_bytes());
    RecordHashes {
        zip: hash,
        go_mod: hash,
    }
}

fn log(at: usize) -> MemoryLog {
    let mut log = MemoryLog::new(Signer::from_seed(&name(at), [at as u8; 32]).unwrap());
    for number in 0..RECORDS {
        log.append_module(&module(number), &hashes(number)).unwrap();
    }
    log
}

/// The log with another record in the place of the one that is asked for, and with the same key.
fn forged(log: &MemoryLog) -> MemoryLog {
    let mut other = MemoryLog::new(Signer::from_skey(&log.signer().skey()).unwrap());
    for number in 0..RECORDS {
        let of = if number == NUMBER { 9999 } else { number };
        other.append_module(&module(number), &hashes(of)).unwrap();
    }
    other
}

/// The honest record under another signed text.
fn under(log: &MemoryLog, text: &str, signers: &[&Signer]) -> Option<Vec<u8>> {
    let note = sign(text, signers).unwrap();
    Some(log.find_record(NUMBER)?.format_lookup(&note))
}

/// Changes the text of a look-up; tiles are honest.
fn text(name: &'static str, change: impl Fn(String) -> String + Send + Sync + 'static) -> Lie {
    let answer: Answer = Box::new(move |_, path, honest| {
        if !path.starts_with("lookup/") {
            return honest;
        }
        Some(change(String::from_utf8(honest?).unwrap()).into_bytes())
    });
    refused(name, answer)
}

/// Says something else of the tree, with the right key.
fn head(name: &'static str, change: fn(&MemoryLog) -> String) -> Lie {
    let answer: Answer = Box::new(move |log, path, honest| match path.starts_with("lookup/") {
        true => under(log, &change(log), &[log.signer()]),
        false => honest,
    });
    refused(name, answer)
}

/// Changes tiles; the look-up is honest.
fn tiles(name: &'static str, change: fn(&MemoryLog, &str, Vec<u8>) -> Option<Vec<u8>>) -> Lie {
    let answer: Answer = Box::new(move |log, path, honest| match path.starts_with("tile/") {
        true => change(log, path, honest?),
        false => honest,
    });
    refused(name, answer)
}

fn refused(name: &'static str, answer: Answer) -> Lie {
    Lie {
        name,
        ask: LOOKUP,
        statuses: "503|502",
        says: "",
        answer,
    }
}

fn lies() -> Vec<Lie> {
    texts()
        .into_iter()
        .chain(heads())
        .chain(trees())
        .chain(others())
        .collect()
}

/// Look-ups that are not what the log has.
fn texts() -> Vec<Lie> {
    let line = |rest: &str| {
        format!(
            "example.com/victim v1.0.0 h1:{}\n{rest}",
            "C".repeat(43) + "="
        )
    };
    vec![
        text("nothing", |_| String::new()),
        text("markup", |_| "<html>log in</html>".to_owned()),
        text("no number", |text| {
            text.split_once('\n').unwrap().1.to_owned()
        }),
        text("a number below zero", |text| {
            text.replacen("7\n", "-7\n", 1)
        }),
        text("a number with a zero", |text| {
            text.replacen("7\n", "07\n", 1)
        }),
        text("a number with a plus", |text| {
            text.replacen("7\n", "+7\n", 1)
        }),
        text("the number of another", |text| {
            text.replacen("7\n", "8\n", 1)
        }),
        text("a number beyond the tree", |text| {
            text.replacen("7\n", "600\n", 1)
        }),
        text("a number of 2^63", |text| {
            text.replacen("7\n", "9223372036854775808\n", 1)
        }),
        text("a number of 2^64", |text| {
            text.replacen("7\n", "18446744073709551616\n", 1)
        }),
        text("an unrelated hash (CVE-2026-56864)", move |text| {
            text.replacen("\n\n", &format!("\n{}\n", line("")), 1)
        }),
        text("an unrelated hash in front", move |text| {
            text.replacen("7\n", &format!("7\n{}", line("")), 1)
        }),
        text("a hash of another go.mod", |text| {
            text.replacen("/go.mod h1:", "/go.mod h1:A", 1)
        }),
        text("hashes of another length", |text| text.replace("=\n", "\n")),
        text("hashes of another kind", |text| text.replace("h1:", "h2:")),
        text("no hash of the go.mod", |text| {
            let lines = text.lines().filter(|line| !line.contains("/go.mod "));
            lines.map(|line| format!("{line}\n")).collect()
        }),
        text("another module", |text| {
            text.replace("example.com/m7", "example.com/m8")
        }),
        text("another version", |text| text.replace("v1.0.0", "v1.0.1")),
        text("carriage returns", |text| text.replace('\n', "\r\n")),
        text("NUL", |text| text.replacen("h1:", "h1:\0", 1)),
        text("half of it", |text| text[..text.len() / 2].to_owned()),
        text("a megabyte in front", |text| "x".repeat(1 << 20) + &text),
        text("a megabyte of lines", |text| {
            text.replacen("\n\n", &format!("\n{}\n\n", "x\n".repeat(1 << 19)), 1)
        }),
        text("no signature", |text| {
            text.split_inclusive('\n')
                .filter(|line| !line.starts_with('—'))
                .collect()
        }),
        text("a signature of nothing", |text| {
            let (before, _) = text.rsplit_once(' ').unwrap();
            format!("{before} AAAA\n")
        }),
        text("a broken signature", |text| {
            let at = text.len() - 10;
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        }),
        text("a broken signature before the right one", |text| {
            let last = text.lines().last().unwrap();
            let at = last.len() - 10;
            let other = if &last[at..=at] == "A" { "B" } else { "A" };
            let broken = format!("{}{other}{}", &last[..at], &last[at + 1..]);
            text.replace(last, &format!("{broken}\n{last}"))
        }),
        text("a hundred and one signatures", |text| {
            text + &"\u{2014} other.test AAAAAAA=\n".repeat(101)
        }),
        text("a thousand signatures", |text| {
            text + &"\u{2014} other.test AAAAAAA=\n".repeat(1000)
        }),
        text("signatures without end", |text| {
            text + &"\u{2014} other.test AAAAAAA=\n".repeat(50_000)
        }),
    ]
}

/// Heads that the right key signed, and that are no heads of the log.
fn heads() -> Vec<Lie> {
    fn sized(log: &MemoryLog, size: &str) -> String {
        log.head()
            .to_string()
            .replacen(&RECORDS.to_string(), size, 1)
    }
    vec![
        head("a size of 2^63", |log| sized(log, "9223372036854775808")),
        head("a size of 2^63 less one", |log| {
            sized(log, "9223372036854775807")
        }),
        head("a size of 2^64", |log| sized(log, "18446744073709551616")),
        head("a size below zero", |log| sized(log, "-1")),
        head("a size with a zero", |log| sized(log, "0600")),
        head("a size of nothing", |log| sized(log, "0")),
        head("a size too small for the record", |log| {
            log.head_at(NUMBER).unwrap().to_string()
        }),
        head("a size that is larger than the log", |log| {
            sized(log, "601")
        }),
        head("a hash of nothing", |log| {
            let text = log.head().to_string();
            let (before, _) = text.trim_end().rsplit_once('\n').unwrap();
            format!("{before}\n{}=\n", "A".repeat(43))
        }),
        head("a hash that is none", |log| {
            log.head().to_string().replace('=', "?")
        }),
        head("another first line", |log| {
            log.head().to_string().replacen("go.sum", "go.evil", 1)
        }),
        head("a head of a megabyte", |log| {
            log.head().to_string() + &"x\n".repeat(500_000)
        }),
        refused(
            "another key of the same name",
            Box::new(|log, path, honest| {
                if !path.starts_with("lookup/") {
                    return honest;
                }
                let other = Signer::from_seed(log.signer().verifier().name(), [0xee; 32]).unwrap();
                under(log, &log.head().to_string(), &[&other])
            }),
        ),
        refused(
            "another name's key",
            Box::new(|log, path, honest| {
                if !path.starts_with("lookup/") {
                    return honest;
                }
                let other = Signer::from_seed("sums.example/db", [7; 32]).unwrap();
                under(log, &log.head().to_string(), &[&other])
            }),
        ),
    ]
}

/// Tiles that do not follow from the head.
fn trees() -> Vec<Lie> {
    vec![
        tiles("a bit in every tile", |_, _, mut bytes| {
            bytes[0] ^= 1;
            Some(bytes)
        }),
        tiles("a bit at the end of every tile", |_, _, mut bytes| {
            *bytes.last_mut()? ^= 0x80;
            Some(bytes)
        }),
        tiles("zeros", |_, _, bytes| Some(vec![0; bytes.len()])),
        tiles("nothing", |_, _, _| Some(Vec::new())),
        tiles("half of every tile", |_, _, bytes| {
            Some(bytes[..bytes.len() / 2].to_vec())
        }),
        tiles("a byte too few", |_, _, bytes| Some(bytes[1..].to_vec())),
        tiles("a hash too many", |_, _, bytes| {
            Some([bytes, vec![0; 32]].concat())
        }),
        tiles("wider than a tile can be", |_, _, bytes| {
            Some(bytes.repeat(300))
        }),
        tiles("a megabyte for a tile", |_, _, _| Some(vec![7; 1 << 20])),
        tiles(
            "full tiles in the place of partial ones",
            |log, path, bytes| {
                let (full, _) = path.split_once(".p/").unwrap_or((path, ""));
                Some(log.answer(full).unwrap_or_else(|| bytes.repeat(3)))
            },
        ),
        tiles("tiles of a log with another record", |log, path, _| {
            forged(log).answer(path)
        }),
        refused(
            "tiles that fit each other and not their parent (CVE-2026-56865)",
            Box::new(|log, path, honest| {
                let other = forged(log);
                if path.starts_with("lookup/") {
                    let note = log.latest().unwrap();
                    return Some(other.find_record(NUMBER)?.format_lookup(&note));
                }
                match path.starts_with("tile/8/0/000") {
                    true => other.answer(path),
                    false => honest,
                }
            }),
        ),
        refused(
            "a whole other log under our head",
            Box::new(|log, path, _| {
                let other = forged(log);
                if path.starts_with("lookup/") {
                    let note = log.latest().unwrap();
                    return Some(other.find_record(NUMBER)?.format_lookup(&note));
                }
                other.answer(path)
            }),
        ),
        refused(
            "a record of two modules",
            Box::new(|log, path, honest| {
                if !path.starts_with("lookup/") {
                    return honest;
                }
                let both = format!(
                    "{}{}",
                    log.find_record(8)?.text(),
                    log.find_record(NUMBER)?.text()
                );
                Some(
                    Record::new(NUMBER, &both)
                        .unwrap()
                        .format_lookup(&log.latest().unwrap()),
                )
            }),
        ),
    ]
}

/// What else is asked of a database, and what is no lie.
fn others() -> Vec<Lie> {
    let ask = |name, ask, statuses, says, answer: Answer| Lie {
        name,
        ask,
        statuses,
        says,
        answer,
    };
    vec![
        ask(
            "a head that is none",
            "latest",
            "503|502",
            "",
            Box::new(|_, _, _| Some(vec![0xfe; 500])),
        ),
        ask(
            "a head of a megabyte and more",
            "latest",
            "503|502",
            "",
            Box::new(|_, _, _| Some(vec![b'x'; (1 << 20) + 1])),
        ),
        ask(
            "a head of another key",
            "latest",
            "503|502",
            "",
            Box::new(|log, _, _| {
                let other = Signer::from_seed(log.signer().verifier().name(), [0xee; 32]).unwrap();
                sign(&log.head().to_string(), &[&other]).ok()
            }),
        ),
        ask(
            "a tile of another length",
            "tile/8/0/000",
            "503|502",
            "",
            Box::new(|_, _, _| Some(vec![0; 100])),
        ),
        ask(
            "a tile of a megabyte",
            "tile/8/0/000",
            "503|502",
            "",
            Box::new(|_, _, _| Some(vec![0; 1 << 20])),
        ),
        ask(
            "a data tile that is none",
            "tile/8/data/000",
            "503|502",
            "",
            Box::new(|_, _, _| Some(vec![0xff; 1000])),
        ),
        ask(
            "a data tile of 2 MiB",
            "tile/8/data/000",
            "503|502",
            "",
            Box::new(|_, _, _| Some(b"x\n\n".repeat(700_000))),
        ),
        ask(
            "no record",
            LOOKUP,
            "404",
            "",
            Box::new(|_, path, honest| match path.starts_with("lookup/") {
                true => None,
                false => honest,
            }),
        ),
        ask(
            "signatures of strangers beside the right one",
            LOOKUP,
            "200",
            "example.com/m7 v1.0.0 h1:",
            Box::new(|_, path, honest| {
                let strangers = "\u{2014} other.test AAAAAAA=\n".repeat(90);
                match path.starts_with("lookup/") {
                    true => Some([honest?, strangers.into_bytes()].concat()),
                    false => honest,
                }
            }),
        ),
        ask(
            "the truth",
            LOOKUP,
            "200",
            "example.com/m7 v1.0.0 h1:",
            Box::new(|_, _, honest| honest),
        ),
    ]
}

/// Answers `/<number of the database>/<path>`; the connection ends behind it.
fn serve(mut stream: TcpStream, all: &[(MemoryLog, Lie)]) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    let (at, path) = first
        .split(' ')
        .nth(1)?
        .strip_prefix('/')?
        .split_once('/')?;
    let (log, lie) = all.get(at.parse::<usize>().ok()?)?;
    let (status, body) = match (lie.answer)(log, path, log.answer(path)) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", b"not found\n".to_vec()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body).ok()
}
