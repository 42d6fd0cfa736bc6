//! Objects of the API: how stored rows look to a program that acts as an agent. Ids are text, times RFC 3339 in UTC.
//!
//! What each holds is described in `schemas`; tests compare the two on every answer.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::domain::chat::{Chat, Unread};
use crate::domain::event::{Author, Body, Event, PropertyOwner};
use crate::domain::ids::VisitorId;
use crate::domain::thread::{Place, Thread};
use crate::http::customer::objects::said;
use crate::store::chat_users::{Participant, UserProfile};
use crate::store::events::Slot;
use crate::store::inbox_view::InboxRow;

/// A stored time, for example `2026-11-20T10:00:00.123Z`.
pub(super) fn time(ms: i64) -> Value {
    Timestamp::from_millisecond(ms).map_or(Value::Null, |at| format!("{at:.3}").into())
}

/// A stored time that may be absent.
pub(super) fn opt_time(ms: Option<i64>) -> Value {
    ms.map_or(Value::Null, time)
}

/// A chat as a list shows it.
pub(super) fn listed_chat(row: &InboxRow) -> Value {
    json!({
        "id": row.chat,
        "visitor": {"id": row.visitor, "name": row.name, "email": row.email},
        "is_active": row.is_active,
        "agent_id": row.agent,
        "last_text": row.last_text,
        "last_author": (!row.last_author.is_empty()).then_some(&row.last_author),
        "last_event_at": time(row.last_event_at),
        "last_seq": row.last_seq,
        "waiting_since": opt_time(row.waiting_since),
        "is_unread": row.is_unread,
    })
}

/// What one chat is drawn with.
pub(super) struct WholeChat {
    pub(super) chat: Chat,
    pub(super) unread: Unread,
    pub(super) users: Vec<Participant>,
    pub(super) thread: Option<Thread>,
}

/// A chat with its users and its newest thread.
pub(super) fn chat(whole: &WholeChat) -> Value {
    let chat = &whole.chat;
    let users: Vec<Value> = whole.users.iter().map(user).collect();
    json!({
        "id": chat.id,
        "visitor_id": chat.root,
        "is_active": chat.is_active,
        "agent_id": chat.agent,
        "group_id": chat.group_number,
        "last_seq": chat.last_seq,
        "last_event_at": time(chat.last_event_at),
        "waiting_since": opt_time(chat.waiting_since),
        "visitor_seen_seq": chat.visitor_seen_seq,
        "agents_seen_seq": chat.agent_seen_seq,
        "unread": whole.unread.agents,
        "properties": chat.properties,
        "created_at": time(chat.created_at),
        "users": users,
        "thread": whole.thread.as_ref().map(|it| thread(it, chat.root)),
    })
}

/// One stretch of a chat.
pub(super) fn thread(thread: &Thread, root: VisitorId) -> Value {
    json!({
        "id": thread.id,
        "is_active": thread.is_active,
        "first_seq": thread.first_seq,
        "last_seq": thread.last_seq,
        "previous_thread_id": thread.previous,
        "agent_id": thread.agent,
        "group_id": thread.group_number,
        "closed_by": thread.closed_by.map(|by| author(by, root)),
        "properties": thread.properties,
        "created_at": time(thread.created_at),
        "closed_at": opt_time(thread.closed_at),
    })
}

/// Who wrote or did something. A visitor is named by the root, so that a merge does not make two people of one.
pub(super) fn author(author: Author, root: VisitorId) -> Value {
    let id = match author {
        Author::Visitor(_) => Some(root.to_string()),
        Author::Agent(agent) => Some(agent.to_string()),
        Author::System => None,
    };
    json!({"type": author.kind(), "id": id})
}

/// Somebody in a chat.
fn user(participant: &Participant) -> Value {
    let (id, name, email) = match &participant.profile {
        UserProfile::Visitor {
            root, name, email, ..
        } => (root.to_string(), name.clone(), email.clone()),
        UserProfile::Agent { name, .. } => (
            participant.user.user.id().to_string(),
            Some(name.clone()),
            None,
        ),
    };
    json!({
        "type": participant.user.user.kind(),
        "id": id,
        "name": name,
        "email": email,
        "is_present": participant.user.is_present,
        "seen_seq": participant.user.seen_seq,
        "joined_at": time(participant.user.joined_at),
    })
}

