//! Groups: who is in them, when they are open.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, Verb};
use super::schemas::{about, bounded, id, int, list_of, nullable, object, refer, text};
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::agent::NAME_CHARS;
use crate::domain::hours::Hours;
use crate::domain::ids::AgentId;
use crate::domain::permission::{Action, Permit};
use crate::http::customer::fields::Fields;
use crate::http::error::ApiError;
use crate::store::groups::{self, Group, GroupChange, GroupSettings};

const TAG: &str = "Groups";
const PATH: &str = "/groups";
const ONE: &str = "/groups/{group_id}";
/// Most members that one request can name.
const MAX_MEMBERS: usize = 1000;
const DAYS: usize = 7;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "listGroups",
        path: PATH,
        tag: TAG,
        summary: "List groups with their members",
        answer: Some(|| object(&[("items", list_of("Group"))])),
        handler: |call| Box::pin(list(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "createGroup",
        path: PATH,
        tag: TAG,
        summary: "Make a group",
        body: Some(content),
        answer: Some(|| refer("Group")),
        errors: &["not_found", "limit_reached"],
        handler: |call| Box::pin(create(call)),
        ..Endpoint::CONFIGURE
    },
    Endpoint {
        id: "changeGroup",
        verb: Verb::Put,
        path: ONE,
        tag: TAG,
        summary: "Change name, hours and members of a group",
        body: Some(content),
        answer: Some(|| refer("Group")),
        errors: &["not_found", "group_not_found"],
        handler: |call| Box::pin(change(call)),
        ..Endpoint::CONFIGURE
    },
    Endpoint {
        id: "deleteGroup",
        verb: Verb::Delete,
        path: ONE,
        tag: TAG,
        summary: "Delete a group; who waits for it waits for group 0",
        errors: &["group_not_found", "conflict"],
        handler: |call| Box::pin(delete(call)),
        ..Endpoint::CONFIGURE
    },
];

fn content() -> Value {
    object(&[
        ("name", bounded(1, NAME_CHARS)),
        (
            "hours?",
            about(nullable(refer("Hours")), "Null: always open."),
        ),
        (
            "agent_ids?",
            about(
                json!({"type": "array", "items": id(), "maxItems": MAX_MEMBERS}),
                "Exactly who is in it. Group 0 without members is everybody.",
            ),
        ),
    ])
}

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let hours = object(&[
        ("zone", about(text(), "IANA, such as `Europe/Berlin`.")),
        (
            "days",
            about(
                json!({"type": "array", "items": text(), "minItems": DAYS, "maxItems": DAYS}),
                "Monday first, such as `09:00-12:00, 13:00-17:30`; empty is closed.",
            ),
        ),
    ]);
    let group = object(&[
        (
            "id",
            about(
                int(),
                "Small, per site; 0 is the group that every site has.",
            ),
        ),
        ("name", text()),
        ("hours", nullable(refer("Hours"))),
        ("agent_ids", json!({"type": "array", "items": id()})),
    ]);
    vec![("Hours", hours), ("Group", group)]
}

fn shown(group: &Group, members: &[AgentId]) -> Value {
    let hours = group.settings.hours.as_ref().map(|hours| {
        let days: Vec<String> = (0..DAYS).map(|day| hours.line(day)).collect();
        json!({"zone": hours.zone, "days": days})
    });
    json!({"id": group.number, "name": group.name, "hours": hours, "agent_ids": members})
}

fn read(tx: &mut dyn Tx, permit: &Permit, number: i64) -> db::Result<Value> {
    let group = groups::get(tx, permit, number)?;
    let members = groups::members(tx, permit, group.id)?;
    Ok(shown(&group, &members))
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let permit = call.on_site(Action::ReadGroups)?;
    let items = call
        .read(move |tx| {
            let mut items = Vec::new();
            for group in groups::list(tx, &permit)? {
                let members = groups::members(tx, &permit, group.id)?;
                items.push(shown(&group, &members));
            }
            Ok(items)
        })
        .await?;
    Ok(Answer::of(json!({"items": items})))
}

fn parse(fields: Fields<'_>) -> Result<GroupChange, Refusal> {
    let ids = fields
        .opt_list("agent_ids", MAX_MEMBERS)?
        .unwrap_or_default();
    let members = ids.iter().map(|id| match id.as_str() {
        Some(text) => text.parse().map_err(|_| Refusal::NotFound("agent")),
        None => Err(fields.invalid("agent_ids", "must be a list of ids")),
    });
    Ok(GroupChange {
        name: fields.text("name", NAME_CHARS)?.to_owned(),
        settings: GroupSettings {
            hours: hours(fields)?,
        },
        members: members.collect::<Result<_, _>>()?,
    })
}

fn hours(fields: Fields<'_>) -> Result<Option<Hours>, Refusal> {
    let Some(hours) = fields.opt_object("hours")? else {
        return Ok(None);
    };
    let hours = Fields::within(hours, "hours", "");
    let list = hours.opt_list("days", DAYS)?.unwrap_or_default();
    let lines: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    let days: [&str; DAYS] = lines
        .and_then(|lines| lines.try_into().ok())
        .ok_or_else(|| hours.invalid("days", "must be seven texts, Monday first"))?;
    let parsed = Hours::parse(hours.text("zone", 64)?, &days);
    parsed.map(Some).map_err(|refusal| refusal.under("hours"))
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ConfigureChat)?, call.now);
    let new = parse(call.fields())?;
    let made = call
        .configure(move |tx| {
            let group = groups::create(tx, &permit, &new.name, now)?;
            groups::update(tx, &permit, group.id, &new, now)?;
            read(tx, &permit, group.number)
        })
        .await?;
    Ok(Answer::of(made))
}

/// The number in the path.
fn number(call: &Call) -> Result<i64, Refusal> {
    let text = call.param("group_id");
    text.parse().map_err(|_| Refusal::GroupNotFound)
}

async fn change(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ConfigureChat)?, call.now);
    let (number, new) = (number(&call)?, parse(call.fields())?);
    let changed = call
        .configure(move |tx| {
            let group = groups::get(tx, &permit, number)?;
            groups::update(tx, &permit, group.id, &new, now)?;
            read(tx, &permit, number)
        })
        .await?;
    Ok(Answer::of(changed))
}

async fn delete(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ConfigureChat)?, call.now);
    let number = number(&call)?;
    call.configure(move |tx| {
        let group = groups::get(tx, &permit, number)?;
        groups::delete(tx, &permit, group.id, now)
    })
    .await?;
    Ok(Answer::done())
}
