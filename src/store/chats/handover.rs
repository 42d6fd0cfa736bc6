//! How a chat changes hands: slots, who takes part, the thread's queue, the stored change and its line. One way for all.

use crate::db::{Result, Tx};
use crate::domain::chat::Chat;
use crate::domain::event::{AssignReason, Author, Body};
use crate::domain::ids::AgentId;
use crate::domain::{Hint, Refusal};
use crate::store::events::{self, Entry};
use crate::store::{chat_users, queue, routing, threads};

/// Who gets a held chat, and why.
pub(super) struct Handover {
    /// Who gets it: a slot of theirs is taken already. `None` puts it into the queue of its group.
    pub(super) to: Option<AgentId>,
    /// Who decided.
    pub(super) by: Author,
    /// Why.
    pub(super) reason: AssignReason,
    /// The number of the group it is with now, where that is another one than before.
    pub(super) group: Option<i64>,
    /// What everybody reads of it, in place of "joined the chat".
    pub(super) line: Option<Body>,
}

impl Handover {
    /// One that says no more than who joined.
    pub(super) const fn plain(to: Option<AgentId>, by: Author, reason: AssignReason) -> Self {
        Self {
            to,
            by,
            reason,
            group: None,
            line: None,
        }
    }
}

/// Changes the owner of a held chat whose thread is open: whoever had it leaves, whoever gets it joins.
pub(super) fn hand_over(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    handover: Handover,
    now: i64,
) -> Result<()> {
    let (from, to) = (chat.agent, handover.to);
    let thread = chat.thread.ok_or(Refusal::ChatInactive)?;
    let given_back_by = from.filter(|_| handover.reason == AssignReason::Manual);
    if let Some(agent) = to {
        let line = handover.line.is_none().then_some(joined as Line);
        join(tx, chat, agent, (handover.by, line), now)?;
        threads::give(tx, thread, agent, now)?;
    }
    threads::set_group(tx, thread, chat.group)?;
    let queue = match to {
        Some(_) => None,
        None => {
            let queued_at = threads::enqueue(tx, thread, chat.group, given_back_by, now)?;
            let key = (queued_at, thread);
            Some(queue::place_of(tx, chat.site, chat.group, key)?)
        }
    };
    chat.agent = to;
    let body = Body::Assigned {
        from,
        to,
        reason: handover.reason,
        group: handover.group,
        queue,
    };
    events::record(tx, chat, Entry::change(handover.by, body), now)?;
    if let Some(agent) = from {
        leave(tx, chat, agent, handover.by, now)?;
        routing::release(tx, agent)?;
    }
    if let Some(line) = handover.line {
        events::record(tx, chat, Entry::change(Author::System, line), now)?;
    }
    tx.emit(Hint::QueueMoved { site: chat.site })
}

/// What is said of somebody, from their name.
pub(super) type Line = fn(&str) -> Body;

/// Makes an agent take part in a held chat, with this line of their name. Returns whether they did not before.
pub(super) fn join(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    agent: AgentId,
    (by, line): (Author, Option<Line>),
    now: i64,
) -> Result<bool> {
    let user = Author::Agent(agent);
    if !chat_users::join(tx, chat, user, now)? {
        return Ok(false);
    }
    let name = name_of(tx, chat, agent)?;
    events::record(tx, chat, Entry::change(by, Body::UserAdded { user }), now)?;
    if let Some(line) = line {
        events::record(tx, chat, Entry::change(Author::System, line(&name)), now)?;
    }
    Ok(true)
}

/// Ends an agent's part in a held chat. Returns whether they had one.
pub(super) fn leave(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    agent: AgentId,
    by: Author,
    now: i64,
) -> Result<bool> {
    let user = Author::Agent(agent);
    if !chat_users::leave(tx, chat, user)? {
        return Ok(false);
    }
    events::record(tx, chat, Entry::change(by, Body::UserRemoved { user }), now)?;
    Ok(true)
}

/// The name of an agent of the chat's site who can sign in.
pub(super) fn name_of(tx: &mut dyn Tx, chat: &Chat, agent: AgentId) -> Result<String> {
    Ok(chat_users::agent_name(tx, chat, agent)?.ok_or(Refusal::NotFound("agent"))?)
}

/// The line of somebody who joined by themselves.
pub(super) fn joined(name: &str) -> Body {
    let text = format!("{name} joined the chat.");
    Body::system(text, "agent_joined", &[("agent", name)])
}

/// Takes a slot of an agent by hand, while the slot of whoever has the chat will be given back.
pub(super) fn claim(tx: &mut dyn Tx, chat: &Chat, agent: AgentId, now: i64) -> Result<()> {
    name_of(tx, chat, agent)?;
    routing::lock(tx, chat.agent, Some(agent))?;
    if routing::claim(tx, agent, now)? {
        return Ok(());
    }
    Err(Refusal::LimitReached("this agent has as many chats as they take").into())
}
