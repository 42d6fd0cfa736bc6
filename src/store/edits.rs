//! Edits: how an entry reads now, as a new event that points at it. What was first said stays in the history.

use crate::db::{Result, Tx};
use crate::domain::Refusal;
use crate::domain::agent::Role;
use crate::domain::chat::{Chat, excerpt};
use crate::domain::event::{Author, Body, Content, Event, NewEvent, Recipients};
use crate::domain::ids::EventId;
use crate::domain::permission::{Action, Permit, Subject};
use crate::store::chats;
use crate::store::events::{self, Entry, SAID};

/// The place of an event in the chat of the permit.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::EditEvent`]; [`Refusal::NotFound`]; or any other
/// [`crate::db::Error`].
pub fn seq_of(tx: &mut dyn Tx, permit: &Permit, event: EventId) -> Result<i64> {
    let chat = permit.chat(&[Action::EditEvent])?;
    let found = tx.opt(
        "select seq from events where chat_id = ?1 and id = ?2",
        &[chat.into(), event.into()],
        |row| row.i64(0),
    )?;
    Ok(found.ok_or(Refusal::NotFound("event"))?)
}

/// An event of the chat of the permit as it reads after all edits, for who just edited it.
///
/// # Errors
/// As [`seq_of`].
pub fn edited(tx: &mut dyn Tx, permit: &Permit, seq: i64) -> Result<Event> {
    let chat = permit.chat(&[Action::EditEvent])?;
    Ok(events::current(tx, chat, seq)?.ok_or(Refusal::NotFound("event"))?)
}

/// Writes anew what an agent said: a message, a rich message or a custom event. `None` where it reads so already: a
/// repeat is harmless.
///
/// Its author may, and so may admins. Properties stay, and so do the pressed buttons that are still there; of `new` only
/// the content counts.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::EditEvent`], or for an event of somebody else;
/// [`Refusal::NotFound`] where there is nothing to edit under this `seq`; [`Refusal::Validation`] of `type` where `new`
/// is of another type; or any other [`crate::db::Error`].
pub fn edit(
    tx: &mut dyn Tx,
    permit: &Permit,
    seq: i64,
    new: &NewEvent,
    now: i64,
) -> Result<Option<Event>> {
    let mut chat = chats::hold(tx, permit, &[Action::EditEvent])?;
    let author = permit.author(chat.visitor)?;
    let mut event = events::current(tx, chat.id, seq)?.ok_or(Refusal::NotFound("event"))?;
    if !is_editable(&event.body) {
        return Err(Refusal::NotFound("event").into());
    }
    if !may_edit(permit, author, event.author) {
        return Err(Refusal::NotAllowed.into());
    }
    let body = rewritten(&event.body, new)?;
    if body == event.body {
        return Ok(None);
    }
    if event.recipients == Recipients::All && is_newest(tx, &chat, &event)? {
        chat.last_text = excerpt(&body.summary().unwrap_or_default());
    }
    event.body = body.clone();
    event.edited_at = Some(now);
    events::rewrite(tx, &event)?;
    let entry = Entry {
        recipients: event.recipients,
        refers_to: Some(seq),
        thread: Some(event.thread),
        ..Entry::change(
            author,
            Body::EventUpdated {
                body: Box::new(body),
            },
        )
    };
    let edit = events::record(tx, &mut chat, entry, now)?;
    chats::finish(tx, &mut chat, now)?;
    Ok(Some(edit))
}

const fn is_editable(body: &Body) -> bool {
    matches!(
        body,
        Body::Message { .. } | Body::RichMessage { .. } | Body::Custom { .. }
    )
}

/// Whether this author may write anew what `of` said: their own, or as an admin what another agent said.
fn may_edit(permit: &Permit, author: Author, of: Author) -> bool {
    let is_admin = matches!(permit.subject(), Subject::Agent { role, .. } if *role >= Role::Admin);
    author == of || (is_admin && matches!(of, Author::Agent(_)))
}

/// The body with the content of `new` and all that an edit leaves alone.
fn rewritten(before: &Body, new: &NewEvent) -> Result<Body> {
    let Content::Body(new) = new.content() else {
        return Err(other_type().into());
    };
    Ok(match (before, new) {
        (
            Body::Message {
                postback,
                properties,
                ..
            },
            Body::Message { text, .. },
        ) => Body::Message {
            text: text.clone(),
            postback: postback.clone(),
            properties: properties.clone(),
        },
        (
            Body::RichMessage {
                content: before,
                properties,
            },
            Body::RichMessage { content, .. },
        ) => Body::RichMessage {
            content: content.clone().pressed_as_in(before),
            properties: properties.clone(),
        },
        (Body::Custom { properties, .. }, Body::Custom { content, .. }) => Body::Custom {
            content: content.clone(),
            properties: properties.clone(),
        },
        _ => return Err(other_type().into()),
    })
}

fn other_type() -> Refusal {
    Refusal::invalid("type", "must be the type of the event")
}

/// Whether the row of the chat shows this entry.
fn is_newest(tx: &mut dyn Tx, chat: &Chat, event: &Event) -> Result<bool> {
    let sql = format!(
        "select 1 from events
         where chat_id = ?1 and seq > ?2 and kind in {SAID} and recipients = 'all'
         limit 1"
    );
    let later = tx.opt(&sql, &[chat.id.into(), event.seq.into()], |_| Ok(()))?;
    Ok(later.is_none() && event.body.kind().is_said())
}
