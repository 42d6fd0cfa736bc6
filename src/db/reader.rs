//! Threads that read: each takes a `query_only` connection from the pool for one job and one snapshot.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OpenFlags};

use super::error::{Error, Result};
use super::job::Job;
use super::lanes::{Appetite, Lanes, Taken};
use super::shared::{Shared, count};
use super::sqlite::{self, Trouble};
use super::sqlite_tx::{Savepoint, SqliteTx};

/// How long a reader waits for a connection; there is one for each thread, so a wait means a failing disk.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(2);
/// A connection unused for this long is closed, and its memory given back.
const CONNECTION_IDLE: Duration = Duration::from_secs(120);
/// Readers have nothing to do on their own.
const LONG: Duration = Duration::from_secs(3600);

/// A thread that answers reads.
#[derive(Clone)]
pub(super) struct Reader {
    pool: Pool<SqliteConnectionManager>,
    lanes: Arc<Lanes>,
    shared: Arc<Shared>,
    limit: Duration,
}

impl Reader {
    /// Readers of `file` over at most `size` connections, opened when first needed; a read is cut after `limit`.
    pub(super) fn new(
        file: &Path,
        size: usize,
        limit: Duration,
        to: (Arc<Lanes>, Arc<Shared>),
    ) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let manager = SqliteConnectionManager::file(file)
            .with_flags(flags)
            .with_init(|conn| sqlite::init_reader(conn));
        let pool = Pool::builder()
            .max_size(u32::try_from(size.max(1)).unwrap_or(u32::MAX))
            .min_idle(Some(0))
            .idle_timeout(Some(CONNECTION_IDLE))
            .test_on_check_out(false)
            .connection_timeout(CONNECTION_PATIENCE)
            .build_unchecked(manager);
        let (lanes, shared) = to;
        Self {
            pool,
            lanes,
            shared,
            limit,
        }
    }

    /// Answers reads until the lanes are closed and empty.
    pub(super) fn run(self) {
        loop {
            match self.lanes.take(1, LONG, Appetite::Both) {
                Taken::Jobs(jobs) => jobs.into_iter().for_each(|job| self.answer(job)),
                Taken::Idle => {}
                Taken::Closed => return,
            }
        }
    }

    fn answer(&self, mut job: Box<dyn Job>) {
        if job.is_abandoned() {
            return;
        }
        let outcome = match self.pool.get() {
            Ok(conn) => self.read(&conn, job.as_mut()),
            Err(e) => Err(Error::Unavailable(format!(
                "no connection to read with: {e}"
            ))),
        };
        count(&self.shared.counters.reads, 1);
        job.answer(outcome);
    }

    fn read(&self, conn: &Connection, job: &mut dyn Job) -> Result<()> {
        let mut tx = SqliteTx::read(conn, &self.shared);
        sqlite::set_deadline(Instant::now().checked_add(self.limit));
        let begun = tx.bare("begin");
        tx.begin_job(Savepoint::Needless);
        let outcome = begun.and_then(|()| job.run(&mut tx));
        let outcome = tx.end_job(outcome);
        sqlite::set_deadline(None);
        tx.roll_back_if_open();
        if let Some(Trouble::Broken(reason)) = tx.take_trouble() {
            // The writer decides about the file; a reader only says what it saw.
            tracing::error!(reason, "a read met a fault");
        }
        outcome
    }
}
