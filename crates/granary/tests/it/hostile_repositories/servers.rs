//! Servers that lie, stall, never end and send elsewhere.

use super::*;

const ABSENT: &[u16] = &[404];
const GONE: &[u16] = &[410];
const FORBIDDEN: &[u16] = &[403, 502];
const TROUBLE: &[u16] = &[502];
const REFUSED: &[u16] = &[404, 502];
/// Refused once the bound is reached, which takes a busy machine longer than the client waits.
const FLOODED: &[u16] = &[404, 502, 503, 504];
const BUSY: &[u16] = &[503];
const SLOW: &[u16] = &[503, 504];

fn id(digit: &str) -> ObjectId {
    digit.repeat(40).parse().unwrap()
}

/// A repository that answers truly but for the first question.
fn greets(said: Said) -> Site {
    Site {
        greeting: said,
        ..honest("any")
    }
}

fn lists(said: Said) -> Site {
    Site {
        refs: said,
        ..honest("any")
    }
}

fn packs(said: Said) -> Site {
    Site {
        pack: said,
        ..honest("any")
    }
}

fn once(bytes: Vec<u8>) -> Said {
    Said::Once(bytes.into())
}

fn says_status(text: &str) -> Said {
    once(status(
        text,
        "Content-Type: text/plain\r\n",
        "its own words",
    ))
}

/// The first words of a server, wrong in every way.
fn greetings(canary: &str) -> Vec<Case> {
    let redirect = |to: &str| once(status("302 Found", &format!("Location: {to}\r\n"), ""));
    let advertised = |lines: &[Vec<u8>]| smart("advertisement", &lines.concat());
    let capability = line("a-capability-of-no-use\n");
    let case = |name: &str, statuses, says, said| Case::new(name, statuses, says, greets(said));
    vec![
        case(
            "s401",
            ABSENT,
            "credentials",
            says_status("401 Unauthorized"),
        ),
        case("s403", FORBIDDEN, "forbids", says_status("403 Forbidden")),
        case(
            "s404",
            ABSENT,
            "no such repository",
            says_status("404 Not Found"),
        ),
        case("s410", GONE, "gone", says_status("410 Gone")),
        case(
            "s451",
            &[451, 403, 404],
            "legal",
            says_status("451 Unavailable"),
        ),
        case("s429", BUSY, "too much to do", says_status("429 Slow down")),
        case("s500", TROUBLE, "500", says_status("500 Oops")),
        case("s502", TROUBLE, "502", says_status("502 Bad Gateway")),
        case("s503", TROUBLE, "503", says_status("503 Later")),
        case("s200", REFUSED, "", says_status("200 OK")),
        case("s799", TROUBLE, "799", says_status("799 Whatever")),
        case(
            "loopback",
            TROUBLE,
            "",
            redirect(&format!(
                "http://{canary}/h/x/info/refs?service=git-upload-pack"
            )),
        ),
        case(
            "metadata",
            TROUBLE,
            "",
            redirect("http://169.254.169.254/info/refs?service=git-upload-pack"),
        ),
        case(
            "mapped",
            TROUBLE,
            "",
            redirect(&format!(
                "http://[::ffff:127.0.0.1]:{}/x/info/refs?service=git-upload-pack",
                canary.rsplit(':').next().unwrap()
            )),
        ),
        case("file", TROUBLE, "", redirect("file:///etc/passwd")),
        case("ssh", TROUBLE, "", redirect("ssh://-oProxyCommand=x/y")),
        case("nowhere", TROUBLE, "", redirect("http://")),
        case(
            "loop",
            TROUBLE,
            "redirect",
            redirect("/h/loop/info/refs?service=git-upload-pack"),
        ),
        case("silent", SLOW, "", Said::Drip(Vec::new(), Vec::new())),
        case(
            "driphead",
            SLOW,
            "",
            Said::Drip(open("advertisement"), Vec::new()),
        ),
        case(
            "drip",
            SLOW,
            "",
            Said::Drip(
                [open("advertisement"), line("version 2\n")].concat(),
                line("x\n"),
            ),
        ),
        case(
            "headflood",
            FLOODED,
            "",
            Said::Flood(
                b"HTTP/1.1 200 OK\r\n".to_vec(),
                [b"X: ".as_slice(), &[b'y'; 8000], b"\r\n"].concat(),
            ),
        ),
        case(
            "wordflood",
            FLOODED,
            "",
            Said::Flood(
                [open("advertisement"), line("version 2\n")].concat(),
                capability.repeat(1000),
            ),
        ),
        case("nothing", TROUBLE, "broke off", smart("advertisement", b"")),
        case("garbled", TROUBLE, "", smart("advertisement", b"zzzzzzzz")),
        case("length", TROUBLE, "", smart("advertisement", b"0003")),
        case("long", TROUBLE, "", smart("advertisement", b"ffff")),
        case(
            "cut",
            TROUBLE,
            "broke off",
            smart("advertisement", b"0010versi"),
        ),
        case(
            "refuses",
            TROUBLE,
            "go away",
            advertised(&[line("ERR go away")]),
        ),
        case(
            "useless",
            TROUBLE,
            "",
            advertised(&[line("version 2\n"), b"0000".to_vec()]),
        ),
        case(
            "version9",
            TROUBLE,
            "",
            advertised(&[line("version 9\n"), b"0000".to_vec()]),
        ),
        case(
            "hash",
            TROUBLE,
            "",
            advertised(&[
                line("version 2\n"),
                line("ls-refs\n"),
                line("fetch=shallow\n"),
                line("object-format=md5\n"),
                b"0000".to_vec(),
            ]),
        ),
        case(
            "oldflood",
            FLOODED,
            "",
            Said::Flood(open("advertisement"), old_refs(2000)),
        ),
    ]
}

