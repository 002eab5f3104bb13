//! The `go.mod` file: parser, quick scanner for the module path, and the text made up where there is none.
//!
//! Not here: a printer. The bytes of a `go.mod` are served and hashed as they came, never rewritten.
//!
//! Source: golang.org/x/mod, `modfile`; Go modules reference, go.mod files.

use crate::path::ModulePath;

mod lexer;
mod quote;
mod syntax;
mod words;

mod file;

mod directive;
mod scan;

pub use file::{
    DIRECTIVES_MAX, Exclude, GO_MOD_BYTES_MAX, Godebug, ModFile, ModFileError, ModFileErrors,
    ModuleLine, Replace, Replacement, Require, Retract,
};
pub use quote::{auto_quote, must_quote};
pub use scan::module_path;

/// Reads the `go.mod` of a main module: anything unknown is an error.
///
/// `name` is what errors call the file. Versions are made canonical; one that is not semantic (a branch) is an
/// error. Cost: one pass, memory in the order of the file's size.
///
/// # Errors
/// [`ModFileErrors`], also over [`GO_MOD_BYTES_MAX`], over [`DIRECTIVES_MAX`] and for as many comments in one place.
pub fn parse(name: &str, bytes: &[u8]) -> Result<ModFile, ModFileErrors> {
    parse_with(name, bytes, true)
}

/// Reads the `go.mod` of a dependency: only `module`, `go`, `require`, `retract` and `ignore` are read, and what
/// is unknown is passed over, so that files written for later go commands still serve.
///
/// # Errors
/// [`ModFileErrors`] where one of those five is malformed (but for `retract`), or the syntax is.
pub fn parse_lax(name: &str, bytes: &[u8]) -> Result<ModFile, ModFileErrors> {
    parse_with(name, bytes, false)
}

/// Gives the `go.mod` of a module whose tree has none. Its hash is what `go.sum` carries.
pub fn synthesize(path: &ModulePath) -> String {
    format!("module {}\n", auto_quote(path.as_str()))
}

fn parse_with(name: &str, bytes: &[u8], strict: bool) -> Result<ModFile, ModFileErrors> {
    if bytes.len() > GO_MOD_BYTES_MAX {
        let message = format!(
            "file of {} bytes is longer than {GO_MOD_BYTES_MAX}",
            bytes.len()
        );
        let name = name.to_owned();
        return Err(ModFileErrors(vec![ModFileError {
            name,
            line: 1,
            column: 1,
            message,
        }]));
    }
    let mut collector = directive::Collector::new(name, bytes, strict);
    if let Err(fault) = syntax::read(bytes, &mut collector) {
        // Without its syntax nothing else about the file can be relied on.
        collector.errors.clear();
        collector.refuse(fault.at, fault.message);
    }
    if collector.errors.is_empty() {
        Ok(collector.file)
    } else {
        Err(ModFileErrors(collector.errors))
    }
}

#[cfg(test)]
mod tests;
