//! How git's protocol is carried to a repository: over HTTP, and through the programs `git` and `ssh`.
//!
//! [`Remotes`] decides whether and how a URL is asked and gives a [`git::protocol::Wire`]. What is said over it is not
//! known here. No environment is read: files and programs are the caller's to find.

mod settings;

mod secrets;

mod address;

mod refused;

mod http;

mod running;

mod program;

mod remotes;

pub use self::remotes::{ForProgram, Remotes};
pub use self::secrets::{Secrets, SecretsError};
pub use self::settings::{RemoteBounds, RemoteSettings, SshSettings};

#[cfg(test)]
mod tests;
