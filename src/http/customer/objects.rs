//! Objects of the chat wire: how stored rows look to a visitor. Times are RFC 3339 in UTC with microseconds.
//!
//! Nothing here reads or decides; what a visitor may not see has been left out before.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::domain::chat::Chat;
use crate::domain::event::{Author, Body, Event};
use crate::domain::ids::VisitorId;
use crate::domain::properties::Properties;
use crate::domain::rich_message::RichMessage;
use crate::domain::thread::{Place, Thread};
use crate::domain::visitor::Visitor;
use crate::store::chat_users::{Participant, UserProfile};
use crate::store::visitors::Counters;

/// A stored time, for example `2026-11-20T10:00:00.123000Z`.
pub(super) fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |at| format!("{at:.6}"))
}

/// The stored time in a text that [`time`] wrote, or any other RFC 3339 text; parts of a millisecond are dropped.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    text.parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}

/// The six counters of a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    pub(super) chats: i64,
    pub(super) threads: i64,
    pub(super) counters: Counters,
}

/// The id under which a visitor is shown: always the root, so that a merge does not make two people of one.
pub(super) fn author_id(author: Author, customer: VisitorId) -> Option<String> {
    match author {
        Author::Visitor(_) => Some(customer.to_string()),
        Author::Agent(agent) => Some(agent.to_string()),
        Author::System => None,
    }
}

/// A Customer without counters, under the id its token was given.
pub(super) fn customer(id: VisitorId, visitor: &Visitor) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("id".into(), id.to_string().into());
    out.insert("type".into(), "customer".into());
    for (name, value) in [
        ("name", &visitor.name),
        ("email", &visitor.email),
        ("avatar", &visitor.avatar_url),
    ] {
        if let Some(value) = value {
            out.insert(name.into(), value.as_str().into());
        }
    }
    let fields = list_of_fields(&visitor.session_fields);
    out.insert("session_fields".into(), fields);
    out
}

/// The stored list of one-key objects; a row that holds something else shows none.
pub(super) fn list_of_fields(stored: &str) -> Value {
    serde_json::from_str(stored)
        .ok()
        .filter(Value::is_array)
        .unwrap_or_else(|| json!([]))
}

/// A Customer with its `statistics`, which the published SDK cannot do without.
pub(super) fn customer_with_statistics(
    id: VisitorId,
    visitor: &Visitor,
    counted: Statistics,
) -> Value {
    let mut out = customer(id, visitor);
    out.insert(
        "statistics".into(),
        json!({
            "chats_count": counted.chats,
            "threads_count": counted.threads,
            "visits_count": counted.counters.visits,
            "page_views_count": counted.counters.page_views,
            "greetings_shown_count": counted.counters.greetings_shown,
            "greetings_accepted_count": counted.counters.greetings_accepted,
        }),
    );
    Value::Object(out)
}

/// Somebody in a chat as its visitor sees them: no e-mail address and no role of an agent.
pub(super) fn chat_user(participant: &Participant) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            out.insert(name.into(), value.into());
        }
    };
    match &participant.profile {
        UserProfile::Visitor {
            root,
            name,
            email,
            avatar_url,
            session_fields,
        } => {
            put("id", Some(&root.to_string()));
            put("type", Some("customer"));
            put("name", name.as_deref());
            put("email", email.as_deref());
            put("avatar", avatar_url.as_deref());
            out.insert("session_fields".into(), list_of_fields(session_fields));
        }
        UserProfile::Agent {
            name,
            job_title,
            avatar_url,
        } => {
            put("id", Some(&participant.user.user.id().to_string()));
            put("type", Some("agent"));
            put("name", Some(name));
            put("avatar", Some(avatar_url.as_deref().unwrap_or_default()));
            put("job_title", Some(job_title));
        }
    }
    out.insert("present".into(), participant.user.is_present.into());
    if participant.user.seen_at > 0 {
        let seen = time(participant.user.seen_at);
        out.insert("events_seen_up_to".into(), seen.into());
    }
    Value::Object(out)
}

/// The id under which somebody in a chat is shown.
pub(super) fn user_id(participant: &Participant) -> String {
    match &participant.profile {
        UserProfile::Visitor { root, .. } => root.to_string(),
        UserProfile::Agent { .. } => participant.user.user.id().to_string(),
    }
}

/// An Event, or `None` for a stored change, which has no such object.
pub(crate) fn event(event: &Event, customer: VisitorId) -> Option<Value> {
    let properties = event.body.properties()?;
    let mut out = said(&event.body, customer);
    out.insert("id".into(), event.id.to_string().into());
    out.insert("type".into(), event.body.kind().as_str().into());
    out.insert("created_at".into(), time(event.created_at).into());
    out.insert("seq".into(), event.seq.into());
    if let Some(author) = author_id(event.author, customer) {
        out.insert("author_id".into(), author.into());
    }
    if let Some(custom_id) = &event.custom_id {
        out.insert("custom_id".into(), custom_id.as_str().into());
    }
    put_properties(&mut out, properties);
    Some(Value::Object(out))
}

