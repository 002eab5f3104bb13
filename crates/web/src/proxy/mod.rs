//! The module proxy protocol: the files of a version, what versions there are, what a query names.

pub(crate) mod freshness;
pub(crate) mod heal;

pub(crate) mod shown;

pub(crate) mod standing;

pub(crate) mod file;
pub(crate) mod latest;
pub(crate) mod list;
pub(crate) mod query;
