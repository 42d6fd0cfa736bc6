//! Sending a chat on: to an agent, to a group, or to whoever routing finds; by hand, or because its agent is gone.

use super::handover::{self, Handover, hand_over};
use crate::db::{Error, Result, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::{AssignReason, Author, Body};
use crate::domain::ids::{AgentId, ChatId, GroupId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::domain::routing::GroupStatus;
use crate::store::chats::{authorized, finish, hold};
use crate::store::queue::Waiting;
use crate::store::routing::{self, Desk};
use crate::store::{chat_users, groups, sites};

/// Where a chat is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To whoever routing finds in this group, or into its queue.
    Group(GroupId),
    /// To this agent.
    Agent(AgentId),
    /// To somebody else of the group it is with, or into the queue of that.
    Routing,
}

/// Sends the open thread on; to where it is already changes nothing.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::AssignChat`]; [`Refusal::ChatInactive`];
/// [`Refusal::NotFound`] for an agent who does not work for the site; [`Refusal::LimitReached`] for one who has as many
/// chats as they take; [`Refusal::GroupNotFound`]; [`Refusal::GroupOffline`] where nobody of the group is there and the
/// site lets no chat wait; or any other [`Error`].
pub fn transfer(
    tx: &mut dyn Tx,
    permit: &Permit,
    to: Target,
    reason: AssignReason,
    now: i64,
) -> Result<Chat> {
    let mut chat = hold(tx, permit, &[Action::AssignChat])?;
    if !chat.is_active {
        return Err(Refusal::ChatInactive.into());
    }
    let by = permit.author(chat.visitor)?;
    match to {
        Target::Agent(agent) if chat.agent == Some(agent) => return Ok(chat),
        Target::Agent(agent) => {
            handover::claim(tx, &chat, agent, now)?;
            let whom = handover::name_of(tx, &chat, agent)?;
            let handover = Handover {
                line: Some(line(tx, &chat, by, &whom)?),
                ..Handover::plain(Some(agent), by, reason)
            };
            hand_over(tx, &mut chat, handover, now)?;
        }
        Target::Group(group) => to_group(tx, &mut chat, group, (by, reason), now)?,
        Target::Routing => {
            let line = line(tx, &chat, by, "another agent")?;
            reroute(tx, &mut chat, (by, reason), Some(line), now)?;
        }
    }
    finish(tx, &mut chat, now)?;
    Ok(chat)
}

fn to_group(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    group: GroupId,
    (by, reason): (Author, AssignReason),
    now: i64,
) -> Result<()> {
    let group = groups::require(tx, chat.site, group)?;
    let desk = Desk::read(tx, chat.site, now)?;
    let target = group.named();
    if desk.status(target) == GroupStatus::Offline && !may_wait(tx, chat)? {
        return Err(Refusal::GroupOffline.into());
    }
    let line = line(tx, chat, by, &group.name)?;
    chat.group = target;
    chat.group_number = group.number;
    let to = routing::place_at(tx, &desk, chat, chat.agent, now)?;
    let handover = Handover {
        group: Some(group.number),
        line: Some(line),
        ..Handover::plain(to, by, reason)
    };
    hand_over(tx, chat, handover, now)
}

/// Whether the site of a chat lets chats wait while nobody is there.
pub(super) fn may_wait(tx: &mut dyn Tx, chat: &Chat) -> Result<bool> {
    let site = sites::by_id(tx, chat.site)?.ok_or(Error::NotFound)?;
    Ok(site.settings.chats_wait_while_offline)
}

/// Takes a held chat from its owner: somebody else of its group gets it, or it waits.
pub(super) fn reroute(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    (by, reason): (Author, AssignReason),
    line: Option<Body>,
    now: i64,
) -> Result<()> {
    let to = routing::place(tx, chat, chat.agent, now)?;
    let handover = Handover {
        line,
        ..Handover::plain(to, by, reason)
    };
    hand_over(tx, chat, handover, now)
}

/// Takes a chat from an agent who is gone. Returns whether anything changed.
pub(in crate::store) fn pass_on(
    tx: &mut dyn Tx,
    chat: ChatId,
    reason: AssignReason,
    now: i64,
) -> Result<bool> {
    let (seen, permit) = authorized(tx, &Subject::System, Action::AssignChat, chat)?;
    let mut chat = hold(tx, &permit, &[Action::AssignChat])?;
    let Some(owner) = chat
        .agent
        .filter(|agent| chat.is_active && seen.agent == Some(*agent))
    else {
        return Ok(false);
    };
    let name = chat_users::any_agent_name(tx, owner)?.unwrap_or_default();
    let to = routing::place(tx, &chat, Some(owner), now)?;
    let (why, what) = match reason {
        AssignReason::Deleted => ("works here no longer", "deleted"),
        AssignReason::Disconnected
        | AssignReason::Manual
        | AssignReason::Answered
        | AssignReason::Routed => ("lost the connection", "disconnected"),
    };
    let line = match to {
        Some(agent) => {
            let new = handover::name_of(tx, &chat, agent)?;
            let text = format!("{name} {why}; {new} takes over.");
            let kind = format!("routing.assigned_{what}");
            Body::system(text, &kind, &[("agent", &new), ("previous_agent", &name)])
        }
        None => {
            let text = format!("{name} {why}; the chat waits for the next agent.");
            let kind = format!("routing.unassigned_{what}");
            Body::system(text, &kind, &[("agent", &name)])
        }
    };
    let handover = Handover {
        line: Some(line),
        ..Handover::plain(to, Author::System, reason)
    };
    hand_over(tx, &mut chat, handover, now)?;
    finish(tx, &mut chat, now)?;
    Ok(true)
}

/// Lets a thread that waits for a deleted group wait for the default group. Returns whether it still did.
pub(in crate::store) fn send_home(tx: &mut dyn Tx, chat: ChatId, now: i64) -> Result<bool> {
    let (_, permit) = authorized(tx, &Subject::System, Action::AssignChat, chat)?;
    let mut chat = hold(tx, &permit, &[Action::AssignChat])?;
    if !chat.is_active || chat.agent.is_some() || chat.group.is_none() {
        return Ok(false);
    }
    chat.group = None;
    chat.group_number = groups::DEFAULT_NUMBER;
    let to = routing::place(tx, &chat, None, now)?;
    let handover = Handover {
        group: Some(groups::DEFAULT_NUMBER),
        ..Handover::plain(to, Author::System, AssignReason::Routed)
    };
    hand_over(tx, &mut chat, handover, now)?;
    finish(tx, &mut chat, now)?;
    Ok(true)
}

/// Gives a thread that waits to an agent at this desk. Returns whether one was found and it still waited.
pub(in crate::store) fn serve(
    tx: &mut dyn Tx,
    desk: &Desk,
    waiting: &Waiting,
    now: i64,
) -> Result<bool> {
    let (_, permit) = authorized(tx, &Subject::System, Action::AssignChat, waiting.chat)?;
    let mut chat = hold(tx, &permit, &[Action::AssignChat])?;
    let still_waits = chat.is_active && chat.agent.is_none() && chat.thread == Some(waiting.thread);
    if !still_waits {
        return Ok(false);
    }
    let Some(agent) = routing::place_at(tx, desk, &chat, waiting.given_back_by, now)? else {
        return Ok(false);
    };
    let handover = Handover::plain(Some(agent), Author::System, AssignReason::Routed);
    hand_over(tx, &mut chat, handover, now)?;
    finish(tx, &mut chat, now)?;
    Ok(true)
}

/// What everybody reads of a transfer by hand.
fn line(tx: &mut dyn Tx, chat: &Chat, by: Author, to: &str) -> Result<Body> {
    Ok(match by {
        Author::Agent(agent) => {
            let name = handover::name_of(tx, chat, agent)?;
            let text = format!("{name} transferred the chat to {to}.");
            let vars = [("agent", name.as_str()), ("targets", to)];
            Body::system(text, "chat_transferred", &vars)
        }
        Author::Visitor(_) | Author::System => {
            let text = format!("The chat was transferred to {to}.");
            Body::system(text, "chat_transferred", &[("targets", to)])
        }
    })
}
