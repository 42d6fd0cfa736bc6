//! Seen marks: how far the visitor has read.

use super::{Answer, Call};
use crate::domain::Refusal;
use crate::domain::ids::ChatId;
use crate::domain::permission::Action;
use crate::http::customer::frame::Failure;
use crate::http::customer::objects;
use crate::store::chat_users::{self, UpTo};
use crate::store::chats;

/// `mark_events_as_seen`: the stored mark goes to everybody as a push, the requester included.
pub(super) async fn mark(call: Call) -> Result<Answer, Failure> {
    let (id, at) = parse(&call)?;
    let (subject, now) = (call.member.subject.clone(), call.now);
    call.write(move |tx| {
        let (_, permit) = chats::authorized(tx, &subject, Action::MarkSeen, id)?;
        chat_users::mark_seen(tx, &permit, UpTo::Time(at), now)
    })
    .await?;
    Ok(Answer::done())
}

fn parse(call: &Call) -> Result<(ChatId, i64), Refusal> {
    let fields = call.fields();
    let id = fields.id("chat_id", "chat")?;
    let at = objects::parse_time(fields.text("seen_up_to", 64)?)
        .ok_or_else(|| fields.invalid("seen_up_to", "must be an RFC 3339 time"))?;
    Ok((id, at))
}
