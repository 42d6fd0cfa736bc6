//! Who takes part in a chat, and how far each has seen it.

use crate::db::{Error, Result, Row, Tx};
use crate::domain::chat::{Chat, ChatUser};
use crate::domain::event::{Author, Body, Event};
use crate::domain::ids::{AgentId, ChatId, VisitorId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::store::chats;
use crate::store::events::{self, Entry, SHOWN};

/// Up to where somebody has seen a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpTo {
    /// The event with this `seq`.
    Seq(i64),
    /// The last event created at or before this time, Unix ms.
    Time(i64),
}

/// Somebody in a chat, with what others see of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Participant {
    /// Who, and how far they have seen.
    pub user: ChatUser,
    /// What others see of them.
    pub profile: UserProfile,
}

/// What others see of somebody in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserProfile {
    /// The visitor, as agents and the visitor's own browsers see them.
    Visitor {
        /// The root of the visitor: the id that is shown.
        root: VisitorId,
        /// Name.
        name: Option<String>,
        /// E-mail address.
        email: Option<String>,
        /// Picture.
        avatar_url: Option<String>,
        /// JSON: a list of one-key objects, in order.
        session_fields: String,
    },
    /// An agent, as visitors see them.
    Agent {
        /// Name.
        name: String,
        /// May be empty.
        job_title: String,
        /// Picture.
        avatar_url: Option<String>,
    },
}

/// Notes how far the permit's subject has seen the chat. `None` where that is no further than before.
///
/// Only entries that people see count, so that two sides marking each other's marks come to an end.
///
/// # Errors
/// [`crate::domain::Refusal::NotAllowed`] unless the permit is for [`Action::MarkSeen`], or any other [`Error`].
pub fn mark_seen(tx: &mut dyn Tx, permit: &Permit, up_to: UpTo, now: i64) -> Result<Option<Event>> {
    let mut chat = chats::hold(tx, permit, &[Action::MarkSeen])?;
    let author = permit.author(chat.visitor)?;
    let Some((seq, at)) = last_shown(tx, chat.id, author, up_to)? else {
        return Ok(None);
    };
    if seq <= seen_seq(tx, chat.id, author)? {
        return Ok(None);
    }
    note_seen(tx, chat.id, author, (seq, at))?;
    match author {
        Author::Visitor(_) => chat.visitor_seen_seq = chat.visitor_seen_seq.max(seq),
        Author::Agent(_) => chat.agent_seen_seq = chat.agent_seen_seq.max(seq),
        Author::System => {}
    }
    let body = Body::Seen {
        up_to: seq,
        up_to_at: at,
    };
    let event = events::record(tx, &mut chat, Entry::change(author, body), now)?;
    chats::finish(tx, &mut chat, now)?;
    Ok(Some(event))
}

/// Everybody who takes part in the chat or has looked into it, the visitor first, then in order of joining.
///
/// Of a visitor with a user id, only agents and a visitor who proved that id see more than the id shown: an unproven
/// claim opens nothing that is known of the user. What the system reads is shared by all who listen, so it shows no more.
///
/// # Errors
/// [`crate::domain::Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
pub fn participants(tx: &mut dyn Tx, permit: &Permit) -> Result<Vec<Participant>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    let sees_all = matches!(
        permit.subject(),
        Subject::Agent { .. } | Subject::ApiKey { .. } | Subject::Visitor { signed: true, .. }
    );
    tx.all(
        "select u.user_kind, u.user_id, u.is_present, u.seen_seq, u.seen_at, u.joined_at,
                coalesce(r.id, v.id), coalesce(r.name, v.name), coalesce(r.email, v.email),
                coalesce(r.avatar_url, v.avatar_url), coalesce(r.session_fields, v.session_fields),
                a.name, a.job_title, a.avatar_url, coalesce(r.user_id, v.user_id)
         from chat_users u
         left join visitors v on u.user_kind = 'visitor' and v.id = u.user_id
         left join visitors r on r.id = v.merged_into
         left join agents a on u.user_kind = 'agent' and a.id = u.user_id
         where u.chat_id = ?1
         order by case when u.user_kind = 'visitor' then 0 else 1 end, u.joined_at, u.user_id",
        &[chat.into()],
        |row| read_participant(row, sees_all),
    )
}

/// Makes somebody take part in a held chat. Returns whether they did not before.
pub(super) fn join(tx: &mut dyn Tx, chat: &Chat, user: Author, now: i64) -> Result<bool> {
    let changed = tx.exec(
        "insert into chat_users (chat_id, user_kind, user_id, is_present, joined_at)
         values (?1, ?2, ?3, 1, ?4)
         on conflict (chat_id, user_kind, user_id)
         do update set is_present = 1, joined_at = excluded.joined_at
         where chat_users.is_present = 0",
        &[
            chat.id.into(),
            user.kind().into(),
            user.id().into(),
            now.into(),
        ],
    )?;
    Ok(changed > 0)
}

