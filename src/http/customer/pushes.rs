//! Stored entries and changes of a chat as pushes to its visitor, each under the number it was committed with.
//!
//! Most are drawn from the event alone; a few show another row, which is looked up first.

use bytestring::ByteString;
use serde_json::{Map, Value, json};

use super::frame;
use super::objects;
use crate::domain::chat::Chat;
use crate::domain::event::{Audience, Author, Body, Event, PropertyOwner};
use crate::domain::ids::{ChatId, ThreadId};
use crate::domain::properties::{Properties, PropertyNames};
use crate::domain::thread::{Place, Thread};
use crate::store::chat_users::Participant;

/// One number of a chat's stream, drawn for its visitor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Push {
    /// Its place in the chat.
    pub(super) seq: i64,
    chat: ChatId,
    thread: Option<ThreadId>,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// An entry of the conversation.
    Entry(Value),
    /// A stored change, with what its push holds beside `chat_id` and `seq`.
    Change(&'static str, Map<String, Value>),
    /// The start of a thread, drawn as the whole chat.
    Chat(Value),
    /// Not for the visitor: only its number is.
    Hidden,
}

/// What an event is shown with, beside itself.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The chat, as it stands by now.
    pub(super) chat: &'a Chat,
    /// Who takes part; may be empty for messages, seen marks and edits.
    pub(super) users: &'a [Participant],
    /// The event named by [`about`].
    pub(super) about: Option<&'a Event>,
}

/// The `seq` of the earlier event that has to be read before this one can be drawn.
pub(super) const fn about(event: &Event) -> Option<i64> {
    match &event.body {
        Body::EventUpdated { .. } => event.refers_to,
        Body::Message { .. }
        | Body::SystemMessage { .. }
        | Body::File { .. }
        | Body::FilledForm { .. }
        | Body::RichMessage { .. }
        | Body::Custom { .. }
        | Body::PostbackToggled { .. }
        | Body::ThreadOpened { .. }
        | Body::ThreadClosed {}
        | Body::Seen { .. }
        | Body::Assigned { .. }
        | Body::UserAdded { .. }
        | Body::UserRemoved { .. }
        | Body::PropertiesChanged { .. } => None,
    }
}

/// Draws a number that the visitor may not see the event of.
pub(super) const fn hidden(chat: ChatId, seq: i64) -> Push {
    Push {
        seq,
        chat,
        thread: None,
        shape: Shape::Hidden,
    }
}

/// Draws an event for the visitor of the chat.
pub(super) fn draw(event: &Event, around: Around<'_>) -> Push {
    if !event.is_visible_to(Audience::Visitor) {
        return hidden(event.chat, event.seq);
    }
    Push {
        seq: event.seq,
        chat: event.chat,
        thread: Some(event.thread),
        shape: shape(event, around),
    }
}

/// Draws an event for the connection that sent it: also what the visitor's page told agents alone, since the page waits
/// for it.
pub(super) fn draw_own(event: &Event, around: Around<'_>) -> Push {
    Push {
        seq: event.seq,
        chat: event.chat,
        thread: Some(event.thread),
        shape: shape(event, around),
    }
}

