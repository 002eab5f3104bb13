//! Small facts that the installation remembers about itself, by name.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::Catalog;
use crate::link::{Link, args};

/// Uses the primary key of `settings`.
const FIND_SETTING: &str = "
    select value
      from settings
     where realm = $1
       and name = $2
     limit 1";

/// Uses the primary key of `settings`.
const SET_SETTING: &str = "
    insert into settings (realm, name, value, set_at)
    values ($1, $2, $3, $4)
        on conflict (realm, name) do update
       set value = excluded.value,
           set_at = excluded.set_at";

impl Catalog {
    /// The value that was set last under this name.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn get_setting(&self, name: &str) -> Result<Option<String>, CatalogError> {
        let rows = self.read(FIND_SETTING, args![REALM, name]).await?;
        rows.first().map(|row| row.text("value")).transpose()
    }

    /// Sets a value, in place of the one before.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), CatalogError> {
        self.write(SetSetting {
            name: name.to_owned(),
            value: value.to_owned(),
            at: Timestamp::now(),
        })
        .await
    }
}

struct SetSetting {
    name: String,
    value: String,
    at: Timestamp,
}

#[async_trait]
impl Write for SetSetting {
    type Answer = ();

    async fn apply(&self, link: &mut Link<'_>) -> Result<(), CatalogError> {
        link.run(SET_SETTING, args![REALM, &self.name, &self.value, self.at])
            .await
    }
}
