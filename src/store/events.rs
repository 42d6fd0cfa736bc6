//! Events of a chat: appended under the chat's lock with the next `seq`, never changed, read in order of `seq`.

use crate::db::{Error, Result, Row, Tx};
use crate::domain::chat::{Chat, excerpt};
use crate::domain::event::{Author, Body, Event, NewEvent, Recipients, body_hash};
use crate::domain::ids::{ChatId, EventId, SiteId, ThreadId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::domain::{Hint, Refusal};
use crate::store::chats;
use crate::store::{chat_users, json, threads};

const COLUMNS: &str = "chat_id, seq, id, thread_id, site_id, author_kind, author_id, recipients, \
                       custom_id, body, refers_to, created_at";

/// The newest edit of the event in the row, for reads that show what is true now; history reads take it as it was.
const LAST_EDIT: &str = "(select u.body from events u \
                          where u.chat_id = e.chat_id and u.refers_to = e.seq \
                          order by u.seq desc limit 1)";

/// Most events that one read returns.
pub const MAX_PAGE: i64 = 200;

/// The outcome of a send.
#[derive(Clone, Debug, PartialEq)]
pub struct Appended {
    /// The stored event: the first one where the send was a repeat.
    pub event: Event,
    /// Whether nothing was written because it is stored already.
    pub is_duplicate: bool,
}

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
    let mut chat = chats::hold(tx, permit, &[send_action(new)])?;
    let author = permit.author(chat.visitor)?;
    if let Some(event) = find_repeat(tx, chat.id, author, new)? {
        return Ok(Appended {
            event,
            is_duplicate: true,
        });
    }
    let event = append_new(tx, &mut chat, author, new, now)?;
    chats::finish(tx, &chat, now)?;
    Ok(Appended {
        event,
        is_duplicate: false,
    })
}

/// The places after `after_seq`, in order and without gaps, at most `limit` and [`MAX_PAGE`].
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
pub fn after(tx: &mut dyn Tx, permit: &Permit, after_seq: i64, limit: i64) -> Result<Vec<Slot>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    let sql = format!(
        "select {COLUMNS} from events where chat_id = ?1 and seq > ?2 order by seq limit ?3"
    );
    let events = tx.all(
        &sql,
        &[
            chat.into(),
            after_seq.into(),
            limit.clamp(0, MAX_PAGE).into(),
        ],
        read_row,
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
        "select {COLUMNS}, {LAST_EDIT} from events e
         where thread_id = ?1 and chat_id = ?2 and seq < ?3
           and kind in ('message', 'system_message'){filter}
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
        "select {COLUMNS}, {LAST_EDIT} from events e
         where chat_id = ?1 and kind = ?2{filter}
         order by seq desc limit 1"
    );
    let mut found = Vec::new();
    for kind in ["message", "system_message"] {
        found.extend(tx.opt(&sql, &[chat.into(), kind.into()], read_current)?);
    }
    Ok(found)
}

/// The event with this id in the chat of the permit, if its subject may see it, as it reads after all edits.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other [`Error`].
pub fn get(tx: &mut dyn Tx, permit: &Permit, id: EventId) -> Result<Option<Event>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    let filter = visibility(permit);
    let sql = format!(
        "select {COLUMNS}, {LAST_EDIT} from events e where chat_id = ?1 and id = ?2{filter}"
    );
    tx.opt(&sql, &[chat.into(), id.into()], read_current)
}

/// The event at this place of a chat, as it reads after all edits.
pub(super) fn current(tx: &mut dyn Tx, chat: ChatId, seq: i64) -> Result<Option<Event>> {
    let sql =
        format!("select {COLUMNS}, {LAST_EDIT} from events e where chat_id = ?1 and seq = ?2");
    tx.opt(&sql, &[chat.into(), seq.into()], read_current)
}

/// Something to be written into a held chat.
pub(super) struct Entry<'a> {
    pub(super) author: Author,
    pub(super) recipients: Recipients,
    pub(super) custom_id: Option<&'a str>,
    pub(super) body: Body,
    /// The `seq` of the event that an edit is about.
    pub(super) refers_to: Option<i64>,
}

