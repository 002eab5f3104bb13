//! Transparency logs: signed notes, the Merkle tree, tiles, records, and what a client of a Go checksum database
//! believes of them.
//!
//! Bytes in, values out: nothing here fetches, waits or keeps. Fetching is `origin`'s, keeping is `store`'s and
//! `catalog`'s.
//!
//! The words: a *log* is a list of records that only grows; its *tree* is the Merkle tree over the records' hashes; a
//! *head* is a tree's size and root hash; a *tile* is 256 neighbouring hashes of one level; a *note* is a text with
//! signatures under it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod key;
pub mod tree;

pub mod note;
pub mod proof;
pub mod tile;

pub mod record;

pub mod authentic;
pub mod database_key;

pub mod database;

pub mod memory_log;

#[cfg(test)]
mod samples;
