//! The objects of a repository: packs and loose objects below an objects folder.

mod error;
pub use error::DatabaseError;

mod chain;
mod folders;
mod loose;

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;

use crate::id::{HashKind, ObjectId};
use crate::object::{Object, ObjectKind, hash_object};
use crate::pack::entry::Stored;
use crate::pack::inflate::{Inflater, PIECE_BYTES};
use crate::pack::{MappedError, MappedPack, Prefix};
use chain::{Effort, Fault, ON_THE_WAY_BYTES_MAX};

/// Objects that [`Database::find_prefix`] lists at most: more than one is an ambiguous prefix already.
pub const PREFIX_MATCHES_MAX: usize = 16;

/// An object that is stored as one deflate stream, ready to be copied into a zip.
#[derive(Clone, Debug)]
pub struct Deflated {
    /// What it is.
    pub kind: ObjectKind,
    /// Its size when inflated.
    pub size_bytes: u64,
    /// The raw deflate stream (RFC 1951), exactly; a part of the mapped pack.
    pub stream: Bytes,
}

/// The objects below one folder, or several. Clones are cheap and share everything; all methods may be called from any
/// number of threads.
///
/// Packs are mapped and read as they were verified when taken, yet whatever the files hold, reading gives an error at
/// worst. Memory: a cache of bases, 32 MiB for all databases of the process, and what a call returns, with one object more
/// while it is put together.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
    effort: Effort,
}

struct Shared {
    folders: Vec<PathBuf>,
    hash: HashKind,
    /// Only grows.
    packs: RwLock<Arc<[Arc<MappedPack>]>>,
    /// Indexes that are open; held during a refresh, so that there is one at a time.
    known: Mutex<HashSet<PathBuf>>,
}

/// Where an object was found.
enum Place {
    Packed(Arc<MappedPack>, u64),
    Loose(PathBuf),
}

impl Database {
    /// Opens the objects folder of a repository that Granary made itself. A missing folder is an empty one.
    ///
    /// # Errors
    /// [`DatabaseError::Io`], [`DatabaseError::Pack`] if a pack is damaged.
    pub fn open(objects_folder: &Path, hash: HashKind) -> Result<Self, DatabaseError> {
        Self::open_folders(vec![objects_folder.to_owned()], hash)
    }

    /// Opens the objects folder of a repository of this machine, with the folders that its `info/alternates` name.
    ///
    /// # Errors
    /// As [`Database::open`]; [`DatabaseError::TooMany`] if alternates lead to too many folders.
    pub fn open_local(objects_folder: &Path, hash: HashKind) -> Result<Self, DatabaseError> {
        Self::open_folders(folders::list_with_alternates(objects_folder)?, hash)
    }

    fn open_folders(folders: Vec<PathBuf>, hash: HashKind) -> Result<Self, DatabaseError> {
        let shared = Arc::new(Shared {
            folders,
            hash,
            packs: RwLock::default(),
            known: Mutex::default(),
        });
        let database = Self {
            shared,
            effort: Effort::unbounded(),
        };
        database.refresh()?;
        Ok(database)
    }

