//! What the Chats page lists: mine, unassigned, all, closed, each by keyset, with capped counts.
//!
//! Every list stands on an index whose columns are the list's own filter and order, so a page costs the same at any size.

use crate::db::{Result, Row, Tx, Value};
use crate::domain::ids::{AgentId, ChatId, GroupId, SiteId, VisitorId};

/// Counts stop here: a list of a million closed chats is not counted to show a number nobody reads.
pub const COUNT_CAP: i64 = 1000;

/// Which chats of a site are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxList {
    /// Open chats of one agent.
    Mine(AgentId),
    /// Open chats of nobody.
    Unassigned,
    /// All open chats.
    All,
    /// Chats without an open thread.
    Closed,
}

/// The place in a list after which the next page begins: the last row's time and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Unix milliseconds of the row's last event, or of when a visitor was last seen.
    pub at: i64,
    /// The row's id, which decides between equal times.
    pub id: i64,
}

impl Cursor {
    /// Before the first row of every list that runs from the newest to the oldest.
    pub const START: Self = Self {
        at: i64::MAX,
        id: i64::MAX,
    };
}

/// One row of the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// The chat.
    pub chat: ChatId,
    /// The root of its visitor.
    pub visitor: VisitorId,
    /// The visitor's name, where one is known.
    pub name: Option<String>,
    /// The visitor's e-mail address, where one is known.
    pub email: Option<String>,
    /// Whether a thread is open.
    pub is_active: bool,
    /// Who owns the open thread, or owned the last one.
    pub agent: Option<AgentId>,
    /// The owner's name.
    pub agent_name: Option<String>,
    /// The last line, cut.
    pub last_text: String,
    /// `visitor`, `agent`, `system` or empty.
    pub last_author: String,
    /// Unix milliseconds of the last event.
    pub last_event_at: i64,
    /// Unix milliseconds of the first unanswered message.
    pub waiting_since: Option<i64>,
    /// Whether the visitor wrote something that no agent has seen.
    pub is_unread: bool,
    /// The highest `seq` of the chat.
    pub last_seq: i64,
    /// Since when the open thread waits in the queue, Unix milliseconds.
    pub queued_at: Option<i64>,
    /// The name of the group it was sent to; `None` for the default group.
    pub group_name: Option<String>,
}

/// How many chats each list holds; no number is above [`COUNT_CAP`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxCounts {
    /// Open chats of this agent.
    pub mine: i64,
    /// Open chats of nobody.
    pub unassigned: i64,
    /// All open chats.
    pub all: i64,
    /// Chats without an open thread.
    pub closed: i64,
}

const ROW: &str = "
    select c.id, coalesce(r.id, v.id), coalesce(r.name, v.name), coalesce(r.email, v.email),
           c.is_active, c.agent_id, a.name, c.last_text, c.last_author, c.last_event_at,
           c.waiting_since,
           cast(case when exists (
             select 1
             from events e
             where e.chat_id = c.id
               and e.seq > c.agent_seen_seq
               and e.author_kind = 'visitor'
               and e.kind in ('message', 'file', 'filled_form')
           ) then 1 else 0 end as bigint),
           c.last_seq, t.queued_at, g.name
    from chats c
    join visitors v on v.id = c.visitor_id
    left join visitors r on r.id = v.merged_into
    left join agents a on a.id = c.agent_id
    left join threads t on t.id = c.thread_id
    left join groups g on g.id = c.group_id and g.deleted_at is null";

/// At most `limit` rows of a list after `after`, the newest first.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn page(
    tx: &mut dyn Tx,
    site: SiteId,
    list: InboxList,
    after: Cursor,
    limit: i64,
) -> Result<Vec<InboxRow>> {
    let filter = match list {
        InboxList::Mine(_) => "c.is_active = 1 and c.agent_id = ?5",
        InboxList::Unassigned => "c.is_active = 1 and c.agent_id is null",
        InboxList::All => "c.is_active = 1",
        InboxList::Closed => "c.is_active = 0",
    };
    let sql = format!(
        "{ROW}
    where c.site_id = ?1
      and {filter}
      and (c.last_event_at, c.id) < (?2, ?3)
    order by c.last_event_at desc, c.id desc
    limit ?4"
    );
    let mut args: Vec<Value<'_>> =
        vec![site.into(), after.at.into(), after.id.into(), limit.into()];
    if let InboxList::Mine(agent) = list {
        args.push(agent.into());
    }
    tx.all(&sql, &args, read_row)
}

