//! A worker: one thread, one connection, one job at a time; retries, lost connections, commits of unknown outcome.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::connect::Server;
use super::tx::{PgTx, Session, meaning};
use crate::db::error::{Error, Result};
use crate::db::job::Job;
use crate::db::lanes::{Appetite, Lanes, Taken};
use crate::db::open::Parts;
use crate::db::options::DbOptions;
use crate::db::shared::{Health, Shared, count};
use crate::db::sqlite_tx::verdict;
use crate::domain::Hint;

/// How often a job that lost a race (40001, 40P01) is run in all.
const TRIES: u32 = 10;
/// The longest pause before a try, in milliseconds; each is random below a bound that doubles.
const LONGEST_PAUSE_MS: u64 = 64;
/// The first and the longest pause between two attempts to connect.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often an idle worker looks whether a lost server is back.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a worker takes.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// Reads, each cut after this long.
    Reads(Duration),
    /// Writes of the chat lane.
    Chat,
    /// Writes of both lanes, chat first.
    All,
}

pub(super) struct Worker {
    server: Arc<Server>,
    work: Work,
    begin: String,
    keeps_statements: bool,
    lanes: Arc<Lanes>,
    shared: Arc<Shared>,
    session: Option<Session>,
    /// Not before this is the server tried again, and how long the next pause is.
    not_before: Option<Instant>,
    pause: Duration,
}

impl Worker {
    pub(super) fn new(
        server: &Arc<Server>,
        work: Work,
        parts: &Parts,
        options: &DbOptions,
    ) -> Self {
        let (lanes, begin) = match work {
            Work::Reads(limit) => (
                &parts.reads,
                format!(
                    "begin isolation level repeatable read read only; set local statement_timeout = {}",
                    limit.as_millis().max(1)
                ),
            ),
            Work::Chat | Work::All => (
                &parts.writes,
                "begin isolation level read committed; set local lock_timeout = 10000".into(),
            ),
        };
        Self {
            server: Arc::clone(server),
            work,
            begin,
            keeps_statements: options.statement_cache,
            lanes: Arc::clone(lanes),
            shared: Arc::clone(&parts.shared),
            session: None,
            not_before: None,
            pause: RECONNECT.0,
        }
    }

    /// Works until the lanes are closed and empty.
    pub(super) fn run(mut self) {
        let appetite = match self.work {
            Work::Chat => Appetite::ChatOnly,
            Work::Reads(_) | Work::All => Appetite::Both,
        };
        loop {
            match self.lanes.take(1, LOOK_EVERY, appetite) {
                Taken::Jobs(jobs) => jobs.into_iter().for_each(|job| self.serve(job)),
                Taken::Idle => self.look(),
                Taken::Closed => return,
            }
        }
    }

    const fn is_read(&self) -> bool {
        matches!(self.work, Work::Reads(_))
    }

    /// While the server is away writes are refused unseen, so an idle worker finds out when it is back.
    fn look(&mut self) {
        if self.shared.is_ready() || self.is_read() || self.connected().is_err() {
            return;
        }
        let Some(session) = &mut self.session else {
            return;
        };
        if session.client.batch_execute("select 1").is_ok() {
            self.shared.set_health(Health::Ready);
        } else {
            self.session = None;
        }
    }

    fn serve(&mut self, mut job: Box<dyn Job>) {
        let counters = &self.shared.counters;
        if self.is_read() {
            if job.is_abandoned() {
                return;
            }
            count(&counters.reads, 1);
        }
        match self.tried(job.as_mut()) {
            Ok(hints) => {
                if !self.is_read() {
                    let counters = &self.shared.counters;
                    count(&counters.commits, 1);
                    count(&counters.jobs, 1);
                    counters.largest_batch.fetch_max(1, Ordering::Relaxed);
                    self.shared.publish(&hints);
                }
                job.answer(Ok(()));
            }
            Err(error) => {
                self.shared.count_failure(&error);
                job.answer(Err(error));
            }
        }
    }

