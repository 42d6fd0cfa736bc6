//! Changing properties of a chat, a thread or an event: a stored change with a `seq` of its own.

use crate::db::{Result, Tx};
use crate::domain::event::{Body, Event, PropertyOwner};
use crate::domain::permission::{Action, Permit};
use crate::domain::properties::{Properties, PropertyNames};
use crate::store::chats::{finish, hold};
use crate::store::events::{self, Entry};
use crate::store::threads;

/// What to change: values to lay over, names to take away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyChange {
    /// New and changed values.
    pub updated: Properties,
    /// Names to take away.
    pub deleted: PropertyNames,
}

/// Changes properties of the chat of the permit, or of a thread of it. `None` where nothing changes.
///
/// # Errors
/// [`crate::domain::Refusal::NotAllowed`] unless the permit is for [`Action::ChangeProperties`]; [`crate::domain::Refusal::NotFound`] for a thread of
/// another chat; [`crate::domain::Refusal::Validation`] where there would be too many; or any other [`crate::db::Error`].
pub fn change_properties(
    tx: &mut dyn Tx,
    permit: &Permit,
    of: PropertyOwner,
    change: &PropertyChange,
    now: i64,
) -> Result<Option<Event>> {
    let mut chat = hold(tx, permit, &[Action::ChangeProperties])?;
    let author = permit.author(chat.visitor)?;
    let before = match of {
        PropertyOwner::Chat => chat.properties.clone(),
        PropertyOwner::Thread(thread) => threads::properties(tx, chat.id, thread)?,
    };
    let after = before
        .clone()
        .merged(&change.updated)?
        .without(&change.deleted);
    if after == before {
        return Ok(None);
    }
    match of {
        PropertyOwner::Chat => chat.properties = after,
        PropertyOwner::Thread(thread) => threads::set_properties(tx, thread, &after)?,
    }
    let body = Body::PropertiesChanged {
        of,
        updated: change.updated.clone(),
        deleted: change.deleted.clone(),
    };
    let event = events::record(tx, &mut chat, Entry::change(author, body), now)?;
    finish(tx, &chat, now)?;
    Ok(Some(event))
}
