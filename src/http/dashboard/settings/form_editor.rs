//! Settings → Forms → one form: switch it on, edit its fields, see what visitors will see.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use askama::Template;

use super::form_draft::{self, Wish, type_name};
use super::forms::{kind_hint, kind_name};
use super::{Nav, Saved};
use crate::db::{Error, Lane};
use crate::domain::Refusal;
use crate::domain::form::{Choice, Field, FieldType, Form, FormKind};
use crate::domain::permission::{Action, Object, authorize};
use crate::http::dashboard::form::{Errors, Fields};
use crate::http::dashboard::layout::{Area, Layout};
use crate::http::dashboard::page::{html, layout, see_other};
use crate::http::dashboard::session::Signed;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::forms::{self, GroupForm};
use crate::store::groups;

#[derive(Template)]
#[template(path = "settings/form.html")]
struct FormPage {
    layout: Layout,
    nav: Nav,
    saved: Option<&'static str>,
    errors: Errors,
    path: String,
    group_name: String,
    name: &'static str,
    hint: &'static str,
    is_enabled: bool,
    /// What is shown is not what is stored.
    is_draft: bool,
    fields: Vec<Shown>,
    new_types: Vec<Offered>,
}

/// One field of the draft as the template writes it.
struct Shown {
    n: usize,
    id: String,
    label: String,
    is_required: bool,
    /// Names of its inputs, as errors name them.
    at_label: String,
    at_type: String,
    at_choices: String,
    at_groups: String,
    at_comment: String,
    types: Vec<Offered>,
    kind: &'static str,
    choices: Vec<Choice>,
    groups: Vec<GroupBox>,
    comment_label: String,
    is_last: bool,
}

impl Shown {
    /// True for this type; templates cannot compare `&&str`.
    fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    /// Whether it has choices to write down.
    fn has_choices(&self) -> bool {
        FieldType::parse(self.kind).is_some_and(FieldType::has_choices)
    }

    /// Its place, as people count.
    const fn place(&self) -> usize {
        self.n + 1
    }
}

/// A type of field that can be chosen.
struct Offered {
    word: &'static str,
    name: &'static str,
    is_chosen: bool,
}

/// A group that a chooser may offer.
struct GroupBox {
    number: i64,
    name: String,
    is_chosen: bool,
}

/// A form under edit with what is around it.
struct Desk {
    kind: FormKind,
    stored: GroupForm,
    groups: Vec<groups::Group>,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::resource("/settings/forms/{group}/{kind}")
            .get(show)
            .post(change),
    );
}

async fn show(
    state: Data<State>,
    signed: Signed,
    place: Path<(String, String)>,
    saved: Query<Saved>,
) -> Result<HttpResponse, ApiError> {
    let desk = Desk::read(&state, &signed, &place).await?;
    let page = desk.page(&state, &signed, &desk.stored.form, Errors::default());
    html(
        StatusCode::OK,
        &FormPage {
            saved: saved.text(),
            ..page
        },
    )
}

async fn change(
    state: Data<State>,
    signed: Signed,
    place: Path<(String, String)>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ConfigureChat)?;
    let desk = Desk::read(&state, &signed, &place).await?;
    let wish =
        Wish::parse(&fields).ok_or_else(|| Refusal::invalid("do", "is no button of this page"))?;
    let numbers: Vec<i64> = desk.groups.iter().map(|group| group.number).collect();
    let mut draft = form_draft::parse(&fields, desk.kind, &numbers);
    let mut errors = Errors::default();
    form_draft::grant(&mut draft, wish, &mut errors);
    if wish != Wish::Save {
        let page = desk.page(&state, &signed, &draft, errors);
        return html(
            StatusCode::OK,
            &FormPage {
                is_draft: true,
                ..page
            },
        );
    }
    if let Err(refusals) = draft.checked() {
        for refusal in refusals {
            errors.check::<()>(Err(refusal));
        }
        let page = desk.page(&state, &signed, &draft, errors);
        return html(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let (group, now) = (desk.stored.group, state.clock.now());
    state
        .db
        .write(Lane::Admin, move |tx| {
            forms::save(tx, &permit, group, &draft, now)
        })
        .await?;
    Ok(see_other(&state, &format!("{}?done=saved", desk.path())))
}

impl Desk {
    async fn read(
        state: &State,
        signed: &Signed,
        (group, kind): &(String, String),
    ) -> Result<Self, ApiError> {
        let permit = signed.on_site(Action::ConfigureChat)?;
        let missing = || ApiError::not_found("there is no such form");
        let kind = FormKind::parse(kind).ok_or_else(missing)?;
        let group: i64 = group.parse().map_err(|_| missing())?;
        let (subject, site) = (signed.subject(), signed.site.id);
        let found = state
            .db
            .read(move |tx| {
                let read = authorize(&subject, Action::ReadGroups, Object::Site(site))?;
                Ok((
                    forms::get(tx, &permit, group, kind)?,
                    groups::list(tx, &read)?,
                ))
            })
            .await;
        match found {
            Ok((stored, groups)) => Ok(Self {
                kind,
                stored,
                groups,
            }),
            Err(Error::Refused(Refusal::GroupNotFound)) => Err(missing()),
            Err(error) => Err(error.into()),
        }
    }

    fn path(&self) -> String {
        let (group, kind) = (self.stored.group, self.kind.as_str());
        format!("/settings/forms/{group}/{kind}")
    }

    fn page(&self, state: &State, signed: &Signed, form: &Form, errors: Errors) -> FormPage {
        let path = self.path();
        let shown = |(n, field)| self.shown(n, field, form.fields.len());
        FormPage {
            layout: layout(state, signed, Area::Settings, &path),
            nav: Nav::new(signed, "forms"),
            saved: None,
            errors,
            group_name: self.stored.group_name.clone(),
            name: kind_name(self.kind),
            hint: kind_hint(self.kind),
            is_enabled: form.is_enabled,
            is_draft: false,
            fields: form.fields.iter().enumerate().map(shown).collect(),
            new_types: offered(self.kind, None),
            path,
        }
    }

    fn shown(&self, n: usize, field: &Field, count: usize) -> Shown {
        let at = |part: &str| format!("fields.{n}.{part}");
        Shown {
            n,
            id: field.id.clone(),
            label: field.label.clone(),
            is_required: field.is_required,
            at_label: at("label"),
            at_type: at("type"),
            at_choices: at("choices"),
            at_groups: at("groups"),
            at_comment: at("comment_label"),
            types: offered(self.kind, Some(field.kind)),
            kind: field.kind.as_str(),
            choices: field.choices.clone(),
            groups: self
                .groups
                .iter()
                .map(|group| GroupBox {
                    number: group.number,
                    name: group.name.clone(),
                    is_chosen: field.groups.contains(&group.number),
                })
                .collect(),
            comment_label: field.comment_label.clone(),
            is_last: n + 1 == count,
        }
    }
}

fn offered(kind: FormKind, chosen: Option<FieldType>) -> Vec<Offered> {
    kind.field_types()
        .iter()
        .map(|kind| Offered {
            word: kind.as_str(),
            name: type_name(*kind),
            is_chosen: chosen == Some(*kind),
        })
        .collect()
}
