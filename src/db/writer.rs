//! The thread that owns the only writing SQLite connection: batches of jobs, one commit each, answers after it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::Connection;

use super::checkpoint::Checkpoints;
use super::error::{Error, Result};
use super::folder::Folder;
use super::job::Job;
use super::lanes::{Appetite, Gather, Lanes, Taken};
use super::shared::{Health, Shared, count};
use super::sqlite::{self, Trouble};
use super::sqlite_tx::{Savepoint, SqliteTx};

/// Jobs in one commit.
const BATCH_JOBS: usize = 256;
/// Bytes bound in one commit; the job that crosses the line is the batch's last.
const BATCH_BYTES: usize = 4 << 20;
/// While the disk is full: how often the writer looks for room.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Text of the probe row, more than a few free pages could hold.
const PROBE_BYTES: usize = 256 << 10;

/// Why writes are refused.
const FULL: &str = "the disk is full";

/// The writer and all it owns; [`Writer::run`] is the body of its thread.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) lanes: Arc<Lanes>,
    pub(super) shared: Arc<Shared>,
    pub(super) folder: Folder,
    pub(super) tracking_wait: Duration,
}

/// A job of the batch with its outcome so far.
type Done = (Box<dyn Job>, Result<()>);

impl Writer {
    /// Works until the lanes are closed and empty, or until the database can no longer be trusted.
    pub(super) fn run(mut self) {
        match self.serve() {
            Ok(()) => self.finish(),
            Err(reason) => {
                let error = Error::Unavailable("the database stopped after a fault".into());
                self.lanes.abandon(&error);
                self.shared.fail_stop(&reason);
            }
        }
    }

    fn serve(&mut self) -> Result<(), String> {
        let mut pending = VecDeque::new();
        let mut checkpoints = Checkpoints::new(&self.conn);
        let mut last_batch = 0;
        loop {
            if pending.is_empty() {
                let gather = Gather {
                    expected: last_batch,
                    longest: self.tracking_wait,
                };
                let patience = self.patience(&checkpoints);
                let appetite = Appetite::Gathering(gather);
                match self.lanes.take(BATCH_JOBS, patience, appetite) {
                    Taken::Jobs(jobs) => pending.extend(jobs),
                    Taken::Idle => self.on_idle(&mut checkpoints)?,
                    Taken::Closed => return Ok(()),
                }
            }
            if !pending.is_empty() {
                last_batch = pending.len();
                checkpoints.worked();
                let trouble = self.batch(&mut pending);
                self.heed(trouble)?;
            }
            let is_idle = pending.is_empty() && self.lanes.lengths() == (0, 0);
            let trouble = checkpoints.after_batch(&self.conn, is_idle);
            self.heed(trouble)?;
            self.shared
                .counters
                .wal_bytes
                .store(checkpoints.wal_bytes(), Ordering::Relaxed);
        }
    }

    /// Until when an idle writer sleeps.
    fn patience(&self, checkpoints: &Checkpoints) -> Duration {
        if self.is_full() || !self.folder.has_reserve() {
            PROBE_EVERY
        } else {
            checkpoints.patience()
        }
    }

    fn is_full(&self) -> bool {
        matches!(self.shared.health(), Health::ReadOnly(_))
    }

    fn on_idle(&mut self, checkpoints: &mut Checkpoints) -> Result<(), String> {
        if self.is_full() {
            return self.probe();
        }
        if !self.folder.has_reserve()
            && let Err(e) = self.folder.make_reserve()
        {
            tracing::warn!(error = %e, "no room for the reserve file");
            self.folder.go_without_reserve();
        }
        let trouble = checkpoints.on_idle(&self.conn);
        self.heed(trouble)
    }

    /// Runs jobs from the front of `pending` as one transaction, commits, publishes, answers.
    fn batch(&mut self, pending: &mut VecDeque<Box<dyn Job>>) -> Option<Trouble> {
        let mut tx = SqliteTx::write(&self.conn, &self.shared);
        if let Err(error) = tx.bare("begin immediate") {
            let trouble = tx.take_trouble();
            for job in pending.drain(..) {
                job.answer(Err(error.clone()));
            }
            return trouble;
        }
        let alone = pending.len() == 1;
        let mut done: Vec<Done> = Vec::with_capacity(pending.len());
        let mut trouble = None;
        // Savepoints copy every page that is touched, and few jobs fail: the first that does so after a write has the
        // batch run again, with them.
        let mut savepoint = Savepoint::Needless;
        while tx.bytes() < BATCH_BYTES
            && let Some(mut job) = pending.pop_front()
        {
            tx.begin_job(savepoint);
            let outcome = job.run(&mut tx);
            let outcome = tx.end_job(outcome);
            trouble = trouble.or(tx.take_trouble());
            let is_broken = matches!(trouble, Some(Trouble::Broken(_)));
            let spoils = !alone && savepoint == Savepoint::Needless && tx.has_written();
            let starts_over = spoils && outcome.is_err();
            done.push((job, outcome));
            // SQLite took the whole transaction back: what follows would commit statement by statement.
            if is_broken || self.conn.is_autocommit() {
                undo(&mut tx, &mut done, trouble.as_ref());
                break;
            }
            if starts_over {
                savepoint = Savepoint::Wanted;
                if let Some(met) = start_over(&mut tx, &mut done, pending) {
                    trouble = Some(met);
                    break;
                }
            }
        }
        if !self.conn.is_autocommit() {
            trouble = commit(&mut tx, &mut done, alone).or(trouble);
        }
        let hints = tx.take_hints();
        // Before the answers: who is refused finds the health saying why.
        match &trouble {
            Some(Trouble::Full) => self.shared.set_health(Health::ReadOnly(FULL.into())),
            Some(Trouble::Broken(reason)) => self.shared.set_health(Health::Down(reason.clone())),
            None => {}
        }
        self.answer(done, &hints);
        trouble
    }

