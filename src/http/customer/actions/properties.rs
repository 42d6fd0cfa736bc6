//! Properties of a chat, a thread or an event: laid over those that are there, or taken away by name.

use serde_json::Value;

use super::{Answer, Call};
use crate::domain::Refusal;
use crate::domain::event::PropertyOwner;
use crate::domain::ids::ChatId;
use crate::domain::permission::Action;
use crate::domain::properties::{Properties, PropertyNames};
use crate::http::customer::frame::Failure;
use crate::store::chats::{self, PropertyChange};

/// What the properties hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Chat,
    Thread,
    Event,
}

/// `update_…_properties`: everybody, the requester included, learns of what changed by the push.
pub(super) async fn update(call: Call, of: Of) -> Result<Answer, Failure> {
    let change = PropertyChange::Update(Properties::parse("properties", properties(&call)?)?);
    store(call, of, change).await
}

/// `delete_…_properties`: as [`update`].
pub(super) async fn delete(call: Call, of: Of) -> Result<Answer, Failure> {
    let change = PropertyChange::Delete(PropertyNames::parse("properties", properties(&call)?)?);
    store(call, of, change).await
}

async fn store(call: Call, of: Of, change: PropertyChange) -> Result<Answer, Failure> {
    let (id, owner) = target(&call, of)?;
    call.caller.state.limits.message(call.member.customer)?;
    let (subject, now) = (call.member.subject.clone(), call.now);
    call.write(move |tx| {
        let (_, permit) = chats::authorized(tx, &subject, Action::ChangeProperties, id)?;
        chats::change_properties(tx, &permit, owner, &change, now)
    })
    .await?;
    Ok(Answer::done())
}

fn properties(call: &Call) -> Result<&Value, Refusal> {
    let fields = call.fields();
    fields
        .get("properties")
        .ok_or_else(|| fields.invalid("properties", "is required"))
}

fn target(call: &Call, of: Of) -> Result<(ChatId, PropertyOwner), Refusal> {
    let fields = call.fields();
    Ok(match of {
        Of::Chat => {
            let id = fields.id(call.caller.version.chat_id_field(), "chat")?;
            (id, PropertyOwner::Chat)
        }
        Of::Thread => {
            let id = fields.id("chat_id", "chat")?;
            (id, PropertyOwner::Thread(fields.id("thread_id", "thread")?))
        }
        Of::Event => {
            let id = fields.id("chat_id", "chat")?;
            let owner = PropertyOwner::Event {
                thread: fields.id("thread_id", "thread")?,
                event: fields.id("event_id", "event")?,
            };
            (id, owner)
        }
    })
}
