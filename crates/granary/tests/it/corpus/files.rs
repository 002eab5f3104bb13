//! What an upstream says in place of `.info`, `.mod` and `list`. No checksum database is asked about these modules.

use super::case::Case;
use super::stage::Stage;
use crate::rig::module::make;
use crate::rig::upstream::Lie;

/// All cases; the upstream is told what to say.
pub fn cases(stage: &Stage) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |kind: &str, name: &str, lie: Lie, statuses: &str, says: &str| {
        let module = format!("in.example/{kind}{}", cases.len());
        let made = make(&module, "v1.0.0", &[("m.go", "package m\n")]);
        let path = match kind {
            "list" => format!("/{module}/@v/list"),
            "latest" => format!("/{module}/@latest"),
            kind => made.file(kind),
        };
        stage.upstream.add(made);
        stage.upstream.lie(&path, lie);
        cases.push(Case::get(&format!("{kind}: {name}"), &path, statuses, says));
    };
    for (name, body, statuses, says) in infos() {
        add("info", name, Lie::Body(body), statuses, says);
    }
    for (name, body, statuses, says) in latests() {
        add("latest", name, Lie::Body(body.into()), statuses, says);
    }
    for (name, body, statuses) in mods() {
        add("mod", name, Lie::Body(body), statuses, "");
    }
    for (name, body, want) in lists() {
        add("list", name, Lie::Body(body), "200", &format!("={want}"));
    }
    for (name, bytes, statuses, says) in answers(&stage.canary().to_string()) {
        for kind in ["info", "mod", "list"] {
            add(kind, name, Lie::Raw(bytes.clone().into()), statuses, says);
        }
    }
    // Toolchains are looked up like any other module (CVE-2026-42501); this one has no record.
    let toolchain = make("golang.org/toolchain", "v0.0.1-go9.99.9.linux-amd64", &[]);
    stage.upstream.add(toolchain.clone());
    for kind in ["mod", "zip"] {
        let name = format!("{kind}: a toolchain without a record (CVE-2026-42501)");
        cases.push(Case::get(
            &name,
            &toolchain.file(kind),
            "403",
            "sumdb_absent",
        ));
    }
    cases
}

/// A field of an honest `.info` beside others.
fn with(rest: &str) -> Vec<u8> {
    format!("{{\"Version\":\"v1.0.0\",{rest}}}").into()
}

