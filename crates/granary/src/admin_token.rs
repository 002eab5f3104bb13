//! `<data>/admin.token`: the token with which whoever can read this file may do everything, also where no socket reaches.
//! Made on first start, readable by its owner only.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use catalog::Catalog;
use jiff::Timestamp;
use tracing::{info, warn};
use web::identity::{IssueError, Principal, Scopes, Secret, TokenAsk, issue_as};

use crate::private_file::write_private;

/// The file in the data folder.
const FILE: &str = "admin.token";

/// Its name on the record, unless a token that is not in the file has that one.
const NAME: &str = "admin";

/// Makes sure that the file holds a token that is valid; a new one is made where there is no file and where its token was
/// revoked. What is served does not depend on it, so trouble with it is told and nothing more.
pub async fn ensure(data: &Path, catalog: &Catalog) {
    if let Err(cause) = try_ensure(data, catalog).await {
        warn!("the token in {FILE} cannot be used: {cause:#}");
    }
}

async fn try_ensure(data: &Path, catalog: &Catalog) -> Result<()> {
    let path = data.join(FILE);
    let found = match std::fs::read_to_string(&path) {
        Ok(text) => Secret::parse(text.trim()),
        Err(cause) if cause.kind() == ErrorKind::NotFound => None,
        Err(cause) => return Err(cause).with_context(|| format!("cannot read {}", path.display())),
    };
    if let Some(secret) = found {
        match catalog.find_token(&secret.hash()).await? {
            Some(token) if token.is_valid_at(Timestamp::now()) => return Ok(()),
            Some(_) => {}
            // Cut off after the file was written, or beside another catalog now.
            None => return enter(catalog, &secret).await,
        }
    }
    // The file first: a token that nobody has would keep its name.
    let secret = Secret::random()?;
    write_private(&path, &format!("{}\n", secret.reveal()))
        .with_context(|| format!("cannot write {}", path.display()))?;
    std::fs::File::open(data)?.sync_all()?;
    enter(catalog, &secret).await?;
    info!(file = %path.display(), "made the token of the administrator");
    Ok(())
}

/// Puts the token into the catalog.
async fn enter(catalog: &Catalog, secret: &Secret) -> Result<()> {
    let by = Principal::of_user(rustix::process::getuid().as_raw());
    let scopes = Scopes::admin()?;
    let ask = |name: String| TokenAsk {
        name,
        scopes: scopes.clone(),
        expires_at: None,
        why: format!("{FILE} in the data folder"),
    };
    match issue_as(catalog, &by, ask(NAME.to_owned()), secret).await {
        Err(IssueError::Taken(_)) => {}
        entered => return Ok(entered?),
    }
    let name = format!("{NAME}-{}", uuid::Uuid::now_v7().simple());
    warn!(
        name,
        "another token called {NAME} is valid: unless another data folder on this catalog has it, end it with \
         `granary token revoke {NAME}`"
    );
    Ok(issue_as(catalog, &by, ask(name), secret).await?)
}
