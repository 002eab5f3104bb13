//! Pages with go-import tags that lead elsewhere, or nowhere. They come over plain http, through the outgoing proxy, which
//! notes every host that was asked for. `pages.test` and `two.test` count as public, all other names lead inside.

use super::case::Case;
use super::stage::Stage;
use crate::rig::forge::{Said, status};

const PAGE: &str = "Content-Type: text/html\r\n";

/// What was said of a tag: neither a module nor trouble of ours.
const REFUSED: &str = "403|404";

/// All cases; the web is told what to say.
pub fn cases(stage: &Stage) -> Vec<Case> {
    stage.forge.put(
        "h/paged",
        Stage::repository("paged", b"module pages.test/paged\n"),
    );
    let canary = stage.canary();
    let mut cases = Vec::new();
    for (name, address) in addresses(&canary.to_string(), canary.port()) {
        let says = "pages.test/";
        let make = |path: &str| page(&tag(&format!("{path} git {address}")));
        cases.push(put(stage, cases.len(), name, make, "403|404|502", says));
    }
    for (name, content, says) in tags() {
        let make = |path: &str| page(&tag(&content.replace("PATH", path)));
        cases.push(put(stage, cases.len(), name, make, REFUSED, says));
    }
    for (name, statuses, make) in shapes() {
        cases.push(put(
            stage,
            cases.len(),
            name,
            |path| page(&make(path)),
            statuses,
            "",
        ));
    }
    for (name, location) in redirects(&canary.to_string(), canary.port()) {
        let make = |_: &str| {
            once(status(
                "302 Found",
                &format!("Location: {location}\r\n"),
                "",
            ))
        };
        cases.push(put(
            stage,
            cases.len(),
            name,
            make,
            "403|404|502",
            "pages.test/",
        ));
    }
    for (name, said, statuses) in answers() {
        cases.push(put(
            stage,
            cases.len(),
            name,
            |_| said.clone(),
            statuses,
            "",
        ));
    }
    cases
}

fn put(
    stage: &Stage,
    at: usize,
    name: &str,
    make: impl FnOnce(&str) -> Said,
    statuses: &str,
    says: &str,
) -> Case {
    let path = format!("pages.test/m{at}");
    stage.web.put(&format!("{path}?go-get=1"), make(&path));
    let target = format!("/{path}/@v/v1.0.0.info");
    Case::get(&format!("page: {name}"), &target, statuses, says).within(10)
}

fn once(bytes: Vec<u8>) -> Said {
    Said::Once(bytes.into())
}

fn page(html: &str) -> Said {
    once(status("200 OK", PAGE, html))
}

fn tag(content: &str) -> String {
    format!("<html><head>{}</head><body></body></html>", meta(content))
}

fn meta(content: &str) -> String {
    format!("<meta name=\"go-import\" content=\"{content}\">")
}

