//! When the write-ahead log is folded back into the database file, always on the writer's own connection.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::sqlite::{self, Trouble};

const PAGE_BYTES: u64 = 4096;
/// Above this the log is copied while nothing waits.
const PASSIVE_BYTES: u64 = 4 << 20;
/// Above this the log is begun anew, waiting briefly for readers.
const RESTART_BYTES: u64 = 32 << 20;
/// Above this the log's file is cut.
const TRUNCATE_BYTES: u64 = 64 << 20;
/// After this long without a job the log's file is cut and memory given back.
const IDLE: Duration = Duration::from_secs(60);
/// How long RESTART and TRUNCATE wait for readers: a slow report delays the checkpoint, not the chat.
const READER_PATIENCE: Duration = Duration::from_millis(20);
/// After readers were in the way: when to try again.
const AGAIN: Duration = Duration::from_secs(1);

thread_local! {
    /// Pages in the log after the last commit. SQLite's hook is a plain function, so it leaves them here.
    static LOG_PAGES: Cell<u64> = const { Cell::new(0) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Passive,
    Restart,
    Truncate,
}

impl Mode {
    const fn pragma(self) -> &'static str {
        match self {
            Self::Passive => "pragma wal_checkpoint(passive)",
            Self::Restart => "pragma wal_checkpoint(restart)",
            Self::Truncate => "pragma wal_checkpoint(truncate)",
        }
    }
}

/// What is known of the log.
pub(super) struct Checkpoints {
    /// Pages of the log that are in the database file already.
    copied: u64,
    /// Not before this, because readers were in the way.
    not_before: Option<Instant>,
    last_work: Instant,
    is_tidy: bool,
}

impl Checkpoints {
    /// Begins to count the log of `conn`; call it on the thread that commits.
    pub(super) fn new(conn: &Connection) -> Self {
        conn.wal_hook(Some(|_, pages| {
            LOG_PAGES.set(u64::try_from(pages).unwrap_or(0));
            Ok(())
        }));
        Self {
            copied: 0,
            not_before: None,
            last_work: Instant::now(),
            is_tidy: false,
        }
    }

    /// Bytes of the log that hold commits.
    #[expect(
        clippy::unused_self,
        reason = "the count belongs to this log, on this thread"
    )]
    pub(super) fn wal_bytes(&self) -> u64 {
        LOG_PAGES.get() * PAGE_BYTES
    }

    /// How long the writer may sleep before [`Checkpoints::on_idle`] has something to do.
    pub(super) fn patience(&self) -> Duration {
        if self.not_before.is_some() {
            AGAIN
        } else if self.is_tidy {
            IDLE
        } else {
            IDLE.saturating_sub(self.last_work.elapsed())
        }
    }

    /// After a commit: checkpoints if the log calls for it.
    pub(super) fn after_batch(&mut self, conn: &Connection, is_idle: bool) -> Option<Trouble> {
        let pages = LOG_PAGES.get();
        if pages < self.copied {
            self.copied = 0;
        }
        let uncopied = (pages - self.copied) * PAGE_BYTES;
        let mode = due(pages * PAGE_BYTES, uncopied, is_idle)?;
        if mode != Mode::Passive && self.not_before.is_some_and(|at| Instant::now() < at) {
            return None;
        }
        self.checkpoint(conn, mode)
    }

    /// Notes that there was work; after [`IDLE`] without any, cuts the log and gives memory back.
    pub(super) fn on_idle(&mut self, conn: &Connection) -> Option<Trouble> {
        if self.is_tidy || self.last_work.elapsed() < IDLE {
            return None;
        }
        let trouble = self.checkpoint(conn, Mode::Truncate);
        self.is_tidy = self.not_before.is_none();
        if let Err(e) = conn.execute_batch("pragma shrink_memory") {
            return sqlite::meaning(&e).1;
        }
        trouble
    }

    /// Tells that a batch was run.
    pub(super) fn worked(&mut self) {
        self.last_work = Instant::now();
        self.is_tidy = false;
    }

    /// The checkpoint of a clean end.
    pub(super) fn truncate(conn: &Connection) -> Option<Trouble> {
        run(conn, Mode::Truncate).err().flatten()
    }

    fn checkpoint(&mut self, conn: &Connection, mode: Mode) -> Option<Trouble> {
        if mode != Mode::Passive
            && let Err(e) = conn.busy_timeout(READER_PATIENCE)
        {
            return sqlite::meaning(&e).1;
        }
        let outcome = run(conn, mode);
        if mode != Mode::Passive
            && let Err(e) = conn.busy_timeout(sqlite::BUSY)
        {
            return sqlite::meaning(&e).1;
        }
        match outcome {
            Ok(Some(copied)) => {
                self.not_before = None;
                self.copied = copied;
                if mode != Mode::Passive {
                    LOG_PAGES.set(0);
                    self.copied = 0;
                }
                None
            }
            Ok(None) => {
                self.not_before = Some(Instant::now() + AGAIN);
                None
            }
            Err(trouble) => trouble,
        }
    }
}

fn due(wal_bytes: u64, uncopied_bytes: u64, is_idle: bool) -> Option<Mode> {
    if wal_bytes >= TRUNCATE_BYTES {
        Some(Mode::Truncate)
    } else if wal_bytes >= RESTART_BYTES {
        Some(Mode::Restart)
    } else if is_idle && uncopied_bytes >= PASSIVE_BYTES {
        Some(Mode::Passive)
    } else {
        None
    }
}

/// Pages copied so far, `None` where readers were in the way; an error without trouble was a lock.
fn run(conn: &Connection, mode: Mode) -> Result<Option<u64>, Option<Trouble>> {
    let row = conn.query_row(mode.pragma(), [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(2)?))
    });
    match row {
        Ok((0, copied)) => Ok(Some(u64::try_from(copied).unwrap_or(0))),
        Ok(_) => Ok(None),
        Err(e) => {
            tracing::warn!(error = %e, ?mode, "a checkpoint failed");
            match sqlite::meaning(&e) {
                (super::Error::Retry(_), _) => Ok(None),
                (_, trouble) => Err(trouble),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_due_by_the_size_of_the_log() {
        const MIB: u64 = 1 << 20;
        for (wal, uncopied, is_idle, expected) in [
            (0, 0, true, None),
            (3 * MIB, 3 * MIB, true, None),
            (5 * MIB, 5 * MIB, true, Some(Mode::Passive)),
            (5 * MIB, 5 * MIB, false, None),
            (5 * MIB, MIB, true, None),
            (32 * MIB, 0, false, Some(Mode::Restart)),
            (64 * MIB, 64 * MIB, false, Some(Mode::Truncate)),
        ] {
            assert_eq!(
                due(wal, uncopied, is_idle),
                expected,
                "{wal} {uncopied} {is_idle}"
            );
        }
    }
}
