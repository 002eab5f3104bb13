//! The quick look for a module path, which knows neither blocks nor errors.
//!
//! Source: golang.org/x/mod, `modfile.ModulePath`.

use super::quote::{unquote, unquote_raw};

/// Finds the module path that a `go.mod` declares: what follows `module` on the first line that starts so.
///
/// This, not the parser, decides whether a tree is a module of a given path: a file that the parser refuses may
/// pass here (`module` with a backquoted path), and `module (` names the path `(`. A byte order mark before
/// `module` hides it. Cost: one pass.
pub fn module_path(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|&b| b == b'\n') {
        let code = match line.windows(2).position(|pair| pair == b"//") {
            Some(comment) => &line[..comment],
            None => line,
        };
        let code = String::from_utf8_lossy(code);
        let Some(rest) = code.trim().strip_prefix("module") else {
            continue;
        };
        let path = rest.trim_start();
        if path.len() == rest.len() || path.is_empty() {
            continue; // "modulexyz", or nothing after it
        }
        let path = match path.as_bytes().first() {
            Some(b'"') => unquote(path)?,
            Some(b'`') => unquote_raw(path)?,
            _ => path.to_owned(),
        };
        return Some(path).filter(|path| !path.is_empty());
    }
    None
}
