//! A job: one closure over a transaction, and the caller who waits for its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::error::{Error, Result};
use super::tx::Tx;

/// Which queue a write waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Logins, settings and deletions: queued with chat, and let through while the disk is full, out of
    /// the reserve, so that somebody can make room.
    Admin,
    /// Chat events: taken first, never behind tracking.
    Chat,
    /// Activities and last-seen times: taken in batches, refused first under pressure.
    Tracking,
}

/// What a database thread runs, with the types of closure and result erased.
pub(super) trait Job: Send {
    /// Runs the closure and keeps its result; a panic comes back as [`Error::Panicked`].
    fn run(&mut self, tx: &mut dyn Tx) -> Result<()>;

    /// Answers the caller: what the closure returned, or the error that undid it.
    fn answer(self: Box<Self>, outcome: Result<()>);

    /// True when nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
}

/// Where an answer goes.
pub(super) enum Reply<T> {
    Async(oneshot::Sender<Result<T>>),
    Blocking(std::sync::mpsc::SyncSender<Result<T>>),
}

impl<T> Reply<T> {
    fn send(self, answer: Result<T>) {
        // A caller who went away does not need its answer.
        match self {
            Self::Async(to) => drop(to.send(answer)),
            Self::Blocking(to) => drop(to.try_send(answer)),
        }
    }
}

/// The one implementation of [`Job`].
pub(super) struct Call<T, F> {
    work: F,
    out: Option<T>,
    reply: Reply<T>,
}

impl<T, F> Call<T, F>
where
    T: Send + 'static,
    F: FnMut(&mut dyn Tx) -> Result<T> + Send + 'static,
{
    pub(super) fn boxed(work: F, reply: Reply<T>) -> Box<dyn Job> {
        Box::new(Self {
            work,
            out: None,
            reply,
        })
    }
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnMut(&mut dyn Tx) -> Result<T> + Send,
{
    fn run(&mut self, tx: &mut dyn Tx) -> Result<()> {
        let work = &mut self.work;
        // Nothing half-done survives a panic: the caller rolls the transaction back.
        match catch_unwind(AssertUnwindSafe(|| work(tx))) {
            Ok(done) => {
                self.out = Some(done?);
                Ok(())
            }
            // The text of a panic may hold what a visitor wrote; the panic hook has said where it was.
            Err(_) => {
                tracing::error!("a database job panicked");
                Err(Error::Panicked)
            }
        }
    }

    fn answer(self: Box<Self>, outcome: Result<()>) {
        let Self { out, reply, .. } = *self;
        reply.send(outcome.and_then(|()| out.ok_or(Error::Poisoned)));
    }

    fn is_abandoned(&self) -> bool {
        match &self.reply {
            Reply::Async(to) => to.is_closed(),
            Reply::Blocking(_) => false,
        }
    }
}
