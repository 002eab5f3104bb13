//! The way of a module: discovery → processor → verification → promotion.
//!
//! This room decides what happens next to a module; it alone lands anything. It is reached through the queue: [`Pipeline`]
//! registers a handler for every kind of job. It does not know HTTP, pages or statuses.

// A job is futures within futures from the handler to the socket; optimised builds count each of them.
#![recursion_limit = "256"]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod refusal;
pub mod settings;

pub mod policy;

pub mod keepers;
pub mod trust;

pub mod distrust;

pub mod low_water;

pub mod promotion;

pub mod wounds;

pub mod processor;

pub mod gates;

pub mod acts;

pub mod discovery;

pub mod jobs;

pub mod scrub;

pub mod closure;
pub mod import;
pub mod passing;
pub mod workers;

pub use workers::{Parts, Pipeline};
