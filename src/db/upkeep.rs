//! What an engine knows of its own file: whether it is damaged, and what its planner should know. SQLite only: a
//! PostgreSQL server looks after itself.
//!
//! These statements are one engine's own, which they say to the test suite's watcher.

use super::error::Result;
use super::tx::{Dialect, Tx};
use super::value::Row;

/// What is wrong with the file, a line each; empty where nothing is. Reads the whole database.
///
/// # Errors
/// Any [`super::Error`].
pub fn faults(tx: &mut dyn Tx) -> Result<Vec<String>> {
    if tx.dialect() != Dialect::Sqlite {
        return Ok(Vec::new());
    }
    let said = tx.all("pragma integrity_check(20) /* on purpose */", &[], |row| {
        row.text(0)
    })?;
    let mut faults: Vec<String> = said.into_iter().filter(|line| line != "ok").collect();
    let astray = tx.all("pragma foreign_key_check /* on purpose */", &[], |row| {
        row.text(0)
    })?;
    if let Some(table) = astray.first() {
        faults.push(format!(
            "{} rows point at nothing, the first in {table}",
            astray.len()
        ));
    }
    Ok(faults)
}

/// Refreshes what SQLite knows of its tables from a sample of each index, so that it keeps choosing the right one.
///
/// # Errors
/// Any [`super::Error`].
pub fn optimise(tx: &mut dyn Tx) -> Result<()> {
    if tx.dialect() != Dialect::Sqlite {
        return Ok(());
    }
    let mut ignore = |_: &dyn Row| Ok(());
    tx.each(
        "pragma analysis_limit = 400 /* on purpose */",
        &[],
        &mut ignore,
    )?;
    tx.each("pragma optimize /* on purpose */", &[], &mut ignore)
}
