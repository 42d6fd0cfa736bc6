//! Who takes part by hand: taking a chat, giving it away, joining and leaving. One owner at a time, whoever comes first.

use super::handover::{self, Handover, hand_over};
use crate::db::{Result, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::{AssignReason, Author, Body};
use crate::domain::ids::{AgentId, VisitorId};
use crate::domain::permission::{Action, Permit};
use crate::store::chats::{finish, hold, transfer};
use crate::store::events::{self, Entry};
use crate::store::{chat_users, routing};

/// Gives the open thread to the permit's agent if nobody has it. Taking what one has already changes nothing.
///
/// # Errors
/// As [`assign`]; of many who take at once, all but one get [`Refusal::Conflict`].
pub fn take(tx: &mut dyn Tx, permit: &Permit, now: i64) -> Result<Chat> {
    let Author::Agent(agent) = permit.author(VisitorId(0))? else {
        return Err(Refusal::NotAllowed.into());
    };
    assign(tx, permit, None, Some(agent), now)
}

/// Gives the open thread from its owner `from`, as the caller sees it, to `to`; `None` is the queue of its group, from
/// which `from` does not get it again.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::AssignChat`]; [`Refusal::ChatInactive`] where no thread is
/// open; [`Refusal::Conflict`] where somebody else has it by now; [`Refusal::NotFound`] for an agent who does not work for
/// the site; [`Refusal::LimitReached`] for one who has as many chats as they take; or any other [`crate::db::Error`].
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
    if let Some(agent) = to {
        handover::claim(tx, &chat, agent, now)?;
    }
    let handover = Handover::plain(to, author, AssignReason::Manual);
    hand_over(tx, &mut chat, handover, now)?;
    finish(tx, &mut chat, now)?;
    Ok(chat)
}

/// Makes an agent of the site take part in the open thread beside its owner. One who does already changes nothing.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::AssignChat`]; [`Refusal::ChatInactive`];
/// [`Refusal::NotFound`] for an agent who does not work for the site; or any other [`crate::db::Error`].
pub fn join(tx: &mut dyn Tx, permit: &Permit, agent: AgentId, now: i64) -> Result<Chat> {
    let mut chat = hold(tx, permit, &[Action::AssignChat])?;
    if !chat.is_active {
        return Err(Refusal::ChatInactive.into());
    }
    let by = permit.author(chat.visitor)?;
    let name = handover::name_of(tx, &chat, agent)?;
    if !handover::join(tx, &mut chat, agent, (by, None), now)? {
        return Ok(chat);
    }
    let line = match by {
        Author::Agent(requester) if requester != agent => {
            let requester = handover::name_of(tx, &chat, requester)?;
            let text = format!("{requester} added {name} to the chat.");
            let vars = [("agent", requester.as_str()), ("agent_added", &name)];
            Body::system(text, "agent_added", &vars)
        }
        Author::Agent(_) | Author::Visitor(_) | Author::System => handover::joined(&name),
    };
    events::record(tx, &mut chat, Entry::change(Author::System, line), now)?;
    finish(tx, &mut chat, now)?;
    Ok(chat)
}

/// Ends the part of an agent in the open thread. If it is theirs, routing finds somebody else, or it waits.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::AssignChat`]; [`Refusal::ChatInactive`];
/// [`Refusal::NotFound`] for an agent who takes no part; or any other [`crate::db::Error`].
pub fn leave(tx: &mut dyn Tx, permit: &Permit, agent: AgentId, now: i64) -> Result<Chat> {
    let mut chat = hold(tx, permit, &[Action::AssignChat])?;
    if !chat.is_active {
        return Err(Refusal::ChatInactive.into());
    }
    let by = permit.author(chat.visitor)?;
    let name = chat_users::any_agent_name(tx, agent)?.ok_or(Refusal::NotFound("agent"))?;
    let (text, kind) = match by {
        Author::Agent(requester) if requester != agent => {
            let requester = handover::name_of(tx, &chat, requester)?;
            let text = format!("{requester} removed {name} from the chat.");
            (text, "agent_removed")
        }
        Author::Agent(_) | Author::Visitor(_) | Author::System => {
            (format!("{name} left the chat."), "agent_left")
        }
    };
    let line = Body::system(text, kind, &[("agent", &name)]);
    if chat.agent == Some(agent) {
        transfer::reroute(tx, &mut chat, (by, AssignReason::Manual), Some(line), now)?;
    } else {
        if !handover::leave(tx, &mut chat, agent, by, now)? {
            return Err(Refusal::NotFound("agent").into());
        }
        events::record(tx, &mut chat, Entry::change(Author::System, line), now)?;
    }
    finish(tx, &mut chat, now)?;
    Ok(chat)
}

/// Makes an agent who answers take part in a held chat, and its owner where nobody is and they have room.
pub(in crate::store) fn answer(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    agent: AgentId,
    now: i64,
) -> Result<()> {
    if chat.agent == Some(agent) {
        // Who has a chat takes part in it already.
        return Ok(());
    }
    let by = Author::Agent(agent);
    if chat.agent.is_none() {
        handover::name_of(tx, chat, agent)?;
        if routing::claim(tx, agent, now)? {
            let handover = Handover::plain(Some(agent), by, AssignReason::Answered);
            return hand_over(tx, chat, handover, now);
        }
    }
    handover::join(tx, chat, agent, (by, Some(handover::joined)), now).map(|_| ())
}
