//! Beginning a chat, opening a further thread of it, closing the thread.

use super::handover::{self, Handover, hand_over};
use crate::db::{Error, Result, Tx};
use crate::domain::chat::Chat;
use crate::domain::event::{AssignReason, Author, Body, NewEvent};
use crate::domain::ids::{BrowserId, ChatId, GroupId, SiteId, ThreadId, VisitorId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::domain::properties::Properties;
use crate::domain::routing::GroupStatus;
use crate::domain::{Hint, Refusal};
use crate::store::chats::{finish, hold, transfer};
use crate::store::events::{self, Appended, Entry};
use crate::store::routing::{self, Desk};
use crate::store::{chat_users, forms, groups, invitations, json, queue, threads, visitors};

/// What a new thread begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opening {
    /// The group it is sent to; `None` is everybody.
    pub group: Option<GroupId>,
    /// Properties of the chat, laid over those it has.
    pub chat_properties: Properties,
    /// Properties of the thread.
    pub thread_properties: Properties,
    /// The first events, in order.
    pub events: Vec<NewEvent>,
}

/// A chat with its newly opened thread.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The chat as it stands now.
    pub chat: Chat,
    /// The thread; of a repeat, the one that its first event opened.
    pub thread: ThreadId,
    /// What became of [`Opening::events`], in their order.
    pub events: Vec<Appended>,
    /// Whether nothing was written because all of it is stored already.
    pub is_duplicate: bool,
}

/// Begins the chat of a visitor: one for each browser, or for each visitor whose identity is proven.
///
/// A repeat is known by the `custom_id`s of its events and gets the first result.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::StartChat`]; [`Refusal::ChatLimitReached`] where there is a
/// chat already; what [`events::append`] refuses; or any other [`crate::db::Error`].
pub fn start(tx: &mut dyn Tx, permit: &Permit, opening: &Opening, now: i64) -> Result<Opened> {
    let beginner = Beginner::of(tx, permit)?;
    if let Some(existing) = existing(tx, &beginner)? {
        return repeat_or(tx, existing, opening, Refusal::ChatLimitReached);
    }
    let Some(id) = insert(tx, &beginner, opening, now)? else {
        // Another browser of the same owner was faster, under a visitor row that is merged since.
        let existing = existing(tx, &beginner)?.ok_or(Refusal::Conflict("the chat"))?;
        return repeat_or(tx, existing, opening, Refusal::ChatLimitReached);
    };
    let lock = tx.dialect().for_update();
    let mut chat = super::load(tx, id, lock)?.ok_or(Error::NotFound)?;
    let author = chat.visitor_author();
    let opening = resolved(tx, permit, &chat, opening, now)?;
    invitations::chat_opened(tx, permit, &chat, now)?;
    open(tx, &mut chat, author, &opening, now)
}

/// Opens a new thread of a chat that has none open. A repeat is known by the `custom_id`s of its events.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::OpenThread`]; [`Refusal::ChatAlreadyActive`]; what
/// [`events::append`] refuses; or any other [`crate::db::Error`].
pub fn activate(tx: &mut dyn Tx, permit: &Permit, opening: &Opening, now: i64) -> Result<Opened> {
    let mut chat = hold(tx, permit, &[Action::OpenThread])?;
    let author = permit.author(chat.visitor)?;
    if let Some(events) = repeats(tx, &chat, author, &opening.events)? {
        return Ok(repeated(chat, events));
    }
    if chat.is_active {
        return Err(Refusal::ChatAlreadyActive.into());
    }
    let opening = resolved(tx, permit, &chat, opening, now)?;
    invitations::chat_opened(tx, permit, &chat, now)?;
    open(tx, &mut chat, author, &opening, now)
}

/// Closes the open thread; the next message needs a new one.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::CloseThread`]; [`Refusal::ChatInactive`] where no thread is
/// open; or any other [`crate::db::Error`].
pub fn close(tx: &mut dyn Tx, permit: &Permit, now: i64) -> Result<Chat> {
    let mut chat = hold(tx, permit, &[Action::CloseThread])?;
    let author = permit.author(chat.visitor)?;
    if !chat.is_active {
        return Err(Refusal::ChatInactive.into());
    }
    let line = closing_line(tx, &chat, author)?;
    close_with(tx, &mut chat, author, line, now)?;
    Ok(chat)
}

