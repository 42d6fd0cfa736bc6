//! `send_rich_message_postback`: the visitor pressed a button of a rich message, or let it go.

use super::{Answer, Call};
use crate::domain::Refusal;
use crate::domain::ids::ChatId;
use crate::domain::permission::Action;
use crate::domain::rich_message::RichMessage;
use crate::http::customer::fields::Fields;
use crate::http::customer::frame::Failure;
use crate::store::chats;
use crate::store::postbacks::{self, Press};

/// Stores the press; everybody, the requester included, learns of it by the push.
pub(super) async fn send(call: Call) -> Result<Answer, Failure> {
    let (id, press) = parse(&call)?;
    call.caller.state.limits.message(call.member.customer)?;
    let (subject, now) = (call.member.subject.clone(), call.now);
    call.write(move |tx| {
        let (_, permit) = chats::authorized(tx, &subject, Action::SendEvent, id)?;
        postbacks::toggle(tx, &permit, &press, now)
    })
    .await?;
    Ok(Answer::done())
}

fn parse(call: &Call) -> Result<(ChatId, Press), Refusal> {
    let fields = call.fields();
    let id = fields.id("chat_id", "chat")?;
    let thread = fields.id("thread_id", "thread")?;
    let event = fields.id("event_id", "event")?;
    let postback = Fields::within(fields.object("postback")?, "postback", "");
    if postback.get("toggled").is_none() {
        return Err(postback.invalid("toggled", "is required"));
    }
    let press = Press {
        thread,
        event,
        postback_id: postback
            .text("id", RichMessage::MAX_POSTBACK_CHARS)?
            .to_owned(),
        is_toggled: postback.flag("toggled")?,
    };
    Ok((id, press))
}
