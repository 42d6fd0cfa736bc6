//! Settings of the whole instance, each a JSON value under a name; a site's own stand in its row.

use crate::db::{Result, Tx};

/// The setting as JSON text, or `None` where it was never set.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn get(tx: &mut dyn Tx, name: &str) -> Result<Option<String>> {
    let found = tx.opt(
        "select value from settings where name = ?1",
        &[name.into()],
        |row| row.opt_text(0),
    )?;
    Ok(found.flatten())
}

/// Sets it; `json` is one JSON value as text.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn set(tx: &mut dyn Tx, name: &str, json: &str, now: i64) -> Result<()> {
    tx.exec(
        "insert into settings (name, value, updated_at) values (?1, ?2, ?3) \
         on conflict (name) do update set value = excluded.value, updated_at = excluded.updated_at",
        &[name.into(), json.into(), now.into()],
    )?;
    Ok(())
}
