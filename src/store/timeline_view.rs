//! A visitor's timeline, page by page backwards: activities by id, which is the order they arrived in.

use crate::db::{Result, Row, Tx};
use crate::domain::ids::{ActivityId, ChatId, SessionId, ThreadId, VisitorId};

/// One activity of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The activity.
    pub activity: ActivityId,
    /// The row it was recorded under.
    pub visitor: VisitorId,
    /// The session it belongs to.
    pub session: SessionId,
    /// `page_view`, `custom`, `product`, `session_started` or `session_ended`.
    pub kind: String,
    /// The name of a custom event.
    pub name: String,
    /// Address of the page.
    pub url: String,
    /// Title of the page.
    pub title: String,
    /// Properties of an event, as JSON.
    pub properties: Option<String>,
    /// Unix milliseconds.
    pub occurred_at: i64,
}

/// One thread of a chat, for the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadEntry {
    /// The thread.
    pub thread: ThreadId,
    /// Its chat.
    pub chat: ChatId,
    /// Whether it is open.
    pub is_active: bool,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds, once closed.
    pub closed_at: Option<i64>,
    /// Who owned it.
    pub agent_name: Option<String>,
}

/// At most `limit` activities of these rows with an id below `before`, the newest first.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn activities(
    tx: &mut dyn Tx,
    rows: &[VisitorId],
    before: ActivityId,
    limit: i64,
) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    // One range of the primary key a row, merged here: ids are sorted by time across visitors.
    for row in rows {
        found.extend(tx.all(
            "select id, visitor_id, session_id, kind, name, url, title, properties, occurred_at
             from activities
             where visitor_id = ?1
               and id < ?2
             order by id desc
             limit ?3",
            &[(*row).into(), before.into(), limit.into()],
            read_entry,
        )?);
    }
    found.sort_by_key(|entry| std::cmp::Reverse(entry.activity));
    found.truncate(usize::try_from(limit).unwrap_or(0));
    Ok(found)
}

/// When an activity of these rows happened, in Unix milliseconds.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn occurred_at(
    tx: &mut dyn Tx,
    rows: &[VisitorId],
    activity: ActivityId,
) -> Result<Option<i64>> {
    for row in rows {
        let found = tx.opt(
            "select occurred_at
             from activities
             where visitor_id = ?1
               and id = ?2",
            &[(*row).into(), activity.into()],
            |row| row.i64(0),
        )?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// When the page after `activity` of the same session was opened, in Unix milliseconds: what ends the time on it.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn next_page_at(tx: &mut dyn Tx, entry: &Entry) -> Result<Option<i64>> {
    let next = tx.opt(
        "select session_id, occurred_at
         from activities
         where visitor_id = ?1
           and id > ?2
           and kind = 'page_view'
         order by id
         limit 1",
        &[entry.visitor.into(), entry.activity.into()],
        |row| Ok((SessionId(row.i64(0)?), row.i64(1)?)),
    )?;
    Ok(next.and_then(|(session, at)| (session == entry.session).then_some(at)))
}

/// The threads of these chats that were opened from `from` to before `until` (Unix milliseconds), the newest first.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn threads(
    tx: &mut dyn Tx,
    chats: &[ChatId],
    from: i64,
    until: i64,
    limit: i64,
) -> Result<Vec<ThreadEntry>> {
    let mut found = Vec::new();
    for chat in chats {
        found.extend(tx.all(
            "select t.id, t.chat_id, t.is_active, t.created_at, t.closed_at, a.name
             from threads t
             left join agents a on a.id = t.agent_id
             where t.chat_id = ?1
               and t.created_at >= ?2
               and t.created_at < ?3
             order by t.created_at desc, t.id desc
             limit ?4",
            &[(*chat).into(), from.into(), until.into(), limit.into()],
            read_thread,
        )?);
    }
    found.sort_by_key(|entry| std::cmp::Reverse((entry.created_at, entry.thread)));
    Ok(found)
}

fn read_entry(row: &dyn Row) -> Result<Entry> {
    Ok(Entry {
        activity: ActivityId(row.i64(0)?),
        visitor: VisitorId(row.i64(1)?),
        session: SessionId(row.i64(2)?),
        kind: row.text(3)?,
        name: row.text(4)?,
        url: row.text(5)?,
        title: row.text(6)?,
        properties: row.opt_text(7)?,
        occurred_at: row.i64(8)?,
    })
}

fn read_thread(row: &dyn Row) -> Result<ThreadEntry> {
    Ok(ThreadEntry {
        thread: ThreadId(row.i64(0)?),
        chat: ChatId(row.i64(1)?),
        is_active: row.bool(2)?,
        created_at: row.i64(3)?,
        closed_at: row.opt_i64(4)?,
        agent_name: row.opt_text(5)?,
    })
}
