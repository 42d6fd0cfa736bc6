//! Accepting and cancelling a greeting: the stored answer goes to every connection of the browser as a push.

use super::{Answer, Call};
use crate::domain::Refusal;
use crate::domain::permission::{Action, Object, authorize};
use crate::http::customer::frame::Failure;
use crate::store::invitations::{self, Reaction};

/// Longest `unique_id`, in characters; ours are shorter.
const MAX_UNIQUE_CHARS: usize = 128;

/// `accept_greeting`: a repeat changes nothing.
pub(super) async fn accept(call: Call) -> Result<Answer, Failure> {
    let number = call.fields().int("greeting_id", i64::MIN, i64::MAX)?;
    react(&call, Reaction::Accepted(Some(number))).await?;
    Ok(Answer::done())
}

/// `cancel_greeting`: one that has ended is not found.
pub(super) async fn cancel(call: Call) -> Result<Answer, Failure> {
    if react(&call, Reaction::Canceled).await? {
        Ok(Answer::done())
    } else {
        Err(Refusal::GreetingNotFound.into())
    }
}

async fn react(call: &Call, reaction: Reaction) -> Result<bool, Failure> {
    let unique_id = call
        .fields()
        .text("unique_id", MAX_UNIQUE_CHARS)?
        .to_owned();
    let (member, now) = (call.member.as_ref().clone(), call.now);
    call.write(move |tx| {
        let object = Object::Visitor {
            site: member.bearer.site,
            root: member.customer,
        };
        let permit = authorize(&member.subject, Action::AnswerGreeting, object)?;
        invitations::react(tx, &permit, &unique_id, reaction, now)
    })
    .await
}
