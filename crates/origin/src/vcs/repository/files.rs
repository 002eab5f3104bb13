//! The files of a commit as a tree that a module zip is made from.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, Write};
use std::sync::Arc;

use bytes::Bytes;
use git::archive::ArchiveFile;
use git::conversion::Conversion;
use git::database::{Database, DatabaseError};
use git::id::ObjectId;
use git::object::ObjectKind;
use gomod::zip::{Deflated, Kind, PREPARED_BYTES_MAX, Prepared, Preparer, Tree, TreeFile};
use sha2::{Digest, Sha256};

use super::cached::ContentError;
use super::conversation::explain;
use super::forms::{Form, Forms};
use super::load::{Load, Taken};
use crate::vcs::code::CodeError;

/// Contents up to this size are held in memory whole; larger ones are written to a temporary file and read from there.
const WHOLE_BYTES_MAX: u64 = 16 << 20;

/// Contents that are converted on the way out are held up to three times, so they are bounded more tightly than those that
/// are not: what they may become, whatever they are.
const CONVERTED_BYTES_MAX: u64 = 64 << 20;

/// What is larger than this once converted is converted by one at a time.
const CONVERTED_ALONE_BYTES: u64 = 2 << 20;

/// Bytes of a tree that are converted to find out how large they become, twice what a module may hold: many names can
/// stand for one content, and many contents be prepared in vain.
const CONVERSIONS_BYTES_MAX: u64 = 1 << 30;

/// Files of a commit.
pub struct GitFiles {
    database: Database,
    forms: Arc<Forms>,
    load: Arc<Load>,
    sources: Vec<Source>,
    files: Vec<TreeFile>,
    preparer: Preparer,
    converted_bytes: u64,
    /// Given back when the tree is closed.
    _taken: Taken,
}

/// Where a file's content comes from.
struct Source {
    id: ObjectId,
    conversion: Conversion,
}

