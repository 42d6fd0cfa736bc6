//! The table of periodic tasks. A step does a bounded piece of work in one transaction and says whether there is more.

use crate::db::{Dialect, Result, Tx, upkeep};
use crate::store::{
    chats, endings, files, inbox, logins, nodes, one_time_tokens, retention, routing, sessions,
    url_infos, visitor_tokens,
};

const SECOND_MS: i64 = 1_000;
const HOUR_MS: i64 = 3_600 * SECOND_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Rows that one step deletes at most, so that it never holds the writer for long.
const ROWS_PER_STEP: i64 = 500;
/// Sessions of one site that one step ends at most; each costs three statements.
const SESSIONS_PER_STEP: i64 = 200;
/// Logins that ended are listed for this long, for their owner to see.
const ENDED_LOGINS_KEPT_MS: i64 = 30 * DAY_MS;

/// An agent's page that was asleep for longer loads afresh.
const INBOX_KEPT_MS: i64 = 7 * DAY_MS;

/// Every node reads them each second; this leaves room for clocks that differ.
const ENDINGS_KEPT_MS: i64 = HOUR_MS;

/// A periodic task.
pub struct Task {
    /// Its name in the database and the log.
    pub name: &'static str,
    /// Milliseconds from one run to the next.
    pub every_ms: i64,
    /// The engine it is for; `None` for both.
    pub engine: Option<Dialect>,
    /// One piece of its work at a time in Unix milliseconds; true when there is more to do.
    pub step: fn(&mut dyn Tx, i64) -> Result<bool>,
}

/// All tasks of a Parlor.
pub const TASKS: &[Task] = &[
    Task {
        name: "forget_dead_nodes",
        every_ms: 5 * SECOND_MS,
        engine: Some(Dialect::Postgres),
        step: |tx, _| nodes::forget_dead(tx).map(|_| false),
    },
    Task {
        name: "route_chats",
        every_ms: 5 * SECOND_MS,
        engine: None,
        step: |tx, now| {
            routing::note_gone(tx, now)?;
            routing::step(tx, now)
        },
    },
    Task {
        name: "close_silent_threads",
        every_ms: 30 * SECOND_MS,
        engine: None,
        step: chats::close_silent,
    },
    Task {
        name: "end_idle_sessions",
        every_ms: 30 * SECOND_MS,
        engine: None,
        step: |tx, now| sessions::end_idle_everywhere(tx, now, SESSIONS_PER_STEP),
    },
    Task {
        name: "delete_unseen_visitors",
        every_ms: HOUR_MS,
        engine: None,
        step: retention::delete_unseen_everywhere,
    },
    Task {
        name: "delete_expired_visitor_tokens",
        every_ms: HOUR_MS,
        engine: None,
        step: |tx, now| {
            is_full(visitor_tokens::delete_expired(
                tx,
                now - DAY_MS,
                ROWS_PER_STEP,
            )?)
        },
    },
    Task {
        name: "delete_unused_files",
        every_ms: HOUR_MS,
        engine: None,
        step: |tx, now| is_full(files::delete_unused(tx, now, ROWS_PER_STEP)?),
    },
    Task {
        name: "prune_url_infos",
        every_ms: HOUR_MS,
        engine: None,
        step: |tx, now| is_full(url_infos::prune(tx, now, ROWS_PER_STEP)?),
    },
    Task {
        name: "prune_inbox",
        every_ms: HOUR_MS,
        engine: None,
        step: |tx, now| is_full(inbox::prune(tx, now - INBOX_KEPT_MS, ROWS_PER_STEP)?),
    },
    Task {
        name: "prune_endings",
        every_ms: 60 * SECOND_MS,
        engine: Some(Dialect::Postgres),
        step: |tx, now| is_full(endings::prune(tx, now - ENDINGS_KEPT_MS, ROWS_PER_STEP)?),
    },
    Task {
        name: "optimise",
        every_ms: DAY_MS,
        engine: Some(Dialect::Sqlite),
        step: |tx, _| upkeep::optimise(tx).map(|()| false),
    },
    Task {
        name: "delete_ended_logins",
        every_ms: HOUR_MS,
        engine: None,
        step: |tx, now| {
            is_full(logins::delete_ended(
                tx,
                now - ENDED_LOGINS_KEPT_MS,
                ROWS_PER_STEP,
            )?)
        },
    },
    Task {
        name: "delete_expired_one_time_tokens",
        every_ms: HOUR_MS,
        engine: None,
        step: |tx, now| is_full(one_time_tokens::delete_expired(tx, now, ROWS_PER_STEP)?),
    },
];

/// A step that did as much as it may has probably left something.
#[expect(clippy::unnecessary_wraps, reason = "ends a step, which is fallible")]
const fn is_full(rows: u64) -> Result<bool> {
    Ok(rows >= ROWS_PER_STEP.unsigned_abs())
}
