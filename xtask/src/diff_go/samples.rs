//! Files and attributes that both the cases made by hand and the random ones draw on.

use super::repository::Repository;

/// Names and attributes for all of a repository, each tried on the files of [`write_texts`].
pub const ATTRIBUTES: &[(&str, &str)] = &[
    ("eol-crlf", "* eol=crlf\n"),
    ("eol-lf", "* eol=lf\n"),
    ("eol-upper-case", "* text eol=CRLF\n"),
    ("eol-unknown", "* text eol=cr\n"),
    ("eol-without-value", "* text eol\n"),
    ("text", "* text\n"),
    ("text-auto", "* text=auto\n"),
    ("text-auto-crlf", "* text=auto eol=crlf\n"),
    ("text-auto-lf", "* text=auto eol=lf\n"),
    ("text-crlf", "* text eol=crlf\n"),
    ("text-other", "* text=other eol=crlf\n"),
    ("no-text-crlf", "* -text eol=crlf\n"),
    ("unspecified-text-crlf", "* !text eol=crlf\n"),
    ("binary", "* eol=crlf\n*.bin binary\nlf.txt binary\n"),
    ("eol-taken-back", "* eol=crlf\nlf.txt !eol\n"),
    ("old-crlf", "* crlf\n"),
    ("old-crlf-with-eol", "* crlf eol=crlf\n"),
    ("old-crlf-input", "* crlf=input\n"),
    ("old-crlf-auto", "* crlf=auto eol=crlf\n"),
    ("old-no-crlf", "* -crlf eol=crlf\n"),
    ("text-beats-old-crlf", "* -crlf text eol=crlf\n"),
    ("ident", "* ident\n"),
    ("ident-and-crlf", "* ident eol=crlf\n"),
    ("ident-off", "* ident\nid.txt -ident\n"),
    ("ident-with-value", "* ident=yes\n"),
    ("export-ignore", "*.txt export-ignore\nsub export-ignore\n"),
    ("export-subst", "* export-subst\n"),
    (
        "export-both",
        "id.txt export-subst export-ignore eol=crlf\n",
    ),
    ("macro", "[attr]dos text eol=crlf\nlf.txt dos\n"),
    ("macro-off", "[attr]dos text eol=crlf\n* dos\nlf.txt -dos\n"),
    (
        "macro-in-macro",
        "[attr]one text\n[attr]two one eol=crlf\n* two\n",
    ),
    (
        "macro-binary-anew",
        "[attr]binary text eol=crlf\n* binary\n",
    ),
    ("macro-late", "lf.txt dos\n[attr]dos text eol=crlf\n"),
    ("last-line-wins", "* eol=crlf\n* eol=lf\nsub/* eol=crlf\n"),
    ("pattern-rooted", "/lf.txt eol=crlf\n"),
    ("pattern-with-slash", "sub/*.txt eol=crlf\n"),
    ("pattern-stars-first", "**/lf.txt eol=crlf\n"),
    ("pattern-stars-last", "sub/** eol=crlf\n"),
    ("pattern-stars-between", "sub/**/lf.txt eol=crlf\n"),
    ("pattern-question", "?f.t?t eol=crlf\n"),
    (
        "pattern-class",
        "[k-m]f.txt eol=crlf\n[!a-z]*.txt eol=crlf\n",
    ),
    ("pattern-posix-class", "[[:alpha:]]f.txt eol=crlf\n"),
    ("pattern-open-class", "[lf.txt eol=crlf\n"),
    ("pattern-of-directory", "sub/ eol=crlf\nsub eol=crlf\n"),
    ("pattern-negative", "!lf.txt eol=crlf\n* -text\n"),
    ("pattern-other-case", "LF.TXT eol=crlf\n"),
    ("pattern-escaped", "\\lf.txt eol=crlf\nl\\f.txt ident\n"),
    (
        "pattern-quoted",
        "\"a b.txt\" eol=crlf\n\"\\154f.txt\" eol=crlf\n",
    ),
    (
        "pattern-quoted-badly",
        "\"lf.txt eol=crlf\nmixed.txt eol=crlf\n",
    ),
    (
        "comments",
        "# lf.txt eol=crlf\n  # x\n  lf.txt eol=crlf # text\n\\#hash.txt eol=crlf\n",
    ),
    ("blanks", "\tlf.txt\t eol=crlf  \n\n   \n"),
    (
        "carriage-returns",
        "lf.txt eol=crlf\r\nsub/lf.txt eol=crlf ident\r\n",
    ),
    (
        "byte-order-mark",
        "\u{feff}lf.txt eol=crlf\nmixed.txt eol=crlf\n",
    ),
    ("no-newline-at-end", "lf.txt eol=crlf"),
    ("bad-attribute-name", "lf.txt -@x eol=crlf\n* b@d\n"),
    ("utf-16", "enc.txt working-tree-encoding=UTF-16\n"),
    (
        "utf-16-crlf",
        "* text eol=crlf working-tree-encoding=UTF-16\n",
    ),
    ("utf-16le", "enc.txt text working-tree-encoding=UTF-16LE\n"),
    ("utf-16be", "enc.txt text working-tree-encoding=UTF-16BE\n"),
    (
        "utf-16le-bom",
        "enc.txt text working-tree-encoding=UTF-16LE-BOM\n",
    ),
    ("utf-32", "enc.txt text working-tree-encoding=UTF-32\n"),
    ("latin-1", "enc.txt working-tree-encoding=ISO-8859-1\n"),
    (
        "latin-1-cannot",
        "* text working-tree-encoding=ISO-8859-1 ident\n",
    ),
    ("shift-jis", "enc.txt working-tree-encoding=SHIFT-JIS\n"),
    ("utf-8", "* working-tree-encoding=UTF-8 eol=crlf\n"),
    (
        "encoding-unknown",
        "* working-tree-encoding=NO-SUCH eol=crlf\n",
    ),
    (
        "encoding-without-value",
        "lf.txt working-tree-encoding eol=crlf\n",
    ),
    ("lfs", "*.txt filter=lfs diff=lfs merge=lfs -text\n"),
    ("filter-and-crlf", "* filter=some eol=crlf ident\n"),
    (
        "not-for-archives",
        "* diff=go merge=union -delta whitespace=cr-at-eol\n",
    ),
    ("go-mod-crlf", "go.mod text eol=crlf\n"),
    ("of-itself", ".gitattributes eol=crlf\n"),
];

