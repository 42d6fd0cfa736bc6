//! Canned replies of a site: few, each under a short word of its own.

use crate::db::{Result, Row, Tx};
use crate::domain::Refusal;
use crate::domain::canned_reply::{CannedReply, CannedText};
use crate::domain::ids::{CannedReplyId, SiteId};
use crate::domain::permission::{Action, Permit};

/// Most canned replies of a site: the composer loads them all.
pub const MAX_REPLIES: i64 = 500;

const COLUMNS: &str = "id, shortcut, text, created_at, updated_at";

/// All canned replies of the site of the permit, by shortcut; at most [`MAX_REPLIES`].
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadCannedReplies`], or any other [`crate::db::Error`].
pub fn list(tx: &mut dyn Tx, permit: &Permit) -> Result<Vec<CannedReply>> {
    let site = permit.site(&[Action::ReadCannedReplies])?;
    let sql = format!(
        "select {COLUMNS} from canned_replies where site_id = ?1 order by shortcut limit ?2"
    );
    tx.all(&sql, &[site.into(), MAX_REPLIES.into()], read_row)
}

/// One canned reply of the site of the permit.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadCannedReplies`] or
/// [`Action::ConfigureChat`]; or any other [`crate::db::Error`].
pub fn get(tx: &mut dyn Tx, permit: &Permit, id: CannedReplyId) -> Result<CannedReply> {
    let site = permit.site(&[Action::ReadCannedReplies, Action::ConfigureChat])?;
    let sql = format!("select {COLUMNS} from canned_replies where id = ?1 and site_id = ?2");
    let found = tx.opt(&sql, &[id.into(), site.into()], read_row)?;
    Ok(found.ok_or(Refusal::NotFound("canned reply"))?)
}

/// Makes a canned reply.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`]; [`Refusal::Validation`] of a shortcut that
/// another one has; [`Refusal::LimitReached`] above [`MAX_REPLIES`]; or any other [`crate::db::Error`].
pub fn create(
    tx: &mut dyn Tx,
    permit: &Permit,
    new: &CannedText,
    now: i64,
) -> Result<CannedReplyId> {
    let site = permit.site(&[Action::ConfigureChat])?;
    lock(tx, site)?;
    let count = tx.int(
        "select count(*) from canned_replies where site_id = ?1",
        &[site.into()],
    )?;
    if count >= MAX_REPLIES {
        return Err(Refusal::LimitReached("canned replies of a site").into());
    }
    refuse_taken(tx, site, new, CannedReplyId(0))?;
    let id = CannedReplyId(tx.new_id(now));
    tx.exec(
        "insert into canned_replies (id, site_id, shortcut, text, created_at, updated_at)
         values (?1, ?2, ?3, ?4, ?5, ?5)",
        &[
            id.into(),
            site.into(),
            new.shortcut().into(),
            new.text().into(),
            now.into(),
        ],
    )?;
    Ok(id)
}

/// Changes a canned reply.
///
/// # Errors
/// [`Refusal::NotFound`]; what [`create`] refuses; or any other [`crate::db::Error`].
pub fn update(
    tx: &mut dyn Tx,
    permit: &Permit,
    id: CannedReplyId,
    new: &CannedText,
    now: i64,
) -> Result<()> {
    let site = permit.site(&[Action::ConfigureChat])?;
    lock(tx, site)?;
    refuse_taken(tx, site, new, id)?;
    let changed = tx.exec(
        "update canned_replies
         set shortcut = ?3, text = ?4, updated_at = ?5
         where id = ?1 and site_id = ?2",
        &[
            id.into(),
            site.into(),
            new.shortcut().into(),
            new.text().into(),
            now.into(),
        ],
    )?;
    found(changed)
}

/// Deletes a canned reply.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`]; or any other
/// [`crate::db::Error`].
pub fn delete(tx: &mut dyn Tx, permit: &Permit, id: CannedReplyId) -> Result<()> {
    let site = permit.site(&[Action::ConfigureChat])?;
    let deleted = tx.exec(
        "delete from canned_replies where id = ?1 and site_id = ?2",
        &[id.into(), site.into()],
    )?;
    found(deleted)
}

/// The site's row orders those who change its replies at once.
fn lock(tx: &mut dyn Tx, site: SiteId) -> Result<()> {
    let lock = tx.dialect().for_update();
    let sql = format!("select id from sites where id = ?1{lock}");
    tx.int(&sql, &[site.into()])?;
    Ok(())
}

fn refuse_taken(
    tx: &mut dyn Tx,
    site: SiteId,
    new: &CannedText,
    except: CannedReplyId,
) -> Result<()> {
    let taken = tx.opt(
        "select 1 from canned_replies where site_id = ?1 and shortcut = ?2 and id <> ?3",
        &[site.into(), new.shortcut().into(), except.into()],
        |_| Ok(()),
    )?;
    match taken {
        None => Ok(()),
        Some(()) => Err(Refusal::invalid("shortcut", "another reply has this shortcut").into()),
    }
}

fn found(rows: u64) -> Result<()> {
    if rows == 0 {
        return Err(Refusal::NotFound("canned reply").into());
    }
    Ok(())
}

fn read_row(row: &dyn Row) -> Result<CannedReply> {
    Ok(CannedReply {
        id: CannedReplyId(row.i64(0)?),
        shortcut: row.text(1)?,
        text: row.text(2)?,
        created_at: row.i64(3)?,
        updated_at: row.i64(4)?,
    })
}
