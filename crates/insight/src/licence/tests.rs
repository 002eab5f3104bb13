//! Modules made of canonical texts: what decides, and what a change to a text does.

use std::time::Instant;

use proptest::prelude::*;

use super::*;

fn text_of(licence: &str) -> String {
    let text = spdx::license_id(licence).unwrap().text();
    text.replace("<year>", "2016")
        .replace("<copyright holders>", "The Authors")
}

fn file(path: &str, text: impl Into<Vec<u8>>) -> LicenceText {
    LicenceText {
        path: path.to_owned(),
        text: text.into(),
    }
}

fn judge_text(text: impl Into<Vec<u8>>) -> LicenceFile {
    judge(&[file("LICENSE", text)]).files.remove(0)
}

#[track_caller]
fn check_licences(text: &str, want: &[&str]) {
    let file = judge_text(text);
    assert_eq!(file.licences, want, "{}", file.why);
}

#[track_caller]
fn check_edit(licence: &str, from: &str, to: &str, want: &[&str]) {
    let text = text_of(licence);
    assert!(text.contains(from), "{from} is not in {licence}");
    check_licences(&text.replace(from, to), want);
}

#[test]
fn canonical_texts_are_themselves() {
    let mut others = Vec::new();
    for template in &LIBRARY.templates {
        let Some(id) = spdx::license_id(template.licence) else {
            continue;
        };
        let file = judge_text(id.text());
        if file.licences != [template.licence]
            && !template.licence.ends_with("-only")
            && !template.licence.ends_with("-later")
        {
            others.push(format!(
                "{}: {:?}: {}",
                template.licence, file.licences, file.why
            ));
        }
    }
    assert!(others.len() < 20, "{}", others.join("\n"));
}

#[test]
fn usual_files_are_known() {
    check_licences(&text_of("MIT"), &["MIT"]);
    check_licences(&text_of("GPL-3.0-only"), &["GPL-3.0"]);
    check_licences(&text_of("BUSL-1.1"), &["BUSL-1.1"]);
    // Without its appendix it is still Apache's, and not the one that was made from it.
    let apache = text_of("Apache-2.0");
    let (terms, _) = apache.split_once("END OF TERMS AND CONDITIONS").unwrap();
    check_licences(terms, &["Apache-2.0"]);
    check_licences(
        &apache.replace("[yyyy] [name of copyright owner]", "2016 The Authors"),
        &["Apache-2.0"],
    );
    check_edit(
        "BSD-3-Clause",
        "copyright holder nor",
        "Example Inc. nor",
        &["BSD-3-Clause"],
    );
    check_edit(
        "BSD-3-Clause",
        "THE COPYRIGHT HOLDERS AND CONTRIBUTORS",
        "Example Inc.",
        &["BSD-3-Clause"],
    );
    check_edit(
        "BSD-3-Clause",
        "THE COPYRIGHT HOLDERS AND CONTRIBUTORS",
        "the Free Software Foundation",
        &["BSD-3-Clause"],
    );
    check_edit(
        "MIT",
        "AUTHORS OR COPYRIGHT HOLDERS",
        "FRIENDS OF EXAMPLE",
        &["MIT"],
    );
}

#[test]
fn another_clause_makes_another_licence() {
    check_edit(
        "MIT",
        "Permission is hereby granted",
        "Permission is hereby not granted",
        &[UNKNOWN],
    );
    check_edit(
        "MIT",
        "Software without restriction",
        "Software for non-commercial purposes",
        &[UNKNOWN],
    );
    check_edit(
        "MIT",
        "The above copyright",
        "The Software may not be hosted. The above copyright",
        &[UNKNOWN],
    );
    check_edit("MIT", "to any person", "to any academic person", &[UNKNOWN]);
    check_edit(
        "MIT",
        "publish, distribute, sublicense",
        "publish",
        &[UNKNOWN],
    );
    check_edit(
        "BSD-3-Clause",
        "THE COPYRIGHT HOLDERS AND CONTRIBUTORS",
        "Example for noncommercial ends",
        &[UNKNOWN],
    );
    check_edit(
        "MIT",
        "of this software and",
        "of this software for teaching and",
        &[UNKNOWN],
    );
    check_edit(
        "BSD-3-Clause",
        "3. Neither",
        "3. Users pay us a tenth of what they earn with it every year.\n4. Neither",
        &[UNKNOWN],
    );
    check_edit(
        "Apache-2.0",
        "royalty-free, irrevocable",
        "irrevocable",
        &[UNKNOWN],
    );
    check_edit(
        "MIT",
        "THE SOFTWARE IS PROVIDED",
        "The Software shall be used for Good, not Evil.\n\nTHE SOFTWARE IS PROVIDED",
        &["JSON"],
    );
}

