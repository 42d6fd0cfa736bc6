//! An event in a request: read from the payload, with refusals that name the field where it stands.

use serde_json::Value;

use crate::domain::Refusal;
use crate::domain::event::NewEvent;
use crate::domain::properties::Properties;
use crate::http::customer::fields::Fields;

/// Most events that a thread can begin with.
const MAX_INITIAL_EVENTS: usize = 20;

/// Reads one event; `fields` are those of the event's own object.
///
/// # Errors
/// A validation refusal that names the field, whatever stands before it.
pub(super) fn parse(fields: Fields<'_>) -> Result<NewEvent, Refusal> {
    let written = match fields.text("type", usize::MAX)? {
        "message" => {
            if fields.get("postback").is_some() {
                return Err(fields.invalid("postback", "is not supported"));
            }
            NewEvent::message(fields.text("text", usize::MAX)?)
        }
        "system_message" => NewEvent::system_message(
            fields.text("text", usize::MAX)?,
            fields.text("system_message_type", usize::MAX)?,
        ),
        _ => return Err(fields.invalid("type", "must be message or system_message")),
    };
    let mut event = written.map_err(|refusal| within(fields, refusal))?;
    if !matches!(
        fields.opt_text("recipients", usize::MAX)?,
        None | Some("all")
    ) {
        return Err(fields.invalid("recipients", "must be all"));
    }
    if let Some(custom_id) = fields.opt_text("custom_id", usize::MAX)? {
        event = event
            .with_custom_id(custom_id)
            .map_err(|refusal| within(fields, refusal))?;
    }
    if let Some(properties) = fields.get("properties") {
        let name = fields.path("properties");
        event = event.with_properties(Properties::parse(&name, properties)?);
    }
    Ok(event)
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
fn within(fields: Fields<'_>, refusal: Refusal) -> Refusal {
    if let Refusal::Validation { field, reason } = &refusal {
        return fields.invalid(field, reason);
    }
    refusal
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

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
                json!({"type": "file", "url": "x"}),
                "event.type: must be message or system_message",
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
                json!({"type": "message", "text": "x", "postback": {}}),
                "event.postback: is not supported",
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
}
