//! Events of a chat: appended under the chat's lock with the next `seq`, never changed, read in order of `seq`.
//!
//! An entry that was edited, pressed or given other properties has a state beside it: how it reads now.

mod append;
mod resolve;
mod states;

pub use append::{Appended, append, append_in};
pub(super) use append::{Entry, append_new, find_repeat, record};
pub(super) use resolve::resolve;
pub(super) use states::rewrite;

use crate::db::{Error, Result, Row, Tx};
use crate::domain::event::{Author, Event, EventKind, Recipients};
use crate::domain::ids::{ChatId, EventId, SiteId, ThreadId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::store::json;

const COLUMNS: &str = "chat_id, seq, id, thread_id, site_id, author_kind, author_id, recipients, \
                       custom_id, body, refers_to, created_at";

/// How the event in the row reads now, where it was changed.
const STATE: &str = "
    (select s.body from event_states s where s.chat_id = e.chat_id and s.seq = e.seq),
    (select s.edited_at from event_states s where s.chat_id = e.chat_id and s.seq = e.seq)";

/// The kinds that stand in the conversation, as a list of SQL.
pub(super) const SHOWN: &str =
    "('message', 'system_message', 'file', 'filled_form', 'rich_message', 'custom')";

/// The kinds that are said by somebody, as a list of SQL.
pub(super) const SAID: &str = "('message', 'file', 'filled_form', 'rich_message')";

/// Most events that one read returns.
pub const MAX_PAGE: i64 = 200;

/// One place in a chat, as somebody may see it.
#[derive(Clone, Debug, PartialEq)]
pub enum Slot {
    /// An event they may see.
    Event(Box<Event>),
    /// An event they may not see: only that the number is taken.
    Hidden {
        /// The number.
        seq: i64,
    },
}

impl Slot {
    /// The place in the chat.
    #[must_use]
    pub const fn seq(&self) -> i64 {
        match self {
            Self::Event(event) => event.seq,
            Self::Hidden { seq } => *seq,
        }
    }
}

/// The places after `after_seq`, in order and without gaps, at most `limit` and [`MAX_PAGE`], each as it was written.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
///
/// [`Refusal::NotAllowed`]: crate::domain::Refusal::NotAllowed
pub fn after(tx: &mut dyn Tx, permit: &Permit, after_seq: i64, limit: i64) -> Result<Vec<Slot>> {
    places(tx, permit, (after_seq, limit), ("", read_row))
}

/// The same as [`after`], with entries as they read after all edits: for who draws what is true now.
///
/// # Errors
/// As [`after`].
pub fn current_after(
    tx: &mut dyn Tx,
    permit: &Permit,
    after_seq: i64,
    limit: i64,
) -> Result<Vec<Slot>> {
    let state = format!(", {STATE}");
    places(tx, permit, (after_seq, limit), (&state, read_current))
}

/// How a row is read.
type Reading = fn(&dyn Row) -> Result<Event>;

fn places(
    tx: &mut dyn Tx,
    permit: &Permit,
    (after_seq, limit): (i64, i64),
    (state, read): (&str, Reading),
) -> Result<Vec<Slot>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    let sql = format!(
        "select {COLUMNS}{state} from events e
         where chat_id = ?1 and seq > ?2
         order by seq limit ?3"
    );
    let events = tx.all(
        &sql,
        &[
            chat.into(),
            after_seq.into(),
            limit.clamp(0, MAX_PAGE).into(),
        ],
        read,
    )?;
    let hides_notes = !sees_notes(permit);
    let slot = |event: Event| match event.recipients {
        Recipients::Agents if hides_notes => Slot::Hidden { seq: event.seq },
        Recipients::Agents | Recipients::All => Slot::Event(Box::new(event)),
    };
    Ok(events.into_iter().map(slot).collect())
}

/// The last `limit` shown entries of a thread before `before_seq` that the permit's subject may see, in order of `seq`,
/// as they read after all edits.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
pub fn page_of_thread(
    tx: &mut dyn Tx,
    permit: &Permit,
    thread: ThreadId,
    before_seq: Option<i64>,
    limit: i64,
) -> Result<Vec<Event>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    let filter = visibility(permit);
    let sql = format!(
        "select {COLUMNS}, {STATE} from events e
         where thread_id = ?1 and chat_id = ?2 and seq < ?3
           and kind in {SHOWN}{filter}
         order by seq desc limit ?4"
    );
    let mut events = tx.all(
        &sql,
        &[
            thread.into(),
            chat.into(),
            before_seq.unwrap_or(i64::MAX).into(),
            limit.clamp(0, MAX_PAGE).into(),
        ],
        read_current,
    )?;
    events.reverse();
    Ok(events)
}