fn infos() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let deep = |open: &str| with(&format!("\"Origin\":{}", open.repeat(50_000)));
    vec![
        ("nothing", Vec::new(), "502", "JSON"),
        ("a blank", b" ".to_vec(), "502", "JSON"),
        ("null", b"null".to_vec(), "502", "JSON"),
        (
            "a list",
            b"[{\"Version\":\"v1.0.0\"}]".to_vec(),
            "502",
            "JSON",
        ),
        ("a text", b"\"v1.0.0\"".to_vec(), "502", "JSON"),
        ("a number", b"1e999".to_vec(), "502", "JSON"),
        ("no fields", b"{}".to_vec(), "502", "no version"),
        ("no end", b"{\"Version\":\"v1.0.0\"".to_vec(), "502", "JSON"),
        (
            "two of them",
            b"{\"Version\":\"v1.0.0\"}{\"Version\":\"v6.6.6\"}".to_vec(),
            "502",
            "JSON",
        ),
        (
            "something behind it",
            b"{\"Version\":\"v1.0.0\"} x".to_vec(),
            "502",
            "JSON",
        ),
        (
            "single quotes",
            b"{'Version':'v1.0.0'}".to_vec(),
            "502",
            "JSON",
        ),
        (
            "a comment",
            b"{/**/\"Version\":\"v1.0.0\"}".to_vec(),
            "502",
            "JSON",
        ),
        (
            "a comma at the end",
            b"{\"Version\":\"v1.0.0\",}".to_vec(),
            "502",
            "JSON",
        ),
        (
            "UTF-16",
            "{\"Version\":\"v1.0.0\"}"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
            "502",
            "JSON",
        ),
        (
            "bytes that are no text",
            b"{\"Version\":\"v1.0.0\xff\"}".to_vec(),
            "502",
            "JSON",
        ),
        (
            "half a surrogate",
            b"{\"Version\":\"v1.0.0\\ud800\"}".to_vec(),
            "502",
            "JSON",
        ),
        (
            "NUL in the version",
            b"{\"Version\":\"v1.0.0\\u0000\"}".to_vec(),
            "502",
            "version",
        ),
        (
            "a newline in the version",
            b"{\"Version\":\"v1.0.0\\n\"}".to_vec(),
            "502",
            "version",
        ),
        (
            "a version that is a number",
            b"{\"Version\":1}".to_vec(),
            "502",
            "Version",
        ),
        (
            "a version that is a list",
            b"{\"Version\":[\"v1.0.0\"]}".to_vec(),
            "502",
            "Version",
        ),
        (
            "a version that is null",
            b"{\"Version\":null}".to_vec(),
            "502",
            "no version",
        ),
        (
            "a version that is a way out",
            b"{\"Version\":\"../../../etc/passwd\"}".to_vec(),
            "502",
            "version",
        ),
        (
            "a version that is an option",
            b"{\"Version\":\"--upload-pack=x\"}".to_vec(),
            "502",
            "version",
        ),
        (
            "a version that is a branch",
            b"{\"Version\":\"main\"}".to_vec(),
            "502",
            "version",
        ),
        (
            "a version in part",
            b"{\"Version\":\"v1.0\"}".to_vec(),
            "502",
            "version",
        ),
        (
            "build metadata",
            b"{\"Version\":\"v1.0.0+evil\"}".to_vec(),
            "502",
            "version",
        ),
        (
            "another major version",
            b"{\"Version\":\"v2.0.0\"}".to_vec(),
            "502",
            "v2.0.0",
        ),
        (
            "an incompatible one",
            b"{\"Version\":\"v1.0.0+incompatible\"}".to_vec(),
            "502",
            "v1.0.0",
        ),
        (
            "another case",
            b"{\"Version\":\"V1.0.0\"}".to_vec(),
            "502",
            "version",
        ),
        (
            "a version of a megabyte",
            format!("{{\"Version\":\"v1.0.0-{}\"}}", "a".repeat(1_000_000)).into(),
            "502",
            "version",
        ),
        (
            "over a megabyte",
            with(&format!("\"x\":\"{}\"", "a".repeat(1 << 20))),
            "502",
            "",
        ),
        ("a time that is a number", with("\"Time\":1"), "502", "Time"),
        (
            "a time that is a word",
            with("\"Time\":\"yesterday\""),
            "502",
            "Time",
        ),
        (
            "a time of month 13",
            with("\"Time\":\"2020-13-01T00:00:00Z\""),
            "502",
            "Time",
        ),
        (
            "a time without a zone",
            with("\"Time\":\"2020-01-01T00:00:00\""),
            "502",
            "Time",
        ),
        (
            "a year of six digits",
            with("\"Time\":\"999999-01-01T00:00:00Z\""),
            "502",
            "Time",
        ),
        (
            "folders a hundred thousand deep",
            deep("{\"a\":"),
            "502",
            "JSON",
        ),
        ("lists fifty thousand deep", deep("["), "502", "JSON"),
        (
            "a hundred thousand fields",
            with(
                &(0..50_000)
                    .map(|n| format!("\"{n}\":0,"))
                    .chain(["\"z\":0".to_owned()])
                    .collect::<String>(),
            ),
            "200|502",
            "",
        ),
        (
            "a number of ten thousand digits",
            with(&format!("\"x\":{}", "9".repeat(10_000))),
            "200|502",
            "",
        ),
        (
            "an origin that is a text",
            with("\"Origin\":\"evil\""),
            "200",
            "evil",
        ),
        (
            "an origin with markup",
            with("\"Origin\":{\"URL\":\"javascript:alert(1)\"}"),
            "200",
            "javascript",
        ),
        (
            "names of fields in small letters",
            b"{\"version\":\"v1.0.0\"}".to_vec(),
            "200",
            "v1.0.0",
        ),
        (
            "the last second there is",
            with("\"Time\":\"9999-12-31T23:59:59Z\""),
            "200",
            "9999",
        ),
    ]
}

fn latests() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    vec![
        ("nothing", "", "502", "JSON"),
        ("a branch", "{\"Version\":\"main\"}", "502", "version"),
        (
            "another module's major",
            "{\"Version\":\"v2.0.0\"}",
            "502",
            "v2.0.0",
        ),
        (
            "a way out",
            "{\"Version\":\"v1.0.0/../../x\"}",
            "502",
            "version",
        ),
        ("a capital", "{\"Version\":\"v1.0.0-RC1\"}", "200|404", ""),
        ("a page to log in", "<html>log in</html>", "502", "JSON"),
    ]
}

