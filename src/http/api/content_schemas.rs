//! Schemas of what an event says to people: as it is read, and as a program writes it.

use serde_json::{Value, json};

use super::schemas::{about, bounded, flag, id, int, nullable, object, one_of, refer, text};
use crate::domain::event::NewEvent;
use crate::domain::rich_message::RichMessage;

/// One kind of entry that people see.
pub(super) struct Said {
    /// The name of the schema of its event.
    pub(super) event: &'static str,
    /// The name of the schema of its content alone.
    content: &'static str,
    pub(super) kind: &'static str,
    pub(super) fields: Vec<(&'static str, Value)>,
}

/// Every kind that people see.
pub(super) fn said() -> Vec<Said> {
    let of = |event, content, kind, mut fields: Vec<(&'static str, Value)>| {
        fields.push(("properties", refer("Properties")));
        Said {
            event,
            content,
            kind,
            fields,
        }
    };
    vec![
        of(
            "MessageEvent",
            "MessageContent",
            "message",
            vec![("text", text()), ("postback?", refer("Postback"))],
        ),
        of(
            "SystemMessageEvent",
            "SystemMessageContent",
            "system_message",
            vec![
                ("text", text()),
                ("system_message_type", text()),
                (
                    "text_vars?",
                    json!({"type": "object", "additionalProperties": text()}),
                ),
            ],
        ),
        of("FileEvent", "FileContent", "file", file()),
        of(
            "FilledFormEvent",
            "FilledFormContent",
            "filled_form",
            vec![
                ("form_id", text()),
                (
                    "fields",
                    json!({"type": "array", "items": refer("FilledField")}),
                ),
            ],
        ),
        of(
            "RichMessageEvent",
            "RichMessageContent",
            "rich_message",
            rich("ShownElement"),
        ),
        of(
            "CustomEvent",
            "CustomContent",
            "custom",
            vec![("content", json!({}))],
        ),
    ]
}

/// What this file's schemas refer to, and what programs write.
pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let mut all: Vec<(&'static str, Value)> = said()
        .into_iter()
        .map(|it| {
            let mut fields = vec![("type", json!({"const": it.kind}))];
            fields.extend(it.fields);
            (it.content, object(&fields))
        })
        .collect();
    let listed: Vec<Value> = all.iter().map(|(name, _)| refer(name)).collect();
    all.extend([
        (
            "Content",
            json!({"oneOf": listed, "discriminator": {"propertyName": "type"}}),
        ),
        ("Postback", postback()),
        ("FilledField", filled_field()),
        (
            "Rating",
            object(&[
                ("score", about(int(), "0 is bad, 1 is good.")),
                ("comment", text()),
            ]),
        ),
        (
            "Chosen",
            object(&[("id", text()), ("label", text()), ("group_id?", int())]),
        ),
        ("ShownElement", element("ShownButton")),
        ("ShownButton", button(true)),
        ("Element", element("Button")),
        ("Button", button(false)),
        ("Image", image()),
        ("PropertyOwner", property_owner()),
    ]);
    all.extend(written());
    all
}

fn file() -> Vec<(&'static str, Value)> {
    vec![
        ("url", text()),
        ("name", text()),
        ("content_type", text()),
        ("size", int()),
        ("width?", int()),
        ("height?", int()),
        ("thumbnail_url?", text()),
        ("thumbnail2x_url?", text()),
        ("alternative_text?", text()),
    ]
}

fn rich(element: &str) -> Vec<(&'static str, Value)> {
    vec![
        (
            "template_id",
            one_of(&["cards", "quick_replies", "sticker"]),
        ),
        (
            "elements",
            json!({
                "type": "array",
                "items": refer(element),
                "minItems": 1,
                "maxItems": RichMessage::MAX_ELEMENTS,
            }),
        ),
    ]
}

fn postback() -> Value {
    object(&[
        ("id", text()),
        ("thread_id", text()),
        ("event_id", text()),
        ("type", text()),
        ("value?", text()),
    ])
}

fn filled_field() -> Value {
    object(&[
        ("id", text()),
        ("type", text()),
        ("label", text()),
        (
            "answer?",
            json!({"anyOf": [text(), refer("Rating"), refer("Chosen")]}),
        ),
        (
            "answers?",
            json!({"type": "array", "items": refer("Chosen")}),
        ),
    ])
}

fn element(button: &str) -> Value {
    object(&[
        ("title?", bounded(0, RichMessage::MAX_TITLE_CHARS)),
        ("subtitle?", bounded(0, RichMessage::MAX_SUBTITLE_CHARS)),
        ("image?", refer("Image")),
        (
            "buttons?",
            json!({
                "type": "array",
                "items": refer(button),
                "maxItems": RichMessage::MAX_BUTTONS,
            }),
        ),
    ])
}

fn button(is_shown: bool) -> Value {
    let mut fields = vec![
        (
            "type?",
            one_of(&["message", "phone", "url", "webview", "cancel"]),
        ),
        ("text", bounded(1, RichMessage::MAX_BUTTON_CHARS)),
        ("postback_id", bounded(1, RichMessage::MAX_POSTBACK_CHARS)),
        ("value?", bounded(0, RichMessage::MAX_VALUE_CHARS)),
        ("role?", one_of(&["default", "primary"])),
        ("target?", one_of(&["new", "current"])),
        ("webview_height?", one_of(&["compact", "tall", "full"])),
    ];
    let pressed = json!({"type": "array", "items": id()});
    fields.push(if is_shown {
        ("user_ids", about(pressed, "Who has it pressed."))
    } else {
        // A client that sends a message on sends what it was shown.
        (
            "user_ids?",
            about(pressed, "Not read: nobody has pressed a new button."),
        )
    });
    object(&fields)
}

fn image() -> Value {
    object(&[
        ("url", bounded(1, RichMessage::MAX_URL_CHARS)),
        ("name?", text()),
        ("content_type?", text()),
        ("size?", int()),
        ("width?", int()),
        ("height?", int()),
        ("alternative_text?", text()),
    ])
}

fn property_owner() -> Value {
    object(&[
        ("type", one_of(&["chat", "thread", "event"])),
        ("thread_id", nullable(id())),
        ("event_id", nullable(id())),
    ])
}

/// Events as programs write them: what they say, and how it is to be stored.
fn written() -> Vec<(&'static str, Value)> {
    let kinds = writable();
    let mut all = Vec::new();
    let mut new = Vec::new();
    let mut edits = Vec::new();
    for (name, edit, kind, fields) in kinds {
        let mut of_kind = vec![("type", json!({"const": kind}))];
        of_kind.extend(fields);
        if let Some(edit) = edit {
            all.push((edit, object(&of_kind)));
            edits.push(refer(edit));
        }
        of_kind.extend(stored());
        all.push((name, object(&of_kind)));
        new.push(refer(name));
    }
    let with = |listed| json!({"oneOf": listed, "discriminator": {"propertyName": "type"}});
    all.push(("NewEvent", with(new)));
    all.push((
        "Edit",
        about(with(edits), "The same type as before; properties stay."),
    ));
    all
}

type Writable = (
    &'static str,
    Option<&'static str>,
    &'static str,
    Vec<(&'static str, Value)>,
);

/// What a program may write: the schema of the event, that of an edit where there is one, the type, its fields.
fn writable() -> Vec<Writable> {
    let words = || bounded(1, NewEvent::MAX_TEXT_CHARS);
    vec![
        (
            "NewMessage",
            Some("MessageEdit"),
            "message",
            vec![("text", words())],
        ),
        (
            "NewSystemMessage",
            None,
            "system_message",
            vec![
                ("text", words()),
                ("system_message_type", bounded(1, NewEvent::MAX_TYPE_CHARS)),
            ],
        ),
        (
            "NewFile",
            None,
            "file",
            vec![
                (
                    "url",
                    about(
                        bounded(1, NewEvent::MAX_URL_CHARS),
                        "What the upload of the file answered.",
                    ),
                ),
                ("alternative_text?", bounded(1, 1_000)),
            ],
        ),
        (
            "NewRichMessage",
            Some("RichMessageEdit"),
            "rich_message",
            rich("Element"),
        ),
        (
            "NewCustom",
            Some("CustomEdit"),
            "custom",
            vec![(
                "content",
                about(json!({}), "Any JSON of at most 8 KiB and 16 levels."),
            )],
        ),
    ]
}

fn stored() -> Vec<(&'static str, Value)> {
    vec![
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
    ]
}
