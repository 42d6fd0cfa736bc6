//! Forms: one of each kind for each group, made on the settings page, read by visitors; and what their answers do.

use std::collections::HashSet;

use crate::db::{Error, Result, Row, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::{Body, NewEvent};
use crate::domain::form::{Choice, Field, FieldType, Form, FormKind};
use crate::domain::form_answers::{self, Claims, FilledField};
use crate::domain::ids::{ChatId, FormId, GroupId, SiteId};
use crate::domain::permission::{Action, Permit};
use crate::domain::visitor::{Change, ProfileChange};
use crate::store::{json, visitors};

const COLUMNS: &str = "f.id, f.kind, f.is_enabled, f.fields";

/// A form as it is edited, with the group it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupForm {
    /// The number of the group.
    pub group: i64,
    /// The group's name.
    pub group_name: String,
    /// The form: as saved, or the standard one.
    pub form: Form,
}

/// The form of a group as visitors get it, or `None` while it is switched off.
///
/// A group chooser names the groups that are still there; where none is left, the field is left out. So is a form of
/// which no question is left.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadForms`]; [`Refusal::GroupNotFound`]; or any other
/// [`Error`].
pub fn shown(
    tx: &mut dyn Tx,
    permit: &Permit,
    group: i64,
    kind: FormKind,
) -> Result<Option<(FormId, Vec<Field>)>> {
    let site = permit.site(&[Action::ReadForms])?;
    let (group, _) = find_group(tx, site, group)?;
    let form = find(tx, group, kind)?;
    let Some((id, form)) = form.filter(|(_, form)| form.is_enabled) else {
        return Ok(None);
    };
    let fields = with_groups(tx, site, form.fields)?;
    let asks = fields.iter().any(|field| field.kind != FieldType::Header);
    Ok(asks.then_some((id, fields)))
}

/// The form of a group as it is edited: the standard one where none was saved.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`] or [`Action::ReadForms`];
/// [`Refusal::GroupNotFound`]; or any other [`Error`].
pub fn get(tx: &mut dyn Tx, permit: &Permit, group: i64, kind: FormKind) -> Result<GroupForm> {
    let site = permit.site(&[Action::ConfigureChat, Action::ReadForms])?;
    let (id, group_name) = find_group(tx, site, group)?;
    let form = find(tx, id, kind)?.map_or_else(|| Form::standard(kind), |(_, form)| form);
    Ok(GroupForm {
        group,
        group_name,
        form,
    })
}

/// All forms of the site that were saved, in the order of groups and kinds.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`] or [`Action::ReadForms`], or any other
/// [`Error`].
pub fn list(tx: &mut dyn Tx, permit: &Permit) -> Result<Vec<GroupForm>> {
    let site = permit.site(&[Action::ConfigureChat, Action::ReadForms])?;
    let sql = format!(
        "select {COLUMNS}, g.number, g.name
         from groups g
         join forms f on f.group_id = g.id
         where g.site_id = ?1 and g.deleted_at is null
         order by g.number, f.kind"
    );
    tx.all(&sql, &[site.into()], |row| {
        Ok(GroupForm {
            group: row.i64(4)?,
            group_name: row.text(5)?,
            form: read_row(row)?.1,
        })
    })
}

