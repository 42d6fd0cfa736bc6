//! What a connection has not been sent: the places of a chat after a number, read and drawn for the chat's visitor.

use super::pushes::{self, Around, Push};
use crate::db::{Result, Tx};
use crate::domain::chat::Chat;
use crate::domain::event::Event;
use crate::domain::permission::Permit;
use crate::live::ChatUpdate;
use crate::store::chat_users::{self, Participant};
use crate::store::events::{self, Slot};

/// Most places of one read, and of one answer of `resume`.
pub(super) const PAGE: i64 = 200;

/// The places after `after_seq`, in order and without gaps, at most [`PAGE`]; `permit` is for reading `chat`.
///
/// # Errors
/// Any [`crate::db::Error`].
pub(super) fn page(
    tx: &mut dyn Tx,
    permit: &Permit,
    chat: &Chat,
    after_seq: i64,
) -> Result<Vec<Push>> {
    let slots = events::current_after(tx, permit, after_seq, PAGE)?;
    let users = users(tx, permit, &slots)?;
    slots
        .iter()
        .map(|slot| match slot {
            Slot::Hidden { seq } => Ok(pushes::hidden(chat.id, *seq)),
            Slot::Event(event) => {
                let about = about(tx, permit, event)?;
                let around = Around {
                    chat,
                    users: &users,
                    about: about.as_ref(),
                };
                Ok(pushes::draw(event, around))
            }
        })
        .collect()
}

/// All places after `after_seq` up to `last_seq`.
///
/// # Errors
/// Any [`crate::db::Error`].
pub(super) fn up_to(
    tx: &mut dyn Tx,
    permit: &Permit,
    chat: &Chat,
    after_seq: i64,
    last_seq: i64,
) -> Result<Vec<Push>> {
    let mut all = Vec::new();
    let mut sent = after_seq;
    while sent < last_seq {
        let page = page(tx, permit, chat, sent)?;
        let Some(last) = page.last() else {
            break;
        };
        sent = last.seq;
        all.extend(page.into_iter().filter(|push| push.seq <= last_seq));
    }
    Ok(all)
}

/// The earlier event that this one cannot be drawn without.
///
/// # Errors
/// Any [`crate::db::Error`].
pub(super) fn about(tx: &mut dyn Tx, permit: &Permit, event: &Event) -> Result<Option<Event>> {
    let Some(seq) = pushes::about(event) else {
        return Ok(None);
    };
    let slots = events::after(tx, permit, seq - 1, 1)?;
    Ok(slots.into_iter().find_map(|slot| match slot {
        Slot::Event(event) if event.seq == seq => Some(*event),
        Slot::Event(_) | Slot::Hidden { .. } => None,
    }))
}

/// Who takes part, read only where one of the places shows it.
fn users(tx: &mut dyn Tx, permit: &Permit, slots: &[Slot]) -> Result<Vec<Participant>> {
    let is_needed = slots.iter().any(|slot| match slot {
        Slot::Event(event) => ChatUpdate::needs_users(&event.body),
        Slot::Hidden { .. } => false,
    });
    if is_needed {
        chat_users::participants(tx, permit)
    } else {
        Ok(Vec::new())
    }
}
