//! Canned replies of the site.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, Verb};
use super::objects::time;
use super::schemas::{self, about, bounded, id, list_of, object, refer, text};
use crate::domain::canned_reply::{CannedReply, CannedText};
use crate::domain::event::NewEvent;
use crate::domain::ids::CannedReplyId;
use crate::domain::permission::Action;
use crate::http::error::ApiError;
use crate::store::canned_replies;

const TAG: &str = "Canned replies";
const PATH: &str = "/canned_replies";
const ONE: &str = "/canned_replies/{canned_reply_id}";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "listCannedReplies",
        path: PATH,
        tag: TAG,
        summary: "List all canned replies, by shortcut; there are 500 at most",
        answer: Some(|| object(&[("items", list_of("CannedReply"))])),
        handler: |call| Box::pin(list(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "createCannedReply",
        path: PATH,
        tag: TAG,
        summary: "Make a canned reply",
        body: Some(content),
        answer: Some(|| refer("CannedReply")),
        errors: &["limit_reached"],
        handler: |call| Box::pin(create(call)),
        ..Endpoint::CONFIGURE
    },
    Endpoint {
        id: "changeCannedReply",
        verb: Verb::Put,
        path: ONE,
        tag: TAG,
        summary: "Change a canned reply",
        body: Some(content),
        answer: Some(|| refer("CannedReply")),
        errors: &["not_found"],
        handler: |call| Box::pin(change(call)),
        ..Endpoint::CONFIGURE
    },
    Endpoint {
        id: "deleteCannedReply",
        verb: Verb::Delete,
        path: ONE,
        tag: TAG,
        summary: "Delete a canned reply",
        errors: &["not_found"],
        handler: |call| Box::pin(delete(call)),
        ..Endpoint::CONFIGURE
    },
];

fn content() -> Value {
    object(&[
        (
            "shortcut",
            about(
                text(),
                "What agents type after `#`: one word of at most 40 letters, digits, - and _; kept in lower case, unique.",
            ),
        ),
        ("text", bounded(1, NewEvent::MAX_TEXT_CHARS)),
    ])
}

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let reply = object(&[
        ("id", id()),
        ("shortcut", text()),
        ("text", text()),
        ("created_at", schemas::time()),
        ("updated_at", schemas::time()),
    ]);
    vec![("CannedReply", reply)]
}

fn shown(reply: &CannedReply) -> Value {
    json!({
        "id": reply.id,
        "shortcut": reply.shortcut,
        "text": reply.text,
        "created_at": time(reply.created_at),
        "updated_at": time(reply.updated_at),
    })
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let permit = call.on_site(Action::ReadCannedReplies)?;
    let all = call
        .read(move |tx| canned_replies::list(tx, &permit))
        .await?;
    let items: Vec<Value> = all.iter().map(shown).collect();
    Ok(Answer::of(json!({"items": items})))
}

/// The content of a body.
fn parse(call: &Call) -> Result<CannedText, ApiError> {
    let fields = call.fields();
    let shortcut = fields.text("shortcut", usize::MAX)?;
    Ok(CannedText::parse(
        shortcut,
        fields.text("text", usize::MAX)?,
    )?)
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ConfigureChat)?, call.now);
    let new = parse(&call)?;
    let made = call
        .configure(move |tx| {
            let id = canned_replies::create(tx, &permit, &new, now)?;
            canned_replies::get(tx, &permit, id)
        })
        .await?;
    Ok(Answer::of(shown(&made)))
}

async fn change(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ConfigureChat)?, call.now);
    let id: CannedReplyId = call.id("canned_reply_id", "canned reply")?;
    let new = parse(&call)?;
    let changed = call
        .configure(move |tx| {
            canned_replies::update(tx, &permit, id, &new, now)?;
            canned_replies::get(tx, &permit, id)
        })
        .await?;
    Ok(Answer::of(shown(&changed)))
}

async fn delete(call: Call) -> Result<Answer, ApiError> {
    let permit = call.on_site(Action::ConfigureChat)?;
    let id: CannedReplyId = call.id("canned_reply_id", "canned reply")?;
    call.configure(move |tx| canned_replies::delete(tx, &permit, id))
        .await?;
    Ok(Answer::done())
}
