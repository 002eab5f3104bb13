//! The HTTP side in one process: real catalog, store and queue, a pipeline that does as it is told, and clients that
//! speak HTTP by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod house;

mod hostile;
mod lists;
mod protocol;
mod queries;
mod shutdown;
mod slow;
mod socket;
mod sumdb;
mod tls;
mod waiting;
