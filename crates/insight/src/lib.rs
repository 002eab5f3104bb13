//! What the facts about a module come to: verdicts with their reasons. Facts in, values out.
//!
//! Nothing here reads a file, asks a clock or opens a socket: the caller brings the bytes. What a policy makes of a
//! verdict is not decided here.

pub mod licence;
