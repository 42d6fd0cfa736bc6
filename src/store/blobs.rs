//! Which contents are kept, each once by its hash; and the strays: contents to be removed from where they lie.
//!
//! A name is a stray before its content is written, and is so no more once a row names it. So neither a crash nor a
//! refused upload leaves anything behind that nobody removes.

use crate::blobs::{Blob, BlobHash, BlobName};
use crate::db::{Error, Result, Tx};

/// How long the writing of a content may take at most; what was announced longer ago is removed.
const WRITTEN_WITHIN_MS: i64 = 60 * 60 * 1000;

/// Announces contents that are about to be written; commit this first.
///
/// # Errors
/// Any [`Error`].
pub fn announce(tx: &mut dyn Tx, names: &[BlobName], now: i64) -> Result<()> {
    for name in names {
        tx.exec(
            "insert into stray_blobs (name, remove_at) values (?1, ?2)",
            &[name.as_str().into(), (now + WRITTEN_WITHIN_MS).into()],
        )?;
    }
    Ok(())
}

/// Keeps a content that was written. Where the same content is there already, that one is kept, and this goes.
///
/// # Errors
/// [`Error::Unavailable`] if writing took so long that it may be gone, [`Error::Retry`], or any other [`Error`].
pub(super) fn keep(tx: &mut dyn Tx, blob: &Blob, now: i64) -> Result<()> {
    let size = i64::try_from(blob.size).unwrap_or(i64::MAX);
    let kept = tx.exec(
        "insert into blobs (hash, name, size, created_at) values (?1, ?2, ?3, ?4) \
         on conflict (hash) do nothing",
        &[
            (&blob.hash).into(),
            blob.name.as_str().into(),
            size.into(),
            now.into(),
        ],
    )?;
    if kept == 1 {
        let announced = tx.exec(
            "delete from stray_blobs where name = ?1",
            &[blob.name.as_str().into()],
        )?;
        return match announced {
            1 => Ok(()),
            _ => Err(Error::Unavailable("the upload took too long".into())),
        };
    }
    let lock = tx.dialect().for_share();
    let found = tx.opt(
        &format!("select size from blobs where hash = ?1{lock}"),
        &[(&blob.hash).into()],
        |row| row.i64(0),
    )?;
    if found.is_none() {
        return Err(Error::Retry("the same content was just removed".into()));
    }
    tx.exec(
        "update stray_blobs set remove_at = ?2 where name = ?1",
        &[blob.name.as_str().into(), now.into()],
    )?;
    Ok(())
}

/// What a content is kept under.
///
/// # Errors
/// [`Error::NotFound`], or any other [`Error`].
pub(super) fn name(tx: &mut dyn Tx, hash: &[u8]) -> Result<BlobName> {
    tx.one(
        "select name from blobs where hash = ?1",
        &[hash.into()],
        |row| to_name(&row.text(0)?),
    )
}

/// Makes a content a stray if no file names it any more.
///
/// # Errors
/// Any [`Error`].
pub(super) fn release(tx: &mut dyn Tx, hash: &BlobHash, now: i64) -> Result<()> {
    let lock = tx.dialect().for_update();
    let name = tx.opt(
        &format!("select name from blobs where hash = ?1{lock}"),
        &[hash.into()],
        |row| row.text(0),
    )?;
    let Some(name) = name else {
        return Ok(());
    };
    let users = tx.opt(
        "select id from files \
         where blob_hash = ?1 or thumbnail_hash = ?1 or thumbnail2x_hash = ?1 \
         limit 1",
        &[hash.into()],
        |row| row.i64(0),
    )?;
    if users.is_none() {
        tx.exec("delete from blobs where hash = ?1", &[hash.into()])?;
        tx.exec(
            "insert into stray_blobs (name, remove_at) values (?1, ?2)",
            &[(&name).into(), now.into()],
        )?;
    }
    Ok(())
}

/// At most `limit` strays that are due, the oldest first.
///
/// # Errors
/// Any [`Error`].
pub fn strays(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<Vec<BlobName>> {
    tx.all(
        "select name from stray_blobs where remove_at <= ?1 order by remove_at limit ?2",
        &[now.into(), limit.into()],
        |row| to_name(&row.text(0)?),
    )
}

/// Forgets strays that were removed.
///
/// # Errors
/// Any [`Error`].
pub fn forget_strays(tx: &mut dyn Tx, names: &[BlobName]) -> Result<()> {
    for name in names {
        tx.exec(
            "delete from stray_blobs where name = ?1",
            &[name.as_str().into()],
        )?;
    }
    Ok(())
}

fn to_name(text: &str) -> Result<BlobName> {
    BlobName::parse(text).ok_or_else(|| Error::Db("the name of a blob does not read".into()))
}
