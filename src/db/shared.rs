//! What all threads of one database share: ids, health, counters, and the way out for hints.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{Error, Result};
use super::options::FailStop;
use crate::domain::Hint;
use crate::domain::ids::{IdMaker, MAX_NODE};

/// Where hints go after their commit; called on a database thread, so it must not wait.
pub type Publish = Arc<dyn Fn(&[Hint]) + Send + Sync>;

/// Whether the database takes writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Reads and writes.
    Ready,
    /// Reads go on, writes are refused; the text says why.
    ReadOnly(String),
    /// Neither: not reachable, or stopped.
    Down(String),
}

/// Figures for `/metrics`, counted since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions committed.
    pub commits: u64,
    /// Jobs whose change was committed.
    pub jobs: u64,
    /// Jobs that ended in an error and were rolled back.
    pub failed_jobs: u64,
    /// Jobs that panicked; part of `failed_jobs`.
    pub panics: u64,
    /// The most jobs one commit carried.
    pub largest_batch: u64,
    /// Jobs run again after losing a race (PostgreSQL).
    pub retries: u64,
    /// Reads answered.
    pub reads: u64,
    /// Jobs waiting in the chat lane now.
    pub chat_waiting: u64,
    /// Jobs waiting in the tracking lane now.
    pub tracking_waiting: u64,
    /// Reads waiting now.
    pub reads_waiting: u64,
    /// Chat jobs refused because the lane was full or the disk was.
    pub chat_refused: u64,
    /// Tracking jobs refused because the lane was full or the disk was.
    pub tracking_refused: u64,
    /// Reads refused because too many waited.
    pub reads_refused: u64,
    /// Bytes in the write-ahead log that hold commits (SQLite).
    pub wal_bytes: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) commits: AtomicU64,
    pub(super) jobs: AtomicU64,
    pub(super) failed_jobs: AtomicU64,
    pub(super) panics: AtomicU64,
    pub(super) largest_batch: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) reads: AtomicU64,
    pub(super) chat_refused: AtomicU64,
    pub(super) tracking_refused: AtomicU64,
    pub(super) reads_refused: AtomicU64,
    pub(super) wal_bytes: AtomicU64,
}

/// Adds to a counter.
pub(super) fn count(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

pub(super) struct Shared {
    pub(super) counters: Counters,
    ids: IdMaker,
    has_node: AtomicBool,
    health: Mutex<Health>,
    /// Mirrors `health`, so that a write asks without a lock.
    is_ready: AtomicBool,
    publish: Publish,
    fail_stop: FailStop,
}

impl Shared {
    pub(super) fn new(node: Option<i64>, publish: Publish, fail_stop: FailStop) -> Self {
        Self {
            counters: Counters::default(),
            ids: IdMaker::new(node.unwrap_or(0)),
            has_node: AtomicBool::new(node.is_some()),
            health: Mutex::new(Health::Ready),
            is_ready: AtomicBool::new(true),
            publish,
            fail_stop,
        }
    }

    pub(super) fn set_node(&self, node: Option<i64>) {
        if let Some(node) = node.filter(|n| (0..=MAX_NODE).contains(n)) {
            self.ids.set_node(node);
            self.has_node.store(true, Ordering::Release);
        } else {
            self.has_node.store(false, Ordering::Release);
        }
    }

    pub(super) fn node(&self) -> i64 {
        self.ids.node()
    }

    /// A new id, or why this node may make none.
    pub(super) fn new_id(&self, now: i64) -> Result<i64> {
        if self.has_node.load(Ordering::Acquire) {
            Ok(self.ids.next(now))
        } else {
            Err(Error::Unavailable("this node holds no number".into()))
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    pub(super) fn health(&self) -> Health {
        self.health
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sets the health and logs the change, once.
    pub(super) fn set_health(&self, health: Health) {
        let mut now = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if *now == health {
            return;
        }
        match &health {
            Health::Ready => tracing::info!("the database takes writes again"),
            Health::ReadOnly(reason) => tracing::error!(reason, "the database refuses writes"),
            Health::Down(reason) => tracing::error!(reason, "the database is not available"),
        }
        self.is_ready
            .store(health == Health::Ready, Ordering::Release);
        *now = health;
    }

    /// Sends hints on their way. They may be lost, so a panic over there is logged and forgotten.
    pub(super) fn publish(&self, hints: &[Hint]) {
        if hints.is_empty() {
            return;
        }
        if catch_unwind(AssertUnwindSafe(|| (self.publish)(hints))).is_err() {
            tracing::error!("publishing hints panicked");
        }
    }

    /// Nobody knows any more what is on disk: refuses everything and calls the hook.
    pub(super) fn fail_stop(&self, reason: &str) {
        self.set_health(Health::Down(reason.to_owned()));
        (self.fail_stop)(reason);
    }

    /// The figures, with the lengths of the three queues.
    pub(super) fn stats(&self, chat: usize, tracking: usize, reads: usize) -> Stats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let c = &self.counters;
        Stats {
            commits: of(&c.commits),
            jobs: of(&c.jobs),
            failed_jobs: of(&c.failed_jobs),
            panics: of(&c.panics),
            largest_batch: of(&c.largest_batch),
            retries: of(&c.retries),
            reads: of(&c.reads),
            chat_waiting: chat as u64,
            tracking_waiting: tracking as u64,
            reads_waiting: reads as u64,
            chat_refused: of(&c.chat_refused),
            tracking_refused: of(&c.tracking_refused),
            reads_refused: of(&c.reads_refused),
            wal_bytes: of(&c.wal_bytes),
        }
    }

    /// Counts a job that was rolled back.
    pub(super) fn count_failure(&self, error: &Error) {
        count(&self.counters.failed_jobs, 1);
        if matches!(error, Error::Panicked) {
            count(&self.counters.panics, 1);
        }
    }
}
