//! Settings → Profile: changing one's password. It ends every login, and gives this browser a new one.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::profile;
use crate::db::{self, Lane};
use crate::domain::agent::fold_email;
use crate::domain::password::NewPassword;
use crate::http::dashboard::form::{Errors, Fields};
use crate::http::dashboard::login::{set_cookie, too_many_tries};
use crate::http::dashboard::page::{html, see_other};
use crate::http::dashboard::session::{self, Browser, Signed};
use crate::http::error::ApiError;
use crate::http::extract::ClientIp;
use crate::http::state::State;
use crate::store::agents;
use crate::store::logins::NewLogin;
use crate::token::Token;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/profile/password").post(change));
}

async fn change(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    address: ClientIp,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    signed.on_self()?;
    let known = [
        signed.agent.name.as_str(),
        signed.agent.email.as_str(),
        signed.site.name.as_str(),
    ];
    let new = match NewPassword::parse(fields.get("password"), &known) {
        Ok(new) => new,
        Err(refusal) => return form_again(&req, &state, &signed, refusal.into()).await,
    };
    let current = fields.get("current_password");
    if let Err(mut errors) = is_own_password(&state, &signed, address, current).await? {
        errors.rename("current_password", "old_password");
        return form_again(&req, &state, &signed, errors).await;
    }
    let password_hash = state.passwords.hash(new).await?;
    let browser = Browser::of(&req, address);
    let token = store(&state, &signed, password_hash, browser).await?;
    let mut answer = see_other(&state, "/settings/profile?done=password");
    set_cookie(&mut answer, &token)?;
    Ok(answer)
}

/// Whether this is the signed-in agent's password, counted like every other try at it; if not, what to say.
///
/// # Errors
/// What the database says, or 503 when too many passwords wait.
pub(crate) async fn is_own_password(
    state: &State,
    signed: &Signed,
    address: ClientIp,
    typed: &str,
) -> Result<Result<(), Errors>, ApiError> {
    let mut errors = Errors::default();
    let account = fold_email(&signed.agent.email);
    let attempt = match state
        .limits
        .credential(&account, address, state.clock.now())
    {
        Ok(attempt) => attempt,
        Err(wait) => {
            errors.add("current_password", &too_many_tries(wait));
            return Ok(Err(errors));
        }
    };
    let agent = signed.agent.id;
    let known = state
        .db
        .read(move |tx| agents::credentials_of(tx, agent))
        .await?;
    let stored = known.map(|known| known.password_hash);
    if state.passwords.verify(typed.to_owned(), stored).await? {
        attempt.succeeded();
        return Ok(Ok(()));
    }
    errors.add("current_password", "that is not your current password");
    Ok(Err(errors))
}

async fn store(
    state: &State,
    signed: &Signed,
    password_hash: String,
    browser: Browser,
) -> db::Result<Token> {
    let token = Token::random();
    let (hash, now) = (token.hash(), state.clock.now());
    let (agent, site) = (signed.agent.id, signed.site.id);
    state
        .db
        .write(Lane::Admin, move |tx| {
            agents::set_password(tx, agent, &password_hash, None, now)?;
            let new = NewLogin {
                token_hash: &hash,
                agent,
                site,
                user_agent: &browser.user_agent,
                ip: &browser.ip,
            };
            session::start(tx, &new, None, now)
        })
        .await?;
    Ok(token)
}

async fn form_again(
    req: &HttpRequest,
    state: &State,
    signed: &Signed,
    errors: Errors,
) -> Result<HttpResponse, ApiError> {
    let mut page = profile::page(req, state, signed).await?;
    page.errors = errors;
    html(StatusCode::UNPROCESSABLE_ENTITY, &page)
}
