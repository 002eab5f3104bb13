//! Fetching one file from one entry of the list: over HTTP or from a folder.

use std::sync::Arc;

use bytes::Bytes;
use gomod::path::ModulePath;
use gomod::version::ModuleVersion;
use tracing::warn;
use url::Url;

use super::answer;
use super::asked::{self, ModuleFile};
use super::bounds::UpstreamBounds;
use super::direct::Direct;
use super::error::{UpstreamClass, UpstreamError};
use super::list::{Entry, Remote};
use super::sink::{SinkError, ZipSink};
use super::tree::{TreeError, TreeFile};
use super::versions::{self, LIST_BYTES_MAX};
use super::walk::{self, Stop};
use crate::outside::{Answer, Call, Outside, OutsideError};

/// What fetching needs.
#[derive(Debug)]
pub(super) struct Fetcher {
    pub(super) outside: Outside,
    pub(super) bounds: UpstreamBounds,
    /// What stands behind `direct`; nothing where version control is not asked.
    pub(super) direct: Option<Arc<dyn Direct>>,
}

impl Fetcher {
    /// The `.info` of the newest version, from the list where there is no `@latest`.
    pub(super) async fn latest(
        &self,
        stop: &Stop,
        module: &ModulePath,
        limit_bytes: u64,
    ) -> Result<Bytes, UpstreamError> {
        let absence = match self
            .small(stop, module, &ModuleFile::Latest, limit_bytes)
            .await
        {
            Err(error) if error.class.is_absence() && stop.entry != Entry::Direct => error,
            other => return other,
        };
        let list = self
            .small(stop, module, &ModuleFile::List, LIST_BYTES_MAX)
            .await?;
        match versions::find_newest(&list) {
            Some(version) => {
                self.small(stop, module, &ModuleFile::Info(version), limit_bytes)
                    .await
            }
            None => Err(absence),
        }
    }

    /// One small file of one entry, checked.
    pub(super) async fn small(
        &self,
        stop: &Stop,
        module: &ModulePath,
        file: &ModuleFile,
        limit_bytes: u64,
    ) -> Result<Bytes, UpstreamError> {
        let words = file.describe(module);
        let entry = stop.entry.shown();
        let invalid = |why: &str| {
            UpstreamError::new(
                UpstreamClass::Invalid,
                &format!("{words}: invalid answer of {entry}: {why}"),
                Some(entry),
            )
        };
        let path = || {
            file.path(module)
                .map_err(|cause| invalid(&cause.to_string()))
        };
        let bytes = match &stop.entry {
            Entry::Remote(remote) => {
                let path = path()?;
                let answer = self
                    .open(
                        stop,
                        remote,
                        &remote.url_of(&asked::escape_for_url(&path)),
                        &words,
                        share_of(module),
                    )
                    .await?;
                answer
                    .read(limit_bytes)
                    .await
                    .map_err(|error| UpstreamError::of_outside(&error, &words, entry))?
            }
            Entry::Tree(tree) => {
                let (root, path) = (tree.root().to_owned(), path()?);
                let read =
                    blocking(move || TreeFile::open(&root, &path, limit_bytes)?.read_all()).await;
                read.map_err(|error| of_tree(&error, &words, entry))?.into()
            }
            Entry::Direct => {
                let direct = self.direct.as_ref();
                let direct = direct.ok_or_else(|| walk::no_direct(&words))?;
                direct.get_small(module, file, limit_bytes).await?
            }
            Entry::Off => return Err(walk::no_direct(&words)),
        };
        match file {
            ModuleFile::Info(query) => answer::check_info(module, Some(query), &bytes).map(drop),
            ModuleFile::Latest => answer::check_info(module, None, &bytes).map(drop),
            ModuleFile::List | ModuleFile::Mod(_) | ModuleFile::Zip(_) => Ok(()),
        }
        .map_err(|why| invalid(&why))?;
        Ok(bytes)
    }

    /// The zip, poured into `sink`.
    pub(super) async fn zip(
        &self,
        stop: &Stop,
        of: &ModuleVersion,
        file: &ModuleFile,
        sink: &mut dyn ZipSink,
    ) -> Result<(), UpstreamError> {
        let words = file.describe(of.path());
        let entry = stop.entry.shown();
        let path = match file.path(of.path()) {
            Ok(path) => path,
            Err(cause) => {
                return Err(UpstreamError::new(
                    UpstreamClass::Invalid,
                    &format!("{words}: {cause}"),
                    Some(entry),
                ));
            }
        };
        match &stop.entry {
            Entry::Remote(remote) => {
                let answer = self
                    .open(
                        stop,
                        remote,
                        &remote.url_of(&asked::escape_for_url(&path)),
                        &words,
                        share_of(of.path()),
                    )
                    .await?;
                pour_answer(answer, sink, self.bounds.zip_bytes_max, &words, entry).await
            }
            Entry::Tree(tree) => {
                let (root, limit_bytes) = (tree.root().to_owned(), self.bounds.zip_bytes_max);
                let opened = blocking(move || TreeFile::open(&root, &path, limit_bytes)).await;
                let opened = opened.map_err(|error| of_tree(&error, &words, entry))?;
                pour_tree(opened, sink, &words, entry).await
            }
            Entry::Direct => match &self.direct {
                Some(direct) => direct.get_zip(of, sink).await,
                None => Err(walk::no_direct(&words)),
            },
            Entry::Off => Err(walk::no_direct(&words)),
        }
    }