/// Ends somebody's part in a held chat. Returns whether they had one.
pub(super) fn leave(tx: &mut dyn Tx, chat: &Chat, user: Author) -> Result<bool> {
    let changed = tx.exec(
        "update chat_users set is_present = 0
         where chat_id = ?1 and user_kind = ?2 and user_id = ?3 and is_present = 1",
        &[chat.id.into(), user.kind().into(), user.id().into()],
    )?;
    Ok(changed > 0)
}

/// Ends the part of all agents in a held chat.
pub(super) fn dismiss_agents(tx: &mut dyn Tx, chat: &Chat) -> Result<()> {
    tx.exec(
        "update chat_users set is_present = 0
         where chat_id = ?1 and user_kind = 'agent' and is_present = 1",
        &[chat.id.into()],
    )?;
    Ok(())
}

/// Moves the seen mark of somebody in a held chat forward to an event's `seq` and time; who only looks takes no part.
pub(super) fn note_seen(
    tx: &mut dyn Tx,
    chat: ChatId,
    user: Author,
    (seq, at): (i64, i64),
) -> Result<()> {
    tx.exec(
        "insert into chat_users
           (chat_id, user_kind, user_id, is_present, seen_seq, seen_at, joined_at)
         values (?1, ?2, ?3, 0, ?4, ?5, ?5)
         on conflict (chat_id, user_kind, user_id)
         do update set seen_seq = excluded.seen_seq, seen_at = excluded.seen_at
         where chat_users.seen_seq < excluded.seen_seq",
        &[
            chat.into(),
            user.kind().into(),
            user.id().into(),
            seq.into(),
            at.into(),
        ],
    )?;
    Ok(())
}

/// The `seq` and time of the last entry up to here that this user sees in the conversation.
fn last_shown(
    tx: &mut dyn Tx,
    chat: ChatId,
    user: Author,
    up_to: UpTo,
) -> Result<Option<(i64, i64)>> {
    let (bound, value) = match up_to {
        UpTo::Seq(seq) => ("seq <= ?2", seq),
        UpTo::Time(at) => ("created_at <= ?2", at),
    };
    let filter = match user {
        Author::Visitor(_) => " and recipients = 'all'",
        Author::Agent(_) | Author::System => "",
    };
    let sql = format!(
        "select seq, created_at from events
         where chat_id = ?1 and {bound} and kind in {SHOWN}{filter}
         order by seq desc limit 1"
    );
    tx.opt(&sql, &[chat.into(), value.into()], |row| {
        Ok((row.i64(0)?, row.i64(1)?))
    })
}

fn seen_seq(tx: &mut dyn Tx, chat: ChatId, user: Author) -> Result<i64> {
    let seen = tx.opt(
        "select seen_seq from chat_users where chat_id = ?1 and user_kind = ?2 and user_id = ?3",
        &[chat.into(), user.kind().into(), user.id().into()],
        |row| row.i64(0),
    )?;
    Ok(seen.unwrap_or(0))
}

fn read_participant(row: &dyn Row, sees_all: bool) -> Result<Participant> {
    let kind = row.text(0)?;
    let author = Author::from_parts(&kind, row.i64(1)?);
    let (user, profile) = match author {
        Some(user @ Author::Visitor(_)) => (user, visitor_profile(row, sees_all)?),
        Some(user @ Author::Agent(_)) => (user, agent_profile(row)?),
        Some(Author::System) | None => return Err(Error::Db(format!("chat user kind {kind}"))),
    };
    let user = ChatUser {
        user,
        is_present: row.bool(2)?,
        seen_seq: row.i64(3)?,
        seen_at: row.i64(4)?,
        joined_at: row.i64(5)?,
    };
    Ok(Participant { user, profile })
}

fn visitor_profile(row: &dyn Row, sees_all: bool) -> Result<UserProfile> {
    if !sees_all && row.opt_text(14)?.is_some() {
        return Ok(UserProfile::Visitor {
            root: VisitorId(row.i64(6)?),
            name: None,
            email: None,
            avatar_url: None,
            session_fields: "[]".into(),
        });
    }
    Ok(UserProfile::Visitor {
        root: VisitorId(row.i64(6)?),
        name: row.opt_text(7)?,
        email: row.opt_text(8)?,
        avatar_url: row.opt_text(9)?,
        session_fields: row.text(10)?,
    })
}

fn agent_profile(row: &dyn Row) -> Result<UserProfile> {
    Ok(UserProfile::Agent {
        name: row.text(11)?,
        job_title: row.text(12)?,
        avatar_url: row.opt_text(13)?,
    })
}

/// The name of an agent of the site of a chat who can still sign in.
pub(super) fn agent_name(tx: &mut dyn Tx, chat: &Chat, agent: AgentId) -> Result<Option<String>> {
    tx.opt(
        "select a.name from agents a
         where a.id = ?1 and a.deactivated_at is null
           and exists (select 1 from agent_sites s where s.agent_id = a.id and s.site_id = ?2)",
        &[agent.into(), chat.site.into()],
        |row| row.text(0),
    )
}

/// The name of any agent, also of one who cannot sign in any more.
pub(super) fn any_agent_name(tx: &mut dyn Tx, agent: AgentId) -> Result<Option<String>> {
    tx.opt(
        "select name from agents where id = ?1",
        &[agent.into()],
        |row| row.text(0),
    )
}