fn shape(event: &Event, around: Around<'_>) -> Shape {
    let customer = around.chat.root;
    let thread = ("thread_id", json!(event.thread));
    let author = objects::author_id(event.author, customer);
    match &event.body {
        Body::Message { .. }
        | Body::SystemMessage { .. }
        | Body::File { .. }
        | Body::FilledForm { .. }
        | Body::RichMessage { .. }
        | Body::Custom { .. } => {
            objects::event(event, customer).map_or(Shape::Hidden, Shape::Entry)
        }
        Body::ThreadOpened { previous_thread_id } => {
            Shape::Chat(opened(event, *previous_thread_id, around))
        }
        Body::ThreadClosed {} => change("chat_deactivated", [thread, ("user_id", json!(author))]),
        Body::Seen { up_to_at, .. } => {
            let until = objects::time(*up_to_at).into();
            let fields = [("user_id", json!(author)), ("seen_up_to", until)];
            change("events_marked_as_seen", fields)
        }
        Body::Assigned { .. } => transferred(event, around),
        Body::UserAdded { user } => user_added(event, *user, around),
        Body::UserRemoved { user } => change(
            "user_removed_from_chat",
            [
                thread,
                ("user_id", json!(objects::author_id(*user, customer))),
                ("reason", reason_of(event.author, "unassigned").into()),
                ("requester_id", json!(author)),
            ],
        ),
        Body::EventUpdated { body } => updated(body, around),
        Body::PostbackToggled {
            is_pushed: false, ..
        } => Shape::Hidden,
        Body::PostbackToggled {
            event,
            thread,
            postback_id,
            is_toggled,
            is_pushed: true,
        } => change(
            "incoming_rich_message_postback",
            [
                ("user_id", json!(author)),
                ("thread_id", json!(thread)),
                ("event_id", json!(event)),
                (
                    "postback",
                    json!({"id": postback_id, "toggled": is_toggled}),
                ),
            ],
        ),
        Body::PropertiesChanged {
            of,
            updated,
            deleted,
        } => properties_changed(*of, updated, deleted),
    }
}

/// Nobody where the one who came has left already: the push that says so follows.
fn user_added(event: &Event, user: Author, around: Around<'_>) -> Shape {
    let Some(user) = around.users.iter().find(|known| known.user.user == user) else {
        return Shape::Hidden;
    };
    let requester = objects::author_id(event.author, around.chat.root);
    change(
        "user_added_to_chat",
        [
            ("thread_id", json!(event.thread)),
            ("user", objects::chat_user(user)),
            ("reason", reason_of(event.author, "assigned").into()),
            ("requester_id", json!(requester)),
        ],
    )
}

/// The chat at the moment its thread began: no events yet, they come one by one.
fn opened(event: &Event, previous: Option<ThreadId>, around: Around<'_>) -> Value {
    let thread = Thread {
        id: event.thread,
        chat: event.chat,
        site: event.site,
        is_active: true,
        first_seq: event.seq,
        last_seq: None,
        previous,
        next: None,
        agent: None,
        group: around.chat.group,
        group_number: around.chat.group_number,
        queue: None,
        closed_by: None,
        properties: Properties::default(),
        created_at: event.created_at,
        closed_at: None,
    };
    let thread = objects::thread(&thread, around.users, Vec::new());
    objects::chat(around.chat, around.users, Some(thread))
}