impl Entry<'_> {
    /// A stored change or a line for everybody.
    pub(super) const fn change(author: Author, body: Body) -> Self {
        Self {
            author,
            recipients: Recipients::All,
            custom_id: None,
            body,
            refers_to: None,
        }
    }
}

/// What a client needs to be permitted to write this.
pub(super) const fn send_action(new: &NewEvent) -> Action {
    match new.recipients() {
        Recipients::All => Action::SendEvent,
        Recipients::Agents => Action::SendNote,
    }
}

/// The event that was stored when this was sent before. The chat must be held, or two repeats may pass each other.
pub(super) fn find_repeat(
    tx: &mut dyn Tx,
    chat: ChatId,
    author: Author,
    new: &NewEvent,
) -> Result<Option<Event>> {
    let Some(custom_id) = new.custom_id() else {
        return Ok(None);
    };
    let sql = format!(
        "select {COLUMNS}, body_hash from events
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
        |row| Ok((read_row(row)?, row.blob(12)?)),
    )?;
    match found {
        None => Ok(None),
        Some((event, hash)) if hash == new.body_hash() => Ok(Some(event)),
        Some(_) => Err(Refusal::CustomIdReused.into()),
    }
}

/// Writes an event that is known not to be a repeat into a held chat.
pub(super) fn append_new(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    author: Author,
    new: &NewEvent,
    now: i64,
) -> Result<Event> {
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
        body: new.body().clone(),
        refers_to: None,
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
    if matches!(
        (author, &event.body),
        (Author::Visitor(_), Body::Message { .. })
    ) {
        make_lead(tx, chat, now)?;
    }
    Ok(event)
}

/// Writes one entry into a held chat under its next `seq`.
pub(super) fn record(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    entry: Entry<'_>,
    now: i64,
) -> Result<Event> {
    let thread = chat.thread.ok_or(Refusal::ChatInactive)?;
    // The clock may have gone back, or another node's may be ahead.
    let at = now.max(chat.changed_at);
    note(chat, &entry, at);
    chats::advance(tx, chat, at)?;
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
    };
    insert(tx, &event)?;
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
        Body::Message { text, .. } => {
            chat.last_event_at = at;
            match entry.author {
                Author::Visitor(_) => chat.visitor_seen_seq = seq,
                Author::Agent(_) => chat.agent_seen_seq = seq,
                Author::System => {}
            }
            if entry.recipients == Recipients::Agents {
                return;
            }
            chat.last_text = excerpt(text);
            chat.last_author = entry.author.kind().into();
            chat.waiting_since = match entry.author {
                Author::Visitor(_) if chat.is_active => chat.waiting_since.or(Some(at)),
                Author::Agent(_) => None,
                Author::Visitor(_) | Author::System => chat.waiting_since,
            };
        }
        Body::ThreadClosed {} => {
            chat.last_event_at = at;
            chat.waiting_since = None;
        }
        Body::SystemMessage { .. } | Body::ThreadOpened { .. } => chat.last_event_at = at,
        Body::Seen { .. }
        | Body::Assigned { .. }
        | Body::UserAdded { .. }
        | Body::UserRemoved { .. }
        | Body::PropertiesChanged { .. }
        | Body::EventUpdated { .. } => {}
    }
}

fn insert(tx: &mut dyn Tx, event: &Event) -> Result<()> {
    let hash = body_hash(event.recipients, &event.body);
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
            (&hash).into(),
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

/// A row of [`COLUMNS`] and [`LAST_EDIT`].
fn read_current(row: &dyn Row) -> Result<Event> {
    let mut event = read_row(row)?;
    let edit = row
        .opt_text(12)?
        .map(|text| json::read(&text))
        .transpose()?;
    if let (Body::Message { text, .. }, Some(Body::EventUpdated { text: new })) =
        (&mut event.body, edit)
    {
        *text = new;
    }
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
    })
}
