//! What stands behind `direct` in a list of upstreams.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};

use super::asked::ModuleFile;
use super::error::UpstreamError;
use super::sink::ZipSink;

/// Makes module files from version control.
#[async_trait]
pub trait Direct: fmt::Debug + Send + Sync {
    /// A small file of a module: what a proxy would answer.
    ///
    /// # Errors
    /// [`UpstreamError`].
    async fn get_small(
        &self,
        module: &ModulePath,
        file: &ModuleFile,
        limit_bytes: u64,
    ) -> Result<Bytes, UpstreamError>;

    /// Makes a module zip and writes it into `sink`.
    ///
    /// # Errors
    /// [`UpstreamError`].
    async fn get_zip(
        &self,
        of: &ModuleVersion,
        sink: &mut dyn ZipSink,
    ) -> Result<(), UpstreamError>;

    /// Hears which versions of a module will be asked for soon, so that they can be fetched together. A hint: what goes
    /// wrong here is found out again when a version is asked for.
    async fn expect(&self, module: &ModulePath, versions: &[Version]);
}
