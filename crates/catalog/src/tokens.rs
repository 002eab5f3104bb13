//! Bearer tokens: who holds which rights, by the hash of a secret that is kept nowhere.

use async_trait::async_trait;
use gomod::hash::ContentDigest;
use jiff::Timestamp;
use serde::Serialize;

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::landings::lock_realm;
use crate::link::{Link, Row, args};

macro_rules! token_columns {
    () => {
        "id, name, hash, scopes, expires_at, by, at, revoked_at, revoked_by"
    };
}

/// Uses the unique index `tokens_by_hash`.
pub(crate) const FIND_TOKEN: &str = concat!(
    "
    select ",
    token_columns!(),
    "
      from tokens
     where realm = $1
       and hash = $2
     limit 1"
);

/// Uses the unique index `tokens_by_name`.
pub(crate) const FIND_OPEN_NAME: &str = concat!(
    "
    select ",
    token_columns!(),
    "
      from tokens
     where realm = $1
       and name = $2
       and revoked_at is null
     limit 1"
);

/// Who had this name last. Walks index `tokens_by_age`: people make tokens, and not many.
const FIND_LAST_OF_NAME: &str = concat!(
    "
    select ",
    token_columns!(),
    "
      from tokens
     where realm = $1
       and name = $2
     order by id desc
     limit 1"
);

/// Oldest first. Uses index `tokens_by_age`.
pub(crate) const LIST_TOKENS: &str = concat!(
    "
    select ",
    token_columns!(),
    "
      from tokens
     where realm = $1
       and id > $2
     order by id
     limit $3"
);

const INSERT_TOKEN: &str = "
    insert into tokens (realm, name, hash, scopes, expires_at, by, at)
    values ($1, $2, $3, $4, $5, $6, $7)
 returning id";

/// Uses the unique index `tokens_by_name`.
const REVOKE_TOKEN: &str = "
    update tokens
       set revoked_at = $3,
           revoked_by = $4
     where realm = $1
       and name = $2
       and revoked_at is null
 returning id";

/// A token that is not kept yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// What people call it; no two that are in use have the same name.
    pub name: String,
    /// SHA-256 of its secret.
    pub hash: ContentDigest,
    /// What it allows, as JSON.
    pub scopes: String,
    /// When it allows nothing any more; to the microsecond.
    pub expires_at: Option<Timestamp>,
    /// Who made it.
    pub by: String,
}

/// A kept token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its number.
    pub id: u64,
    /// What people call it.
    pub name: String,
    /// SHA-256 of its secret.
    #[serde(skip)]
    pub hash: ContentDigest,
    /// What it allows, as JSON.
    pub scopes: String,
    /// When it allows nothing any more.
    pub expires_at: Option<Timestamp>,
    /// Who made it.
    pub by: String,
    /// When it was made.
    pub at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Who revoked it.
    pub revoked_by: Option<String>,
}

/// What became of [`Catalog::save_token`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSaving {
    /// It is in use from now on.
    Saved {
        /// Its number.
        id: u64,
    },
    /// Another token that is in use has this name; nothing was changed.
    NameTaken,
    /// A token with this secret is or was in use; nothing was changed.
    SecretTaken,
}

/// What became of [`Catalog::revoke_token`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenEnding {
    /// It allows nothing from now on.
    Revoked,
    /// Someone revoked it before.
    Already,
    /// There never was one of that name.
    NoToken,
}

impl Token {
    /// Whether it allows anything at `now`.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    fn read(row: &Row) -> Result<Self, CatalogError> {
        Ok(Self {
            id: row.count("id")?,
            name: row.text("name")?,
            hash: row.digest("hash")?,
            scopes: row.text("scopes")?,
            expires_at: row.find_time("expires_at")?,
            by: row.text("by")?,
            at: row.time("at")?,
            revoked_at: row.find_time("revoked_at")?,
            revoked_by: row.find_text("revoked_by")?,
        })
    }

    /// Whether this is the row that a call wrote whose answer was lost.
    fn is_of(&self, saving: &SaveToken) -> bool {
        self.hash == saving.new.hash
            && self.name == saving.new.name
            && self.at.as_microsecond() == saving.at.as_microsecond()
    }
}

