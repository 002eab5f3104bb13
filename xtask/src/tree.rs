//! The files of the repository as values, so that every check can be tested on a made-up tree.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::source::Source;

/// The files that belong to the repository.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// In order of their paths.
    pub files: Vec<File>,
}

/// One text file.
#[derive(Clone, Debug)]
pub struct File {
    /// Path from the root, `/` between the parts.
    pub path: String,
    /// Its text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Taken apart, where it is Rust.
    pub source: Option<Source>,
}

impl Tree {
    /// Reads what git tracks or would track. Without git, everything but `target` and what begins with a dot.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let mut paths = match list_by_git(root) {
            Some(paths) => paths,
            None => list_by_walk(root)?,
        };
        paths.sort();
        paths.dedup();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let full = root.join(&path);
            if !full.is_file() {
                continue; // deleted but not yet committed, or a link to a folder
            }
            let bytes = std::fs::read(&full).with_context(|| format!("reading {path}"))?;
            files.push(File::new(&path, &String::from_utf8_lossy(&bytes)));
        }
        Ok(Self { files })
    }

    /// The file at a path.
    pub fn find(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|f| f.path == path)
    }

    /// Rust files below a folder, or all for an empty one.
    pub fn list_rust<'a>(&'a self, below: &'a str) -> impl Iterator<Item = (&'a File, &'a Source)> {
        self.files
            .iter()
            .filter(move |f| f.path.starts_with(below))
            .filter_map(|f| f.source.as_ref().map(|s| (f, s)))
    }

    /// Whether the whole file is test code: by its folder, its name, or a `#[cfg(test)] mod` line of its parent.
    pub fn is_test_file(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let by_folder = parts
            .iter()
            .any(|p| matches!(*p, "tests" | "benches" | "examples" | "fuzz" | "tests.rs"));
        by_folder || self.is_declared_test(path)
    }

    fn is_declared_test(&self, path: &str) -> bool {
        let Some((folder, name)) = path.rsplit_once('/') else {
            return false;
        };
        let name = name.trim_end_matches(".rs");
        let parents = [
            format!("{folder}.rs"),
            format!("{folder}/mod.rs"),
            format!("{folder}/lib.rs"),
            format!("{folder}/main.rs"),
        ];
        parents
            .iter()
            .filter_map(|p| self.find(p)?.source.as_ref())
            .any(|s| s.test_modules.iter().any(|m| m == name))
    }
}

impl File {
    /// A file of the tree.
    pub fn new(path: &str, text: &str) -> Self {
        let source = path.ends_with(".rs").then(|| Source::new(text));
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            source,
        }
    }
}

/// The room of a path: `crates/<room>/…`.
pub fn room(path: &str) -> Option<&str> {
    path.strip_prefix("crates/")?.split('/').next()
}

fn list_by_git(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(
        text.split('\0')
            .filter(|p| !p.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

fn list_by_walk(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(root.join(&folder)).with_context(|| format!("listing {folder}"))?
        {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "target" || name == ".git" {
                continue;
            }
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
impl Tree {
    /// A made-up tree.
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self {
            files: files
                .iter()
                .map(|(path, text)| File::new(path, text))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_files_are_told_by_folder_name_and_declaration() {
        let tree = Tree::of(&[
            (
                "crates/a/src/lib.rs",
                "#[cfg(test)]\nmod made_up;\nmod real;",
            ),
            ("crates/a/src/made_up.rs", ""),
            ("crates/a/src/real.rs", ""),
            ("crates/a/src/real/tests.rs", ""),
            ("crates/a/tests/it/main.rs", ""),
        ]);
        assert!(tree.is_test_file("crates/a/src/made_up.rs"));
        assert!(!tree.is_test_file("crates/a/src/real.rs"));
        assert!(tree.is_test_file("crates/a/src/real/tests.rs"));
        assert!(tree.is_test_file("crates/a/tests/it/main.rs"));
    }
}