/// Refs as servers of version 0 list them, each line of another name, though the names come again.
fn old_refs(count: usize) -> Vec<u8> {
    let text = |at: usize| format!("{} refs/tags/t{at}{}\n", id("1"), "x".repeat(150));
    (0..count).flat_map(|at| line(text(at))).collect()
}

/// Lists of refs.
fn ref_lists() -> Vec<Case> {
    let case = |name: &str, statuses, says, said| Case::new(name, statuses, says, lists(said));
    let one = |text: String| smart("result", &[line(text), b"0000".to_vec()].concat());
    vec![
        case("rempty", ABSENT, "", refs([])).of("v1.0.0.info"),
        case(
            "runborn",
            ABSENT,
            "no commits",
            one("unborn HEAD symref-target:refs/heads/gone\n".to_owned()),
        )
        .of("@latest"),
        case(
            "rlost",
            TROUBLE,
            "does not give",
            refs([(id("5"), "HEAD"), (id("5"), "refs/heads/main")]),
        )
        .of("@latest"),
        case(
            "rstall",
            SLOW,
            "",
            Said::Drip(
                [open("result"), line(format!("{} HEAD\n", id("1")))].concat(),
                Vec::new(),
            ),
        ),
        case(
            "rdrip",
            SLOW,
            "",
            Said::Drip(open("result"), line(format!("{} HEAD\n", id("1")))),
        ),
        case(
            "rflood",
            FLOODED,
            "",
            Said::Flood(open("result"), new_refs(2000)),
        ),
        case(
            "rcut",
            TROUBLE,
            "broke off",
            smart("result", &line(format!("{} HEAD\n", id("1")))),
        ),
        case("rshort", TROUBLE, "", one("12345 HEAD\n".to_owned())),
        case("rlong", TROUBLE, "", one(format!("{}00 HEAD\n", id("1")))),
        case("rblank", TROUBLE, "", one("nothing\n".to_owned())),
        case(
            "rpeeled",
            TROUBLE,
            "",
            one(format!("{} refs/tags/v1.0.0 peeled:zz\n", id("1"))),
        ),
        case(
            "rrefused",
            TROUBLE,
            "no list",
            smart("result", &line("ERR no list\n")),
        ),
        case(
            "rnull",
            ABSENT,
            "",
            one(format!("{} refs/tags/v1.0.0\n", id("0"))),
        ),
        case(
            "rother",
            ABSENT,
            "",
            one(format!("{} refs/pull/1/head\n", id("1"))),
        ),
        case("rstatus", TROUBLE, "500", says_status("500 Oops")),
        case("rgone", ABSENT, "", says_status("404 Not Found")),
        case(
            "rtype",
            TROUBLE,
            "",
            once(status("200 OK", "Content-Type: text/html\r\n", "<html>")),
        ),
    ]
}

