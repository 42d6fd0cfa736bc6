//! Settings → Bans: who is kept out now, why and until when, and lifting it.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::{Nav, Saved};
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::ids::{BanId, SiteId};
use crate::domain::permission::{Action, Permit};
use crate::http::dashboard::ban::BanShown;
use crate::http::dashboard::face;
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout};
use crate::http::dashboard::session::Signed;
use crate::http::dashboard::times::Times;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::bans::{self, Ban};
use crate::store::{conversation_view, profile_view};

const PATH: &str = "/settings/bans";
/// Bans on one page.
const PAGE: i64 = 50;

#[derive(Template)]
#[template(path = "settings/bans.html")]
struct BansPage {
    layout: Layout,
    nav: Nav,
    saved: Option<&'static str>,
    is_first: bool,
    rows: Vec<BanRow>,
    next: Option<String>,
}

/// One line of the list.
struct BanRow {
    ban: BanShown,
    name: String,
    initials: String,
    tint: u8,
    /// Who said so.
    by: String,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource(PATH).get(show));
}

#[derive(Deserialize)]
struct Before {
    before: Option<String>,
}

async fn show(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    saved: Query<Saved>,
    query: Query<Before>,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ReadVisitors)?;
    let before = query.before.as_deref().map(place).transpose()?;
    let (site, now) = (signed.site.id, state.clock.now());
    let times = Times::of(&req, now);
    let mut rows = state
        .db
        .read(move |tx| read(tx, &permit, (site, before), now, &times))
        .await?;
    let layout = layout(&state, &signed, Area::Settings, PATH);
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let next = (rows.len() > page).then(|| {
        rows.truncate(page);
        rows.last()
            .map(|(id, _)| format!("{}{PATH}?before={id}", layout.base))
    });
    html(
        StatusCode::OK,
        &BansPage {
            nav: Nav::new(&signed, "bans"),
            saved: saved.text(),
            is_first: before.is_none(),
            rows: rows.into_iter().map(|(_, row)| row).collect(),
            next: next.flatten(),
            layout,
        },
    )
}

fn place(text: &str) -> Result<BanId, Refusal> {
    text.parse()
        .map_err(|_| Refusal::invalid("before", "is not a place in this list"))
}

fn read(
    tx: &mut dyn Tx,
    permit: &Permit,
    (site, before): (SiteId, Option<BanId>),
    now: i64,
    times: &Times,
) -> db::Result<Vec<(BanId, BanRow)>> {
    let found = bans::list(tx, permit, before, PAGE + 1, now)?;
    let agents: BTreeSet<_> = found.iter().filter_map(|ban| ban.agent).collect();
    let names = conversation_view::agent_names(tx, &agents)?;
    let mut rows = Vec::with_capacity(found.len());
    for ban in found {
        let by = match ban.agent {
            Some(agent) => names.get(&agent).cloned(),
            None => Some("A program".to_owned()),
        };
        let by = by.unwrap_or_else(|| "A former agent".to_owned());
        rows.push((ban.id, row(tx, site, (&ban, by), times)?));
    }
    Ok(rows)
}

fn row(
    tx: &mut dyn Tx,
    site: SiteId,
    (ban, by): (&Ban, String),
    times: &Times,
) -> db::Result<BanRow> {
    // A merged visitor is shown as who they turned out to be.
    let profile = profile_view::get(tx, site, ban.visitor)?;
    let root = profile
        .as_ref()
        .map_or(ban.visitor, |profile| profile.visitor);
    let (name, email) = profile.map_or((None, None), |profile| (profile.name, profile.email));
    let name = face::shown_name(root.0, name.as_deref(), email.as_deref());
    Ok(BanRow {
        ban: BanShown {
            visitor: root,
            ..BanShown::new(ban, &[ban.visitor], times)
        },
        initials: face::initials(&name),
        tint: face::tint(root.0),
        name,
        by,
    })
}
