//! Settings → Agents → one agent: role, access, a link for a new password, and where they are logged in.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::agents::{may_manage, role_name};
use super::new_agent::show_link;
use super::own_logins::LoginRow;
use super::{Nav, Saved};
use crate::db::{self, Error, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::agent::{Agent, Role};
use crate::domain::ids::AgentId;
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::http::dashboard::form::{Errors, Fields};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout, see_other};
use crate::http::dashboard::session::Signed;
use crate::http::dashboard::times::Times;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::one_time_tokens::{self, Holder, Purpose};
use crate::store::{agents, logins};
use crate::token::Token;

#[derive(Template)]
#[template(path = "settings/agent.html")]
struct AgentPage {
    layout: Layout,
    nav: Nav,
    saved: Option<&'static str>,
    errors: Errors,
    agent: Agent,
    role: &'static str,
    is_self: bool,
    is_invited: bool,
    /// The signed-in agent may make owners.
    may_own: bool,
    logins: Vec<LoginRow>,
    /// As it is stored or was typed.
    max_chats: String,
}

impl AgentPage {
    fn is_role(&self, role: &str) -> bool {
        self.agent.role.as_str() == role
    }
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/agents/{id}").get(show))
        .service(web::resource("/settings/agents/{id}/role").post(set_role))
        .service(web::resource("/settings/agents/{id}/max-chats").post(set_max_chats))
        .service(web::resource("/settings/agents/{id}/deactivation").post(deactivate))
        .service(web::resource("/settings/agents/{id}/reactivation").post(reactivate))
        .service(web::resource("/settings/agents/{id}/link").post(make_link))
        .service(web::resource("/settings/agents/{id}/logins/end").post(end_logins));
}

async fn show(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
    saved: Query<Saved>,
) -> Result<HttpResponse, ApiError> {
    let mut page = page(&state, &signed, parse_id(&id)?).await?;
    page.saved = saved.text();
    html(StatusCode::OK, &page)
}

fn parse_id(text: &str) -> Result<AgentId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::not_found("there is no such agent"))
}

async fn page(state: &State, signed: &Signed, id: AgentId) -> Result<AgentPage, ApiError> {
    may_manage(signed, id, Role::Agent)?;
    let (site, now) = (signed.site.id, state.clock.now());
    let (agent, invited, logins) = state
        .db
        .read(move |tx| {
            Ok((
                agents::of_site_by_id(tx, site, id)?,
                one_time_tokens::invited(tx, now)?,
                logins::of_agent(tx, id, now)?,
            ))
        })
        .await?;
    let agent = agent.ok_or_else(|| ApiError::not_found("there is no such agent"))?;
    let times = Times::new(None, now);
    Ok(AgentPage {
        layout: layout(state, signed, Area::Settings, "/settings/agents"),
        nav: Nav::new(signed, "agents"),
        saved: None,
        errors: Errors::default(),
        role: role_name(agent.role),
        is_self: agent.id == signed.agent.id,
        is_invited: invited.contains(&agent.id),
        may_own: signed.role().can_manage(Role::Owner),
        logins: logins
            .iter()
            .map(|login| LoginRow::of(login, signed.login, &times))
            .collect(),
        max_chats: agent.max_chats.to_string(),
        agent,
    })
}

