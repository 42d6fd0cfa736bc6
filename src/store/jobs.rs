//! Periodic tasks as stored: when each is due and how its last run went, so that a restart forgets nothing.

use crate::db::{Result, Tx};

/// A periodic task as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The task's name.
    pub name: String,
    /// When it is due, in Unix milliseconds.
    pub due_at: i64,
    /// When it last ran to its end, well or not.
    pub last_run_at: Option<i64>,
    /// What went wrong then; `None` where it went well.
    pub last_error: Option<String>,
}

/// Makes a task known, due at `due_at`; one that is known keeps its time.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn ensure(tx: &mut dyn Tx, name: &str, due_at: i64) -> Result<()> {
    tx.exec(
        "insert into jobs (name, due_at) values (?1, ?2) on conflict (name) do nothing",
        &[name.into(), due_at.into()],
    )?;
    Ok(())
}

/// All tasks, the one that is due first in front. There are a dozen.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Job>> {
    tx.all(
        "select name, due_at, last_run_at, last_error from jobs order by due_at, name",
        &[],
        |row| {
            Ok(Job {
                name: row.text(0)?,
                due_at: row.i64(1)?,
                last_run_at: row.opt_i64(2)?,
                last_error: row.opt_text(3)?,
            })
        },
    )
}

/// Notes how a run went and when the next one is due.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn ran(tx: &mut dyn Tx, name: &str, now: i64, due_at: i64, error: Option<&str>) -> Result<()> {
    tx.exec(
        "update jobs set due_at = ?2, last_run_at = ?3, last_error = ?4 where name = ?1",
        &[
            name.into(),
            due_at.into(),
            now.into(),
            error.map_or(crate::db::Value::Null, Into::into),
        ],
    )?;
    Ok(())
}
