//! Writing an event: once, under the chat's lock, with what it means for the row of the chat.

use super::{COLUMNS, STATE, read_current, resolve};
use crate::db::{Error, Result, Tx};
use crate::domain::chat::{Chat, excerpt};
use crate::domain::event::{Author, Body, Event, NewEvent, Recipients, body_hash};
use crate::domain::ids::{ChatId, EventId, ThreadId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::domain::{Hint, Refusal};
use crate::store::{chat_users, chats, json, threads};

/// The outcome of a send.
#[derive(Clone, Debug, PartialEq)]
pub struct Appended {
    /// The stored event: the first one where the send was a repeat.
    pub event: Event,
    /// Whether nothing was written because it is stored already.
    pub is_duplicate: bool,
}

/// Writes an event into the chat of the permit, once: a repeat by the same author and `custom_id` gets the first one.
///
/// A message of an agent makes them take part, and the owner of a chat that nobody has; the first message of an anonymous
/// visitor makes them a lead.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::SendEvent`], or [`Action::SendNote`] for a note;
/// [`Refusal::CustomIdReused`] where the id came with another content; [`Refusal::ChatInactive`] where no thread is open
/// and the event is not attached to the last one; or any other [`Error`].
pub fn append(tx: &mut dyn Tx, permit: &Permit, new: &NewEvent, now: i64) -> Result<Appended> {
    let (appended, _) = append_in(tx, permit, new, now)?;
    Ok(appended)
}

/// The same, with the chat as it stands after it.
///
/// # Errors
/// As [`append`].
pub fn append_in(
    tx: &mut dyn Tx,
    permit: &Permit,
    new: &NewEvent,
    now: i64,
) -> Result<(Appended, Chat)> {
    let mut chat = chats::hold(tx, permit, &[send_action(permit, new)])?;
    let author = permit.author(chat.visitor)?;
    if let Some(event) = find_repeat(tx, chat.id, author, new)? {
        let appended = Appended {
            event,
            is_duplicate: true,
        };
        return Ok((appended, chat));
    }
    let new = resolve(tx, permit, &chat, new, now)?;
    let event = append_new(tx, &mut chat, author, &new, now)?;
    chats::finish(tx, &mut chat, now)?;
    let appended = Appended {
        event,
        is_duplicate: false,
    };
    Ok((appended, chat))
}

/// Something to be written into a held chat.
pub(in crate::store) struct Entry<'a> {
    pub(in crate::store) author: Author,
    pub(in crate::store) recipients: Recipients,
    pub(in crate::store) custom_id: Option<&'a str>,
    pub(in crate::store) body: Body,
    /// What tells a repeat, where that is not the body itself.
    pub(in crate::store) hash: Option<[u8; 32]>,
    /// The `seq` of the event that a change is about.
    pub(in crate::store) refers_to: Option<i64>,
    /// The thread it stands in; `None` is the newest.
    pub(in crate::store) thread: Option<ThreadId>,
}

impl Entry<'_> {
    /// A stored change or a line for everybody.
    pub(in crate::store) const fn change(author: Author, body: Body) -> Self {
        Self {
            author,
            recipients: Recipients::All,
            custom_id: None,
            body,
            hash: None,
            refers_to: None,
            thread: None,
        }
    }
}

/// What a client needs to be permitted to write this. A visitor's page may tell agents something past the visitor, in a
/// system message; it takes no part in what agents say to each other.
fn send_action(permit: &Permit, new: &NewEvent) -> Action {
    let is_of_page = matches!(permit.subject(), Subject::Visitor { .. })
        && matches!(new.body(), Some(Body::SystemMessage { .. }));
    match new.recipients() {
        Recipients::Agents if !is_of_page => Action::SendNote,
        Recipients::All | Recipients::Agents => Action::SendEvent,
    }
}

/// The event that was stored when this was sent before. The chat must be held, or two repeats may pass each other.
pub(in crate::store) fn find_repeat(
    tx: &mut dyn Tx,
    chat: ChatId,
    author: Author,
    new: &NewEvent,
) -> Result<Option<Event>> {
    let Some(custom_id) = new.custom_id() else {
        return Ok(None);
    };
    let sql = format!(
        "select {COLUMNS}, {STATE}, body_hash from events e
         where chat_id = ?1 and author_kind = ?2 and author_id = ?3 and custom_id = ?4"
    );
    let found = tx.opt(
        &sql,
        &[
            chat.into(),
            author.kind().into(),
            author.id().into(),
            custom_id.into(),
        ],
        |row| Ok((read_current(row)?, row.blob(14)?)),
    )?;
    match found {
        None => Ok(None),
        Some((event, hash)) if hash == new.body_hash() => Ok(Some(event)),
        Some(_) => Err(Refusal::CustomIdReused.into()),
    }
}