/// Where a tag says that the repository is.
fn addresses(canary: &str, port: u16) -> Vec<(&'static str, String)> {
    let plain = [
        ("a file", "file:///etc/passwd"),
        ("a file with a host", "file://localhost/etc/passwd"),
        ("a helper that runs", "ext::sh -c id"),
        ("a helper that runs, in one word", "ext::id"),
        ("a helper of file descriptors", "fd::0"),
        ("git's own protocol", "git://pages.test/x"),
        (
            "ssh with an option for a host (CVE-2023-53158)",
            "ssh://-oProxyCommand=id/x",
        ),
        (
            "ssh with an option for a user (CVE-2024-32884)",
            "ssh://-oProxyCommand=id@pages.test/x",
        ),
        ("ssh", "ssh://git@pages.test/x"),
        ("git over ssh", "git+ssh://git@pages.test/x"),
        ("the short form of ssh", "git@pages.test:x"),
        ("an option", "--upload-pack=id"),
        ("an option behind a scheme", "https://--upload-pack=id/x"),
        ("a folder", "/etc"),
        ("a way out", "../../../etc"),
        ("no scheme", "pages.test/x"),
        ("a scheme alone", "https:"),
        ("no host", "https:///x"),
        ("words", "javascript:alert(1)"),
        ("a mail", "mailto:x@pages.test"),
        ("data", "data:text/plain,x"),
        ("ftp", "ftp://pages.test/x"),
        ("userinfo", "http://user:pass@loopback.test/x"),
        (
            "userinfo that looks like a host",
            "http://pages.test@127.0.0.1/x",
        ),
        ("loopback", "http://127.0.0.1/x"),
        ("all of loopback", "http://127.1.2.3/x"),
        ("no address", "http://0.0.0.0/x"),
        ("a decimal address", "http://2130706433/x"),
        ("an octal address", "http://0177.0.0.1/x"),
        ("a hexadecimal address", "http://0x7f.1/x"),
        ("IPv6 loopback", "http://[::1]/x"),
        ("a mapped address", "http://[::ffff:127.0.0.1]/x"),
        ("an address of NAT64", "http://[64:ff9b::a9fe:a9fe]/x"),
        (
            "a link-local address",
            "http://169.254.169.254/latest/meta-data/",
        ),
        ("a unique local address", "http://[fd00:ec2::254]/x"),
        ("a private network", "http://10.0.0.1/x"),
        ("another private network", "http://192.168.0.1/x"),
        ("a third private network", "http://172.16.0.1/x"),
        ("carrier-grade NAT", "http://100.64.0.1/x"),
        ("a broadcast", "http://255.255.255.255/x"),
        ("a multicast address", "http://224.0.0.1/x"),
        ("a name of loopback", "http://loopback.test/x"),
        ("localhost", "http://localhost/x"),
        ("localhost with a dot", "http://localhost./x"),
        ("a name of a metadata service", "http://metadata.test/x"),
        ("a name of a private network", "http://private.test/x"),
        ("a name of a link-local address", "http://link.test/x"),
        ("a name of IPv6 loopback", "http://six.test/x"),
        ("the outgoing proxy", "http://proxy.test/x"),
        (
            "a full-width address",
            "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/x",
        ),
        ("a newline in the address", "http://loopback.test&#10;X/x"),
        (
            "a NUL in the address",
            "http://pages.test&#0;.loopback.test/x",
        ),
        ("a backslash in the address", "http:\\\\127.0.0.1\\x"),
        ("percent signs in the host", "http://127%2e0%2e0%2e1/x"),
        ("a port beyond bounds", "http://pages.test:99999/x"),
        ("an unfinished address of IPv6", "http://[::1/x"),
    ];
    let mut all: Vec<(&str, String)> = plain
        .map(|(name, address)| (name, address.to_owned()))
        .into();
    all.extend([
        (
            "an address inside with a port",
            format!("http://{canary}/x"),
        ),
        (
            "a name inside with a port",
            format!("http://loopback.test:{port}/x"),
        ),
        (
            "a host of a megabyte",
            format!("http://{}.test/x", "a".repeat(500_000)),
        ),
        // Of its two addresses only the public one may be tried.
        (
            "a name with two addresses (CVE-2026-58442)",
            format!("http://two.test:{port}/x"),
        ),
    ]);
    all
}

/// Contents of tags, `PATH` being the module's path.
fn tags() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        (
            "an unknown kind",
            "PATH cvs https://github.com/h/paged",
            "unknown vcs",
        ),
        (
            "an option for a kind",
            "PATH --config=x https://github.com/h/paged",
            "unknown vcs",
        ),
        (
            "a kind in capitals",
            "PATH GIT https://github.com/h/paged",
            "unknown vcs",
        ),
        (
            "svn, which GOVCS forbids",
            "PATH svn https://github.com/h/paged",
            "GOVCS",
        ),
        (
            "bzr, which GOVCS forbids",
            "PATH bzr https://github.com/h/paged",
            "GOVCS",
        ),
        (
            "fossil, which GOVCS forbids",
            "PATH fossil https://github.com/h/paged",
            "GOVCS",
        ),
        ("two fields", "PATH git", "no go-import"),
        (
            "five fields",
            "PATH git https://github.com/h/paged a b",
            "no go-import",
        ),
        ("nothing", "", "no go-import"),
        (
            "another prefix",
            "pages.test/other git https://github.com/h/paged",
            "no go-import",
        ),
        (
            "a prefix that only looks like it",
            "pages.test/m git https://github.com/h/paged",
            "no go-import",
        ),
        (
            "a longer prefix",
            "PATH/x git https://github.com/h/paged",
            "no go-import",
        ),
        (
            "a prefix in capitals",
            "PAGES.TEST/m git https://github.com/h/paged",
            "no go-import",
        ),
        (
            "the prefix of everything",
            "pages.test git https://github.com/h/paged",
            "pages.test",
        ),
        (
            "a folder that leads out",
            "PATH git https://github.com/h/paged ../..",
            "subdirectory",
        ),
        (
            "a folder that leads out later",
            "PATH git https://github.com/h/paged a/../..",
            "subdirectory",
        ),
        (
            "an absolute folder",
            "PATH git https://github.com/h/paged /etc",
            "subdirectory",
        ),
        (
            "an option for a folder",
            "PATH git https://github.com/h/paged -x",
            "subdirectory",
        ),
        (
            "a folder that leads out the Windows way",
            "PATH git https://github.com/h/paged a\\..\\..",
            "subdirectory",
        ),
        (
            "a folder that is not there",
            "PATH git https://github.com/h/paged nowhere",
            "",
        ),
    ]
}

