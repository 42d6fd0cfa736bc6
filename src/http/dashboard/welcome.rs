//! The start page: the snippet, the demo, and whether the first page view has arrived. Later it leads to the chats.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Serialize;

use super::form::Fields;
use super::layout::{Area, Layout};
use super::page::{html, layout, safe_path, see_other};
use super::session::Signed;
use crate::db::Lane;
use crate::domain::origin;
use crate::domain::permission::Action;
use crate::domain::site::Site;
use crate::http::error::ApiError;
use crate::http::extract::own_origin;
use crate::http::state::State;
use crate::store::sites;

#[derive(Template)]
#[template(path = "setup/welcome.html")]
struct Welcome {
    layout: Layout,
    snippet: String,
    /// A page of the site was seen, ever.
    is_seen: bool,
    /// This agent may change the site's settings.
    can_change: bool,
    origins: Vec<String>,
    /// Origins that were turned away and are still not listed.
    refused: Vec<String>,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/").get(start))
        .service(web::resource("/welcome").get(show))
        .service(web::resource("/welcome/progress").get(progress))
        .service(web::resource("/settings/site/origins").post(allow));
}

/// The line that a page carries, with the address under which the agent sees this Parlor.
pub(crate) fn snippet(state: &State, req: &HttpRequest, site: &Site) -> String {
    let origin = own_origin(&state.config, req).unwrap_or_default();
    let base = &state.config.base_path;
    format!(
        "<script async src=\"{origin}{base}/widget.js\" data-site=\"{}\"></script>",
        site.key
    )
}

async fn start(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
) -> Result<HttpResponse, ApiError> {
    let site = signed.site.id;
    if state
        .db
        .read(move |tx| sites::has_page_views(tx, site))
        .await?
    {
        return Ok(see_other(&state, "/chats"));
    }
    page(&req, &state, &signed, false)
}

async fn show(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
) -> Result<HttpResponse, ApiError> {
    let site = signed.site.id;
    let is_seen = state
        .db
        .read(move |tx| sites::has_page_views(tx, site))
        .await?;
    page(&req, &state, &signed, is_seen)
}

fn page(
    req: &HttpRequest,
    state: &State,
    signed: &Signed,
    is_seen: bool,
) -> Result<HttpResponse, ApiError> {
    html(
        StatusCode::OK,
        &Welcome {
            layout: layout(state, signed, Area::Settings, "/welcome"),
            snippet: snippet(state, req, &signed.site),
            is_seen,
            can_change: signed.on_site(Action::ChangeSite).is_ok(),
            origins: signed.site.origins.clone(),
            refused: refused(state, &signed.site),
        },
    )
}

/// Origins that were turned away lately, the newest first.
pub(crate) fn refused(state: &State, site: &Site) -> Vec<String> {
    state
        .refused_origins
        .of(site)
        .into_iter()
        .map(|refused| refused.origin)
        .collect()
}

#[derive(Serialize)]
struct Progress {
    seen: bool,
    refused: usize,
}

/// What the start page asks for while it waits.
async fn progress(state: Data<State>, signed: Signed) -> Result<HttpResponse, ApiError> {
    let site = signed.site.id;
    let seen = state
        .db
        .read(move |tx| sites::has_page_views(tx, site))
        .await?;
    Ok(HttpResponse::Ok().json(Progress {
        seen,
        refused: refused(&state, &signed.site).len(),
    }))
}

/// Adds one origin to the site's list.
async fn allow(
    state: Data<State>,
    signed: Signed,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ChangeSite)?;
    let origin = origin::parse(fields.get("origin"))?;
    let now = state.clock.now();
    state
        .db
        .write(Lane::Admin, move |tx| {
            sites::allow_origin(tx, &permit, &origin, now)
        })
        .await?;
    Ok(see_other(&state, safe_path(fields.get("back"))))
}
