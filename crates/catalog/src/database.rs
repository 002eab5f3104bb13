//! What checksum databases said: records and signed heads, both verified before they come here.

use async_trait::async_trait;
use gomod::version::ModuleVersion;
use jiff::Timestamp;

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::Catalog;
use crate::link::{Link, Value, args};
use crate::seal::{RECORD_SEAL, sealed};

/// The first answer stays: its record cannot change, only the head that signs it. Uses the primary key of `records`.
const SAVE_RECORD: &str = "
    insert into records (realm, database, module, version, record_id, body, seen_at, seal)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (realm, database, module, version) do nothing";

/// Makes room for a record in place of one that has rotted, while its rot is as it was read. Uses the primary key of
/// `records`.
const DROP_ROTTEN_RECORD: &str = "
    delete from records
     where realm = $1
       and database = $2
       and module = $3
       and version = $4
       and seal = $5";

/// Uses the primary key of `records`.
const FIND_RECORD: &str = "
    select database, module, version, record_id, body, seen_at, seal
      from records
     where realm = $1
       and database = $2
       and module = $3
       and version = $4
     limit 1";

/// Uses the primary key of `heads`.
const SAVE_HEAD: &str = "
    insert into heads (realm, database, tree_size, note, seen_at)
    values ($1, $2, $3, $4, $5)
        on conflict (realm, database, tree_size) do nothing";

/// The largest head. Uses the primary key of `heads`.
const FIND_HEAD: &str = "
    select tree_size, note
      from heads
     where realm = $1
       and database = $2
     order by tree_size desc
     limit 1";

impl Catalog {
    /// Keeps a verified lookup answer, as the database signed it. The first one for a version stays.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn save_record(
        &self,
        database: &str,
        module: &ModuleVersion,
        record_id: u64,
        body: &[u8],
    ) -> Result<(), CatalogError> {
        let record = SaveRecord {
            database: database.to_owned(),
            module: module.clone(),
            record_id,
            body: body.to_owned(),
            at: Timestamp::now(),
        };
        self.write(record).await
    }

    /// The kept lookup answer for a version.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn find_record(
        &self,
        database: &str,
        module: &ModuleVersion,
    ) -> Result<Option<Vec<u8>>, CatalogError> {
        let (path, version) = (module.path().as_str(), module.version().as_str());
        let rows = self
            .read(FIND_RECORD, args![REALM, database, path, version])
            .await?;
        let whole = RECORD_SEAL.find_whole(&rows);
        whole.map(|row| row.bytes("body")).transpose()
    }

    /// Keeps a signed head that was proven consistent with the one before. Heads are never replaced.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn save_head(
        &self,
        database: &str,
        size: u64,
        note: &[u8],
    ) -> Result<(), CatalogError> {
        let head = SaveHead {
            database: database.to_owned(),
            size,
            note: note.to_owned(),
            at: Timestamp::now(),
        };
        self.write(head).await
    }

    /// The head of the largest tree: its size and its signed note.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn find_head(&self, database: &str) -> Result<Option<(u64, Vec<u8>)>, CatalogError> {
        let rows = self.read(FIND_HEAD, args![REALM, database]).await?;
        rows.first()
            .map(|row| Ok((row.count("tree_size")?, row.bytes("note")?)))
            .transpose()
    }
}

struct SaveRecord {
    database: String,
    module: ModuleVersion,
    record_id: u64,
    body: Vec<u8>,
    at: Timestamp,
}

#[async_trait]
impl Write for SaveRecord {
    type Answer = ();

    async fn apply(&self, link: &mut Link<'_>) -> Result<(), CatalogError> {
        let (path, version) = (self.module.path().as_str(), self.module.version().as_str());
        let key = || args![REALM, &self.database, path, version];
        let known = link.rows(FIND_RECORD, key()).await?;
        // A row in which bits have flipped is as good as none, and must not keep the right one out.
        if let Some(rotten) = known.first().filter(|row| !RECORD_SEAL.is_whole(row)) {
            let mut rotten_key = key();
            rotten_key.push(Value::Bytes(rotten.find_bytes("seal")?));
            link.run(DROP_ROTTEN_RECORD, rotten_key).await?;
        }
        let values = args![
            REALM,
            &self.database,
            path,
            version,
            self.record_id,
            &self.body[..],
            self.at
        ];
        link.run(SAVE_RECORD, sealed(RECORD_SEAL.table, values))
            .await
    }
}

struct SaveHead {
    database: String,
    size: u64,
    note: Vec<u8>,
    at: Timestamp,
}

#[async_trait]
impl Write for SaveHead {
    type Answer = ();

    async fn apply(&self, link: &mut Link<'_>) -> Result<(), CatalogError> {
        link.run(
            SAVE_HEAD,
            args![REALM, &self.database, self.size, &self.note[..], self.at],
        )
        .await
    }
}
