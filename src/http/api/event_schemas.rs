//! Schemas of events: one for each kind, told apart by `type`. What people see stands in `content_schemas`.

use serde_json::{Value, json};

use super::content_schemas::{self, said};
use super::schemas::{about, flag, id, int, nullable, object, one_of, refer, text, time};

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let shown = said().into_iter().map(|it| (it.event, it.kind, it.fields));
    let mut all: Vec<(&'static str, Value)> = shown
        .chain(changes())
        .map(|(name, kind, fields)| (name, event(kind, fields)))
        .collect();
    let listed: Vec<Value> = all.iter().map(|(name, _)| refer(name)).collect();
    all.push((
        "Event",
        about(
            json!({"oneOf": listed, "discriminator": {"propertyName": "type"}}),
            "One entry of a chat: what people see, or a stored change.",
        ),
    ));
    all.extend(content_schemas::objects());
    all
}

type Fields = Vec<(&'static str, Value)>;

/// Each kind of stored change: the name of its schema, its `type`, and what it has beyond the others.
fn changes() -> Vec<(&'static str, &'static str, Fields)> {
    let with_user = || vec![("user", refer("Author"))];
    let seq = || about(int(), "The seq of the event that it is about.");
    vec![
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
        ("AssignedEvent", "assigned", assigned()),
        ("UserAddedEvent", "user_added", with_user()),
        ("UserRemovedEvent", "user_removed", with_user()),
        (
            "PropertiesChangedEvent",
            "properties_changed",
            vec![
                ("of", refer("PropertyOwner")),
                ("updated", refer("Properties")),
                ("deleted", refer("PropertyNames")),
            ],
        ),
        (
            "EventUpdatedEvent",
            "event_updated",
            vec![
                ("refers_to", seq()),
                ("content", about(refer("Content"), "How it reads now.")),
            ],
        ),
        (
            "PostbackToggledEvent",
            "postback_toggled",
            vec![
                ("refers_to", seq()),
                ("event_id", id()),
                ("postback_id", text()),
                ("is_toggled", flag()),
            ],
        ),
    ]
}

fn assigned() -> Fields {
    let place = object(&[
        ("position", int()),
        ("wait_ms", about(int(), "As estimated.")),
        ("queued_at", time()),
    ]);
    vec![
        ("from", nullable(id())),
        ("to", about(nullable(id()), "Null: the chat waits.")),
        (
            "reason",
            one_of(&["manual", "answered", "routed", "disconnected", "deleted"]),
        ),
        (
            "group_id",
            about(nullable(int()), "Of a transfer to a group."),
        ),
        ("queue", about(nullable(place), "Its place while it waits.")),
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
        ("edited_at", nullable(time())),
    ];
    all.extend(fields);
    object(&all)
}
