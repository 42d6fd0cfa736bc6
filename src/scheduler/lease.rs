//! Holding the scheduler's lease: taken, renewed, and given up in time by our own monotonic clock.

use std::time::{Duration, Instant};

use crate::db::{self, Db, Dialect, Lane};
use crate::store::leases::{self, Held};

const NAME: &str = "scheduler";

/// How long a lease is held and how it is kept.
struct Times {
    /// How long a dead leader is waited for.
    ttl: Duration,
    /// Renewed when this much of it is gone.
    renew_after: Duration,
    /// Clocks run at slightly different speeds, and a transaction takes its time.
    margin: Duration,
}

const SHARED: Times = Times {
    ttl: Duration::from_secs(30),
    renew_after: Duration::from_secs(10),
    margin: Duration::from_secs(5),
};

/// Nobody else can open the SQLite file, so the lease is only written seldom, and never waited for.
const ALONE: Times = Times {
    ttl: Duration::from_secs(2 * 3600),
    renew_after: Duration::from_secs(3600),
    margin: Duration::from_secs(60),
};

pub(super) struct Leader {
    db: Db,
    holder: String,
    times: &'static Times,
    held: Option<(Held, Instant)>,
}

impl Leader {
    pub(super) fn new(db: Db) -> Self {
        Self {
            times: match db.dialect() {
                Dialect::Sqlite => &ALONE,
                Dialect::Postgres => &SHARED,
            },
            db,
            holder: random_holder(),
            held: None,
        }
    }

    /// The lease, taken or renewed where needed; `None` where another process holds it.
    pub(super) fn hold(&mut self) -> db::Result<Option<Held>> {
        if let Some((held, since)) = &self.held {
            if since.elapsed() < self.times.renew_after {
                return Ok(Some(held.clone()));
            }
            let (held, start) = (held.clone(), Instant::now());
            // Given back below where it was renewed: an error must not leave us believing that we lead.
            self.held = None;
            let (again, ttl) = (held.clone(), ttl_ms(self.times.ttl));
            let is_renewed = self
                .db
                .write_blocking(Lane::Tracking, move |tx| leases::renew(tx, &again, ttl))?;
            if is_renewed {
                self.held = Some((held.clone(), start));
                return Ok(Some(held));
            }
        }
        let (holder, start) = (self.holder.clone(), Instant::now());
        let ttl = ttl_ms(self.times.ttl);
        let taken = self.db.write_blocking(Lane::Tracking, move |tx| {
            if tx.dialect() == Dialect::Sqlite {
                // Its holder was a process that had the file before us, so it is dead.
                leases::free(tx, NAME)?;
            }
            leases::take(tx, NAME, &holder, ttl)
        })?;
        self.held = taken.map(|held| (held, start));
        Ok(self.held.as_ref().map(|(held, _)| held.clone()))
    }

    /// Whether there is time to begin another task under the lease.
    pub(super) fn is_safe(&self) -> bool {
        self.held
            .as_ref()
            .is_some_and(|(_, since)| since.elapsed() < self.times.ttl - self.times.margin)
    }

    /// Gives the lease up at the end, so that another node need not wait for it.
    pub(super) fn release(&mut self) {
        let Some((held, _)) = self.held.take() else {
            return;
        };
        let released = self
            .db
            .write_blocking(Lane::Tracking, move |tx| leases::release(tx, &held));
        if let Err(error) = released {
            tracing::debug!(%error, "the lease runs out by itself");
        }
    }
}

/// Milliseconds for the database.
pub(super) fn ttl_ms(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX)
}

/// What this process calls itself in leases.
pub(super) fn random_holder() -> String {
    crate::token::Token::random().as_str().to_owned()
}
