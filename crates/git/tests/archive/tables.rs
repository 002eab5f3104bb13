//! Commits made by hand: every combination of what is few, and each special case once.

use crate::commit::{Commit, Kind};

/// All of them.
pub fn list_commits() -> Vec<Commit> {
    vec![
        combinations(),
        classes(),
        encodings(),
        long_lines(),
        odd_files(),
        Commit::new("nothing").with("a", "$Id$\n"),
        unnamed_encoding(),
    ]
}

/// Every setting of the attributes that have to do with line ends, with every kind of content.
fn combinations() -> Commit {
    const TEXT: [&str; 7] = [
        "",
        "text",
        "-text",
        "!text",
        "text=auto",
        "text=input",
        "text=x",
    ];
    const CRLF: [&str; 6] = ["", "crlf", "-crlf", "!crlf", "crlf=auto", "crlf=input"];
    const EOL: [&str; 6] = ["", "eol=crlf", "eol=lf", "-eol", "eol", "eol=x"];
    const OTHER: [&str; 3] = ["", "ident", "working-tree-encoding=UTF-16"];
    let contents: [&[u8]; 12] = [
        b"",
        b"a\nb\n",
        b"a\r\nb\r\n",
        b"a\r\nb\n",
        b"a\rb\n",
        b"a\n\0",
        b"a\n\x01\x02",
        b"a\n\x1a",
        b"$Id$\n",
        b"\xff\n$Id$",
        &[&[b'x'; 127][..], b"\n\x01"].concat(),
        &[&[b'x'; 128][..], b"\n\x01"].concat(),
    ];
    let mut commit = Commit::new("combinations");
    let mut attributes = String::new();
    for (i, text) in TEXT.iter().enumerate() {
        for (j, crlf) in CRLF.iter().enumerate() {
            for (k, eol) in EOL.iter().enumerate() {
                for (l, other) in OTHER.iter().enumerate() {
                    attributes += &format!("/{i}/{j}{k}{l}* {text} {crlf} {eol} {other}\n");
                    for (m, content) in contents.iter().enumerate() {
                        commit.add(format!("{i}/{j}{k}{l}{m}"), content);
                    }
                }
            }
        }
    }
    commit.with(".gitattributes", attributes)
}

/// Every byte that a name can hold against every class.
fn classes() -> Commit {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
        "upper", "xdigit", "nope", "",
    ];
    let mut commit = Commit::new("classes");
    for (i, name) in NAMES.iter().enumerate() {
        let attributes =
            format!("a[[:{name}:]] ident\nb[![:{name}:]] ident\n\"c[ -[:{name}:]]\" ident\n");
        commit.add(format!("{i}/.gitattributes"), attributes);
        for byte in (1..=u8::MAX).filter(|&byte| byte != b'/') {
            for letter in ["a", "b", "c"] {
                commit.add(
                    [format!("{i}/{letter}").as_bytes(), &[byte]].concat(),
                    "$Id$",
                );
            }
        }
    }
    commit
}

/// Names of encodings, each with text that it can hold and with some that it cannot.
fn encodings() -> Commit {
    const NAMES: [&str; 62] = [
        "UTF-8",
        "utf8",
        "UTF-16",
        "utf16",
        "UTF-16LE",
        "utf16be",
        "UTF-16LE-BOM",
        "utf16le-bom",
        "UTF-16BE-BOM",
        "UTF-32",
        "UTF-32LE",
        "utf32be",
        "UCS-2",
        "UCS-2LE",
        "UCS-2BE",
        "unicode",
        "UTF-8-BOM",
        "UTF_16",
        "utf-16-le",
        "UTF+16",
        "é",
        "nope",
        "ascii",
        "us-ascii",
        "latin1",
        "latin-1",
        "Latin-1",
        "ISO-8859-1",
        "iso8859-1",
        "ISO_8859-1",
        "ISO_8859-1:1987",
        "ISO-8859-2",
        "ISO-8859-3",
        "ISO-8859-4",
        "ISO-8859-5",
        "ISO-8859-6",
        "ISO-8859-7",
        "ISO-8859-8",
        "ISO-8859-9",
        "ISO-8859-10",
        "ISO-8859-13",
        "ISO-8859-14",
        "ISO-8859-15",
        "ISO-8859-16",
        "windows-1250",
        "windows-1251",
        "Windows-1252",
        "cp1253",
        "cp1254",
        "cp1256",
        "cp1257",
        "windows1252",
        "koi8-r",
        "cp866",
        "Shift_JIS",
        "cp932",
        "EUC-JP",
        "euc-kr",
        "cp949",
        "gbk",
        "gb2312",
        "gb18030",
    ];
    const TEXTS: [&str; 14] = [
        "a\n",
        "é",
        "€",
        "Łódź",
        "Привет",
        "Ελλάδα",
        "שלום",
        "سلام",
        "日本語テキスト",
        "中文",
        "한국어",
        "😀",
        "\u{feff}a",
        "a\u{e0041}\u{85}",
    ];
    let mut commit = Commit::new("encodings");
    let mut attributes = String::new();
    for (i, name) in NAMES.iter().enumerate() {
        attributes += &format!("/{i}/* working-tree-encoding={name}\n");
        for (j, text) in TEXTS.iter().enumerate() {
            commit.add(format!("{i}/{j}"), text);
        }
        commit.add(format!("{i}/bad"), b"a\xff");
        commit.add(format!("{i}/short"), b"a\xe2\x82");
        commit.add(format!("{i}/surrogate"), b"\xed\xa0\x80");
        commit.add(format!("{i}/long"), "abc\r\n".repeat(3000));
    }
    commit.with(".gitattributes", attributes)
}

