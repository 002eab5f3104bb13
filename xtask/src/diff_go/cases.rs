//! The cases made by hand, by theme: one short builder each. A case is here because two implementations once disagreed,
//! or easily could.

mod attributes;
mod choice;
mod commits;
mod gomods;
mod layouts;
mod names;
mod odd;
mod pseudo;
mod tags;

use super::case::Case;

/// All cases made by hand.
pub fn list() -> Vec<Case> {
    let mut cases = Vec::new();
    for theme in [
        attributes::list,
        choice::list,
        names::list,
        gomods::list,
        layouts::list,
        tags::list,
        commits::list,
        pseudo::list,
        odd::list,
    ] {
        cases.extend(theme());
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_150_cases_of_different_names_that_can_be_paths() {
        let cases = list();
        let names: std::collections::BTreeSet<&str> =
            cases.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), cases.len());
        assert!(cases.len() >= 150, "{}", cases.len());
        for case in &cases {
            let path: Result<gomod::path::ModulePath, _> = case.repository.root.parse();
            assert!(path.is_ok(), "{}", case.name);
        }
    }
}
