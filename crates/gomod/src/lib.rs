//! The formats of Go modules: paths, versions, `go.mod`, `go.sum`, module zips, `h1:` hashes, minimal version
//! selection. Bytes in, values out: no clock, no file, no socket, no log line.
//!
//! Everything here gives the same answers as the `go` command (checked against Go 1.26), with bounds of its own
//! where Go has none: see [`path::MODULE_PATH_BYTES_MAX`], [`version::VERSION_BYTES_MAX`] and their like.
//! Modules are listed from nouns to acts; each uses only those above it.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod unicode;

mod bang;
pub mod go_version;
pub mod semver;

pub mod path;

pub mod escape;
pub mod private;
pub mod pseudo;

pub mod version;

pub mod info;

pub mod modfile;

pub mod hash;

pub mod gosum;
pub mod graph;

pub mod zip;
