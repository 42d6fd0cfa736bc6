//! Events written by the key's agent, and the threads they stand in.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, Verb};
use super::objects;
use super::schemas::{about, flag, id, object, refer};
use crate::db::{self, Tx};
use crate::domain::event::{NewEvent, Recipients};
use crate::domain::ids::{EventId, VisitorId};
use crate::domain::permission::{Action, Subject};
use crate::domain::properties::Properties;
use crate::http::error::ApiError;
use crate::http::new_event::{self, Sender};
use crate::store::chats::{self, Opening};
use crate::store::edits;
use crate::store::events::{self, Appended};

const TAG: &str = "Events";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "sendEvent",
        path: "/chats/{chat_id}/events",
        tag: TAG,
        summary: "Write an event into the open thread",
        body: Some(|| refer("NewEvent")),
        answer: Some(|| refer("SentEvent")),
        errors: &["not_found", "chat_inactive", "custom_id_reused"],
        handler: |call| Box::pin(send(call)),
        ..Endpoint::WRITE
    },
    Endpoint {
        id: "editEvent",
        verb: Verb::Put,
        path: "/chats/{chat_id}/events/{event_id}",
        tag: TAG,
        summary: "Write anew what the agent said; the same again changes nothing",
        body: Some(|| refer("Edit")),
        answer: Some(|| refer("Event")),
        errors: &["not_found"],
        handler: |call| Box::pin(edit(call)),
        ..Endpoint::WRITE
    },
    Endpoint {
        id: "openThread",
        path: "/chats/{chat_id}/threads",
        tag: TAG,
        summary: "Open a new thread of a chat that was closed; repeatable by the custom_ids of its events",
        body: Some(|| {
            object(&[
                (
                    "events?",
                    json!({"type": "array", "items": refer("NewEvent"), "maxItems": 20}),
                ),
                ("properties?", refer("Properties")),
            ])
        }),
        answer: Some(|| {
            object(&[
                ("thread_id", id()),
                (
                    "events",
                    json!({"type": "array", "items": refer("SentEvent")}),
                ),
                ("is_duplicate", flag()),
            ])
        }),
        errors: &["not_found", "chat_already_active", "custom_id_reused"],
        handler: |call| Box::pin(open(call)),
        ..Endpoint::WRITE
    },
];

/// What this file's endpoints answer with.
pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let sent = object(&[
        ("event", refer("Event")),
        (
            "is_duplicate",
            about(flag(), "It was stored before; this is the first one."),
        ),
    ]);
    vec![("SentEvent", sent)]
}

async fn send(call: Call) -> Result<Answer, ApiError> {
    let (subject, id, now) = (call.subject.clone(), call.chat()?, call.now);
    let new = new_event::parse(call.fields(), Sender::Agent)?;
    let (sent, root) = call
        .write(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, action_of(&new), id)?;
            Ok((events::append(tx, &permit, &new, now)?, chat.root))
        })
        .await?;
    Ok(Answer::of(sent_event(&sent, root)))
}

const fn action_of(new: &NewEvent) -> Action {
    match new.recipients() {
        Recipients::All => Action::SendEvent,
        Recipients::Agents => Action::SendNote,
    }
}

fn sent_event(sent: &Appended, root: VisitorId) -> Value {
    json!({
        "event": objects::event(&sent.event, root),
        "is_duplicate": sent.is_duplicate,
    })
}

async fn edit(call: Call) -> Result<Answer, ApiError> {
    let (subject, id, now) = (call.subject.clone(), call.chat()?, call.now);
    let event: EventId = call.id("event_id", "event")?;
    let new = new_event::content(call.fields(), Sender::Agent)?;
    let (event, root) = call
        .write(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::EditEvent, id)?;
            let seq = edits::seq_of(tx, &permit, event)?;
            edits::edit(tx, &permit, seq, &new, now)?;
            Ok((edits::edited(tx, &permit, seq)?, chat.root))
        })
        .await?;
    Ok(Answer::of(objects::event(&event, root)))
}

async fn open(call: Call) -> Result<Answer, ApiError> {
    let (subject, id, now) = (call.subject.clone(), call.chat()?, call.now);
    let fields = call.fields();
    let opening = Opening {
        events: new_event::parse_list(fields, "events", Sender::Agent)?,
        thread_properties: fields
            .get("properties")
            .map_or(Ok(Properties::default()), |json| {
                Properties::parse("properties", json)
            })?,
        ..Opening::default()
    };
    let opened = call
        .write(move |tx| {
            may_send(tx, &subject, &opening, id)?;
            let (_, permit) = chats::authorized(tx, &subject, Action::OpenThread, id)?;
            chats::activate(tx, &permit, &opening, now)
        })
        .await?;
    let events: Vec<Value> = opened
        .events
        .iter()
        .map(|sent| sent_event(sent, opened.chat.root))
        .collect();
    Ok(Answer::of(json!({
        "thread_id": opened.thread,
        "events": events,
        "is_duplicate": opened.is_duplicate,
    })))
}

/// Asks for the right to write each of the first events, as if it were sent by itself.
fn may_send(
    tx: &mut dyn Tx,
    subject: &Subject,
    opening: &Opening,
    id: crate::domain::ids::ChatId,
) -> db::Result<()> {
    for new in &opening.events {
        chats::authorized(tx, subject, action_of(new), id)?;
    }
    Ok(())
}
