//! Connections of the pool that are in use, and what becomes of one whose call was left in its midst.

use sqlx::pool::PoolConnection;
use sqlx::postgres::Postgres;

/// A connection in use. Whoever gives a call up after its time (all callers do) leaves a connection behind on which an
/// answer may be under way: it is closed then. The pool would wait for that answer, and three such would be all it has.
pub(super) struct Lent {
    pub(super) connection: PoolConnection<Postgres>,
    is_whole: bool,
}

impl Lent {
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self {
            connection,
            is_whole: false,
        }
    }

    /// Gives it back after a call that came to its end.
    pub(super) fn give_back(mut self) {
        self.is_whole = true;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_whole {
            self.connection.close_on_drop();
        }
    }
}
