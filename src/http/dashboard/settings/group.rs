//! Settings → Groups → one group, or a new one: name, members, hours; deleting it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, ServiceConfig};
use askama::Template;

use super::Nav;
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::agent::{Agent, NAME_CHARS, required_line};
use crate::domain::hours::{DAYS, Hours};
use crate::domain::ids::AgentId;
use crate::domain::permission::{Action, Permit};
use crate::http::dashboard::form::{Errors, Fields};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout, see_other};
use crate::http::dashboard::session::Signed;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::agents;
use crate::store::groups::{self, Group, GroupChange, GroupSettings};

/// What a group that gets hours begins with.
const OFFICE_HOURS: [&str; 7] = [
    "09:00-17:00",
    "09:00-17:00",
    "09:00-17:00",
    "09:00-17:00",
    "09:00-17:00",
    "",
    "",
];

#[derive(Template)]
#[template(path = "settings/group.html")]
struct GroupPage {
    layout: Layout,
    nav: Nav,
    errors: Errors,
    /// `None` for a new one.
    number: Option<i64>,
    form: GroupForm,
    members: Vec<MemberRow>,
}

impl GroupPage {
    fn is_default(&self) -> bool {
        self.number == Some(groups::DEFAULT_NUMBER)
    }
}

/// The form as text: what is stored, or what was typed.
struct GroupForm {
    name: String,
    has_hours: bool,
    zone: String,
    days: Vec<DayRow>,
}

/// The hours of one day.
struct DayRow {
    /// The field's name.
    key: String,
    name: &'static str,
    text: String,
}

/// An agent who may be a member.
struct MemberRow {
    id: String,
    name: String,
    is_member: bool,
}

impl GroupForm {
    fn of(group: Option<&Group>) -> Self {
        let hours = group.and_then(|group| group.settings.hours.as_ref());
        let text = |day: usize| match hours {
            Some(hours) => hours.line(day),
            None => OFFICE_HOURS[day].to_owned(),
        };
        Self {
            name: group.map(|group| group.name.clone()).unwrap_or_default(),
            has_hours: hours.is_some(),
            zone: hours.map_or_else(|| "UTC".to_owned(), |hours| hours.zone.clone()),
            days: days(text),
        }
    }

    fn typed(fields: &Fields) -> Self {
        Self {
            name: fields.get("name").to_owned(),
            has_hours: fields.is_checked("has_hours"),
            zone: fields.get("zone").to_owned(),
            days: days(|day| fields.get(&key(day)).to_owned()),
        }
    }

    fn check(&self, members: &[MemberRow]) -> Result<GroupChange, Errors> {
        let mut errors = Errors::default();
        let name = errors.check(required_line("name", &self.name, NAME_CHARS));
        let mut lines = [""; 7];
        for (line, day) in lines.iter_mut().zip(&self.days) {
            *line = &day.text;
        }
        let hours = match self.has_hours {
            false => None,
            true => errors.check(Hours::parse(&self.zone, &lines)),
        };
        let members = members.iter().filter(|row| row.is_member);
        let members = members.filter_map(|row| row.id.parse().ok()).collect();
        match name {
            Some(name) if errors.is_empty() => Ok(GroupChange {
                name,
                settings: GroupSettings { hours },
                members,
            }),
            Some(_) | None => Err(errors),
        }
    }
}

fn days(text: impl Fn(usize) -> String) -> Vec<DayRow> {
    let row = |(day, name): (usize, &'static str)| DayRow {
        key: key(day),
        name,
        text: text(day),
    };
    DAYS.into_iter().enumerate().map(row).collect()
}

/// The name of a day's field, and of its error.
fn key(day: usize) -> String {
    DAYS[day].to_ascii_lowercase()
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::resource("/settings/groups/new")
            .get(show_new)
            .post(create),
    )
    .service(
        web::resource("/settings/groups/{number}")
            .get(show)
            .post(save),
    )
    .service(web::resource("/settings/groups/{number}/deletion").post(delete));
}

async fn show_new(state: Data<State>, signed: Signed) -> Result<HttpResponse, ApiError> {
    signed.on_site(Action::ConfigureChat)?;
    let members = member_rows(&state, &signed, |_| false).await?;
    let form = GroupForm::of(None);
    let page = page(&state, &signed, (None, form, members), Errors::default());
    html(StatusCode::OK, &page)
}

