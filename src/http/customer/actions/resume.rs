//! `resume`, Parlor's own: everything after the number a client holds, in order and without gaps.

use serde_json::{Value, json};

use super::{Answer, Call};
use crate::domain::Refusal;
use crate::domain::ids::ChatId;
use crate::domain::permission::Action;
use crate::http::customer::backlog;
use crate::http::customer::frame::Failure;
use crate::http::customer::pushes::Push;
use crate::store::chats;

/// Answers with at most a page; the client asks again until it holds `last_seq`.
pub(super) async fn resume(call: Call) -> Result<Answer, Failure> {
    let (id, after_seq, epoch) = parse(&call)?;
    let is_other_history = epoch != call.caller.state.db.epoch();
    let subject = call.member.subject.clone();
    let (last_seq, page) = call
        .read(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::ReadChat, id)?;
            if is_other_history || after_seq > chat.last_seq {
                return Ok((chat.last_seq, None));
            }
            let page = backlog::page(tx, &permit, &chat, after_seq)?;
            Ok((chat.last_seq, Some(page)))
        })
        .await?;
    let Some(page) = page else {
        let mut answer = Answer::of(json!({"events": [], "last_seq": last_seq, "resync": true}));
        // The client loads afresh after this, so it needs no push of what is there already.
        answer.sent = Some((id, last_seq));
        return Ok(answer);
    };
    let events: Vec<Value> = page.iter().map(Push::resumed).collect();
    let mut answer = Answer::of(json!({"events": events, "last_seq": last_seq}));
    answer.sent = Some((id, page.last().map_or(after_seq, |push| push.seq)));
    Ok(answer)
}

fn parse(call: &Call) -> Result<(ChatId, i64, &str), Refusal> {
    let fields = call.fields();
    let id = fields.id("chat_id", "chat")?;
    let after_seq = fields.int("after_seq", 0, i64::MAX)?;
    let epoch = fields.text("epoch", 128)?;
    Ok((id, after_seq, epoch))
}