/// How many chats an agent takes, which admins may also change for themselves.
async fn set_max_chats(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let (id, now) = (parse_id(&id)?, state.clock.now());
    may_manage(&signed, id, Role::Agent)?;
    let typed = fields.get("max_chats").trim().to_owned();
    // What is no number is out of range, and gets the same words.
    let wanted: i64 = typed.parse().unwrap_or(-1);
    let (site, subject) = (signed.site.id, signed.subject());
    let done = state
        .db
        .write(Lane::Admin, move |tx| {
            let agent = agents::lock_of_site(tx, site, id)?.ok_or(Error::NotFound)?;
            let permit = permit_on(&subject, &agent, Role::Agent)?;
            agents::set_max_chats(tx, &permit, wanted, now)
        })
        .await;
    match done {
        Err(Error::Refused(refusal @ Refusal::Validation { .. })) => {
            let mut page = page(&state, &signed, id).await?;
            page.max_chats = typed;
            page.errors = refusal.into();
            html(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        done => {
            done?;
            let to = format!("/settings/agents/{id}?done=saved");
            Ok(see_other(&state, &to))
        }
    }
}

async fn set_role(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let id = parse_id(&id)?;
    let Some(role) = Role::parse(fields.get("role")) else {
        return Err(ApiError::validation("role", "choose a role"));
    };
    let now = state.clock.now();
    let done = change(&state, &signed, id, role, move |tx, permit| {
        refuse_bot(tx, permit)?;
        agents::set_role(tx, permit, role, None, now)
    })
    .await?;
    after(&state, &signed, id, "role", done).await
}

async fn deactivate(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (id, now) = (parse_id(&id)?, state.clock.now());
    let done = change(&state, &signed, id, Role::Agent, move |tx, permit| {
        agents::deactivate(tx, permit, now)
    })
    .await?;
    after(&state, &signed, id, "deactivated", done).await
}

async fn reactivate(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (id, now) = (parse_id(&id)?, state.clock.now());
    let done = change(&state, &signed, id, Role::Agent, move |tx, permit| {
        agents::reactivate(tx, permit, now)
    })
    .await?;
    after(&state, &signed, id, "reactivated", done).await
}

async fn end_logins(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (id, now) = (parse_id(&id)?, state.clock.now());
    let done = change(&state, &signed, id, Role::Agent, move |tx, permit| {
        let agent = permit.agent(&[Action::ManageAgent])?;
        logins::revoke_all_of(tx, agent, None, now).map(|_| ())
    })
    .await?;
    after(&state, &signed, id, "ended", done).await
}

/// A new link by which the agent chooses a password; earlier ones are void.
async fn make_link(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (id, now) = (parse_id(&id)?, state.clock.now());
    let page = page(&state, &signed, id).await?;
    let purpose = if page.is_invited {
        Purpose::Invite
    } else {
        Purpose::Reset
    };
    let token = Token::random();
    let hash = token.hash();
    let done = change(&state, &signed, id, Role::Agent, move |tx, permit| {
        refuse_bot(tx, permit)?;
        let holder = Holder {
            agent: Some(permit.agent(&[Action::ManageAgent])?),
            login: None,
        };
        one_time_tokens::create(tx, purpose, &hash, holder, now)
    })
    .await?;
    match done {
        Ok(()) => show_link(&req, &state, &signed, (page.agent.name, purpose, &token)),
        Err(_) => after(&state, &signed, id, "", done).await,
    }
}

/// A program has no password to choose and no role: what it may do stands in its keys.
fn refuse_bot(tx: &mut dyn Tx, permit: &Permit) -> db::Result<()> {
    let agent = agents::get(tx, permit.agent(&[Action::ManageAgent])?)?.ok_or(Error::NotFound)?;
    if agent.is_bot {
        return Err(Refusal::Conflict("a bot signs in nowhere").into());
    }
    Ok(())
}

/// Changes an agent of this site with permission for both what they are and what they are to be, asked for on the
/// locked row. A refusal is the page's business.
async fn change(
    state: &State,
    signed: &Signed,
    id: AgentId,
    to: Role,
    apply: impl Fn(&mut dyn Tx, &Permit) -> db::Result<()> + Send + 'static,
) -> Result<Result<(), Refusal>, ApiError> {
    may_manage(signed, id, to)?;
    if id == signed.agent.id {
        return Ok(Err(Refusal::Conflict(
            "somebody else has to change your own access",
        )));
    }
    let (site, subject) = (signed.site.id, signed.subject());
    let done = state
        .db
        .write(Lane::Admin, move |tx| {
            let agent = agents::lock_of_site(tx, site, id)?.ok_or(Error::NotFound)?;
            apply(tx, &permit_on(&subject, &agent, to)?)
        })
        .await;
    match done {
        Ok(()) => Ok(Ok(())),
        Err(Error::Refused(Refusal::Conflict(reason))) => Ok(Err(Refusal::Conflict(reason))),
        Err(error) => Err(error.into()),
    }
}

fn permit_on(subject: &Subject, agent: &Agent, to: Role) -> Result<Permit, Refusal> {
    let object = Object::Agent {
        agent: agent.id,
        role: agent.role.max(to),
    };
    authorize(subject, Action::ManageAgent, object)
}

async fn after(
    state: &State,
    signed: &Signed,
    id: AgentId,
    done: &str,
    outcome: Result<(), Refusal>,
) -> Result<HttpResponse, ApiError> {
    let refusal = match outcome {
        Ok(()) => {
            return Ok(see_other(
                state,
                &format!("/settings/agents/{id}?done={done}"),
            ));
        }
        Err(Refusal::Conflict(reason)) => reason.to_owned(),
        Err(other) => other.to_string(),
    };
    let mut page = page(state, signed, id).await?;
    page.errors.add("form", &refusal);
    html(StatusCode::CONFLICT, &page)
}
