//! Everything HTTP: the module proxy protocol, checksum databases passed on, health and counters.
//!
//! A hit is answered from memory and touches nothing else. What is missing is a job for the queue: this room never calls
//! the outside and lands nothing. Statuses and cache policies are known here and nowhere else.
//!
//! Modules go from the nouns (what is asked, what is answered) to the acts (routes, connections, listeners).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod read_rules;

pub mod config;

pub mod target;

mod view;

mod conditional;

pub mod answer;

pub mod identity;

pub mod metrics;

mod open_file;

mod seldom;

mod entry;

mod hot;

mod negatives;

mod front;

mod response;

mod proxy;

mod sumdb;

mod health;

mod route;

pub mod control;

pub mod api;

mod body;

mod connection;

mod tls;

#[cfg(test)]
mod properties;

pub mod server;

pub use answer::Error;
pub use config::{FrontConfig, ListenerConfig, Network, OnMiss, RefusalMode};
pub use front::Front;
pub use identity::SocketUser;
pub use read_rules::{PrivateRead, ReadRules};
pub use server::{Bound, ServeError, serve};
pub use tls::TlsError;
