//! Threads of a chat: opened and closed with it, listed from the newest.

use crate::db::{Error, Result, Row, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::Author;
use crate::domain::ids::{AgentId, ChatId, GroupId, SiteId, ThreadId, VisitorId};
use crate::domain::permission::{Action, Permit};
use crate::domain::properties::Properties;
use crate::domain::thread::Thread;
use crate::store::{json, queue};

const COLUMNS: &str = "id, chat_id, site_id, is_active, first_seq, last_seq, previous_thread_id, \
                       agent_id, group_id, closed_by, closed_by_id, properties, created_at, \
                       closed_at, queued_at, \
                       coalesce((select g.number from groups g where g.id = threads.group_id), 0), \
                       (select n.id from threads n where n.chat_id = threads.chat_id \
                        and n.first_seq > threads.first_seq order by n.first_seq limit 1)";

/// Most threads that one read returns.
pub const MAX_PAGE: i64 = 100;

/// The thread with this id, if it is one of the chat of the permit.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
pub fn get(tx: &mut dyn Tx, permit: &Permit, thread: ThreadId) -> Result<Option<Thread>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    let sql = format!("select {COLUMNS} from threads where id = ?1 and chat_id = ?2");
    let found = tx.opt(&sql, &[thread.into(), chat.into()], read_row)?;
    found.map(|thread| with_place(tx, thread)).transpose()
}

/// The threads of the chat of the permit, the newest first, at most `limit` and [`MAX_PAGE`]; `before` is the
/// [`Thread::first_seq`] of the last one of the page before.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
pub fn list(
    tx: &mut dyn Tx,
    permit: &Permit,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Thread>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    let sql = format!(
        "select {COLUMNS} from threads where chat_id = ?1 and first_seq < ?2 \
         order by first_seq desc limit ?3"
    );
    let found = tx.all(
        &sql,
        &[
            chat.into(),
            before.unwrap_or(i64::MAX).into(),
            limit.clamp(0, MAX_PAGE).into(),
        ],
        read_row,
    )?;
    with_places(tx, found)
}

/// The threads of the chat of the permit, the oldest first, at most `limit` and [`MAX_PAGE`]; `after` is the
/// [`Thread::first_seq`] of the last one of the page before.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
pub fn list_from_oldest(
    tx: &mut dyn Tx,
    permit: &Permit,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<Thread>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    let sql = format!(
        "select {COLUMNS} from threads where chat_id = ?1 and first_seq > ?2 \
         order by first_seq limit ?3"
    );
    let found = tx.all(
        &sql,
        &[
            chat.into(),
            after.unwrap_or(0).into(),
            limit.clamp(0, MAX_PAGE).into(),
        ],
        read_row,
    )?;
    with_places(tx, found)
}

/// How many threads the chat of the permit has.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
pub fn count(tx: &mut dyn Tx, permit: &Permit) -> Result<i64> {
    let chat = permit.chat(&[Action::ReadChat])?;
    tx.int(
        "select count(*) from threads where chat_id = ?1",
        &[chat.into()],
    )
}

fn with_places(tx: &mut dyn Tx, threads: Vec<Read>) -> Result<Vec<Thread>> {
    threads
        .into_iter()
        .map(|thread| with_place(tx, thread))
        .collect()
}

/// A thread that waits is shown with its place, which other rows decide.
fn with_place(tx: &mut dyn Tx, (mut thread, queued_at): Read) -> Result<Thread> {
    if let Some(queued_at) = queued_at {
        let key = (queued_at, thread.id);
        thread.queue = Some(queue::place_of(tx, thread.site, thread.group, key)?);
    }
    Ok(thread)
}

/// Writes a new open thread of a held chat, whose next event is its first. It waits until somebody has it.
pub(super) fn insert(
    tx: &mut dyn Tx,
    chat: &Chat,
    group: Option<GroupId>,
    properties: &Properties,
    now: i64,
) -> Result<ThreadId> {
    let id = ThreadId(tx.new_id(now));
    let properties = json::write(properties)?;
    tx.exec(
        "insert into threads
           (id, chat_id, site_id, is_active, first_seq, previous_thread_id, group_id, properties,
            created_at, queued_at)
         values (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?8)",
        &[
            id.into(),
            chat.id.into(),
            chat.site.into(),
            (chat.last_seq + 1).into(),
            chat.thread.into(),
            group.into(),
            (&properties).into(),
            now.max(chat.changed_at).into(),
        ],
    )?;
    Ok(id)
}

/// Closes a thread of a held chat with the `seq` and time of its last event.
pub(super) fn close(
    tx: &mut dyn Tx,
    thread: ThreadId,
    by: Author,
    (seq, at): (i64, i64),
) -> Result<()> {
    tx.exec(
        "update threads
         set is_active = 0, last_seq = ?2, closed_by = ?3, closed_by_id = ?4, closed_at = ?5,
             queued_at = null
         where id = ?1",
        &[
            thread.into(),
            seq.into(),
            by.kind().into(),
            by.id().into(),
            at.into(),
        ],
    )?;
    Ok(())
}