/// The length from which on git passes over a line.
fn long_lines() -> Commit {
    let mut commit = Commit::new("long-lines");
    for len in [2046, 2047, 2048, 2049, 5000] {
        for (i, blank) in [" ", "\t", "x"].iter().enumerate() {
            let end = blank.repeat(len - "a ident ".len());
            commit.add(
                format!("{len}-{i}/.gitattributes"),
                format!("a ident {end}"),
            );
            commit.add(format!("{len}-{i}/a"), "$Id$");
            let begin = " ".repeat(len - "a ident\r".len());
            commit.add(
                format!("{len}-{i}/x/.gitattributes"),
                format!("{begin}a ident\r\n"),
            );
            commit.add(format!("{len}-{i}/x/a"), "$Id$");
        }
        let name = "y".repeat(200);
        let path = format!("{}/{name}", [&name[..]; 10].join("/"));
        commit.add(&path, "$Id$");
        let pattern = &path[path.len() - (len - "  ident".len()).min(path.len())..];
        commit.add(
            format!("{len}-0/{}/.gitattributes", &name[1..]),
            format!("{pattern} ident"),
        );
    }
    commit
}

/// Attributes that are a link, a program, a directory, behind a mark; far down; in the way of each other.
fn odd_files() -> Commit {
    let deep = "d/".repeat(300);
    let mut commit = Commit::new("odd-files")
        .with("directory/.gitattributes/x", "* ident")
        .with("directory/a", "$Id$")
        .with("mark/.gitattributes", "\u{feff}* ident\nb ident")
        .with("mark/a", "$Id$")
        .with("mark/b", "$Id$")
        .with("nul/.gitattributes", "a ident\0\nb ident\n")
        .with("nul/a", "$Id$")
        .with("nul/b", "$Id$")
        .with("empty/.gitattributes", "")
        .with(
            "self/.gitattributes",
            "* eol=crlf\n.gitattributes ident # $Id$\n",
        )
        .with("macro/.gitattributes", "[attr]m ident\na m\nb sub\n")
        .with("macro/a", "$Id$")
        .with("macro/b", "$Id$")
        .with(
            "more/.gitattributes",
            "a**/b ident\nc/**/d ident\n*e/f ident\n",
        )
        .with("more/ax/y/b", "$Id$")
        .with("more/c/d", "$Id$")
        .with("more/c/x/y/d", "$Id$")
        .with("more/ee/f", "$Id$")
        .with(
            ".gitattributes",
            format!("[attr]sub eol=crlf\n{deep}a ident\n**/d/b ident\n"),
        )
        .with(format!("{deep}a"), "$Id$")
        .with(format!("{deep}b"), "$Id$");
    commit.add_kind("link/.gitattributes", Kind::Link, "* ident\nb -ident");
    commit.add("link/a", "$Id$");
    commit.add("link/b", "$Id$");
    commit.add_kind("program/.gitattributes", Kind::Program, "* ident");
    commit.add_kind("program/a", Kind::Program, "$Id$");
    commit
}

/// git makes no archive.
fn unnamed_encoding() -> Commit {
    Commit::new("unnamed-encoding")
        .with(".gitattributes", "a working-tree-encoding\n")
        .with("a", "a")
}
