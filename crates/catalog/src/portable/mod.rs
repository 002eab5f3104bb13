//! The whole catalog as text: every row a line of JSON, the same for both engines, so that what one wrote the other can
//! take in. For backups.
//!
//! A line is `{"<table>":{"<column>":<value>,…}}`; bytes are lower-case hex. Rows come table by table, each table in the
//! order of its key, so that equal catalogs give equal text.

mod dump;
mod load;
mod named;
mod tables;

pub use dump::{Dumped, RowFate, SpoiledRow};
pub use named::{BadLine, FileRole, NamedFile, list_named_files};

#[cfg(test)]
mod tests;