/// Closes the open thread of a held chat with this line.
pub(super) fn close_with(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    author: Author,
    line: Body,
    now: i64,
) -> Result<()> {
    let thread = chat.thread.ok_or(Refusal::ChatInactive)?;
    events::record(tx, chat, Entry::change(Author::System, line), now)?;
    chat.is_active = false;
    let closed = events::record(tx, chat, Entry::change(author, Body::ThreadClosed {}), now)?;
    threads::close(tx, thread, author, (closed.seq, closed.created_at))?;
    chat_users::dismiss_agents(tx, chat)?;
    if let Some(agent) = chat.agent {
        routing::release(tx, agent)?;
    }
    tx.emit(Hint::QueueMoved { site: chat.site })?;
    finish(tx, chat, now)
}

/// Who begins a chat.
struct Beginner {
    site: SiteId,
    root: VisitorId,
    browser: BrowserId,
    /// What there is one chat of: the browser, or the visitor where the identity is proven.
    owner: i64,
    is_signed: bool,
}

impl Beginner {
    /// Locks the visitor, so that beginning and merging wait for each other, and follows it to its root.
    fn of(tx: &mut dyn Tx, permit: &Permit) -> Result<Self> {
        let (site, visitor) = permit.visitor(&[Action::StartChat])?;
        let Subject::Visitor {
            browser, signed, ..
        } = permit.subject()
        else {
            return Err(Refusal::NotAllowed.into());
        };
        let root = visitors::lock_root(tx, site, visitor)?;
        Ok(Self {
            site,
            root,
            browser: *browser,
            owner: if *signed { root.0 } else { browser.0 },
            is_signed: *signed,
        })
    }
}

/// The chat that this beginner would double, locked: by the owner, or begun by this browser before it was proven.
fn existing(tx: &mut dyn Tx, beginner: &Beginner) -> Result<Option<Chat>> {
    let subject = Subject::Visitor {
        site: beginner.site,
        visitor: beginner.root,
        browser: beginner.browser,
        signed: beginner.is_signed,
    };
    let Some(chat) = super::current(tx, &subject)? else {
        return Ok(None);
    };
    let lock = tx.dialect().for_update();
    super::load(tx, chat.id, lock)
}

fn insert(
    tx: &mut dyn Tx,
    beginner: &Beginner,
    opening: &Opening,
    now: i64,
) -> Result<Option<ChatId>> {
    let id = ChatId(tx.new_id(now));
    let properties = json::write(&opening.chat_properties)?;
    let inserted = tx.exec(
        "insert into chats
           (id, site_id, visitor_id, browser_id, owner_id, last_event_at, changed_at, properties,
            created_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?6)
         on conflict (owner_id) do nothing",
        &[
            id.into(),
            beginner.site.into(),
            beginner.root.into(),
            beginner.browser.into(),
            beginner.owner.into(),
            now.into(),
            (&properties).into(),
        ],
    )?;
    Ok((inserted > 0).then_some(id))
}

/// Opens a thread of a held chat and writes its first events.
fn open(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    author: Author,
    opening: &Opening,
    now: i64,
) -> Result<Opened> {
    chat.agent = None;
    (chat.group, chat.group_number) = match opening.group {
        None => (None, groups::DEFAULT_NUMBER),
        Some(group) => {
            let group = groups::require(tx, chat.site, group)?;
            (group.named(), group.number)
        }
    };
    let previous = chat.thread;
    let routed = route(tx, chat, author, now)?;
    let thread = threads::insert(tx, chat, chat.group, &opening.thread_properties, now)?;
    chat.thread = Some(thread);
    chat.is_active = true;
    chat.properties = chat.properties.clone().merged(&opening.chat_properties)?;
    let body = Body::ThreadOpened {
        previous_thread_id: previous,
    };
    events::record(tx, chat, Entry::change(author, body), now)?;
    chat_users::join(tx, chat, chat.visitor_author(), now)?;
    match routed {
        Some(handover) => hand_over(tx, chat, handover, now)?,
        None => tx.emit(Hint::QueueMoved { site: chat.site })?,
    }
    let events = write_all(tx, chat, author, &opening.events, now)?;
    finish(tx, chat, now)?;
    Ok(Opened {
        chat: chat.clone(),
        thread,
        events,
        is_duplicate: false,
    })
}

