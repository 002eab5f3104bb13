//! Discovery: what versions there are, and what a branch, a commit or `latest` names now.

pub mod list;
pub mod resolve;
