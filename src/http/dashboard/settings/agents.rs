//! Settings → Agents: who answers on this site.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Query, ServiceConfig};
use askama::Template;

use super::{Nav, Saved};
use crate::domain::agent::{Agent, AgentStatus, Role};
use crate::domain::ids::AgentId;
use crate::domain::permission::{Action, Object, Permit, authorize};
use crate::http::dashboard::face;
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout};
use crate::http::dashboard::session::Signed;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::{agents, one_time_tokens};

#[derive(Template)]
#[template(path = "settings/agents.html")]
struct AgentsPage {
    layout: Layout,
    nav: Nav,
    saved: Option<&'static str>,
    rows: Vec<AgentRow>,
}

/// One agent of the list.
struct AgentRow {
    id: AgentId,
    name: String,
    email: String,
    role: &'static str,
    initials: String,
    tint: u8,
    /// `invited`, `deactivated`, or the status.
    state: &'static str,
    is_self: bool,
    is_bot: bool,
}

impl AgentRow {
    fn of(agent: Agent, invited: &[AgentId], me: AgentId) -> Self {
        let state = if agent.deactivated_at.is_some() {
            "deactivated"
        } else if invited.contains(&agent.id) {
            "invited"
        } else {
            agent.status.as_str()
        };
        Self {
            id: agent.id,
            role: role_name(agent.role),
            initials: face::initials(&agent.name),
            tint: face::tint(agent.id.0),
            state,
            is_self: agent.id == me,
            is_bot: agent.is_bot,
            name: agent.name,
            email: agent.email,
        }
    }

    /// True for this state; templates cannot compare `&&str`.
    fn is_state(&self, state: &str) -> bool {
        self.state == state
    }

    fn state_name(&self) -> &'static str {
        match AgentStatus::parse(self.state) {
            Some(status) => status_name(status),
            None if self.state == "invited" => "Invited",
            None => "Deactivated",
        }
    }
}

/// The role as people read it.
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Agent => "Agent",
    }
}

/// The status as people read it.
pub(crate) const fn status_name(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::Accepting => "Accepting chats",
        AgentStatus::NotAccepting => "Not accepting",
        AgentStatus::Away => "Away",
    }
}

/// Asks for permission to manage an agent of this role, made or to be made.
///
/// # Errors
/// [`ApiError`] 403.
pub(crate) fn may_manage(signed: &Signed, agent: AgentId, role: Role) -> Result<Permit, ApiError> {
    let object = Object::Agent { agent, role };
    Ok(authorize(&signed.subject(), Action::ManageAgent, object)?)
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/agents").get(show));
}

async fn show(
    state: Data<State>,
    signed: Signed,
    saved: Query<Saved>,
) -> Result<HttpResponse, ApiError> {
    // Whoever may manage plain agents may see the list.
    may_manage(&signed, signed.agent.id, Role::Agent)?;
    let (site, now) = (signed.site.id, state.clock.now());
    let (all, invited) = state
        .db
        .read(move |tx| {
            Ok((
                agents::of_site(tx, site)?,
                one_time_tokens::invited(tx, now)?,
            ))
        })
        .await?;
    let me = signed.agent.id;
    html(
        StatusCode::OK,
        &AgentsPage {
            layout: layout(&state, &signed, Area::Settings, "/settings/agents"),
            nav: Nav::new(&signed, "agents"),
            saved: saved.text(),
            rows: all
                .into_iter()
                .map(|agent| AgentRow::of(agent, &invited, me))
                .collect(),
        },
    )
}
