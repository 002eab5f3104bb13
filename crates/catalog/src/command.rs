//! A write on its way to the database: it can be run again, and its caller waits for the answer until the commit.

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::error::CatalogError;
use crate::link::Link;

/// One act on the catalog, all or nothing. It may be applied more than once before it is committed (a neighbour in its
/// group failed, PostgreSQL asked for another try), so it only reads itself.
#[async_trait]
pub(crate) trait Write: Send + Sync + 'static {
    /// What the caller learns after the commit.
    type Answer: Send + 'static;

    /// Does the act inside an open transaction.
    async fn apply(&self, link: &mut Link<'_>) -> Result<Self::Answer, CatalogError>;
}

/// A [`Write`] whose answer type is forgotten, so that unlike ones can wait in one line.
#[async_trait]
pub(crate) trait Command: Send {
    /// Applies it and keeps the answer.
    async fn apply(&mut self, link: &mut Link<'_>) -> Result<(), CatalogError>;

    /// Tells the caller: the kept answer if the commit went well.
    fn settle(self: Box<Self>, outcome: Result<(), CatalogError>);
}

/// The waiting form of a write.
pub(crate) struct Pending<W: Write> {
    write: W,
    answer: Option<W::Answer>,
    reply: oneshot::Sender<Result<W::Answer, CatalogError>>,
}

impl<W: Write> Pending<W> {
    /// The command and the place where its answer will be.
    pub(crate) fn new(
        write: W,
    ) -> (
        Box<Self>,
        oneshot::Receiver<Result<W::Answer, CatalogError>>,
    ) {
        let (reply, answer) = oneshot::channel();
        (
            Box::new(Self {
                write,
                answer: None,
                reply,
            }),
            answer,
        )
    }
}

#[async_trait]
impl<W: Write> Command for Pending<W> {
    async fn apply(&mut self, link: &mut Link<'_>) -> Result<(), CatalogError> {
        self.answer = Some(self.write.apply(link).await?);
        Ok(())
    }

    fn settle(self: Box<Self>, outcome: Result<(), CatalogError>) {
        let Self { answer, reply, .. } = *self;
        let answer = outcome.and_then(|()| {
            answer.ok_or_else(|| {
                CatalogError::unavailable("a write was committed without having been applied")
            })
        });
        // A caller that went away does not undo its write; nobody is left to be told.
        let _ = reply.send(answer);
    }
}
