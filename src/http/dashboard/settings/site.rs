//! Settings → Site: name, allowed origins, look and words of the widget, tracking, and the snippet.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::site_form::{Look, SiteForm};
use super::{Nav, Saved};
use crate::db::Lane;
use crate::domain::permission::Action;
use crate::http::dashboard::form::{Errors, Fields};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout, see_other};
use crate::http::dashboard::session::Signed;
use crate::http::dashboard::welcome::{refused, snippet};
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::sites::{self, NewSite};

#[derive(Template)]
#[template(path = "settings/site.html")]
struct SitePage {
    layout: Layout,
    nav: Nav,
    saved: Option<&'static str>,
    form: SiteForm,
    look: Look,
    errors: Errors,
    snippet: String,
    key: String,
    license_id: i64,
    organization_id: String,
    refused: Vec<String>,
    can_change: bool,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/site").get(show).post(save));
}

async fn show(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    saved: Query<Saved>,
) -> Result<HttpResponse, ApiError> {
    signed.on_site(Action::ChangeSite)?;
    let form = SiteForm::from(&signed.site);
    let page = page(&req, &state, &signed, form, Errors::default());
    html(
        StatusCode::OK,
        &SitePage {
            saved: saved.text(),
            ..page
        },
    )
}

fn page(
    req: &HttpRequest,
    state: &State,
    signed: &Signed,
    form: SiteForm,
    errors: Errors,
) -> SitePage {
    SitePage {
        layout: layout(state, signed, Area::Settings, "/settings/site"),
        nav: Nav::new(signed, "site"),
        saved: None,
        look: form.look(),
        form,
        errors,
        snippet: snippet(state, req, &signed.site),
        key: signed.site.key.clone(),
        license_id: signed.site.license_id,
        organization_id: signed.site.organization_id.clone(),
        refused: refused(state, &signed.site),
        can_change: true,
    }
}

async fn save(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ChangeSite)?;
    let form = SiteForm::from(&fields);
    let change = match form.check() {
        Ok(change) => change,
        Err(errors) => {
            let page = page(&req, &state, &signed, form, errors);
            return html(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let now = state.clock.now();
    state
        .db
        .write(Lane::Admin, move |tx| {
            let new = NewSite {
                name: &change.name,
                origins: &change.origins,
                settings: &change.settings,
            };
            sites::update(tx, &permit, &new, now)
        })
        .await?;
    Ok(see_other(&state, "/settings/site?done=saved"))
}
