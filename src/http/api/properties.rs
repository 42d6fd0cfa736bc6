//! Properties that programs hang on chats, threads and events.

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, Verb};
use super::schemas::{object, refer};
use crate::domain::event::PropertyOwner;
use crate::domain::ids::ThreadId;
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
}

async fn change(call: Call, of: Of) -> Result<Answer, ApiError> {
    let (subject, id, now) = (call.subject.clone(), call.chat()?, call.now);
    let of = match of {
        Of::Chat => PropertyOwner::Chat,
        Of::Thread => PropertyOwner::Thread(call.id::<ThreadId>("thread_id", "thread")?),
    };
    let fields = call.fields();
    let change = PropertyChange {
        updated: fields
            .get("updated")
            .map_or(Ok(Properties::default()), |json| {
                Properties::parse("updated", json)
            })?,
        deleted: fields
            .get("deleted")
            .map_or(Ok(PropertyNames::default()), |json| {
                PropertyNames::parse("deleted", json)
            })?,
    };
    call.write(move |tx| {
        let (_, permit) = chats::authorized(tx, &subject, Action::ChangeProperties, id)?;
        chats::change_properties(tx, &permit, of, &change, now)
    })
    .await?;
    Ok(Answer::done())
}