type Make = Box<dyn Fn(&str) -> String>;

fn made(make: impl Fn(&str) -> String + 'static) -> Make {
    Box::new(make)
}

/// Pages of odd shapes.
fn shapes() -> Vec<(&'static str, &'static str, Make)> {
    let good = |path: &str| meta(&format!("{path} git https://github.com/h/paged"));
    let shape = |name, statuses, make: fn(&str) -> String| {
        let make: Make =
            Box::new(move |path| make(&meta(&format!("{path} git https://github.com/h/paged"))));
        (name, statuses, make)
    };
    vec![
        ("what is right", "200", made(good)),
        (
            "two tags that disagree",
            REFUSED,
            made(|path: &str| {
                meta(&format!("{path} git https://github.com/h/paged"))
                    + &meta(&format!("{path} git https://github.com/h/honest"))
            }),
        ),
        (
            "a tag of a proxy that is inside",
            "403|404|502",
            made(|path: &str| meta(&format!("{path} mod http://loopback.test/x"))),
        ),
        (
            "two tags of proxies",
            REFUSED,
            made(|path: &str| {
                meta(&format!("{path} mod https://a.test"))
                    + &meta(&format!("{path} mod https://b.test"))
            }),
        ),
        (
            "ten thousand tags",
            REFUSED,
            made(|path: &str| {
                (0..10_000)
                    .map(|n| meta(&format!("{path}/{n} git https://github.com/h/paged")))
                    .collect()
            }),
        ),
        shape("a tag in the body", REFUSED, |tag| {
            format!("<html><body>{tag}</body></html>")
        }),
        shape("a tag in the body after a megabyte", REFUSED, |tag| {
            format!(
                "<html><head></head><body>{}{tag}</body></html>",
                "x".repeat(1 << 20)
            )
        }),
        shape("a tag after a megabyte of head", REFUSED, |tag| {
            format!("<html><head>{}{tag}</head>", " ".repeat(1 << 20))
        }),
        shape("a tag in a comment", REFUSED, |tag| {
            format!("<html><head><!-- {tag} --></head>")
        }),
        shape("a tag in a comment without an end", REFUSED, |tag| {
            format!("<html><head><!-- {tag}</head>")
        }),
        shape("a tag in an attribute", REFUSED, |tag| {
            format!("<html><head><a b='{tag}'></head>")
        }),
        shape("a tag in a section", REFUSED, |tag| {
            format!("<html><head><![CDATA[{tag}]]></head>")
        }),
        shape("nothing but markup", REFUSED, |_| "<".repeat(100_000)),
        shape("attributes without end", REFUSED, |_| {
            format!("<meta {}", "a=b ".repeat(50_000))
        }),
        shape("elements a hundred thousand deep", "200|404", |tag| {
            format!("{}{tag}", "<a>".repeat(100_000))
        }),
        shape("ends of elements that never began", "200|404", |tag| {
            format!("{}{tag}", "</a>".repeat(10_000))
        }),
        shape("entities that grow", "200|404", |tag| {
            let lines: String = (0..20)
                .map(|n| format!("<!ENTITY e{} '&e{n};&e{n};'>", n + 1))
                .collect();
            format!("<!DOCTYPE x [<!ENTITY e0 'x'>{lines}]><html><head>&e20;{tag}</head>")
        }),
        shape("an entity of a file", "200|404", |tag| {
            format!(
                "<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><html><head>&f;{tag}</head>"
            )
        }),
        shape(
            "an entity that is a number beyond bounds",
            "200|404",
            |tag| format!("<html><head><meta name='x' content='&#99999999999;'>{tag}</head>"),
        ),
        shape("another encoding", "200|404", |tag| {
            format!("<?xml version='1.0' encoding='utf-7'?><html><head>{tag}</head>")
        }),
        shape("a table of HTML soup", "200|404", |tag| {
            format!("<td><p><head{tag}><<<>><head>{tag}</hea")
        }),
        shape("a script", "200|404", |tag| {
            format!("<html><head><script>if (1 < 2) {{ x(\"</b>\") }}</script>{tag}</head>")
        }),
        shape("NUL bytes", "200|404", |tag| {
            format!("\0\0<html><head>\0{tag}</head>")
        }),
    ]
}

