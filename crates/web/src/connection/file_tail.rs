//! A body that the kernel sends from its file, behind a head that waits for it.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::fs::sendfile;
use rustix::net::SendFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::entry::Entry;

/// What is left of a body that the kernel sends from its file.
#[derive(Debug)]
pub(crate) struct FileTail {
    /// The entry, whose file it is.
    pub entry: Arc<Entry>,
    /// How much of it is sent.
    pub offset: u64,
}

/// Sends the rest of `head`, or else of the file; gives how much of the head went out and whether the file is all sent.
/// The head waits in the kernel for the file's first bytes, so that both leave together.
pub(crate) fn poll_send_file(
    stream: &TcpStream,
    head: &[u8],
    file: &mut FileTail,
    context: &mut Context<'_>,
) -> Poll<io::Result<(usize, bool)>> {
    let Some(open) = &file.entry.file else {
        return Poll::Ready(Ok((0, true)));
    };
    loop {
        ready!(stream.poll_write_ready(context))?;
        let sent = stream.try_io(Interest::WRITABLE, || {
            if !head.is_empty() {
                let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
                return Ok((rustix::net::send(stream, head, flags)?, false));
            }
            let left = open.length().saturating_sub(file.offset);
            let sent = sendfile(stream, open.file(), Some(&mut file.offset), left as usize)?;
            // Nothing sent though something is left: the file is shorter than it was, and the answer cannot be whole.
            if sent == 0 && left > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok((0, file.offset >= open.length()))
        });
        match sent {
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
            sent => return Poll::Ready(sent),
        }
    }
}
