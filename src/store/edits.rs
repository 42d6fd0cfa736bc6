//! Edits: what a message says now, as a new event that points at it. The first text stays in the history.

use crate::db::{Result, Tx};
use crate::domain::Refusal;
use crate::domain::chat::{Chat, excerpt};
use crate::domain::event::{Body, Event, Recipients, message_text};
use crate::domain::permission::{Action, Permit};
use crate::store::chats;
use crate::store::events::{self, Entry};

/// Changes the text of a message that the permit's agent wrote. `None` where it reads so already: a repeat is harmless.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::EditEvent`], or for a message of somebody else;
/// [`Refusal::NotFound`] where there is no message under this `seq`; [`Refusal::Validation`] of the text; or any other
/// [`crate::db::Error`].
pub fn edit(
    tx: &mut dyn Tx,
    permit: &Permit,
    seq: i64,
    text: &str,
    now: i64,
) -> Result<Option<Event>> {
    let text = message_text(text)?;
    let mut chat = chats::hold(tx, permit, &[Action::EditEvent])?;
    let author = permit.author(chat.visitor)?;
    let event = events::current(tx, chat.id, seq)?.ok_or(Refusal::NotFound("event"))?;
    let Body::Message { text: before, .. } = &event.body else {
        return Err(Refusal::NotFound("event").into());
    };
    if event.author != author {
        return Err(Refusal::NotAllowed.into());
    }
    if *before == text {
        return Ok(None);
    }
    if is_newest(tx, &chat, &event)? {
        chat.last_text = excerpt(&text);
    }
    let entry = Entry {
        author,
        recipients: event.recipients,
        custom_id: None,
        body: Body::EventUpdated { text },
        refers_to: Some(seq),
    };
    let edit = events::record(tx, &mut chat, entry, now)?;
    chats::finish(tx, &chat, now)?;
    Ok(Some(edit))
}

/// Whether the row of the chat shows this message.
fn is_newest(tx: &mut dyn Tx, chat: &Chat, event: &Event) -> Result<bool> {
    let later = tx.opt(
        "select 1 from events
         where chat_id = ?1 and seq > ?2 and kind = 'message' and recipients = 'all'
         limit 1",
        &[chat.id.into(), event.seq.into()],
        |_| Ok(()),
    )?;
    Ok(later.is_none() && event.recipients == Recipients::All)
}
