//! Maps packs and their indexes into memory.

use std::fs::File;
use std::io;

use bytes::Bytes;

/// Maps a whole file, shared and read-only. The file may be closed afterwards.
pub(super) fn map(file: &File) -> io::Result<Bytes> {
    // SAFETY: a mapping is sound while nobody truncates or writes the file under it. Packs and indexes are written under
    // temporary names and get their own by a hard link after the last write; nothing in this crate opens a named one
    // for writing, and git never changes one either. A foreign hand that truncates one gets SIGBUS here, which ends the
    // process: wrong bytes are never served.
    #[allow(unsafe_code)]
    let mapping = unsafe { memmap2::Mmap::map(file)? };
    Ok(Bytes::from_owner(mapping))
}
