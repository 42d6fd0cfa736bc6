//! The clock: wall time in Unix milliseconds, read once a request and passed down; tests turn it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Where the time comes from; cheap to clone, all clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds a test has turned the clock by.
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Unix milliseconds now.
    #[must_use]
    pub fn now(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond() + self.offset_ms.load(Ordering::Relaxed)
    }

    /// Turns the clock by `ms`, forward or back; only tests and the embedding interface do.
    pub fn turn(&self, ms: i64) {
        self.offset_ms.fetch_add(ms, Ordering::Relaxed);
    }
}
