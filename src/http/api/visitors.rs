//! Visitors as agents see them.

use serde_json::{Map, Value, json};

use super::call::{Answer, Call};
use super::chats::{CURSOR, LIMIT};
use super::endpoint::Endpoint;
use super::objects::{opt_time, time};
use super::query::cursor_text;
use super::schemas::{
    self, about, flag, id, int, list_of, nullable, object, one_of, page_of, refer, text,
};
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::ids::SiteId;
use crate::domain::ids::{ChatId, VisitorId};
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::http::error::ApiError;
use crate::store::inbox_view::Cursor;
use crate::store::profile_view::{self, Attribute, Profile, Visit};
use crate::store::visitor_view::{self, HERE_MS, LiveVisitor, VisitorRow};

const TAG: &str = "Visitors";
/// Visits that a profile shows.
const VISITS: i64 = 20;

const READ: Endpoint = Endpoint {
    tag: TAG,
    scope: crate::domain::permission::Scope::ReadVisitors,
    ..Endpoint::READ
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "listVisitors",
        path: "/visitors",
        summary: "List visitors, the one last seen first",
        query: &[LIMIT, CURSOR],
        answer: Some(|| page_of("ListedVisitor")),
        handler: |call| Box::pin(list(call)),
        ..READ
    },
    Endpoint {
        id: "listConnectedVisitors",
        path: "/connected_visitors",
        summary: "List who is on the site now, the one last seen first; 200 at most",
        answer: Some(|| object(&[("items", list_of("ConnectedVisitor"))])),
        handler: |call| Box::pin(list_connected(call)),
        ..READ
    },
    Endpoint {
        id: "getVisitor",
        path: "/visitors/{visitor_id}",
        summary: "Read a visitor as agents see one; the id of a merged one leads to its survivor",
        answer: Some(|| refer("Visitor")),
        errors: &["not_found"],
        handler: |call| Box::pin(get(call)),
        ..READ
    },
];

fn kind() -> Value {
    one_of(&["anonymous", "lead", "user"])
}

/// What every description of a visitor begins with.
fn who() -> Vec<(&'static str, Value)> {
    vec![
        ("id", id()),
        ("kind", kind()),
        ("name", nullable(text())),
        ("email", nullable(text())),
        ("is_verified", about(flag(), "The site proved who it is.")),
        ("visits", int()),
    ]
}

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let mut listed = who();
    listed.extend([
        ("page_views", int()),
        ("first_seen_at", schemas::time()),
        ("last_seen_at", schemas::time()),
    ]);
    let mut connected = who();
    connected.extend([
        ("page", refer("Page")),
        ("started_at", schemas::time()),
        ("last_seen_at", schemas::time()),
        ("chat_id", nullable(id())),
    ]);
    vec![
        ("ListedVisitor", object(&listed)),
        ("ConnectedVisitor", object(&connected)),
        (
            "Page",
            object(&[
                ("url", text()),
                ("title", text()),
                ("opened_at", schemas::time()),
            ]),
        ),
        ("Visit", visit_schema()),
        ("Visitor", visitor_schema()),
    ]
}

fn visit_schema() -> Value {
    object(&[
        ("started_at", schemas::time()),
        ("ended_at", nullable(schemas::time())),
        ("last_seen_at", schemas::time()),
        ("page_views", int()),
        ("landing_url", text()),
        ("referrer", text()),
        ("browser", text()),
        ("os", text()),
        ("country", text()),
    ])
}

fn visitor_schema() -> Value {
    let mut fields = who();
    fields.extend([
        ("phone", nullable(text())),
        ("user_id", about(nullable(text()), "The site's own id.")),
        (
            "claimed_user_id",
            about(nullable(text()), "What an unproven claim said."),
        ),
        ("claimed_email", nullable(text())),
        ("browser", text()),
        ("os", text()),
        ("device", text()),
        ("language", text()),
        ("timezone", text()),
        ("screen", text()),
        ("country", text()),
        ("city", text()),
        ("ip", about(text(), "Truncated.")),
        ("referrer", text()),
        (
            "utm",
            json!({"type": "object", "additionalProperties": text()}),
        ),
        (
            "session_fields",
            json!({"type": "array", "items": {"type": "object", "additionalProperties": text()}}),
        ),
        ("attributes", json!({"type": "object"})),
        ("page_views", int()),
        ("first_seen_at", schemas::time()),
        ("last_seen_at", schemas::time()),
        ("is_connected", flag()),
        (
            "page",
            about(nullable(refer("Page")), "What they look at now."),
        ),
        ("last_visits", list_of("Visit")),
        ("chat_ids", json!({"type": "array", "items": id()})),
    ]);
    object(&fields)
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    call.on_site(Action::ReadVisitors)?;
    let (site, limit, cursor) = (call.site, call.query.limit()?, call.query.cursor()?);
    let rows = call
        .read(move |tx| visitor_view::page(tx, site, cursor, limit))
        .await?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next = rows.last().filter(|_| is_full).map(|row| {
        cursor_text(Cursor {
            at: row.last_seen_at,
            id: row.visitor.0,
        })
    });
    let items: Vec<Value> = rows.iter().map(listed).collect();
    Ok(Answer::of(json!({"items": items, "next_cursor": next})))
}