/// What an entry says, by its type; nothing of a stored change.
pub(crate) fn said(body: &Body, customer: VisitorId) -> Map<String, Value> {
    let said = match body {
        Body::Message { text, postback, .. } => match postback {
            Some(postback) => json!({"text": text, "postback": postback}),
            None => json!({"text": text}),
        },
        Body::SystemMessage {
            text,
            system_message_type,
            text_vars,
            ..
        } => {
            let mut said = json!({"text": text, "system_message_type": system_message_type});
            if !text_vars.is_empty() {
                said["text_vars"] = json!(text_vars);
            }
            said
        }
        Body::File { file, .. } => {
            let mut said = json!(file);
            if let Some(said) = said.as_object_mut() {
                said.remove("id");
            }
            said
        }
        Body::FilledForm {
            form_id, fields, ..
        } => json!({"form_id": form_id, "fields": fields}),
        Body::RichMessage { content, .. } => rich_message(content, customer),
        Body::Custom { content, .. } => json!({"content": content}),
        Body::ThreadOpened { .. }
        | Body::ThreadClosed {}
        | Body::Seen { .. }
        | Body::Assigned { .. }
        | Body::UserAdded { .. }
        | Body::UserRemoved { .. }
        | Body::PropertiesChanged { .. }
        | Body::EventUpdated { .. }
        | Body::PostbackToggled { .. } => Value::Null,
    };
    match said {
        Value::Object(said) => said,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// A rich message; a chat has one visitor, so whoever pressed a button is shown under the id of the root.
pub(crate) fn rich_message(content: &RichMessage, customer: VisitorId) -> Value {
    let mut content = content.clone();
    for button in content.elements.iter_mut().flat_map(|e| &mut e.buttons) {
        for user in &mut button.user_ids {
            *user = customer;
        }
    }
    json!(content)
}

/// A Thread with the events given, in their order.
pub(super) fn thread(thread: &Thread, users: &[Participant], events: Vec<Value>) -> Value {
    let mut out = Map::new();
    out.insert("id".into(), thread.id.to_string().into());
    out.insert("active".into(), thread.is_active.into());
    out.insert("created_at".into(), time(thread.created_at).into());
    let users: Vec<String> = users.iter().map(user_id).collect();
    out.insert("user_ids".into(), json!(users));
    out.insert("events".into(), events.into());
    out.insert("access".into(), access(thread.group_number));
    if let Some(place) = &thread.queue {
        out.insert("queue".into(), queue(place));
    }
    if let Some(previous) = thread.previous {
        out.insert("previous_thread_id".into(), previous.to_string().into());
    }
    if let Some(next) = thread.next {
        out.insert("next_thread_id".into(), next.to_string().into());
    }
    put_properties(&mut out, &thread.properties);
    Value::Object(out)
}

/// A Chat with its users and one thread.
pub(super) fn chat(chat: &Chat, users: &[Participant], thread: Option<Value>) -> Value {
    let mut out = Map::new();
    out.insert("id".into(), chat.id.to_string().into());
    let users: Vec<Value> = users.iter().map(chat_user).collect();
    out.insert("users".into(), users.into());
    out.insert("access".into(), access(chat.group_number));
    if let Some(thread) = thread {
        out.insert("thread".into(), thread);
    }
    put_properties(&mut out, &chat.properties);
    Value::Object(out)
}

/// Which group a chat is with.
pub(super) fn access(group_number: i64) -> Value {
    json!({"group_ids": [group_number]})
}

/// A place in a queue; the wait is in whole seconds, rounded up.
pub(super) fn queue(place: &Place) -> Value {
    json!({
        "position": place.position,
        "wait_time": wait_s(place),
        "queued_at": time(place.queued_at),
    })
}

/// How long the wait may be, in whole seconds, rounded up.
pub(super) const fn wait_s(place: &Place) -> i64 {
    (place.wait_ms + 999) / 1_000
}

fn put_properties(out: &mut Map<String, Value>, properties: &Properties) {
    if !properties.is_empty() {
        out.insert("properties".into(), json!(properties));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_microseconds_and_come_back() {
        assert_eq!(time(1_795_168_800_123), "2026-11-20T10:00:00.123000Z");
        assert_eq!(time(0), "1970-01-01T00:00:00.000000Z");
        for ms in [0, 1, 999, 1_795_168_800_123] {
            assert_eq!(parse_time(&time(ms)), Some(ms));
        }
        assert_eq!(
            parse_time("2026-11-20T11:00:00.1239+01:00"),
            Some(1_795_168_800_123)
        );
        for bad in ["", "yesterday", "2026-11-20", "1795168800123"] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }
}