/// Tags of what no version can be made of, and tags of tags.
fn tags() -> Vec<Case> {
    let tagged = |name: &str, statuses, make: fn(&mut Pack, ObjectId) -> (ObjectId, ObjectId)| {
        let mut pack = Pack::new();
        let go_mod = pack.blob(format!("module github.com/h/{name}\n").as_bytes());
        let commit = pack.commit_of(&[(FILE, b"go.mod", go_mod)]);
        let (tag, peeled) = make(&mut pack, commit);
        let lines = format!("refs/tags/v1.0.0 peeled:{peeled}");
        let site = Site {
            refs: refs([
                (commit, "HEAD"),
                (commit, "refs/heads/main"),
                (tag, lines.as_str()),
            ]),
            ..Site::of(commit, &[], &pack.finish())
        };
        Case::new(name, statuses, "", site)
    };
    vec![
        tagged("tthree", &[200], |pack, commit| {
            let one = pack.tag(commit, "commit");
            let two = pack.tag(one, "tag");
            (pack.tag(two, "tag"), commit)
        }),
        tagged("tblob", REFUSED, |pack, _| {
            let blob = pack.blob(b"x");
            (pack.tag(blob, "blob"), blob)
        }),
        tagged("ttree", REFUSED, |pack, _| {
            let tree = pack.tree(&[]);
            (pack.tag(tree, "tree"), tree)
        }),
        tagged("tlost", TROUBLE, |pack, _| {
            (pack.tag(id("8"), "commit"), id("8"))
        }),
        tagged("tself", REFUSED, |pack, commit| {
            let tag = pack.tag(commit, "commit");
            (tag, tag)
        }),
    ]
}

/// Many tags, and a few with names that no git takes.
fn many_tags() -> Vec<Case> {
    let mut pack = Pack::new();
    let go_mod = pack.blob(b"module github.com/h/many\n");
    let commit = pack.commit_of(&[(FILE, b"go.mod", go_mod)]);
    let names: Vec<String> = (0..30_000)
        .map(|at| format!("refs/tags/v1.{at}.0"))
        .collect();
    let odd = [
        "refs/tags/../../../etc/passwd",
        "refs/tags/v1.0.0\u{202e}",
        "refs/tags/-oProxyCommand=x",
        "refs/tags/v1.0.0.lock",
        "refs/heads/--upload-pack=x",
        "refs/tags/a b",
        "refs/tags/v9.9.9\0x",
        "HEAD~1",
        "",
    ];
    let list = names
        .iter()
        .map(String::as_str)
        .chain(odd)
        .map(|name| (commit, name));
    let site = Site {
        refs: refs([(commit, "HEAD")].into_iter().chain(list)),
        ..Site::of(commit, &[], &pack.finish())
    };
    vec![
        Case::new("many", &[200], "", site.clone()).of("list"),
        Case::new("many", &[200], "", site.clone()).of("v1.29999.0.info"),
        Case::new("many", &[404], "unknown", site).of("v1.30000.0.info"),
    ]
}

fn new_refs(count: usize) -> Vec<u8> {
    let text = |at: usize| format!("{} refs/tags/t{at}{}\n", id("1"), "x".repeat(150));
    (0..count).flat_map(|at| line(text(at))).collect()
}