/// Where a page sends to.
fn redirects(canary: &str, port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("sent to an address inside", format!("http://{canary}/x")),
        (
            "sent to a name inside",
            format!("http://loopback.test:{port}/x"),
        ),
        (
            "sent to metadata",
            "http://169.254.169.254/latest/meta-data/".to_owned(),
        ),
        (
            "sent to a name of metadata",
            "http://metadata.test/x".to_owned(),
        ),
        (
            "sent to a decimal address",
            "http://2130706433/x".to_owned(),
        ),
        (
            "sent to a mapped address",
            "http://[::ffff:a9fe:a9fe]/x".to_owned(),
        ),
        ("sent to a file", "file:///etc/passwd".to_owned()),
        (
            "sent to another scheme",
            "gopher://loopback.test/x".to_owned(),
        ),
        ("sent in a circle", "?go-get=1".to_owned()),
        (
            "sent to the outgoing proxy",
            "http://proxy.test/".to_owned(),
        ),
        ("sent nowhere", "http://".to_owned()),
        (
            "sent with userinfo inside",
            "http://pages.test:80@127.0.0.1/x".to_owned(),
        ),
        ("sent to where nothing is", "/nothing/here".to_owned()),
    ]
}

/// Whole answers.
fn answers() -> Vec<(&'static str, Said, &'static str)> {
    let said = |line: &str, headers: &str, body: &[u8]| once(status(line, headers, body));
    vec![
        (
            "bytes that are no text",
            said("200 OK", PAGE, &[0xff; 5000]),
            "404",
        ),
        (
            "a picture",
            said(
                "200 OK",
                "Content-Type: image/svg+xml\r\n",
                b"<svg onload='x()'/>",
            ),
            "404",
        ),
        (
            "a bomb of gzip",
            said(
                "200 OK",
                "Content-Encoding: gzip\r\n",
                &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0],
            ),
            "404|502",
        ),
        ("an empty page", said("200 OK", PAGE, b""), "404"),
        (
            "an error with markup",
            said("500 Oops", PAGE, b"<b>\x1b[2J</b>"),
            "502",
        ),
        (
            "not allowed",
            said("401 Unauthorized", "WWW-Authenticate: Basic\r\n", b""),
            "404",
        ),
        ("too many", said("429 Slow", "", b""), "502|503"),
        (
            "chunks that lie",
            once(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"
                    .to_vec(),
            ),
            "502",
        ),
        (
            "half a page",
            once(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<html><head>".to_vec()),
            "502",
        ),
        (
            "something that is not HTTP",
            once(b"220 mail.test ESMTP\r\n".to_vec()),
            "502",
        ),
        ("no answer", once(Vec::new()), "502"),
        (
            "a head without end",
            Said::Flood(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: y\r\n".repeat(1000)),
            "502|504",
        ),
        (
            "a page without end",
            Said::Flood(
                b"HTTP/1.1 200 OK\r\n\r\n<html><head>".to_vec(),
                b"<a b='c'> ".repeat(5000),
            ),
            "404|502",
        ),
    ]
}
