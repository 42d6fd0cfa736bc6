//! The agents' stream of a site: which chats changed, and up to which `seq`. Numbered without gaps, like a chat.

use crate::db::{Result, Row, Tx};
use crate::domain::Hint;
use crate::domain::ids::{ChatId, SiteId};
use crate::domain::permission::{Action, Permit};
use crate::store::lists::listed;

/// Most rows that one read returns.
pub const MAX_PAGE: i64 = 200;

/// One change in a site's inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxChange {
    /// Its place in the inbox.
    pub inbox_seq: i64,
    /// The chat that changed. It may be gone since: then it was deleted.
    pub chat: ChatId,
    /// The first `seq` that the change wrote.
    pub first_seq: i64,
    /// The last one: the highest `seq` of the chat then.
    pub chat_seq: i64,
    /// Unix ms.
    pub created_at: i64,
}

/// What a reader of the inbox missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxPage {
    /// The changes after the reader's place, in order and without gaps.
    pub changes: Vec<InboxChange>,
    /// The highest number there is.
    pub head: i64,
    /// The reader's place is ahead of the head, or so far behind that rows are gone: load the lists afresh from `head`.
    pub is_lost: bool,
}

/// The changes after `after_seq`, at most `limit` and [`MAX_PAGE`].
///
/// # Errors
/// [`crate::domain::Refusal::NotAllowed`] unless the permit is for [`Action::ReadInbox`], or any other
/// [`crate::db::Error`].
pub fn after(tx: &mut dyn Tx, permit: &Permit, after_seq: i64, limit: i64) -> Result<InboxPage> {
    let head = head(tx, permit)?;
    let site = permit.site(&[Action::ReadInbox])?;
    let changes = tx.all(
        "select inbox_seq, chat_id, chat_seq, created_at, first_seq from inbox
         where site_id = ?1 and inbox_seq > ?2
         order by inbox_seq limit ?3",
        &[
            site.into(),
            after_seq.into(),
            limit.clamp(0, MAX_PAGE).into(),
        ],
        read_row,
    )?;
    let first = changes.first().map(|change| change.inbox_seq);
    let is_lost = after_seq > head
        || first.is_some_and(|first| first != after_seq + 1)
        || (first.is_none() && limit > 0 && after_seq < head);
    Ok(InboxPage {
        changes: if is_lost { Vec::new() } else { changes },
        head,
        is_lost,
    })
}

/// The highest number of the inbox; 0 where nothing happened yet.
///
/// # Errors
/// As [`after`].
pub fn head(tx: &mut dyn Tx, permit: &Permit) -> Result<i64> {
    let site = permit.site(&[Action::ReadInbox])?;
    let head = tx.opt(
        "select last_seq from inbox_heads where site_id = ?1",
        &[site.into()],
        |row| row.i64(0),
    )?;
    Ok(head.unwrap_or(0))
}

/// How far the inboxes of these sites are, as the hints that their last changes left.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn heads(tx: &mut dyn Tx, sites: &[SiteId]) -> Result<Vec<Hint>> {
    let ids: Vec<i64> = sites.iter().map(|site| site.0).collect();
    let sql = "select site_id, last_seq from inbox_heads where site_id in";
    listed(tx, sql, &ids, |row| {
        Ok(Hint::InboxAdvanced {
            site: SiteId(row.i64(0)?),
            seq: row.i64(1)?,
        })
    })
}

/// Deletes at most `limit` rows that were written before `before`, Unix ms, and returns how many. Who is still behind them
/// loads afresh.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn prune(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "delete from inbox where (site_id, inbox_seq) in
           (select site_id, inbox_seq from inbox where created_at < ?1
            order by created_at limit ?2{skip})"
    );
    tx.exec(&sql, &[before.into(), limit.into()])
}

/// Tells the agents of a site that a chat changed. The site's lock is taken here, so nothing comes after but the commit.
pub(super) fn record(
    tx: &mut dyn Tx,
    site: SiteId,
    chat: ChatId,
    (first_seq, chat_seq): (i64, i64),
    now: i64,
) -> Result<()> {
    let seq = tx.int(
        "insert into inbox_heads (site_id, last_seq) values (?1, 1)
         on conflict (site_id) do update set last_seq = inbox_heads.last_seq + 1
         returning last_seq",
        &[site.into()],
    )?;
    tx.exec(
        "insert into inbox (site_id, inbox_seq, chat_id, chat_seq, created_at, first_seq)
         values (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            site.into(),
            seq.into(),
            chat.into(),
            chat_seq.into(),
            now.into(),
            first_seq.into(),
        ],
    )?;
    tx.emit(Hint::InboxAdvanced { site, seq })
}

fn read_row(row: &dyn Row) -> Result<InboxChange> {
    Ok(InboxChange {
        inbox_seq: row.i64(0)?,
        chat: ChatId(row.i64(1)?),
        chat_seq: row.i64(2)?,
        created_at: row.i64(3)?,
        // Rows from before this column name their last event alone.
        first_seq: match row.i64(4)? {
            0 => row.i64(2)?,
            seq => seq,
        },
    })
}