/// Notes who has a thread of a held chat from now on. It waits no longer, and how long it did is kept for estimates.
pub(super) fn give(tx: &mut dyn Tx, thread: ThreadId, agent: AgentId, now: i64) -> Result<()> {
    tx.exec(
        "update threads
         set agent_id = ?2, assigned_at = ?3, answered_at = null, given_back_by = null,
             waited_ms = case when queued_at is null then waited_ms
                              when queued_at > ?3 then 0
                              else ?3 - queued_at end,
             queued_at = null
         where id = ?1",
        &[thread.into(), agent.into(), now.into()],
    )?;
    Ok(())
}

/// Puts a thread of a held chat into the queue of a group. Who waited before without an answer keeps their place in time.
pub(super) fn enqueue(
    tx: &mut dyn Tx,
    thread: ThreadId,
    group: Option<GroupId>,
    given_back_by: Option<AgentId>,
    now: i64,
) -> Result<i64> {
    tx.int(
        "update threads
         set agent_id = null, group_id = ?2, given_back_by = ?3,
             queued_at = case when queued_at is not null then queued_at
                              when answered_at is null then created_at
                              else ?4 end
         where id = ?1
         returning queued_at",
        &[
            thread.into(),
            group.into(),
            given_back_by.into(),
            now.into(),
        ],
    )
}

/// Notes the group of a thread of a held chat.
pub(super) fn set_group(tx: &mut dyn Tx, thread: ThreadId, group: Option<GroupId>) -> Result<()> {
    tx.exec(
        "update threads set group_id = ?2 where id = ?1",
        &[thread.into(), group.into()],
    )?;
    Ok(())
}

/// Notes that an agent has answered in a thread of a held chat; only the first answer counts.
pub(super) fn note_answer(tx: &mut dyn Tx, thread: ThreadId, at: i64) -> Result<()> {
    tx.exec(
        "update threads set answered_at = ?2 where id = ?1 and answered_at is null",
        &[thread.into(), at.into()],
    )?;
    Ok(())
}

/// The properties of a thread of this chat.
pub(super) fn properties(tx: &mut dyn Tx, chat: ChatId, thread: ThreadId) -> Result<Properties> {
    let text = tx.opt(
        "select properties from threads where id = ?1 and chat_id = ?2",
        &[thread.into(), chat.into()],
        |row| row.text(0),
    )?;
    json::read(&text.ok_or(Refusal::NotFound("thread"))?)
}

/// Writes the properties of a thread of a held chat.
pub(super) fn set_properties(
    tx: &mut dyn Tx,
    thread: ThreadId,
    properties: &Properties,
) -> Result<()> {
    let properties = json::write(properties)?;
    tx.exec(
        "update threads set properties = ?2 where id = ?1",
        &[thread.into(), (&properties).into()],
    )?;
    Ok(())
}

/// Who had the last thread that anybody had, of any chat of this visitor.
pub(super) fn last_agent(tx: &mut dyn Tx, root: VisitorId) -> Result<Option<AgentId>> {
    let agent = tx.opt(
        "select t.agent_id
         from chats c
         join threads t on t.chat_id = c.id
         where c.visitor_id in (select id from visitors where id = ?1 or merged_into = ?1)
           and t.agent_id is not null
         order by t.created_at desc, t.id desc
         limit 1",
        &[root.into()],
        |row| row.i64(0),
    )?;
    Ok(agent.map(AgentId))
}

/// A thread without its place, and since when it waits.
type Read = (Thread, Option<i64>);

fn read_row(row: &dyn Row) -> Result<Read> {
    let closed_by = match (row.opt_text(9)?, row.opt_i64(10)?) {
        (Some(kind), Some(id)) => Some(
            Author::from_parts(&kind, id)
                .ok_or_else(|| Error::Db(format!("thread closed by {kind}")))?,
        ),
        _ => None,
    };
    let thread = Thread {
        id: ThreadId(row.i64(0)?),
        chat: ChatId(row.i64(1)?),
        site: SiteId(row.i64(2)?),
        is_active: row.bool(3)?,
        first_seq: row.i64(4)?,
        last_seq: row.opt_i64(5)?,
        previous: row.opt_i64(6)?.map(ThreadId),
        next: row.opt_i64(16)?.map(ThreadId),
        agent: row.opt_i64(7)?.map(AgentId),
        group: row.opt_i64(8)?.map(GroupId),
        closed_by,
        properties: json::read(&row.text(11)?)?,
        created_at: row.i64(12)?,
        closed_at: row.opt_i64(13)?,
        group_number: row.i64(15)?,
        queue: None,
    };
    Ok((thread, row.opt_i64(14)?))
}