/// Writes an event that is known not to be a repeat into a held chat.
pub(in crate::store) fn append_new(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    author: Author,
    new: &NewEvent,
    now: i64,
) -> Result<Event> {
    let body = new
        .body()
        .ok_or_else(|| Error::Db("an upload was not looked up before it was stored".into()))?;
    if !chat.is_active && !new.is_attached_to_last_thread() {
        return Err(Refusal::ChatInactive.into());
    }
    if let (Author::Agent(agent), Recipients::All, true) =
        (author, new.recipients(), chat.is_active)
    {
        chats::answer(tx, chat, agent, now)?;
    }
    let entry = Entry {
        author,
        recipients: new.recipients(),
        custom_id: new.custom_id(),
        body: body.clone(),
        hash: Some(new.body_hash()),
        refers_to: None,
        thread: None,
    };
    let event = record(tx, chat, entry, now)?;
    if let (Author::Agent(_), Recipients::All, Some(thread)) =
        (author, new.recipients(), chat.thread)
    {
        threads::note_answer(tx, thread, event.created_at)?;
    }
    if author != Author::System {
        chat_users::note_seen(tx, chat.id, author, (event.seq, event.created_at))?;
    }
    if matches!(author, Author::Visitor(_)) && event.body.kind().is_said() {
        make_lead(tx, chat, now)?;
    }
    Ok(event)
}

/// Writes one entry into a held chat under its next `seq`.
pub(in crate::store) fn record(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    entry: Entry<'_>,
    now: i64,
) -> Result<Event> {
    let thread = entry.thread.or(chat.thread).ok_or(Refusal::ChatInactive)?;
    // The clock may have gone back, or another node's may be ahead.
    let at = now.max(chat.changed_at);
    note(chat, &entry, at);
    chats::advance(tx, chat, at)?;
    let hash = entry.hash;
    let event = Event {
        chat: chat.id,
        seq: chat.last_seq,
        id: EventId(tx.new_id(now)),
        thread,
        site: chat.site,
        author: entry.author,
        recipients: entry.recipients,
        custom_id: entry.custom_id.map(Into::into),
        body: entry.body,
        refers_to: entry.refers_to,
        created_at: at,
        edited_at: None,
    };
    let hash = hash.unwrap_or_else(|| body_hash(event.recipients, &event.body));
    insert(tx, &event, &hash)?;
    tx.emit(Hint::ChatAdvanced {
        site: chat.site,
        chat: chat.id,
        seq: chat.last_seq,
    })?;
    Ok(event)
}

/// What an entry means for the row of its chat.
fn note(chat: &mut Chat, entry: &Entry<'_>, at: i64) {
    let seq = chat.last_seq + 1;
    match &entry.body {
        Body::Message { .. }
        | Body::File { .. }
        | Body::FilledForm { .. }
        | Body::RichMessage { .. } => said(chat, entry, seq, at),
        Body::ThreadClosed {} => {
            chat.last_event_at = at;
            chat.waiting_since = None;
        }
        Body::SystemMessage { .. } | Body::Custom { .. } | Body::ThreadOpened { .. } => {
            chat.last_event_at = at;
        }
        Body::Seen { .. }
        | Body::Assigned { .. }
        | Body::UserAdded { .. }
        | Body::UserRemoved { .. }
        | Body::PropertiesChanged { .. }
        | Body::EventUpdated { .. }
        | Body::PostbackToggled { .. } => {}
    }
}

/// What it means for the row of a chat that somebody said something.
fn said(chat: &mut Chat, entry: &Entry<'_>, seq: i64, at: i64) {
    chat.last_event_at = at;
    match entry.author {
        Author::Visitor(_) => chat.visitor_seen_seq = seq,
        Author::Agent(_) => chat.agent_seen_seq = seq,
        Author::System => {}
    }
    if entry.recipients == Recipients::Agents {
        return;
    }
    chat.last_text = excerpt(&entry.body.summary().unwrap_or_default());
    chat.last_author = entry.author.kind().into();
    chat.waiting_since = match entry.author {
        Author::Visitor(_) if chat.is_active => chat.waiting_since.or(Some(at)),
        Author::Agent(_) => None,
        Author::Visitor(_) | Author::System => chat.waiting_since,
    };
}

fn insert(tx: &mut dyn Tx, event: &Event, hash: &[u8; 32]) -> Result<()> {
    let body = json::write(&event.body)?;
    tx.exec(
        "insert into events
           (chat_id, seq, id, thread_id, site_id, kind, author_kind, author_id, recipients,
            custom_id, body_hash, body, refers_to, created_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        &[
            event.chat.into(),
            event.seq.into(),
            event.id.into(),
            event.thread.into(),
            event.site.into(),
            event.body.kind().as_str().into(),
            event.author.kind().into(),
            event.author.id().into(),
            event.recipients.as_str().into(),
            event.custom_id.as_deref().into(),
            hash.into(),
            (&body).into(),
            event.refers_to.into(),
            event.created_at.into(),
        ],
    )?;
    Ok(())
}

/// Who has written is no longer anonymous.
fn make_lead(tx: &mut dyn Tx, chat: &Chat, now: i64) -> Result<()> {
    let changed = tx.exec(
        "update visitors set kind = 'lead', updated_at = ?2 where id = ?1 and kind = 'anonymous'",
        &[chat.root.into(), now.into()],
    )?;
    if changed > 0 {
        tx.emit(Hint::VisitorUpdated {
            site: chat.site,
            visitor: chat.root,
        })?;
    }
    Ok(())
}