/// Packs, and what stands in their place.
fn packs_of_all_kinds() -> Vec<Case> {
    let case = |name: &str, statuses, says, said| Case::new(name, statuses, says, packs(said));
    let good = good_pack();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        pack(&bytes)
    };
    let begun = [open("result"), banded(&good[..good.len() / 2])].concat();
    let answer = |lines: &[Vec<u8>]| smart("result", &lines.concat());
    vec![
        case("psilent", SLOW, "", Said::Drip(Vec::new(), Vec::new())),
        case("pstall", SLOW, "", Said::Drip(begun.clone(), Vec::new())),
        case("palive", SLOW, "", Said::Drip(begun.clone(), line([1]))),
        case(
            "pflood",
            FLOODED,
            "",
            Said::Flood(begun.clone(), line([1]).repeat(1000)),
        ),
        case(
            "pprogress",
            FLOODED,
            "",
            Said::Flood(begun.clone(), line(b"\x02counting\r").repeat(1000)),
        ),
        case("pcut", TROUBLE, "broke off", once(begun.clone())),
        case(
            "pwords",
            TROUBLE,
            "out of memory",
            once([begun.clone(), line(b"\x02out of memory\n")].concat()),
        ),
        case(
            "pfailure",
            TROUBLE,
            "disk is on fire",
            once([begun.clone(), line(b"\x03disk is on fire")].concat()),
        ),
        case("pband", TROUBLE, "", once([begun, line(b"\x07?")].concat())),
        case(
            "pbehind",
            TROUBLE,
            "",
            answer(&[banded(&good), line(b"\x01more"), b"0000".to_vec()]),
        ),
        case(
            "ptwice",
            TROUBLE,
            "",
            answer(&[banded(&good), banded(&good), b"0000".to_vec()]),
        ),
        case(
            "pnotours",
            TROUBLE,
            "not our ref",
            answer(&[line("ERR upload-pack: not our ref 1111")]),
        ),
        case(
            "puris",
            TROUBLE,
            "",
            answer(&[
                line("packfile-uris\n"),
                line("1 http://127.0.0.1/\n"),
                b"0001".to_vec(),
                banded(&good),
                b"0000".to_vec(),
            ]),
        ),
        case(
            "packs",
            FLOODED,
            "",
            Said::Flood(
                [open("result"), line("acknowledgments\n")].concat(),
                line("NAK\n").repeat(1000),
            ),
        ),
        case(
            "pshallow",
            FLOODED,
            "",
            Said::Flood(
                [open("result"), line("shallow-info\n")].concat(),
                line(format!("shallow {}\n", id("1"))).repeat(1000),
            ),
        ),
        case(
            "punshallow",
            TROUBLE,
            "",
            answer(&[
                line("shallow-info\n"),
                line(format!("unshallow {}\n", id("1"))),
            ]),
        ),
        case("pstatus", TROUBLE, "500", says_status("500 Oops")),
        case("pmissing", ABSENT, "", says_status("404 Not Found")),
        case(
            "pempty",
            TROUBLE,
            "does not give",
            pack(&Pack::new().finish()),
        ),
        case("pnone", TROUBLE, "", smart("result", b"0000")),
        case("pmagic", TROUBLE, "", flipped(0)),
        case("pversion", TROUBLE, "", flipped(7)),
        case("pcount", TROUBLE, "", flipped(11)),
        case("pbody", TROUBLE, "", flipped(good.len() / 2)),
        case("ptrailer", TROUBLE, "checksum", flipped(good.len() - 1)),
        case("pmany", REFUSED, "", pack(&Pack::new().finish_as(u32::MAX))),
        case("pother", TROUBLE, "does not give", pack(&other_pack())),
        case("pself", TROUBLE, "", pack(&circle_pack())),
        case("phuge", REFUSED, "limit", pack(&huge_object())),
        case("psmaller", TROUBLE, "", pack(&wrong_size(-1))),
        case("plarger", TROUBLE, "", pack(&wrong_size(1))),
        case(
            "pkind",
            TROUBLE,
            "",
            pack(&{
                let mut pack = Pack::new();
                pack.entry(5, 0, &[], b"");
                pack.finish()
            }),
        ),
        case(
            "pbomb",
            REFUSED,
            "limit",
            pack(&bomb(if is_soak() { 2000 } else { 2 }, 500 << 20)),
        ),
    ]
}

