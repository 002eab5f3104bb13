//! Texts put together from the canonical ones.

use super::*;
use crate::licence::library::LIBRARY;

fn text_of(licence: &str) -> &'static str {
    spdx::license_id(licence).unwrap().text()
}

fn list(text: &str) -> Vec<&'static str> {
    let text = Text::read(&LIBRARY.lexicon, text.as_bytes());
    let found = scan(&LIBRARY, &text).found;
    for pair in found.windows(2) {
        assert!(pair[0].words.end <= pair[1].words.start, "{pair:?}");
    }
    found.into_iter().map(|one| one.licence).collect()
}

#[test]
fn glued_licences_are_found_in_their_order() {
    let glued = [
        "MIT",
        "BSD-3-Clause",
        "Apache-2.0",
        "ISC",
        "MPL-2.0",
        "MIT",
        "BSD-2-Clause",
        "GPL-2.0",
    ];
    let text: Vec<&str> = glued.iter().map(|licence| text_of(licence)).collect();
    assert_eq!(list(&text.join("\n\n")), glued);
}

#[test]
fn a_part_of_a_licence_is_none() {
    let text = text_of("Apache-2.0");
    assert_eq!(list(&text[..text.len() / 2]), [""; 0]);
    assert_eq!(list(&text[text.len() / 4..text.len() * 3 / 5]), [""; 0]);
    let mit = text_of("MIT");
    assert_eq!(list(&mit[..mit.len() * 3 / 4]), [""; 0]);
}

#[test]
fn notices_and_clauses_are_found() {
    let apache = "Copyright 2016 A\n\nLicensed under the Apache License, Version 2.0 (the \"License\"); you may not use \
                  this file except in compliance with the License.";
    assert_eq!(list(apache), ["Apache-2.0"]);
    let foundation = apache.replace("Licensed under", "The ASF licenses this file to you under");
    assert_eq!(list(&foundation), ["Apache-2.0"]);
    assert_eq!(
        list(&apache.replace("Apache License", "Example Licence")),
        [""; 0]
    );
    let gnu = |version: &str| {
        format!(
            "This program is free software; you can redistribute it and/or modify it under the terms of the GNU \
             General Public License as published by the Free Software Foundation; {version}."
        )
    };
    let later = "either version 2 of the License, or (at your option) any later version";
    assert_eq!(list(&gnu(later)), ["GPL-2.0-or-later"]);
    assert_eq!(list(&gnu("version 3 of the License")), ["GPL-3.0-only"]);
    assert_eq!(list(&gnu("version 3 or later")), ["GPL-3.0-or-later"]);
    assert_eq!(
        list(
            "This Source Code Form is subject to the terms of the Mozilla Public\nLicense, v. 2.0."
        ),
        ["MPL-2.0"]
    );
    assert_eq!(
        list("see https://www.apache.org/licenses/LICENSE-2.0 there"),
        ["Apache-2.0"]
    );
    assert_eq!(list("SPDX-License-Identifier: MIT"), ["MIT"]);
    assert_eq!(list("This is under the MIT licence."), [""; 0]);
}

#[test]
fn lines_of_rights_belong_to_the_licence_after_them() {
    let text = "Words before.\nCopyright 2016 A\nCopyright 2017 B\nPermission to use, copy, modify";
    let isc = text_of("ISC");
    let (_, body) = isc.split_once("Permission to use, copy, modify").unwrap();
    let whole = format!("{text}{body}");
    let text = Text::read(&LIBRARY.lexicon, whole.as_bytes());
    let found = scan(&LIBRARY, &text).found;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].words.start, 2);
}

#[test]
fn the_longest_is_chosen_and_nothing_lies_over_it() {
    let found = |licence, words: Range<usize>, core, edits| Found {
        licence,
        words,
        core,
        edits,
    };
    let chosen = choose(vec![
        found("short", 5..9, 5..9, 0),
        found("long", 0..10, 1..10, 2),
        found("same", 0..10, 1..9, 1),
        found("after", 8..12, 10..12, 0),
        found("over", 8..11, 8..11, 0),
        found("appendix", 9..10, 9..10, 0),
    ]);
    let names: Vec<_> = chosen
        .iter()
        .map(|one| (one.licence, one.words.clone()))
        .collect();
    assert_eq!(names, [("same", 0..10), ("after", 10..12)]);
}

#[test]
fn hits_sort_by_pattern_and_distance() {
    let hit = |template, place, at| Hit::new(template, place, at).unwrap();
    assert!(hit(1, 9, 0) < hit(1, 0, 0) && hit(1, 0, 100) < hit(2, 500, 0));
    assert_eq!(hit(7, 9, 3).distance(), -6);
    assert_eq!((hit(7, 9, 3).template(), hit(7, 9, 3).place()), (7, 9));
    assert!(Hit::new(0, 0, usize::MAX).is_none());
}
