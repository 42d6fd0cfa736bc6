//! The queue in front of database threads: two bounded lanes, the first always served before the second.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::job::{Job, Lane};

/// Jobs the chat lane holds (`delivery-and-security.md`: more would only be waited for in vain).
pub(super) const CHAT_CAPACITY: usize = 8192;
/// Jobs the tracking lane holds: about a second of work, then tracking is refused before chat suffers.
pub(super) const TRACKING_CAPACITY: usize = 4096;
/// Reads that may wait.
pub(super) const READ_CAPACITY: usize = 1024;

/// A pause this long without an arrival ends the gathering of tracking jobs.
const QUIET: Duration = Duration::from_millis(2);

type Waiting = VecDeque<Box<dyn Job>>;

#[derive(Default)]
struct Inside {
    chat: Waiting,
    tracking: Waiting,
    closed: bool,
    /// Threads asleep for want of any job.
    idle: usize,
    /// A thread that gathers tracking jobs sleeps until there are this many.
    wanted: Option<usize>,
}

/// Two bounded lanes; reads use the first only.
pub(super) struct Lanes {
    inside: Mutex<Inside>,
    arrived: Condvar,
    chat_capacity: usize,
    tracking_capacity: usize,
}

/// What a thread takes from the lanes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Appetite {
    /// Both lanes, as soon as there is anything.
    Both,
    /// The chat lane alone.
    ChatOnly,
    /// Both lanes; tracking jobs may gather first.
    Gathering(Gather),
}

/// How tracking jobs gather while no chat job waits, so that under load fewer commits carry more of them.
///
/// It ends as soon as a chat job arrives, after a short pause without arrivals, and when as many wait as the last batch
/// had: a caller who comes alone does not wait at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Gather {
    pub(super) expected: usize,
    pub(super) longest: Duration,
}

/// What [`Lanes::take`] came back with.
pub(super) enum Taken {
    /// Jobs, in the order in which they run.
    Jobs(Vec<Box<dyn Job>>),
    /// Nothing arrived in time.
    Idle,
    /// Closed, and nothing is left.
    Closed,
}

