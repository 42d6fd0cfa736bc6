//! The engines: one `Tx` trait over SQLite (embedded, one writer) and PostgreSQL (several nodes).
//!
//! Drivers are named in this folder and nowhere else. What is stored, and the SQL for it, lives in `store`.

mod checkpoint;
mod error;
mod folder;
mod job;
mod lanes;
mod migrate;
mod open;
mod options;
mod postgres;
mod reader;
mod shared;
mod sqlite;
mod sqlite_tx;
mod tx;
pub mod upkeep;
mod value;
mod watch;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

pub use error::{Error, Result};
pub use job::Lane;
pub use migrate::{MIGRATIONS, Migration};
pub use options::{DbOptions, FAIL_STOP_EXIT_CODE, FailStop, Place};
pub use shared::{Health, Publish, Stats};
pub use tx::{Dialect, Tx};
pub use value::{Row, Ty, Value};
pub use watch::watch_statements;

use job::{Call, Job, Reply};
use lanes::Lanes;
use shared::{Shared, count};

/// An open database; cheap to clone.
///
/// Closures run on database threads, never on the caller's, and touch nothing but their transaction.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    dialect: Dialect,
    epoch: String,
    writes: Arc<Lanes>,
    reads: Arc<Lanes>,
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The threads finish what waits and end by themselves; the last handle may drop on one of them.
        self.writes.close();
        self.reads.close();
    }
}

impl Db {
    /// Runs `work` in one snapshot that sees only what is committed.
    ///
    /// # Errors
    /// What `work` returned; [`Error::QueueFull`] when too many reads wait; [`Error::Unavailable`] when the
    /// database is, or the read took longer than its limit; [`Error::Panicked`].
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Tx) -> Result<T> + Send + 'static,
    {
        let (to, answer) = oneshot::channel();
        self.queue_read(Call::boxed(once(work), Reply::Async(to)))?;
        answer.await.map_err(|_| ended())?
    }

    /// [`Db::read`] for threads that may wait: the command line, the scheduler, tests.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub fn read_blocking<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Tx) -> Result<T> + Send + 'static,
    {
        let (to, answer) = std::sync::mpsc::sync_channel(1);
        self.queue_read(Call::boxed(once(work), Reply::Blocking(to)))?;
        answer.recv().map_err(|_| ended())?
    }

    /// Runs `work` as one transaction and returns when it is on disk and its hints are out.
    ///
    /// `work` may run twice. If it returns an error, or if any statement of it failed, nothing of it is kept.
    ///
    /// # Errors
    /// What `work` returned; [`Error::Poisoned`] if it hid a failed statement; [`Error::QueueFull`],
    /// [`Error::DiskFull`], [`Error::Unavailable`], [`Error::Retry`] or [`Error::CommitUnknown`], which may
    /// succeed later; [`Error::Panicked`].
    pub async fn write<T, F>(&self, lane: Lane, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> Result<T> + Send + 'static,
    {
        let (to, answer) = oneshot::channel();
        self.queue_write(lane, Call::boxed(work, Reply::Async(to)))?;
        answer.await.map_err(|_| ended())?
    }

    /// [`Db::write`] for threads that may wait: the command line, the scheduler, tests.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub fn write_blocking<T, F>(&self, lane: Lane, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> Result<T> + Send + 'static,
    {
        let (to, answer) = std::sync::mpsc::sync_channel(1);
        self.queue_write(lane, Call::boxed(work, Reply::Blocking(to)))?;
        answer.recv().map_err(|_| ended())?
    }

    fn queue_read(&self, job: Box<dyn Job>) -> Result<()> {
        self.inner.reads.push(Lane::Chat, job).inspect_err(|_| {
            count(&self.inner.shared.counters.reads_refused, 1);
        })
    }

    fn queue_write(&self, lane: Lane, job: Box<dyn Job>) -> Result<()> {
        let shared = &self.inner.shared;
        let refused = if lane == Lane::Tracking {
            &shared.counters.tracking_refused
        } else {
            &shared.counters.chat_refused
        };
        let queued = match shared.is_ready() || lane == Lane::Admin {
            true => self.inner.writes.push(lane, job),
            false => Err(self.refusal()),
        };
        queued.inspect_err(|_| count(refused, 1))
    }

    fn refusal(&self) -> Error {
        match self.inner.shared.health() {
            Health::Ready | Health::ReadOnly(_) => Error::DiskFull,
            Health::Down(why) => Error::Unavailable(why),
        }
    }

    /// Which engine this is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// A random text that changes when a backup is restored: clients' numbers then belong to another history.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.inner.epoch
    }

    /// Sets this node's number in ids, 0–1023; with `None` (or any other number) this node makes no more ids.
    pub fn set_node(&self, node: Option<i64>) {
        self.inner.shared.set_node(node);
    }

    /// This node's number in ids, the last one it had; 0 where there is one node.
    #[must_use]
    pub fn node(&self) -> i64 {
        self.inner.shared.node()
    }

    /// Whether the database takes writes.
    #[must_use]
    pub fn health(&self) -> Health {
        self.inner.shared.health()
    }

    /// Figures for `/metrics`.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (chat, tracking) = self.inner.writes.lengths();
        let (reads, _) = self.inner.reads.lengths();
        self.inner.shared.stats(chat, tracking, reads)
    }

    /// Refuses new jobs, finishes those that wait, folds the log into the file and closes; returns when done.
    ///
    /// Waits for the database threads, so call it where waiting is allowed, and not from a job.
    pub fn close(&self) {
        self.inner.writes.close();
        self.inner.reads.close();
        let threads = std::mem::take(
            &mut *self
                .inner
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        // Readers first: the writer's last checkpoint waits for their snapshots.
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a database thread had panicked");
            }
        }
    }
}

/// A closure that may run once, as a job; only writes ever run twice.
fn once<T>(
    work: impl FnOnce(&mut dyn Tx) -> Result<T> + Send + 'static,
) -> impl FnMut(&mut dyn Tx) -> Result<T> + Send + 'static {
    let mut work = Some(work);
    move |tx| work.take().map_or(Err(Error::Panicked), |work| work(tx))
}

fn ended() -> Error {
    Error::Unavailable("the database has stopped".into())
}
