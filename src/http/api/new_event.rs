//! An event in a request: read from a body, with refusals that name the field where it stands.

use crate::domain::Refusal;
use crate::domain::event::{NewEvent, Recipients};
use crate::domain::properties::Properties;
use crate::domain::rich_message::RichMessage;
use crate::http::customer::fields::Fields;

/// Most events that a thread can begin with.
const MAX_INITIAL_EVENTS: usize = 20;

/// Reads one event; `fields` are those of the event's own object.
///
/// # Errors
/// A validation refusal that names the field, with whatever stands before it.
pub(super) fn parse(fields: Fields<'_>) -> Result<NewEvent, Refusal> {
    let within = |refusal| {
        if let Refusal::Validation { field, reason } = &refusal {
            return fields.invalid(field, reason);
        }
        refusal
    };
    let mut new = content(fields).map_err(within)?;
    if let Some(properties) = fields.get("properties") {
        let name = fields.path("properties");
        new = new.with_properties(Properties::parse(&name, properties)?);
    }
    if let Some(custom_id) = fields.opt_text("custom_id", usize::MAX)? {
        new = new.with_custom_id(custom_id).map_err(within)?;
    }
    let recipients = fields
        .opt_text("recipients", usize::MAX)?
        .map_or(Some(Recipients::All), Recipients::parse)
        .ok_or_else(|| fields.invalid("recipients", "must be all or agents"))?;
    let new = new.for_recipients(recipients);
    // A note about a closed chat stands in its last thread and opens none.
    if recipients == Recipients::Agents || fields.flag("attach_to_last_thread")? {
        return Ok(new.attached_to_last_thread());
    }
    Ok(new)
}

/// What an event says; refusals name its own fields.
pub(super) fn content(fields: Fields<'_>) -> Result<NewEvent, Refusal> {
    let required = |name| fields.text(name, usize::MAX).map_err(bare);
    match required("type")? {
        "message" => NewEvent::message(required("text")?),
        "system_message" => {
            NewEvent::system_message(required("text")?, required("system_message_type")?)
        }
        "file" => {
            let alternative = fields
                .opt_text("alternative_text", usize::MAX)
                .map_err(bare)?;
            NewEvent::file(required("url")?, alternative)
        }
        "rich_message" => Ok(NewEvent::rich_message(rich_message(fields)?)),
        "custom" => {
            let content = fields
                .get("content")
                .ok_or_else(|| Refusal::invalid("content", "is required"))?;
            NewEvent::custom(content)
        }
        _ => Err(Refusal::invalid(
            "type",
            "must be message, system_message, file, rich_message or custom",
        )),
    }
}

/// Cards, quick replies or a sticker.
fn rich_message(fields: Fields<'_>) -> Result<RichMessage, Refusal> {
    const AT: &str = "event";
    let parsed = RichMessage::parse(AT, fields.map());
    parsed.map_err(|refusal| {
        if let Refusal::Validation { field, reason } = &refusal {
            let name = field.strip_prefix("event.").unwrap_or(field);
            return Refusal::invalid(name, reason);
        }
        refusal
    })
}

/// A refusal without the way to its field, which [`parse`] puts before all names alike.
fn bare(refusal: Refusal) -> Refusal {
    if let Refusal::Validation { field, reason } = &refusal {
        let name = field.rsplit('.').next().unwrap_or(field);
        return Refusal::invalid(name, reason);
    }
    refusal
}

/// Reads the events a thread begins with, from the list `name` of `fields`.
///
/// # Errors
/// A validation refusal that names the field, for example `events.0.text`.
pub(super) fn parse_list(fields: Fields<'_>, name: &str) -> Result<Vec<NewEvent>, Refusal> {
    let Some(list) = fields.opt_list(name, MAX_INITIAL_EVENTS)? else {
        return Ok(Vec::new());
    };
    let parsed = list.iter().enumerate().map(|(n, item)| {
        let n = n.to_string();
        let map = item
            .as_object()
            .ok_or_else(|| Refusal::invalid(format!("{name}.{n}"), "must be an object"))?;
        parse(Fields::within(map, name, &n))
    });
    parsed.collect()
}
