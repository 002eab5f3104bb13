//! Backups: a folder that holds artifacts' bytes once, and any number of generations of the catalog that name them.
//!
//! ```text
//! README.txt                       for whoever finds the folder
//! backup.lock                      held while a backup is written
//! blob/sha256/<2 hex>/<rest>       bytes by their SHA-256, shared by all generations
//! generations/000007/catalog.jsonl every row, as of one moment
//! generations/000007/SHA256SUMS    for `sha256sum -c` in the backup's folder
//! generations/000007/manifest.json written last: without it the generation was cut off
//! ```
//!
//! The catalog is read first and the blobs that it names after it. Blobs are created once and lie in the store before a
//! row names them, so what the rows of that moment need is there, whatever is captured meanwhile.

pub mod folder;

pub mod manifest;

pub mod catalog_file;

pub mod blobs;

pub mod generations;

pub mod prune;

pub mod take;

pub mod restore;

pub mod check;
