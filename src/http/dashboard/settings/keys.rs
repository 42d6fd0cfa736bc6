//! Settings → API keys: which programs may do what, and taking that away.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use askama::Template;

use super::{Nav, Saved};
use crate::db::Lane;
use crate::domain::ids::ApiKeyId;
use crate::domain::permission::{Action, Scope};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout, see_other};
use crate::http::dashboard::session::Signed;
use crate::http::dashboard::times::Times;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::api_keys::{self, ListedKey};

#[derive(Template)]
#[template(path = "settings/keys.html")]
struct KeysPage {
    layout: Layout,
    nav: Nav,
    saved: Option<&'static str>,
    rows: Vec<KeyRow>,
}

#[derive(Template)]
#[template(path = "settings/key.html")]
struct KeyPage {
    layout: Layout,
    nav: Nav,
    key: KeyRow,
}

/// One key as people read it.
struct KeyRow {
    id: ApiKeyId,
    name: String,
    prefix: String,
    scopes: Vec<&'static str>,
    acts_as: Option<String>,
    used: String,
    expires: String,
    has_ended: bool,
}

impl KeyRow {
    fn of(key: ListedKey, times: &Times) -> Self {
        let used = key.last_used_at.map(|at| match times.age(at).as_str() {
            "now" => "used just now".to_owned(),
            age => format!("used {age} ago"),
        });
        let has_ended = key.expires_at.is_some_and(|at| at <= times.now());
        let expires = key.expires_at.map(|at| {
            let verb = if has_ended { "ended" } else { "ends" };
            format!("{verb} {}", times.when(at))
        });
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes.into_iter().map(scope_name).collect(),
            acts_as: key.agent_name,
            used: used.unwrap_or_else(|| "never used".to_owned()),
            expires: expires.unwrap_or_else(|| "does not end".to_owned()),
            has_ended,
        }
    }
}

/// A scope in plain words.
pub(super) const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::WebTracking => "Track visitors",
        Scope::ReadChats => "Read chats",
        Scope::WriteChats => "Write in chats",
        Scope::ReadVisitors => "Read visitors",
        Scope::WriteVisitors => "Change visitors",
        Scope::WriteSettings => "Change settings",
    }
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/keys").get(list))
        .service(web::resource("/settings/keys/{id}").get(show))
        .service(web::resource("/settings/keys/{id}/revocation").post(revoke));
}

async fn list(
    state: Data<State>,
    signed: Signed,
    saved: Query<Saved>,
) -> Result<HttpResponse, ApiError> {
    let times = Times::new(None, state.clock.now());
    let keys = read(&state, &signed).await?;
    html(
        StatusCode::OK,
        &KeysPage {
            layout: layout(&state, &signed, Area::Settings, "/settings/keys"),
            nav: Nav::new(&signed, "keys"),
            saved: saved.text(),
            rows: keys
                .into_iter()
                .map(|key| KeyRow::of(key, &times))
                .collect(),
        },
    )
}

async fn read(state: &State, signed: &Signed) -> Result<Vec<ListedKey>, ApiError> {
    let permit = signed.on_site(Action::ManageKeys)?;
    Ok(state.db.read(move |tx| api_keys::list(tx, &permit)).await?)
}

fn parse_id(text: &str) -> Result<ApiKeyId, ApiError> {
    text.parse().map_err(|_| no_such_key())
}

fn no_such_key() -> ApiError {
    ApiError::not_found("there is no such key")
}

async fn show(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let keys = read(&state, &signed).await?;
    let id = parse_id(&id)?;
    let key = keys.into_iter().find(|key| key.id == id);
    let key = key.ok_or_else(no_such_key)?;
    let times = Times::new(None, state.clock.now());
    html(
        StatusCode::OK,
        &KeyPage {
            layout: layout(&state, &signed, Area::Settings, "/settings/keys"),
            nav: Nav::new(&signed, "keys"),
            key: KeyRow::of(key, &times),
        },
    )
}

async fn revoke(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ManageKeys)?;
    let (id, now) = (parse_id(&id)?, state.clock.now());
    let is_revoked = state
        .db
        .write(Lane::Admin, move |tx| {
            let site = permit.site(&[Action::ManageKeys])?;
            api_keys::revoke(tx, site, id, now)
        })
        .await?;
    if !is_revoked {
        return Err(no_such_key());
    }
    Ok(see_other(&state, "/settings/keys?done=revoked"))
}