impl Catalog {
    /// Keeps a token.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn save_token(&self, new: NewToken) -> Result<TokenSaving, CatalogError> {
        self.write(SaveToken {
            new,
            at: Timestamp::now(),
        })
        .await
    }

    /// The token with this secret, also one that was revoked or has expired: ask [`Token::is_valid_at`] before anything is
    /// allowed. One indexed query.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn find_token(&self, hash: &ContentDigest) -> Result<Option<Token>, CatalogError> {
        let rows = self.read(FIND_TOKEN, args![REALM, hash]).await?;
        rows.first().map(Token::read).transpose()
    }

    /// Tokens after number `after` (0: from the first), oldest first, also those that allow nothing any more; at most
    /// `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_tokens(&self, after: u64, limit: u64) -> Result<Vec<Token>, CatalogError> {
        let rows = self
            .read(LIST_TOKENS, args![REALM, after, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(Token::read).collect()
    }

    /// Revokes the token of this name that is in use. Its row stays; another one may have the name.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn revoke_token(&self, name: &str, by: &str) -> Result<TokenEnding, CatalogError> {
        self.write(RevokeToken {
            name: name.to_owned(),
            by: by.to_owned(),
            at: Timestamp::now(),
        })
        .await
    }
}

struct SaveToken {
    new: NewToken,
    at: Timestamp,
}

#[async_trait]
impl Write for SaveToken {
    type Answer = TokenSaving;

    async fn apply(&self, link: &mut Link<'_>) -> Result<TokenSaving, CatalogError> {
        lock_realm(link).await?;
        let new = &self.new;
        let rows = link.rows(FIND_TOKEN, args![REALM, &new.hash]).await?;
        if let Some(row) = rows.first() {
            let token = Token::read(row)?;
            return Ok(if token.is_of(self) {
                TokenSaving::Saved { id: token.id }
            } else {
                TokenSaving::SecretTaken
            });
        }
        let rows = link.rows(FIND_OPEN_NAME, args![REALM, &new.name]).await?;
        if !rows.is_empty() {
            return Ok(TokenSaving::NameTaken);
        }
        let values = args![
            REALM,
            &new.name,
            &new.hash,
            &new.scopes,
            new.expires_at,
            &new.by,
            self.at
        ];
        let rows = link.rows(INSERT_TOKEN, values).await?;
        let row = rows.first();
        let row = row.ok_or_else(|| CatalogError::damaged("a token got no number"))?;
        let id = row.count("id")?;
        Ok(TokenSaving::Saved { id })
    }
}

struct RevokeToken {
    name: String,
    by: String,
    at: Timestamp,
}

#[async_trait]
impl Write for RevokeToken {
    type Answer = TokenEnding;

    async fn apply(&self, link: &mut Link<'_>) -> Result<TokenEnding, CatalogError> {
        let values = args![REALM, &self.name, self.at, &self.by];
        if !link.rows(REVOKE_TOKEN, values).await?.is_empty() {
            return Ok(TokenEnding::Revoked);
        }
        let rows = link
            .rows(FIND_LAST_OF_NAME, args![REALM, &self.name])
            .await?;
        let Some(row) = rows.first() else {
            return Ok(TokenEnding::NoToken);
        };
        // This very call may have revoked it, when the answer to its commit was lost.
        let revoked = Token::read(row)?.revoked_at.map(Timestamp::as_microsecond);
        if revoked == Some(self.at.as_microsecond()) {
            return Ok(TokenEnding::Revoked);
        }
        Ok(TokenEnding::Already)
    }
}