/// At most `limit` open chats of a group after `after`, the newest first; chats without a group are the default one's.
///
/// It walks the open chats of the site, which are few, and so needs no index of its own.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn page_of_group(
    tx: &mut dyn Tx,
    site: SiteId,
    (group, is_default): (GroupId, bool),
    after: Cursor,
    limit: i64,
) -> Result<Vec<InboxRow>> {
    let without = if is_default {
        " or c.group_id is null"
    } else {
        ""
    };
    let sql = format!(
        "{ROW}
    where c.site_id = ?1
      and c.is_active = 1
      and (c.group_id = ?5{without})
      and (c.last_event_at, c.id) < (?2, ?3)
    order by c.last_event_at desc, c.id desc
    limit ?4"
    );
    let args = [
        site.into(),
        after.at.into(),
        after.id.into(),
        limit.into(),
        group.into(),
    ];
    tx.all(&sql, &args, read_row)
}

/// The row of one chat of this site.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn row(tx: &mut dyn Tx, site: SiteId, chat: ChatId) -> Result<Option<InboxRow>> {
    let sql = format!(
        "{ROW}
    where c.id = ?1
      and c.site_id = ?2"
    );
    tx.opt(&sql, &[chat.into(), site.into()], read_row)
}

/// How many chats each list holds for this agent.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn counts(tx: &mut dyn Tx, site: SiteId, agent: AgentId) -> Result<InboxCounts> {
    let mut count = |filter: &str, agent: Option<AgentId>| {
        let sql = format!(
            "select count(*)
             from (
               select 1 as one
               from chats
               where site_id = ?1
                 and {filter}
               limit ?2
             ) as counted"
        );
        let mut args: Vec<Value<'_>> = vec![site.into(), COUNT_CAP.into()];
        args.extend(agent.map(Value::from));
        tx.int(&sql, &args)
    };
    Ok(InboxCounts {
        mine: count("is_active = 1 and agent_id = ?3", Some(agent))?,
        unassigned: count("is_active = 1 and agent_id is null", None)?,
        all: count("is_active = 1", None)?,
        closed: count("is_active = 0", None)?,
    })
}

/// How many chats wait for this agent: own and unassigned ones with an unanswered message, counted to 100.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn waiting(tx: &mut dyn Tx, site: SiteId, agent: AgentId) -> Result<i64> {
    // Two counts and not one with `or`: each is a range of chats_waiting_idx.
    let own = tx.int(
        "select count(*)
         from (
           select 1 as one
           from chats
           where site_id = ?1
             and agent_id = ?2
             and waiting_since is not null
             and is_active = 1
           limit 100
         ) as counted",
        &[site.into(), agent.into()],
    )?;
    let unassigned = tx.int(
        "select count(*)
         from (
           select 1 as one
           from chats
           where site_id = ?1
             and agent_id is null
             and waiting_since is not null
             and is_active = 1
           limit 100
         ) as counted",
        &[site.into()],
    )?;
    Ok(own + unassigned)
}

fn read_row(row: &dyn Row) -> Result<InboxRow> {
    Ok(InboxRow {
        chat: ChatId(row.i64(0)?),
        visitor: VisitorId(row.i64(1)?),
        name: row.opt_text(2)?,
        email: row.opt_text(3)?,
        is_active: row.bool(4)?,
        agent: row.opt_i64(5)?.map(AgentId),
        agent_name: row.opt_text(6)?,
        last_text: row.text(7)?,
        last_author: row.text(8)?,
        last_event_at: row.i64(9)?,
        waiting_since: row.opt_i64(10)?,
        is_unread: row.bool(11)?,
        last_seq: row.i64(12)?,
        queued_at: row.opt_i64(13)?,
        group_name: row.opt_text(14)?,
    })
}
