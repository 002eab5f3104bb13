//! Made-up crates, with and without circles.

use super::*;

/// The circles of a crate, each as its modules' names.
fn find_circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let named: Vec<(String, &str)> = files
        .iter()
        .map(|(p, t)| (format!("crates/x/src/{p}"), *t))
        .collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(p, t)| (p.as_str(), *t)).collect();
    let tree = Tree::of(&named);
    circles(&Crate::read(&tree, "crates/x").arrows())
        .iter()
        .map(|circle| circle.iter().map(show).collect())
        .collect()
}

#[track_caller]
fn check_circles(files: &[(&str, &str)], want: &[&[&str]]) {
    assert_eq!(find_circles(files), want);
}

#[test]
fn arrows_that_run_one_way_are_fine() {
    check_circles(
        &[
            ("lib.rs", "pub mod a;\npub mod b;\npub mod c;"),
            ("a.rs", "pub struct A;"),
            ("b.rs", "use crate::a::A;\npub struct B(A);"),
            ("c.rs", "use crate::{a::A, b::{self, B}};\nuse super::a;"),
        ],
        &[],
    );
}

#[test]
fn two_that_use_each_other_are_a_circle() {
    check_circles(
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use super::a::A;"),
        ],
        &[&["crate::a", "crate::b"]],
    );
}

#[test]
fn a_circle_of_three_is_found_and_its_neighbour_is_not_in_it() {
    check_circles(
        &[
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::{b::B};"),
            ("b.rs", "fn f() { crate::c::g() }"),
            ("c.rs", "impl super::a::A {}"),
            ("d.rs", "use crate::a::A; use crate::c;"),
        ],
        &[&["crate::a", "crate::b", "crate::c"]],
    );
}

#[test]
fn a_child_that_uses_its_parent_is_a_circle_only_if_the_parent_uses_it() {
    let child = ("a/b.rs", "use super::A;");
    check_circles(
        &[
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; pub struct A;"),
            child,
        ],
        &[],
    );
    check_circles(
        &[
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; pub struct A; fn f() { b::g() }"),
            child,
        ],
        &[&["crate::a", "crate::a::b"]],
    );
    check_circles(
        &[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; use b::B; pub struct A;"),
            child,
        ],
        &[&["crate::a", "crate::a::b"]],
    );
}

#[test]
fn a_signpost_is_followed() {
    let lib = (
        "lib.rs",
        "mod a; mod b; pub use a::A; pub use crate::b::{B as Bee};",
    );
    check_circles(
        &[lib, ("a.rs", "pub struct A;"), ("b.rs", "use crate::A;")],
        &[],
    );
    check_circles(
        &[lib, ("a.rs", "use crate::Bee;"), ("b.rs", "use crate::A;")],
        &[&["crate::a", "crate::b"]],
    );
}

#[test]
fn tests_comments_strings_and_other_crates_draw_no_arrows() {
    check_circles(
        &[
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "// use crate::b::B;\nconst S: &str = \"crate::b\";\n#[cfg(test)]\nmod tests { use crate::b::B; }",
            ),
            ("a/tests.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a::A; use serde::b;"),
        ],
        &[],
    );
}

#[test]
fn a_finding_names_the_line_of_each_arrow() {
    let tree = Tree::of(&[
        ("crates/x/src/lib.rs", "mod a; mod b;"),
        ("crates/x/src/a.rs", "//! A.\n\nuse crate::b::B;"),
        ("crates/x/src/b.rs", "use crate::a::A;"),
    ]);
    let places: Vec<(String, usize)> = check(&tree).into_iter().map(|f| (f.path, f.line)).collect();
    assert_eq!(
        places,
        [
            ("crates/x/src/a.rs".to_owned(), 3),
            ("crates/x/src/b.rs".to_owned(), 1)
        ]
    );
}
