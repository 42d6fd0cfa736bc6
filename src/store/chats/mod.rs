//! Chats: the row, who may see which, how many entries are unread. Beginning, closing and handing over stand beside it.
//!
//! Whatever changes a chat first locks its row ([`hold`]), takes `seq`s under that lock, and writes the site's inbox last:
//! so locks are always taken chat first, then site, and a transaction changes one chat.

mod assign;
mod delete;
mod handover;
mod opening;
mod properties;
mod silent;
mod transfer;

pub(super) use assign::answer;
pub use assign::{assign, join, leave, take};
pub use delete::delete_of_visitor;
pub use opening::{Opened, Opening, activate, close, start};
pub(super) use properties::entry;
pub use properties::{PropertyChange, change_properties};
pub use silent::close_silent;
pub use transfer::{Target, transfer};
pub(super) use transfer::{pass_on, send_home, serve};

use crate::db::{Result, Row, Tx};
use crate::domain::chat::{Chat, Unread};
use crate::domain::ids::{AgentId, BrowserId, ChatId, GroupId, SiteId, ThreadId, VisitorId};
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::domain::properties::Properties;
use crate::domain::{Hint, Refusal};
use crate::store::events::SAID;
use crate::store::lists::listed;
use crate::store::{inbox, json};

const COLUMNS: &str = "
    c.id, c.site_id, c.visitor_id,
    coalesce((select v.merged_into from visitors v where v.id = c.visitor_id), c.visitor_id),
    c.browser_id, c.last_seq, c.is_active, c.thread_id, c.agent_id, c.group_id, c.waiting_since,
    c.last_event_at, c.last_text, c.last_author, c.visitor_seen_seq, c.agent_seen_seq,
    c.properties, c.created_at, c.changed_at,
    coalesce((select g.number from groups g where g.id = c.group_id), 0)";

/// Most chats in one answer of [`list_visible`].
pub const MAX_LIST: i64 = 100;

/// The chat with this id and a permit for `action` on it.
///
/// # Errors
/// [`Refusal::NotFound`] where the chat is not there or not the subject's, [`Refusal::NotAllowed`], or any other
/// [`crate::db::Error`].
pub fn authorized(
    tx: &mut dyn Tx,
    subject: &Subject,
    action: Action,
    id: ChatId,
) -> Result<(Chat, Permit)> {
    if *subject == Subject::Nobody {
        return Err(Refusal::Authentication.into());
    }
    let chat = load(tx, id, "")?.ok_or(Refusal::NotFound("chat"))?;
    let permit = authorize(subject, action, Object::Chat(&chat))?;
    Ok((chat, permit))
}

/// The chat of a permit as it stands now.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`]; [`Refusal::NotFound`] where the chat is gone.
pub fn get(tx: &mut dyn Tx, permit: &Permit) -> Result<Chat> {
    let id = permit.chat(&[Action::ReadChat])?;
    Ok(load(tx, id, "")?.ok_or(Refusal::NotFound("chat"))?)
}

/// The chat that a visitor goes on in: the one that is theirs by the rule of one chat each.
///
/// That is the chat of the browser, or, where the identity is proven, of the visitor, and failing that one which this
/// browser began before. A chat that only an unproven claim tied to the visitor is never chosen.
///
/// # Errors
/// [`Refusal::NotAllowed`] for subjects that are no visitors.
pub fn current(tx: &mut dyn Tx, subject: &Subject) -> Result<Option<Chat>> {
    let Subject::Visitor {
        site,
        visitor,
        browser,
        signed,
    } = subject
    else {
        return Err(Refusal::NotAllowed.into());
    };
    if !signed {
        let sql = format!(
            "select {COLUMNS} from chats c \
             where c.site_id = ?1 and c.owner_id = ?2 and c.browser_id = ?2"
        );
        return tx.opt(&sql, &[(*site).into(), (*browser).into()], read_row);
    }
    let sql = format!(
        "select {COLUMNS} from chats c \
         where c.site_id = ?1 \
         and (c.owner_id = ?2 or (c.browser_id = ?3 and c.visitor_id in \
             (select id from visitors where id = ?2 or merged_into = ?2))) \
         order by case when c.owner_id = ?2 then 0 else 1 end, c.last_event_at desc, c.id desc \
         limit 1"
    );
    tx.opt(
        &sql,
        &[(*site).into(), (*visitor).into(), (*browser).into()],
        read_row,
    )
}

