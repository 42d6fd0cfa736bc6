//! Chats: listed, read, closed, opened again.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, Param, Verb};
use super::objects::{self, WholeChat};
use super::query::{MAX_PAGE, cursor_text};
use super::schemas::{about, id, int, list_of, object, one_of, page_of, refer, text};
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::ids::{ChatId, GroupId, SiteId, VisitorId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::http::error::ApiError;
use crate::store::inbox_view::{self, Cursor, InboxList, InboxRow};
use crate::store::{chat_users, chats, events, groups, profile_view, threads};

const TAG: &str = "Chats";

/// The parameters of paged lists.
pub(super) const LIMIT: Param = Param {
    name: "limit",
    about: "Rows of a page, 1 to 100; 25 where it is left out.",
    schema: || json!({"type": "integer", "minimum": 1, "maximum": MAX_PAGE}),
};
pub(super) const CURSOR: Param = Param {
    name: "cursor",
    about: "`next_cursor` of the page before.",
    schema: text,
};

const LIST: Param = Param {
    name: "list",
    about: "`active` (where it is left out), `mine` (of the key's agent), `unassigned` or `closed`.",
    schema: || one_of(&["active", "mine", "unassigned", "closed"]),
};
const GROUP: Param = Param {
    name: "group_id",
    about: "Open chats of this group, in place of `list`.",
    schema: int,
};
const VISITOR: Param = Param {
    name: "visitor_id",
    about: "All chats of this visitor, in place of `list`.",
    schema: id,
};
const BEFORE: Param = Param {
    name: "before_seq",
    about: "`first_seq` of the last thread of the page before.",
    schema: int,
};
const AFTER: Param = Param {
    name: "after_seq",
    about: "The last `seq` that is known; 0 where it is left out.",
    schema: int,
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "listChats",
        path: "/chats",
        tag: TAG,
        summary: "List chats, the one with the newest event first",
        query: &[LIST, GROUP, VISITOR, LIMIT, CURSOR],
        answer: Some(|| page_of("ListedChat")),
        errors: &["validation", "not_found", "group_not_found"],
        handler: |call| Box::pin(list(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "getChat",
        path: "/chats/{chat_id}",
        tag: TAG,
        summary: "Read a chat with its users and its newest thread",
        answer: Some(|| refer("Chat")),
        errors: &["not_found"],
        handler: |call| Box::pin(get(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "listThreads",
        path: "/chats/{chat_id}/threads",
        tag: TAG,
        summary: "List the threads of a chat, the newest first",
        query: &[BEFORE, LIMIT],
        answer: Some(|| object(&[("items", list_of("Thread"))])),
        errors: &["validation", "not_found"],
        handler: |call| Box::pin(list_threads(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "listEvents",
        path: "/chats/{chat_id}/events",
        tag: TAG,
        summary: "Read the events of a chat in order, stored changes and notes included",
        query: &[AFTER, LIMIT],
        answer: Some(|| {
            object(&[
                ("items", list_of("Event")),
                ("last_seq", about(int(), "The newest seq of the chat.")),
            ])
        }),
        errors: &["validation", "not_found"],
        handler: |call| Box::pin(list_events(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "closeChat",
        verb: Verb::Put,
        path: "/chats/{chat_id}/closure",
        tag: TAG,
        summary: "Close the open thread; a closed one stays closed",
        errors: &["not_found"],
        handler: |call| Box::pin(close(call)),
        ..Endpoint::WRITE
    },
];

async fn list(call: Call) -> Result<Answer, ApiError> {
    let permit = call.on_site(Action::ReadInbox)?;
    let site = permit.site(&[Action::ReadInbox])?;
    let (limit, cursor) = (call.query.limit()?, call.query.cursor()?);
    if let Some(visitor) = call.query.id("visitor_id", "visitor")? {
        let rows = call.read(move |tx| of_visitor(tx, site, visitor)).await?;
        return Ok(page(&rows, MAX_PAGE));
    }
    let rows = match call.query.int("group_id", 0, i64::MAX)? {
        Some(number) => {
            let groups = call.on_site(Action::ReadGroups)?;
            call.read(move |tx| {
                let group = find_group(tx, &groups, number)?;
                let is_default = number == groups::DEFAULT_NUMBER;
                inbox_view::page_of_group(tx, site, (group, is_default), cursor, limit)
            })
            .await?
        }
        None => {
            let list = wanted_list(&call)?;
            call.read(move |tx| inbox_view::page(tx, site, list, cursor, limit))
                .await?
        }
    };
    Ok(page(&rows, limit))
}

fn wanted_list(call: &Call) -> Result<InboxList, Refusal> {
    match call.query.text("list") {
        None | Some("active") => Ok(InboxList::All),
        Some("mine") => call.agent.map(InboxList::Mine).ok_or_else(|| {
            Refusal::invalid("list", "the key acts as no agent, so no chats are its own")
        }),
        Some("unassigned") => Ok(InboxList::Unassigned),
        Some("closed") => Ok(InboxList::Closed),
        Some(_) => Err(Refusal::invalid(
            "list",
            "must be active, mine, unassigned or closed",
        )),
    }
}

/// The chats of a visitor and of all that were merged into them: one a browser, so few.
fn of_visitor(tx: &mut dyn Tx, site: SiteId, visitor: VisitorId) -> db::Result<Vec<InboxRow>> {
    let profile = profile_view::get(tx, site, visitor)?.ok_or(Refusal::NotFound("visitor"))?;
    let mut rows = Vec::new();
    for chat in profile_view::chats(tx, &profile.rows)? {
        rows.extend(inbox_view::row(tx, site, chat)?);
    }
    rows.sort_by_key(|row| std::cmp::Reverse((row.last_event_at, row.chat)));
    rows.truncate(usize::try_from(MAX_PAGE).unwrap_or_default());
    Ok(rows)
}

/// The group with this number of the site of the permit.
pub(super) fn find_group(tx: &mut dyn Tx, permit: &Permit, number: i64) -> db::Result<GroupId> {
    Ok(groups::get(tx, permit, number)?.id)
}

/// A full page has a next one, which may be empty.
fn page(rows: &[InboxRow], limit: i64) -> Answer {
    let is_full =
        i64::try_from(rows.len()).is_ok_and(|count| count == limit && limit < MAX_PAGE + 1);
    let next = rows.last().filter(|_| is_full).map(|row| {
        cursor_text(Cursor {
            at: row.last_event_at,
            id: row.chat.0,
        })
    });
    let items: Vec<Value> = rows.iter().map(objects::listed_chat).collect();
    Answer::of(json!({"items": items, "next_cursor": next}))
}

async fn get(call: Call) -> Result<Answer, ApiError> {
    let (subject, id) = (call.subject.clone(), call.chat()?);
    let whole = call.read(move |tx| whole(tx, &subject, id)).await?;
    Ok(Answer::of(objects::chat(&whole)))
}

/// A chat with all that is shown of it.
pub(super) fn whole(tx: &mut dyn Tx, subject: &Subject, id: ChatId) -> db::Result<WholeChat> {
    let (chat, permit) = chats::authorized(tx, subject, Action::ReadChat, id)?;
    whole_of(tx, &permit, chat)
}

fn whole_of(tx: &mut dyn Tx, permit: &Permit, chat: Chat) -> db::Result<WholeChat> {
    let thread = match chat.thread {
        Some(thread) => threads::get(tx, permit, thread)?,
        None => None,
    };
    Ok(WholeChat {
        unread: chats::unread(tx, permit)?,
        users: chat_users::participants(tx, permit)?,
        thread,
        chat,
    })
}

async fn list_threads(call: Call) -> Result<Answer, ApiError> {
    let (subject, id) = (call.subject.clone(), call.chat()?);
    let (before, limit) = (
        call.query.int("before_seq", 1, i64::MAX)?,
        call.query.limit()?,
    );
    let (chat, found) = call
        .read(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::ReadChat, id)?;
            let found = threads::list(tx, &permit, before, limit)?;
            Ok((chat, found))
        })
        .await?;
    let items: Vec<Value> = found
        .iter()
        .map(|thread| objects::thread(thread, chat.root))
        .collect();
    Ok(Answer::of(json!({"items": items})))
}

async fn list_events(call: Call) -> Result<Answer, ApiError> {
    let (subject, id) = (call.subject.clone(), call.chat()?);
    let after = call.query.int("after_seq", 0, i64::MAX)?.unwrap_or(0);
    let limit = call.query.limit()?;
    let (chat, slots) = call
        .read(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::ReadChat, id)?;
            let slots = events::current_after(tx, &permit, after, limit)?;
            Ok((chat, slots))
        })
        .await?;
    let items = objects::events(&slots, chat.root);
    Ok(Answer::of(
        json!({"items": items, "last_seq": chat.last_seq}),
    ))
}

async fn close(call: Call) -> Result<Answer, ApiError> {
    let (subject, id, now) = (call.subject.clone(), call.chat()?, call.now);
    call.write(move |tx| {
        let (_, permit) = chats::authorized(tx, &subject, Action::CloseThread, id)?;
        match chats::close(tx, &permit, now) {
            Ok(_) | Err(db::Error::Refused(Refusal::ChatInactive)) => Ok(()),
            Err(error) => Err(error),
        }
    })
    .await?;
    Ok(Answer::done())
}