/// The places of a chat that may be seen, in order.
pub(super) fn events(slots: &[Slot], root: VisitorId) -> Vec<Value> {
    let shown = |slot: &Slot| match slot {
        Slot::Event(it) => Some(event(it, root)),
        Slot::Hidden { .. } => None,
    };
    slots.iter().filter_map(shown).collect()
}

/// One entry of a chat, of any kind: what people see, and the stored changes beside it.
pub(super) fn event(event: &Event, root: VisitorId) -> Value {
    let mut out = Map::new();
    out.insert("type".into(), event.body.kind().as_str().into());
    out.insert("seq".into(), event.seq.into());
    out.insert("id".into(), event.id.to_string().into());
    out.insert("thread_id".into(), event.thread.to_string().into());
    out.insert("author".into(), author(event.author, root));
    out.insert("recipients".into(), event.recipients.as_str().into());
    out.insert("custom_id".into(), json!(event.custom_id));
    out.insert("created_at".into(), time(event.created_at));
    out.insert("edited_at".into(), opt_time(event.edited_at));
    put_body(&mut out, event, root);
    Value::Object(out)
}

fn put_body(out: &mut Map<String, Value>, event: &Event, root: VisitorId) {
    let mut put = |name: &str, value: Value| {
        out.insert(name.into(), value);
    };
    match &event.body {
        Body::Message { .. }
        | Body::SystemMessage { .. }
        | Body::File { .. }
        | Body::FilledForm { .. }
        | Body::RichMessage { .. }
        | Body::Custom { .. } => out.extend(content(&event.body, root)),
        Body::ThreadClosed {} => {}
        Body::ThreadOpened { previous_thread_id } => {
            put("previous_thread_id", json!(previous_thread_id));
        }
        Body::EventUpdated { body } => {
            put("refers_to", json!(event.refers_to));
            put("content", Value::Object(content(body, root)));
        }
        Body::Seen { up_to, up_to_at } => {
            put("up_to_seq", (*up_to).into());
            put("up_to_at", time(*up_to_at));
        }
        Body::Assigned {
            from,
            to,
            reason,
            group,
            queue,
        } => {
            put("from", json!(from));
            put("to", json!(to));
            put("reason", json!(reason));
            put("group_id", json!(group));
            put("queue", json!(queue.map(place)));
        }
        Body::UserAdded { user } | Body::UserRemoved { user } => put("user", author(*user, root)),
        Body::PropertiesChanged {
            of,
            updated,
            deleted,
        } => {
            put("of", property_owner(*of));
            put("updated", json!(updated));
            put("deleted", json!(deleted));
        }
        Body::PostbackToggled {
            event: message,
            postback_id,
            is_toggled,
            ..
        } => {
            put("refers_to", json!(event.refers_to));
            put("event_id", json!(message));
            put("postback_id", postback_id.as_str().into());
            put("is_toggled", (*is_toggled).into());
        }
    }
}

/// What an entry says, with its type and its properties.
pub(super) fn content(body: &Body, root: VisitorId) -> Map<String, Value> {
    let mut out = said(body, root);
    out.insert("type".into(), body.kind().as_str().into());
    out.insert("properties".into(), json!(body.properties()));
    out
}

/// A place in a queue.
fn place(place: Place) -> Value {
    json!({
        "position": place.position,
        "wait_ms": place.wait_ms,
        "queued_at": time(place.queued_at),
    })
}

fn property_owner(of: PropertyOwner) -> Value {
    let (kind, thread, event) = match of {
        PropertyOwner::Chat => ("chat", None, None),
        PropertyOwner::Thread(thread) => ("thread", Some(thread), None),
        PropertyOwner::Event { thread, event } => ("event", Some(thread), Some(event)),
    };
    json!({"type": kind, "thread_id": thread, "event_id": event})
}
