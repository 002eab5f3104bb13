//! `/v1`: what scripts and commands ask and have done, as JSON. The same over the socket, whose users may do everything, and
//! over TCP with a token.
//!
//! A resource is a file. Each handler gets a caller whose right to it has been checked, asks the domain, and answers; what a
//! list shows is cut to what the caller may see.

mod problem;

mod resource;

mod query;

mod reply;

mod call;

mod body;

mod shape;

mod acts;

mod deeds;

mod landings;

mod members;

mod tokens;

mod verdicts;

mod waivers;

mod why;

mod openapi;

mod serve;

pub use members::{MomentError, find_moment};
pub(crate) use serve::{Incoming, answer, is_below};
pub use shape::{LandingShape, TokenShape, WaiverShape};
pub use why::{AskedView, Explanation, ViewStanding, explain};
