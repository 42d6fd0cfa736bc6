//! Settings → Profile, its second half: where the agent is logged in, and logging out there.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path, ServiceConfig};

use crate::db::Lane;
use crate::domain::ids::LoginId;
use crate::domain::user_agent::recognise;
use crate::http::dashboard::page::see_other;
use crate::http::dashboard::session::Signed;
use crate::http::dashboard::times::Times;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::logins::{self, Login};

/// One login of the list.
#[derive(Clone, Debug)]
pub(crate) struct LoginRow {
    pub(crate) id: LoginId,
    pub(crate) browser: String,
    pub(crate) ip: String,
    pub(crate) since: String,
    pub(crate) seen: String,
    pub(crate) is_this: bool,
}

impl LoginRow {
    /// A login as people read it; `this` is the one that looks.
    pub(crate) fn of(login: &Login, this: LoginId, times: &Times) -> Self {
        let device = recognise(&login.user_agent, None);
        let browser = match (device.browser.as_str(), device.os.as_str()) {
            ("", "") => "Unknown browser".to_owned(),
            ("", os) => os.to_owned(),
            (browser, "") => browser.to_owned(),
            (browser, os) => format!("{browser} on {os}"),
        };
        let seen = match times.age(login.last_seen_at).as_str() {
            "now" => "just now".to_owned(),
            age => format!("{age} ago"),
        };
        Self {
            id: login.id,
            browser,
            ip: login.ip.clone(),
            since: times.when(login.created_at).replacen("Today", "today", 1),
            seen,
            is_this: login.id == this,
        }
    }
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/profile/logins/end").post(end_others))
        .service(web::resource("/settings/profile/logins/{id}/end").post(end_one));
}

async fn end_one(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    signed.on_self()?;
    let gone = || ApiError::not_found("there is no such login");
    let login: LoginId = id.parse().map_err(|_| gone())?;
    let (agent, now) = (signed.agent.id, state.clock.now());
    let ended = state
        .db
        .write(Lane::Admin, move |tx| logins::revoke(tx, agent, login, now))
        .await?;
    if !ended {
        return Err(gone());
    }
    Ok(see_other(&state, "/settings/profile?done=ended#logins"))
}

async fn end_others(state: Data<State>, signed: Signed) -> Result<HttpResponse, ApiError> {
    signed.on_self()?;
    let (agent, this, now) = (signed.agent.id, signed.login, state.clock.now());
    state
        .db
        .write(Lane::Admin, move |tx| {
            logins::revoke_all_of(tx, agent, Some(this), now)
        })
        .await?;
    Ok(see_other(&state, "/settings/profile?done=ended#logins"))
}
