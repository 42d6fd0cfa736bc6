//! Agents: who the key acts as and whether they take chats, who else answers, and which groups do.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, Verb};
use super::schemas::{about, flag, id, int, list_of, object, one_of, refer, text};
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::agent::{Agent, AgentStatus};
use crate::domain::ids::{AgentId, SiteId};
use crate::domain::permission::{Action, Object, authorize};
use crate::http::error::ApiError;
use crate::store::{agents, groups};

const TAG: &str = "Agents";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "getOwnAgent",
        path: "/agent",
        tag: TAG,
        summary: "Read the agent that the key acts as",
        needs_agent: true,
        answer: Some(|| refer("Agent")),
        handler: |call| Box::pin(own(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "setOwnStatus",
        verb: Verb::Put,
        path: "/agent/status",
        tag: TAG,
        summary: "Say whether the agent takes new chats",
        body: Some(|| object(&[("status", status())])),
        answer: Some(|| refer("Agent")),
        handler: |call| Box::pin(set_status(call)),
        ..Endpoint::WRITE
    },
    Endpoint {
        id: "listAgents",
        path: "/agents",
        tag: TAG,
        summary: "List the agents of the site, by name",
        answer: Some(|| object(&[("items", list_of("Agent"))])),
        handler: |call| Box::pin(list(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "listGroupStatuses",
        path: "/group_statuses",
        tag: TAG,
        summary: "List which groups answer",
        answer: Some(|| object(&[("items", list_of("GroupStatus"))])),
        handler: |call| Box::pin(group_statuses(call)),
        ..Endpoint::READ
    },
];

fn status() -> Value {
    one_of(&["accepting", "not_accepting", "away"])
}

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let agent = object(&[
        ("id", id()),
        ("name", text()),
        ("job_title", text()),
        ("is_bot", about(flag(), "A program; it cannot sign in.")),
        ("status", status()),
        (
            "max_chats",
            about(int(), "How many chats it is given at once."),
        ),
    ]);
    let group = object(&[
        ("group_id", int()),
        ("name", text()),
        (
            "status",
            about(
                one_of(&["online", "online_for_queue", "offline"]),
                "`online_for_queue`: somebody is there, and nobody has room.",
            ),
        ),
    ]);
    vec![("Agent", agent), ("GroupStatus", group)]
}

fn shown(agent: &Agent) -> Value {
    json!({
        "id": agent.id,
        "name": agent.name,
        "job_title": agent.job_title,
        "is_bot": agent.is_bot,
        "status": agent.status.as_str(),
        "max_chats": agent.max_chats,
    })
}

/// The agent of a key as it stands: gone once it works for the site no longer.
fn find(tx: &mut dyn Tx, site: SiteId, agent: AgentId) -> db::Result<Agent> {
    let found = agents::of_site_by_id(tx, site, agent)?;
    Ok(found.ok_or(Refusal::NotAllowed)?)
}

async fn own(call: Call) -> Result<Answer, ApiError> {
    call.on_site(Action::ReadAgents)?;
    let (site, agent) = (call.site, call.agent()?);
    let agent = call.read(move |tx| find(tx, site, agent)).await?;
    Ok(Answer::of(shown(&agent)))
}

async fn set_status(call: Call) -> Result<Answer, ApiError> {
    let status = AgentStatus::parse(call.fields().text("status", usize::MAX)?)
        .ok_or_else(|| Refusal::invalid("status", "must be accepting, not_accepting or away"))?;
    let (subject, site, now, agent) = (call.subject.clone(), call.site, call.now, call.agent()?);
    let agent = call
        .state
        .db
        .write(Lane::Admin, move |tx| {
            let role = find(tx, site, agent)?.role;
            let object = Object::Agent { agent, role };
            let permit = authorize(&subject, Action::SetOwnStatus, object)?;
            agents::set_status(tx, &permit, status, now)?;
            find(tx, site, agent)
        })
        .await?;
    Ok(Answer::of(shown(&agent)))
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    call.on_site(Action::ReadAgents)?;
    let site = call.site;
    let all = call.read(move |tx| agents::of_site(tx, site)).await?;
    let items: Vec<Value> = all
        .iter()
        .filter(|agent| agent.deactivated_at.is_none())
        .map(shown)
        .collect();
    Ok(Answer::of(json!({"items": items})))
}

async fn group_statuses(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ReadGroups)?, call.now);
    let (all, statuses) = call
        .read(move |tx| {
            Ok((
                groups::list(tx, &permit)?,
                groups::statuses(tx, &permit, now)?,
            ))
        })
        .await?;
    let items: Vec<Value> = statuses
        .iter()
        .filter_map(|(number, status)| {
            let group = all.iter().find(|group| group.number == *number)?;
            Some(json!({"group_id": number, "name": group.name, "status": status.as_str()}))
        })
        .collect();
    Ok(Answer::of(json!({"items": items})))
}