    fn tried(&mut self, job: &mut dyn Job) -> Result<Vec<Hint>> {
        for n in 1.. {
            self.begin()?;
            match self.attempt(job) {
                Err(Error::Retry(_)) if n < TRIES && !self.is_read() => {
                    count(&self.shared.counters.retries, 1);
                    pause_before(n);
                }
                other => return other,
            }
        }
        Err(Error::Retry("tried too often".into()))
    }

    /// Begins a transaction. A connection that turns out to be lost is replaced once: nothing had been done on it.
    fn begin(&mut self) -> Result<()> {
        let was_there = self.session.is_some();
        self.connected()?;
        let begun = self.send_begin();
        if !was_there || !matches!(begun, Err(Error::Unavailable(_))) {
            return begun;
        }
        self.session = None;
        self.connected()?;
        self.send_begin()
    }

    fn send_begin(&mut self) -> Result<()> {
        let Some(session) = &mut self.session else {
            return Err(Error::Unavailable("no connection".into()));
        };
        let begun = session.client.batch_execute(&self.begin);
        begun.map_err(|e| meaning(&e))
    }

    /// One run of the job, to the end of the transaction that has begun.
    fn attempt(&mut self, job: &mut dyn Job) -> Result<Vec<Hint>> {
        let is_read = self.is_read();
        let Some(session) = &mut self.session else {
            return Err(Error::Unavailable("no connection".into()));
        };
        let mut tx = PgTx::new(session, &self.shared, is_read);
        let outcome = job.run(&mut tx);
        let (failed, hints) = tx.finish();
        let outcome = match failed {
            // The race was lost, whatever the closure made of it.
            Some(Error::Retry(why)) => Err(Error::Retry(why)),
            failed => verdict(outcome, failed),
        };
        if !session.keeps_statements() {
            session.forget_statements();
        }
        let outcome = match outcome {
            Ok(()) => commit(session),
            Err(error) => {
                // A connection that cannot roll back is not used again; the server rolls back by itself.
                if session.client.batch_execute("rollback").is_err() {
                    self.session = None;
                }
                Err(error)
            }
        };
        if matches!(outcome, Err(Error::Unavailable(_) | Error::CommitUnknown)) {
            self.drop_if_lost();
        }
        outcome.map(|()| hints)
    }

    fn drop_if_lost(&mut self) {
        if self
            .session
            .as_mut()
            .is_some_and(|session| session.client.batch_execute("select 1").is_err())
        {
            self.session = None;
        }
    }

    /// Makes sure there is a connection, or says at once that there is none.
    fn connected(&mut self) -> Result<()> {
        if self.session.as_ref().is_some_and(|s| !s.client.is_closed()) {
            return Ok(());
        }
        self.session = None;
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return Err(Error::Unavailable("PostgreSQL is not reachable".into()));
        }
        match self.server.connect() {
            Ok(client) => {
                self.session = Some(Session::new(client, self.keeps_statements));
                (self.not_before, self.pause) = (None, RECONNECT.0);
                self.shared.set_health(Health::Ready);
                Ok(())
            }
            Err(error) => {
                self.not_before = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(RECONNECT.1);
                self.shared.set_health(Health::Down(error.to_string()));
                Err(error)
            }
        }
    }
}

/// COMMIT; if its answer is lost, nobody can say whether it happened.
fn commit(session: &mut Session) -> Result<()> {
    let Err(e) = session.client.batch_execute("commit") else {
        return Ok(());
    };
    let said = meaning(&e);
    Err(if matches!(said, Error::Unavailable(_)) {
        Error::CommitUnknown
    } else {
        said
    })
}

/// Full jitter below a bound that doubles with each try.
fn pause_before(n: u32) {
    let bound = 1 << n.min(LONGEST_PAUSE_MS.ilog2());
    let mut random = [0; 2];
    if getrandom::fill(&mut random).is_ok() {
        let ms = u64::from(u16::from_le_bytes(random)) % bound;
        std::thread::sleep(Duration::from_millis(ms));
    }
}
