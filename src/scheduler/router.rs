//! The router: gives waiting chats to agents as soon as a hint says that it may be possible, on a thread of its own.
//!
//! Hints may be lost and hours pass without one, so the task `route_chats` does the same every few seconds.

use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread::JoinHandle;

use crate::clock::Clock;
use crate::db::{self, Db, Lane};
use crate::domain::Hint;
use crate::store::routing;

/// Steps of one wake; the scheduler goes on where this ends.
const STEPS: usize = 10_000;

enum Signal {
    Look,
    Stop,
}

/// The router's thread; dropping it ends the thread and waits for it.
pub struct Router {
    signal: SyncSender<Signal>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes a router; cheap to clone, and harmless after the router's end.
#[derive(Clone)]
pub struct Waker(SyncSender<Signal>);

impl Router {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system says when it has no thread to give.
    pub fn start(db: &Db, clock: &Clock) -> std::io::Result<Self> {
        // One signal is enough: whoever looks later sees all that was committed before.
        let (signal, signals) = mpsc::sync_channel(1);
        let (db, clock) = (db.clone(), clock.clone());
        let thread = std::thread::Builder::new()
            .name("parlor-router".into())
            .spawn(move || {
                while let Ok(Signal::Look) = signals.recv() {
                    if let Err(error) = route(&db, &clock) {
                        tracing::warn!(%error, "chats wait a little longer for their agents");
                    }
                }
            })?;
        Ok(Self {
            signal,
            thread: Some(thread),
        })
    }

    /// What wakes it.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker(self.signal.clone())
    }
}

impl Waker {
    /// Wakes the router if one of these hints may let it serve somebody.
    pub fn hear(&self, hints: &[Hint]) {
        let is_wanted = |hint: &Hint| matches!(hint, Hint::QueueMoved { .. });
        if hints.iter().any(is_wanted) {
            match self.0.try_send(Signal::Look) {
                // It will look anyway, or never again.
                Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            }
        }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        // A thread that is gone needs no signal.
        drop(self.signal.send(Signal::Stop));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the router panicked");
        }
    }
}

/// Takes steps until there is nothing to do. Most looks end with the first read.
fn route(db: &Db, clock: &Clock) -> db::Result<()> {
    for _ in 0..STEPS {
        if !db.read_blocking(routing::has_work)? {
            return Ok(());
        }
        let now = clock.now();
        if !db.write_blocking(Lane::Chat, move |tx| routing::step(tx, now))? {
            return Ok(());
        }
    }
    Ok(())
}
