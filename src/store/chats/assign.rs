//! Handing a chat over: one owner at a time, whoever comes first.

use crate::db::{Result, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::{AssignReason, Author, Body};
use crate::domain::ids::AgentId;
use crate::domain::permission::{Action, Permit};
use crate::store::chats::{finish, hold};
use crate::store::events::{self, Entry};
use crate::store::{chat_users, threads};

/// Gives the open thread to the permit's agent if nobody has it. Taking what one has already changes nothing.
///
/// # Errors
/// As [`assign`]; of many who take at once, all but one get [`Refusal::Conflict`].
pub fn take(tx: &mut dyn Tx, permit: &Permit, now: i64) -> Result<Chat> {
    let Author::Agent(agent) = permit.author(crate::domain::ids::VisitorId(0))? else {
        return Err(Refusal::NotAllowed.into());
    };
    assign(tx, permit, None, Some(agent), now)
}

/// Gives the open thread from its owner `from`, as the caller sees it, to `to`; `None` is nobody.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::AssignChat`]; [`Refusal::ChatInactive`] where no thread is
/// open; [`Refusal::Conflict`] where somebody else has it by now; [`Refusal::NotFound`] for an agent who does not work for
/// the site; or any other [`crate::db::Error`].
pub fn assign(
    tx: &mut dyn Tx,
    permit: &Permit,
    from: Option<AgentId>,
    to: Option<AgentId>,
    now: i64,
) -> Result<Chat> {
    let mut chat = hold(tx, permit, &[Action::AssignChat])?;
    if !chat.is_active {
        return Err(Refusal::ChatInactive.into());
    }
    if chat.agent == to {
        return Ok(chat);
    }
    if chat.agent != from {
        return Err(Refusal::Conflict("somebody else has the chat by now").into());
    }
    let author = permit.author(chat.visitor)?;
    hand_over(tx, &mut chat, to, (author, AssignReason::Manual), now)?;
    finish(tx, &chat, now)?;
    Ok(chat)
}

/// Makes an agent who answers take part in a held chat, and its owner where nobody is.
pub(in crate::store) fn answer(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    agent: AgentId,
    now: i64,
) -> Result<()> {
    match chat.agent {
        None => {
            let by = (Author::Agent(agent), AssignReason::Answered);
            hand_over(tx, chat, Some(agent), by, now)
        }
        // Who has a chat takes part in it already.
        Some(owner) if owner == agent => Ok(()),
        Some(_) => join(tx, chat, agent, now),
    }
}

/// Changes the owner of a held chat whose thread is open: whoever had it leaves, whoever gets it joins.
pub(super) fn hand_over(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    to: Option<AgentId>,
    (author, reason): (Author, AssignReason),
    now: i64,
) -> Result<()> {
    let from = chat.agent;
    if let Some(agent) = to {
        join(tx, chat, agent, now)?;
    }
    chat.agent = to;
    let body = Body::Assigned { from, to, reason };
    events::record(tx, chat, Entry::change(author, body), now)?;
    if let Some(agent) = from {
        let user = Author::Agent(agent);
        if chat_users::leave(tx, chat, user)? {
            let body = Body::UserRemoved { user };
            events::record(tx, chat, Entry::change(author, body), now)?;
        }
    }
    if let Some(thread) = chat.thread {
        threads::set_agent(tx, thread, to)?;
    }
    count(tx, from, to, now)
}

/// Moves one open thread in the counts of two agents. Rows are locked in order of id, so that two swaps cannot wait for
/// each other.
pub(super) fn count(
    tx: &mut dyn Tx,
    from: Option<AgentId>,
    to: Option<AgentId>,
    now: i64,
) -> Result<()> {
    let mut steps: Vec<(AgentId, i64)> = Vec::with_capacity(2);
    steps.extend(from.map(|agent| (agent, -1)));
    steps.extend(to.map(|agent| (agent, 1)));
    steps.sort_unstable();
    for (agent, step) in steps {
        tx.exec(
            "update agents
             set active_chats = greatest(active_chats + ?2, 0),
                 last_assigned_at = case when ?2 > 0 then ?3 else last_assigned_at end
             where id = ?1",
            &[agent.into(), step.into(), now.into()],
        )?;
    }
    Ok(())
}

fn join(tx: &mut dyn Tx, chat: &mut Chat, agent: AgentId, now: i64) -> Result<()> {
    let user = Author::Agent(agent);
    if !chat_users::join(tx, chat, user, now)? {
        return Ok(());
    }
    let name = chat_users::agent_name(tx, chat, agent)?.ok_or(Refusal::NotFound("agent"))?;
    let added = Entry::change(user, Body::UserAdded { user });
    events::record(tx, chat, added, now)?;
    let text = format!("{name} joined the chat.");
    let line = Body::system(text, "agent_joined", &[("agent", &name)]);
    events::record(tx, chat, Entry::change(Author::System, line), now)?;
    Ok(())
}