/// Files of every kind of line end, with identifiers, control characters and letters of several scripts.
pub fn write_texts(r: &mut Repository) {
    r.file("lf.txt", "one\ntwo\nthree\n")
        .file("crlf.txt", "one\r\ntwo\r\n")
        .file("mixed.txt", "one\r\ntwo\nthree\r\n")
        .file("cr.txt", "one\rtwo\nthree\n")
        .file("empty.txt", "")
        .file("last.txt", "one\ntwo")
        .file("a b.txt", "one\n")
        .file("#hash.txt", "one\n")
        .file(
            "id.txt",
            "$Id$\n$Id: old $\n$Id: a b $\n$Id:$ $Id: x\n$ $Id$$Id$\n$Format:%H$\n",
        )
        .file("enc.txt", "caf\u{e9} \u{df}\n\u{3042}\n\u{1f600}\n")
        .bytes("zero.bin", b"one\ntwo\0three\n")
        .bytes("control.txt", b"\x01\x02\x03\x04 few letters\n")
        .bytes("bad.txt", b"\xff\xfe\xe9\n\xc3\n")
        .file("sub/lf.txt", "one\ntwo\n")
        .file("sub/deep/lf.txt", "one\ntwo\n")
        .file("sub/id.txt", "$Id$\n");
    // Just over and just under the share of control characters that makes a file binary.
    let printable = "x".repeat(63) + "\n";
    r.file("under.txt", &format!("\u{1}{}", printable.repeat(3)))
        .file("over.txt", &format!("\u{1}\u{2}{}", printable.repeat(2)));
}
