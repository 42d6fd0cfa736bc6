//! Settings → Profile: what an agent changes of themselves.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::agents::role_name;
use super::own_logins::LoginRow;
use super::password::is_own_password;
use super::{Nav, Saved};
use crate::db::{self, Lane};
use crate::domain::Refusal;
use crate::domain::agent::{
    AgentSettings, AgentStatus, Email, NAME_CHARS, Theme, optional_line, required_line,
};
use crate::http::dashboard::form::{Errors, Fields};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout, see_other};
use crate::http::dashboard::session::Signed;
use crate::http::dashboard::times::{Times, ZONE_COOKIE};
use crate::http::error::ApiError;
use crate::http::extract::ClientIp;
use crate::http::state::State;
use crate::store::agents::{self, OwnProfile};
use crate::store::logins;

#[derive(Template)]
#[template(path = "settings/profile.html")]
pub(crate) struct ProfilePage {
    layout: Layout,
    nav: Nav,
    pub(crate) saved: Option<&'static str>,
    pub(crate) errors: Errors,
    form: ProfileForm,
    role: &'static str,
    logins: Vec<LoginRow>,
}

/// The form as text: what is stored, or what was typed.
#[derive(Clone, Debug)]
struct ProfileForm {
    name: String,
    job_title: String,
    email: String,
    status: String,
    theme: String,
    sound: bool,
}

impl ProfileForm {
    fn is_status(&self, status: &str) -> bool {
        self.status == status
    }

    fn is_theme(&self, theme: &str) -> bool {
        self.theme == theme
    }
}

/// The form once everything fits.
struct Wanted {
    name: String,
    job_title: String,
    email: Email,
    status: AgentStatus,
    settings: AgentSettings,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/profile").get(show).post(save));
}

async fn show(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    saved: Query<Saved>,
) -> Result<HttpResponse, ApiError> {
    let mut page = page(&req, &state, &signed).await?;
    page.saved = saved.text();
    html(StatusCode::OK, &page)
}

/// The page as it is stored.
///
/// # Errors
/// What the database says.
pub(crate) async fn page(
    req: &HttpRequest,
    state: &State,
    signed: &Signed,
) -> Result<ProfilePage, ApiError> {
    let (agent, now) = (signed.agent.id, state.clock.now());
    let logins = state
        .db
        .read(move |tx| logins::of_agent(tx, agent, now))
        .await?;
    let zone = req.cookie(ZONE_COOKIE);
    let times = Times::new(zone.as_ref().map(|zone| zone.value()), now);
    let AgentSettings { sound, theme } = signed.agent.settings;
    Ok(ProfilePage {
        layout: layout(state, signed, Area::Settings, "/settings/profile"),
        nav: Nav::new(signed, "profile"),
        saved: None,
        errors: Errors::default(),
        form: ProfileForm {
            name: signed.agent.name.clone(),
            job_title: signed.agent.job_title.clone(),
            email: signed.agent.email.clone(),
            status: signed.agent.status.as_str().into(),
            theme: theme.as_str().into(),
            sound,
        },
        role: role_name(signed.role()),
        logins: logins
            .iter()
            .map(|login| LoginRow::of(login, signed.login, &times))
            .collect(),
    })
}

async fn save(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    address: ClientIp,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let wanted = match read(&fields) {
        Ok(wanted) => wanted,
        Err(errors) => return form_again(&req, &state, &signed, &fields, errors).await,
    };
    // Who holds an open browser for a minute must not be able to take the account with them.
    let is_moving = wanted.email.address() != signed.agent.email;
    if is_moving {
        let password = fields.get("current_password");
        if let Err(errors) = is_own_password(&state, &signed, address, password).await? {
            return form_again(&req, &state, &signed, &fields, errors).await;
        }
    }
    match store(&state, &signed, wanted).await {
        Ok(()) => Ok(see_other(&state, "/settings/profile?done=saved")),
        Err(db::Error::Refused(refusal)) => {
            form_again(&req, &state, &signed, &fields, refusal.into()).await
        }
        Err(error) => Err(error.into()),
    }
}

fn read(fields: &Fields) -> Result<Wanted, Errors> {
    let mut errors = Errors::default();
    let choose = |field: &str| Refusal::invalid(field, "choose one of these");
    let name = errors.check(required_line("name", fields.get("name"), NAME_CHARS));
    let job_title = errors.check(optional_line(
        "job_title",
        fields.get("job_title"),
        NAME_CHARS,
    ));
    let email = errors.check(Email::parse(fields.get("email")));
    let status =
        errors.check(AgentStatus::parse(fields.get("status")).ok_or_else(|| choose("status")));
    let theme = errors.check(Theme::parse(fields.get("theme")).ok_or_else(|| choose("theme")));
    match (name, job_title, email, status, theme) {
        (Some(name), Some(job_title), Some(email), Some(status), Some(theme)) => Ok(Wanted {
            name,
            job_title,
            email,
            status,
            settings: AgentSettings {
                sound: fields.is_checked("sound"),
                theme,
            },
        }),
        _ => Err(errors),
    }
}

async fn store(state: &State, signed: &Signed, wanted: Wanted) -> db::Result<()> {
    let permit = signed.permit_on_self()?;
    let now = state.clock.now();
    state
        .db
        .write(Lane::Admin, move |tx| {
            let profile = OwnProfile {
                name: &wanted.name,
                email: &wanted.email,
                job_title: &wanted.job_title,
                settings: &wanted.settings,
            };
            agents::update_profile(tx, &permit, &profile, now)?;
            agents::set_status(tx, &permit, wanted.status, now)
        })
        .await
}

async fn form_again(
    req: &HttpRequest,
    state: &State,
    signed: &Signed,
    fields: &Fields,
    errors: Errors,
) -> Result<HttpResponse, ApiError> {
    let text = |name: &str| fields.get(name).to_owned();
    let page = ProfilePage {
        errors,
        form: ProfileForm {
            name: text("name"),
            job_title: text("job_title"),
            email: text("email"),
            status: text("status"),
            theme: text("theme"),
            sound: fields.is_checked("sound"),
        },
        ..page(req, state, signed).await?
    };
    html(StatusCode::UNPROCESSABLE_ENTITY, &page)
}
