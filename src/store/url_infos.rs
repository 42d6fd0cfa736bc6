//! What is behind addresses that people wrote, for a day: so that one page is fetched once, however often it is named.

use crate::db::{Result, Tx};

/// How long an answer is good.
const FRESH_MS: i64 = 24 * 60 * 60 * 1000;
/// How long it is good that there was nothing.
const EMPTY_FRESH_MS: i64 = 10 * 60 * 1000;
/// Most answers that are kept.
const MAX_KEPT: i64 = 10_000;
/// What is stored where there was nothing.
const EMPTY: &str = "{}";

/// The JSON kept for an address (`{}` where nothing was found), while it is fresh.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn fresh(tx: &mut dyn Tx, url: &str, now: i64) -> Result<Option<String>> {
    let kept = tx.opt(
        "select info, fetched_at from url_infos where url = ?1 and fetched_at > ?2",
        &[url.into(), (now - FRESH_MS).into()],
        |row| Ok((row.text(0)?, row.i64(1)?)),
    )?;
    Ok(kept
        .filter(|(info, at)| info.as_str() != EMPTY || now - at < EMPTY_FRESH_MS)
        .map(|(info, _)| info))
}

/// Keeps the JSON of an address.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn keep(tx: &mut dyn Tx, url: &str, info: &str, now: i64) -> Result<()> {
    tx.exec(
        "insert into url_infos (url, info, fetched_at) values (?1, ?2, ?3) \
         on conflict (url) do update set info = excluded.info, fetched_at = excluded.fetched_at",
        &[url.into(), info.into(), now.into()],
    )?;
    Ok(())
}

/// Deletes at most `limit` answers that are old, or too many, and tells how many.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn prune(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<u64> {
    let kept = tx.opt(
        "select fetched_at from url_infos order by fetched_at desc limit 1 offset ?1",
        &[MAX_KEPT.into()],
        |row| row.i64(0),
    )?;
    let before = kept.unwrap_or(0).max(now - FRESH_MS);
    tx.exec(
        "delete from url_infos \
         where url in (\
           select url from url_infos where fetched_at <= ?1 order by fetched_at limit ?2)",
        &[before.into(), limit.into()],
    )
}
