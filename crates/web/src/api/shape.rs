//! Rows of the catalog as the API and the commands show them, where they are more or less than the row itself. Times are
//! RFC 3339, hashes hexadecimal, versions `module@version`.

use catalog::{Landing, Token, Waiver};
use gomod::version::ModuleVersion;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// What happened to a version in a view.
#[derive(Clone, Debug, Serialize)]
pub struct LandingShape {
    /// Its number, without gaps.
    pub seq: u64,
    /// The view.
    pub view: String,
    /// The version.
    pub module: ModuleVersion,
    /// `land`, `withdraw`, `quarantine`, `release` or `lift`.
    pub act: String,
    /// Whether a withdrawal is for legal reasons.
    pub legal: bool,
    /// Who did it, for readers who are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// An exception from a rule.
#[derive(Clone, Debug, Serialize)]
pub struct WaiverShape {
    /// As it is kept.
    #[serde(flatten)]
    pub waiver: Waiver,
    /// Whether it lets anything pass now.
    pub holds: bool,
}

/// A token, without its secret.
#[derive(Clone, Debug, Serialize)]
pub struct TokenShape {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What it may.
    pub scopes: Value,
    /// `valid`, `expired` or `revoked`.
    pub state: &'static str,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Who made it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<String>,
}

impl From<&Landing> for LandingShape {
    fn from(landing: &Landing) -> Self {
        Self {
            seq: landing.seq,
            view: landing.view.clone(),
            module: landing.module.clone(),
            act: landing.act.to_string(),
            legal: landing.legal,
            by: Some(landing.by.clone()),
            why: Some(landing.why.clone()),
            at: landing.at,
        }
    }
}

impl LandingShape {
    /// The shape that everyone may read: without names, and with a reason only where every client is told it.
    pub fn for_everyone(landing: &Landing) -> Self {
        let shape = Self::from(landing);
        Self {
            by: None,
            why: shape.why.filter(|_| landing.act.withholds()),
            ..shape
        }
    }
}

impl WaiverShape {
    /// The shape of a waiver at a time.
    pub fn of(waiver: &Waiver, now: Timestamp) -> Self {
        Self {
            waiver: waiver.clone(),
            holds: waiver.ended.is_none() && waiver.until > now,
        }
    }
}

impl TokenShape {
    /// The shape of a token at a time.
    pub fn of(token: &Token, now: Timestamp) -> Self {
        let state = match token.revoked_at {
            Some(_) => "revoked",
            None if token.is_valid_at(now) => "valid",
            None => "expired",
        };
        Self {
            id: token.id,
            name: token.name.clone(),
            scopes: serde_json::from_str(&token.scopes).unwrap_or_default(),
            state,
            expires_at: token.expires_at,
            by: token.by.clone(),
            at: token.at,
            revoked_at: token.revoked_at,
            revoked_by: token.revoked_by.clone(),
        }
    }
}
