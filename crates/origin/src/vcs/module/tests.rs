//! The rules, case by case, over a repository in memory that counts what it is asked.

mod fake;
mod homes;
mod lists;
mod pseudo_versions;
mod queries;
mod trees;

use std::sync::Arc;

use self::fake::Fake;
use super::{Module, Stated};
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// The path at the root of most repositories here.
const ROOT: &str = "example.test/x";

/// Puts a path into the repository of [`ROOT`]; one of gopkg.in has its own.
fn module(fake: &Fake, path: &str) -> Module {
    let root = if path.starts_with(ROOT) { ROOT } else { path };
    Module::new(Arc::new(fake.clone()), root, None, path.parse().unwrap()).unwrap()
}

/// What a call said: its value, or `!class text`.
fn said<T: ToString>(answer: Result<T, CodeError>) -> String {
    match answer {
        Ok(value) => value.to_string(),
        Err(error) => format!("!{} {}", class_word(error.class), error.text),
    }
}

fn class_word(class: UpstreamClass) -> &'static str {
    match class {
        UpstreamClass::Absent => "absent",
        UpstreamClass::Invalid => "invalid",
        UpstreamClass::Unreachable => "unreachable",
        other => panic!("{other:?}"),
    }
}

/// Compares with a value, or with the class and some words of an error: `!absent unknown revision`.
#[track_caller]
fn check_said(found: &str, want: &str) {
    let fits = match want.strip_prefix('!') {
        None => found == want,
        Some(error) => {
            let (class, words) = error.split_once(' ').unwrap();
            found.starts_with(&format!("!{class} ")) && found.contains(words)
        }
    };
    assert!(fits, "found {found:?}, want {want:?}");
}

#[track_caller]
fn check_stat(fake: &Fake, path: &str, query: &str, want: &str) {
    let answer = module(fake, path).stat(query).map(|stated| stated.version);
    check_said(&said(answer), want);
}

#[track_caller]
fn check_list(fake: &Fake, path: &str, want: &str) {
    let answer = module(fake, path).list_versions();
    check_said(&said(answer.map(|versions| joined(&versions))), want);
}

/// Asks and compares all that the repository was asked on the way.
#[track_caller]
fn check_questions(fake: &Fake, path: &str, query: &str, want: &[&str]) {
    fake.questions();
    let _ = module(fake, path).stat(query);
    assert_eq!(fake.questions(), want);
}

fn stated(fake: &Fake, path: &str, query: &str) -> Stated {
    module(fake, path).stat(query).unwrap()
}

fn joined(values: &[impl ToString]) -> String {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    values.join(" ")
}

/// The pseudo-version of a commit of a [`Fake`] behind `v0.0.0-` or `v1.0.1-0.`.
fn pseudo(base: &str, commit: usize) -> String {
    format!("{base}2020010100{commit:02}00-{commit:x}00000000000")
}
