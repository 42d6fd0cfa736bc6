//! Settings → Forms: which groups ask visitors what, before a chat, after it, and in place of it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use askama::Template;

use super::Nav;
use crate::domain::form::FormKind;
use crate::domain::permission::{Action, Object, authorize};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout};
use crate::http::dashboard::session::Signed;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::{forms, groups};

#[derive(Template)]
#[template(path = "settings/forms.html")]
struct FormsPage {
    layout: Layout,
    nav: Nav,
    groups: Vec<GroupRow>,
}

/// One group with its three forms.
struct GroupRow {
    name: String,
    forms: Vec<FormRow>,
}

/// One form of a group.
struct FormRow {
    path: String,
    name: &'static str,
    when: &'static str,
    is_enabled: bool,
}

/// The kind as people read it.
pub(super) const fn kind_name(kind: FormKind) -> &'static str {
    match kind {
        FormKind::Prechat => "Before a chat",
        FormKind::Postchat => "After a chat",
        FormKind::Ticket => "Leave a message",
    }
}

/// What the kind is for.
pub(super) const fn kind_hint(kind: FormKind) -> &'static str {
    match kind {
        FormKind::Prechat => "Visitors answer it, and then the chat begins.",
        FormKind::Postchat => "Visitors are asked when the chat was closed.",
        FormKind::Ticket => "In place of a chat while nobody is there. Answers become tickets.",
    }
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/settings/forms").get(show));
}

async fn show(state: Data<State>, signed: Signed) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let (subject, site) = (signed.subject(), signed.site.id);
    let (known, saved) = state
        .db
        .read(move |tx| {
            let read = authorize(&subject, Action::ReadGroups, Object::Site(site))?;
            Ok((groups::list(tx, &read)?, forms::list(tx, &permit)?))
        })
        .await?;
    let row = |group: groups::Group| GroupRow {
        forms: FormKind::ALL
            .into_iter()
            .map(|kind| FormRow {
                path: format!("/settings/forms/{}/{}", group.number, kind.as_str()),
                name: kind_name(kind),
                when: kind_hint(kind),
                is_enabled: saved.iter().any(|saved| {
                    saved.group == group.number && saved.form.kind == kind && saved.form.is_enabled
                }),
            })
            .collect(),
        name: group.name,
    };
    html(
        StatusCode::OK,
        &FormsPage {
            layout: layout(&state, &signed, Area::Settings, "/settings/forms"),
            nav: Nav::new(&signed, "forms"),
            groups: known.into_iter().map(row).collect(),
        },
    )
}
