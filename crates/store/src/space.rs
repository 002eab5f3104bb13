//! How much room the file systems have, in bytes and in file nodes, and how much of it is kept in reserve.
//!
//! A look costs some microseconds and writes nothing. What becomes of captures when there is too little room is the
//! pipeline's to decide.

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfs, StatVfsMountFlags, statvfs};

use crate::error::StoreError;

/// The reserve where nobody names one: a part of the file system, because on a small one half a gibibyte is most of it...
const AUTO_PART: u64 = 20;

/// ...but never more than this: databases and their logs, tiles and staged files of captures under way take less.
const AUTO_BYTES_MAX: u64 = 512 << 20;

/// File nodes kept in reserve at most. A capture under way needs about five, and some hundred run at once.
const FILES_MAX: u64 = 10_000;

/// Captures go on only once there is this part of the reserve more than the reserve: else a disk at its mark would have
/// them stop and go by the second.
const SLACK_PART: u64 = 8;

/// How much of a file system is left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reserve {
    /// A twentieth of its bytes, at most 512 MiB.
    #[default]
    Auto,
    /// So many bytes; 0 leaves nothing alone, file nodes neither.
    Bytes(u64),
}

/// The file systems that something is written to, each with its reserve.
#[derive(Clone, Debug)]
pub struct Space {
    folders: Vec<PathBuf>,
    reserve: Reserve,
}

/// What a look at one file system found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// The folder that lies on it.
    pub folder: PathBuf,
    /// Bytes that this process may still write.
    pub free_bytes: u64,
    /// Bytes that are left alone.
    pub reserve_bytes: u64,
    /// Files that may still be created; nothing where the file system has no bound on them.
    pub free_files: Option<u64>,
    /// Files that are left alone.
    pub reserve_files: u64,
    /// Whether it is mounted read-only.
    pub is_read_only: bool,
}

/// What there is too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Bytes.
    Bytes {
        /// Those that are free.
        free_bytes: u64,
        /// Those that are left alone.
        reserve_bytes: u64,
    },
    /// File nodes.
    Files {
        /// Those that are free.
        free_files: u64,
        /// Those that are left alone.
        reserve_files: u64,
    },
    /// The right to write: it is mounted read-only.
    Right,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes {
                free_bytes,
                reserve_bytes,
            } => write!(
                f,
                "{} are free and {} are kept in reserve",
                in_words(*free_bytes),
                in_words(*reserve_bytes)
            ),
            Self::Files {
                free_files,
                reserve_files,
            } => write!(
                f,
                "{free_files} file nodes are free and {reserve_files} are kept in reserve"
            ),
            Self::Right => f.write_str("it is mounted read-only"),
        }
    }
}

impl Space {
    /// The file systems of these folders. They are looked at each time anew, so a later mount counts.
    pub fn new(folders: Vec<PathBuf>, reserve: Reserve) -> Self {
        Self { folders, reserve }
    }

    /// Looks at every folder, in their order. Blocks, for as long as the file system takes to answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] for a folder that cannot be asked about.
    pub fn look(&self) -> Result<Vec<Room>, StoreError> {
        self.folders
            .iter()
            .map(|folder| {
                let found = statvfs(folder).map_err(|cause| {
                    let what = format!("asking for the free space of {}", folder.display());
                    StoreError::from_io(what, cause.into())
                })?;
                Ok(room(folder, &found, self.reserve))
            })
            .collect()
    }
}

impl Room {
    /// What there is too little of for captures; `stopped`: they are stopped already, so it takes some more to go on.
    pub fn find_lack(&self, stopped: bool) -> Option<Lack> {
        let wanted = |reserve: u64| {
            if stopped {
                reserve + reserve / SLACK_PART
            } else {
                reserve
            }
        };
        if self.is_read_only {
            return Some(Lack::Right);
        }
        if self.free_bytes < wanted(self.reserve_bytes) {
            return Some(Lack::Bytes {
                free_bytes: self.free_bytes,
                reserve_bytes: self.reserve_bytes,
            });
        }
        let free_files = self.free_files?;
        (free_files < wanted(self.reserve_files)).then_some(Lack::Files {
            free_files,
            reserve_files: self.reserve_files,
        })
    }

