//! Periodic work: one table of tasks, run by whoever holds the lease. A tick is a plain function of the time.
//!
//! Every node runs the loop and only the lease holder works; on SQLite that is always this process. Each task does its
//! work in short transactions which begin by checking the lease, so a deposed holder changes nothing.

mod lease;
mod node;
mod router;
mod strays;
mod tasks;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;
use crate::db::{self, Db, Lane};
use crate::store::{jobs, leases};

use lease::Leader;
pub use node::NodeKeeper;
pub use router::{Router, Waker};
pub use strays::remove_strays;
pub use tasks::{TASKS, Task};

/// How often the loop looks whether something is due.
const TICK: Duration = Duration::from_secs(1);
/// Transactions of one task in one tick; what is left goes on at the next, so that no task starves the others.
const STEPS_PER_TICK: usize = 64;
/// A task that failed is tried again after this time, or after its period where that is shorter.
const TRY_AGAIN_MS: i64 = 60_000;

/// Runs what is due.
pub struct Scheduler {
    db: Db,
    leader: Leader,
    tasks: &'static [Task],
}

impl Scheduler {
    /// A scheduler over this database, with the table of tasks.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self::with_tasks(db, TASKS)
    }

    /// The same with other tasks.
    #[must_use]
    pub fn with_tasks(db: Db, tasks: &'static [Task]) -> Self {
        Self {
            leader: Leader::new(db.clone()),
            db,
            tasks,
        }
    }

    /// Runs every task that is due at `now` (Unix milliseconds) and returns their names; none where another node leads.
    ///
    /// # Errors
    /// Any [`db::Error`] of the bookkeeping; what goes wrong in a task is stored beside it and logged.
    pub fn run_due(&mut self, now: i64) -> db::Result<Vec<&'static str>> {
        let Some(held) = self.leader.hold()? else {
            return Ok(Vec::new());
        };
        let mut ran = Vec::new();
        for task in self.due(&held, now)? {
            if !self.leader.is_safe() {
                break;
            }
            let ended = self.run(task, &held, now);
            self.note(task, &held, now, &ended)?;
            ran.push(task.name);
        }
        Ok(ran)
    }

    /// The tasks that are due. A task that is new to the database is due at once.
    fn due(&self, held: &leases::Held, now: i64) -> db::Result<Vec<&'static Task>> {
        let tasks: Vec<&'static Task> =
            self.tasks.iter().filter(|task| self.serves(task)).collect();
        let known = self.db.read_blocking(jobs::all)?;
        let is_known = |task: &&Task| known.iter().any(|job| job.name == task.name);
        if !tasks.iter().all(is_known) {
            let (held, tasks) = (held.clone(), tasks.clone());
            self.db.write_blocking(Lane::Tracking, move |tx| {
                leases::check(tx, &held)?;
                tasks
                    .iter()
                    .try_for_each(|task| jobs::ensure(tx, task.name, now))
            })?;
        }
        let waits = |task: &Task| {
            let job = known.iter().find(|job| job.name == task.name);
            // A clock that was set back must not put a task off for longer than its period.
            job.is_some_and(|job| job.due_at > now && job.due_at - now <= task.every_ms)
        };
        Ok(tasks.into_iter().filter(|task| !waits(task)).collect())
    }

    fn serves(&self, task: &Task) -> bool {
        task.engine.is_none_or(|engine| engine == self.db.dialect())
    }

    /// Runs the steps of a task; true when there is more to do at the next tick.
    fn run(&self, task: &'static Task, held: &leases::Held, now: i64) -> db::Result<bool> {
        for _ in 0..STEPS_PER_TICK {
            let held = held.clone();
            let has_more = self.db.write_blocking(Lane::Tracking, move |tx| {
                leases::check(tx, &held)?;
                (task.step)(tx, now)
            })?;
            if !has_more {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn note(
        &self,
        task: &'static Task,
        held: &leases::Held,
        now: i64,
        ended: &db::Result<bool>,
    ) -> db::Result<()> {
        let (due_at, error) = match ended {
            Ok(true) => (now, None),
            Ok(false) => (now + task.every_ms, None),
            Err(error) => {
                tracing::error!(task = task.name, %error, "a periodic task failed");
                (
                    now + task.every_ms.min(TRY_AGAIN_MS),
                    Some(error.to_string()),
                )
            }
        };
        let held = held.clone();
        self.db.write_blocking(Lane::Tracking, move |tx| {
            leases::check(tx, &held)?;
            jobs::ran(tx, task.name, now, due_at, error.as_deref())
        })
    }
}

/// The scheduler's thread; dropping it ends the loop, gives up the leases and waits for the thread.
pub struct Running {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the loop on a thread of its own. `every_minute` is work of this process alone, without a database.
///
/// # Errors
/// What the system says when it has no thread to give.
pub fn start(
    db: &Db,
    clock: &Clock,
    node: Option<NodeKeeper>,
    every_minute: impl Fn() + Send + 'static,
) -> std::io::Result<Running> {
    let (stop, stopped) = mpsc::channel();
    let mut work = Loop {
        scheduler: Scheduler::new(db.clone()),
        clock: clock.clone(),
        node,
        every_minute: Box::new(every_minute),
        ticks: 0,
    };
    let thread = std::thread::Builder::new()
        .name("parlor-scheduler".into())
        .spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                work.tick();
            }
            work.end();
        })?;
    Ok(Running {
        stop: Some(stop),
        thread: Some(thread),
    })
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the scheduler panicked");
        }
    }
}

struct Loop {
    scheduler: Scheduler,
    clock: Clock,
    node: Option<NodeKeeper>,
    every_minute: Box<dyn Fn() + Send>,
    ticks: u64,
}

impl Loop {
    fn tick(&mut self) {
        self.ticks += 1;
        if let Some(node) = &mut self.node {
            node.keep();
        }
        if let Err(error) = self.scheduler.run_due(self.clock.now()) {
            // The next tick tries again; the database's own health is on /readyz.
            tracing::warn!(%error, "periodic work has to wait");
        }
        if self.ticks.is_multiple_of(60) {
            (self.every_minute)();
        }
    }

    fn end(&mut self) {
        self.scheduler.leader.release();
        if let Some(node) = &mut self.node {
            node.release();
        }
    }
}
