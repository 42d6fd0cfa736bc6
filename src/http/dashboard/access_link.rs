//! Invitations and reset links: one page on which an agent chooses a password, once.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::form::{Errors, Fields};
use super::layout::Bare;
use super::login::{done_path, keeps_cookies, set_cookie};
use super::page::{bare, html, see_other};
use super::session::{self, Browser};
use crate::db::{self, Error, Lane};
use crate::domain::agent::Agent;
use crate::domain::password::NewPassword;
use crate::http::error::ApiError;
use crate::http::extract::ClientIp;
use crate::http::state::State;
use crate::store::agents;
use crate::store::logins::NewLogin;
use crate::store::one_time_tokens::{self, Purpose};
use crate::token::{Token, TokenHash};

#[derive(Template)]
#[template(path = "login/choose_password.html")]
struct ChoosePassword {
    bare: Bare,
    /// `invite` or `reset`: the path of the form.
    kind: &'static str,
    token: String,
    name: String,
    email: String,
    errors: Errors,
    insecure: bool,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    token: String,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::resource("/invite")
            .get(async |req, state, asked| show(Purpose::Invite, req, state, asked).await)
            .post(async |req, state, from, form| {
                choose(Purpose::Invite, req, state, from, form).await
            }),
    )
    .service(
        web::resource("/reset")
            .get(async |req, state, asked| show(Purpose::Reset, req, state, asked).await)
            .post(async |req, state, from, form| {
                choose(Purpose::Reset, req, state, from, form).await
            }),
    );
}

/// The path of the page for such a link, below the base path.
pub(crate) const fn path(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Invite => "invite",
        Purpose::Reset => "reset",
        Purpose::Setup => "setup",
        Purpose::Socket => "live",
    }
}

fn gone() -> ApiError {
    ApiError::not_found("this link was used or is too old; ask for a new one")
}

async fn show(
    purpose: Purpose,
    req: HttpRequest,
    state: Data<State>,
    asked: Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let token = Token::parse(&asked.token).ok_or_else(gone)?;
    let agent = holder(&state, purpose, token.hash()).await?;
    let page = form(&state, &req, (purpose, &token), &agent, Errors::default());
    html(StatusCode::OK, &page)
}

/// The active agent an unused link is for.
async fn holder(state: &State, purpose: Purpose, hash: TokenHash) -> Result<Agent, ApiError> {
    let now = state.clock.now();
    let found = state
        .db
        .read(move |tx| {
            let holder = one_time_tokens::peek(tx, purpose, &hash, now)?;
            match holder.and_then(|holder| holder.agent) {
                Some(agent) => agents::get(tx, agent),
                None => Ok(None),
            }
        })
        .await?;
    found
        .filter(|agent| agent.deactivated_at.is_none())
        .ok_or_else(gone)
}

fn form(
    state: &State,
    req: &HttpRequest,
    (purpose, token): (Purpose, &Token),
    agent: &Agent,
    errors: Errors,
) -> ChoosePassword {
    ChoosePassword {
        bare: bare(state),
        kind: path(purpose),
        token: token.as_str().to_owned(),
        name: agent.name.clone(),
        email: agent.email.clone(),
        errors,
        insecure: !keeps_cookies(state, req),
    }
}

async fn choose(
    purpose: Purpose,
    req: HttpRequest,
    state: Data<State>,
    address: ClientIp,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let now = state.clock.now();
    // Counted by link: nobody can use up the tries at one they do not have.
    let attempt = state.limits.credential(fields.get("token"), address, now)?;
    let token = Token::parse(fields.get("token")).ok_or_else(gone)?;
    let agent = holder(&state, purpose, token.hash()).await?;
    attempt.succeeded();
    let known = [agent.name.as_str(), agent.email.as_str()];
    let password = match NewPassword::parse(fields.get("password"), &known) {
        Ok(password) => password,
        Err(refusal) => {
            let page = form(&state, &req, (purpose, &token), &agent, refusal.into());
            return html(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let password_hash = state.passwords.hash(password).await?;
    let browser = Browser::of(&req, address);
    let login = set_password(&state, (purpose, &token), password_hash, browser)
        .await?
        .ok_or_else(gone)?;
    let mut answer = see_other(&state, &done_path("/"));
    set_cookie(&mut answer, &login)?;
    Ok(answer)
}

/// Uses the link up, sets the password, ends all logins and makes a new one; `None` when the link was used meanwhile.
async fn set_password(
    state: &State,
    (purpose, token): (Purpose, &Token),
    password_hash: String,
    browser: Browser,
) -> db::Result<Option<Token>> {
    let login = Token::random();
    let (login_hash, link_hash, now) = (login.hash(), token.hash(), state.clock.now());
    let made = state
        .db
        .write(Lane::Admin, move |tx| {
            let holder = one_time_tokens::take(tx, purpose, &link_hash, now)?;
            let Some(agent) = holder.and_then(|holder| holder.agent) else {
                return Ok(false);
            };
            agents::set_password(tx, agent, &password_hash, None, now)?;
            let site = agents::sites_of(tx, agent)?.first().copied();
            let new = NewLogin {
                token_hash: &login_hash,
                agent,
                site: site.ok_or(Error::NotFound)?,
                user_agent: &browser.user_agent,
                ip: &browser.ip,
            };
            session::start(tx, &new, browser.replaced.as_ref(), now)?;
            Ok(true)
        })
        .await?;
    Ok(made.then_some(login))
}
