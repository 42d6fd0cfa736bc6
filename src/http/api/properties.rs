//! Properties that programs hang on chats, threads and events.

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, Verb};
use super::schemas::{object, refer};
use crate::domain::event::PropertyOwner;
use crate::domain::permission::Action;
use crate::domain::properties::{Properties, PropertyNames};
use crate::http::error::ApiError;
use crate::store::chats::{self, PropertyChange};

const TAG: &str = "Properties";

const CHANGE: Endpoint = Endpoint {
    verb: Verb::Patch,
    tag: TAG,
    body: Some(|| {
        object(&[
            ("updated?", refer("Properties")),
            ("deleted?", refer("PropertyNames")),
        ])
    }),
    errors: &["not_found"],
    ..Endpoint::WRITE
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "changeChatProperties",
        path: "/chats/{chat_id}/properties",
        summary: "Set and take away properties of a chat",
        handler: |call| Box::pin(change(call, Of::Chat)),
        ..CHANGE
    },
    Endpoint {
        id: "changeEventProperties",
        path: "/chats/{chat_id}/threads/{thread_id}/events/{event_id}/properties",
        summary: "Set and take away properties of an event that people see",
        handler: |call| Box::pin(change(call, Of::Event)),
        ..CHANGE
    },
    Endpoint {
        id: "changeThreadProperties",
        path: "/chats/{chat_id}/threads/{thread_id}/properties",
        summary: "Set and take away properties of a thread",
        handler: |call| Box::pin(change(call, Of::Thread)),
        ..CHANGE
    },
];

/// What the path names.
#[derive(Clone, Copy)]
enum Of {
    Chat,
    Thread,
    Event,
}

async fn change(call: Call, of: Of) -> Result<Answer, ApiError> {
    let (subject, id, now) = (call.subject.clone(), call.chat()?, call.now);
    let of = match of {
        Of::Chat => PropertyOwner::Chat,
        Of::Thread => PropertyOwner::Thread(call.id("thread_id", "thread")?),
        Of::Event => PropertyOwner::Event {
            thread: call.id("thread_id", "thread")?,
            event: call.id("event_id", "event")?,
        },
    };
    let fields = call.fields();
    let updated = fields
        .get("updated")
        .map(|json| Properties::parse("updated", json))
        .transpose()?
        .map(PropertyChange::Update);
    let deleted = fields
        .get("deleted")
        .map(|json| PropertyNames::parse("deleted", json))
        .transpose()?
        .map(PropertyChange::Delete);
    call.write(move |tx| {
        let (_, permit) = chats::authorized(tx, &subject, Action::ChangeProperties, id)?;
        for change in [&updated, &deleted].into_iter().flatten() {
            chats::change_properties(tx, &permit, of, change, now)?;
        }
        Ok(())
    })
    .await?;
    Ok(Answer::done())
}
