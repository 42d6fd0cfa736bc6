//! What is taken and what is refused.

use serde_json::{Map, json};

use super::*;

const TYPES: &str = "event.type: must be message, file, filled_form, system_message or custom";

fn deep(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

fn refused(event: &Value) -> String {
    let map: &Map<_, _> = event.as_object().unwrap();
    parse(Fields::within(map, "event", ""), Sender::Visitor)
        .unwrap_err()
        .to_string()
}

/// Types that a visitor cannot send, and what else files, custom events and forms cannot be.
fn bad_types() -> Vec<(Value, &'static str)> {
    vec![
        (json!({}), "event.type: is required"),
        (json!({"type": 1}), "event.type: must be a string"),
        (
            json!({"type": "rich_message", "template_id": "cards", "elements": []}),
            TYPES,
        ),
        (json!({"type": "gif"}), TYPES),
        (json!({"type": "file"}), "event.url: is required"),
        (
            json!({"type": "file", "url": 1}),
            "event.url: must be a string",
        ),
        (
            json!({"type": "file", "url": "x".repeat(2_001)}),
            "event.url: at most 2000 characters",
        ),
        (json!({"type": "custom"}), "event.content: is required"),
        (
            json!({"type": "custom", "content": {"x": "y".repeat(8_192)}}),
            "event.content: at most 8192 bytes",
        ),
        (
            json!({"type": "custom", "content": deep(17)}),
            "event.content: is nested deeper than 16 levels",
        ),
        (
            json!({"type": "filled_form", "fields": []}),
            "event.form_id: is required",
        ),
        (
            json!({"type": "filled_form", "form_id": "1"}),
            "event.fields: is required",
        ),
        (
            json!({"type": "filled_form", "form_id": "1", "fields": []}),
            "event.fields: must not be empty",
        ),
        (
            json!({"type": "filled_form", "form_id": "1", "fields": [{"type": "gif", "id": "1"}]}),
            "event.fields.0.type: is no type of field",
        ),
    ]
}

/// What messages and fields of all types cannot be.
fn bad_messages() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"type": "message"}), "event.text: is required"),
        (
            json!({"type": "message", "text": ["x"]}),
            "event.text: must be a string",
        ),
        (
            json!({"type": "message", "text": "  "}),
            "event.text: must not be blank",
        ),
        (
            json!({"type": "message", "text": "x".repeat(8_001)}),
            "event.text: at most 8000 characters",
        ),
        (
            json!({"type": "message", "text": "x", "custom_id": 1}),
            "event.custom_id: must be a string",
        ),
        (
            json!({"type": "message", "text": "x", "custom_id": ""}),
            "event.custom_id: must not be empty",
        ),
        (
            json!({"type": "message", "text": "x", "properties": []}),
            "event.properties: must be an object",
        ),
        (
            json!({"type": "message", "text": "x", "postback": []}),
            "event.postback: must be an object",
        ),
        (
            json!({"type": "message", "text": "x", "postback": {"id": "yes", "event_id": "1", "type": "message"}}),
            "event.postback.thread_id: is required",
        ),
        (
            json!({"type": "message", "text": "x", "postback": {"id": 1}}),
            "event.postback.id: must be a string",
        ),
        (
            json!({"type": "message", "text": "x", "recipients": "everybody"}),
            "event.recipients: must be all or agents",
        ),
        (
            json!({"type": "message", "text": "x", "recipients": "agents"}),
            "event.recipients: must be all",
        ),
        (
            json!({"type": "system_message", "text": "x"}),
            "event.system_message_type: is required",
        ),
    ]
}

#[test]
fn each_field_that_does_not_fit_is_named_with_its_path() {
    for (event, message) in bad_types().into_iter().chain(bad_messages()) {
        assert_eq!(refused(&event), message, "{event}");
    }
}

#[test]
fn an_event_of_a_list_is_named_by_its_place() {
    let payload = json!({"events": [{"type": "message", "text": "a"}, {"type": "message"}]});
    let fields = Fields::within(payload.as_object().unwrap(), "chat", "thread");

    let refusal = parse_list(fields, "events", Sender::Visitor).unwrap_err();

    assert_eq!(
        refusal.to_string(),
        "chat.thread.events.1.text: is required"
    );
}

#[test]
fn a_message_keeps_its_custom_id_and_properties() {
    let event =
        json!({"type": "message", "text": "Hi", "custom_id": "c1", "properties": {"a": {"b": 1}}});

    let event = parse(Fields::of(event.as_object().unwrap()), Sender::Visitor).unwrap();

    assert_eq!(event.custom_id(), Some("c1"));
    assert_eq!(event.text(), Some("Hi"));
}

#[test]
fn a_page_tells_agents_something_past_the_visitor_in_system_messages() {
    let page = json!({"type": "system_message", "text": "x", "system_message_type": "a", "recipients": "agents"});
    let note = json!({"type": "message", "text": "x", "recipients": "agents"});

    let told = parse(Fields::of(page.as_object().unwrap()), Sender::Visitor).unwrap();

    assert_eq!(told.recipients(), Recipients::Agents);
    assert_eq!(refused(&note), "event.recipients: must be all");
}

#[test]
fn programs_send_rich_messages_and_notes_and_no_answers_to_forms() {
    let parsed = |event: &Value| {
        let fields = Fields::within(event.as_object().unwrap(), "events", "3");
        parse(fields, Sender::Agent).map_err(|refusal| refusal.to_string())
    };
    let rich = json!({"type": "rich_message", "template_id": "cards", "recipients": "agents",
        "elements": [{"title": "Tea"}]});

    assert_eq!(parsed(&rich).unwrap().recipients(), Recipients::Agents);
    for (event, message) in [
        (
            json!({"type": "filled_form", "form_id": "1", "fields": []}),
            "events.3.type: must be message, system_message, file, rich_message or custom",
        ),
        (
            json!({"type": "rich_message", "template_id": "cards", "elements": [{"title": 1}]}),
            "events.3.elements.0.title: must be a string",
        ),
        (
            json!({"type": "message", "text": "x", "attach_to_last_thread": 1}),
            "events.3.attach_to_last_thread: must be true or false",
        ),
        (
            json!({"type": "message", "text": 1}),
            "events.3.text: must be a string",
        ),
    ] {
        assert_eq!(parsed(&event).unwrap_err(), message, "{event}");
    }
}
