//! The truth: which digests are which module version, what landed in which view and when, what was refused and
//! by whose word, what the outside was seen to say.
//!
//! Rows are added, not changed. The first verified bytes of a version win by a unique row; its zip follows as a row of
//! its own; every view is what its landings say, numbered without gaps; verdicts, waivers, tokens and deeds are kept for
//! ever, and only the end of a waiver or token is added to its row. What is cached for freshness alone (lists,
//! resolutions, settings) is replaced in place, and what was seen before stays as observations.
//!
//! Two engines pass one contract suite: SQLite in a folder, where all writes go through one task that commits them in
//! groups, and PostgreSQL. An act on the catalog is written once, over [`link::Link`]; only the SQL differs where it
//! must. When a write returns, it is durable.
//!
//! Rows that decide what is served carry a seal ([`RowState`]): a bit that flips in a page is found when the row is read.
//!
//! What does not live here: bytes of artifacts (the store), jobs (the queue), any decision about what may land.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

/// The realm that every row carries until there are tenants.
pub const REALM: &str = "main";

pub mod work;

mod stages;

pub mod error;

mod value;

mod link;

mod command;

mod troubles;

mod place;

mod migrations;

mod journal;

mod sqlite;

mod reach;

mod postgres;

mod keeper;

mod seal;

mod stored;

mod landings;

mod arrivals;

mod acts;

mod verdicts;

mod settling;

mod history;

mod withheld;

mod waivers;

mod tokens;

mod deeds;

mod versions;

mod held;

mod condition;

mod observations;

mod database;

mod incidents;

mod evidence;

mod settings;

mod portable;

pub use acts::ActOutcome;
pub use arrivals::{ModLanding, NewMod, ZipLanding};
pub use condition::Listed;
pub use deeds::{Deed, NewDeed};
pub use error::CatalogError;
pub use evidence::{KeptHead, NumberedEvent};
pub use incidents::{Event, Quarantined};
pub use keeper::Catalog;
pub use observations::{KnownList, Observation, Resolution};
pub use portable::{BadLine, Dumped, FileRole, NamedFile, RowFate, SpoiledRow, list_named_files};
pub use seal::RowState;
pub use settling::Settled;
pub use stages::{Gate, InvalidStages, Stage, Stages};
pub use stored::{Act, Landing, Standing, StoredVersion, StoredZip, Verification};
pub use tokens::{NewToken, Token, TokenEnding, TokenSaving};
pub use troubles::Troubles;
pub use verdicts::{Level, NewVerdict, Reason, Verdict};
pub use waivers::{EndOfWaiver, NewWaiver, SavedWaiver, Waiver, WaiverEnding, pattern_covers};

#[cfg(test)]
mod plans;
