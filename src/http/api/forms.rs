//! Forms: the questions asked before, after and in place of a chat, one of each kind for each group.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, Verb};
use super::schemas::{about, bounded, flag, int, list_of, object, one_of, refer, text};
use crate::domain::Refusal;
use crate::domain::form::{Field, FieldType, Form, FormKind, LABEL_CHARS, MAX_CHOICES, MAX_FIELDS};
use crate::domain::permission::Action;
use crate::http::customer::fields::Fields;
use crate::http::error::ApiError;
use crate::store::forms::{self, GroupForm};

const TAG: &str = "Forms";
const ONE: &str = "/groups/{group_id}/forms/{kind}";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "listForms",
        path: "/forms",
        tag: TAG,
        summary: "List the forms that were saved, of all groups",
        answer: Some(|| object(&[("items", list_of("Form"))])),
        handler: |call| Box::pin(list(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "getForm",
        path: ONE,
        tag: TAG,
        summary: "Read a form: `prechat`, `postchat` or `ticket`; the standard one where none was saved",
        answer: Some(|| refer("Form")),
        errors: &["not_found", "group_not_found"],
        handler: |call| Box::pin(get(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "saveForm",
        verb: Verb::Put,
        path: ONE,
        tag: TAG,
        summary: "Save a form; switched off it is not shown",
        body: Some(|| {
            object(&[
                ("is_enabled", flag()),
                (
                    "fields",
                    json!({"type": "array", "items": refer("NewFormField"), "maxItems": MAX_FIELDS}),
                ),
            ])
        }),
        answer: Some(|| refer("Form")),
        errors: &["not_found", "group_not_found"],
        handler: |call| Box::pin(save(call)),
        ..Endpoint::CONFIGURE
    },
];

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let form = object(&[
        ("group_id", int()),
        ("kind", one_of(&["prechat", "postchat", "ticket"])),
        ("is_enabled", flag()),
        ("fields", list_of("FormField")),
    ]);
    vec![
        ("Form", form),
        ("FormField", field("id")),
        ("NewFormField", field("id?")),
    ]
}

/// A field; `id` is the name of that of the field and of its choices, with a `?` where it may be left out.
fn field(id: &str) -> Value {
    let types: Vec<&str> = FieldType::ALL.iter().map(|kind| kind.as_str()).collect();
    let choice = object(&[
        (id, about(text(), "Kept once it is saved.")),
        ("label", text()),
    ]);
    object(&[
        (id, about(text(), "Kept once it is saved.")),
        ("type", one_of(&types)),
        ("label", bounded(1, LABEL_CHARS)),
        ("is_required?", flag()),
        (
            "choices?",
            about(
                json!({"type": "array", "items": choice, "maxItems": MAX_CHOICES}),
                "Of radio, select and checkbox.",
            ),
        ),
        (
            "groups?",
            about(
                json!({"type": "array", "items": int()}),
                "Of a group chooser.",
            ),
        ),
        ("comment_label?", about(text(), "Of a rating.")),
    ])
}

fn shown(form: &GroupForm) -> Value {
    json!({
        "group_id": form.group,
        "kind": form.form.kind.as_str(),
        "is_enabled": form.form.is_enabled,
        "fields": form.form.fields,
    })
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let permit = call.on_site(Action::ReadForms)?;
    let all = call.read(move |tx| forms::list(tx, &permit)).await?;
    let items: Vec<Value> = all.iter().map(shown).collect();
    Ok(Answer::of(json!({"items": items})))
}

/// The group and the kind in the path.
fn place(call: &Call) -> Result<(i64, FormKind), Refusal> {
    let number = call.param("group_id").parse();
    let number = number.map_err(|_| Refusal::GroupNotFound)?;
    let kind = FormKind::parse(call.param("kind")).ok_or(Refusal::NotFound("form"))?;
    Ok((number, kind))
}

async fn get(call: Call) -> Result<Answer, ApiError> {
    let permit = call.on_site(Action::ReadForms)?;
    let (group, kind) = place(&call)?;
    let form = call
        .read(move |tx| forms::get(tx, &permit, group, kind))
        .await?;
    Ok(Answer::of(shown(&form)))
}

async fn save(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ConfigureChat)?, call.now);
    let (group, kind) = place(&call)?;
    let fields = call.fields();
    if fields.get("is_enabled").is_none() {
        return Err(fields.invalid("is_enabled", "is required").into());
    }
    let form = Form {
        id: None,
        kind,
        is_enabled: fields.flag("is_enabled")?,
        fields: parse_fields(fields)?,
    };
    let saved = call
        .configure(move |tx| forms::save(tx, &permit, group, &form, now))
        .await?;
    Ok(Answer::of(shown(&saved)))
}

/// The fields of a form; ids may be left out.
fn parse_fields(fields: Fields<'_>) -> Result<Vec<Field>, Refusal> {
    let list = fields
        .opt_list("fields", MAX_FIELDS)?
        .ok_or_else(|| fields.invalid("fields", "is required"))?;
    let parsed = list.iter().enumerate().map(|(n, json)| {
        let mut json = json.clone();
        name(&mut json);
        let choices = json.as_object_mut().and_then(|map| map.get_mut("choices"));
        for choice in choices.and_then(Value::as_array_mut).into_iter().flatten() {
            name(choice);
        }
        serde_json::from_value(json)
            .map_err(|error| Refusal::invalid(format!("fields.{n}"), error.to_string()))
    });
    parsed.collect()
}

/// Gives an object without an id an empty one, which saving fills in.
fn name(json: &mut Value) {
    if let Some(map) = json.as_object_mut() {
        map.entry("id").or_insert_with(|| "".into());
    }
}