/// Who took or left a part in a chat by their own or a colleague's wish; `routed` where the router decided.
const fn reason_of(author: Author, routed: &'static str) -> &'static str {
    match author {
        Author::Visitor(_) | Author::Agent(_) => "manual",
        Author::System => routed,
    }
}

fn transferred(event: &Event, around: Around<'_>) -> Shape {
    let Body::Assigned {
        to, group, queue, ..
    } = &event.body
    else {
        return Shape::Hidden;
    };
    let routed = if to.is_some() {
        "assigned"
    } else {
        "unassigned"
    };
    let number = group.or(to.is_none().then_some(around.chat.group_number));
    let mut target = Map::new();
    if let Some(agent) = to {
        target.insert("agent_ids".into(), json!([agent]));
    }
    if let Some(number) = number {
        target.insert("group_ids".into(), json!([number]));
    }
    let requester = objects::author_id(event.author, around.chat.root);
    change(
        "chat_transferred",
        [
            ("thread_id", json!(event.thread)),
            ("reason", reason_of(event.author, routed).into()),
            ("requester_id", json!(requester)),
            ("transferred_to", target.into()),
            ("queue", json!(queue.as_ref().map(objects::queue))),
        ],
    )
}

/// Where a thread stands in its queue now. Not numbered: the next one says it anew.
pub(super) fn queue_position(chat: ChatId, thread: ThreadId, place: &Place) -> ByteString {
    let payload = json!({
        "chat_id": chat,
        "thread_id": thread,
        "queue": {"position": place.position, "wait_time": objects::wait_s(place)},
    });
    frame::push(None, "queue_position_updated", &payload)
}

/// The edited event as it reads since; its own `seq` stays what it was.
fn updated(body: &Body, around: Around<'_>) -> Shape {
    let Some(original) = around.about else {
        return Shape::Hidden;
    };
    let edited = Event {
        body: body.clone(),
        ..original.clone()
    };
    let event = json!(objects::event(&edited, around.chat.root));
    change(
        "event_updated",
        [("thread_id", json!(original.thread)), ("event", event)],
    )
}

fn properties_changed(of: PropertyOwner, updated: &Properties, deleted: &PropertyNames) -> Shape {
    let is_update = !updated.is_empty();
    let (action, thread, event) = match (of, is_update) {
        (PropertyOwner::Chat, true) => ("chat_properties_updated", None, None),
        (PropertyOwner::Chat, false) => ("chat_properties_deleted", None, None),
        (PropertyOwner::Thread(id), true) => ("thread_properties_updated", Some(id), None),
        (PropertyOwner::Thread(id), false) => ("thread_properties_deleted", Some(id), None),
        (PropertyOwner::Event { thread, event }, true) => {
            ("event_properties_updated", Some(thread), Some(event))
        }
        (PropertyOwner::Event { thread, event }, false) => {
            ("event_properties_deleted", Some(thread), Some(event))
        }
    };
    let properties = if is_update {
        json!(updated)
    } else {
        json!(deleted)
    };
    change(
        action,
        [
            ("thread_id", json!(thread)),
            ("event_id", json!(event)),
            ("properties", properties),
        ],
    )
}

/// A change; what has no value is left out.
fn change<const N: usize>(action: &'static str, fields: [(&str, Value); N]) -> Shape {
    let fields = fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Shape::Change(action, fields)
}

impl Push {
    /// The frame; only the requester's own connection gets the request's id, and on one push only.
    pub(super) fn frame(&self, request_id: Option<&str>) -> ByteString {
        let (action, payload) = self.parts();
        frame::push(request_id, action, &payload)
    }

    /// What `resume` lists: an entry as an Event, a change as it was pushed, a bare number where it is not the visitor's.
    pub(super) fn resumed(&self) -> Value {
        match &self.shape {
            Shape::Entry(event) => {
                let mut event = event.clone();
                event["thread_id"] = json!(self.thread);
                event
            }
            Shape::Hidden => json!({"seq": self.seq}),
            Shape::Change(..) | Shape::Chat(_) => {
                let (action, payload) = self.parts();
                json!({"seq": self.seq, "action": action, "payload": payload})
            }
        }
    }

    fn parts(&self) -> (&'static str, Value) {
        match &self.shape {
            Shape::Entry(event) => (
                "incoming_event",
                json!({"chat_id": self.chat, "thread_id": self.thread, "event": event}),
            ),
            Shape::Chat(chat) => (
                "incoming_chat",
                json!({"chat": chat, "seq": self.seq, "last_seq": self.seq}),
            ),
            Shape::Hidden => ("seq_only", json!({"chat_id": self.chat, "seq": self.seq})),
            Shape::Change(action, fields) => {
                let mut payload = fields.clone();
                payload.insert("chat_id".into(), json!(self.chat));
                payload.insert("seq".into(), self.seq.into());
                (*action, Value::Object(payload))
            }
        }
    }
}

/// The push that starts a thread on the connection which asked for it: the chat with all it holds up to its `last_seq`.
pub(super) fn incoming_chat(
    request_id: Option<&str>,
    opened_seq: i64,
    chat: &Chat,
    drawn: &Value,
) -> ByteString {
    let payload = json!({"chat": drawn, "seq": opened_seq, "last_seq": chat.last_seq});
    frame::push(request_id, "incoming_chat", &payload)
}

/// What an agent is typing, as visitors may know it: that they are. The name is Parlor's own addition.
pub(super) fn typing(
    chat: ChatId,
    author: Author,
    name: Option<&str>,
    is_typing: bool,
    now: i64,
) -> ByteString {
    let payload = json!({
        "chat_id": chat,
        "typing_indicator": {
            "author_id": author.id().to_string(),
            "author_name": name,
            "recipients": "all",
            "timestamp": now / 1000,
            "is_typing": is_typing,
        },
    });
    frame::push(None, "incoming_typing_indicator", &payload)
}

#[cfg(test)]
mod tests;
