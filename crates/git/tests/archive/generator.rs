//! Random commits: names, patterns, attributes and contents put together from pieces that have met a special case before.

use crate::commit::{Commit, Kind};
use crate::random::Random;

const NAME_PIECES: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"a",
    b"b",
    b"ab",
    b".txt",
    b".b",
    b"-",
    b"A",
    b"0",
    b" ",
    b"*",
    b"?",
    b"[",
    b"]",
    b"\\",
    b"!",
    b"#",
    b"\"",
    b"\xc3\xa9",
    b"\xff",
    b"\t",
    b"\n",
    b"\x7f",
    b"[attr]",
    b":",
    b"^",
    b"_",
    b"=",
];

const PATTERN_PIECES: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"ab",
    b".txt",
    b".b",
    b"*",
    b"*",
    b"*",
    b"**",
    b"**/",
    b"/**",
    b"/",
    b"/",
    b"?",
    b"?",
    b"[ab]",
    b"[!a]",
    b"[^b]",
    b"[a-c]",
    b"[]a]",
    b"[!]a]",
    b"[a-]",
    b"[[:alpha:]]",
    b"[[:space:]a]",
    b"[![:digit:]]",
    b"[[:nope:]]",
    b"[[:a]",
    b"[b-\\c]",
    b"[\\]a]",
    b"[",
    b"]",
    b"\\",
    b"\\*",
    b"\\a",
    b"\\/",
    b"\\\\",
    b"!",
    b"#",
    b"-",
    b"\"",
    b"***",
    b"*a*",
    b"*b",
    b"a*",
    b"[/]",
    b"[a/b]",
    b"\xc3\xa9",
    b"[\xff]",
    b"^",
    b"[[:punct:]-a]",
    b"[a-a-z]",
    b"[b-a]",
    b"[:alpha:]",
];

const ASSIGNMENTS: &[&[u8]] = &[
    b"text",
    b"-text",
    b"!text",
    b"text=auto",
    b"text=input",
    b"text=foo",
    b"text=",
    b"crlf",
    b"-crlf",
    b"!crlf",
    b"crlf=auto",
    b"crlf=input",
    b"crlf=x",
    b"eol=crlf",
    b"eol=crlf",
    b"eol=crlf",
    b"eol=lf",
    b"eol=cr",
    b"eol",
    b"-eol",
    b"!eol",
    b"ident",
    b"ident",
    b"-ident",
    b"!ident",
    b"ident=x",
    b"binary",
    b"-binary",
    b"!binary",
    b"binary=x",
    b"m",
    b"m",
    b"-m",
    b"!m",
    b"n",
    b"n",
    b"m.1",
    b"filter=lfs",
    b"diff=lfs",
    b"-diff",
    b"export-ignore",
    b"export-subst",
    b"linguist-generated=true",
    b"working-tree-encoding=UTF-16",
    b"working-tree-encoding=utf-16le",
    b"working-tree-encoding=UTF-16LE-BOM",
    b"working-tree-encoding=utf16be-bom",
    b"working-tree-encoding=UTF-8",
    b"working-tree-encoding=utf8",
    b"working-tree-encoding=",
    b"-working-tree-encoding",
    b"!working-tree-encoding",
    b"working-tree-encoding=UTF-32",
    b"working-tree-encoding=latin1",
    b"working-tree-encoding=nope",
    b"working-tree-encoding=windows-1252",
    b"-text=auto",
    b"!eol=crlf",
    b"-working-tree-encoding=UTF-16",
];

/// Each makes the line as a whole void.
const MISTAKES: &[&[u8]] = &[
    b"te\xc3\xa9xt",
    b"--text",
    b"-!text",
    b"=x",
    b"-",
    b"!",
    b"a/b",
    b"#text",
    b"text,eol=crlf",
    b"!-text",
];

// A blank follows `$Id:$`: git 2.39 looks for the next one without an end, and crashes where there is none.
const CONTENT_PIECES: &[&[u8]] = &[
    b"a",
    b"line",
    b"\n",
    b"\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\t",
    b"\x01",
    b"\x7f",
    b"\x1b",
    b"\x08",
    b"\x0c",
    b"\x0b",
    b" ",
    b"$",
    b"$Id$",
    b"$Id$",
    b"$Id: abc $",
    b"$Id: a b $",
    b"$Id:$ ",
    b"$Id: $",
    b"$Id:  $",
    b"$Id:a$",
    b"$Id: a",
    b"$Id",
    b"$Id:a b$",
    b"Id$",
    b"$id$",
    b"\xc3\xa9",
    b"\xff",
    b"\xe2\x82\xac",
    b"\xf0\x9f\x98\x80",
    b"\xed\xa0\x80",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\x1a",
    b"\xc2\x81",
    b"0123456789012345678901234567890123456789012345678901234567890123",
    b"0123456789012345678901234567890123456789012345678901234567890123",
];