impl GitFiles {
    /// Finds the size of every file, those that are converted by converting them. `taken` is what the tree takes of
    /// `load`.
    ///
    /// # Errors
    /// [`ContentError::Missing`] for a blob that is not here.
    pub fn open(
        database: Database,
        listed: Vec<ArchiveFile>,
        forms: Arc<Forms>,
        load: Arc<Load>,
        taken: Taken,
    ) -> Result<Self, ContentError> {
        let mut opened = Self {
            files: Vec::with_capacity(listed.len()),
            sources: Vec::with_capacity(listed.len()),
            database,
            forms,
            load,
            preparer: Preparer::new(),
            converted_bytes: 0,
            _taken: taken,
        };
        for file in listed {
            // A name that is no UTF-8 is refused by the rules for file names, and so is the mark put in here.
            let path = String::from_utf8(file.path)
                .unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned());
            let source = Source {
                id: file.id,
                conversion: file.conversion,
            };
            let (kind, size_bytes) = match file.is_symlink {
                true => (Kind::Symlink, 0),
                false => (Kind::Regular, opened.size_of(&source, &path)?),
            };
            opened.files.push(TreeFile {
                path,
                kind,
                size_bytes,
            });
            opened.sources.push(source);
        }
        Ok(opened)
    }

    fn size_of(&mut self, source: &Source, path: &str) -> Result<u64, ContentError> {
        match self.forms.find(&source.id, &source.conversion) {
            Some(Form::Held(prepared)) => return Ok(prepared.size_bytes),
            Some(Form::Sized { size_bytes } | Form::InPack { size_bytes, .. }) => {
                return Ok(size_bytes);
            }
            None => {}
        }
        let header = self.database.find_header(&source.id);
        let header = header.map_err(|cause| unreadable(&source.id, &cause))?;
        let (kind, stored_bytes) = header.ok_or(ContentError::Missing(source.id))?;
        if kind != ObjectKind::Blob {
            return Err(refused(format!("{path}: object {} is no file", source.id)));
        }
        if source.conversion.is_identity() {
            return Ok(stored_bytes);
        }
        self.converted_bytes = self.converted_bytes.saturating_add(stored_bytes);
        if self.converted_bytes > CONVERSIONS_BYTES_MAX {
            return Err(refused(format!(
                "attributes convert more than the {CONVERSIONS_BYTES_MAX} bytes allowed for one commit"
            )));
        }
        let sized = self.converted_size(source, stored_bytes);
        sized.map_err(|cause| refused(format!("{path}: {cause}")))
    }

    /// Converts a content to see how large it becomes, and remembers that; what is small is remembered whole.
    fn converted_size(&mut self, source: &Source, stored_bytes: u64) -> io::Result<u64> {
        let forms = Arc::clone(&self.forms);
        let load = Arc::clone(&self.load);
        let _alone = (stored_bytes > CONVERTED_ALONE_BYTES).then(|| load.content());
        let content = self.find_content(source, CONVERTED_BYTES_MAX)?;
        let bound_bytes = source.conversion.bound_bytes(&source.id, &content);
        let _alone_too =
            (_alone.is_none() && bound_bytes > CONVERTED_ALONE_BYTES).then(|| load.content());
        let converted = convert(source, &content)?;
        let size_bytes = converted.len() as u64;
        let form = match size_bytes > PREPARED_BYTES_MAX {
            true => Form::Sized { size_bytes },
            false => Form::Held(self.preparer.prepare(&converted)),
        };
        forms.put(source.id, source.conversion.clone(), form);
        Ok(size_bytes)
    }

    /// The content as stored.
    fn find_content(&self, source: &Source, limit_bytes: u64) -> io::Result<Bytes> {
        let object = self.database.find(&source.id, limit_bytes);
        let object = object
            .map_err(of_database)?
            .ok_or_else(|| missing(&source.id))?;
        Ok(object.bytes)
    }

    /// The content as it leaves, for one that is small or converted.
    fn read(&self, source: &Source) -> io::Result<Box<dyn Read>> {
        if source.conversion.is_identity() {
            let content = self.find_content(source, WHOLE_BYTES_MAX)?;
            return Ok(Box::new(Cursor::new(content)));
        }
        let content = self.find_content(source, CONVERTED_BYTES_MAX)?;
        if source.conversion.bound_bytes(&source.id, &content) <= CONVERTED_ALONE_BYTES {
            let converted = convert(source, &content)?.into_owned();
            return Ok(Box::new(Cursor::new(converted)));
        }
        // Kept on disk: the zip takes it at its own pace.
        let _alone = self.load.content();
        spooled(|file| file.write_all(&convert(source, &content)?))
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
                    .find(id, PREPARED_BYTES_MAX)
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
        if !source.conversion.is_identity() || self.files[index].size_bytes <= WHOLE_BYTES_MAX {
            return self.read(source);
        }
        let _alone = self.load.content();
        spooled(|file| {
            let read = self.database.read_into(&source.id, file);
            read.map(drop).map_err(of_database)
        })
    }

    fn find_prepared(&mut self, index: usize) -> io::Result<Option<Prepared>> {
        let source = self.sources.get(index).ok_or(io::ErrorKind::NotFound)?;
        let file = &self.files[index];
        if file.kind != Kind::Regular || file.size_bytes > PREPARED_BYTES_MAX {
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
        let mut content = Vec::new();
        self.read(source)?.read_to_end(&mut content)?;
        let prepared = self.preparer.prepare(&content);
        let form = Form::Held(prepared.clone());
        self.forms.put(source.id, source.conversion.clone(), form);
        Ok(Some(prepared))
    }
}

/// Converts a content, unless that could become larger than any file that attributes convert may be.
fn convert<'a>(source: &Source, content: &'a [u8]) -> io::Result<Cow<'a, [u8]>> {
    let bound_bytes = source.conversion.bound_bytes(&source.id, content);
    if bound_bytes > CONVERTED_BYTES_MAX {
        return Err(invalid(format!(
            "it may become {bound_bytes} bytes, more than the {CONVERTED_BYTES_MAX} allowed for a file that attributes convert"
        )));
    }
    let converted = source.conversion.apply(&source.id, content);
    converted.map_err(|cause| invalid(cause.to_string()))
}

/// What no second try makes any better.
fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// A temporary file with what `write` puts into it.
fn spooled(write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<Box<dyn Read>> {
    let mut file = tempfile::tempfile()?;
    write(&mut file)?;
    file.rewind()?;
    Ok(Box::new(file))
}

fn missing(id: &ObjectId) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("blob {id} is not in the cache any more"),
    )
}

fn of_database(cause: DatabaseError) -> io::Error {
    match cause {
        DatabaseError::TooLarge { .. } | DatabaseError::TooMuchWork { .. } => {
            io::Error::new(io::ErrorKind::InvalidData, cause)
        }
        cause => io::Error::other(cause),
    }
}

fn unreadable(id: &ObjectId, cause: &DatabaseError) -> ContentError {
    refused(format!("blob {id}: {}", explain(cause)))
}

fn refused(text: String) -> ContentError {
    ContentError::Code(CodeError::invalid(text))
}
