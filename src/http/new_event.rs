//! An event in a request, of visitors and of programs: read from its object, with refusals that name the field where it
//! stands.

use serde_json::Value;

use super::customer::fields::Fields;
use crate::domain::Refusal;
use crate::domain::event::{MessagePostback, NewEvent, Recipients};
use crate::domain::form_answers;
use crate::domain::properties::Properties;
use crate::domain::rich_message::RichMessage;

/// Most events that a thread can begin with.
const MAX_INITIAL_EVENTS: usize = 20;

/// Longest id in a message's postback, in characters.
const MAX_POSTBACK_CHARS: usize = 128;

/// Who sends: what the types and recipients depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// The visitor of the chat: no rich messages, and nothing but system messages past the other visitors.
    Visitor,
    /// A program in the name of an agent: no forms and no pressed buttons.
    Agent,
}

/// Reads one event; `fields` are those of the event's own object.
///
/// # Errors
/// A validation refusal that names the field, whatever stands before it.
pub(super) fn parse(fields: Fields<'_>, sender: Sender) -> Result<NewEvent, Refusal> {
    let mut event = content(fields, sender)?;
    if let Some(custom_id) = fields.opt_text("custom_id", usize::MAX)? {
        event = within(fields, event.with_custom_id(custom_id))?;
    }
    if let Some(properties) = fields.get("properties") {
        let name = fields.path("properties");
        event = event.with_properties(Properties::parse(&name, properties)?);
    }
    let recipients = recipients(fields, sender)?;
    let event = event.for_recipients(recipients);
    // A note about a closed chat stands in its last thread and opens none. The chat wire says so beside the event.
    let is_attached = sender == Sender::Agent
        && (fields.flag("attach_to_last_thread")? || recipients == Recipients::Agents);
    Ok(match is_attached {
        true => event.attached_to_last_thread(),
        false => event,
    })
}

/// Reads what an event says, whoever may see it.
///
/// # Errors
/// As [`parse`].
pub(super) fn content(fields: Fields<'_>, sender: Sender) -> Result<NewEvent, Refusal> {
    let text = |name| fields.text(name, usize::MAX);
    match (text("type")?, sender) {
        ("message", Sender::Visitor) => message(fields),
        ("message", Sender::Agent) => within(fields, NewEvent::message(text("text")?)),
        ("system_message", _) => {
            let (text, kind) = (text("text")?, text("system_message_type")?);
            within(fields, NewEvent::system_message(text, kind))
        }
        ("file", _) => {
            let alternative = fields.opt_text("alternative_text", usize::MAX)?;
            within(fields, NewEvent::file(text("url")?, alternative))
        }
        ("filled_form", Sender::Visitor) => filled_form(fields),
        ("rich_message", Sender::Agent) => {
            let rich = within(fields, RichMessage::parse("", fields.map()))?;
            Ok(NewEvent::rich_message(rich))
        }
        ("custom", _) => {
            let content = fields
                .get("content")
                .ok_or_else(|| fields.invalid("content", "is required"))?;
            within(fields, NewEvent::custom(content))
        }
        (_, Sender::Visitor) => {
            let known = "must be message, file, filled_form, system_message or custom";
            Err(fields.invalid("type", known))
        }
        (_, Sender::Agent) => {
            let known = "must be message, system_message, file, rich_message or custom";
            Err(fields.invalid("type", known))
        }
    }
}

/// Who may see it. A visitor's page may tell agents something past the visitor, and nothing else.
fn recipients(fields: Fields<'_>, sender: Sender) -> Result<Recipients, Refusal> {
    let asked = match fields.opt_text("recipients", usize::MAX)? {
        None => Recipients::All,
        Some(text) => Recipients::parse(text)
            .ok_or_else(|| fields.invalid("recipients", "must be all or agents"))?,
    };
    let is_system = fields.get("type").and_then(Value::as_str) == Some("system_message");
    if asked == Recipients::Agents && sender == Sender::Visitor && !is_system {
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
pub(super) fn parse_list(
    fields: Fields<'_>,
    name: &str,
    sender: Sender,
) -> Result<Vec<NewEvent>, Refusal> {
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
            parse(Fields::within(map, &at, &n), sender)
        })
        .collect()
}

/// The domain names the field of the event; the client knows it by its whole path.
fn within<T>(fields: Fields<'_>, read: Result<T, Refusal>) -> Result<T, Refusal> {
    read.map_err(|refusal| refusal.renamed(|field| fields.path(field)))
}

#[cfg(test)]
mod tests;
