//! Where the checksum database's client keeps its heads (catalog) and its tiles (store).

use async_trait::async_trait;
use bytes::Bytes;
use catalog::Catalog;
use origin::sumdb::keeper::{HeadKeeper, KeeperError, TileKeeper};
use store::Store;
use tlog::database::SignedHead;

/// Keeps the heads of one external log in the catalog: append-only, so that a restart never trusts an older tree.
pub struct Heads {
    /// Where they are kept.
    pub catalog: Catalog,
    /// Name of the database.
    pub database: String,
}

#[async_trait]
impl HeadKeeper for Heads {
    async fn load(&self) -> Result<Option<Vec<u8>>, KeeperError> {
        Ok(self
            .catalog
            .find_head(&self.database)
            .await?
            .map(|(_, note)| note))
    }

    async fn save(&self, head: &SignedHead) -> Result<(), KeeperError> {
        Ok(self
            .catalog
            .save_head(&self.database, head.head.size, &head.note)
            .await?)
    }
}

/// Keeps the tiles of one external log in the store's cache; a torn one is found by verification and fetched again.
pub struct Tiles {
    /// Where they are kept.
    pub store: Store,
    /// Name of the database.
    pub database: String,
}

#[async_trait]
impl TileKeeper for Tiles {
    async fn get(&self, path: &str) -> Option<Bytes> {
        self.store
            .get_tile(&self.database, path)
            .await
            .ok()
            .flatten()
    }

    async fn put(&self, path: &str, bytes: Bytes) {
        self.store.put_tile(&self.database, path, bytes).await.ok();
    }
}
