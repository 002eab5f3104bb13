//! The files of a commit as a tree that a module zip is made from.

use std::io::{self, Cursor, Read, Seek};
use std::sync::Arc;

use bytes::Bytes;
use git::archive::ArchiveFile;
use git::database::{Database, DatabaseError};
use git::id::ObjectId;
use gomod::zip::{Deflated, Kind, Prepared, Preparer, Tree, TreeFile};
use sha2::{Digest, Sha256};

use super::cached::ContentError;
use super::conversation::explain;
use super::forms::{Form, Forms};
use crate::vcs::code::CodeError;

/// Contents up to this size are held in memory whole; larger ones are written to a temporary file and read from there.
const WHOLE_BYTES_MAX: u64 = 16 << 20;

/// Contents that are converted on the way out are held twice, so they are bounded more tightly than those that are not.
const CONVERTED_BYTES_MAX: u64 = 64 << 20;

/// Files of a commit.
pub struct GitFiles {
    database: Database,
    forms: Arc<Forms>,
    sources: Vec<ArchiveFile>,
    files: Vec<TreeFile>,
    preparer: Preparer,
}

impl GitFiles {
    /// Finds the size of every file, those that are converted by converting them.
    ///
    /// # Errors
    /// [`ContentError::Missing`] for a blob that is not here.
    pub fn open(
        database: Database,
        sources: Vec<ArchiveFile>,
        forms: Arc<Forms>,
    ) -> Result<Self, ContentError> {
        let mut opened = Self {
            files: Vec::with_capacity(sources.len()),
            database,
            forms,
            sources: Vec::new(),
            preparer: Preparer::new(),
        };
        for source in &sources {
            let size_bytes = if source.is_symlink {
                0
            } else {
                opened.size_of(source)?
            };
            opened.files.push(TreeFile {
                // A name that is no UTF-8 is refused by the rules for file names, and so is the mark put in here.
                path: String::from_utf8_lossy(&source.path).into_owned(),
                kind: if source.is_symlink {
                    Kind::Symlink
                } else {
                    Kind::Regular
                },
                size_bytes,
            });
        }
        opened.sources = sources;
        Ok(opened)
    }

    fn size_of(&mut self, source: &ArchiveFile) -> Result<u64, ContentError> {
        match self.forms.find(&source.id, &source.conversion) {
            Some(Form::Held(prepared)) => return Ok(prepared.size_bytes),
            Some(Form::InPack { size_bytes, .. }) => return Ok(size_bytes),
            None => {}
        }
        let header = self.database.find_header(&source.id);
        let header = header.map_err(|cause| unreadable(&source.id, &cause))?;
        let (_, stored_bytes) = header.ok_or(ContentError::Missing(source.id))?;
        if source.conversion.is_identity() {
            return Ok(stored_bytes);
        }
        if stored_bytes > CONVERTED_BYTES_MAX {
            return Err(refused(format!(
                "{}: {stored_bytes} bytes, more than the {CONVERTED_BYTES_MAX} allowed for a file that attributes convert",
                String::from_utf8_lossy(&source.path)
            )));
        }
        let stored = self.database.find(&source.id, stored_bytes);
        let stored = stored.map_err(|cause| unreadable(&source.id, &cause))?;
        let stored = stored.ok_or(ContentError::Missing(source.id))?;
        let converted = source.conversion.apply(&source.id, &stored.bytes);
        let converted = converted.map_err(|cause| refused(cause.to_string()))?;
        let prepared = self.preparer.prepare(&converted);
        let size_bytes = prepared.size_bytes;
        self.forms
            .put(source.id, source.conversion.clone(), Form::Held(prepared));
        Ok(size_bytes)
    }

    /// The content as it leaves.
    fn read(&self, source: &ArchiveFile) -> io::Result<Bytes> {
        let limit_bytes = if source.conversion.is_identity() {
            WHOLE_BYTES_MAX
        } else {
            CONVERTED_BYTES_MAX
        };
        let object = self.database.find(&source.id, limit_bytes);
        let object = object
            .map_err(of_database)?
            .ok_or_else(|| missing(&source.id))?;
        if source.conversion.is_identity() {
            return Ok(object.bytes);
        }
        let converted = source.conversion.apply(&source.id, &object.bytes);
        let converted = converted.map_err(io::Error::other)?;
        Ok(Bytes::from(converted.into_owned()))
    }

    /// The form of a content that is stored as it leaves and not as a delta: the pack's own compressed form.
    fn find_in_pack(
        &self,
        id: &ObjectId,
        known: Option<&Form>,
    ) -> io::Result<Option<(Prepared, Form)>> {
        let Some(deflated) = self.database.find_deflated(id).map_err(of_database)? else {
            return Ok(None);
        };
        let (sha256, crc32, size_bytes) = match known {
            Some(Form::InPack {
                sha256,
                crc32,
                size_bytes,
            }) => (*sha256, *crc32, *size_bytes),
            _ => {
                let object = self
                    .database
                    .find(id, WHOLE_BYTES_MAX)
                    .map_err(of_database)?;
                let content = object.ok_or_else(|| missing(id))?.bytes;
                (
                    Sha256::digest(&content).into(),
                    crc32fast::hash(&content),
                    content.len() as u64,
                )
            }
        };
        let prepared = Prepared {
            sha256,
            crc32,
            size_bytes,
            deflated: Deflated::Stream(deflated.stream),
        };
        let form = Form::InPack {
            sha256,
            crc32,
            size_bytes,
        };
        Ok(Some((prepared, form)))
    }
}

impl Tree for GitFiles {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn open(&mut self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        let source = self.sources.get(index).ok_or(io::ErrorKind::NotFound)?;
        if source.conversion.is_identity() && self.files[index].size_bytes > WHOLE_BYTES_MAX {
            let mut file = tempfile::tempfile()?;
            self.database
                .read_into(&source.id, &mut file)
                .map_err(of_database)?;
            file.rewind()?;
            return Ok(Box::new(file));
        }
        Ok(Box::new(Cursor::new(self.read(source)?)))
    }

    fn find_prepared(&mut self, index: usize) -> io::Result<Option<Prepared>> {
        let source = self.sources.get(index).ok_or(io::ErrorKind::NotFound)?;
        if self.files[index].kind != Kind::Regular || self.files[index].size_bytes > WHOLE_BYTES_MAX
        {
            return Ok(None);
        }
        let known = self.forms.find(&source.id, &source.conversion);
        if let Some(Form::Held(prepared)) = known {
            return Ok(Some(prepared));
        }
        if source.conversion.is_identity()
            && let Some((prepared, form)) = self.find_in_pack(&source.id, known.as_ref())?
        {
            if known.is_none() {
                self.forms.put(source.id, source.conversion.clone(), form);
            }
            return Ok(Some(prepared));
        }
        let content = self.read(source)?;
        let prepared = self.preparer.prepare(&content);
        let form = Form::Held(prepared.clone());
        self.forms.put(source.id, source.conversion.clone(), form);
        Ok(Some(prepared))
    }
}

fn missing(id: &ObjectId) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("blob {id} is not in the cache any more"),
    )
}

fn of_database(cause: DatabaseError) -> io::Error {
    io::Error::other(cause)
}

fn unreadable(id: &ObjectId, cause: &DatabaseError) -> ContentError {
    refused(format!("blob {id}: {}", explain(cause)))
}

fn refused(text: String) -> ContentError {
    ContentError::Code(CodeError::invalid(text))
}
