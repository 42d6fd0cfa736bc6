//! An outbox: the one bounded queue of a socket. Handing something over never waits; a full queue ends the socket.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::topic::Topic;
use super::update::Update;
use crate::domain::disconnect::DisconnectReason;

/// Most updates that wait for one socket.
pub const MAX_ENTRIES: usize = 64;
/// Most bytes that wait for one socket, by [`Update::weight`].
pub const MAX_BYTES: usize = 256 * 1024;

/// Room that an empty queue keeps: without any, each update would cost an allocation.
const KEPT_ENTRIES: usize = 8;

/// The queue of one socket: filled by the hub from any thread, emptied by the socket's task.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    /// What the hub has this outbox under; only the hub changes it.
    pub(super) topics: Mutex<Vec<Topic>>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Update>,
    bytes: usize,
    waker: Option<Waker>,
    closing: Option<CloseReason>,
    catch_up: CatchUp,
}

/// Whether the socket is reading the database, so that an overflow costs a second read and not the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CatchUp {
    #[default]
    Live,
    Reading,
    Missed,
}

/// Why a socket has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The queue was full: the socket comes back and catches up from the database.
    Lagging,
    /// The token or login is no longer good.
    CredentialsEnded,
    /// Somebody ended the visitor's sockets.
    Disconnected(DisconnectReason),
}

impl CloseReason {
    /// The code of the Close frame.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Lagging => 4008,
            Self::CredentialsEnded => 4001,
            Self::Disconnected(_) => 4003,
        }
    }
}

/// What a socket does next.
#[derive(Clone, Debug)]
pub enum Next {
    /// Write this.
    Update(Update),
    /// Send Close and end; nothing comes after this.
    Close(CloseReason),
}

impl Outbox {
    /// An empty queue, with no topics.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next thing to do, once there is one. For one task; a second waiter replaces the first.
    pub async fn next(&self) -> Next {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// The next thing to do, if there is one now.
    #[must_use]
    pub fn try_next(&self) -> Option<Next> {
        self.lock().take()
    }

    /// From now on an overflow empties the queue instead of ending the socket: call before reading the database.
    pub fn start_catch_up(&self) {
        let mut state = self.lock();
        state.catch_up = CatchUp::Reading;
    }

    /// Ends the catch-up. `false` when updates were dropped meanwhile: the catch-up goes on, read the database again.
    #[must_use]
    pub fn finish_catch_up(&self) -> bool {
        let mut state = self.lock();
        match state.catch_up {
            CatchUp::Live | CatchUp::Reading => {
                state.catch_up = CatchUp::Live;
                true
            }
            CatchUp::Missed => {
                state.catch_up = CatchUp::Reading;
                false
            }
        }
    }

    /// Tells the socket to end; the first reason stays.
    pub fn close(&self, reason: CloseReason) {
        let mut state = self.lock();
        let waker = state.close(reason);
        drop(state);
        wake(waker);
    }

    /// Whether the socket was told to end.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.lock().closing.is_some()
    }

    /// Hands an update over. Where there is no room a lossy one is dropped, and any other one ends the socket.
    pub fn push(&self, update: Update) {
        let weight = update.weight();
        let mut state = self.lock();
        if state.closing.is_some() {
            return;
        }
        let waker = if state.queue.len() < MAX_ENTRIES && state.bytes + weight <= MAX_BYTES {
            state.bytes += weight;
            state.queue.push_back(update);
            state.waker.take()
        } else if update.is_lossy() {
            None
        } else if state.catch_up == CatchUp::Live {
            state.close(CloseReason::Lagging)
        } else {
            state.catch_up = CatchUp::Missed;
            state.clear();
            None
        };
        // The lock goes first, or the woken task would run into it.
        drop(state);
        wake(waker);
    }

