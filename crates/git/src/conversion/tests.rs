//! Tests of this room by tables; the real git judges in `tests/archive`.

use super::*;

const ID: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

#[track_caller]
fn check(conversion: &Conversion, content: &[u8], want: &[u8]) {
    let id: ObjectId = ID.parse().unwrap();
    let found = conversion.apply(&id, content).unwrap();
    assert!(found.len() as u64 <= conversion.bound_bytes(&id, content));
    assert_eq!(
        found.escape_ascii().to_string(),
        want.escape_ascii().to_string()
    );
}

fn line_endings(line_endings: LineEndings) -> Conversion {
    Conversion {
        line_endings,
        ..Conversion::default()
    }
}

fn encoding(name: &str) -> Conversion {
    Conversion {
        encoding: Encoding::find(name.as_bytes()),
        ..Conversion::default()
    }
}

#[track_caller]
fn check_text(content: &[u8], want: bool) {
    assert_eq!(
        eol::is_plain_text(content),
        want,
        "{}",
        content.escape_ascii()
    );
}

#[track_caller]
fn check_ident(content: &str, want: &str) {
    let conversion = Conversion {
        has_ident: true,
        ..Conversion::default()
    };
    let want = want.replace("$!$", &format!("$Id: {ID} $"));
    check(&conversion, content.as_bytes(), want.as_bytes());
}

#[test]
fn line_feeds_get_a_carriage_return() {
    let crlf = line_endings(LineEndings::Crlf);
    check(&crlf, b"a\nb", b"a\r\nb");
    check(&crlf, b"\n\n", b"\r\n\r\n");
    check(&crlf, b"a\r\nb\n", b"a\r\nb\r\n");
    check(&crlf, b"a\rb\n\0", b"a\rb\r\n\0");
    check(&crlf, b"\r\r\n", b"\r\r\n");
    check(&crlf, b"", b"");
    let text = line_endings(LineEndings::CrlfInText);
    check(&text, b"a\nb", b"a\r\nb");
    check(&text, b"a\n\0", b"a\n\0");
    check(&text, b"a\n\r\n", b"a\n\r\n");
}

#[test]
fn text_is_told_by_its_bytes() {
    check_text(b"", true);
    check_text(b"\x08\t\x1b\x0c", true);
    check_text(b"\xff\xfe\x80", true);
    check_text(b"\0", false);
    check_text(b"\r", false);
    check_text(b"a\r\n", false);
    check_text(b"\x01", false);
    check_text(b"\x0b", false);
    check_text(b"\x7f", false);
    check_text(b"\x1a", true);
    check_text(b"\x1a\x1a", false);
    check_text(b"\x1a\n", false);
    let printable = |len, end: &[u8]| [&vec![b'x'; len], end].concat();
    check_text(&printable(128, b"\x01"), true);
    check_text(&printable(127, b"\n\n\x01"), false);
    check_text(&printable(255, b"\x01\x01"), false);
    check_text(&printable(256, b"\x01\x01"), true);
}

#[test]
fn ids_are_expanded() {
    check_ident("$Id$", "$!$");
    check_ident("a $Id$ $Id$\n$Id$", "a $!$ $!$\n$!$");
    check_ident("$$Id$$", "$$!$$");
    check_ident("$Id:$", "$!$");
    check_ident("$Id: $", "$!$");
    check_ident("$Id: abc $", "$!$");
    check_ident("$Id:abc$", "$!$");
    check_ident("$Id: a b $", "$Id: a b $");
    check_ident("$Id:  a$", "$Id:  a$");
    check_ident("$Id: a\n$Id$", "$Id: a\n$!$");
    check_ident("$Id: a b $Id$", "$Id: a b $!$");
    check_ident("$Id: a", "$Id: a");
    check_ident("$Id", "$Id");
    check_ident("$id$ $Idx$ $I$", "$id$ $Idx$ $I$");
    check_ident("\0\r\n$Id$\0", "\0\r\n$!$\0");
}

#[test]
fn utf_8_becomes_another_encoding() {
    check(
        &encoding("UTF-16"),
        "a€😀".as_bytes(),
        b"\xff\xfea\0\xac\x20\x3d\xd8\x00\xde",
    );
    check(&encoding("utf16le"), "a€".as_bytes(), b"a\0\xac\x20");
    check(&encoding("UTF-16BE"), "a€".as_bytes(), b"\0a\x20\xac");
    check(&encoding("UTF-16LE-BOM"), b"a", b"\xff\xfea\0");
    check(&encoding("UTF-16BE-BOM"), b"a", b"\xfe\xff\0a");
    check(&encoding("UTF-32"), b"a", b"\xff\xfe\0\0a\0\0\0");
    check(&encoding("UTF-16"), b"", b"");
    check(&encoding("UTF-16"), b"a\xff", b"a\xff");
    check(&encoding("UTF-16"), b"a\xc3", b"a\xc3");
    check(&encoding("UTF-16"), b"\xed\xa0\x80", b"\xed\xa0\x80");
    for name in [
        "utf8",
        "utf-8",
        "UTF-8",
        "",
        "nope",
        "utf-8-bom",
        "UTF--8",
        "windows1252",
    ] {
        assert!(encoding(name).is_identity(), "{name}");
    }
}