/// Saves a form of a group. Fields and choices keep the ids they were saved with; all others get new ones.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`]; [`Refusal::GroupNotFound`]; the first
/// refusal of [`Form::checked`]; [`Refusal::GroupNotFound`] for a group chooser with a group that is not of the site; or
/// any other [`Error`].
pub fn save(
    tx: &mut dyn Tx,
    permit: &Permit,
    group: i64,
    form: &Form,
    now: i64,
) -> Result<GroupForm> {
    let site = permit.site(&[Action::ConfigureChat])?;
    let (group_id, group_name) = find_group(tx, site, group)?;
    let mut form = form.checked().map_err(first)?;
    for number in form.fields.iter().flat_map(|field| field.groups.clone()) {
        find_group(tx, site, number)?;
    }
    lock_group(tx, group_id)?;
    let known = find(tx, group_id, form.kind)?;
    let before = known.as_ref().map_or(&[][..], |(_, form)| &form.fields);
    name_fields(tx, &mut form.fields, before, now);
    let id = known
        .as_ref()
        .map_or_else(|| FormId(tx.new_id(now)), |(id, _)| *id);
    let fields = json::write(&form.fields)?;
    tx.exec(
        "insert into forms
           (id, site_id, group_id, kind, is_enabled, fields, created_at, updated_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
         on conflict (group_id, kind) do update
         set is_enabled = excluded.is_enabled, fields = excluded.fields,
             updated_at = excluded.updated_at",
        &[
            id.into(),
            site.into(),
            group_id.into(),
            form.kind.as_str().into(),
            form.is_enabled.into(),
            (&fields).into(),
            now.into(),
        ],
    )?;
    form.id = Some(id);
    Ok(GroupForm {
        group,
        group_name,
        form,
    })
}

/// A filled form that fits the form it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Which form it is.
    pub kind: FormKind,
    /// What its answers say of the visitor and the chat.
    pub claims: Claims,
    /// The answers under the labels of the form, whatever the client wrote for them.
    pub fields: Vec<FilledField>,
}

/// Judges a form that a visitor filled in during a chat of this site. A form that was switched off since it was shown is
/// still taken.
///
/// # Errors
/// [`Refusal::NotFound`] for a form that is not one of the site's; [`Refusal::Validation`] of `form_id` for a ticket
/// form, which is no part of a chat, and of the answer that does not fit; or any other [`Error`].
pub fn check(
    tx: &mut dyn Tx,
    site: SiteId,
    form_id: &str,
    fields: &[FilledField],
) -> Result<Checked> {
    let id: FormId = form_id.parse().map_err(|_| Refusal::NotFound("form"))?;
    let sql = format!("select {COLUMNS} from forms f where f.id = ?1 and f.site_id = ?2");
    let (_, mut form) = tx
        .opt(&sql, &[id.into(), site.into()], read_row)?
        .ok_or(Refusal::NotFound("form"))?;
    if form.kind == FormKind::Ticket {
        let reason = "is a ticket form, which is not sent into a chat";
        return Err(Refusal::invalid("form_id", reason).into());
    }
    form.fields = with_groups(tx, site, form.fields)?;
    let claims = form_answers::judge(&form, fields)?;
    Ok(Checked {
        kind: form.kind,
        claims,
        fields: form_answers::labelled(&form, fields),
    })
}

/// Takes a form that the visitor of a held chat filled in and returns what is stored of it. The name and the e-mail
/// address in a pre-chat form become the visitor's, as unproven as when a page sets them.
///
/// # Errors
/// As [`check`].
pub(super) fn accept(
    tx: &mut dyn Tx,
    chat: &Chat,
    form_id: &str,
    fields: &[FilledField],
    now: i64,
) -> Result<Vec<FilledField>> {
    let checked = check(tx, chat.site, form_id, fields)?;
    if checked.kind == FormKind::Prechat {
        let said = |claim: Option<String>| claim.map_or(Change::Keep, Change::Set);
        let change = ProfileChange {
            name: said(checked.claims.name),
            email: said(checked.claims.email),
            ..ProfileChange::default()
        };
        visitors::update(tx, chat.site, chat.root, &change, now)?;
    }
    Ok(checked.fields)
}

/// The group that a visitor chose in one of these events, which were accepted before.
///
/// # Errors
/// [`Refusal::GroupNotFound`], or any other [`Error`].
pub(super) fn chosen_group(
    tx: &mut dyn Tx,
    site: SiteId,
    events: &[NewEvent],
) -> Result<Option<GroupId>> {
    let chosen = events.iter().find_map(|new| {
        let Some(Body::FilledForm { fields, .. }) = new.body() else {
            return None;
        };
        form_answers::chosen_group(fields)
    });
    match chosen {
        None => Ok(None),
        Some(number) => Ok(Some(find_group(tx, site, number)?.0)),
    }
}

