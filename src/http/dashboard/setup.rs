//! The first set-up: the page behind the one-time link. It makes one owner and one site, once; then it is gone.

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
use crate::db::{self, Lane};
use crate::domain::agent::{Email, NAME_CHARS, required_line};
use crate::domain::password::NewPassword;
use crate::http::error::ApiError;
use crate::http::extract::ClientIp;
use crate::http::state::State;
use crate::store::logins::NewLogin;
use crate::store::setup::{self, FirstOwner};
use crate::token::{Token, TokenHash};

#[derive(Template)]
#[template(path = "setup/form.html")]
struct SetupPage {
    bare: Bare,
    token: String,
    site_name: String,
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

/// What the form makes once every field fits.
struct Wanted {
    site_name: String,
    name: String,
    email: Email,
    password: NewPassword,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/setup").get(show).post(complete));
}

fn gone() -> ApiError {
    ApiError::not_found("this set-up link was used, or it is older than a day")
}

async fn show(
    req: HttpRequest,
    state: Data<State>,
    asked: Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let token = Token::parse(&asked.token).ok_or_else(gone)?;
    refuse_unless_open(&state, token.hash()).await?;
    let page = form(&state, &req, &Fields::default(), &token, Errors::default());
    html(StatusCode::OK, &page)
}

async fn refuse_unless_open(state: &State, hash: TokenHash) -> Result<(), ApiError> {
    let now = state.clock.now();
    let is_open = state
        .db
        .read(move |tx| setup::is_open(tx, &hash, now))
        .await?;
    if is_open { Ok(()) } else { Err(gone()) }
}

fn form(
    state: &State,
    req: &HttpRequest,
    fields: &Fields,
    token: &Token,
    errors: Errors,
) -> SetupPage {
    SetupPage {
        bare: bare(state),
        token: token.as_str().to_owned(),
        site_name: fields.get("site_name").to_owned(),
        name: fields.get("name").to_owned(),
        email: fields.get("email").to_owned(),
        errors,
        insecure: !keeps_cookies(state, req),
    }
}

async fn complete(
    req: HttpRequest,
    state: Data<State>,
    address: ClientIp,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let now = state.clock.now();
    // Counted by link: nobody can use up the tries at one they do not have.
    let attempt = state.limits.credential(fields.get("token"), address, now)?;
    let token = Token::parse(fields.get("token")).ok_or_else(gone)?;
    refuse_unless_open(&state, token.hash()).await?;
    // The link is right; what may still be wrong is the form, and typing errors lock nobody out.
    attempt.succeeded();
    let wanted = match read(&fields) {
        Ok(wanted) => wanted,
        Err(errors) => {
            let page = form(&state, &req, &fields, &token, errors);
            return html(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let password_hash = state.passwords.hash(wanted.password.clone()).await?;
    let browser = Browser::of(&req, address);
    let login = found(&state, &token, wanted, password_hash, browser)
        .await?
        .ok_or_else(gone)?;
    let mut answer = see_other(&state, &done_path("/"));
    set_cookie(&mut answer, &login)?;
    Ok(answer)
}

fn read(fields: &Fields) -> Result<Wanted, Errors> {
    let mut errors = Errors::default();
    let line = |name: &str| required_line(name, fields.get(name), NAME_CHARS);
    let site_name = errors.check(line("site_name"));
    let name = errors.check(line("name"));
    let email = errors.check(Email::parse(fields.get("email")));
    let known = [
        fields.get("site_name"),
        fields.get("name"),
        fields.get("email"),
    ];
    let password = errors.check(NewPassword::parse(fields.get("password"), &known));
    match (site_name, name, email, password) {
        (Some(site_name), Some(name), Some(email), Some(password)) => Ok(Wanted {
            site_name,
            name,
            email,
            password,
        }),
        _ => Err(errors),
    }
}

/// Makes owner, site and login in one transaction; `None` when somebody else was first.
async fn found(
    state: &State,
    token: &Token,
    wanted: Wanted,
    password_hash: String,
    browser: Browser,
) -> db::Result<Option<Token>> {
    let login = Token::random();
    let (login_hash, link_hash, now) = (login.hash(), token.hash(), state.clock.now());
    let made = state
        .db
        .write(Lane::Admin, move |tx| {
            let owner = FirstOwner {
                site_name: &wanted.site_name,
                origins: &[],
                name: &wanted.name,
                email: &wanted.email,
                password_hash: &password_hash,
            };
            let Some((agent, site)) = setup::complete(tx, &link_hash, &owner, now)? else {
                return Ok(false);
            };
            let new = NewLogin {
                token_hash: &login_hash,
                agent,
                site: site.id,
                user_agent: &browser.user_agent,
                ip: &browser.ip,
            };
            session::start(tx, &new, browser.replaced.as_ref(), now)?;
            Ok(true)
        })
        .await?;
    Ok(made.then_some(login))
}
