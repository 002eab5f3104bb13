//! The outside: everything that Granary asks of servers which it does not run.
//!
//! [`outside`] is the one way out: one client, one guard against being sent to private places, one budget for each
//! host. [`upstream`] asks GOPROXY servers and folders, [`vcs`] makes modules from their
//! repositories, [`database`] carries what [`sumdb`] asks of a checksum database.
//! Nothing here decides what is kept: bytes are handed on with where they came from. The environment is not read here.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod address;
pub mod guard;

pub mod outgoing;

mod budget;

pub mod outside;

mod refusal;

pub mod privacy;

pub mod latest;

pub mod upstream;

pub mod vcs;

pub mod sumdb;

pub mod database;
