//! Making and ending tokens: one way for the API, the socket and the command on the folder.

use catalog::work::DeedOutcome;
use catalog::{Catalog, CatalogError, NewDeed, NewToken, Token, TokenEnding, TokenSaving};
use jiff::Timestamp;
use serde_json::json;

use crate::identity::principal::Principal;
use crate::identity::scopes::Scopes;
use crate::identity::secret::{NoRandomness, Secret};

/// Longest name of a token, in bytes: it stands in every record of what its holder did.
const NAME_BYTES_MAX: usize = 64;

/// Rows read at once.
const TOKENS_AT_ONCE: u64 = 500;

/// A token that somebody wants made.
#[derive(Clone, Debug)]
pub struct TokenAsk {
    /// Its name, unlike all others.
    pub name: String,
    /// What it may.
    pub scopes: Scopes,
    /// When it ends; none for never.
    pub expires_at: Option<Timestamp>,
    /// What it is for.
    pub why: String,
}

/// A token that was made: the one time that its secret is shown.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What its holder sends.
    pub secret: Secret,
}

/// Why no token was made or ended.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// There is one of that name that is not revoked.
    #[error("there is a token called {0} already: take another name, or revoke that one first")]
    Taken(String),
    /// There is none of that name.
    #[error("no token is called {0}")]
    Unknown(String),
    /// It would allow, or ends what allows, more than the one who asks may.
    #[error("{0}")]
    Beyond(String),
    /// The system gives no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The catalog gave no answer.
    #[error("the catalog cannot be asked")]
    Catalog(#[from] CatalogError),
}

/// Checks the name of a token: small letters, digits, dots, dashes and underscores, a letter or digit first.
///
/// # Errors
/// [`IssueError::Invalid`].
pub fn check_name(name: &str) -> Result<(), IssueError> {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let begins = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(IssueError::Invalid(format!(
        "the name of a token has small letters, digits, dots, dashes and underscores, {NAME_BYTES_MAX} at most"
    )))
}

/// Makes a token and puts it on the record.
///
/// # Errors
/// [`IssueError`]; nothing was made then.
pub async fn issue(catalog: &Catalog, by: &Principal, ask: TokenAsk) -> Result<Issued, IssueError> {
    let secret = Secret::random()?;
    issue_as(catalog, by, ask, &secret).await?;
    Ok(Issued { secret })
}

/// As [`issue`], for a secret that was made before.
///
/// # Errors
/// [`IssueError`]; nothing was made then.
pub async fn issue_as(
    catalog: &Catalog,
    by: &Principal,
    ask: TokenAsk,
    secret: &Secret,
) -> Result<(), IssueError> {
    check_name(&ask.name)?;
    if ask.expires_at.is_some_and(|end| end <= Timestamp::now()) {
        return Err(IssueError::Invalid(
            "the end of the token lies in the past".to_owned(),
        ));
    }
    if !by.is_allowed(|own| own.covers(&ask.scopes)) {
        return Err(IssueError::Beyond(format!(
            "{} cannot hand out more than it has itself: {}",
            by.by(),
            ask.scopes
        )));
    }
    let scopes = serde_json::to_value(&ask.scopes)
        .map_err(|error| IssueError::Invalid(error.to_string()))?;
    let new = NewToken {
        name: ask.name.clone(),
        hash: secret.hash(),
        scopes: scopes.to_string(),
        expires_at: ask.expires_at,
        by: by.by(),
    };
    match catalog.save_token(new).await? {
        TokenSaving::Saved { .. } => {}
        // Two secrets of 32 random bytes are never the same.
        TokenSaving::NameTaken | TokenSaving::SecretTaken => {
            return Err(IssueError::Taken(ask.name));
        }
    }
    let detail = json!({ "scopes": scopes, "expires_at": ask.expires_at });
    let deed = deed(
        "token-create",
        ask.name,
        by,
        ask.why,
        DeedOutcome::Done,
        detail,
    );
    catalog.save_deed(deed).await?;
    Ok(())
}

/// Ends a token; gives whether it had not been ended before. Every process feels it within seconds.
///
/// # Errors
/// [`IssueError::Unknown`], [`IssueError::Beyond`], [`IssueError::Catalog`].
pub async fn revoke(
    catalog: &Catalog,
    by: &Principal,
    name: &str,
    why: &str,
) -> Result<bool, IssueError> {
    let unknown = || IssueError::Unknown(name.to_owned());
    check_name(name).map_err(|_| unknown())?;
    let token = find_by_name(catalog, name).await?.ok_or_else(unknown)?;
    let scopes: Option<Scopes> = serde_json::from_str(&token.scopes).ok();
    let is_within = |own: &Scopes| scopes.as_ref().is_some_and(|scopes| own.covers(scopes));
    if !by.is_allowed(is_within) {
        return Err(IssueError::Beyond(format!(
            "{} cannot revoke a token that may more than itself",
            by.by()
        )));
    }
    let outcome = match catalog.revoke_token(name, &by.by()).await? {
        TokenEnding::Revoked => DeedOutcome::Done,
        TokenEnding::Already => DeedOutcome::Already,
        TokenEnding::NoToken => return Err(unknown()),
    };
    let deed = deed(
        "token-revoke",
        name.to_owned(),
        by,
        why.to_owned(),
        outcome,
        json!({}),
    );
    catalog.save_deed(deed).await?;
    Ok(outcome == DeedOutcome::Done)
}

async fn find_by_name(catalog: &Catalog, name: &str) -> Result<Option<Token>, CatalogError> {
    let (mut after, mut found) = (0, None);
    loop {
        let tokens = catalog.list_tokens(after, TOKENS_AT_ONCE).await?;
        let Some(last) = tokens.last() else {
            return Ok(found);
        };
        after = last.id;
        // The name may have been another's before; the last one of it counts.
        found = tokens
            .into_iter()
            .rfind(|token| token.name == name)
            .or(found);
    }
}

fn deed(
    verb: &str,
    subject: String,
    by: &Principal,
    why: String,
    outcome: DeedOutcome,
    detail: serde_json::Value,
) -> NewDeed {
    NewDeed {
        verb: verb.to_owned(),
        subject,
        view: None,
        by: by.by(),
        why,
        outcome,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tokens_are_plain() {
        for name in ["ci", "ci-2.release_x", "0", &"a".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "CI",
            "-ci",
            ".ci",
            "a b",
            "a/b",
            "a\n",
            "é",
            &"a".repeat(65),
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
