//! Changing properties of a chat, a thread or an event: a stored change with a `seq` of its own.

use crate::db::{Result, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::{Author, Body, Event, PropertyOwner, Recipients};
use crate::domain::ids::{EventId, ThreadId};
use crate::domain::permission::{Action, Permit};
use crate::domain::properties::{Properties, PropertyNames};
use crate::domain::rating;
use crate::store::chats::{finish, hold};
use crate::store::events::{self, Entry};
use crate::store::threads;

/// What to change.
#[derive(Clone, Debug, PartialEq)]
pub enum PropertyChange {
    /// Lay these values over those that are there.
    Update(Properties),
    /// Take these names away.
    Delete(PropertyNames),
}

/// Changes properties of the chat of the permit, of a thread of it, or of an entry of it. `None` where nothing changes;
/// else the stored change, which holds only what differs.
///
/// The namespace `rating` of a thread is the visitor's rating of it: a line of the conversation says what became of it.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ChangeProperties`], or for a rating by somebody else than
/// the visitor; [`Refusal::NotFound`] for a thread or an event of another chat, or one that the subject may not see;
/// [`Refusal::Validation`] where there would be too many or a rating is none; or any other [`crate::db::Error`].
pub fn change_properties(
    tx: &mut dyn Tx,
    permit: &Permit,
    of: PropertyOwner,
    change: &PropertyChange,
    now: i64,
) -> Result<Option<Event>> {
    let mut chat = hold(tx, permit, &[Action::ChangeProperties])?;
    let author = permit.author(chat.visitor)?;
    let target = Target::read(tx, permit, &chat, of)?;
    let before = target.properties();
    let (updated, deleted) = match change {
        PropertyChange::Update(values) => (values.beyond(before), PropertyNames::default()),
        PropertyChange::Delete(names) => (Properties::default(), names.found_in(before)),
    };
    if updated.is_empty() && deleted.is_empty() {
        return Ok(None);
    }
    let lines = match of {
        PropertyOwner::Thread(_) => rating_lines(author, &updated, &deleted)?,
        PropertyOwner::Chat | PropertyOwner::Event { .. } => Vec::new(),
    };
    let after = before.clone().merged(&updated)?.without(&deleted);
    let place = target.write(tx, &mut chat, after)?;
    let body = Body::PropertiesChanged {
        of,
        updated,
        deleted,
    };
    let entry = Entry {
        recipients: place.recipients,
        refers_to: place.seq,
        thread: place.thread,
        ..Entry::change(author, body)
    };
    let event = events::record(tx, &mut chat, entry, now)?;
    for line in lines {
        let entry = Entry {
            thread: place.thread,
            ..Entry::change(Author::System, line)
        };
        events::record(tx, &mut chat, entry, now)?;
    }
    finish(tx, &mut chat, now)?;
    Ok(Some(event))
}

/// What the properties hang on, as it stands.
enum Target {
    Chat(Properties),
    Thread(ThreadId, Properties),
    Event(Box<Event>, Properties),
}

/// Where a change of properties is written down, and who may know of it.
struct Place {
    recipients: Recipients,
    seq: Option<i64>,
    thread: Option<ThreadId>,
}

impl Target {
    fn read(tx: &mut dyn Tx, permit: &Permit, chat: &Chat, of: PropertyOwner) -> Result<Self> {
        Ok(match of {
            PropertyOwner::Chat => Self::Chat(chat.properties.clone()),
            PropertyOwner::Thread(thread) => {
                Self::Thread(thread, threads::properties(tx, chat.id, thread)?)
            }
            PropertyOwner::Event { thread, event } => {
                let event = entry(tx, permit, chat, (thread, event))?;
                let properties = event.body.properties().cloned();
                let properties = properties.ok_or(Refusal::NotFound("event"))?;
                Self::Event(Box::new(event), properties)
            }
        })
    }

    const fn properties(&self) -> &Properties {
        match self {
            Self::Chat(properties) | Self::Thread(_, properties) | Self::Event(_, properties) => {
                properties
            }
        }
    }

    fn write(self, tx: &mut dyn Tx, chat: &mut Chat, after: Properties) -> Result<Place> {
        let (recipients, seq, thread) = match self {
            Self::Chat(_) => {
                chat.properties = after;
                (Recipients::All, None, None)
            }
            Self::Thread(thread, _) => {
                threads::set_properties(tx, thread, &after)?;
                (Recipients::All, None, Some(thread))
            }
            Self::Event(mut event, _) => {
                if let Some(properties) = event.body.properties_mut() {
                    *properties = after;
                }
                events::rewrite(tx, &event)?;
                (event.recipients, Some(event.seq), Some(event.thread))
            }
        };
        Ok(Place {
            recipients,
            seq,
            thread,
        })
    }
}

/// The entry of a held chat with this thread and id, as it reads now, if the permit's subject may see it.
///
/// # Errors
/// [`Refusal::NotFound`], or any other [`crate::db::Error`].
pub(in crate::store) fn entry(
    tx: &mut dyn Tx,
    permit: &Permit,
    chat: &Chat,
    (thread, id): (ThreadId, EventId),
) -> Result<Event> {
    let found = events::find_visible(tx, permit, chat.id, id)?;
    let event = found.filter(|event| event.thread == thread && event.body.kind().is_shown());
    Ok(event.ok_or(Refusal::NotFound("event"))?)
}

/// The lines that say what became of a rating, where the change is one.
fn rating_lines(
    author: Author,
    updated: &Properties,
    deleted: &PropertyNames,
) -> Result<Vec<Body>> {
    let lines = rating::lines(updated, deleted)?;
    match author {
        Author::Visitor(_) | Author::System => Ok(lines),
        Author::Agent(_) if updated.has(rating::NAMESPACE) || deleted.has(rating::NAMESPACE) => {
            Err(Refusal::NotAllowed.into())
        }
        Author::Agent(_) => Ok(lines),
    }
}