/// The newest shown entry of each kind that the permit's subject may see, as it reads after all edits.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
pub fn last_per_kind(tx: &mut dyn Tx, permit: &Permit) -> Result<Vec<Event>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    let filter = visibility(permit);
    let sql = format!(
        "select {COLUMNS}, {STATE} from events e
         where chat_id = ?1 and kind = ?2{filter}
         order by seq desc limit 1"
    );
    let mut found = Vec::new();
    for kind in EventKind::SHOWN {
        found.extend(tx.opt(&sql, &[chat.into(), kind.as_str().into()], read_current)?);
    }
    Ok(found)
}

/// The event with this id in the chat of the permit, if its subject may see it, as it reads after all edits.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
pub fn get(tx: &mut dyn Tx, permit: &Permit, id: EventId) -> Result<Option<Event>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    find_visible(tx, permit, chat, id)
}

/// The event of a chat with this id, if the permit's subject may see it, as it reads after all edits; for changes,
/// whose permit is not one to read.
pub(super) fn find_visible(
    tx: &mut dyn Tx,
    permit: &Permit,
    chat: ChatId,
    id: EventId,
) -> Result<Option<Event>> {
    let filter = visibility(permit);
    let sql =
        format!("select {COLUMNS}, {STATE} from events e where chat_id = ?1 and id = ?2{filter}");
    tx.opt(&sql, &[chat.into(), id.into()], read_current)
}

/// The event at this place of a chat, as it reads after all edits.
pub(super) fn current(tx: &mut dyn Tx, chat: ChatId, seq: i64) -> Result<Option<Event>> {
    let sql = format!("select {COLUMNS}, {STATE} from events e where chat_id = ?1 and seq = ?2");
    tx.opt(&sql, &[chat.into(), seq.into()], read_current)
}

fn sees_notes(permit: &Permit) -> bool {
    match permit.subject() {
        // A permit to read a chat is one to read its notes, for everybody but its visitor.
        Subject::Agent { .. } | Subject::ApiKey { .. } | Subject::System => true,
        Subject::Visitor { .. } | Subject::Setup | Subject::Nobody => false,
    }
}

fn visibility(permit: &Permit) -> &'static str {
    if sees_notes(permit) {
        ""
    } else {
        " and recipients = 'all'"
    }
}

/// A row of [`COLUMNS`] and [`STATE`].
fn read_current(row: &dyn Row) -> Result<Event> {
    let mut event = read_row(row)?;
    if let Some(state) = row.opt_text(12)? {
        event.body = json::read(&state)?;
    }
    event.edited_at = row.opt_i64(13)?;
    Ok(event)
}

fn read_row(row: &dyn Row) -> Result<Event> {
    let (kind, recipients) = (row.text(5)?, row.text(7)?);
    Ok(Event {
        chat: ChatId(row.i64(0)?),
        seq: row.i64(1)?,
        id: EventId(row.i64(2)?),
        thread: ThreadId(row.i64(3)?),
        site: SiteId(row.i64(4)?),
        author: Author::from_parts(&kind, row.i64(6)?)
            .ok_or_else(|| Error::Db(format!("author kind {kind}")))?,
        recipients: Recipients::parse(&recipients)
            .ok_or_else(|| Error::Db(format!("recipients {recipients}")))?,
        custom_id: row.opt_text(8)?,
        body: json::read(&row.text(9)?)?,
        refers_to: row.opt_i64(10)?,
        created_at: row.i64(11)?,
        edited_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_kinds_are_those_of_the_domain() {
        let list = |is: fn(EventKind) -> bool| {
            let kinds = EventKind::SHOWN.into_iter().filter(|kind| is(*kind));
            let quoted: Vec<String> = kinds.map(|kind| format!("'{}'", kind.as_str())).collect();
            format!("({})", quoted.join(", "))
        };

        assert_eq!(list(EventKind::is_shown), SHOWN);
        assert_eq!(list(EventKind::is_said), SAID);
    }
}
