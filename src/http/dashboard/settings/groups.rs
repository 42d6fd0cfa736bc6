//! Settings → Groups: which groups there are, who of each is there, and who waits for it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Query, ServiceConfig};
use askama::Template;

use super::{Nav, Saved};
use crate::domain::permission::Action;
use crate::domain::routing::GroupStatus;
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout};
use crate::http::dashboard::session::Signed;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::{groups, queue};

#[derive(Template)]
#[template(path = "settings/groups.html")]
struct GroupsPage {
    layout: Layout,
    nav: Nav,
    saved: Option<&'static str>,
    rows: Vec<GroupRow>,
}

/// One line of the list.
struct GroupRow {
    number: i64,
    name: String,
    status: GroupStatus,
    /// Who is there and who of those has room, in words.
    there: String,
    /// How many wait, in words; empty where nobody does.
    waiting: String,
}

impl GroupRow {
    const fn status_name(&self) -> &'static str {
        match self.status {
            GroupStatus::Online => "Online",
            GroupStatus::OnlineForQueue => "Full",
            GroupStatus::Offline => "Offline",
        }
    }

    /// The class of the dot, which agents' statuses have too.
    const fn dot(&self) -> &'static str {
        match self.status {
            GroupStatus::Online => "accepting",
            GroupStatus::OnlineForQueue => "not_accepting",
            GroupStatus::Offline => "away",
        }
    }
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/groups").get(show));
}

async fn show(
    state: Data<State>,
    signed: Signed,
    saved: Query<Saved>,
) -> Result<HttpResponse, ApiError> {
    signed.on_site(Action::ConfigureChat)?;
    let permit = signed.on_site(Action::ReadGroups)?;
    let now = state.clock.now();
    let (all, desk, waiting) = state
        .db
        .read(move |tx| {
            Ok((
                groups::list(tx, &permit)?,
                groups::desk(tx, &permit, now)?,
                queue::waiting(tx, &permit)?,
            ))
        })
        .await?;
    let statuses = desk.statuses();
    let rows = all.into_iter().zip(statuses).map(|(group, (_, status))| {
        let named = group.named();
        let count = waiting.iter().filter(|one| one.group == named).count();
        let there = if desk.is_open(group.number) {
            let (accepting, free) = desk.counts(group.number);
            format!("{accepting} there, {free} free")
        } else {
            "closed at this hour".to_owned()
        };
        GroupRow {
            number: group.number,
            name: group.name,
            status,
            there,
            waiting: match count {
                0 => String::new(),
                1 => "1 waits".to_owned(),
                more => format!("{more} wait"),
            },
        }
    });
    html(
        StatusCode::OK,
        &GroupsPage {
            layout: layout(&state, &signed, Area::Settings, "/settings/groups"),
            nav: Nav::new(&signed, "groups"),
            saved: saved.text(),
            rows: rows.collect(),
        },
    )
}
