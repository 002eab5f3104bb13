//! The long operations behind commands. Each runs on the parts of a process and speaks in lines, so that the same code
//! serves a command on the folder and a command over the socket of a running server.

pub mod acts;
pub mod backup;
pub mod dry_run;
pub mod evidence;
pub mod export;
pub mod get;
pub mod import;
pub mod members;
pub mod policies;
pub mod record;
pub mod tokens;
pub mod verify;
pub mod why;

use std::path::PathBuf;

use catalog::work::ActAsk;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use web::identity::{Principal, Scopes, TokenAsk};

use crate::line::{Line, Lines};
use crate::parts::Parts;
use dry_run::DryRunAsk;
use policies::PolicyState;

/// An operation with its arguments, as it travels over the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// Captures modules with their graphs.
    Get {
        /// `module@query`.
        queries: Vec<String>,
        /// Zips too.
        zips: bool,
    },
    /// Compares store and catalog.
    Verify {
        /// Heals what it finds.
        #[serde(default)]
        repair: bool,
    },
    /// Writes a view as a GOPROXY tree.
    Export {
        /// The view.
        view: String,
        /// An absolute folder.
        dir: PathBuf,
    },
    /// Adds a generation to a backup.
    Backup {
        /// An absolute folder.
        dir: PathBuf,
        /// How many generations stay; none for all.
        keep: Option<u32>,
    },
    /// Writes what is known of security events.
    Evidence {
        /// An absolute folder.
        dir: PathBuf,
        /// Which event; none for all.
        event: Option<u64>,
    },
    /// Has an act carried out; who asks is known from elsewhere.
    Act {
        /// The act.
        ask: ActAsk,
    },
    /// Explains where a version stands.
    Why {
        /// `module@version`.
        of: String,
        /// Which view; none for all.
        view: Option<String>,
    },
    /// Lists waivers.
    Waivers,
    /// Lists what a view holds, or held.
    Members {
        /// The view.
        view: String,
        /// The moment: a time or the number of a landing; none for now.
        at: Option<String>,
    },
    /// Lists deeds.
    Deeds {
        /// Those after this number.
        after: u64,
        /// How many; none for all.
        limit: Option<u64>,
    },
    /// Makes a token.
    TokenCreate {
        /// Its name.
        name: String,
        /// What it may.
        scopes: Scopes,
        /// When it ends.
        expires_at: Option<Timestamp>,
        /// What it is for.
        why: String,
    },
    /// Lists tokens.
    Tokens,
    /// Revokes a token.
    TokenRevoke {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// Tries policies on all that is stored.
    PolicyDryRun {
        /// Which, and where.
        ask: DryRunAsk,
    },
    /// Says how the policies stand.
    PolicyState,
    /// Captures what a GOPROXY tree holds.
    Import {
        /// An absolute folder.
        tree: PathBuf,
    },
}

/// Runs an operation to its end, for whoever asks. The last line is always [`Line::Done`].
pub async fn run(parts: &Parts, by: &Principal, operation: Operation, lines: Lines) {
    let result = match operation {
        Operation::Get { queries, zips } => get::run(parts, queries, zips, &lines).await,
        Operation::Verify { repair } => verify::run(parts, repair, &lines).await,
        Operation::Export { view, dir } => export::run(parts, &view, &dir, &lines).await,
        Operation::Backup { dir, keep } => backup::run(parts, &dir, keep, &lines).await,
        Operation::Evidence { dir, event } => evidence::run(parts, &dir, event, &lines).await,
        Operation::Import { tree } => import::run(parts, &tree, &lines).await,
        Operation::Act { ask } => {
            let ask = ActAsk { by: by.by(), ..ask };
            acts::run(parts, ask, &lines).await
        }
        Operation::Why { of, view } => why::run(parts, &of, view.as_deref(), &lines).await,
        Operation::Waivers => record::waivers(parts, &lines).await,
        Operation::Members { view, at } => members::run(parts, &view, at.as_deref(), &lines).await,
        Operation::Deeds { after, limit } => record::deeds(parts, after, limit, &lines).await,
        Operation::TokenCreate {
            name,
            scopes,
            expires_at,
            why,
        } => {
            let ask = TokenAsk {
                name,
                scopes,
                expires_at,
                why,
            };
            tokens::create(parts, by, ask).await
        }
        Operation::PolicyDryRun { ask } => dry_run::run(parts, ask, &lines).await,
        Operation::PolicyState => Ok(PolicyState::of(&parts.gates.policies).done()),
        Operation::Tokens => tokens::list(parts, &lines).await,
        Operation::TokenRevoke { name, why } => tokens::end(parts, by, &name, &why).await,
    };
    let done = result.unwrap_or_else(|cause| Line::Done {
        well: false,
        text: format!("failed: {cause:#}"),
        data: serde_json::Value::Null,
    });
    lines.send(done).await.ok();
}