/// The forms filled in during a chat, the newest first.
///
/// # Errors
/// Any [`Error`].
pub fn filled_in(tx: &mut dyn Tx, chat: ChatId, limit: i64) -> Result<Vec<Vec<FilledField>>> {
    let bodies = tx.all(
        "select body from events
         where chat_id = ?1 and kind = 'filled_form'
         order by seq desc
         limit ?2",
        &[chat.into(), limit.into()],
        |row| json::read::<Body>(&row.text(0)?),
    )?;
    let answers = |body| {
        let Body::FilledForm { fields, .. } = body else {
            return None;
        };
        Some(fields)
    };
    Ok(bodies.into_iter().filter_map(answers).collect())
}

/// The group of this site with this number.
///
/// # Errors
/// [`Refusal::GroupNotFound`], or any other [`Error`].
pub(super) fn find_group(tx: &mut dyn Tx, site: SiteId, number: i64) -> Result<(GroupId, String)> {
    tx.opt(
        "select id, name from groups where site_id = ?1 and number = ?2 and deleted_at is null",
        &[site.into(), number.into()],
        |row| Ok((GroupId(row.i64(0)?), row.text(1)?)),
    )?
    .ok_or_else(|| Refusal::GroupNotFound.into())
}

fn lock_group(tx: &mut dyn Tx, group: GroupId) -> Result<()> {
    let lock = tx.dialect().for_update();
    let sql = format!("select id from groups where id = ?1{lock}");
    tx.int(&sql, &[group.into()]).map(|_| ())
}

fn find(tx: &mut dyn Tx, group: GroupId, kind: FormKind) -> Result<Option<(FormId, Form)>> {
    let sql = format!("select {COLUMNS} from forms f where f.group_id = ?1 and f.kind = ?2");
    tx.opt(&sql, &[group.into(), kind.as_str().into()], read_row)
}

/// Fills the choices of group choosers with the names of the groups that are there; one without any is left out.
fn with_groups(tx: &mut dyn Tx, site: SiteId, mut fields: Vec<Field>) -> Result<Vec<Field>> {
    for field in &mut fields {
        for number in &field.groups {
            let found = tx.opt(
                "select name from groups where site_id = ?1 and number = ?2 and deleted_at is null",
                &[site.into(), (*number).into()],
                |row| row.text(0),
            )?;
            field.choices.extend(found.map(|label| Choice {
                id: number.to_string(),
                label,
            }));
        }
    }
    fields.retain(|field| field.kind != FieldType::GroupChooser || !field.choices.is_empty());
    Ok(fields)
}

/// Gives ids to fields and choices: the one they were saved with, as long as it is the same field of the same type.
fn name_fields(tx: &mut dyn Tx, fields: &mut [Field], before: &[Field], now: i64) {
    let mut taken = HashSet::new();
    for field in fields {
        let known = before
            .iter()
            .find(|known| known.id == field.id && known.kind == field.kind)
            .filter(|known| taken.insert(known.id.clone()));
        if known.is_none() {
            field.id = tx.new_id(now).to_string();
        }
        let mut taken = HashSet::new();
        for choice in &mut field.choices {
            // People edit choices as lines of text, so a choice is known by what it says.
            let same = known
                .into_iter()
                .flat_map(|known| &known.choices)
                .find(|known| known.id == choice.id || known.label == choice.label)
                .filter(|known| taken.insert(known.id.clone()));
            choice.id = match same {
                Some(same) => same.id.clone(),
                None => tx.new_id(now).to_string(),
            };
        }
    }
}

fn first(errors: Vec<Refusal>) -> Error {
    match errors.into_iter().next() {
        Some(refusal) => refusal.into(),
        None => Error::Db("a form was refused without a reason".into()),
    }
}

fn read_row(row: &dyn Row) -> Result<(FormId, Form)> {
    let (id, kind) = (FormId(row.i64(0)?), row.text(1)?);
    let form = Form {
        id: Some(id),
        kind: FormKind::parse(&kind).ok_or_else(|| Error::Db(format!("form kind {kind}")))?,
        is_enabled: row.bool(2)?,
        fields: json::read(&row.text(3)?)?,
    };
    Ok((id, form))
}
