//! `granary token`: making, listing and revoking.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;
use web::api::TokenShape;
use web::identity::{Principal, Scopes, TokenAsk, issue, revoke};

use crate::line::{Line, Lines, item};
use crate::parts::Parts;

/// Rows read at once.
const ROWS_AT_ONCE: u64 = 500;

/// Makes a token; its secret is in the last line and nowhere else.
pub async fn create(parts: &Parts, by: &Principal, ask: TokenAsk) -> Result<Line> {
    let (name, scopes, ends) = (ask.name.clone(), ask.scopes.clone(), ask.expires_at);
    let issued = issue(&parts.catalog, by, ask).await?;
    let secret = issued.secret.reveal();
    let until = ends.map_or_else(|| "for ever".to_owned(), |end| format!("until {end}"));
    Ok(Line::Done {
        well: true,
        text: format!("{secret}\n{name}: {scopes}, {until}; it is not shown again"),
        data: json!({ "name": name, "token": secret, "scopes": scopes, "expires_at": ends }),
    })
}

/// All tokens.
pub async fn list(parts: &Parts, lines: &Lines) -> Result<Line> {
    let (mut after, mut count) = (0, 0_u64);
    let now = Timestamp::now();
    loop {
        let tokens = parts.catalog.list_tokens(after, ROWS_AT_ONCE).await?;
        let Some(last) = tokens.last() else { break };
        after = last.id;
        count += tokens.len() as u64;
        for token in &tokens {
            let shape = TokenShape::of(token, now);
            let scopes = serde_json::from_str::<Scopes>(&token.scopes);
            let scopes = scopes.map_or_else(|_| token.scopes.clone(), |scopes| scopes.to_string());
            let end = match (token.revoked_at, token.expires_at) {
                (Some(at), _) => format!(" {at}"),
                (None, Some(at)) => format!(" until {at}"),
                (None, None) => String::new(),
            };
            let text = format!(
                "{}: {}{end}, {scopes} ({})",
                token.name, shape.state, token.by
            );
            item(lines, text, &shape).await;
        }
    }
    Ok(Line::Done {
        well: true,
        text: format!("{count} tokens"),
        data: json!({ "count": count }),
    })
}

/// Revokes a token.
pub async fn end(parts: &Parts, by: &Principal, name: &str, why: &str) -> Result<Line> {
    let is_new = revoke(&parts.catalog, by, name, why).await?;
    let text = if is_new {
        format!("{name} is revoked: every process refuses it within seconds")
    } else {
        format!("{name} was revoked before")
    };
    Ok(Line::Done {
        well: true,
        text,
        data: json!({ "name": name, "revoked": is_new }),
    })
}
