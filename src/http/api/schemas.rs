//! Schemas of the API's objects, in JSON Schema as `OpenAPI` 3.1 takes it. Every object is closed: a field that is not
//! described here is an error of the tests.

use serde_json::{Map, Value, json};

/// A reference to an object described under its name in [`objects`].
pub(super) fn refer(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A list of such objects.
pub(super) fn list_of(name: &str) -> Value {
    json!({"type": "array", "items": refer(name)})
}

/// An object that holds exactly these fields, of which those named with a `?` at their end may be absent.
pub(super) fn object(fields: &[(&str, Value)]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, schema) in fields {
        let bare = name.strip_suffix('?');
        if bare.is_none() {
            required.push(*name);
        }
        properties.insert(bare.unwrap_or(name).to_owned(), schema.clone());
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// One page of a list, with the cursor of the next.
pub(super) fn page_of(name: &str) -> Value {
    object(&[
        ("items", list_of(name)),
        (
            "next_cursor",
            about(
                nullable(text()),
                "Where the next page begins; null on the last.",
            ),
        ),
    ])
}

/// The same schema with a line for its reader.
pub(super) fn about(mut schema: Value, line: &str) -> Value {
    if let Value::Object(map) = &mut schema {
        map.insert("description".into(), line.into());
    }
    schema
}

/// The same schema, or null.
pub(super) fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
        return schema;
    }
    json!({"anyOf": [schema, {"type": "null"}]})
}

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn bounded(min: usize, max: usize) -> Value {
    json!({"type": "string", "minLength": min, "maxLength": max})
}

pub(super) fn flag() -> Value {
    json!({"type": "boolean"})
}

pub(super) fn int() -> Value {
    json!({"type": "integer"})
}

pub(super) fn id() -> Value {
    json!({"type": "string", "pattern": "^[1-9][0-9]*$"})
}

pub(super) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

pub(super) fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// Everything that other schemas refer to, by name.
pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let mut all = vec![
        ("Error", error()),
        ("Properties", properties()),
        ("PropertyNames", property_names()),
        ("Author", author()),
        ("User", user()),
        ("ListedChat", listed_chat()),
        ("Thread", thread()),
        ("Chat", chat()),
    ];
    all.extend(super::event_schemas::objects());
    all.extend(super::events::objects());
    all.extend(super::agents::objects());
    all.extend(super::visitors::objects());
    all.extend(super::bans::objects());
    all.extend(super::canned_replies::objects());
    all.extend(super::updates::objects());
    all.extend(super::files::objects());
    all.extend(super::groups::objects());
    all.extend(super::forms::objects());
    all.extend(super::greetings::objects());
    all.extend(super::tickets::objects());
    all.extend(super::track_schema::objects());
    all
}

fn error() -> Value {
    object(&[
        (
            "error",
            object(&[
                ("code", about(text(), "For programs.")),
                ("message", about(text(), "For people.")),
                ("field?", about(text(), "The field it is about, dotted.")),
                ("retry_after?", about(int(), "Seconds to wait.")),
            ]),
        ),
        (
            "request_id?",
            about(text(), "Finds the request in the log."),
        ),
    ])
}

fn properties() -> Value {
    let value = json!({"type": ["string", "integer", "boolean"]});
    let namespace = json!({"type": "object", "additionalProperties": value});
    about(
        json!({"type": "object", "additionalProperties": namespace}),
        "Namespace, name, value: text of at most 4,096 characters, a whole number or a boolean; at most 100.",
    )
}

fn property_names() -> Value {
    let names = json!({"type": "array", "items": text()});
    about(
        json!({"type": "object", "additionalProperties": names}),
        "Namespace and names.",
    )
}

fn author() -> Value {
    object(&[
        ("type", one_of(&["visitor", "agent", "system"])),
        ("id", about(nullable(id()), "Null for the system.")),
    ])
}

fn user() -> Value {
    object(&[
        ("type", one_of(&["visitor", "agent"])),
        ("id", id()),
        ("name", nullable(text())),
        (
            "email",
            about(nullable(text()), "Of a visitor, where it is known."),
        ),
        ("is_present", about(flag(), "Takes part now.")),
        ("seen_seq", about(int(), "Has seen the chat up to here.")),
        ("joined_at", time()),
    ])
}

fn listed_chat() -> Value {
    object(&[
        ("id", id()),
        (
            "visitor",
            object(&[
                ("id", id()),
                ("name", nullable(text())),
                ("email", nullable(text())),
            ]),
        ),
        ("is_active", about(flag(), "A thread is open.")),
        ("agent_id", nullable(id())),
        ("last_text", text()),
        (
            "last_author",
            json!({"type": ["string", "null"], "enum": ["visitor", "agent", "system", null]}),
        ),
        ("last_event_at", time()),
        ("last_seq", int()),
        (
            "waiting_since",
            about(
                nullable(time()),
                "Since when the visitor waits for an answer.",
            ),
        ),
        ("is_unread", flag()),
    ])
}

fn thread() -> Value {
    object(&[
        ("id", id()),
        ("is_active", flag()),
        ("first_seq", int()),
        ("last_seq", about(nullable(int()), "Once it is closed.")),
        ("previous_thread_id", nullable(id())),
        ("agent_id", nullable(id())),
        ("group_id", int()),
        ("closed_by", nullable(refer("Author"))),
        ("properties", refer("Properties")),
        ("created_at", time()),
        ("closed_at", nullable(time())),
    ])
}

fn chat() -> Value {
    object(&[
        ("id", id()),
        ("visitor_id", id()),
        ("is_active", about(flag(), "A thread is open.")),
        ("agent_id", nullable(id())),
        ("group_id", int()),
        ("last_seq", int()),
        ("last_event_at", time()),
        ("waiting_since", nullable(time())),
        ("visitor_seen_seq", int()),
        ("agents_seen_seq", int()),
        (
            "unread",
            about(int(), "Messages of the visitor that no agent has seen."),
        ),
        ("properties", refer("Properties")),
        ("created_at", time()),
        ("users", list_of("User")),
        ("thread", about(nullable(refer("Thread")), "The newest.")),
    ])
}
