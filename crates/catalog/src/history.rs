//! What views held at earlier moments, from what their landings say.

use jiff::Timestamp;

use crate::REALM;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Sql, args};
use crate::stored::{Landing, landing_columns};

macro_rules! list_members_at {
    ($others:literal) => {
        concat!(
            "
    select ",
            landing_columns!(),
            "
      from landings l
     where l.realm = $1
       and l.seq > $4
       and l.seq <= $3
       and l.view = $2
       and l.act in ('land', 'release')
       and not exists (
           select 1
             from ",
            $others,
            "
            where o.realm = l.realm and o.module = l.module and o.version = l.version
              and o.view = l.view and o.seq > l.seq and o.seq <= $3)
     order by l.seq
     limit $5"
        )
    };
}

/// Landings that no later one up to that moment undid. Walks the primary key of `landings` from the cursor on, and looks
/// by `landings_by_version` for what came after; SQLite has to be told, it would walk what came after as well.
pub(crate) const LIST_MEMBERS_AT: Sql = Sql {
    sqlite: list_members_at!("landings o indexed by landings_by_version"),
    postgres: list_members_at!("landings o"),
};

/// Walks the primary key of `landings` back from its end.
pub(crate) const FIND_SEQ_AT: &str = "
    select seq
      from landings
     where realm = $1
       and at <= $2
     order by seq desc
     limit 1";

impl Catalog {
    /// What was in a view when landing number `seq` had been made: for each version the landing that had made it a
    /// member, oldest first, after number `after` (0: from the first); at most `limit`. The cursor for the next call is
    /// the `seq` of the last one. Cost grows with the landings of all views between `after` and the end of the answer.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn members_at(
        &self,
        view: &str,
        seq: u64,
        after: u64,
        limit: u64,
    ) -> Result<Vec<Landing>, CatalogError> {
        let values = args![REALM, view, seq, after, limit.min(ROWS_MAX)];
        let rows = self.read(LIST_MEMBERS_AT, values).await?;
        rows.iter().map(Landing::read).collect()
    }

    /// Number of the last landing that was made at `time` or before, by the clock of whoever made it; 0 if there is none.
    /// Cost grows with the landings since then.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn seq_at(&self, time: Timestamp) -> Result<u64, CatalogError> {
        let rows = self.read(FIND_SEQ_AT, args![REALM, time]).await?;
        rows.first().map_or(Ok(0), |row| row.count("seq"))
    }
}