/// The chats a visitor may see, the newest first, at most `limit` and [`MAX_LIST`], after `(last_event_at, id)`.
///
/// # Errors
/// [`Refusal::NotAllowed`] for subjects that are no visitors: what agents list stands in `inbox_view`.
pub fn list_visible(
    tx: &mut dyn Tx,
    subject: &Subject,
    after: Option<(i64, ChatId)>,
    limit: i64,
) -> Result<Vec<Chat>> {
    let (site, filter, id) = visible(subject)?;
    let (at, last) = after.unwrap_or((i64::MAX, ChatId(i64::MAX)));
    let sql = format!(
        "select {COLUMNS} from chats c where c.site_id = ?1 and {filter} \
         and (c.last_event_at, c.id) < (?3, ?4) \
         order by c.last_event_at desc, c.id desc limit ?5"
    );
    tx.all(
        &sql,
        &[
            site.into(),
            id.into(),
            at.into(),
            last.into(),
            limit.clamp(0, MAX_LIST).into(),
        ],
        read_row,
    )
}

/// The chats that stand before `(last_event_at, id)` in [`list_visible`], the nearest, in the same order.
///
/// # Errors
/// As [`list_visible`].
pub fn list_visible_before(
    tx: &mut dyn Tx,
    subject: &Subject,
    (at, first): (i64, ChatId),
    limit: i64,
) -> Result<Vec<Chat>> {
    let (site, filter, id) = visible(subject)?;
    let sql = format!(
        "select {COLUMNS} from chats c where c.site_id = ?1 and {filter} \
         and (c.last_event_at, c.id) > (?3, ?4) \
         order by c.last_event_at, c.id limit ?5"
    );
    let mut found = tx.all(
        &sql,
        &[
            site.into(),
            id.into(),
            at.into(),
            first.into(),
            limit.clamp(0, MAX_LIST).into(),
        ],
        read_row,
    )?;
    found.reverse();
    Ok(found)
}

/// How many chats [`list_visible`] has in all.
///
/// # Errors
/// As [`list_visible`].
pub fn count_visible(tx: &mut dyn Tx, subject: &Subject) -> Result<i64> {
    let (site, filter, id) = visible(subject)?;
    let sql = format!("select count(*) from chats c where c.site_id = ?1 and {filter}");
    tx.int(&sql, &[site.into(), id.into()])
}

/// How many messages of a chat each side has not seen.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`].
pub fn unread(tx: &mut dyn Tx, permit: &Permit) -> Result<Unread> {
    let id = permit.chat(&[Action::ReadChat])?;
    let sql = format!(
        "select
           (select count(*) from events e
            where e.chat_id = c.id and e.seq > c.visitor_seen_seq
              and e.kind in {SAID} and e.author_kind <> 'visitor' and e.recipients = 'all'),
           (select count(*) from events e
            where e.chat_id = c.id and e.seq > c.agent_seen_seq
              and e.kind in {SAID} and e.author_kind = 'visitor')
         from chats c
         where c.id = ?1"
    );
    tx.one(&sql, &[id.into()], |row| {
        Ok(Unread {
            visitor: row.i64(0)?,
            agents: row.i64(1)?,
        })
    })
}

/// How far these chats are, as the hints that their last changes left; chats that are gone are left out.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn heads(tx: &mut dyn Tx, chats: &[ChatId]) -> Result<Vec<Hint>> {
    let ids: Vec<i64> = chats.iter().map(|chat| chat.0).collect();
    listed(
        tx,
        "select id, site_id, last_seq from chats where id in",
        &ids,
        |row| {
            Ok(Hint::ChatAdvanced {
                chat: ChatId(row.i64(0)?),
                site: SiteId(row.i64(1)?),
                seq: row.i64(2)?,
            })
        },
    )
}

