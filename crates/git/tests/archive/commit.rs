//! A commit as a list of files, and what Granary makes of it.

use std::collections::BTreeMap;

use git::attributes::Attributes;
use git::conversion::ConversionError;
use git::id::ObjectId;
use sha1_checked::{Digest, Sha1};

use crate::repository::Repository;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Program,
    Link,
}

/// A commit, to be a branch of this name.
pub struct Commit {
    pub name: String,
    pub files: BTreeMap<Vec<u8>, (Kind, Vec<u8>)>,
}

/// What an archive should hold: content, or why there is none.
type Converted = BTreeMap<Vec<u8>, Result<Vec<u8>, ConversionError>>;

/// Compares both archives of every commit; all differences of the first commit that has some are told.
pub fn check(repository: &Repository, commits: &[Commit]) {
    repository.import(commits);
    for commit in commits {
        let ours = commit.convert();
        let theirs = match repository.archive(&commit.name) {
            Ok(theirs) => theirs,
            Err(text) => {
                let is_known = ours
                    .values()
                    .any(|file| *file == Err(ConversionError::UnnamedEncoding));
                assert!(is_known, "{}: git failed: {text}", commit.name);
                continue;
            }
        };
        assert!(
            ours.keys().eq(theirs.keys()),
            "{}: other names",
            commit.name
        );
        let mut differences = String::new();
        for (path, theirs) in &theirs {
            let ours = &ours[path];
            if matches!(ours, Err(ConversionError::UnknownEncoding { .. }))
                || ours.as_ref() == Ok(theirs)
            {
                continue;
            }
            differences += &format!(
                "{}: blob {}, ours {}, git's {}\n",
                path.escape_ascii(),
                commit.files[path].1.escape_ascii(),
                ours.as_ref()
                    .map_or_else(ToString::to_string, |ours| ours.escape_ascii().to_string()),
                theirs.escape_ascii(),
            );
        }
        if !differences.is_empty() {
            for (path, (_, content)) in &commit.files {
                if path.ends_with(b".gitattributes") {
                    differences += &format!(
                        "---- {}\n{}\n",
                        path.escape_ascii(),
                        String::from_utf8_lossy(content)
                    );
                }
            }
            differences.truncate(differences.floor_char_boundary(20_000));
            panic!("{}:\n{differences}", commit.name);
        }
    }
}

impl Commit {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            files: BTreeMap::new(),
        }
    }

    pub fn with(mut self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.add(path, content);
        self
    }

    pub fn add(&mut self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        self.add_kind(path, Kind::File, content);
    }

    pub fn add_kind(&mut self, path: impl AsRef<[u8]>, kind: Kind, content: impl AsRef<[u8]>) {
        let entry = (kind, content.as_ref().to_vec());
        self.files.insert(path.as_ref().to_vec(), entry);
    }

    fn convert(&self) -> Converted {
        let mut attributes = Attributes::at_root(self.find_attributes(b"")).unwrap();
        let mut converted = Converted::new();
        self.convert_directory(&mut attributes, b"", &mut converted);
        converted
    }

    fn convert_directory(
        &self,
        attributes: &mut Attributes,
        directory: &[u8],
        converted: &mut Converted,
    ) {
        let mut entered: Option<&[u8]> = None;
        for (path, (kind, content)) in &self.files {
            let Some(rest) = path.strip_prefix(directory) else {
                continue;
            };
            let Some(slash) = rest.iter().position(|&byte| byte == b'/') else {
                if *kind != Kind::Link {
                    let conversion = attributes.conversion_of(rest).unwrap();
                    let file = conversion.apply(&blob_id(content), content);
                    if conversion.is_identity() {
                        assert_eq!(file.as_deref(), Ok(&content[..]));
                    }
                    converted.insert(path.clone(), file.map(std::borrow::Cow::into_owned));
                }
                continue;
            };
            if entered == Some(&rest[..slash]) {
                continue;
            }
            entered = Some(&rest[..slash]);
            let below = [directory, &rest[..=slash]].concat();
            attributes
                .enter(&rest[..slash], self.find_attributes(&below))
                .unwrap();
            self.convert_directory(attributes, &below, converted);
            attributes.leave();
        }
    }

    fn find_attributes(&self, directory: &[u8]) -> Option<&[u8]> {
        let path = [directory, b".gitattributes"].concat();
        self.files.get(&path).map(|(_, content)| &content[..])
    }
}

fn blob_id(content: &[u8]) -> ObjectId {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", content.len()));
    hash.update(content);
    ObjectId::from_bytes(&hash.finalize()).unwrap()
}
