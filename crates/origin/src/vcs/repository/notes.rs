//! What is known about the objects of a cached repository: which commits are here with all their files, and of which the
//! whole history is here.
//!
//! Lines are appended after the pack they tell of is in place, so a line is true for as long as the folder exists. A line
//! that a crash cut short is passed over.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use git::id::ObjectId;

/// Largest file of notes that is read: a million commits. A larger one is begun anew, and what it told of is fetched again
/// when it is asked for.
const BYTES_MAX: u64 = 64 << 20;

/// What is known about a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// All its files are here; its parents may not be.
    Complete,
    /// All commits that it descends from are here, perhaps without files.
    History,
    /// All commits that it descends from are here with all their files.
    Whole,
}

const WORDS: [(Fact, &str); 3] = [
    (Fact::Complete, "complete"),
    (Fact::History, "history"),
    (Fact::Whole, "whole"),
];

/// The notes of one repository.
#[derive(Debug)]
pub struct Notes {
    file: File,
    /// Complete commits in the order in which they came.
    complete: Vec<ObjectId>,
    is_complete: HashSet<ObjectId>,
    history: HashSet<ObjectId>,
    whole: HashSet<ObjectId>,
}

impl Notes {
    /// Opens the file, which is made if it is missing.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let mut bytes = Vec::new();
        (&mut file).take(BYTES_MAX).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == BYTES_MAX {
            bytes.clear();
            file.set_len(0)?;
        }
        let text = String::from_utf8_lossy(&bytes);
        let mut notes = Self {
            file,
            complete: Vec::new(),
            is_complete: HashSet::new(),
            history: HashSet::new(),
            whole: HashSet::new(),
        };
        let is_cut = !text.is_empty() && !text.ends_with('\n');
        for line in text.lines() {
            let Some((word, id)) = line.split_once(' ') else {
                continue;
            };
            let fact = WORDS.iter().find(|(_, known)| *known == word);
            if let (Some((fact, _)), Ok(id)) = (fact, id.parse()) {
                notes.remember(*fact, id);
            }
        }
        if is_cut {
            notes.file.write_all(b"\n")?;
        }
        Ok(notes)
    }

    /// Notes a fact about several commits.
    ///
    /// # Errors
    /// Those of the disk: then the fact holds until the process ends.
    pub fn add(&mut self, fact: Fact, ids: &[ObjectId]) -> io::Result<()> {
        let word = WORDS
            .iter()
            .find(|(known, _)| *known == fact)
            .map_or("", |(_, word)| word);
        let mut lines = String::new();
        for id in ids {
            if self.remember(fact, *id) {
                lines.push_str(&format!("{word} {id}\n"));
            }
        }
        self.file.write_all(lines.as_bytes())
    }

    /// Whether a commit is here with all its files, as far as the notes know.
    pub fn is_complete(&self, id: &ObjectId) -> bool {
        self.is_complete.contains(id) || self.whole.contains(id)
    }

    /// Whether all commits that it descends from are here.
    pub fn has_history(&self, id: &ObjectId) -> bool {
        self.history.contains(id) || self.whole.contains(id)
    }

    /// Forgets, until the process ends, of which commits the history is here: one of them was found to be missing.
    pub fn doubt_history(&mut self) {
        self.history.clear();
        self.whole.clear();
    }

    /// The last commits that came with all their files, at most `count`.
    pub fn list_complete(&self, count: usize) -> &[ObjectId] {
        &self.complete[self.complete.len().saturating_sub(count)..]
    }

    /// Commits whose history is here (with their files, where `whole`), at most `count`.
    pub fn list_history(&self, whole: bool, count: usize) -> Vec<ObjectId> {
        let history = (!whole).then_some(&self.history).into_iter().flatten();
        self.whole
            .iter()
            .chain(history)
            .take(count)
            .copied()
            .collect()
    }

    fn remember(&mut self, fact: Fact, id: ObjectId) -> bool {
        match fact {
            Fact::Complete => {
                let is_new = self.is_complete.insert(id);
                if is_new {
                    self.complete.push(id);
                }
                is_new
            }
            Fact::History => self.history.insert(id),
            Fact::Whole => self.whole.insert(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> ObjectId {
        String::from(digit).repeat(40).parse().unwrap()
    }

    #[test]
    fn notes_outlive_the_process_and_a_line_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        let mut notes = Notes::open(&path).unwrap();
        notes
            .add(Fact::Complete, &[id('a'), id('b'), id('a')])
            .unwrap();
        notes.add(Fact::Whole, &[id('c')]).unwrap();
        notes.add(Fact::History, &[id('d')]).unwrap();
        drop(notes);
        let mut cut = std::fs::read(&path).unwrap();
        cut.extend_from_slice(b"complete eeee");
        std::fs::write(&path, &cut).unwrap();

        let mut notes = Notes::open(&path).unwrap();
        assert_eq!(notes.list_complete(10), [id('a'), id('b')]);
        assert_eq!(notes.list_complete(1), [id('b')]);
        assert!(notes.is_complete(&id('c')) && notes.has_history(&id('c')));
        assert!(!notes.is_complete(&id('d')) && notes.has_history(&id('d')));
        assert_eq!(notes.list_history(true, 9), [id('c')]);
        notes.add(Fact::Complete, &[id('e')]).unwrap();
        drop(notes);
        assert!(Notes::open(&path).unwrap().is_complete(&id('e')));
    }

    #[test]
    fn notes_that_are_damaged_or_too_large_keep_no_repository_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        let good = format!("complete {}\n", id('a'));
        std::fs::write(
            &path,
            [b"\xff\0\xfe\n".as_slice(), good.as_bytes()].concat(),
        )
        .unwrap();
        assert_eq!(Notes::open(&path).unwrap().list_complete(9), [id('a')]);
        File::create(&path).unwrap().set_len(BYTES_MAX).unwrap();
        let mut notes = Notes::open(&path).unwrap();
        notes.add(Fact::Complete, &[id('b')]).unwrap();
        drop(notes);
        assert_eq!(Notes::open(&path).unwrap().list_complete(9), [id('b')]);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 50);
    }
}
