//! Which files of a tree go into its module zip, and which trees cannot be zipped at all.
//!
//! Source: golang.org/x/mod, `zip`, `CheckFiles`; bug compatibility included, since the hash depends on it.

use std::cmp::Ordering;
use std::io::Read;

use super::check::check_sizes;
use super::names::NameTree;
use super::tree::{Kind, Tree, TreeFile};
use super::{Limits, NameFault, ZipError};
use crate::path::check_file_path;
use crate::{go_version, modfile};

/// A file that was left out of a module zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// Its path inside the module.
    pub path: String,
    /// Why it does not belong there.
    pub why: Omission,
}

/// Why a file does not belong into a module zip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Omission {
    /// Belongs to a vendored package.
    #[error("file is in vendor directory")]
    Vendored,
    /// Lies below another `go.mod`.
    #[error("file is in another module")]
    NestedModule,
    /// The root `.hg_archival.txt`.
    #[error("file is inserted by 'hg archive' and is always omitted")]
    HgArchival,
    /// A symbolic link.
    #[error("file is a symbolic link")]
    Symlink,
    /// A directory or something odder.
    #[error("not a regular file")]
    Irregular,
}

/// What [`select`] decided.
pub struct Selection {
    /// Indexes of the files to zip, sorted by path.
    pub included: Vec<usize>,
    /// Everything else, in the order of the tree.
    pub omitted: Vec<Omitted>,
    /// Sum of the declared sizes of the included files.
    pub total_bytes: u64,
}

/// Sorts a tree into what goes into the zip and what does not. Opens nothing but the root `go.mod`.
///
/// # Errors
/// [`ZipError::BadName`] and [`ZipError::TooLarge`] if the tree can be no module, [`ZipError::ReadFile`].
pub fn select(tree: &mut dyn Tree, limits: &Limits) -> Result<Selection, ZipError> {
    let rule = read_vendor_rule(tree, limits)?;
    let files = tree.files();
    let nested = NestedModules::find(files);
    let mut names = NameTree::new(limits.entries.saturating_mul(2));
    let mut selection = Selection {
        included: Vec::new(),
        omitted: Vec::new(),
        total_bytes: 0,
    };
    for (index, file) in files.iter().enumerate() {
        let path = file.path.as_str();
        match find_omission(file, rule, &nested, &mut names)? {
            Some(why) => selection.omitted.push(Omitted {
                path: path.to_owned(),
                why,
            }),
            None => {
                selection.total_bytes = selection.total_bytes.saturating_add(file.size_bytes);
                check_sizes(path, file.size_bytes, selection.total_bytes, limits)?;
                selection.included.push(index);
            }
        }
    }
    selection
        .included
        .sort_by(|&a, &b| files[a].path.as_bytes().cmp(files[b].path.as_bytes()));
    Ok(selection)
}

/// The order of the tests matters: what an earlier one leaves out cannot fail a later one.
fn find_omission<'a>(
    file: &'a TreeFile,
    rule: VendorRule,
    nested: &NestedModules,
    names: &mut NameTree<'a>,
) -> Result<Option<Omission>, ZipError> {
    let path = file.path.as_str();
    let refuse = |fault| Err(ZipError::name(path.as_bytes(), fault));
    if path.starts_with('/') {
        return refuse(NameFault::NotRelative);
    }
    if !is_clean(path) {
        return refuse(NameFault::NotClean);
    }
    if is_vendored(path, rule) {
        return Ok(Some(Omission::Vendored));
    }
    if nested.contain(path) {
        return Ok(Some(Omission::NestedModule));
    }
    if path == ".hg_archival.txt" {
        return Ok(Some(Omission::HgArchival));
    }
    if let Err(error) = check_file_path(path) {
        return refuse(NameFault::Path(error));
    }
    if path.eq_ignore_ascii_case("go.mod") && path != "go.mod" {
        return refuse(NameFault::GoModCase);
    }
    names.add(path, file.kind == Kind::Directory)?;
    Ok(match file.kind {
        Kind::Regular => None,
        Kind::Symlink => Some(Omission::Symlink),
        Kind::Directory | Kind::Other => Some(Omission::Irregular),
    })
}

/// Clean in the sense of Go's `path.Clean`, for relative paths: `..` may stand in front only (and is refused later).
fn is_clean(path: &str) -> bool {
    let mut below = path;
    while let Some(rest) = below.strip_prefix("../") {
        below = rest;
    }
    below == ".."
        || path == "."
        || !below
            .split('/')
            .any(|element| matches!(element, "" | "." | ".."))
}

/// Two ways to tell vendored packages, chosen by the `go` line of the module's own root `go.mod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VendorRule {
    /// Below `go 1.24`, or without a readable `go` line.
    Old,
    /// From `go 1.24` on (golang.org/issue/37397).
    New,
}