    /// Bytes that would have to become free for stopped captures to go on.
    pub fn missing_bytes(&self) -> u64 {
        (self.reserve_bytes + self.reserve_bytes / SLACK_PART).saturating_sub(self.free_bytes)
    }

    /// Bytes that may be written before the reserve is touched.
    pub fn spare_bytes(&self) -> u64 {
        self.free_bytes.saturating_sub(self.reserve_bytes)
    }
}

fn room(folder: &Path, found: &StatVfs, reserve: Reserve) -> Room {
    // Blocks that only root may use do not count, not even for root: they keep the system itself alive.
    let total_bytes = found.f_blocks.saturating_mul(found.f_frsize);
    let (reserve_bytes, reserve_files) = match reserve {
        Reserve::Bytes(0) => (0, 0),
        Reserve::Bytes(bytes) => (bytes, (found.f_files / AUTO_PART).min(FILES_MAX)),
        Reserve::Auto => (
            (total_bytes / AUTO_PART).min(AUTO_BYTES_MAX),
            (found.f_files / AUTO_PART).min(FILES_MAX),
        ),
    };
    Room {
        folder: folder.to_owned(),
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        reserve_bytes,
        // File systems that make nodes as they need them say that there are none at all.
        free_files: (found.f_files > 0).then_some(found.f_favail),
        reserve_files,
        is_read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
    }
}

/// Bytes for people: whole numbers of the unit that leaves at most four digits.
pub fn in_words(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        10_485_760..10_737_418_240 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roomy() -> Room {
        Room {
            folder: PathBuf::from("/data"),
            free_bytes: 2_000,
            reserve_bytes: 800,
            free_files: Some(200),
            reserve_files: 80,
            is_read_only: false,
        }
    }

    #[track_caller]
    fn check_lack(room: &Room, going: bool, stopped: bool) {
        assert_eq!(room.find_lack(false).is_none(), going, "while they go on");
        assert_eq!(room.find_lack(true).is_none(), stopped, "while stopped");
    }

    #[test]
    fn captures_stop_below_the_reserve_and_go_on_with_some_slack() {
        check_lack(&roomy(), true, true);
        for (free_bytes, going, stopped) in [
            (900, true, true),
            (899, true, false),
            (800, true, false),
            (799, false, false),
        ] {
            let room = Room {
                free_bytes,
                ..roomy()
            };
            check_lack(&room, going, stopped);
        }
        for (free_files, going, stopped) in [
            (Some(90), true, true),
            (Some(89), true, false),
            (Some(79), false, false),
            (None, true, true),
        ] {
            let room = Room {
                free_files,
                ..roomy()
            };
            check_lack(&room, going, stopped);
        }
        let room = Room {
            is_read_only: true,
            ..roomy()
        };
        assert_eq!(room.find_lack(false), Some(Lack::Right));
    }

    #[test]
    fn what_is_missing_and_what_is_to_spare() {
        let room = roomy();
        assert_eq!((room.missing_bytes(), room.spare_bytes()), (0, 1_200));
        let room = Room {
            free_bytes: 100,
            ..room
        };
        assert_eq!((room.missing_bytes(), room.spare_bytes()), (800, 0));
    }

    #[test]
    fn a_real_folder_has_room_and_one_that_is_not_there_has_no_answer() {
        let folder = std::env::temp_dir();
        let look = |reserve| Space::new(vec![folder.clone()], reserve).look().unwrap();
        let room = &look(Reserve::Auto)[0];
        assert!(room.free_bytes > 0 && room.reserve_bytes <= AUTO_BYTES_MAX);
        let room = &look(Reserve::Bytes(0))[0];
        assert_eq!((room.reserve_bytes, room.reserve_files), (0, 0));
        assert_eq!(look(Reserve::Bytes(7))[0].reserve_bytes, 7);
        let nowhere = Space::new(vec![folder.join("not/there")], Reserve::Auto);
        assert!(nowhere.look().is_err());
    }

    #[test]
    fn sizes_are_said_in_words() {
        for (bytes, want) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 KiB"),
            (512 << 20, "512 MiB"),
            (9 << 30, "9216 MiB"),
            (32 << 30, "32 GiB"),
        ] {
            assert_eq!(in_words(bytes), want);
        }
    }
}
