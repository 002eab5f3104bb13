//! Finding names that cannot live beside each other: equal but for case, or file and directory at once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::fold::fold;
use super::{Measure, NameFault, ZipError};

/// The names of one module as a tree, every directory included.
///
/// Adding a name costs time linear in its length, however many directories it goes through (the check of whole parent
/// paths that this replaces is quadratic, and an archive can hold names of 32,000 directories: compare CVE-2025-61728).
pub struct NameTree<'a> {
    /// From a directory and a folded element to the name that stands there.
    ids: HashMap<(u32, Cow<'a, str>), u32>,
    nodes: Vec<Node<'a>>,
    nodes_max: u64,
    /// The directory of the last name: most names share theirs with the one before.
    last: (&'a str, u32),
}

struct Node<'a> {
    element: &'a str,
    is_directory: bool,
}

/// Number of the module's root, which is no node.
const ROOT: u32 = 0;

impl<'a> NameTree<'a> {
    /// Makes an empty tree for at most `nodes_max` files and directories.
    pub fn new(nodes_max: u64) -> Self {
        Self {
            ids: HashMap::new(),
            nodes: Vec::new(),
            nodes_max: nodes_max.min(u64::from(u32::MAX) - 1),
            last: ("", ROOT),
        }
    }

    /// Adds a clean relative path. A directory may be added more than once, and stands for all its parents.
    ///
    /// # Errors
    /// [`ZipError::BadName`] with the collision, [`ZipError::TooLarge`] over the tree's limit.
    pub fn add(&mut self, path: &'a str, is_directory: bool) -> Result<(), ZipError> {
        let (directory, element) = path.rsplit_once('/').unwrap_or(("", path));
        if directory != self.last.0 {
            let mut id = ROOT;
            for parent in directory.split('/').filter(|_| !directory.is_empty()) {
                id = self.enter(path, id, parent, true)?;
            }
            self.last = (directory, id);
        }
        self.enter(path, self.last.1, element, is_directory)?;
        Ok(())
    }

    fn enter(
        &mut self,
        path: &str,
        parent: u32,
        element: &'a str,
        is_directory: bool,
    ) -> Result<u32, ZipError> {
        let refuse = |fault| Err(ZipError::name(path.as_bytes(), fault));
        match self.ids.entry((parent, fold(element))) {
            Entry::Occupied(entry) => {
                let id = *entry.get();
                let known = &self.nodes[id as usize - 1];
                if known.element != element {
                    return refuse(NameFault::CaseCollision(crate::path::shorten(
                        known.element,
                    )));
                }
                if known.is_directory != is_directory {
                    return refuse(NameFault::FileAndDirectory);
                }
                if !is_directory {
                    return refuse(NameFault::Twice);
                }
                Ok(id)
            }
            Entry::Vacant(entry) => {
                if self.nodes.len() as u64 >= self.nodes_max {
                    return Err(ZipError::TooLarge {
                        what: Measure::Directories,
                        limit: self.nodes_max,
                    });
                }
                self.nodes.push(Node {
                    element,
                    is_directory,
                });
                let id = self.nodes.len() as u32;
                entry.insert(id);
                Ok(id)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names ending in a slash are directories. Gives the fault of the last one; all others must pass.
    #[track_caller]
    fn find_fault(names: &[&str]) -> Option<NameFault> {
        let mut tree = NameTree::new(100);
        let mut add =
            |name: &&'static str| match tree.add(name.trim_end_matches('/'), name.ends_with('/')) {
                Ok(()) => None,
                Err(ZipError::BadName { fault, .. }) => Some(fault),
                Err(error) => panic!("{error}"),
            };
        // The names are leaked: the tree borrows from them and tests are short.
        let names: Vec<&'static str> = names.iter().map(|name| &*name.to_string().leak()).collect();
        let (last, first) = names.split_last().unwrap();
        for name in first {
            assert_eq!(add(name), None, "{name}");
        }
        add(last)
    }

    fn collision(with: &str) -> Option<NameFault> {
        Some(NameFault::CaseCollision(with.to_owned()))
    }

    #[test]
    fn case_twins_collide_on_every_level() {
        assert_eq!(find_fault(&["a", "b", "A"]), collision("a"));
        assert_eq!(find_fault(&["x/README", "x/readme"]), collision("README"));
        assert_eq!(find_fault(&["x/a", "X/b"]), collision("x"));
        assert_eq!(find_fault(&["p/x/a", "q/x/a", "p/X/b/c"]), collision("x"));
        assert_eq!(find_fault(&["p/ſ", "p/S"]), collision("ſ"));
        assert_eq!(find_fault(&["ß", "ss", "SS/a"]), collision("ss"));
        assert_eq!(find_fault(&["x/a", "y/A", "a/x", "a-x"]), None);
    }

    #[test]
    fn files_and_directories_collide() {
        assert_eq!(find_fault(&["a", "a/b"]), Some(NameFault::FileAndDirectory));
        assert_eq!(find_fault(&["a/b", "a"]), Some(NameFault::FileAndDirectory));
        assert_eq!(find_fault(&["a/", "a"]), Some(NameFault::FileAndDirectory));
        assert_eq!(find_fault(&["a", "a/"]), Some(NameFault::FileAndDirectory));
        assert_eq!(find_fault(&["a", "A/b"]), collision("a"));
        assert_eq!(find_fault(&["a/b", "a/b"]), Some(NameFault::Twice));
        assert_eq!(find_fault(&["a/b/c", "a/", "a/b/", "a/b/", "a/d"]), None);
    }

    #[test]
    fn number_of_names_is_bounded() {
        let mut tree = NameTree::new(3);
        tree.add("a/b/c", false).unwrap();
        tree.add("a/b", true).unwrap();
        assert!(matches!(
            tree.add("a/b/d", false),
            Err(ZipError::TooLarge {
                what: Measure::Directories,
                limit: 3
            })
        ));
    }
}
