//! Secrets of the instance, made once and shared by all nodes.

use crate::db::{Error, Result, Tx};

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// The secret of this name; `candidate`, fresh random bytes, becomes it if there is none yet.
///
/// # Errors
/// [`Error::Db`] for a stored secret of another length, or any other [`Error`].
pub fn get_or_make(
    tx: &mut dyn Tx,
    name: &str,
    candidate: &[u8; SECRET_BYTES],
    now: i64,
) -> Result<[u8; SECRET_BYTES]> {
    tx.exec(
        "insert into secrets (name, value, created_at) values (?1, ?2, ?3) \
         on conflict (name) do nothing",
        &[name.into(), candidate.into(), now.into()],
    )?;
    tx.one(
        "select value from secrets where name = ?1",
        &[name.into()],
        |row| {
            row.blob(0)?
                .try_into()
                .map_err(|_| Error::Db(format!("the secret {name} has another length")))
        },
    )
}