fn mods() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let line = |text: &str| format!("module in.example/x\n{text}\n").into_bytes();
    let many = |text: &dyn Fn(usize) -> String| line(&(0..100_000).map(text).collect::<String>());
    vec![
        ("nothing", Vec::new(), "200|502"),
        ("NUL bytes", vec![0; 1000], "200|502"),
        ("bytes that are no text", vec![0xff; 1000], "200|502"),
        ("markup", b"<html>log in</html>".to_vec(), "200|502"),
        (
            "another module",
            b"module evil.example/x\n".to_vec(),
            "200|502",
        ),
        (
            "carriage returns only",
            b"module in.example/x\rgo 1.21\r".to_vec(),
            "200|502",
        ),
        (
            "a line of ten megabytes",
            line(&format!("// {}", "x".repeat(10 << 20))),
            "200|502",
        ),
        ("just under the limit", vec![b'\n'; 16 << 20], "200|502"),
        (
            "just over the limit",
            vec![b'\n'; (16 << 20) + 1],
            "502|404",
        ),
        (
            "a hundred thousand requirements",
            many(&|n| format!("require in.example/r{n} v1.0.0\n")),
            "200",
        ),
        (
            "a hundred thousand replacements",
            many(&|n| format!("replace in.example/r{n} => ../{n}\n")),
            "200",
        ),
        (
            "a hundred thousand comments",
            many(&|_| "// x\n".to_owned()),
            "200",
        ),
        ("itself", line("require in.example/x v1.0.0"), "200"),
        ("a go from the future", line("go 99.99"), "200"),
        (
            "a toolchain that is a path (CVE-2023-39320)",
            line("toolchain ../../evil"),
            "200",
        ),
        ("a block without an end", line("require ("), "200"),
    ]
}

fn lists() -> Vec<(&'static str, Vec<u8>, String)> {
    let one = "v1.0.0\n".to_owned();
    let beside = |text: &str| format!("v1.0.0\n{text}\n").into_bytes();
    vec![
        ("nothing", Vec::new(), String::new()),
        ("blank lines", b"\n\n \n\t\n".to_vec(), String::new()),
        (
            "markup",
            b"<html>\n<body>v1.0.0</body>\n</html>\n".to_vec(),
            String::new(),
        ),
        ("no newline at the end", b"v1.0.0".to_vec(), one.clone()),
        (
            "carriage returns",
            b"v1.0.0\r\nv1.1.0\r\n".to_vec(),
            "v1.0.0\nv1.1.0\n".to_owned(),
        ),
        (
            "bytes that are no text",
            [b"v1.0.0\n".as_slice(), &[0xff; 500], b"\n"].concat(),
            one.clone(),
        ),
        ("NUL", beside("v1.0.1\0"), one.clone()),
        (
            "the same ten thousand times",
            b"v1.0.0\n".repeat(10_000),
            one.clone(),
        ),
        (
            "branches",
            beside("main\nHEAD\nfeature/x\n@master;x"),
            one.clone(),
        ),
        (
            "versions in part",
            beside("v1\nv1.1\n1.1.0\nv01.0.0\nv1.0.0.0"),
            one.clone(),
        ),
        ("build metadata", beside("v1.1.0+meta"), one.clone()),
        (
            "pseudo-versions",
            beside("v0.0.0-20200101000000-abcdefabcdef\nv1.0.1-0.20200101000000-abcdefabcdef"),
            one.clone(),
        ),
        (
            "options",
            beside("--upload-pack=x\n-oProxyCommand=x"),
            one.clone(),
        ),
        (
            "ways out",
            beside("../../x\n/etc/passwd\nv1.0.0/../../x"),
            one.clone(),
        ),
        (
            "versions that do not fit the path",
            beside("v2.0.0\nv0.1.0"),
            "v0.1.0\nv1.0.0\n".to_owned(),
        ),
        (
            "a version of a megabyte",
            beside(&format!("v1.0.0-{}", "a".repeat(1 << 20))),
            one.clone(),
        ),
        (
            "a line of three megabytes",
            beside(&"x".repeat(3 << 20)),
            one.clone(),
        ),
        (
            "blanks behind and in front",
            b" v1.0.0 2020-01-01T00:00:00Z evil\n".to_vec(),
            one.clone(),
        ),
        (
            "letters from right to left",
            beside("v1.1.0\u{202e}"),
            one.clone(),
        ),
        (
            "a byte order mark",
            b"\xef\xbb\xbfv1.1.0\nv1.0.0\n".to_vec(),
            one,
        ),
    ]
}

