//! Sending an event, and what may be lost beside it: the text being typed, and that somebody types.

use serde_json::json;

use super::{Answer, Call};
use crate::db;
use crate::domain::Refusal;
use crate::domain::event::NewEvent;
use crate::domain::event::Recipients;
use crate::domain::ids::ChatId;
use crate::domain::permission::{Action, Object, authorize};
use crate::http::customer::backlog;
use crate::http::customer::fields::Fields;
use crate::http::customer::frame::Failure;
use crate::http::customer::pushes::{self, Around};
use crate::http::new_event::{self, Sender};
use crate::live::{Lossy, Topic};
use crate::store::{chats, events};

/// `send_event`: stores an event once, whatever the number of times it is sent.
pub(super) async fn send(call: Call) -> Result<Answer, Failure> {
    let (id, new) = parse(&call)?;
    call.caller.state.limits.message(call.member.customer)?;
    let (subject, now) = (call.member.subject.clone(), call.now);
    let sent = call.streams.sent(id);
    let (appended, missing) = call
        .write(move |tx| {
            let (_, permit) = chats::authorized(tx, &subject, Action::SendEvent, id)?;
            let (appended, chat) = match events::append_in(tx, &permit, &new, now) {
                Err(db::Error::Refused(refusal)) => return Err(refusal.under("event").into()),
                appended => appended?,
            };
            let seq = appended.event.seq;
            let sent = sent.unwrap_or(seq - 1);
            // The usual case: nothing else came between. A repeat of what was sent before is sent once more.
            let mut missing = if sent == seq - 1 || seq <= sent {
                Vec::new()
            } else {
                let permit = authorize(&subject, Action::ReadChat, Object::Chat(&chat))?;
                backlog::up_to(tx, &permit, &chat, sent, seq - 1)?
            };
            let around = Around {
                chat: &chat,
                users: &[],
                about: None,
            };
            missing.push(pushes::draw_own(&appended.event, around));
            Ok((appended, missing))
        })
        .await?;
    let event = &appended.event;
    let mut payload = json!({
        "event_id": event.id,
        "seq": event.seq,
        "duplicate": appended.is_duplicate,
    });
    if let Some(custom_id) = &event.custom_id {
        payload["custom_id"] = custom_id.as_str().into();
    }
    let mut answer = Answer::of(payload);
    answer.settle(id, &missing, event.seq, call.request_id());
    Ok(answer)
}

fn parse(call: &Call) -> Result<(ChatId, NewEvent), Refusal> {
    let fields = call.fields();
    let id = fields.id("chat_id", "chat")?;
    let event = Fields::within(fields.object("event")?, "event", "");
    let mut new = new_event::parse(event, Sender::Visitor)?;
    if fields.flag("attach_to_last_thread")? {
        new = new.attached_to_last_thread();
    }
    Ok((id, new))
}

/// `send_sneak_peek`: shows agents what is being typed.
pub(super) async fn sneak_peek(call: Call) -> Result<Answer, Failure> {
    let fields = call.fields();
    let chat = fields.id("chat_id", "chat")?;
    let text = fields
        .opt_text("sneak_peek_text", NewEvent::MAX_TEXT_CHARS)?
        .ok_or_else(|| fields.invalid("sneak_peek_text", "is required"))?
        .to_owned();
    may_type(&call, chat).await?;
    let hub = &call.caller.state.hub;
    hub.lossy(Topic::Chat(chat), Lossy::SneakPeek { chat, text });
    Ok(Answer::done())
}

/// `typing`, Parlor's own: shows agents that somebody types, without the text.
pub(super) async fn typing(call: Call) -> Result<Answer, Failure> {
    let fields = call.fields();
    let chat = fields.id("chat_id", "chat")?;
    let is_typing = fields.flag("is_typing")?;
    let author = may_type(&call, chat).await?;
    let typing = Lossy::Typing {
        chat,
        author,
        is_typing,
        recipients: Recipients::All,
    };
    call.caller.state.hub.lossy(Topic::Chat(chat), typing);
    Ok(Answer::done())
}

async fn may_type(call: &Call, id: ChatId) -> Result<crate::domain::event::Author, Failure> {
    let subject = call.member.subject.clone();
    call.read(move |tx| {
        let (chat, permit) = chats::authorized(tx, &subject, Action::Type, id)?;
        if !chat.is_active {
            return Err(Refusal::ChatInactive.into());
        }
        Ok(permit.author(chat.visitor)?)
    })
    .await
}