/// Who gets the thread: an agent who opens it, or whom routing finds, unless others wait for the group already.
fn route(tx: &mut dyn Tx, chat: &Chat, author: Author, now: i64) -> Result<Option<Handover>> {
    if let Author::Agent(agent) = author {
        handover::claim(tx, chat, agent, now)?;
        let handover = Handover::plain(Some(agent), author, AssignReason::Manual);
        return Ok(Some(handover));
    }
    let desk = Desk::read(tx, chat.site, now)?;
    if desk.status(chat.group) == GroupStatus::Offline && !transfer::may_wait(tx, chat)? {
        return Err(Refusal::GroupsOffline.into());
    }
    if queue::is_waited_for(tx, chat.site, chat.group)? {
        return Ok(None);
    }
    let agent = routing::place_at(tx, &desk, chat, None, now)?;
    Ok(agent.map(|agent| Handover::plain(Some(agent), Author::System, AssignReason::Routed)))
}

/// The same with all that its events are stored with.
fn resolved(
    tx: &mut dyn Tx,
    permit: &Permit,
    chat: &Chat,
    opening: &Opening,
    now: i64,
) -> Result<Opening> {
    let mut opening = opening.clone();
    for (n, new) in opening.events.iter_mut().enumerate() {
        *new = match events::resolve(tx, permit, chat, new, now) {
            Err(Error::Refused(refusal)) => {
                return Err(refusal.under(&format!("events.{n}")).into());
            }
            resolved => resolved?,
        };
    }
    if let Some(group) = forms::chosen_group(tx, chat.site, &opening.events)? {
        opening.group = Some(group);
    }
    Ok(opening)
}

fn write_all(
    tx: &mut dyn Tx,
    chat: &mut Chat,
    author: Author,
    new: &[NewEvent],
    now: i64,
) -> Result<Vec<Appended>> {
    let mut written = Vec::with_capacity(new.len());
    for new in new {
        // A client that took one event of a lost request into a later one must not write it twice.
        let repeat = events::find_repeat(tx, chat.id, author, new)?;
        let is_duplicate = repeat.is_some();
        let event = match repeat {
            Some(event) => event,
            None => events::append_new(tx, chat, author, new, now)?,
        };
        written.push(Appended {
            event,
            is_duplicate,
        });
    }
    Ok(written)
}

fn repeat_or(tx: &mut dyn Tx, chat: Chat, opening: &Opening, refusal: Refusal) -> Result<Opened> {
    let author = chat.visitor_author();
    match repeats(tx, &chat, author, &opening.events)? {
        Some(events) => Ok(repeated(chat, events)),
        None => Err(refusal.into()),
    }
}

/// What these events got when they were sent before; `None` unless there are some and all were.
fn repeats(
    tx: &mut dyn Tx,
    chat: &Chat,
    author: Author,
    new: &[NewEvent],
) -> Result<Option<Vec<Appended>>> {
    let mut found = Vec::with_capacity(new.len());
    for new in new {
        let Some(event) = events::find_repeat(tx, chat.id, author, new)? else {
            return Ok(None);
        };
        found.push(Appended {
            event,
            is_duplicate: true,
        });
    }
    Ok((!found.is_empty()).then_some(found))
}

fn repeated(chat: Chat, events: Vec<Appended>) -> Opened {
    let first = events.first().map(|appended| appended.event.thread);
    Opened {
        thread: first.or(chat.thread).unwrap_or(ThreadId(0)),
        chat,
        events,
        is_duplicate: true,
    }
}

/// The line that everybody reads when a thread closes.
fn closing_line(tx: &mut dyn Tx, chat: &Chat, author: Author) -> Result<Body> {
    Ok(match author {
        Author::Agent(agent) => {
            let name = chat_users::agent_name(tx, chat, agent)?;
            let name = name.ok_or(Refusal::NotFound("agent"))?;
            let text = format!("{name} closed the chat.");
            Body::system(text, "manual_archived_agent", &[("agent", &name)])
        }
        Author::Visitor(_) => {
            let text = "The visitor closed the chat.".to_owned();
            Body::system(text, "manual_archived_customer", &[])
        }
        Author::System => Body::system("The chat was closed.".to_owned(), "system_archived", &[]),
    })
}