/// Whole answers, on the wire. The address is where nothing may lead.
fn answers(canary: &str) -> Vec<(&'static str, String, &'static str, &'static str)> {
    let redirect =
        |to: &str| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let head = |head: &str| format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nv1.0.0\n");
    let kept = "302|404|502|403";
    vec![
        ("two lengths that differ", head("Content-Length: 7\r\nContent-Length: 6"), "502", ""),
        ("a length and chunks", head("Content-Length: 7\r\nTransfer-Encoding: chunked"), "502", ""),
        ("a length with a sign", head("Content-Length: +7"), "502", ""),
        ("a folded header", head("A: b\r\n c: d\r\nContent-Encoding: br"), "502", ""),
        ("an encoding of nobody", head("Content-Encoding: zstd, br, x"), "502", ""),
        ("an encoding that is a bomb", head("Content-Encoding: gzip, gzip, gzip\r\nContent-Length: 7"), "502", ""),
        ("chunks that lie", head("Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff"), "502", ""),
        ("a NUL in a header", head("A: \0"), "502", ""),
        ("a status of one digit", "HTTP/1.1 2 OK\r\n\r\n".to_owned(), "502", ""),
        ("HTTP of the future", "HTTP/3.0 200 OK\r\n\r\n".to_owned(), "502", ""),
        ("a refusal of a megabyte", format!("HTTP/1.1 404 No\r\nContent-Length: 1048576\r\n\r\n{}", "no\n".repeat(350_000)), "404", ""),
        ("a refusal with escape characters", "HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\n\x1b[2Jevil!".to_owned(), "404", ""),
        ("a refusal of markup", "HTTP/1.1 404 No\r\nContent-Type: text/html\r\nContent-Length: 25\r\n\r\n<script>alert(1)</script>".to_owned(), "404", ""),
        ("a wait of a century", "HTTP/1.1 503 Later\r\nRetry-After: 3155760000\r\nContent-Length: 0\r\n\r\n".to_owned(), "503", ""),
        ("a wait that is no number", "HTTP/1.1 503 Later\r\nRetry-After: x\r\nContent-Length: 0\r\n\r\n".to_owned(), "502|503", ""),
        ("sent to a private address", redirect(&format!("http://{canary}/x")), kept, ""),
        ("sent to a private name", redirect(&format!("http://loopback.test:{}/x", canary.rsplit(':').next().unwrap())), kept, ""),
        ("sent to a metadata address", redirect("http://169.254.169.254/latest/meta-data/"), kept, ""),
        ("sent to a metadata name", redirect("http://metadata.test/latest/meta-data/"), kept, ""),
        ("sent to an address in octal", redirect("http://0177.0.0.1/x"), kept, ""),
        ("sent to a short address", redirect("http://127.1/x"), kept, ""),
        ("sent to an address in hexadecimal", redirect("http://0x7f000001/x"), kept, ""),
        ("sent to IPv6 loopback", redirect("http://[::1]/x"), kept, ""),
        ("sent to a mapped address", redirect("http://[::ffff:10.0.0.1]/x"), kept, ""),
        ("sent to an address of NAT64", redirect("http://[64:ff9b::7f00:1]/x"), kept, ""),
        ("sent to a link-local name", redirect("http://link.test/x"), kept, ""),
        ("sent to a private network", redirect("http://private.test/x"), kept, ""),
        ("sent to the outgoing proxy", redirect("http://proxy.test/x"), kept, ""),
        ("sent to another scheme", redirect("gopher://127.0.0.1:25/x"), kept, ""),
        ("sent to a file", redirect("file:///etc/passwd"), kept, ""),
        ("sent to words", redirect("javascript:alert(1)"), kept, ""),
        ("sent with userinfo", redirect(&format!("http://public.example@{canary}/x")), kept, ""),
        ("sent with a backslash", redirect(&format!("http:\\\\{canary}\\x")), kept, ""),
        ("sent to itself", redirect(""), kept, ""),
        ("sent with a newline", redirect("/x\r\n\tevil"), kept, ""),
        ("sent to a megabyte", redirect(&format!("/{}", "x".repeat(1 << 20))), kept, ""),
    ]
}
