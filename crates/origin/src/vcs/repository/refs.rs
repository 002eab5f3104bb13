//! What a repository's refs say: which commit a tag or a branch names, and the other way round.

use std::collections::HashMap;
use std::time::Instant;

use git::id::ObjectId;
use git::protocol::{RefList, RemoteRef};

use crate::vcs::code::Tag;

const TAGS: &str = "refs/tags/";
const HEADS: &str = "refs/heads/";

/// The prefixes that a listing asks for. Pull requests and the like live elsewhere and are never looked at: what is only
/// reachable from them must not become a version.
/// Source: cmd/go/internal/modfetch/codehost, `gitRepo.loadRefs`.
pub const PREFIXES: [&str; 3] = ["HEAD", HEADS, TAGS];

/// Bytes of memory that a ref takes besides its name, with its place among the objects.
const REF_BYTES: u64 = 300;

/// The refs of a repository at one moment.
#[derive(Debug)]
pub struct Refs {
    list: RefList,
    /// Indexes of refs by the object that they name in the end.
    by_object: HashMap<ObjectId, Vec<usize>>,
    /// When they were listed.
    pub listed_at: Instant,
}

/// What the first digits of a hash name among the refs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefixed {
    /// No ref's object begins so.
    Nothing,
    /// One object, and the first of the refs that name it.
    One(ObjectId, String),
    /// More than one.
    Many,
}

impl Refs {
    /// Orders a listing. Refs of other kinds, which an old server sends all the same, are left out.
    pub fn new(list: RefList, listed_at: Instant) -> Self {
        let mut by_object: HashMap<ObjectId, Vec<usize>> = HashMap::new();
        for (at, found) in list.refs().iter().enumerate() {
            if is_ours(&found.name) {
                by_object.entry(object_of(found)).or_default().push(at);
            }
        }
        Self {
            list,
            by_object,
            listed_at,
        }
    }

    /// Bytes of memory that the list takes, roughly.
    pub fn weight_bytes(&self) -> u64 {
        let names = self.list.refs().iter().map(|found| found.name.len() as u64);
        names.sum::<u64>() + self.list.refs().len() as u64 * REF_BYTES
    }

    /// The object that a tag names in the end.
    pub fn find_tag(&self, name: &str) -> Option<ObjectId> {
        self.list.find(&format!("{TAGS}{name}")).map(object_of)
    }

    /// The object that a branch names.
    pub fn find_branch(&self, name: &str) -> Option<ObjectId> {
        self.list.find(&format!("{HEADS}{name}")).map(object_of)
    }

    /// The commit of HEAD; `None` for an empty repository or a HEAD that names a branch without commits.
    pub fn find_head(&self) -> Option<ObjectId> {
        self.list.find("HEAD").map(object_of)
    }

    /// Tags that name `id`, sorted.
    pub fn list_tags_of(&self, id: &ObjectId) -> Vec<String> {
        let mut tags: Vec<String> = self
            .refs_of(id)
            .filter_map(|found| found.name.strip_prefix(TAGS))
            .map(str::to_owned)
            .collect();
        tags.sort_unstable();
        tags
    }

    /// Tags whose names begin with `prefix`, sorted by name, with the objects that they name in the end.
    pub fn list_tags(&self, prefix: &str) -> Vec<(Tag, ObjectId)> {
        let wanted = format!("{TAGS}{prefix}");
        let refs = self.list.refs();
        let from = refs.partition_point(|found| found.name.as_str() < wanted.as_str());
        refs[from..]
            .iter()
            .take_while(|found| found.name.starts_with(&wanted))
            .map(|found| {
                let id = object_of(found);
                let tag = Tag {
                    name: found.name[TAGS.len()..].to_owned(),
                    id: id.to_string(),
                };
                (tag, id)
            })
            .collect()
    }

    /// What the first digits of a hash name among the objects of refs.
    pub fn find_prefix(&self, digits: &str) -> Prefixed {
        let mut one: Option<(ObjectId, &str)> = None;
        for (id, refs) in &self.by_object {
            if !id.starts_with(digits) {
                continue;
            }
            if one.is_some() {
                return Prefixed::Many;
            }
            let first = refs.first().map(|&at| self.list.refs()[at].name.as_str());
            one = Some((*id, first.unwrap_or_default()));
        }
        match one {
            Some((id, name)) => Prefixed::One(id, name.to_owned()),
            None => Prefixed::Nothing,
        }
    }

    /// Every object that a ref names in the end, each once.
    pub fn list_objects(&self) -> Vec<ObjectId> {
        self.by_object.keys().copied().collect()
    }

    /// What a server can be asked for to get `id`: the refs' own objects, such as an annotated tag.
    pub fn list_advertised(&self, id: &ObjectId) -> Vec<ObjectId> {
        self.refs_of(id).map(|found| found.id).collect()
    }

    /// The refs' own objects, each once.
    pub fn list_all_advertised(&self) -> Vec<ObjectId> {
        let mut ids: Vec<ObjectId> = self
            .list
            .refs()
            .iter()
            .filter(|found| is_ours(&found.name))
            .map(|found| found.id)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn refs_of(&self, id: &ObjectId) -> impl Iterator<Item = &RemoteRef> {
        let refs = self
            .by_object
            .get(id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        refs.iter().map(|&at| &self.list.refs()[at])
    }
}

fn is_ours(name: &str) -> bool {
    name == "HEAD" || name.starts_with(HEADS) || name.starts_with(TAGS)
}

fn object_of(found: &RemoteRef) -> ObjectId {
    found.peeled.unwrap_or(found.id)
}