/// `licence` and so many other words.
fn padded(licence: &str, words: usize) -> LicenceFile {
    judge_text(format!("{}\n{}", text_of(licence), "lorem ".repeat(words)))
}

#[test]
fn three_quarters_must_be_licence() {
    let words = (percent_words(&text_of("MIT"))) as f64;
    let most = (words / 3.0) as usize;
    let (enough, short) = (padded("MIT", most), padded("MIT", most + 1));
    assert!(
        (75.0..76.0).contains(&enough.coverage_percent),
        "{}",
        enough.coverage_percent
    );
    assert!(
        (74.0..75.0).contains(&short.coverage_percent),
        "{}",
        short.coverage_percent
    );
    assert_eq!(
        (enough.licences, short.licences),
        (vec!["MIT".to_owned()], vec![UNKNOWN.to_owned()])
    );
    // What stands there is told all the same.
    assert_eq!(short.spans[0].licence, "MIT");
    assert!(short.why.contains("MIT is only 74"), "{}", short.why);
}

/// The words of a text that is a licence whole.
fn percent_words(text: &str) -> usize {
    assert_eq!(judge_text(text).coverage_percent, 100.0);
    Text::read(&LIBRARY.lexicon, text.as_bytes()).ids.len()
}

#[test]
fn the_files_at_the_root_decide() {
    let mit = || file("LICENSE", text_of("MIT"));
    let verdict = judge(&[
        mit(),
        file("a/LICENSE", text_of("BUSL-1.1")),
        file("b/COPYING", "mine"),
    ]);
    assert!(verdict.redistributable);
    assert_eq!(verdict.licences, ["MIT"]);
    assert_eq!(verdict.files.len(), 3);
    assert_eq!(verdict.why, "redistributable under MIT");

    let verdict = judge(&[mit(), file("COPYING", "All rights reserved.")]);
    assert!(!verdict.redistributable);
    assert_eq!(verdict.licences, ["MIT", UNKNOWN]);
    assert_eq!(
        verdict.why,
        "COPYING is no known licence: no known licence stands in it whole"
    );

    let verdict = judge(&[mit(), file("LICENSE.txt", text_of("BUSL-1.1"))]);
    assert!(!verdict.redistributable);
    assert_eq!(
        verdict.why,
        "LICENSE.txt holds BUSL-1.1, which is not among the licences that allow redistribution"
    );

    let verdict = judge(&[
        file("a/LICENSE", text_of("MIT")),
        file("README", text_of("MIT")),
    ]);
    assert!(!verdict.redistributable && verdict.licences.is_empty());
    assert_eq!(verdict.files.len(), 1);
    assert_eq!(
        verdict.why,
        "no file at the root of the module has the name of a licence"
    );
    assert!(!judge(&[]).redistributable);
}

#[test]
fn what_decides_nothing_decides_nothing() {
    let font = || file("LICENSE.docs", text_of("OFL-1.1"));
    assert!(!judge(&[font()]).redistributable);
    assert!(judge(&[font(), file("LICENSE", text_of("MIT"))]).redistributable);
}