    fn poll_next(&self, context: &Context<'_>) -> Poll<Next> {
        let mut state = self.lock();
        if let Some(next) = state.take() {
            return Poll::Ready(next);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            empty => *empty = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under this lock, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> Option<Next> {
        if let Some(reason) = self.closing {
            return Some(Next::Close(reason));
        }
        let update = self.queue.pop_front()?;
        self.bytes -= update.weight();
        if self.queue.is_empty() && self.queue.capacity() > KEPT_ENTRIES {
            // A burst must not keep its room for the life of an idle socket.
            self.queue = VecDeque::new();
        }
        Some(Next::Update(update))
    }

    fn close(&mut self, reason: CloseReason) -> Option<Waker> {
        self.closing.get_or_insert(reason);
        self.clear();
        self.waker.take()
    }

    fn clear(&mut self) {
        self.queue = VecDeque::new();
        self.bytes = 0;
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::domain::ids::{AgentId, ChatId};
    use crate::live::update::Lossy;

    fn must(n: i64) -> Update {
        Update::Agent(AgentId(n))
    }

    fn may(text: &str) -> Update {
        Update::Lossy(Arc::new(Lossy::SneakPeek {
            chat: ChatId(1),
            text: text.into(),
        }))
    }

    fn next(outbox: &Outbox) -> Option<i64> {
        match outbox.try_next() {
            Some(Next::Update(Update::Agent(AgentId(n)))) => Some(n),
            Some(Next::Update(_)) => Some(0),
            Some(Next::Close(reason)) => Some(-i64::from(reason.code())),
            None => None,
        }
    }

    #[test]
    fn updates_come_out_in_the_order_they_went_in() {
        let outbox = Outbox::new();

        (1..=3).for_each(|n| outbox.push(must(n)));

        assert_eq!([1, 2, 3].map(Some), [0; 3].map(|_| next(&outbox)));
        assert_eq!(next(&outbox), None);
    }

    #[test]
    fn a_full_queue_drops_what_may_be_lost_and_ends_the_socket_for_what_may_not() {
        let outbox = Outbox::new();
        let entries = i64::try_from(MAX_ENTRIES).unwrap();
        (1..=entries).for_each(|n| outbox.push(must(n)));

        outbox.push(may("Hel"));
        assert!(!outbox.is_closing());
        assert_eq!(next(&outbox), Some(1), "nothing was pushed out");

        outbox.push(must(65));
        outbox.push(must(66));
        assert_eq!(next(&outbox), Some(-4008));
        outbox.push(must(67));
        outbox.close(CloseReason::CredentialsEnded);
        assert_eq!(next(&outbox), Some(-4008), "the first reason stays");
    }

    #[test]
    fn a_queue_is_full_at_256_kib_too() {
        let outbox = Outbox::new();
        let long = "x".repeat(100 * 1024);

        (0..3).for_each(|_| outbox.push(may(&long)));
        outbox.push(must(1));

        assert_eq!(
            [0; 4].map(|_| next(&outbox)),
            [Some(0), Some(0), Some(1), None]
        );
        (0..2).for_each(|_| outbox.push(may(&long)));
        assert_eq!(next(&outbox), Some(0), "what was taken out made room");
    }

    #[test]
    fn an_overflow_while_catching_up_means_reading_again() {
        let outbox = Outbox::new();
        let flood = |count: usize| (0..count).for_each(|_| outbox.push(must(7)));

        outbox.start_catch_up();
        flood(MAX_ENTRIES);
        assert!(outbox.finish_catch_up(), "a full queue is not yet too full");

        outbox.start_catch_up();
        flood(1);
        assert!(!outbox.is_closing());
        assert!(!outbox.finish_catch_up());
        outbox.push(must(8));
        assert!(outbox.finish_catch_up());
        assert_eq!([next(&outbox), next(&outbox)], [Some(8), None]);

        flood(MAX_ENTRIES + 1);
        assert_eq!(next(&outbox), Some(-4008), "live again");
    }

    #[test]
    fn a_waiting_socket_is_woken_once_for_each_time_it_waits() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let outbox = Outbox::new();
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let context = Context::from_waker(&waker);
        let woken = || count.0.load(Ordering::Relaxed);

        assert!(outbox.poll_next(&context).is_pending());
        outbox.push(must(1));
        outbox.push(must(2));
        assert_eq!(woken(), 1);
        assert!(outbox.poll_next(&context).is_ready());
        assert!(outbox.poll_next(&context).is_ready());
        assert!(outbox.poll_next(&context).is_pending());
        outbox.close(CloseReason::CredentialsEnded);
        assert_eq!(woken(), 2);
        assert_eq!(next(&outbox), Some(-4001));
    }
}
