//! The texts of policies: those that come with Granary, and those in an operator's folder. They are read here and not
//! understood: what they say is for `rego`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use gomod::hash::ContentDigest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fault::{Fault, PolicyError};
use super::limits::{
    DEPTH_MAX, ENTRIES_MAX, FAULTS_MAX, FILE_BYTES_MAX, FILES_MAX, FOLDER_BYTES_MAX,
};

/// Ending of policies and their tests.
const ENDING: &str = ".rego";
/// Ending of files that hold tests.
const TEST_ENDING: &str = "_test.rego";
/// The one file of data, at the top of the folder: an object whose members rules read as `data.<key>`.
const DATA_FILE: &str = "data.json";
/// Names below `data` that are not the operator's to give.
const TAKEN: &[&str] = &["granary", "lib", "settings"];

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its path relative to its folder; `shipped/…` for those that come with Granary.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Whether it comes with Granary.
    pub shipped: bool,
}

impl SourceFile {
    /// Whether it holds tests.
    pub fn is_test(&self) -> bool {
        self.name.ends_with(TEST_ENDING)
    }

    /// The name of the test file that belongs to it.
    pub fn test_name(&self) -> String {
        let stem = self.name.strip_suffix(ENDING).unwrap_or(&self.name);
        format!("{stem}{TEST_ENDING}")
    }
}

/// All texts of a set, and the data that its rules read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sources {
    /// The files: those that come with Granary first, each kind sorted by name.
    pub files: Vec<SourceFile>,
    /// `data` in a rule: the operator's own, and `settings`.
    pub data: Map<String, Value>,
}

impl Sources {
    /// Adds an operator's folder.
    ///
    /// # Errors
    /// [`PolicyError::Unreadable`] if the folder cannot be read, [`PolicyError::Refused`] if it is too large, holds links
    /// that lead out of it, or has data that is none.
    pub fn with_folder(mut self, folder: &Path) -> Result<Self, PolicyError> {
        let mut reader = Reader::new(folder)?;
        reader.read_folder(folder, "", 0)?;
        if !reader.faults.is_empty() {
            return Err(PolicyError::Refused(reader.faults));
        }
        reader.files.sort_by(|a, b| a.name.cmp(&b.name));
        self.files.append(&mut reader.files);
        self.data.append(&mut reader.data);
        Ok(self)
    }