    fn answer(&self, done: Vec<Done>, hints: &[crate::domain::Hint]) {
        let counters = &self.shared.counters;
        let kept = done.iter().filter(|(_, outcome)| outcome.is_ok()).count() as u64;
        if kept > 0 {
            count(&counters.commits, 1);
            count(&counters.jobs, kept);
            counters.largest_batch.fetch_max(kept, Ordering::Relaxed);
            self.shared.publish(hints);
        }
        for (job, outcome) in done {
            if let Err(error) = &outcome {
                self.shared.count_failure(error);
            }
            job.answer(outcome);
        }
    }

    /// Acts upon what a batch or a checkpoint met; an `Err` ends the writer.
    fn heed(&mut self, trouble: Option<Trouble>) -> Result<(), String> {
        match trouble {
            None => Ok(()),
            Some(Trouble::Broken(reason)) => Err(reason),
            Some(Trouble::Full) => {
                self.shared.set_health(Health::ReadOnly(FULL.into()));
                self.folder.free_reserve();
                self.lanes.refuse_waiting(&Error::DiskFull);
                Ok(())
            }
        }
    }

    /// Looks whether there is room again: for the reserve, and for a row that needs new pages.
    fn probe(&mut self) -> Result<(), String> {
        if let Err(e) = self.folder.make_reserve() {
            tracing::debug!(error = %e, "still no room for the reserve");
            return Ok(());
        }
        let mut tx = SqliteTx::write(&self.conn, &self.shared);
        let outcome = probe_row(&mut tx);
        let trouble = tx.take_trouble();
        match (outcome, trouble) {
            (Ok(()), _) => {
                self.shared.set_health(Health::Ready);
                Ok(())
            }
            (Err(_), Some(Trouble::Broken(reason))) => Err(reason),
            (Err(error), _) => {
                tracing::debug!(%error, "still no room for a row");
                self.folder.free_reserve();
                Ok(())
            }
        }
    }

    /// A clean end: the log is folded into the file and the connection closed.
    fn finish(self) {
        let _ = self.conn.busy_timeout(sqlite::BUSY / 5);
        if let Some(trouble) = Checkpoints::truncate(&self.conn) {
            tracing::error!(?trouble, "the last checkpoint failed");
        }
        self.conn.flush_prepared_statement_cache();
        if let Err((_, e)) = self.conn.close() {
            tracing::error!(error = %e, "the database did not close");
        }
        drop(self.folder);
    }
}

/// COMMIT, or ROLLBACK where the only job failed; a commit that fails takes every answer back.
fn commit(tx: &mut SqliteTx<'_>, done: &mut Vec<Done>, alone: bool) -> Option<Trouble> {
    let nothing_kept = done.iter().all(|(_, outcome)| outcome.is_err());
    let end = if alone && nothing_kept {
        "rollback"
    } else {
        "commit"
    };
    let error = tx.bare(end).err()?;
    let trouble = tx
        .take_trouble()
        .unwrap_or_else(|| Trouble::Broken(format!("{end} failed: {error}")));
    undo(tx, done, Some(&trouble));
    Some(trouble)
}

/// Takes the whole transaction back and puts the jobs that had gone well in front again; the outcome of the others stands.
fn start_over(
    tx: &mut SqliteTx<'_>,
    done: &mut Vec<Done>,
    pending: &mut VecDeque<Box<dyn Job>>,
) -> Option<Trouble> {
    if let Err(error) = tx.start_over() {
        let trouble = tx
            .take_trouble()
            .unwrap_or_else(|| Trouble::Broken(format!("a rollback failed: {error}")));
        undo(tx, done, Some(&trouble));
        return Some(trouble);
    }
    let (well, failed): (Vec<Done>, Vec<Done>) =
        done.drain(..).partition(|(_, outcome)| outcome.is_ok());
    *done = failed;
    for (job, _) in well.into_iter().rev() {
        pending.push_front(job);
    }
    None
}

/// Takes the whole transaction back, and every good answer of the batch with it.
fn undo(tx: &mut SqliteTx<'_>, done: &mut Vec<Done>, trouble: Option<&Trouble>) {
    tx.take_hints();
    tx.roll_back_if_open();
    let error = match trouble {
        Some(Trouble::Full) => Error::DiskFull,
        Some(Trouble::Broken(reason)) => Error::Unavailable(reason.clone()),
        None => Error::Retry("the batch was rolled back".into()),
    };
    for (_, outcome) in done {
        if outcome.is_ok() {
            *outcome = Err(error.clone());
        }
    }
}

fn probe_row(tx: &mut SqliteTx<'_>) -> Result<()> {
    use super::tx::Tx as _;
    tx.begin_job(Savepoint::Needless);
    tx.bare("begin immediate")?;
    let written = tx
        .exec(
            "insert into meta (name, value)
             values ('probe', ?1)
             on conflict (name) do update set value = excluded.value",
            &[(&"x".repeat(PROBE_BYTES)).into()],
        )
        .and_then(|_| tx.bare("commit"))
        .and_then(|()| tx.exec("delete from meta where name = 'probe'", &[]));
    tx.roll_back_if_open();
    written.map(drop)
}
