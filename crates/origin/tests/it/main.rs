//! The way out and the walk over upstreams against servers on loopback, well behaved and not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod asking;
mod server;

mod bad_upstreams;
mod chain;
mod database;
mod forge;
mod locating;
mod locating_hostile;
mod programs;
mod redirects;
mod tls;
mod traffic;
mod zips;