impl Lanes {
    pub(super) fn new(chat_capacity: usize, tracking_capacity: usize) -> Self {
        Self {
            inside: Mutex::default(),
            arrived: Condvar::new(),
            chat_capacity,
            tracking_capacity,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // No code that can panic runs under this lock, so its contents are whole.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job, or says at once why not.
    pub(super) fn push(&self, lane: Lane, job: Box<dyn Job>) -> Result<()> {
        let mut inside = self.lock();
        if inside.closed {
            return Err(Error::Unavailable("Parlor is shutting down".into()));
        }
        let is_tracking = lane == Lane::Tracking;
        let (queue, capacity) = if is_tracking {
            (&mut inside.tracking, self.tracking_capacity)
        } else {
            (&mut inside.chat, self.chat_capacity)
        };
        if queue.len() >= capacity {
            return Err(Error::QueueFull);
        }
        queue.push_back(job);
        let waiting = inside.tracking.len();
        let wakes = inside.idle > 0 || inside.wanted.is_some_and(|n| !is_tracking || waiting >= n);
        drop(inside);
        if wakes && is_tracking {
            // One woken thread might not take tracking at all.
            self.arrived.notify_all();
        } else if wakes {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Waits up to `patience` for a job, then takes up to `limit`, the chat lane first.
    ///
    /// A thread that takes both lanes may let tracking jobs gather before it begins: see [`Gather`].
    pub(super) fn take(&self, limit: usize, patience: Duration, appetite: Appetite) -> Taken {
        let mut inside = self.lock();
        let until = Instant::now() + patience;
        let takes_tracking = appetite != Appetite::ChatOnly;
        while inside.chat.is_empty() && (inside.tracking.is_empty() || !takes_tracking) {
            if inside.closed {
                return Taken::Closed;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Taken::Idle;
            }
            inside.idle += 1;
            inside = self.sleep(inside, left);
            inside.idle -= 1;
        }
        if let Appetite::Gathering(gather) = appetite {
            inside = self.gather(inside, gather);
        }
        let chat = inside.chat.len().min(limit);
        let tracking = match takes_tracking {
            true => inside.tracking.len().min(limit - chat),
            false => 0,
        };
        let mut jobs = Vec::with_capacity(chat + tracking);
        jobs.extend(inside.chat.drain(..chat));
        jobs.extend(inside.tracking.drain(..tracking));
        Taken::Jobs(jobs)
    }

    fn sleep<'l>(
        &'l self,
        inside: MutexGuard<'l, Inside>,
        longest: Duration,
    ) -> MutexGuard<'l, Inside> {
        self.arrived
            .wait_timeout(inside, longest)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn gather<'l>(
        &'l self,
        mut inside: MutexGuard<'l, Inside>,
        gather: Gather,
    ) -> MutexGuard<'l, Inside> {
        let until = Instant::now() + gather.longest;
        while inside.chat.is_empty() && !inside.closed && inside.tracking.len() < gather.expected {
            let before = inside.tracking.len();
            let left = until.saturating_duration_since(Instant::now()).min(QUIET);
            if left.is_zero() {
                break;
            }
            inside.wanted = Some(gather.expected);
            inside = self.sleep(inside, left);
            inside.wanted = None;
            if inside.tracking.len() == before {
                break;
            }
        }
        inside
    }

    /// How many jobs wait: chat, tracking.
    pub(super) fn lengths(&self) -> (usize, usize) {
        let inside = self.lock();
        (inside.chat.len(), inside.tracking.len())
    }

    /// Refuses new jobs; those that wait are still handed out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Answers the jobs that wait with `error`.
    pub(super) fn refuse_waiting(&self, error: &Error) {
        let mut inside = self.lock();
        let mut jobs = std::mem::take(&mut inside.chat);
        jobs.append(&mut inside.tracking);
        drop(inside);
        for job in jobs {
            job.answer(Err(error.clone()));
        }
    }

    /// Refuses new jobs, and answers those that wait with `error`.
    pub(super) fn abandon(&self, error: &Error) {
        self.close();
        self.refuse_waiting(error);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tx::Tx;
    use super::*;

    struct Named(&'static str);

    impl Job for Named {
        fn run(&mut self, _: &mut dyn Tx) -> Result<()> {
            Err(Error::Unavailable(self.0.into()))
        }

        fn answer(self: Box<Self>, _: Result<()>) {}

        fn is_abandoned(&self) -> bool {
            false
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    fn gathering(expected: usize) -> Appetite {
        Appetite::Gathering(Gather {
            expected,
            longest: LONG,
        })
    }

    fn taken(lanes: &Lanes, limit: usize, appetite: Appetite) -> usize {
        match lanes.take(limit, Duration::ZERO, appetite) {
            Taken::Jobs(jobs) => jobs.len(),
            Taken::Idle => 0,
            Taken::Closed => usize::MAX,
        }
    }

    #[test]
    fn gathering_ends_for_want_of_arrivals_and_for_chat() {
        let lanes = Lanes::new(8, 8);
        lanes.push(Lane::Tracking, Box::new(Named("a"))).unwrap();
        lanes.push(Lane::Tracking, Box::new(Named("b"))).unwrap();

        assert_eq!(taken(&lanes, 8, gathering(100)), 2, "no hour is waited");

        std::thread::scope(|scope| {
            scope.spawn(|| {
                lanes.push(Lane::Tracking, Box::new(Named("c"))).unwrap();
                lanes.push(Lane::Chat, Box::new(Named("d"))).unwrap();
            });
            let mut all = 0;
            while all < 2 {
                all += taken(&lanes, 8, gathering(100));
            }
            assert_eq!(all, 2);
        });
    }

    #[test]
    fn a_batch_takes_chat_first_and_no_more_than_its_limit() {
        let lanes = Lanes::new(8, 8);
        for _ in 0..5 {
            lanes.push(Lane::Tracking, Box::new(Named("t"))).unwrap();
            lanes.push(Lane::Chat, Box::new(Named("c"))).unwrap();
        }

        assert_eq!(taken(&lanes, 7, gathering(1)), 7);
        assert_eq!(lanes.lengths(), (0, 3));
        assert_eq!(taken(&lanes, 7, Appetite::ChatOnly), 0);
        assert_eq!(taken(&lanes, 7, Appetite::Both), 3);
    }

    #[test]
    fn closed_lanes_hand_out_what_waits_and_refuse_the_rest() {
        let lanes = Lanes::new(8, 8);
        lanes.push(Lane::Chat, Box::new(Named("a"))).unwrap();
        lanes.close();

        let late = lanes.push(Lane::Chat, Box::new(Named("b")));

        assert!(matches!(late, Err(Error::Unavailable(_))));
        assert_eq!(taken(&lanes, 8, gathering(5)), 1);
        assert_eq!(taken(&lanes, 8, gathering(5)), usize::MAX);
    }
}
