//! Postbacks: the buttons of rich messages that the visitor has pressed.

use crate::db::{Result, Tx};
use crate::domain::Refusal;
use crate::domain::event::{Author, Body, Event};
use crate::domain::ids::{EventId, ThreadId};
use crate::domain::permission::{Action, Permit};
use crate::store::chats;
use crate::store::events::{self, Entry};

/// A button of a rich message, and whether it is to be pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Press {
    /// The thread of the message.
    pub thread: ThreadId,
    /// The message.
    pub event: EventId,
    /// What the button calls itself; all buttons of the message with this name are one.
    pub postback_id: String,
    /// Pressed, or let go.
    pub is_toggled: bool,
}

/// Notes that the visitor of the permit pressed a button or let it go. `None` where it is so already: a repeat is
/// harmless.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::SendEvent`] and its subject is the visitor;
/// [`Refusal::NotFound`] where there is no such rich message in this chat and thread, or it has no such button; or any
/// other [`crate::db::Error`].
pub fn toggle(tx: &mut dyn Tx, permit: &Permit, press: &Press, now: i64) -> Result<Option<Event>> {
    let mut chat = chats::hold(tx, permit, &[Action::SendEvent])?;
    let author = permit.author(chat.visitor)?;
    let Author::Visitor(visitor) = author else {
        return Err(Refusal::NotAllowed.into());
    };
    let mut message = chats::entry(tx, permit, &chat, (press.thread, press.event))?;
    let Body::RichMessage { content, .. } = &mut message.body else {
        return Err(Refusal::NotFound("event").into());
    };
    let (mut is_known, mut is_changed) = (false, false);
    for button in content.buttons_mut(&press.postback_id) {
        is_known = true;
        if button.user_ids.contains(&visitor) != press.is_toggled {
            is_changed = true;
            button.user_ids.retain(|user| *user != visitor);
            button.user_ids.extend(press.is_toggled.then_some(visitor));
        }
    }
    if !is_known {
        return Err(Refusal::NotFound("postback").into());
    }
    if !is_changed {
        return Ok(None);
    }
    events::rewrite(tx, &message)?;
    let entry = Entry {
        refers_to: Some(message.seq),
        thread: Some(message.thread),
        ..Entry::change(
            author,
            Body::PostbackToggled {
                event: message.id,
                thread: message.thread,
                postback_id: press.postback_id.clone(),
                is_toggled: press.is_toggled,
                is_pushed: chat.is_active && chat.thread == Some(message.thread),
            },
        )
    };
    let event = events::record(tx, &mut chat, entry, now)?;
    chats::finish(tx, &mut chat, now)?;
    Ok(Some(event))
}
