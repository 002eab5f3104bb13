//! Reading a folder laid out like a proxy (`file://`).
//!
//! Nothing outside the folder is read: names are plain elements, and links that lead out are refused.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

/// Bytes read at once while a zip is handed on.
const CHUNK_BYTES: usize = 256 * 1024;

/// Why a file of the folder was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum TreeError {
    /// There is no such file.
    #[error("not in the folder")]
    Absent,
    /// The file system says no.
    #[error("the folder's permissions forbid reading it")]
    Forbidden,
    /// More bytes than this file may have.
    #[error("more than the {limit_bytes} bytes allowed for this file")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// A link that leads out of the folder, a socket, a pipe.
    #[error("not a regular file of the folder")]
    Foreign,
    /// The disk.
    #[error("reading failed: {0}")]
    Io(io::Error),
}

impl From<io::Error> for TreeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Absent,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            _ => Self::Io(error),
        }
    }
}

/// A file of the folder, opened, no larger than its limit.
pub(super) struct TreeFile {
    file: io::Take<File>,
    pub(super) size_bytes: u64,
}

impl TreeFile {
    /// Opens `path` (elements separated by `/`) below `root`. Blocks.
    pub(super) fn open(root: &Path, path: &str, limit_bytes: u64) -> Result<Self, TreeError> {
        let relative = Path::new(path);
        if !relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(TreeError::Foreign);
        }
        let whole = root.join(relative).canonicalize()?;
        if !whole.starts_with(root.canonicalize()?) {
            return Err(TreeError::Foreign);
        }
        // Asked before it is opened: opening a pipe would wait for its writer.
        if !whole.metadata()?.is_file() {
            return Err(TreeError::Foreign);
        }
        let file = File::open(&whole)?;
        let size_bytes = file.metadata()?.len();
        if size_bytes > limit_bytes {
            return Err(TreeError::TooLarge { limit_bytes });
        }
        Ok(Self {
            file: file.take(size_bytes),
            size_bytes,
        })
    }

    /// The next bytes, empty at the end. Blocks.
    pub(super) fn read_chunk(&mut self) -> Result<Vec<u8>, TreeError> {
        let mut chunk = Vec::with_capacity(
            CHUNK_BYTES.min(usize::try_from(self.file.limit()).unwrap_or(CHUNK_BYTES)),
        );
        self.file
            .by_ref()
            .take(CHUNK_BYTES as u64)
            .read_to_end(&mut chunk)?;
        Ok(chunk)
    }

    /// The whole file. Blocks.
    pub(super) fn read_all(mut self) -> Result<Vec<u8>, TreeError> {
        let mut whole = Vec::with_capacity(usize::try_from(self.size_bytes).unwrap_or_default());
        self.file.read_to_end(&mut whole)?;
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(root: &Path, path: &str) -> Result<Vec<u8>, TreeError> {
        TreeFile::open(root, path, 10)?.read_all()
    }

    #[test]
    fn files_are_read_and_nothing_else() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        std::fs::create_dir(root.join("m")).unwrap();
        std::fs::write(root.join("m/list"), "v1.0.0\n").unwrap();
        std::fs::write(root.join("m/long"), "12345678901").unwrap();
        std::os::unix::fs::symlink("list", root.join("m/inside")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), root.join("m/out")).unwrap();
        std::os::unix::fs::symlink("loop", root.join("m/loop")).unwrap();

        assert_eq!(read(root, "m/list").unwrap(), b"v1.0.0\n");
        assert_eq!(read(root, "m/inside").unwrap(), b"v1.0.0\n");
        assert!(matches!(read(root, "m/none"), Err(TreeError::Absent)));
        assert!(matches!(read(root, "m/list/below"), Err(TreeError::Absent)));
        assert!(matches!(
            read(root, "m/long"),
            Err(TreeError::TooLarge { limit_bytes: 10 })
        ));
        assert!(matches!(read(root, "m"), Err(TreeError::Foreign)));
        assert!(matches!(read(root, "m/out"), Err(TreeError::Foreign)));
        assert!(matches!(read(root, "../secret"), Err(TreeError::Foreign)));
        assert!(matches!(read(root, "/etc/passwd"), Err(TreeError::Foreign)));
        assert!(matches!(read(root, "m/loop"), Err(TreeError::Io(_))));
    }

    #[test]
    fn large_files_come_in_chunks() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join("zip"), vec![7; CHUNK_BYTES + 5]).unwrap();
        let mut file = TreeFile::open(tree.path(), "zip", u64::MAX).unwrap();
        assert_eq!(file.read_chunk().unwrap().len(), CHUNK_BYTES);
        assert_eq!(file.read_chunk().unwrap().len(), 5);
        assert!(file.read_chunk().unwrap().is_empty());
    }
}
