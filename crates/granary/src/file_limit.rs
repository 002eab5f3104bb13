//! The limit on the size of files (`ulimit -f`). Reaching it is meant to fail one write, not to end the process.

use std::io;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// Makes a write beyond the limit an error like that of a full disk. Call it inside a runtime.
///
/// # Errors
/// Those of the system.
pub fn make_it_an_error() -> io::Result<()> {
    // The signal's default is to end the process. Having listened once replaces that for good, and nobody needs to hear it:
    // the write says the same.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}
