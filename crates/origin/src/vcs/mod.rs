//! Version control: modules made from their repositories, as `go` makes them with `GOPROXY=direct`.
//!
//! `locate` finds the repository of a module path. `code` is what a repository of any kind can be asked; `repository`
//! answers it for git natively, `programs` for the others through their own programs. `module` holds cmd/go's rules:
//! which versions there are, what a query names, where in the repository the module lies. Everything below `direct`
//! blocks and runs on threads for that.

pub mod commit_time;

pub mod code;

pub mod locate;

pub mod module;

pub mod programs;

pub mod transport;

pub mod repository;

mod probe;

mod words;

mod pour;

mod version_control;

pub use probe::RepositoryProbe;
pub use version_control::{Sources, VersionControl};
