//! A zip on its way from the thread that makes it to the one that stores it.

use std::io::{self, Write};

use bytes::Bytes;
use gomod::version::ModuleVersion;
use gomod::zip::{Created, Limits, Tree, ZipError};
use tokio::sync::mpsc;

use super::code::CodeError;
use super::repository::explain;
use super::words::{ended_early, in_words};
use crate::upstream::{UpstreamClass, UpstreamError, ZipSink};

/// Chunks on their way. With the one being written, a zip in the making holds a mebibyte.
const CHUNKS_ON_THE_WAY: usize = 3;

/// Bytes of a zip that travel together from the thread that makes it to the one that stores it.
const CHUNK_BYTES: usize = 256 * 1024;

/// Makes the zip on a thread for blocking work and pours it into `sink` as it comes.
pub async fn pour(
    of: &ModuleVersion,
    mut tree: Box<dyn Tree + Send>,
    sink: &mut dyn ZipSink,
    words: &str,
) -> Result<Created, UpstreamError> {
    let storage = |cause: &dyn std::fmt::Display| {
        UpstreamError::new(
            UpstreamClass::Storage,
            &format!("{words}: could not be written here: {cause}"),
            None,
        )
    };
    let (chunks, mut arriving) = mpsc::channel(CHUNKS_ON_THE_WAY);
    let module = of.clone();
    let make = tokio::task::spawn_blocking(move || {
        let mut out = ChunkWriter {
            chunks,
            chunk: Vec::with_capacity(CHUNK_BYTES),
        };
        gomod::zip::create(&mut out, &module, &mut *tree, &Limits::default())
    });
    sink.reset().await.map_err(|cause| storage(&cause))?;
    let mut failed = None;
    while let Some(chunk) = arriving.recv().await {
        if let Err(cause) = sink.write(chunk).await {
            failed = Some(storage(&cause));
            // The maker hears of it by its next chunk.
            break;
        }
    }
    drop(arriving);
    let created = make.await.map_err(|cause| ended_early(words, &cause))?;
    match (failed, created) {
        (Some(error), _) => Err(error),
        (None, Ok(created)) => Ok(created),
        (None, Err(cause)) => Err(in_words(words, of_zip(&cause))),
    }
}

/// What a zip that could not be made means: the tree breaks the rules, or it could not be read.
fn of_zip(cause: &ZipError) -> CodeError {
    let text = explain(cause);
    match cause {
        ZipError::ReadFile { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
            CodeError::invalid(format!("it can be no module zip: {text}"))
        }
        ZipError::Read { .. } | ZipError::ReadFile { .. } | ZipError::Write { .. } => {
            CodeError::new(UpstreamClass::Storage, text)
        }
        _ => CodeError::invalid(format!("it can be no module zip: {text}")),
    }
}

/// Hands on what is written in chunks of one size.
struct ChunkWriter {
    chunks: mpsc::Sender<Bytes>,
    chunk: Vec<u8>,
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_BYTES - self.chunk.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.chunk.extend_from_slice(taken);
        if self.chunk.len() == CHUNK_BYTES {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        self.chunks
            .blocking_send(Bytes::from(chunk))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
