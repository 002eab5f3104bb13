//! Product tests: the built binary, HTTP, files, and the real go client as the judge.
//!
//! Nothing here looks inside: what a test needs from Granary it gets the way a user would. Everything talks to loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]
// The tests talk to other processes, and some of what they wait for has no event to wait on.
#![allow(clippy::disallowed_methods)]

mod rig;

mod by_hand;

mod backup;

mod capture;
mod certificates;
mod commands;
mod corpus;
mod crash;
mod crash_laboratory;
mod database_lies;
mod databases;
mod direct;
mod disk;
mod gates;
mod get;
mod git_settings;
mod herd;
mod hostile;
mod hostile_repositories;
mod hostile_upstreams;
mod identity;
mod lifecycle;
mod lists;
mod load;
mod malformed;
mod places;
mod policies;
mod postgres;
mod public;
mod rebuilt;
mod rig_itself;
mod rot;
mod running;
mod serving;
mod settings;
mod tools;
mod trees;
mod upstream_lies;
mod vanity;
mod verify;