#[test]
fn spans_are_where_the_licences_stand() {
    let text = format!(
        "A preface of a few words.\n\n{}\n\nAnd: {}",
        text_of("MIT"),
        text_of("ISC")
    );
    let file = judge_text(text.as_str());
    assert_eq!(file.licences, ["ISC", "MIT"]);
    let [mit, isc] = file.spans.as_slice() else {
        panic!("{:?}", file.spans);
    };
    assert!(text[mit.start_byte..].starts_with("MIT License"));
    assert!(
        text[..mit.end_byte].ends_with("DEALINGS IN THE SOFTWARE"),
        "{}",
        &text[..mit.end_byte]
    );
    assert!(text[isc.start_byte..].starts_with("ISC License"));
}

#[test]
fn a_verdict_can_be_kept_as_json() {
    let verdict = judge(&[file("LICENSE", text_of("MIT"))]);
    let json = serde_json::to_string(&verdict).unwrap();
    assert!(json.contains(r#""licences":["MIT"]"#), "{json}");
    assert_eq!(
        serde_json::from_str::<LicenceVerdict>(&json).unwrap(),
        verdict
    );
}

#[test]
fn odd_files_are_judged() {
    for text in [
        &b""[..],
        b"\xFF\xFE\x00",
        b" \n\t",
        "\u{FEFF}".as_bytes(),
        "数字".as_bytes(),
    ] {
        assert_eq!(judge_text(text).licences, [UNKNOWN]);
    }
    let mut broken = text_of("MIT").into_bytes();
    broken.extend(b"\xC3\x28\xFF");
    assert_eq!(judge_text(broken).licences, ["MIT"]);
    let wide: Vec<u8> = text_of("MIT").replace('\n', "\r\n").into_bytes();
    assert_eq!(judge_text(wide).licences, ["MIT"]);
    let large = judge_text(vec![b'a'; LICENCE_BYTES_MAX + 1]);
    assert!(large.why.contains("are not read"), "{}", large.why);
}

#[test]
fn hostile_files_take_bounded_time() {
    const BYTES: usize = 2 << 20;
    let all: String = LIBRARY
        .templates
        .iter()
        .filter_map(|template| spdx::license_id(template.licence))
        .map(|id| format!("{}\n\n", id.text()))
        .collect();
    let whole = judge_text(all);
    assert!(whole.coverage_percent > 95.0, "{}", whole.coverage_percent);
    let mit = text_of("MIT");
    for (name, unit) in [
        ("one licence", mit.as_bytes()),
        ("most of one", &mit.as_bytes()[..mit.len() * 9 / 10]),
        ("one word", b"a"),
        ("marks", b"<a [b] (c) &"),
        ("a phrase", b"the software is provided as is in no event "),
        (
            "mentions",
            b"http://a.org/b SPDX-License-Identifier: MIT OR ",
        ),
        (
            "beginnings",
            b"the software is provided to you by the licensor under the license ",
        ),
    ] {
        let begun = Instant::now();
        let file = judge_text(unit.repeat(BYTES / unit.len()));
        let elapsed = begun.elapsed();
        assert!(file.spans.len() <= SPANS_MAX, "{name}");
        // Far above what it takes, far below what a square of the length would.
        assert!(elapsed.as_secs() < 20, "{name}: {elapsed:?}: {}", file.why);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_bytes_get_a_verdict(parts in prop::collection::vec((0..LIBRARY.templates.len(), any::<u16>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..40)), 0..6)) {
        let mut bytes = Vec::new();
        for (template, from, length, noise) in parts {
            if let Some(id) = spdx::license_id(LIBRARY.templates[template].licence) {
                let text = id.text().as_bytes();
                let from = usize::from(from) % text.len();
                bytes.extend(text[from..].iter().take(usize::from(length)));
            }
            bytes.extend(noise);
        }
        let length = bytes.len();
        let file = judge_text(bytes);
        prop_assert!((0.0..=100.0).contains(&file.coverage_percent));
        let mut last = 0;
        for span in &file.spans {
            prop_assert!(last <= span.start_byte && span.start_byte <= span.end_byte && span.end_byte <= length);
            last = span.end_byte;
        }
        prop_assert!(!file.licences.is_empty() && !file.why.is_empty());
    }
}