    /// Digest of everything that can change a judgement or the outcome of a test.
    pub fn digest(&self) -> ContentDigest {
        // Lengths before texts: no two different sets may give the same bytes.
        let mut bytes = Vec::new();
        for file in &self.files {
            for part in [&file.name, &file.text] {
                bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        bytes.extend_from_slice(Value::Object(self.data.clone()).to_string().as_bytes());
        ContentDigest::of(&bytes)
    }
}

/// Reads a folder within its bounds.
struct Reader {
    root: PathBuf,
    folders: Vec<PathBuf>,
    files: Vec<SourceFile>,
    data: Map<String, Value>,
    bytes: u64,
    faults: Vec<Fault>,
}

impl Reader {
    fn new(folder: &Path) -> Result<Self, PolicyError> {
        let root = folder.canonicalize().map_err(|e| unreadable(folder, e))?;
        Ok(Self {
            root,
            folders: Vec::new(),
            files: Vec::new(),
            data: Map::new(),
            bytes: 0,
            faults: Vec::new(),
        })
    }

    /// Reads one folder and those below. Names that begin with a dot are left alone: editors keep copies there, and a
    /// mounted ConfigMap its generations, to which its files are links.
    fn read_folder(&mut self, folder: &Path, inner: &str, depth: usize) -> Result<(), PolicyError> {
        let real = folder.canonicalize().map_err(|e| unreadable(folder, e))?;
        if self.folders.contains(&real) {
            return Ok(()); // a link to a folder that is read already, or is being read
        }
        if self.folders.len() == FILES_MAX {
            self.refuse(
                inner,
                format!("with it there are more than {FILES_MAX} folders"),
            );
            return Ok(());
        }
        self.folders.push(real);
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
            let entry = entry.map_err(|e| unreadable(folder, e))?;
            if names.len() > ENTRIES_MAX {
                break;
            }
            match entry.file_name().into_string() {
                Ok(name) if name.starts_with('.') => {}
                Ok(name) => names.push(name),
                Err(name) => self.refuse(&name.to_string_lossy(), "its name is not UTF-8"),
            }
        }
        if names.len() > ENTRIES_MAX {
            let text = format!("a folder has more than {ENTRIES_MAX} names: is it the right one");
            self.refuse(inner, text);
            return Ok(());
        }
        names.sort();
        for name in names {
            if self.faults.len() >= FAULTS_MAX {
                return Ok(()); // more help nobody
            }
            let path = folder.join(&name);
            let shown = if inner.is_empty() {
                name
            } else {
                format!("{inner}/{name}")
            };
            self.read_entry(&path, &shown, depth)?;
        }
        Ok(())
    }

    fn read_entry(&mut self, path: &Path, shown: &str, depth: usize) -> Result<(), PolicyError> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            // Removed since the folder was listed, or a link to nothing.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if fs::symlink_metadata(path).is_ok() {
                    self.refuse(shown, "it is a link to something that does not exist");
                }
                return Ok(());
            }
            Err(e) => return Err(unreadable(path, e)),
        };
        let wanted = shown.ends_with(ENDING) || shown == DATA_FILE;
        if !metadata.is_dir() && !wanted {
            return Ok(());
        }
        let real = path.canonicalize().map_err(|e| unreadable(path, e))?;
        if !real.starts_with(&self.root) {
            self.refuse(
                shown,
                "it is a link that leads out of the folder; copy what it leads to",
            );
            return Ok(());
        }
        if metadata.is_dir() {
            if depth == DEPTH_MAX {
                self.refuse(shown, format!("folders lie deeper than {DEPTH_MAX}"));
                return Ok(());
            }
            return self.read_folder(path, shown, depth + 1);
        }
        if !metadata.is_file() {
            self.refuse(shown, "it is neither a file nor a folder");
            return Ok(());
        }
        self.read_file(path, shown)
    }

    fn read_file(&mut self, path: &Path, shown: &str) -> Result<(), PolicyError> {
        if self.files.len() == FILES_MAX {
            self.refuse(shown, format!("the folder has more than {FILES_MAX} files"));
            return Ok(());
        }
        let mut bytes = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|e| unreadable(path, e))?;
        let size = bytes.len() as u64;
        self.bytes += size;
        if size > FILE_BYTES_MAX {
            self.refuse(
                shown,
                format!("it is larger than {} KiB", FILE_BYTES_MAX >> 10),
            );
        } else if self.bytes > FOLDER_BYTES_MAX {
            self.refuse(
                shown,
                format!(
                    "with it the folder has more than {} MiB",
                    FOLDER_BYTES_MAX >> 20
                ),
            );
        } else {
            match String::from_utf8(bytes) {
                Ok(text) if shown == DATA_FILE => self.read_data(&text),
                Ok(text) => self.files.push(SourceFile {
                    name: shown.to_owned(),
                    text,
                    shipped: false,
                }),
                Err(_) => self.refuse(shown, "it is not UTF-8"),
            }
        }
        Ok(())
    }

    fn read_data(&mut self, text: &str) {
        match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(data) => {
                for key in TAKEN.iter().filter(|key| data.contains_key(**key)) {
                    self.refuse(
                        DATA_FILE,
                        format!("the name {key:?} is not yours to give: choose another one"),
                    );
                }
                self.data = data;
            }
            Err(e) => {
                let (line, column) = (e.line() as u32, e.column() as u32);
                let fault = Fault::at(
                    DATA_FILE,
                    line,
                    column,
                    format!("it is no JSON object: {e}"),
                );
                self.faults.push(fault);
            }
        }
    }

    fn refuse(&mut self, file: &str, text: impl Into<String>) {
        self.faults.push(Fault::of_file(file, text));
    }
}

fn unreadable(path: &Path, cause: io::Error) -> PolicyError {
    PolicyError::Unreadable {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests;