fn listed(row: &VisitorRow) -> Value {
    json!({
        "id": row.visitor,
        "kind": row.kind,
        "name": row.name,
        "email": row.email,
        "is_verified": row.is_verified,
        "visits": row.visits,
        "page_views": row.page_views,
        "first_seen_at": time(row.first_seen_at),
        "last_seen_at": time(row.last_seen_at),
    })
}

async fn list_connected(call: Call) -> Result<Answer, ApiError> {
    call.on_site(Action::ReadVisitors)?;
    let (site, now) = (call.site, call.now);
    let here = call
        .read(move |tx| visitor_view::here_now(tx, site, now))
        .await?;
    let items: Vec<Value> = here.iter().map(connected).collect();
    Ok(Answer::of(json!({"items": items})))
}

fn connected(live: &LiveVisitor) -> Value {
    json!({
        "id": live.visitor,
        "kind": live.kind,
        "name": live.name,
        "email": live.email,
        "is_verified": live.is_verified,
        "visits": live.visits,
        "page": page(live),
        "started_at": time(live.started_at),
        "last_seen_at": time(live.last_seen_at),
        "chat_id": live.chat,
    })
}

fn page(live: &LiveVisitor) -> Value {
    json!({"url": live.page_url, "title": live.page_title, "opened_at": time(live.page_at)})
}

/// All that is read of one visitor.
struct Whole {
    profile: Profile,
    live: Option<LiveVisitor>,
    visits: Vec<Visit>,
    chats: Vec<ChatId>,
}

async fn get(call: Call) -> Result<Answer, ApiError> {
    let (subject, site, now) = (call.subject.clone(), call.site, call.now);
    let id: VisitorId = call.id("visitor_id", "visitor")?;
    let whole = call.read(move |tx| read(tx, &subject, (site, id))).await?;
    Ok(Answer::of(visitor(&whole, now)))
}

fn read(tx: &mut dyn Tx, subject: &Subject, (site, id): (SiteId, VisitorId)) -> db::Result<Whole> {
    let profile = profile_view::get(tx, site, id)?.ok_or(Refusal::NotFound("visitor"))?;
    let root = profile.visitor;
    authorize(subject, Action::ReadVisitor, Object::Visitor { site, root })?;
    Ok(Whole {
        live: visitor_view::live(tx, site, root)?,
        visits: profile_view::visits(tx, &profile.rows, VISITS)?,
        chats: profile_view::chats(tx, &profile.rows)?,
        profile,
    })
}

fn visitor(whole: &Whole, now: i64) -> Value {
    let Whole {
        profile,
        live,
        visits,
        chats,
    } = whole;
    let here = live
        .as_ref()
        .filter(|live| !live.has_left && now - live.last_seen_at < HERE_MS);
    let visits: Vec<Value> = visits.iter().map(visit).collect();
    let attributes: Map<String, Value> = profile
        .attributes
        .iter()
        .map(|it| (it.key.clone(), attribute(it)))
        .collect();
    json!({
        "id": profile.visitor,
        "kind": profile.kind,
        "name": profile.name,
        "email": profile.email,
        "is_verified": profile.is_verified,
        "visits": profile.visits,
        "phone": profile.phone,
        "user_id": profile.user_id,
        "claimed_user_id": profile.claimed_user_id,
        "claimed_email": profile.claimed_email,
        "browser": profile.browser,
        "os": profile.os,
        "device": profile.device,
        "language": profile.language,
        "timezone": profile.timezone,
        "screen": profile.screen,
        "country": profile.country,
        "city": profile.city,
        "ip": profile.ip,
        "referrer": profile.referrer,
        "utm": stored(&profile.utm, json!({})),
        "session_fields": stored(&profile.session_fields, json!([])),
        "attributes": attributes,
        "page_views": profile.page_views,
        "first_seen_at": time(profile.first_seen_at),
        "last_seen_at": time(profile.last_seen_at),
        "is_connected": here.is_some(),
        "page": here.map(page),
        "last_visits": visits,
        "chat_ids": chats,
    })
}

fn visit(visit: &Visit) -> Value {
    json!({
        "started_at": time(visit.started_at),
        "ended_at": opt_time(visit.ended_at),
        "last_seen_at": time(visit.last_seen_at),
        "page_views": visit.page_views,
        "landing_url": visit.landing_url,
        "referrer": visit.referrer,
        "browser": visit.browser,
        "os": visit.os,
        "country": visit.country,
    })
}

/// An attribute as JSON: what it was when it was set.
fn attribute(attribute: &Attribute) -> Value {
    let number = attribute.number.unwrap_or_default();
    match attribute.kind.as_str() {
        "boolean" => (number != 0.0).into(),
        // Stored as a float; whole numbers within its exact range go out as they came.
        "integer" => json!(number as i64),
        "decimal" => json!(number),
        "list" | "choices" => stored(attribute.text.as_deref().unwrap_or("[]"), json!([])),
        _ => json!(attribute.text),
    }
}

/// Stored JSON; a row that holds something else shows nothing.
fn stored(text: &str, empty: Value) -> Value {
    serde_json::from_str(text).unwrap_or(empty)
}