#[test]
fn the_order_is_ident_line_ends_encoding() {
    let conversion = Conversion {
        line_endings: LineEndings::Crlf,
        has_ident: true,
        encoding: Encoding::find(b"UTF-16LE"),
    };
    let text = format!("$Id: {ID} $\r\n");
    let want: Vec<u8> = text.bytes().flat_map(|byte| [byte, 0]).collect();
    check(&conversion, b"$Id$\n", &want);
}

#[test]
fn an_encoding_without_name_is_an_error() {
    let conversion = Conversion {
        encoding: Some(Encoding::Unnamed),
        ..Conversion::default()
    };
    let id: ObjectId = ID.parse().unwrap();
    assert_eq!(
        conversion.apply(&id, b""),
        Err(ConversionError::UnnamedEncoding)
    );
}

#[test]
fn utf_8_becomes_an_older_encoding() {
    check(&encoding("latin-1"), "aé\u{85}".as_bytes(), b"a\xe9\x85");
    check(&encoding("latin1"), "a€".as_bytes(), "a€".as_bytes());
    check(&encoding("windows-1252"), "a€é".as_bytes(), b"a\x80\xe9");
    check(
        &encoding("cp1252"),
        "\u{81}".as_bytes(),
        "\u{81}".as_bytes(),
    );
    check(&encoding("ISO-8859-9"), "ğ\u{80}".as_bytes(), b"\xf0\x80");
    check(&encoding("ISO-8859-9"), "€".as_bytes(), "€".as_bytes());
    check(&encoding("ascii"), b"a\x7f", b"a\x7f");
    check(&encoding("ascii"), "é".as_bytes(), "é".as_bytes());
    check(&encoding("koi8-r"), "да".as_bytes(), b"\xc4\xc1");
    check(
        &encoding("SHIFT-JIS"),
        "日本\\~".as_bytes(),
        b"\x93\xfa\x96\x7b\\~",
    );
    check(&encoding("EUC-JP"), "日本".as_bytes(), b"\xc6\xfc\xcb\xdc");
    check(&encoding("GBK"), "中文".as_bytes(), b"\xd6\xd0\xce\xc4");
    check(&encoding("gb2312"), "中文".as_bytes(), b"\xd6\xd0\xce\xc4");
    check(
        &encoding("gb18030"),
        "中\u{85}".as_bytes(),
        b"\xd6\xd0\x81\x30\x81\x35",
    );
    check(&encoding("big5"), "中文".as_bytes(), b"\xa4\xa4\xa4\xe5");
    check(&encoding("euc-kr"), "한국".as_bytes(), b"\xc7\xd1\xb1\xb9");
    check(&encoding("ucs-2le"), "a€".as_bytes(), b"a\0\xac\x20");
    check(&encoding("ucs-2le"), "😀".as_bytes(), "😀".as_bytes());
    // Tags are dropped, not refused.
    check(&encoding("latin1"), "a\u{e0041}".as_bytes(), b"a");
}

#[test]
fn what_may_differ_is_not_guessed() {
    let id: ObjectId = ID.parse().unwrap();
    for (name, content) in [
        ("UTF-7", "a"),
        ("cp437", "a"),
        ("UTF-16//TRANSLIT", "a"),
        ("+", "a"),
        ("sjis", "\u{2016}"),
        ("gbk", "\u{e000}"),
    ] {
        let found = encoding(name).apply(&id, content.as_bytes());
        let is_unknown = matches!(found, Err(ConversionError::UnknownEncoding { .. }));
        assert!(is_unknown, "{name}: {found:?}");
    }
    check(&encoding("UTF-7"), b"", b"");
}

/// What grows most in every way; the bound is found without converting.
#[test]
fn no_content_grows_beyond_its_bound() {
    let id: ObjectId = ID.parse().unwrap();
    let names = [
        "UTF-8",
        "UTF-16",
        "UTF-32",
        "UTF-7",
        "ISO-2022-JP",
        "GB18030",
        "SHIFT_JIS",
    ];
    for text in [
        "$Id$$Id$\n",
        "\n",
        "a",
        "~",
        "~é",
        "a\u{3042}",
        "$Id: x $\n\u{10ffff}",
    ] {
        for name in names {
            let conversion = Conversion {
                line_endings: LineEndings::Crlf,
                has_ident: true,
                encoding: Encoding::find(name.as_bytes()),
            };
            for times in [0, 1, 100] {
                let content = text.repeat(times);
                let bound_bytes = conversion.bound_bytes(&id, content.as_bytes());
                if let Ok(converted) = conversion.apply(&id, content.as_bytes()) {
                    assert!(converted.len() as u64 <= bound_bytes, "{name} {text:?}");
                }
            }
        }
    }
    assert_eq!(Conversion::default().bound_bytes(&id, b"$Id$\n"), 5);
}
