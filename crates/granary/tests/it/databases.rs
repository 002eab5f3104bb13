//! Databases that die, hang, are full or held by others; clocks that jump; a process that is paused. Reads of what is in
//! memory go on, everything else gets a 503 soon and never a 404, nothing is lost or done twice, and nobody has to restart
//! anything.

mod cutter;
mod server;

mod stage;

pub mod clock;
mod paused;
mod postgres_away;
mod postgres_full;
mod sqlite;
