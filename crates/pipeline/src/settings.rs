//! What the operator decides about captures.

/// What holds for a public module of which the checksum database has no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It is refused, in words that name the setting.
    Refuse,
    /// It is let in, and its row says that nobody vouches for it.
    Allow,
}

/// Settings of the pipeline.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether the zip of every captured version follows at low priority.
    pub zips_all: bool,
    /// Captures of `.info` and `.mod` at once.
    pub capture_workers: usize,
    /// Captures of zips at once.
    pub zip_workers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            zips_all: true,
            capture_workers: 64,
            zip_workers: 32,
        }
    }
}