    /// The same objects, whose deltas may make so many bytes altogether, for this handle and its clones: a chain of them
    /// costs little to send, and one that many objects share is followed again and again.
    #[must_use]
    pub fn with_effort(&self, bytes_max: u64) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            effort: Effort::new(bytes_max),
        }
    }

    /// The object format.
    pub fn hash(&self) -> HashKind {
        self.shared.hash
    }

    /// Opens the packs that were added since. Packs that are gone stay open.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn refresh(&self) -> Result<(), DatabaseError> {
        let mut known = self
            .shared
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut packs = self.packs().to_vec();
        for path in folders::list_indexes(&self.shared.folders)? {
            if known.contains(&path) {
                continue;
            }
            match MappedPack::open(&path, self.shared.hash) {
                Ok(pack) => packs.push(Arc::new(pack)),
                // Its repository was packed anew meanwhile.
                Err(MappedError::Io(cause)) if cause.kind() == io::ErrorKind::NotFound => continue,
                Err(MappedError::Io(cause)) => return Err(DatabaseError::Io { path, cause }),
                Err(MappedError::Corrupt(what)) => return Err(DatabaseError::Pack { path, what }),
            }
            known.insert(path);
        }
        *self
            .shared
            .packs
            .write()
            .unwrap_or_else(PoisonError::into_inner) = packs.into();
        Ok(())
    }

    /// Whether an object is there.
    ///
    /// # Errors
    /// [`DatabaseError`] if that cannot be told.
    pub fn contains(&self, id: &ObjectId) -> Result<bool, DatabaseError> {
        Ok(self.locate(id)?.is_some())
    }

    /// Kind and size of an object, without putting it together.
    ///
    /// # Errors
    /// [`DatabaseError::Corrupt`], [`DatabaseError::Io`].
    pub fn find_header(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>, DatabaseError> {
        match self.locate(id)? {
            None => Ok(None),
            Some(Place::Packed(pack, offset)) => chain::read_header(&pack, offset)
                .map(Some)
                .map_err(|fault| name(fault, id)),
            Some(Place::Loose(path)) => {
                let loose = loose::open(&path).map_err(|cause| name_io(cause, &path, id))?;
                Ok(loose.map(|loose| (loose.kind, loose.size_bytes)))
            }
        }
    }

    /// An object of at most `limit_bytes`.
    ///
    /// # Errors
    /// [`DatabaseError::TooLarge`], also if an object on the way to it is larger than 192 MiB; [`DatabaseError::Corrupt`];
    /// [`DatabaseError::Io`]; [`DatabaseError::TooMuchWork`].
    pub fn find(&self, id: &ObjectId, limit_bytes: u64) -> Result<Option<Object>, DatabaseError> {
        match self.locate(id)? {
            None => Ok(None),
            Some(Place::Packed(pack, offset)) => {
                let object = chain::read(&pack, offset, limit_bytes, &self.effort);
                object.map(Some).map_err(|fault| name(fault, id))
            }
            Some(Place::Loose(path)) => self.read_loose(id, &path, limit_bytes),
        }
    }

    /// As [`Database::find`], and the object's id is computed anew from what was read.
    ///
    /// # Errors
    /// As [`Database::find`]; [`DatabaseError::Corrupt`] if the id is another one.
    pub fn find_verified(
        &self,
        id: &ObjectId,
        limit_bytes: u64,
    ) -> Result<Option<Object>, DatabaseError> {
        let Some(object) = self.find(id, limit_bytes)? else {
            return Ok(None);
        };
        if hash_object(object.kind, &object.bytes, self.shared.hash) != Ok(*id) {
            return Err(DatabaseError::Corrupt {
                id: *id,
                what: "its content has another id",
            });
        }
        Ok(Some(object))
    }

    /// Writes an object's content to `sink`. One that is not stored as a delta is not held, whatever its size. Returns
    /// kind and size, `None` without having written if it is not there.
    ///
    /// # Errors
    /// As [`Database::find`]; [`DatabaseError::Sink`] if `sink` fails. A part may have been written then.
    pub fn read_into(
        &self,
        id: &ObjectId,
        sink: &mut dyn Write,
    ) -> Result<Option<(ObjectKind, u64)>, DatabaseError> {
        let to_sink = |cause| DatabaseError::Sink { id: *id, cause };
        let (pack, offset) = match self.locate(id)? {
            None => return Ok(None),
            Some(Place::Packed(pack, offset)) => (pack, offset),
            Some(Place::Loose(path)) => return read_loose_into(id, &path, sink),
        };
        let named = |what| name(Fault::Corrupt(what), id);
        let (header, deflated) = pack.entry_at(offset).map_err(named)?;
        if let Stored::Whole(kind) = header.stored {
            let mut inflater = Inflater::new();
            inflater.start(header.size_bytes);
            for input in deflated.chunks(PIECE_BYTES) {
                let mut written = Ok(());
                let pushed = inflater.push(input, &mut |piece| {
                    written = sink.write_all(piece);
                    if written.is_ok() { Ok(()) } else { Err("") }
                });
                written.map_err(to_sink)?;
                if pushed.map_err(named)?.1 {
                    return Ok(Some((kind, header.size_bytes)));
                }
            }
            return Err(named("it is cut off"));
        }
        let object = chain::read(&pack, offset, ON_THE_WAY_BYTES_MAX, &self.effort);
        let object = object.map_err(|fault| name(fault, id))?;
        sink.write_all(&object.bytes).map_err(to_sink)?;
        Ok(Some((object.kind, object.bytes.len() as u64)))
    }

    /// The deflate stream of an object that a pack stores whole; `None` if it is not there or stored otherwise.
    ///
    /// # Errors
    /// [`DatabaseError::Corrupt`], [`DatabaseError::Io`].
    pub fn find_deflated(&self, id: &ObjectId) -> Result<Option<Deflated>, DatabaseError> {
        let Some(Place::Packed(pack, offset)) = self.locate(id)? else {
            return Ok(None);
        };
        let named = |what| name(Fault::Corrupt(what), id);
        let (header, _) = pack.entry_at(offset).map_err(named)?;
        let Stored::Whole(kind) = header.stored else {
            return Ok(None);
        };
        Ok(Some(Deflated {
            kind,
            size_bytes: header.size_bytes,
            stream: pack.deflated_at(offset, &header).map_err(named)?,
        }))
    }

    /// The objects whose ids begin with these lower-case hexadecimal digits, sorted, at most [`PREFIX_MATCHES_MAX`]. A
    /// text that no id begins with matches nothing.
    ///
    /// # Errors
    /// [`DatabaseError::Io`].
    pub fn find_prefix(&self, hex: &str) -> Result<Vec<ObjectId>, DatabaseError> {
        let mut found = Vec::new();
        let Some(prefix) = Prefix::parse(hex, self.shared.hash) else {
            return Ok(found);
        };
        for pack in self.packs().iter() {
            pack.list_prefix(&prefix, PREFIX_MATCHES_MAX, &mut found);
        }
        for folder in &self.shared.folders {
            loose::list_prefix(folder, &prefix, PREFIX_MATCHES_MAX, &mut found)
                .map_err(DatabaseError::io(folder))?;
        }
        found.retain(|id| id.kind() == self.shared.hash);
        found.sort_unstable();
        Ok(found)
    }

    fn packs(&self) -> Arc<[Arc<MappedPack>]> {
        self.shared
            .packs
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Packs come first, the newest ahead of the others: what is wanted next lies mostly in what was just fetched.
    fn locate(&self, id: &ObjectId) -> Result<Option<Place>, DatabaseError> {
        if id.kind() != self.shared.hash {
            return Ok(None);
        }
        for pack in self.packs().iter().rev() {
            let offset = pack
                .find(id)
                .map_err(|what| name(Fault::Corrupt(what), id))?;
            if let Some(offset) = offset {
                return Ok(Some(Place::Packed(pack.clone(), offset)));
            }
        }
        let paths = self
            .shared
            .folders
            .iter()
            .map(|folder| loose::path_of(folder, id));
        Ok(paths.filter(|path| path.is_file()).map(Place::Loose).next())
    }

    fn read_loose(
        &self,
        id: &ObjectId,
        path: &Path,
        limit_bytes: u64,
    ) -> Result<Option<Object>, DatabaseError> {
        let named = |cause| name_io(cause, path, id);
        let Some(loose) = loose::open(path).map_err(named)? else {
            return Ok(None);
        };
        if loose.size_bytes > limit_bytes {
            return Err(DatabaseError::TooLarge {
                id: *id,
                size_bytes: loose.size_bytes,
                limit_bytes,
            });
        }
        let kind = loose.kind;
        let mut bytes = Vec::new(); // grows with what is there, not with what is claimed
        let read = loose.read(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        read.map_err(named)?;
        Ok(Some(Object {
            kind,
            bytes: bytes.into(),
        }))
    }
}

fn read_loose_into(
    id: &ObjectId,
    path: &Path,
    sink: &mut dyn Write,
) -> Result<Option<(ObjectKind, u64)>, DatabaseError> {
    let Some(loose) = loose::open(path).map_err(|cause| name_io(cause, path, id))? else {
        return Ok(None);
    };
    let header = (loose.kind, loose.size_bytes);
    let mut sink_failed = false;
    let read = loose.read(&mut |piece| {
        let written = sink.write_all(piece);
        sink_failed = written.is_err();
        written
    });
    match read {
        Ok(()) => Ok(Some(header)),
        Err(cause) if sink_failed => Err(DatabaseError::Sink { id: *id, cause }),
        Err(cause) => Err(name_io(cause, path, id)),
    }
}

fn name(fault: Fault, id: &ObjectId) -> DatabaseError {
    match fault {
        Fault::Corrupt(what) => DatabaseError::Corrupt { id: *id, what },
        Fault::TooMuchWork { bytes_max } => DatabaseError::TooMuchWork { bytes_max },
        Fault::TooLarge {
            size_bytes,
            limit_bytes,
        } => DatabaseError::TooLarge {
            id: *id,
            size_bytes,
            limit_bytes,
        },
    }
}

fn name_io(cause: io::Error, path: &Path, id: &ObjectId) -> DatabaseError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match cause.kind() {
        InvalidData | InvalidInput | UnexpectedEof => DatabaseError::Corrupt {
            id: *id,
            what: "its file is damaged",
        },
        _ => DatabaseError::Io {
            path: path.to_owned(),
            cause,
        },
    }
}

#[cfg(test)]
mod tests;