/// The commit of a seed.
pub fn commit(seed: u64) -> Commit {
    let mut random = Random(seed);
    let mut commit = Commit::new(&format!("seed-{seed}"));
    // A file called like a directory would be replaced by it: directories end in `d`, files do not.
    let mut directories: Vec<Vec<u8>> = vec![Vec::new()];
    for _ in 0..random.below(12) {
        let parent = directories[random.below(directories.len())].clone();
        let name = random.join(NAME_PIECES, 2);
        directories.push([&parent, &name[..], b"d/"].concat());
    }
    let mut paths = Vec::new();
    for _ in 0..20 + random.below(200) {
        let directory = &directories[random.below(directories.len())];
        let mut name = random.join(NAME_PIECES, 4);
        if name.ends_with(b"d") || name == b"." {
            name.push(b'x');
        }
        let path = [directory, &name[..]].concat();
        let kind = match random.below(30) {
            0 => Kind::Link,
            1 => Kind::Program,
            _ => Kind::File,
        };
        let content = match kind {
            Kind::Link => b"target\n".to_vec(),
            _ => content(&mut random),
        };
        commit.add_kind(&path, kind, content);
        paths.push(path);
    }
    for directory in &directories {
        if !directory.is_empty() && random.is_one_in(2) {
            continue;
        }
        let kind = match random.below(10) {
            0 => Kind::Link,
            _ => Kind::File,
        };
        let attributes = attributes(&mut random, directory, &paths);
        // The target of a link ends at a NUL, and none is empty.
        commit.add_kind(
            [directory, &b".gitattributes"[..]].concat(),
            kind,
            attributes,
        );
    }
    commit
}

fn content(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => Vec::new(),
        1 => random.join(CONTENT_PIECES, 60),
        2 => {
            let count = 120 + random.below(280);
            let mut text = vec![b'x'; count];
            text.extend(random.join(CONTENT_PIECES, 5));
            text
        }
        _ => random.join(CONTENT_PIECES, 8),
    }
}

fn attributes(random: &mut Random, directory: &[u8], paths: &[Vec<u8>]) -> Vec<u8> {
    let mut text = Vec::new();
    if random.is_one_in(20) {
        text.extend_from_slice(b"\xef\xbb\xbf");
    }
    for _ in 0..1 + random.below(12) {
        line(random, directory, paths, &mut text);
        text.extend_from_slice(random.pick(&[
            b"\n", b"\n", b"\n", b"\n", b"\r\n", b" \n", b"\n\n", b"\t\r\n",
        ]));
    }
    if random.is_one_in(60) {
        text.extend_from_slice(b"* eol=crlf ident\0* -text\n");
    }
    if random.is_one_in(4) {
        text.extend_from_slice(b"* ident");
    }
    text
}

fn line(random: &mut Random, directory: &[u8], paths: &[Vec<u8>], text: &mut Vec<u8>) {
    if random.is_one_in(10) {
        text.extend_from_slice(random.pick(&[b" ", b"\t", b"#", b"  ", b"# ", b"\r"]));
    }
    match random.below(12) {
        0 => {
            let prefix = random.pick(&[b"[attr]", b"[attr]", b"[attr]", b"[attr] ", b"[attr"]);
            text.extend_from_slice(prefix);
            text.extend_from_slice(random.pick(&[
                b"m",
                b"m",
                b"n",
                b"binary",
                b"text",
                b"m.1",
                b"eol",
                b"-m",
                b"export-ignore",
            ]));
        }
        1 => text.extend_from_slice(b"*"),
        _ => {
            let pattern = pattern(random, directory, paths);
            if random.is_one_in(5) {
                quote(random, &pattern, text);
            } else {
                text.extend_from_slice(&pattern);
            }
        }
    }
    for _ in 0..random.below(5) {
        text.extend_from_slice(random.pick(&[b" ", b" ", b" ", b"\t", b"  "]));
        text.extend_from_slice(random.pick(ASSIGNMENTS));
    }
    if random.is_one_in(25) {
        text.push(b' ');
        text.extend_from_slice(random.pick(MISTAKES));
    }
}

/// A pattern of pieces, or one of the paths with wildcards in place of parts.
fn pattern(random: &mut Random, directory: &[u8], paths: &[Vec<u8>]) -> Vec<u8> {
    if random.is_one_in(3) {
        return random.join(PATTERN_PIECES, 5);
    }
    let path = &paths[random.below(paths.len())];
    let path = path.strip_prefix(directory).unwrap_or(path);
    let mut pattern = match random.below(4) {
        0 => path.rsplit(|&byte| byte == b'/').next().unwrap().to_vec(),
        1 => [b"/", path].concat(),
        _ => path.to_vec(),
    };
    for _ in 0..random.below(4) {
        let begin = random.below(pattern.len() + 1);
        let end = (begin + random.below(4)).min(pattern.len());
        let piece = random.pick(PATTERN_PIECES);
        pattern.splice(begin..end, piece.iter().copied());
    }
    pattern
}

fn quote(random: &mut Random, pattern: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    for &byte in pattern {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\t' => text.extend_from_slice(b"\\t"),
            _ if random.is_one_in(5) => text.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
            _ => text.push(byte),
        }
    }
    if random.is_one_in(20) {
        text.extend_from_slice(random.pick(&[b"\\", b"\\x", b"\\000", b"\\400", b"\\08"]));
    }
    if !random.is_one_in(20) {
        text.push(b'"');
    }
}
