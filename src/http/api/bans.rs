//! Bans, and ending the sockets of a visitor.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::chats::LIMIT;
use super::endpoint::{Endpoint, Param, Verb};
use super::objects::{opt_time, time};
use super::schemas::{
    self, about, bounded, flag, id, list_of, nullable, object, one_of, refer, text,
};
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::disconnect::DisconnectReason;
use crate::domain::ids::{BanId, SiteId, VisitorId};
use crate::domain::permission::{Action, Object, Permit, Scope, Subject, authorize};
use crate::http::error::ApiError;
use crate::store::bans::{self, Ban, MAX_LENGTH_MS, MAX_REASON_CHARS, NewBan};
use crate::store::visitors;

const TAG: &str = "Bans";
const ONE: &str = "/visitors/{visitor_id}/ban";
/// Longest name of a reason to disconnect.
const REASON_NAME_CHARS: usize = 64;

const WRITE: Endpoint = Endpoint {
    tag: TAG,
    scope: Scope::WriteVisitors,
    errors: &["not_found"],
    ..Endpoint::READ
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "listBans",
        path: "/bans",
        tag: TAG,
        summary: "List the bans in force, the newest first",
        scope: Scope::ReadVisitors,
        query: &[
            LIMIT,
            Param {
                name: "before",
                about: "The id of a ban: only older ones.",
                schema: id,
            },
        ],
        answer: Some(|| object(&[("items", list_of("Ban"))])),
        handler: |call| Box::pin(list(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "banVisitor",
        verb: Verb::Put,
        path: ONE,
        summary: "Ban a visitor and end their sockets; a ban they have gives way to this one",
        body: Some(body),
        answer: Some(|| refer("Ban")),
        handler: |call| Box::pin(ban(call)),
        ..WRITE
    },
    Endpoint {
        id: "liftBan",
        verb: Verb::Delete,
        path: ONE,
        summary: "Lift every ban of a visitor; where there is none, nothing happens",
        handler: |call| Box::pin(lift(call)),
        ..WRITE
    },
    Endpoint {
        id: "disconnectVisitor",
        verb: Verb::Post,
        path: "/visitors/{visitor_id}/disconnection",
        summary: "End the sockets of a visitor; clients do with the reason what the chat protocol says",
        body: Some(|| {
            object(&[(
                "reason",
                one_of(&DisconnectReason::ALL.map(DisconnectReason::as_str)),
            )])
        }),
        handler: |call| Box::pin(disconnect(call)),
        ..WRITE
    },
];

fn body() -> Value {
    let seconds = json!({"type": "integer", "minimum": 1, "maximum": MAX_LENGTH_MS / 1_000});
    object(&[
        (
            "expires_in?",
            about(
                seconds,
                "Seconds; without it the ban lasts until it is lifted.",
            ),
        ),
        ("reason?", bounded(0, MAX_REASON_CHARS)),
        (
            "with_address?",
            about(
                flag(),
                "Also keeps out the truncated address, which neighbours share.",
            ),
        ),
    ])
}

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let ban = object(&[
        ("id", id()),
        ("visitor_id", id()),
        (
            "ip",
            about(
                nullable(text()),
                "Truncated; null for a ban of the visitor alone.",
            ),
        ),
        ("reason", text()),
        ("agent_id", nullable(id())),
        ("created_at", schemas::time()),
        (
            "expires_at",
            about(nullable(schemas::time()), "Null until it is lifted."),
        ),
    ]);
    vec![("Ban", ban)]
}

fn shown(ban: &Ban) -> Value {
    json!({
        "id": ban.id,
        "visitor_id": ban.visitor,
        "ip": Some(&ban.ip).filter(|ip| !ip.is_empty()),
        "reason": ban.reason,
        "agent_id": ban.agent,
        "created_at": time(ban.created_at),
        "expires_at": opt_time(ban.expires_at),
    })
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let permit = call.on_site(Action::ReadVisitors)?;
    let (limit, now) = (call.query.limit()?, call.now);
    let before: Option<BanId> = call.query.id("before", "ban")?;
    let found = call
        .read(move |tx| bans::list(tx, &permit, before, limit, now))
        .await?;
    let items: Vec<Value> = found.iter().map(shown).collect();
    Ok(Answer::of(json!({"items": items})))
}

async fn ban(call: Call) -> Result<Answer, ApiError> {
    let fields = call.fields();
    let new = NewBan {
        length_ms: fields
            .opt_int("expires_in", 1, MAX_LENGTH_MS / 1_000)?
            .map(|seconds| seconds * 1_000),
        reason: fields
            .opt_text("reason", MAX_REASON_CHARS)?
            .unwrap_or_default()
            .to_owned(),
        with_address: fields.flag("with_address")?,
    };
    let made = on_visitor(&call, move |tx, permit, now| {
        bans::ban(tx, permit, &new, now)
    })
    .await?;
    Ok(Answer::of(shown(&made)))
}

async fn lift(call: Call) -> Result<Answer, ApiError> {
    on_visitor(&call, |tx, permit, now| bans::lift(tx, permit, now)).await?;
    Ok(Answer::done())
}

async fn disconnect(call: Call) -> Result<Answer, ApiError> {
    let reason = call.fields().text("reason", REASON_NAME_CHARS)?;
    let reason = DisconnectReason::parse(reason)
        .ok_or_else(|| Refusal::invalid("reason", "is not a reason of the chat protocol"))?;
    on_visitor(&call, move |tx, permit, now| {
        bans::disconnect(tx, permit, reason, now)
    })
    .await?;
    Ok(Answer::done())
}

/// Writes about the visitor in the path; the id of a merged one leads to its survivor.
async fn on_visitor<T: Send + 'static>(
    call: &Call,
    work: impl Fn(&mut dyn Tx, &Permit, i64) -> db::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let (subject, site, now) = (call.subject.clone(), call.site, call.now);
    let visitor: VisitorId = call.id("visitor_id", "visitor")?;
    call.write(move |tx| {
        let permit = permit(tx, &subject, (site, visitor))?;
        work(tx, &permit, now)
    })
    .await
}

fn permit(
    tx: &mut dyn Tx,
    subject: &Subject,
    (site, visitor): (SiteId, VisitorId),
) -> db::Result<Permit> {
    let found = visitors::root(tx, site, visitor)?.ok_or(Refusal::NotFound("visitor"))?;
    let root = found.id;
    Ok(authorize(
        subject,
        Action::BanVisitor,
        Object::Visitor { site, root },
    )?)
}
