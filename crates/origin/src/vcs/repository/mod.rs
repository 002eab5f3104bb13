//! Git repositories, each with a cache on disk that all its modules share.

mod cached;
mod conversation;
mod files;
mod forms;
mod git_code;
mod load;
mod memory;
mod notes;
mod recent;
mod refs;
mod shelf;

pub use cached::Cached;
pub use conversation::explain;
pub use forms::Forms;
pub use git_code::GitCode;
pub use shelf::{Repositories, RepositorySettings};