/// Locks the chat of a permit, which must be for one of these actions, and reads it as it stands.
pub(super) fn hold(tx: &mut dyn Tx, permit: &Permit, actions: &[Action]) -> Result<Chat> {
    let id = permit.chat(actions)?;
    let lock = tx.dialect().for_update();
    Ok(load(tx, id, lock)?.ok_or(Refusal::NotFound("chat"))?)
}

/// Writes what changed of a held chat and takes the next `seq`, which it leaves in `last_seq`.
pub(super) fn advance(tx: &mut dyn Tx, chat: &mut Chat, at: i64) -> Result<()> {
    let properties = json::write(&chat.properties)?;
    chat.last_seq = tx.int(
        "update chats
         set last_seq = last_seq + 1, changed_at = ?2, is_active = ?3, thread_id = ?4,
             agent_id = ?5, group_id = ?6, waiting_since = ?7, last_event_at = ?8, last_text = ?9,
             last_author = ?10, visitor_seen_seq = ?11, agent_seen_seq = ?12, properties = ?13
         where id = ?1
         returning last_seq",
        &[
            chat.id.into(),
            at.into(),
            chat.is_active.into(),
            chat.thread.into(),
            chat.agent.into(),
            chat.group.into(),
            chat.waiting_since.into(),
            chat.last_event_at.into(),
            (&chat.last_text).into(),
            (&chat.last_author).into(),
            chat.visitor_seen_seq.into(),
            chat.agent_seen_seq.into(),
            (&properties).into(),
        ],
    )?;
    chat.changed_at = at;
    Ok(())
}

/// Ends a change of a held chat: tells the agents of the site. The last thing before commit.
pub(super) fn finish(tx: &mut dyn Tx, chat: &mut Chat, now: i64) -> Result<()> {
    let written = (chat.read_at_seq + 1, chat.last_seq);
    chat.read_at_seq = chat.last_seq;
    inbox::record(tx, chat.site, chat.id, written, now)
}

/// The chat with this id, locked by `lock`, where there is one.
fn load(tx: &mut dyn Tx, id: ChatId, lock: &str) -> Result<Option<Chat>> {
    let sql = format!("select {COLUMNS} from chats c where c.id = ?1{lock}");
    tx.opt(&sql, &[id.into()], read_row)
}

/// The site, the filter on `c` with its id as `?2`.
fn visible(subject: &Subject) -> Result<(SiteId, &'static str, i64)> {
    match subject {
        Subject::Visitor {
            site,
            visitor,
            signed: true,
            ..
        } => Ok((
            *site,
            "c.visitor_id in (select id from visitors where id = ?2 or merged_into = ?2)",
            visitor.0,
        )),
        Subject::Visitor { site, browser, .. } => Ok((*site, "c.browser_id = ?2", browser.0)),
        Subject::Nobody => Err(Refusal::Authentication.into()),
        Subject::Agent { .. } | Subject::ApiKey { .. } | Subject::Setup | Subject::System => {
            Err(Refusal::NotAllowed.into())
        }
    }
}

fn read_row(row: &dyn Row) -> Result<Chat> {
    Ok(Chat {
        id: ChatId(row.i64(0)?),
        site: SiteId(row.i64(1)?),
        visitor: VisitorId(row.i64(2)?),
        root: VisitorId(row.i64(3)?),
        browser: BrowserId(row.i64(4)?),
        last_seq: row.i64(5)?,
        is_active: row.bool(6)?,
        thread: row.opt_i64(7)?.map(ThreadId),
        agent: row.opt_i64(8)?.map(AgentId),
        group: row.opt_i64(9)?.map(GroupId),
        waiting_since: row.opt_i64(10)?,
        last_event_at: row.i64(11)?,
        last_text: row.text(12)?,
        last_author: row.text(13)?,
        visitor_seen_seq: row.i64(14)?,
        agent_seen_seq: row.i64(15)?,
        properties: json::read::<Properties>(&row.text(16)?)?,
        created_at: row.i64(17)?,
        changed_at: row.i64(18)?,
        group_number: row.i64(19)?,
        read_at_seq: row.i64(5)?,
    })
}
