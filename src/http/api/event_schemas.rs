//! Schemas of events: one for each kind, told apart by `type`.

use serde_json::{Value, json};

use super::schemas::{about, bounded, flag, id, int, nullable, object, one_of, refer, text, time};
use crate::domain::event::NewEvent;

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let mut all: Vec<(&'static str, Value)> = kinds()
        .into_iter()
        .map(|(name, kind, fields)| (name, event(kind, fields)))
        .collect();
    let listed: Vec<Value> = all.iter().map(|(name, _)| refer(name)).collect();
    all.push((
        "Event",
        about(
            json!({"oneOf": listed, "discriminator": {"propertyName": "type"}}),
            "One entry of a chat. Messages of people and system messages are shown; all others are stored changes.",
        ),
    ));
    all.push(("NewEvent", new_event()));
    all
}

type Fields = Vec<(&'static str, Value)>;

/// Each kind: the name of its schema, its `type`, and what it has beyond the others.
fn kinds() -> Vec<(&'static str, &'static str, Fields)> {
    let shown = || vec![("text", text()), ("properties", refer("Properties"))];
    let with_user = || vec![("user", refer("Author"))];
    let mut system = shown();
    system.push(("system_message_type", text()));
    system.push((
        "text_vars",
        json!({"type": "object", "additionalProperties": text()}),
    ));
    vec![
        ("MessageEvent", "message", shown()),
        ("SystemMessageEvent", "system_message", system),
        (
            "ThreadOpenedEvent",
            "thread_opened",
            vec![("previous_thread_id", nullable(id()))],
        ),
        ("ThreadClosedEvent", "thread_closed", Vec::new()),
        (
            "SeenEvent",
            "seen",
            vec![("up_to_seq", int()), ("up_to_at", time())],
        ),
        (
            "AssignedEvent",
            "assigned",
            vec![
                ("from", nullable(id())),
                ("to", nullable(id())),
                ("reason", text()),
            ],
        ),
        ("UserAddedEvent", "user_added", with_user()),
        ("UserRemovedEvent", "user_removed", with_user()),
        (
            "PropertiesChangedEvent",
            "properties_changed",
            vec![
                ("of", object(&[("object", text()), ("id?", id())])),
                ("updated", refer("Properties")),
                ("deleted", refer("PropertyNames")),
            ],
        ),
        (
            "EventUpdatedEvent",
            "event_updated",
            vec![
                (
                    "refers_to",
                    about(int(), "The seq of the message that reads differently now."),
                ),
                ("text", text()),
            ],
        ),
    ]
}

fn event(kind: &str, fields: Fields) -> Value {
    let mut all = vec![
        ("type", json!({"const": kind})),
        (
            "seq",
            about(int(), "Its place in the chat: 1, 2, 3 … without gaps."),
        ),
        ("id", id()),
        ("thread_id", id()),
        ("author", refer("Author")),
        (
            "recipients",
            about(one_of(&["all", "agents"]), "`agents` is an internal note."),
        ),
        ("custom_id", nullable(text())),
        ("created_at", time()),
    ];
    all.extend(fields);
    object(&all)
}

fn new_event() -> Value {
    object(&[
        ("type", one_of(&["message", "system_message"])),
        ("text", bounded(1, NewEvent::MAX_TEXT_CHARS)),
        (
            "system_message_type?",
            about(
                bounded(1, NewEvent::MAX_TYPE_CHARS),
                "Of a system message, which needs it.",
            ),
        ),
        (
            "recipients?",
            about(
                one_of(&["all", "agents"]),
                "`agents` makes it a note that no visitor ever sees.",
            ),
        ),
        (
            "custom_id?",
            about(
                bounded(1, NewEvent::MAX_CUSTOM_ID_CHARS),
                "Your own id of it: sent again with the same content it is stored once and the first one is returned.",
            ),
        ),
        ("properties?", refer("Properties")),
        (
            "attach_to_last_thread?",
            about(
                flag(),
                "Write into the last thread where none is open; notes always do.",
            ),
        ),
    ])
}
