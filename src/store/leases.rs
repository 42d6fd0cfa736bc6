//! Leases: who does periodic work, and which node has which number. Their times are the database's clock.
//!
//! A deposed holder does not know it. So it acts only until its own monotonic clock says so, and checks its fence as the
//! first statement of every transaction.

use crate::db::{Error, Result, Tx};

/// A lease as its holder has to name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The lease's name.
    pub name: String,
    /// Who holds it: random text, one a process.
    pub holder: String,
    /// Grows whenever the lease changes hands.
    pub fence: i64,
}

/// Takes the lease if nobody holds it or the holder let it run out.
///
/// # Errors
/// Any [`Error`].
pub fn take(tx: &mut dyn Tx, name: &str, holder: &str, ttl_ms: i64) -> Result<Option<Held>> {
    let now = tx.dialect().now_ms();
    tx.exec(
        "insert into leases (name, holder, fence, expires_at) values (?1, '', 0, 0) \
         on conflict (name) do nothing",
        &[name.into()],
    )?;
    let fence = tx.opt(
        &format!(
            "update leases set holder = ?2, fence = fence + 1, expires_at = {now} + ?3 \
             where name = ?1 and expires_at < {now} returning fence"
        ),
        &[name.into(), holder.into(), ttl_ms.into()],
        |row| row.i64(0),
    )?;
    Ok(fence.map(|fence| Held {
        name: name.to_owned(),
        holder: holder.to_owned(),
        fence,
    }))
}

/// Prolongs the lease; false when it has been lost.
///
/// # Errors
/// Any [`Error`].
pub fn renew(tx: &mut dyn Tx, held: &Held, ttl_ms: i64) -> Result<bool> {
    let now = tx.dialect().now_ms();
    let renewed = tx.exec(
        &format!(
            "update leases set expires_at = {now} + ?4 where name = ?1 and holder = ?2 and fence = ?3"
        ),
        &[
            (&held.name).into(),
            (&held.holder).into(),
            held.fence.into(),
            ttl_ms.into(),
        ],
    )?;
    Ok(renewed == 1)
}

/// Makes the rest of the transaction conditional on the lease: the first statement of every piece of periodic work.
///
/// # Errors
/// [`Error::Unavailable`] when the lease has been lost, or any other [`Error`].
pub fn check(tx: &mut dyn Tx, held: &Held) -> Result<()> {
    let lock = tx.dialect().for_share();
    let found = tx.opt(
        &format!("select fence from leases where name = ?1 and holder = ?2 and fence = ?3{lock}"),
        &[
            (&held.name).into(),
            (&held.holder).into(),
            held.fence.into(),
        ],
        |row| row.i64(0),
    )?;
    found
        .map(drop)
        .ok_or_else(|| Error::Unavailable(format!("the lease {} was lost", held.name)))
}

/// Gives the lease up, so that the next holder need not wait; one that was lost already is no error.
///
/// # Errors
/// Any [`Error`].
pub fn release(tx: &mut dyn Tx, held: &Held) -> Result<()> {
    tx.exec(
        "update leases set expires_at = 0 where name = ?1 and holder = ?2 and fence = ?3",
        &[
            (&held.name).into(),
            (&held.holder).into(),
            held.fence.into(),
        ],
    )?;
    Ok(())
}

/// Frees a lease whose holder is known to be dead, whatever its time says.
///
/// # Errors
/// Any [`Error`].
pub fn free(tx: &mut dyn Tx, name: &str) -> Result<()> {
    tx.exec(
        "update leases set expires_at = 0 where name = ?1",
        &[name.into()],
    )?;
    Ok(())
}