/// Finds the rule in the root `go.mod`, which is parsed as those of dependencies are; no error of it matters here.
fn read_vendor_rule(tree: &mut dyn Tree, limits: &Limits) -> Result<VendorRule, ZipError> {
    let is_go_mod = |file: &TreeFile| file.kind == Kind::Regular && file.path == "go.mod";
    let Some(index) = tree.files().iter().position(is_go_mod) else {
        return Ok(VendorRule::Old);
    };
    let mut text = Vec::new();
    tree.open(index)
        .and_then(|content| content.take(limits.go_mod_bytes).read_to_end(&mut text))
        .map_err(|source| ZipError::ReadFile {
            name: "go.mod".to_owned(),
            source,
        })?;
    let go = modfile::parse_lax("go.mod", &text)
        .ok()
        .and_then(|file| file.go)
        .unwrap_or_default();
    Ok(
        match go_version::compare(&go_version::language(&go), "1.24") {
            Ordering::Less => VendorRule::Old,
            Ordering::Equal | Ordering::Greater => VendorRule::New,
        },
    )
}

/// Is this file part of a vendored package. The old rule looks for the package's slash from byte 8 of the whole path
/// instead of right behind `/vendor/`; hashes of a decade depend on that, so it stays.
fn is_vendored(path: &str, rule: VendorRule) -> bool {
    const INNER: &str = "/vendor/";
    if rule == VendorRule::New && path == "vendor/modules.txt" {
        return true;
    }
    let package_at = if path.starts_with(&INNER[1..]) {
        INNER.len() - 1
    } else {
        match (path.find(INNER), rule) {
            (Some(at), VendorRule::New) => at + INNER.len(),
            (Some(_), VendorRule::Old) => INNER.len(),
            (None, _) => return false,
        }
    };
    path.as_bytes()
        .get(package_at..)
        .is_some_and(|package| package.contains(&b'/'))
}

/// The directories that are modules of their own.
struct NestedModules {
    /// With a slash at the end, sorted, none of them inside another one.
    directories: Vec<String>,
}

impl NestedModules {
    /// A regular file makes a module of its directory if its name is `go.mod` in any case; the root does not count.
    fn find(files: &[TreeFile]) -> Self {
        let mut directories: Vec<String> = files
            .iter()
            .filter(|file| file.kind == Kind::Regular)
            .filter_map(|file| {
                let (directory, base) = file.path.rsplit_once('/')?;
                base.eq_ignore_ascii_case("go.mod")
                    .then(|| format!("{directory}/"))
            })
            .collect();
        directories.sort_unstable();
        directories.dedup_by(|inner, outer| inner.starts_with(outer.as_str()));
        Self { directories }
    }

    /// Since no directory lies in another one, the only one that can hold `path` is the last that sorts before it.
    fn contain(&self, path: &str) -> bool {
        let after = self
            .directories
            .partition_point(|directory| directory.as_str() <= path);
        after > 0 && path.starts_with(&self.directories[after - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_vendored(path: &str, old: bool, new: bool) {
        assert_eq!(is_vendored(path, VendorRule::Old), old, "old rule: {path}");
        assert_eq!(is_vendored(path, VendorRule::New), new, "new rule: {path}");
    }

    #[test]
    fn trap_t21_old_rule_leaves_out_all_below_inner_vendor() {
        check_vendored("vendor/x.go", false, false);
        check_vendored("vendor/README", false, false);
        check_vendored("vendor/foo/foo.go", true, true);
        check_vendored("pkg/vendor/vendor.go", true, false);
        check_vendored("pkg/vendor/foo/foo.go", true, true);
        check_vendored("a/vendor/x.go", true, false);
        check_vendored("longer_package/vendor/x.go", true, false);
        check_vendored("a/b/c/d/vendor/x", true, false);
        check_vendored("é/vendor/x", true, false);
        check_vendored("vendor/vendor/x", true, true);
        check_vendored("vendor/a", false, false);
        check_vendored("pkg/vendor", false, false);
        check_vendored("vendor", false, false);
        check_vendored("vendors/a/b", false, false);
        check_vendored("xvendor/a/b", false, false);
        check_vendored("a/vendor/b/vendor/c", true, true);
    }

    #[test]
    fn trap_t22_modules_txt_goes_from_go_1_24_on() {
        check_vendored("vendor/modules.txt", false, true);
        check_vendored("pkg/vendor/modules.txt", true, false);
    }

    #[test]
    fn clean_is_what_go_calls_clean() {
        for clean in ["a", "a/b", ".", "..", "../a", "../../a", "a..b/.c", "..."] {
            assert!(is_clean(clean), "{clean:?}");
        }
        for unclean in [
            "", "a/", "a//b", "./a", "a/.", "a/..", "a/../b", "../", "../..//a", "../a/..",
            ".././a",
        ] {
            assert!(!is_clean(unclean), "{unclean:?}");
        }
    }

    #[test]
    fn nested_modules_are_found_by_their_last_predecessor() {
        let file = |path: &str| TreeFile {
            path: path.to_owned(),
            kind: Kind::Regular,
            size_bytes: 0,
        };
        let files = [
            "go.mod",
            "a/go.mod",
            "a/b/go.mod",
            "a-b/GO.MOD",
            "z/y/Go.mod",
            "q/go.modx",
        ]
        .map(file);
        let nested = NestedModules::find(&files);
        for inside in ["a/x", "a/b/x", "a/go.mod", "a-b/x", "z/y/x/w", "a/~", "a/b"] {
            assert!(nested.contain(inside), "{inside:?}");
        }
        for outside in [
            "go.mod", "a", "a-b", "a.b/x", "ab/x", "z/x", "z/y", "q/x", "0", "zz",
        ] {
            assert!(!nested.contain(outside), "{outside:?}");
        }
    }
}
