//! What has to outlive the process for one database: its newest head and its tiles.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tlog::database::SignedHead;

/// Whatever went wrong where heads are kept.
pub type KeeperError = Box<dyn Error + Send + Sync>;

/// Keeps the newest head of one database: with it gone, the log could be rewritten unseen.
#[async_trait]
pub trait HeadKeeper: Send + Sync {
    /// The note of the newest head that was saved.
    ///
    /// # Errors
    /// Any: nothing is looked up then.
    async fn load(&self) -> Result<Option<Vec<u8>>, KeeperError>;

    /// Saves a head; durable when it returns. The newest is the one of the largest size, whatever the order of saving.
    ///
    /// # Errors
    /// Any: the lookup fails, and the next one tries again.
    async fn save(&self, head: &SignedHead) -> Result<(), KeeperError>;
}

/// A cache of one database's tiles. It may forget, and what it gives is proven again: a torn tile is harmless.
#[async_trait]
pub trait TileKeeper: Send + Sync {
    /// The bytes put under `path`: `tile/8/<L>/<N>`, with `.edge` behind it for the widest partial one.
    async fn get(&self, path: &str) -> Option<Bytes>;

    /// Puts a proven tile, in place of what was there.
    async fn put(&self, path: &str, bytes: Bytes);
}

/// Keeps heads and tiles as long as it lives: for tests, and for whoever keeps nothing.
#[derive(Debug, Default)]
pub struct MemoryKeeper {
    head: Mutex<Option<SignedHead>>,
    tiles: Mutex<HashMap<String, Bytes>>,
}

#[async_trait]
impl HeadKeeper for MemoryKeeper {
    async fn load(&self) -> Result<Option<Vec<u8>>, KeeperError> {
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(head.as_ref().map(|head| head.note.clone()))
    }

    async fn save(&self, head: &SignedHead) -> Result<(), KeeperError> {
        let mut kept = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        if kept
            .as_ref()
            .is_none_or(|kept| kept.head.size < head.head.size)
        {
            *kept = Some(head.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl TileKeeper for MemoryKeeper {
    async fn get(&self, path: &str) -> Option<Bytes> {
        self.tiles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned()
    }

    async fn put(&self, path: &str, bytes: Bytes) {
        let mut tiles = self.tiles.lock().unwrap_or_else(PoisonError::into_inner);
        tiles.insert(path.to_owned(), bytes);
    }
}