async fn show(
    state: Data<State>,
    signed: Signed,
    number: Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let number = number.into_inner();
    let (group, members) = state
        .db
        .read(move |tx| {
            let group = groups::get(tx, &permit, number)?;
            let members = groups::members(tx, &permit, group.id)?;
            Ok((group, members))
        })
        .await
        .map_err(missing)?;
    let rows = member_rows(&state, &signed, |id| members.contains(&id)).await?;
    let form = GroupForm::of(Some(&group));
    let page = page(
        &state,
        &signed,
        (Some(number), form, rows),
        Errors::default(),
    );
    html(StatusCode::OK, &page)
}

async fn create(
    state: Data<State>,
    signed: Signed,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let now = state.clock.now();
    change(&state, &signed, None, &fields, move |tx, permit, change| {
        let group = groups::create(tx, permit, &change.name, now)?;
        groups::update(tx, permit, group.id, change, now)
    })
    .await
}

async fn save(
    state: Data<State>,
    signed: Signed,
    number: Path<i64>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let (number, now) = (number.into_inner(), state.clock.now());
    change(
        &state,
        &signed,
        Some(number),
        &fields,
        move |tx, permit, change| {
            let group = groups::get(tx, permit, number)?;
            groups::update(tx, permit, group.id, change, now)
        },
    )
    .await
}

async fn delete(
    state: Data<State>,
    signed: Signed,
    number: Path<i64>,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let (number, now) = (number.into_inner(), state.clock.now());
    state
        .db
        .write(Lane::Admin, move |tx| {
            let group = groups::get(tx, &permit, number)?;
            groups::delete(tx, &permit, group.id, now)
        })
        .await
        .map_err(missing)?;
    Ok(see_other(&state, "/settings/groups?done=deleted"))
}

/// Checks what was typed and applies it; what does not fit comes back with the form.
async fn change(
    state: &State,
    signed: &Signed,
    number: Option<i64>,
    fields: &Fields,
    apply: impl Fn(&mut dyn Tx, &Permit, &GroupChange) -> db::Result<()> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let is_checked = |id: AgentId| fields.is_checked(&format!("member_{id}"));
    let members = member_rows(state, signed, is_checked).await?;
    let form = GroupForm::typed(fields);
    let checked = match form.check(&members) {
        Ok(change) => change,
        Err(errors) => {
            let page = page(state, signed, (number, form, members), errors);
            return html(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let done = state
        .db
        .write(Lane::Admin, move |tx| apply(tx, &permit, &checked))
        .await;
    match done {
        Ok(()) => Ok(see_other(state, "/settings/groups?done=saved")),
        Err(db::Error::Refused(refusal @ Refusal::LimitReached(_))) => {
            let page = page(state, signed, (number, form, members), refusal.into());
            html(StatusCode::CONFLICT, &page)
        }
        Err(error) => Err(missing(error)),
    }
}

fn page(
    state: &State,
    signed: &Signed,
    (number, form, members): (Option<i64>, GroupForm, Vec<MemberRow>),
    errors: Errors,
) -> GroupPage {
    GroupPage {
        layout: layout(state, signed, Area::Settings, "/settings/groups"),
        nav: Nav::new(signed, "groups"),
        errors,
        number,
        form,
        members,
    }
}

/// Everybody who works for the site and can sign in.
async fn member_rows(
    state: &State,
    signed: &Signed,
    is_member: impl Fn(AgentId) -> bool,
) -> Result<Vec<MemberRow>, ApiError> {
    let site = signed.site.id;
    let all = state.db.read(move |tx| agents::of_site(tx, site)).await?;
    let row = |agent: Agent| MemberRow {
        is_member: is_member(agent.id),
        id: agent.id.to_string(),
        name: agent.name,
    };
    let active = all.into_iter().filter(|a| a.deactivated_at.is_none());
    Ok(active.map(row).collect())
}

/// A page of a group that is not there.
fn missing(error: db::Error) -> ApiError {
    if matches!(error, db::Error::Refused(Refusal::GroupNotFound)) {
        return ApiError::not_found("there is no such group");
    }
    error.into()
}