fn good_pack() -> Vec<u8> {
    let mut pack = Pack::new();
    let go_mod = pack.blob(b"module github.com/h/any\n");
    let source = pack.blob(b"package p\n");
    pack.commit_of(&[(FILE, b"go.mod", go_mod), (FILE, b"p.go", source)]);
    pack.finish()
}

fn other_pack() -> Vec<u8> {
    let mut pack = Pack::new();
    pack.blob(b"something else");
    pack.finish()
}

/// Two deltas, each made from the other.
fn circle_pack() -> Vec<u8> {
    let mut pack = Pack::new();
    pack.delta_of(id("1"), &delta_that_copies(4, 4, 1));
    pack.delta_of(id("2"), &delta_that_copies(4, 4, 1));
    pack.finish()
}

fn huge_object() -> Vec<u8> {
    let mut pack = Pack::new();
    pack.entry(3, 1 << 40, &[], b"");
    pack.finish()
}

fn wrong_size(by: isize) -> Vec<u8> {
    let mut pack = Pack::new();
    pack.entry(3, 100_usize.saturating_add_signed(by), &[], &[b'x'; 100]);
    pack.finish()
}

/// A chain of deltas that each make an object of `size_bytes` and hold a few bytes, the last one too large.
fn bomb(deltas: usize, size_bytes: usize) -> Vec<u8> {
    let part = 8 << 20;
    let mut pack = Pack::new();
    let mut base = pack.offset();
    pack.blob(&vec![0; part]);
    let mut base_bytes = part;
    for _ in 0..deltas {
        let at = pack.offset();
        pack.delta(
            base,
            &delta_that_copies(base_bytes, part, size_bytes / part),
        );
        (base, base_bytes) = (at, size_bytes / part * part);
    }
    pack.delta(base, &delta_that_copies(base_bytes, part, 100));
    pack.finish()
}

/// A server of files whose objects are said to be on another one: not one of those that may be asked.
fn dumb_files(canary: &str) -> Vec<(&'static str, String)> {
    let commit = id("6");
    vec![
        (
            "",
            format!("{commit}\trefs/heads/main\n{commit}\trefs/tags/v1.0.0\n"),
        ),
        ("/HEAD", "ref: refs/heads/main\n".to_owned()),
        ("/objects/info/packs", String::new()),
        (
            "/objects/info/alternates",
            format!("http://{canary}/x/objects\n"),
        ),
        (
            "/objects/info/http-alternates",
            format!("http://{canary}/x/objects\n"),
        ),
    ]
}

fn is_endless(site: &Site) -> bool {
    let all = [&site.greeting, &site.refs, &site.pack];
    all.iter().any(|said| !matches!(said, Said::Once(_)))
}

#[test]
fn whatever_a_server_of_repositories_does_the_wait_and_the_memory_are_bounded() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let canary_address = canary.local_addr().unwrap().to_string();
    let mut cases = greetings(&canary_address);
    cases.extend(ref_lists());
    cases.extend(packs_of_all_kinds());
    cases.extend(tags());
    cases.extend(many_tags());
    let forge = Forge::start();
    for (file, text) in dumb_files(&canary_address) {
        let said = once(status("200 OK", "Content-Type: text/plain\r\n", text));
        let site = Site {
            greeting: said.clone(),
            refs: said.clone(),
            pack: said,
        };
        forge.put(&format!("h/dumb{file}"), site);
    }
    let setup = setup(&forge);
    let (slow, quick): (Vec<Case>, Vec<Case>) =
        cases.into_iter().partition(|case| is_endless(&case.site));
    check_all(&setup, &forge, &quick, 16, Duration::from_secs(20));
    // Those that never end come last and all at once: they keep workers busy until their own bounds.
    let setup = setup.set("client_wait", "6s");
    check_all(&setup, &forge, &slow, 40, Duration::from_secs(12));
    let granary = setup.start();
    let answer = granary.get("/github.com/h/dumb/@v/v1.0.0.info");
    assert_eq!(answer.status, 502, "{}", answer.text());
    let touched = canary.accept();
    assert!(touched.is_err(), "the canary was touched: {touched:?}");
}
