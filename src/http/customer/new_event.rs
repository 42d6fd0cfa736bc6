//! An event as visitors send it: read from the payload, with refusals that name the field where it stands.

use serde_json::Value;

use crate::domain::Refusal;
use crate::domain::event::{MessagePostback, NewEvent, Recipients};
use crate::domain::form_answers;
use crate::domain::properties::Properties;
use crate::domain::rich_message::RichMessage;
use crate::http::customer::fields::Fields;

/// Most events that a thread can begin with.
const MAX_INITIAL_EVENTS: usize = 20;

/// Longest id in a message's postback, in characters.
const MAX_POSTBACK_CHARS: usize = 128;

/// Reads one event; `fields` are those of the event's own object.
///
/// # Errors
/// A validation refusal that names the field, whatever stands before it.
pub(super) fn parse(fields: Fields<'_>) -> Result<NewEvent, Refusal> {
    let kind = fields.text("type", usize::MAX)?;
    let mut event = match kind {
        "message" => message(fields)?,
        "system_message" => within(
            fields,
            NewEvent::system_message(
                fields.text("text", usize::MAX)?,
                fields.text("system_message_type", usize::MAX)?,
            ),
        )?,
        "file" => within(
            fields,
            NewEvent::file(
                fields.text("url", usize::MAX)?,
                fields.opt_text("alternative_text", usize::MAX)?,
            ),
        )?,
        "filled_form" => filled_form(fields)?,
        "custom" => {
            let content = fields
                .get("content")
                .ok_or_else(|| fields.invalid("content", "is required"))?;
            within(fields, NewEvent::custom(content))?
        }
        _ => {
            let known = "must be message, file, filled_form, system_message or custom";
            return Err(fields.invalid("type", known));
        }
    };
    if let Some(custom_id) = fields.opt_text("custom_id", usize::MAX)? {
        event = within(fields, event.with_custom_id(custom_id))?;
    }
    if let Some(properties) = fields.get("properties") {
        let name = fields.path("properties");
        event = event.with_properties(Properties::parse(&name, properties)?);
    }
    Ok(event.for_recipients(recipients(fields, kind)?))
}

/// Who may see it. A visitor's page may tell agents something past the visitor, and nothing else.
fn recipients(fields: Fields<'_>, kind: &str) -> Result<Recipients, Refusal> {
    let asked = match fields.opt_text("recipients", usize::MAX)? {
        None => Recipients::All,
        Some(text) => Recipients::parse(text)
            .ok_or_else(|| fields.invalid("recipients", "must be all or agents"))?,
    };
    if asked == Recipients::Agents && kind != "system_message" {
        return Err(fields.invalid("recipients", "must be all"));
    }
    Ok(asked)
}

fn message(fields: Fields<'_>) -> Result<NewEvent, Refusal> {
    let message = within(fields, NewEvent::message(fields.text("text", usize::MAX)?))?;
    let Some(postback) = fields.opt_object("postback")? else {
        return Ok(message);
    };
    let at = fields.path("postback");
    let postback = Fields::within(postback, &at, "");
    let text = |name| {
        let text = postback.text(name, MAX_POSTBACK_CHARS)?;
        Ok::<_, Refusal>(text.replace('\0', ""))
    };
    let value = postback.opt_text("value", RichMessage::MAX_VALUE_CHARS)?;
    Ok(message.with_postback(MessagePostback {
        id: text("id")?,
        thread_id: text("thread_id")?,
        event_id: text("event_id")?,
        kind: text("type")?,
        value: value.map(|value| value.replace('\0', "")),
    }))
}

fn filled_form(fields: Fields<'_>) -> Result<NewEvent, Refusal> {
    let form_id = fields.text("form_id", NewEvent::MAX_CUSTOM_ID_CHARS)?;
    let answers = fields
        .opt_list("fields", usize::MAX)?
        .ok_or_else(|| fields.invalid("fields", "is required"))?;
    let answers = within(fields, form_answers::parse(answers))?;
    within(fields, NewEvent::filled_form(form_id, answers))
}

/// Reads the events a thread begins with, from the list `name` of `fields`.
///
/// # Errors
/// A validation refusal that names the field, for example `chat.thread.events.0.text`.
pub(super) fn parse_list(fields: Fields<'_>, name: &str) -> Result<Vec<NewEvent>, Refusal> {
    let Some(list) = fields.opt_list(name, MAX_INITIAL_EVENTS)? else {
        return Ok(Vec::new());
    };
    let at = fields.path(name);
    list.iter()
        .enumerate()
        .map(|(n, item)| {
            let n = n.to_string();
            let Value::Object(map) = item else {
                return Err(Refusal::invalid(format!("{at}.{n}"), "must be an object"));
            };
            parse(Fields::within(map, &at, &n))
        })
        .collect()
}

/// The domain names the field of the event; the client knows it by its whole path.
fn within<T>(fields: Fields<'_>, read: Result<T, Refusal>) -> Result<T, Refusal> {
    read.map_err(|refusal| match &refusal {
        Refusal::Validation { field, reason } => fields.invalid(field, reason),
        _ => refusal,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    const TYPES: &str = "event.type: must be message, file, filled_form, system_message or custom";

    fn deep(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, _| json!([inner]))
    }

    fn refused(event: &Value) -> String {
        let map: &Map<_, _> = event.as_object().unwrap();
        parse(Fields::within(map, "event", ""))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn each_field_that_does_not_fit_is_named_with_its_path() {
        let cases = [
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
        ];
        for (event, message) in cases {
            assert_eq!(refused(&event), message, "{event}");
        }
    }

    #[test]
    fn an_event_of_a_list_is_named_by_its_place() {
        let payload = json!({"events": [{"type": "message", "text": "a"}, {"type": "message"}]});
        let fields = Fields::within(payload.as_object().unwrap(), "chat", "thread");

        let refusal = parse_list(fields, "events").unwrap_err();

        assert_eq!(
            refusal.to_string(),
            "chat.thread.events.1.text: is required"
        );
    }

    #[test]
    fn a_message_keeps_its_custom_id_and_properties() {
        let event = json!({"type": "message", "text": "Hi", "custom_id": "c1", "properties": {"a": {"b": 1}}});

        let event = parse(Fields::of(event.as_object().unwrap())).unwrap();

        assert_eq!(event.custom_id(), Some("c1"));
        assert_eq!(event.text(), Some("Hi"));
    }

    #[test]
    fn a_page_tells_agents_something_past_the_visitor_in_system_messages() {
        let page = json!({"type": "system_message", "text": "x", "system_message_type": "a", "recipients": "agents"});
        let note = json!({"type": "message", "text": "x", "recipients": "agents"});

        let told = parse(Fields::of(page.as_object().unwrap())).unwrap();

        assert_eq!(told.recipients(), Recipients::Agents);
        assert_eq!(refused(&note), "event.recipients: must be all");
    }
}