    /// Asks a proxy, on behalf of a share of its places; gives its answer if it is 200 and its bytes are the file's own.
    pub(super) async fn open(
        &self,
        stop: &Stop,
        remote: &Remote,
        url: &Url,
        words: &str,
        share: Option<&str>,
    ) -> Result<Answer, UpstreamError> {
        let entry = stop.entry.shown();
        let of_outside = |error: &OutsideError| UpstreamError::of_outside(error, &words, entry);
        let is_zip = url.path().ends_with(".zip");
        let call = Call {
            url,
            credentials: remote.credentials(),
            share,
            answer_within: self.bounds.answer_within,
            whole_within: if is_zip {
                self.bounds.zip_within
            } else {
                self.bounds.small_within
            },
        };
        let answer = self
            .outside
            .get(call)
            .await
            .map_err(|error| of_outside(&error))?;
        if answer.status == 200 {
            answer.check_plain().map_err(|error| of_outside(&error))?;
            return Ok(answer);
        }
        if self.outside.is_own_loop(&answer) && stop.drop_for_good() {
            warn!(
                upstream = entry,
                "this upstream leads back to this server; it is not asked again until the next start"
            );
        }
        Err(answer::refuse(answer, words, entry).await)
    }
}

/// A module takes the share of the host that its path begins with: a proxy that waits for that host makes us wait.
fn share_of(module: &ModulePath) -> Option<&str> {
    module.as_str().split('/').next()
}

async fn pour_answer(
    mut answer: Answer,
    sink: &mut dyn ZipSink,
    limit_bytes: u64,
    words: &str,
    entry: &str,
) -> Result<(), UpstreamError> {
    let of_outside = |error: &OutsideError| UpstreamError::of_outside(error, &words, entry);
    let storage = |error: &SinkError| of_sink(error, words);
    let too_large = |answer: &Answer| of_outside(&answer.too_large(limit_bytes));
    if answer.length.is_some_and(|length| length > limit_bytes) {
        return Err(too_large(&answer));
    }
    sink.reset().await.map_err(|error| storage(&error))?;
    if let Some(length) = answer.length {
        sink.expect(length);
    }
    let mut taken = 0;
    while let Some(chunk) = answer
        .next_chunk()
        .await
        .map_err(|error| of_outside(&error))?
    {
        taken += chunk.len() as u64;
        if taken > limit_bytes {
            return Err(too_large(&answer));
        }
        sink.write(chunk).await.map_err(|error| storage(&error))?;
    }
    Ok(())
}

async fn pour_tree(
    mut file: TreeFile,
    sink: &mut dyn ZipSink,
    words: &str,
    entry: &str,
) -> Result<(), UpstreamError> {
    sink.reset().await.map_err(|error| of_sink(&error, words))?;
    sink.expect(file.size_bytes);
    loop {
        let read = blocking(move || file.read_chunk().map(|chunk| (file, chunk))).await;
        let (rest, chunk) = read.map_err(|error| of_tree(&error, words, entry))?;
        if chunk.is_empty() {
            return Ok(());
        }
        file = rest;
        sink.write(chunk.into())
            .await
            .map_err(|error| of_sink(&error, words))?;
    }
}

/// Runs file work on a thread made for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TreeError> + Send + 'static,
) -> Result<T, TreeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(cause) => Err(TreeError::Io(std::io::Error::other(cause))),
    }
}

fn of_tree(error: &TreeError, words: &str, entry: &str) -> UpstreamError {
    let class = match error {
        TreeError::Absent => UpstreamClass::Absent,
        TreeError::Forbidden => UpstreamClass::Forbidden,
        TreeError::TooLarge { .. } => UpstreamClass::Invalid,
        TreeError::Foreign | TreeError::Io(_) => UpstreamClass::Unreachable,
    };
    UpstreamError::new(class, &format!("{words}: {entry}: {error}"), Some(entry))
}

fn of_sink(error: &SinkError, words: &str) -> UpstreamError {
    UpstreamError::new(
        UpstreamClass::Storage,
        &format!("{words}: could not be written here: {error}"),
        None,
    )
}
