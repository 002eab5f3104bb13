//! Loose objects: one zlib stream a file, the object's header in front of its content.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::ZlibDecoder;

use crate::id::ObjectId;
use crate::object::ObjectKind;
use crate::pack::Prefix;

/// The longest header: `commit`, a blank, 20 digits, NUL.
const HEADER_BYTES_MAX: usize = 28;

/// A loose object that is being read.
pub(super) struct Loose {
    pub kind: ObjectKind,
    pub size_bytes: u64,
    content: ZlibDecoder<BufReader<File>>,
}

/// Where a folder keeps an object if it is loose.
pub(super) fn path_of(folder: &Path, id: &ObjectId) -> PathBuf {
    let hex = id.to_string();
    folder.join(&hex[..2]).join(&hex[2..])
}

/// Opens a loose object and reads its header. A malformed one is [`io::ErrorKind::InvalidData`].
pub(super) fn open(path: &Path) -> io::Result<Option<Loose>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause),
    };
    let mut content = ZlibDecoder::new(BufReader::new(file));
    let malformed = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "malformed header of a loose object",
        )
    };
    let mut header = Vec::new();
    let mut byte = [0];
    loop {
        content.read_exact(&mut byte)?;
        match byte[0] {
            0 => break,
            _ if header.len() == HEADER_BYTES_MAX => return Err(malformed()),
            other => header.push(other),
        }
    }
    let header = std::str::from_utf8(&header)
        .ok()
        .and_then(|header| header.split_once(' '));
    let (kind, size) = header.ok_or_else(malformed)?;
    Ok(Some(Loose {
        kind: ObjectKind::from_name(kind.as_bytes()).ok_or_else(malformed)?,
        size_bytes: size.parse().map_err(|_| malformed())?,
        content,
    }))
}

impl Loose {
    /// Hands the content on in pieces; it has to be as long as the header says.
    pub(super) fn read(mut self, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut piece = vec![0; 32 << 10];
        let mut left_bytes = self.size_bytes;
        loop {
            let read = match self.content.read(&mut piece) {
                Ok(read) => read,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(cause),
            };
            left_bytes = left_bytes
                .checked_sub(read as u64)
                .ok_or(io::ErrorKind::InvalidData)?;
            match (read, left_bytes) {
                (0, 0) => return Ok(()),
                (0, _) => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => take(&piece[..read])?,
            }
        }
    }
}

/// The loose objects of a folder whose ids begin so, at most `max` found ones in all.
pub(super) fn list_prefix(
    folder: &Path,
    prefix: &Prefix,
    max: usize,
    found: &mut Vec<ObjectId>,
) -> io::Result<()> {
    let first = prefix.bytes().first().copied().unwrap_or(0);
    let listing = match fs::read_dir(folder.join(format!("{first:02x}"))) {
        Ok(listing) => listing,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(cause),
    };
    for entry in listing {
        let rest = entry?.file_name();
        let id = format!("{first:02x}{}", rest.to_string_lossy()).parse();
        found.extend(id.ok().filter(|id: &ObjectId| {
            prefix.matches(id.as_bytes()) && !found.contains(id) && found.len() < max
        }));
    }
    Ok(())
}
