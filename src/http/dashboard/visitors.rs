//! The Visitors page: who is here now, and everybody by when they were last seen.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::beside::{kind_label, page_label};
use super::layout::{Area, Bare, Layout};
use super::page::{html, layout};
use super::session::Signed;
use super::times::{self, Times};
use super::{cursor, face, links};
use crate::domain::ids::{ChatId, VisitorId};
use crate::domain::permission::Action;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::bans;
use crate::store::inbox_view::Cursor;
use crate::store::visitor_view::{self, HERE_MS, LIVE_LIMIT, LiveVisitor, VisitorRow};

/// Rows on one page of all visitors.
const PAGE: i64 = 50;
/// Where counting who is here stops.
pub(crate) const HERE_CAP: i64 = 1000;

#[derive(Template)]
#[template(path = "visitors/live.html")]
struct LivePage {
    layout: Layout,
    list: &'static str,
    here_label: String,
    here_ms: i64,
    rows: Vec<LiveRow>,
    /// More are here than the page lists.
    is_cut: bool,
    has_visitors: bool,
}

#[derive(Template)]
#[template(path = "visitors/all.html")]
struct AllPage {
    layout: Layout,
    list: &'static str,
    here_label: String,
    rows: Vec<AllRow>,
    next: Option<String>,
}

/// One visitor of the live list as its template writes it.
#[derive(Clone, Debug)]
pub(crate) struct LiveRow {
    pub(crate) visitor: VisitorId,
    pub(crate) name: String,
    pub(crate) initials: String,
    pub(crate) tint: u8,
    pub(crate) is_verified: bool,
    pub(crate) page_title: String,
    pub(crate) page_path: String,
    pub(crate) page_href: Option<String>,
    pub(crate) referrer: String,
    pub(crate) browser: String,
    pub(crate) os: String,
    pub(crate) language: String,
    pub(crate) country: String,
    pub(crate) started_at: i64,
    pub(crate) started_iso: String,
    pub(crate) on_site: String,
    pub(crate) visits: i64,
    pub(crate) last_seen_at: i64,
    pub(crate) seen_iso: String,
    pub(crate) seen: String,
    pub(crate) chat: Option<ChatId>,
    pub(crate) is_banned: bool,
}

/// One visitor of the list of all as its template writes it.
#[derive(Clone, Debug)]
struct AllRow {
    visitor: VisitorId,
    name: String,
    initials: String,
    tint: u8,
    kind: &'static str,
    is_verified: bool,
    browser: String,
    os: String,
    country: String,
    visits: i64,
    page_views: i64,
    first: String,
    first_iso: String,
    seen: String,
    seen_iso: String,
    is_banned: bool,
}

/// A row of the live list by itself, as the socket sends it.
#[derive(Template)]
#[template(path = "visitors/_live_row.html")]
pub(crate) struct LiveRowPartial<'a> {
    pub(crate) layout: &'a Bare,
    pub(crate) row: &'a LiveRow,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/visitors").get(live))
        .service(web::resource("/visitors/all").get(all));
}

async fn live(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
) -> Result<HttpResponse, ApiError> {
    signed.on_site(Action::ReadVisitors)?;
    let (site, now) = (signed.site.id, state.clock.now());
    let (mut found, banned, here, has_visitors) = state
        .db
        .read(move |tx| {
            let rows = visitor_view::here_now(tx, site, now)?;
            let here = visitor_view::count_here(tx, site, now, HERE_CAP)?;
            let has_visitors =
                !rows.is_empty() || !visitor_view::page(tx, site, Cursor::START, 1)?.is_empty();
            let roots: Vec<_> = rows.iter().map(|row| row.visitor).collect();
            let banned = bans::among(tx, &roots, now)?;
            Ok((rows, banned, here, has_visitors))
        })
        .await?;
    // By arrival, so that a row keeps its place while its visitor walks about.
    found.sort_by_key(|row| std::cmp::Reverse(row.started_at));
    let times = Times::of(&req, now);
    let page = LivePage {
        layout: layout(&state, &signed, Area::Visitors, "/visitors"),
        list: "live",
        here_label: here_label(here),
        here_ms: HERE_MS,
        is_cut: here > LIVE_LIMIT,
        rows: found
            .iter()
            .map(|row| LiveRow::new(row, banned.contains(&row.visitor), &times))
            .collect(),
        has_visitors,
    };
    html(StatusCode::OK, &page)
}

