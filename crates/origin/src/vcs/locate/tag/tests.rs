//! What pages say: compared with Go's own reading, kept in `heads.txt`.

mod cases;

use super::*;
use crate::vcs::locate::tag;

/// Cases of `heads.txt`: fewer mean that it was not read.
const HEADS_MIN: usize = 180;

/// Pages and what Go reads from them, both escaped.
fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("heads.txt").lines();
    lines.filter_map(|line| line.split_once('\t'))
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&kind, after) = rest.split_first().unwrap();
        rest = after;
        bytes.push(match kind {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'\\' => b'\\',
            b'x' => {
                let (digits, after) = rest.split_at(2);
                rest = after;
                u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
            }
            other => panic!("\\{other} in {text}"),
        });
    }
    bytes
}

fn write(head: &Head) -> String {
    let mut written = String::new();
    for tag in &head.tags {
        written += &format!("{} {} {}", tag.prefix, tag.vcs, tag.repository);
        if !tag.subdirectory.is_empty() {
            written += &format!(" {}", tag.subdirectory);
        }
        written += " | ";
    }
    written
        + match head.end {
            HeadEnd::Marked => "marked",
            HeadEnd::Over => "over",
            HeadEnd::Broken(_) => "broken",
        }
}

#[test]
fn heads_are_read_as_go_reads_them() {
    let mut count = 0;
    for (page, want) in cases() {
        let page = unescape(page);
        assert_eq!(
            write(&read_head(&page)).into_bytes(),
            unescape(want),
            "{want}"
        );
        count += 1;
    }
    assert!(count >= HEADS_MIN, "{count}");
}

#[test]
fn damaged_pages_are_read_to_their_damage() {
    for (page, _) in cases() {
        let page = unescape(page);
        cases::go_import(&page);
        for at in 0..page.len() {
            cases::go_import(&page[..at]);
            let mut damaged = page.clone();
            damaged[at] ^= 0x20;
            cases::go_import(&damaged);
        }
    }
}

#[test]
fn the_corpus_of_the_fuzzer_is_read() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/go_import");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        cases::go_import(&std::fs::read(file.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 10, "{count}");
}

#[test]
fn a_long_page_costs_its_length() {
    let began = std::time::Instant::now();
    for piece in [
        "<",
        "<!--",
        "<a ",
        "&",
        "<a b=\"",
        "<![CDATA[",
        "]]",
        "<!x <",
        "<a b=c d",
    ] {
        read_head(piece.repeat((1 << 20) / piece.len()).as_bytes());
        read_head(format!("<a>{}", piece.repeat(1 << 16)).as_bytes());
    }
    // Seconds of room: to read one of them in squares would take minutes.
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

fn tags(text: &str) -> Vec<ImportTag> {
    text.split(", ")
        .filter(|tag| !tag.is_empty())
        .map(|tag| {
            let mut fields = tag.split(' ').map(str::to_owned);
            ImportTag {
                prefix: fields.next().unwrap(),
                vcs: fields.next().unwrap(),
                repository: fields.next().unwrap(),
                subdirectory: fields.next().unwrap_or_default(),
            }
        })
        .collect()
}

#[track_caller]
fn check_found(text: &str, path: &str, want: &str) {
    let tags = tags(text);
    let found = match find_tag(&tags, path) {
        Ok(tag) => tag.repository.clone(),
        Err(TagError::ManyMatch) => "many".to_owned(),
        Err(TagError::NoneMatches { .. }) => "none".to_owned(),
    };
    assert_eq!(found, want, "{path}: {text}");
}

#[test]
fn one_tag_is_for_a_path() {
    check_found("", "a.b/c", "none");
    check_found("a.b git 1", "a.b/c", "1");
    check_found("a.b/c git 1", "a.b/c", "1");
    check_found("a.b/c/d git 1", "a.b/c", "none");
    check_found("a.b/ git 1", "a.b/c", "1");
    check_found("a.b/c/ git 1", "a.b/c", "none");
    check_found("a.b/c git 1", "a.b/cd", "none");
    check_found("a.b/C git 1", "a.b/c", "none");
    check_found("x.y git 0, a.b git 1", "a.b/c", "1");
    check_found("a.b git 1, a.b/c git 2", "a.b/c", "many");
    check_found("a.b git 1, a.b git 1", "a.b/c", "many");
    check_found("a.b git 1, a.b/d git 2", "a.b/c", "1");
}

#[test]
fn mod_beats_all_others() {
    check_found("a.b git 1, a.b mod 2", "a.b/c", "2");
    check_found("a.b/c git 1, a.b git 3, a.b mod 2", "a.b/c", "2");
    check_found("a.b mod 2, a.b/c mod 3", "a.b/c", "many");
    check_found("a.b/d mod 2, a.b git 1", "a.b/c", "1");
    check_found("a.b/d mod 2, a.b git 1, a.b/c hg 3", "a.b/c", "many");
    check_found("a.b MOD 2, a.b git 1", "a.b/c", "many");
}

#[test]
fn an_error_lists_a_few_prefixes_shortly() {
    let many = format!(
        "x.y/{} git 1, \u{1b}[31m git 1, c git 1, d git 1",
        "z".repeat(500)
    );
    let error = find_tag(&tags(&many), "a.b").unwrap_err().to_string();
    assert!(error.len() < 400 && !error.contains('\u{1b}'), "{error}");
    assert!(!error.contains("\"d\""), "{error}");
}

#[test]
fn subdirectories_lead_downwards() {
    for good in [
        "", "x", "x/y", "x-", ".", "..x", "x..", "a..b/c", "x//y", "./x",
    ] {
        assert_eq!(check_subdirectory(good), Ok(()), "{good}");
    }
    for bad in [
        "/",
        "/x",
        "-",
        "-x",
        "..",
        "../x",
        "x/..",
        "x/../../y",
        "..\\x",
        "x\\..",
    ] {
        assert!(check_subdirectory(bad).is_err(), "{bad}");
    }
}
