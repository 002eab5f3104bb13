//! Import of a GOPROXY tree: every version found there is captured as if it came from an upstream, with the same checks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::work::{CaptureAnswer, Refusal};
use futures_util::StreamExt;
use futures_util::stream;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use origin::upstream::Upstreams;

use crate::gates::{Gates, pass_gates};

/// Versions imported at once.
const IN_FLIGHT: usize = 16;

/// A module path of 4096 bytes has at most that many folders; real ones have less than ten.
const DEPTH_MAX: usize = 128;

/// What became of one version of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// It is here, zip included where the tree has one.
    Kept,
    /// It was refused.
    Refused(Refusal),
}

/// What a tree holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Versions with an `.info`, each with whether it has a zip; sorted.
    pub versions: BTreeSet<(ModuleVersion, bool)>,
    /// Versions of which there is only a go.mod, as module caches have many: without an `.info` they cannot land.
    pub without_info: u64,
}

/// Finds the versions of a GOPROXY tree, also of a module cache's `cache/download` folder.
///
/// Only names that are valid escaped module paths and canonical versions count. Links to folders are not followed.
///
/// # Errors
/// A folder that cannot be read.
pub fn find_versions(tree: &Path) -> std::io::Result<Found> {
    let mut found = Found::default();
    let mut folders: Vec<(PathBuf, String, usize)> = vec![(tree.to_owned(), String::new(), 0)];
    while let Some((folder, escaped, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if !entry.file_type()?.is_dir() || depth >= DEPTH_MAX {
                continue;
            }
            if name != "@v" {
                let inner = if escaped.is_empty() {
                    name
                } else {
                    format!("{escaped}/{name}")
                };
                folders.push((entry.path(), inner, depth + 1));
            } else if let Ok(module) = ModulePath::from_escaped(&escaped) {
                find_in_folder(&entry.path(), &module, &mut found)?;
            }
        }
    }
    Ok(found)
}

fn find_in_folder(folder: &Path, module: &ModulePath, found: &mut Found) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else {
            continue;
        };
        let Some((version, extension)) = name.rsplit_once('.') else {
            continue;
        };
        let Ok(version) = Version::from_escaped(version) else {
            continue;
        };
        let Ok(of) = ModuleVersion::new(module.clone(), version.clone()) else {
            continue;
        };
        let has = |extension: &str| {
            folder
                .join(format!("{}.{extension}", version.escaped()))
                .is_file()
        };
        match extension {
            "info" => {
                found.versions.insert((of, has("zip")));
            }
            "mod" if !has("info") => found.without_info += 1,
            _ => {}
        }
    }
    Ok(())
}

/// Captures all `versions` from `tree` and sends them through the gates; `each` sees every result as it comes.
pub async fn import(
    gates: &Gates,
    tree: Arc<Upstreams>,
    versions: BTreeSet<(ModuleVersion, bool)>,
    mut each: impl FnMut(&ModuleVersion, &Imported),
) {
    let processor = gates.processor.with_source(tree);
    let captures = versions.into_iter().map(|(of, has_zip)| {
        let processor = &processor;
        async move {
            let first = processor.capture_version(&of).await;
            let answer = match first {
                CaptureAnswer::Landed if has_zip => {
                    let first = async { CaptureAnswer::Landed };
                    match processor.capture_zip(&of, first, &|_, _| {}).await {
                        CaptureAnswer::Landed => pass_gates(gates, &of).await,
                        other => other,
                    }
                }
                other => other,
            };
            (of, answer)
        }
    });
    let mut captures = stream::iter(captures).buffer_unordered(IN_FLIGHT);
    while let Some((of, answer)) = captures.next().await {
        let result = match answer {
            CaptureAnswer::Landed => Imported::Kept,
            CaptureAnswer::Passed { refusal, .. } | CaptureAnswer::Refused(refusal) => {
                Imported::Refused(refusal)
            }
        };
        each(&of, &result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes these files below a new folder and looks for versions there.
    fn find(files: &[&str]) -> Found {
        let tree = tempfile::tempdir().unwrap();
        for file in files {
            let path = tree.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        find_versions(tree.path()).unwrap()
    }

    #[track_caller]
    fn check(files: &[&str], want: &[(&str, bool)]) {
        let found: Vec<_> = find(files)
            .versions
            .into_iter()
            .map(|(of, zip)| (of.to_string(), zip))
            .collect();
        let want: Vec<_> = want
            .iter()
            .map(|(of, zip)| ((*of).to_owned(), *zip))
            .collect();
        assert_eq!(found, want, "{files:?}");
    }

    #[test]
    fn names_are_unescaped_and_zips_noticed() {
        check(
            &[
                "example.com/!upper/m/@v/v1.0.0.info",
                "example.com/!upper/m/@v/v1.0.0.zip",
                "example.com/!upper/m/@v/v1.1.0-!r!c.info",
            ],
            &[
                ("example.com/Upper/m@v1.0.0", true),
                ("example.com/Upper/m@v1.1.0-RC", false),
            ],
        );
    }

    #[test]
    fn a_module_inside_another_ones_folder_is_found() {
        check(
            &[
                "example.com/m/@v/v1.0.0.info",
                "example.com/m/v2/@v/v2.0.0.info",
                "example.com/m/sub/deep/@v/v0.1.0.info",
            ],
            &[
                ("example.com/m@v1.0.0", false),
                ("example.com/m/sub/deep@v0.1.0", false),
                ("example.com/m/v2@v2.0.0", false),
            ],
        );
    }

    #[test]
    fn what_is_no_version_is_passed_over() {
        check(
            &[
                "example.com/m/@v/list",
                "example.com/m/@v/v1.info",
                "example.com/m/@v/main.info",
                "example.com/m/@v/v1.0.0.lock",
                "example.com/m/@v/v1.0.0.ziphash",
                "example.com/m/@v/v1.0.0.info.tmp",
                "example.com/m/@v/v2.0.0.info",
                "example.com/m/@latest",
                "example.com/Capital/@v/v1.0.0.info",
                "nodot/m/@v/v1.0.0.info",
                "@v/v1.0.0.info",
                "sumdb/sum.golang.org/lookup/example.com/m@v1.0.0",
            ],
            &[],
        );
    }

    #[test]
    fn versions_with_only_a_go_mod_are_counted() {
        let found = find(&[
            "example.com/m/@v/v1.0.0.mod",
            "example.com/m/@v/v1.1.0.mod",
            "example.com/m/@v/v1.1.0.info",
        ]);
        assert_eq!((found.versions.len(), found.without_info), (1, 1));
    }

    #[test]
    fn a_link_in_a_circle_does_not_trap_the_walk() {
        let tree = tempfile::tempdir().unwrap();
        let inner = tree.path().join("example.com");
        std::fs::create_dir(&inner).unwrap();
        std::os::unix::fs::symlink(tree.path(), inner.join("again")).unwrap();
        assert_eq!(find_versions(tree.path()).unwrap(), Found::default());
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(find_versions(Path::new("/nonexistent/tree")).is_err());
    }
}