#[derive(Deserialize)]
struct Before {
    before: Option<String>,
}

async fn all(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    query: Query<Before>,
) -> Result<HttpResponse, ApiError> {
    signed.on_site(Action::ReadVisitors)?;
    let after = cursor::parse(query.before.as_deref())?;
    let (site, now) = (signed.site.id, state.clock.now());
    let (mut found, banned, here) = state
        .db
        .read(move |tx| {
            let rows = visitor_view::page(tx, site, after, PAGE + 1)?;
            let roots: Vec<_> = rows.iter().map(|row| row.visitor).collect();
            let banned = bans::among(tx, &roots, now)?;
            let here = visitor_view::count_here(tx, site, now, HERE_CAP)?;
            Ok((rows, banned, here))
        })
        .await?;
    let layout = layout(&state, &signed, Area::Visitors, "/visitors/all");
    let next = next_page(&mut found, &layout.base);
    let times = Times::of(&req, now);
    let page = AllPage {
        list: "all",
        here_label: here_label(here),
        rows: found
            .iter()
            .map(|row| AllRow::new(row, banned.contains(&row.visitor), &times))
            .collect(),
        next,
        layout,
    };
    html(StatusCode::OK, &page)
}

/// The number of visitors who are here, as shown.
pub(crate) fn here_label(here: i64) -> String {
    if here >= HERE_CAP {
        format!("{}+", HERE_CAP - 1)
    } else {
        here.to_string()
    }
}

fn next_page(rows: &mut Vec<VisitorRow>, base: &str) -> Option<String> {
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    if rows.len() <= page {
        return None;
    }
    rows.truncate(page);
    rows.last().map(|last| {
        let before = cursor::written(last.last_seen_at, last.visitor.0);
        format!("{base}/visitors/all?before={before}")
    })
}

impl LiveRow {
    /// The row of a visitor who is here.
    pub(crate) fn new(row: &LiveVisitor, is_banned: bool, times: &Times) -> Self {
        let name = face::shown_name(row.visitor.0, row.name.as_deref(), row.email.as_deref());
        Self {
            visitor: row.visitor,
            initials: face::initials(&name),
            name,
            tint: face::tint(row.visitor.0),
            is_verified: row.is_verified,
            page_title: page_label(&row.page_title, &row.page_url),
            page_path: links::path(&row.page_url),
            page_href: links::outside(&row.page_url),
            referrer: links::host(&row.referrer),
            browser: row.browser.clone(),
            os: row.os.clone(),
            language: row.language.clone(),
            country: row.country.clone(),
            started_at: row.started_at,
            started_iso: times::iso(row.started_at),
            on_site: times.span_since(row.started_at),
            visits: row.visits,
            last_seen_at: row.last_seen_at,
            seen_iso: times::iso(row.last_seen_at),
            seen: times.age(row.last_seen_at),
            chat: row.chat,
            is_banned,
        }
    }
}

impl AllRow {
    fn new(row: &VisitorRow, is_banned: bool, times: &Times) -> Self {
        let name = face::shown_name(row.visitor.0, row.name.as_deref(), row.email.as_deref());
        Self {
            visitor: row.visitor,
            initials: face::initials(&name),
            name,
            tint: face::tint(row.visitor.0),
            kind: kind_label(&row.kind),
            is_verified: row.is_verified,
            browser: row.browser.clone(),
            os: row.os.clone(),
            country: row.country.clone(),
            visits: row.visits,
            page_views: row.page_views,
            first: times.when(row.first_seen_at),
            first_iso: times::iso(row.first_seen_at),
            seen: times.when(row.last_seen_at),
            seen_iso: times::iso(row.last_seen_at),
            is_banned,
        }
    }
}
