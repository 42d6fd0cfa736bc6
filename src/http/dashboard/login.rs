//! Login and logout.

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::form::{Errors, Fields};
use super::layout::Bare;
use super::page::{bare, html, safe_path, see_other};
use super::session::{self, Browser, cookie, find, no_cookie};
use crate::db::{self, Lane};
use crate::domain::agent::fold_email;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, own_origin};
use crate::http::limit::Wait;
use crate::http::state::State;
use crate::store::agents::{self, Credentials};
use crate::store::logins::{self, NewLogin};
use crate::store::setup;
use crate::token::Token;

/// The one answer to everything that is wrong with a login: it tells nobody which addresses exist.
const WRONG: &str = "E-mail address and password do not fit together.";
const COOKIE_LOST: &str =
    "Your browser did not keep the login. Allow cookies for this address, or open Parlor by https.";

#[derive(Template)]
#[template(path = "login/login.html")]
struct LoginPage {
    bare: Bare,
    email: String,
    next: String,
    errors: Errors,
    /// Why a login cannot work at this address, if it cannot.
    insecure: bool,
}

#[derive(Template)]
#[template(path = "setup/needed.html")]
struct SetupNeeded {
    bare: Bare,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/login").get(show).post(sign_in))
        .service(web::resource("/login/done").get(done))
        .service(web::resource("/logout").post(sign_out));
}

async fn show(
    req: HttpRequest,
    state: Data<State>,
    asked: Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    if state.db.read(setup::is_needed).await? {
        return html(StatusCode::OK, &SetupNeeded { bare: bare(&state) });
    }
    if find(&state, &req).await?.is_some() {
        return Ok(see_other(&state, safe_path(&asked.next)));
    }
    let page = empty_form(&state, &req, &asked.next);
    html(StatusCode::OK, &page)
}

fn empty_form(state: &State, req: &HttpRequest, next: &str) -> LoginPage {
    LoginPage {
        bare: bare(state),
        email: String::new(),
        next: safe_path(next).to_owned(),
        errors: Errors::default(),
        insecure: !keeps_cookies(state, req),
    }
}

/// Browsers keep a Secure cookie over https, and over plain http from this very machine.
pub(crate) fn keeps_cookies(state: &State, req: &HttpRequest) -> bool {
    let Some(url) = own_origin(&state.config, req).and_then(|text| url::Url::parse(&text).ok())
    else {
        return false;
    };
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || is_loopback
}

async fn sign_in(
    req: HttpRequest,
    state: Data<State>,
    address: ClientIp,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let email = fold_email(fields.get("email"));
    let now = state.clock.now();
    let attempt = match state.limits.credential(&email, address, now) {
        Ok(attempt) => attempt,
        Err(wait) => return refuse_for_now(&state, &req, &fields, wait),
    };
    let known = state
        .db
        .read(move |tx| agents::credentials(tx, &email))
        .await?;
    let stored = known.as_ref().map(|known| known.password_hash.clone());
    let fits = state
        .passwords
        .verify(fields.get("password").to_owned(), stored)
        .await?;
    let Some(known) = known.filter(|_| fits) else {
        return refuse(
            &state,
            &req,
            &fields,
            StatusCode::UNPROCESSABLE_ENTITY,
            WRONG,
        );
    };
    let browser = Browser::of(&req, address);
    let Some(token) = start(&state, known, browser, now).await? else {
        return refuse(
            &state,
            &req,
            &fields,
            StatusCode::UNPROCESSABLE_ENTITY,
            WRONG,
        );
    };
    attempt.succeeded();
    let mut answer = see_other(&state, &done_path(fields.get("next")));
    set_cookie(&mut answer, &token)?;
    Ok(answer)
}

/// Signs in; `None` if the password was changed or access taken away while it was being checked.
async fn start(
    state: &State,
    known: Credentials,
    browser: Browser,
    now: i64,
) -> db::Result<Option<Token>> {
    let token = Token::random();
    let hash = token.hash();
    let made = state
        .db
        .write(Lane::Admin, move |tx| {
            let still = agents::lock_credentials(tx, known.agent)?;
            let (Some(site), true) = (known.site, still.as_ref() == Some(&known)) else {
                return Ok(false);
            };
            let new = NewLogin {
                token_hash: &hash,
                agent: known.agent,
                site,
                user_agent: &browser.user_agent,
                ip: &browser.ip,
            };
            session::start(tx, &new, browser.replaced.as_ref(), now)?;
            Ok(true)
        })
        .await?;
    Ok(made.then_some(token))
}

/// Puts the cookie of a new login on an answer.
///
/// # Errors
/// [`ApiError`] 500; a cookie made of base64url characters always fits.
pub(crate) fn set_cookie(answer: &mut HttpResponse, token: &Token) -> Result<(), ApiError> {
    answer
        .add_cookie(&cookie(token))
        .map_err(|e| ApiError::internal(e.to_string()))
}

/// The page after a login looks whether the cookie was kept, and goes on to where the agent wanted to go.
pub(crate) fn done_path(next: &str) -> String {
    let next = safe_path(next);
    if next == "/" {
        return "/login/done".into();
    }
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("/login/done?next={next}")
}

async fn done(
    req: HttpRequest,
    state: Data<State>,
    asked: Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    if find(&state, &req).await?.is_some() {
        return Ok(see_other(&state, safe_path(&asked.next)));
    }
    let mut page = empty_form(&state, &req, &asked.next);
    page.errors.add("form", COOKIE_LOST);
    html(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

fn refuse(
    state: &State,
    req: &HttpRequest,
    fields: &Fields,
    status: StatusCode,
    text: &str,
) -> Result<HttpResponse, ApiError> {
    let mut page = empty_form(state, req, fields.get("next"));
    fields.get("email").clone_into(&mut page.email);
    page.errors.add("form", text);
    html(status, &page)
}

fn refuse_for_now(
    state: &State,
    req: &HttpRequest,
    fields: &Fields,
    wait: Wait,
) -> Result<HttpResponse, ApiError> {
    let text = too_many_tries(wait);
    let mut answer = refuse(state, req, fields, StatusCode::TOO_MANY_REQUESTS, &text)?;
    answer.headers_mut().insert(
        header::RETRY_AFTER,
        header::HeaderValue::from(wait.retry_after_s),
    );
    Ok(answer)
}

/// How long to wait, in words.
pub(crate) fn too_many_tries(wait: Wait) -> String {
    let minutes = wait.retry_after_s.div_ceil(60);
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    format!("Too many tries. Please wait {minutes} {unit} and try again.")
}

async fn sign_out(req: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    if let Some(hash) = session::cookie_hash(&req) {
        let now = state.clock.now();
        state
            .db
            .write(Lane::Admin, move |tx| {
                if let Some(open) = logins::open(tx, &hash, now)? {
                    logins::revoke(tx, open.agent, open.login, now)?;
                }
                Ok(())
            })
            .await?;
    }
    let mut answer = see_other(&state, "/login");
    answer
        .add_cookie(&no_cookie())
        .map_err(|e| ApiError::internal(e.to_string()))?;
    Ok(answer)
}
