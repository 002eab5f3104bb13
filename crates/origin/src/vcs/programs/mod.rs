//! Repositories that are read through programs.
use crate::guard::Guard;
use crate::vcs::code::{Code, CodeError};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
/// stub
#[derive(Debug, Default, Clone)]
pub struct ProgramBounds;
/// stub
#[derive(Debug, Clone)]
pub struct ProgramSettings {
    /// stub
    pub work_folder: PathBuf,
    /// stub
    pub path: OsString,
    /// stub
    pub guard: Arc<Guard>,
    /// stub
    pub allowed_schemes: Vec<String>,
    /// stub
    pub bounds: ProgramBounds,
}
/// stub
#[derive(Debug)]
pub struct Programs;
impl Programs {
    /// stub
    pub fn new(_s: ProgramSettings) -> std::io::Result<Self> {
        Ok(Self)
    }
    /// stub
    pub fn open(&self, vcs: &str, url: &str) -> Result<Arc<dyn Code>, CodeError> {
        Err(CodeError::new(
            crate::upstream::UpstreamClass::Unreachable,
            format!("{url}: {vcs} is not there yet"),
        ))
    }
}
