//! One made licence, and texts that are and are not it.

use super::*;
use crate::licence::template::Marks;

const LICENCE: &str = "The Licence of Examples

Permission is granted to everyone to take the work and to change it in every way that pleases them.

1. The holder <name> gives no warranty of any kind, and the work is provided by the holder \"as is\" to you.

2. Whoever takes the work keeps this text with it, in a place where others can see it.

3. Who takes it in another country does so by the laws that are there, and by these terms as far as those laws let them be.";

/// The words that differ, in words of the text; none if the licence is there.
fn lay(text: &str) -> Result<usize, usize> {
    let mut lexicon = Lexicon::new();
    let marks = Marks::new(&mut lexicon);
    let template = Template::read("X", LICENCE, &mut lexicon, &marks);
    let text = Text::read(&lexicon, text.as_bytes());
    let anchor = lexicon.learn_phrase("to take the work");
    let place = super::super::template::find(&template.words, &anchor, 0).unwrap();
    let at = super::super::template::find(&text.ids, &anchor, 0).unwrap();
    match align(&template, &lexicon, &text, (at, place), &mut Work(100_000)) {
        Ok(aligned) => Ok(aligned.edits),
        Err(differs) => Err(differs.at),
    }
}

#[track_caller]
fn check_edit(from: &str, to: &str, want: Result<usize, ()>) {
    let text = LICENCE.replace("<name>", "").replace(from, to);
    assert_ne!(text, LICENCE.replace("<name>", ""), "nothing was replaced");
    assert_eq!(lay(&text).map_err(|_| ()), want, "{to}");
}

#[test]
fn a_licence_is_itself() {
    assert_eq!(lay(LICENCE), Ok(0));
    assert_eq!(lay(&LICENCE.to_uppercase()), Ok(0));
    assert_eq!(lay(&format!("before {LICENCE} after")), Ok(0));
}

#[test]
fn names_titles_and_numbers_are_free() {
    check_edit(
        "holder  gives",
        "holder Jane van der Example of Examples gives",
        Ok(0),
    );
    check_edit(
        "provided by the holder",
        "provided by A. B. Contributor and all others",
        Ok(0),
    );
    check_edit("The Licence of Examples\n", "", Ok(0));
    check_edit("1. The", "The", Ok(0));
    check_edit("2. Whoever", "(ii) Whoever", Ok(0));
}

#[test]
fn slips_and_small_edits_are_forgiven() {
    check_edit("warranty", "warrranty", Ok(0));
    check_edit("everyone", "every one", Ok(0));
    check_edit("every way", "everyway", Ok(0));
    check_edit("in a place where", "by a place where", Ok(1));
    check_edit("take the work and", "take the work", Ok(1));
    check_edit("3. Who takes", "Who", Ok(2));
}

#[test]
fn other_terms_are_another_licence() {
    check_edit("to everyone", "not to everyone", Err(()));
    check_edit("gives no warranty", "gives warranty", Err(()));
    check_edit("every way that", "every noncommercial way that", Err(()));
    check_edit("every way that", "every pleasant way that", Err(()));
    check_edit("Permission is granted", "It is", Err(()));
    check_edit("everyone to", "everyone, unless they sell it, to", Err(()));
    check_edit(
        "with it, in",
        "with it and sends a copy of every change to us, in",
        Err(()),
    );
    check_edit(", in a place where others can see it", "", Err(()));
    check_edit(
        "in a place where others can see it",
        "on that spot so all folk may look at this",
        Err(()),
    );
}

#[test]
fn it_says_where_they_part() {
    // 18 words before, and the title's four.
    let text = LICENCE.replace("pleases them.", "pleases them, but only here.");
    assert_eq!(lay(&text), Err(23));
}

#[test]
fn work_is_bounded() {
    let mut lexicon = Lexicon::new();
    let marks = Marks::new(&mut lexicon);
    let template = Template::read("X", LICENCE, &mut lexicon, &marks);
    let text = Text::read(&lexicon, LICENCE.as_bytes());
    let mut work = Work(10);
    assert!(align(&template, &lexicon, &text, (10, 10), &mut work).is_err());
    assert_eq!(work.0, 0);
}

#[test]
fn slips_are_of_one_letter() {
    for (a, b, want) in [
        ("warranty", "warrenty", true),
        ("warranty", "warantty", false),
        ("software", "softwares", true),
        ("work", "word", true),
        ("not", "now", false),
        ("with", "without", false),
        ("same", "same", true),
    ] {
        assert_eq!(is_slip(a.as_bytes(), b.as_bytes()), want, "{a} {b}");
        assert_eq!(is_slip(b.as_bytes(), a.as_bytes()), want, "{b} {a}");
    }
}
