//! Settings → Agents → Add: by an invitation link, or with a first password.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::Nav;
use super::agents::may_manage;
use crate::db::{self, Lane};
use crate::domain::Refusal;
use crate::domain::agent::{Email, NAME_CHARS, Role, required_line};
use crate::domain::ids::SiteId;
use crate::domain::password::NewPassword;
use crate::http::dashboard::access_link;
use crate::http::dashboard::form::{Errors, Fields};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout, see_other};
use crate::http::dashboard::session::Signed;
use crate::http::error::ApiError;
use crate::http::extract::own_origin;
use crate::http::state::State;
use crate::store::agents::{self, NewAgent};
use crate::store::one_time_tokens::{self, Holder, Purpose};
use crate::token::Token;

#[derive(Template)]
#[template(path = "settings/new_agent.html")]
struct NewAgentPage {
    layout: Layout,
    nav: Nav,
    name: String,
    email: String,
    role: &'static str,
    /// A first password was chosen over an invitation.
    with_password: bool,
    /// The signed-in agent may make owners.
    may_own: bool,
    errors: Errors,
}

impl NewAgentPage {
    fn is_role(&self, role: &str) -> bool {
        self.role == role
    }
}

#[derive(Template)]
#[template(path = "settings/link.html")]
struct LinkPage {
    layout: Layout,
    nav: Nav,
    name: String,
    link: String,
    is_invitation: bool,
}

struct Wanted {
    name: String,
    email: Email,
    role: Role,
    password: Option<NewPassword>,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/agents/new").get(show).post(add));
}

async fn show(state: Data<State>, signed: Signed) -> Result<HttpResponse, ApiError> {
    may_manage(&signed, signed.agent.id, Role::Agent)?;
    let page = page(&state, &signed, &Fields::default(), Errors::default());
    html(StatusCode::OK, &page)
}

fn page(state: &State, signed: &Signed, fields: &Fields, errors: Errors) -> NewAgentPage {
    NewAgentPage {
        layout: layout(state, signed, Area::Settings, "/settings/agents"),
        nav: Nav::new(signed, "agents"),
        name: fields.get("name").to_owned(),
        email: fields.get("email").to_owned(),
        role: Role::parse(fields.get("role"))
            .unwrap_or(Role::Agent)
            .as_str(),
        with_password: fields.get("way") == "password",
        may_own: signed.role().can_manage(Role::Owner),
        errors,
    }
}

async fn add(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    may_manage(&signed, signed.agent.id, Role::Agent)?;
    let wanted = match read(&fields) {
        Ok(wanted) => wanted,
        Err(errors) => return form_again(&state, &signed, &fields, errors),
    };
    may_manage(&signed, signed.agent.id, wanted.role)?;
    let name = wanted.name.clone();
    match create(&state, signed.site.id, wanted).await? {
        Ok(None) => Ok(see_other(&state, "/settings/agents?done=added")),
        Ok(Some(token)) => show_link(&req, &state, &signed, (name, Purpose::Invite, &token)),
        Err(refusal) => form_again(&state, &signed, &fields, refusal.into()),
    }
}

fn form_again(
    state: &State,
    signed: &Signed,
    fields: &Fields,
    errors: Errors,
) -> Result<HttpResponse, ApiError> {
    let page = page(state, signed, fields, errors);
    html(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

fn read(fields: &Fields) -> Result<Wanted, Errors> {
    let mut errors = Errors::default();
    let name = errors.check(required_line("name", fields.get("name"), NAME_CHARS));
    let email = errors.check(Email::parse(fields.get("email")));
    let role = errors.check(
        Role::parse(fields.get("role")).ok_or_else(|| Refusal::invalid("role", "choose a role")),
    );
    let known = [fields.get("name"), fields.get("email")];
    let password = match fields.get("way") {
        "password" => errors
            .check(NewPassword::parse(fields.get("password"), &known))
            .map(Some),
        _ => Some(None),
    };
    match (name, email, role, password) {
        (Some(name), Some(email), Some(role), Some(password)) => Ok(Wanted {
            name,
            email,
            role,
            password,
        }),
        _ => Err(errors),
    }
}

/// Makes the agent; the token of the invitation if there is one. A refusal is the form's business.
async fn create(
    state: &State,
    site: SiteId,
    wanted: Wanted,
) -> Result<Result<Option<Token>, Refusal>, ApiError> {
    let Wanted {
        name,
        email,
        role,
        password,
    } = wanted;
    let (token, password_hash) = match password {
        Some(password) => (None, state.passwords.hash(password).await?),
        None => (Some(Token::random()), String::new()),
    };
    let (hash, now) = (token.as_ref().map(Token::hash), state.clock.now());
    let made = state
        .db
        .write(Lane::Admin, move |tx| {
            let new = NewAgent {
                name: &name,
                email: &email,
                password_hash: &password_hash,
                role,
            };
            let agent = agents::create(tx, &new, &[site], now)?;
            let Some(hash) = &hash else { return Ok(()) };
            let holder = Holder {
                agent: Some(agent),
                login: None,
            };
            one_time_tokens::create(tx, Purpose::Invite, hash, holder, now)
        })
        .await;
    match made {
        Ok(()) => Ok(Ok(token)),
        Err(db::Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error.into()),
    }
}

/// Shows a link once: it is stored as a hash, so nobody can show it again.
///
/// # Errors
/// [`ApiError`] 500 when the page fails to render.
pub(crate) fn show_link(
    req: &HttpRequest,
    state: &State,
    signed: &Signed,
    (name, purpose, token): (String, Purpose, &Token),
) -> Result<HttpResponse, ApiError> {
    let origin = own_origin(&state.config, req).unwrap_or_default();
    let base = &state.config.base_path;
    let path = access_link::path(purpose);
    html(
        StatusCode::OK,
        &LinkPage {
            layout: layout(state, signed, Area::Settings, "/settings/agents"),
            nav: Nav::new(signed, "agents"),
            name,
            link: format!("{origin}{base}/{path}?token={}", token.as_str()),
            is_invitation: purpose == Purpose::Invite,
        },
    )
}
