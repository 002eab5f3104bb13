//! Who asks and what they may: tokens, scopes, the users of the socket, and under which names this server is asked.
//!
//! Public modules of the last stage know nothing of this: only what somebody declared closed is checked, before anything is
//! looked up or fetched.

mod secret;

mod scopes;

mod principal;

mod credential;

mod host;

mod bucket;

mod record;

mod tokens;

mod issue;

mod gatekeeper;

pub(crate) use gatekeeper::{Gatekeeper, Who};
pub use host::HostRules;
pub use issue::{IssueError, Issued, TokenAsk, check_name, issue, issue_as, revoke};
pub use principal::{Principal, SocketUser};
pub(crate) use record::Attempt;
pub use scopes::{ALL, InvalidScopes, Scopes, Verb};
pub use secret::{NoRandomness, Secret};
