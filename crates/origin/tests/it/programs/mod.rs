//! Repositories of other kinds than git: made on the fly, served on loopback, read through their programs, and compared
//! with what the real go client makes of them.

mod client;
mod place;

mod bazaar;
mod fossil;
mod mercurial;
mod subversion;

mod walls;
