//! What went wrong with a repository or its cache, in words.

use git::database::DatabaseError;
use git::history::HistoryError;
use git::id::ObjectId;
use git::pack::PackError;

use super::super::conversation::explain;
use super::{Cached, lock};
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

impl Cached {
    /// The server gave a pack without what it was asked for.
    pub(super) fn withheld(&self, id: &ObjectId) -> CodeError {
        CodeError::new(
            UpstreamClass::Unreachable,
            format!(
                "{}: the server does not give object {id}, which its own refs lead to",
                self.url()
            ),
        )
    }

    pub(super) fn of_history(&self, cause: &HistoryError) -> CodeError {
        match cause {
            HistoryError::Missing(id) => {
                // The next question fetches all of it again.
                lock(&self.notes).doubt_history();
                self.withheld(id)
            }
            HistoryError::Database(cause) => self.corrupt(cause),
            cause => CodeError::invalid(format!("{}: {}", self.url(), explain(cause))),
        }
    }

    pub(super) fn of_pack(&self, cause: &PackError) -> CodeError {
        let class = match cause {
            PackError::Disk(_) | PackError::Conflict { .. } => UpstreamClass::Storage,
            PackError::Limit { .. } => UpstreamClass::Invalid,
            _ => UpstreamClass::Unreachable,
        };
        CodeError::new(
            class,
            format!(
                "{}: the pack that the server sent: {}",
                self.url(),
                explain(cause)
            ),
        )
    }

    /// An object that cannot be read: the cache is damaged, or the object is made to cost too much.
    pub fn corrupt(&self, cause: &DatabaseError) -> CodeError {
        let (class, whose) = match cause {
            DatabaseError::TooLarge { .. } | DatabaseError::TooMuchWork { .. } => {
                (UpstreamClass::Invalid, "")
            }
            _ => (UpstreamClass::Storage, "the cache of the repository: "),
        };
        let text = format!("{}: {whose}{}", self.url(), explain(cause));
        CodeError::new(class, text)
    }
}
