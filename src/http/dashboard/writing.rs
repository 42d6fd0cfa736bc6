//! What an agent does in a chat, by form or socket: write, take, close, look. One way in for both.

use crate::db::{Error, Result, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::{NewEvent, Recipients};
use crate::domain::ids::{AgentId, ChatId, SiteId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::store::chat_users::{self, UpTo};
use crate::store::chats::{self, Opening};
use crate::store::events::{self, Appended};

/// Who acts, and on which site: a chat of another site is not there.
#[derive(Clone, Debug)]
pub(crate) struct Acting {
    /// The signed-in agent.
    pub(crate) subject: Subject,
    /// The site the login looks at.
    pub(crate) site: SiteId,
}

impl Acting {
    /// The agent who acts.
    pub(crate) const fn agent(&self) -> Option<AgentId> {
        if let Subject::Agent { agent, .. } = &self.subject {
            Some(*agent)
        } else {
            None
        }
    }

    /// The chat, and a permit for `action` on it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::NotAllowed`], or any other [`Error`].
    pub(crate) fn on(&self, tx: &mut dyn Tx, action: Action, id: ChatId) -> Result<(Chat, Permit)> {
        let (chat, permit) = chats::authorized(tx, &self.subject, action, id)?;
        if chat.site != self.site {
            return Err(Refusal::NotFound("chat").into());
        }
        Ok((chat, permit))
    }
}

/// A message or note as it was written.
///
/// # Errors
/// [`Refusal::Validation`] of `text` or `custom_id`.
pub(crate) fn written(text: &str, custom_id: &str, is_note: bool) -> Result<NewEvent, Refusal> {
    let new = NewEvent::message(text)?.with_custom_id(custom_id)?;
    Ok(addressed(new, is_note))
}

/// An upload of the agent as a message or note; `url` is what the upload returned.
///
/// # Errors
/// [`Refusal::Validation`] of `url` or `custom_id`.
pub(crate) fn written_file(url: &str, custom_id: &str, is_note: bool) -> Result<NewEvent, Refusal> {
    let new = NewEvent::file(url, None)?.with_custom_id(custom_id)?;
    Ok(addressed(new, is_note))
}

fn addressed(new: NewEvent, is_note: bool) -> NewEvent {
    if is_note {
        // A note about a closed chat stands in its last thread and opens none.
        new.for_recipients(Recipients::Agents)
            .attached_to_last_thread()
    } else {
        new
    }
}

/// Stores a message once. An answer to a closed chat opens a new thread.
///
/// # Errors
/// What [`events::append`] and [`chats::activate`] refuse, or any other [`Error`].
pub(crate) fn send(
    tx: &mut dyn Tx,
    acting: &Acting,
    id: ChatId,
    new: &NewEvent,
    now: i64,
) -> Result<Appended> {
    let action = match new.recipients() {
        Recipients::All => Action::SendEvent,
        Recipients::Agents => Action::SendNote,
    };
    let (_, permit) = acting.on(tx, action, id)?;
    match events::append(tx, &permit, new, now) {
        Err(Error::Refused(Refusal::ChatInactive)) => open_with(tx, acting, id, new, now),
        other => other,
    }
}

fn open_with(
    tx: &mut dyn Tx,
    acting: &Acting,
    id: ChatId,
    new: &NewEvent,
    now: i64,
) -> Result<Appended> {
    let (_, permit) = acting.on(tx, Action::OpenThread, id)?;
    let opening = Opening {
        events: vec![new.clone()],
        ..Opening::default()
    };
    let opened = chats::activate(tx, &permit, &opening, now)?;
    opened
        .events
        .into_iter()
        .next()
        .ok_or_else(|| Error::Db("a thread opened without its first event".to_owned()))
}

/// Gives the chat to the agent who asks, whoever has it now.
///
/// # Errors
/// What [`chats::assign`] refuses, or any other [`Error`].
pub(crate) fn take(tx: &mut dyn Tx, acting: &Acting, id: ChatId, now: i64) -> Result<()> {
    let agent = acting.agent().ok_or(Refusal::NotAllowed)?;
    let (chat, permit) = acting.on(tx, Action::AssignChat, id)?;
    chats::assign(tx, &permit, chat.agent, Some(agent), now)?;
    Ok(())
}

/// Closes the open thread; closing a closed one is done already.
///
/// # Errors
/// What [`chats::close`] refuses, or any other [`Error`].
pub(crate) fn close(tx: &mut dyn Tx, acting: &Acting, id: ChatId, now: i64) -> Result<()> {
    let (_, permit) = acting.on(tx, Action::CloseThread, id)?;
    match chats::close(tx, &permit, now) {
        Ok(_) | Err(Error::Refused(Refusal::ChatInactive)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Notes that the agent has seen the chat up to `seq`.
///
/// # Errors
/// What [`chat_users::mark_seen`] refuses, or any other [`Error`].
pub(crate) fn mark_seen(
    tx: &mut dyn Tx,
    acting: &Acting,
    id: ChatId,
    seq: i64,
    now: i64,
) -> Result<()> {
    let (_, permit) = acting.on(tx, Action::MarkSeen, id)?;
    chat_users::mark_seen(tx, &permit, UpTo::Seq(seq), now)?;
    Ok(())
}
