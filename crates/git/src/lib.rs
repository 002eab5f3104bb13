//! git's formats and protocol: objects, packs, refs on the wire, attributes, worktree conversions, configuration as data.
//!
//! Everything here is bounded: sizes, counts, depths and memory, since packs and trees come from strangers. Files below a
//! folder that the caller names are read and written; no socket is opened, no program started, no clock read and nothing
//! that a repository configures is ever run.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod id;

pub mod hash;

pub mod object;

pub mod pack;

pub mod database;
pub mod history;

pub mod protocol;

pub mod conversion;

pub mod attributes;

pub mod names;

pub mod archive;

pub mod config;
