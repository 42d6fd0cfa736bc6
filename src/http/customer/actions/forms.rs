//! The forms a site asks visitors to fill in.

use serde_json::{Value, json};

use super::{Answer, Call};
use crate::domain::Refusal;
use crate::domain::form::{Choice, Field, FieldType, FormKind};
use crate::domain::ids::FormId;
use crate::domain::permission::{Action, Object, authorize};
use crate::http::customer::frame::Failure;
use crate::store::forms;

/// `get_form`: the form of a group, or that there is none.
pub(super) async fn get(call: Call) -> Result<Answer, Failure> {
    let (group, kind) = parse(&call)?;
    let (subject, site) = (call.member.subject.clone(), call.caller.site.id);
    let shown = call
        .read(move |tx| {
            let permit = authorize(&subject, Action::ReadForms, Object::Site(site))?;
            forms::shown(tx, &permit, group, kind)
        })
        .await?;
    Ok(Answer::of(match shown {
        Some((id, fields)) => draw(id, &fields),
        None => json!({"enabled": false}),
    }))
}

fn parse(call: &Call) -> Result<(i64, FormKind), Refusal> {
    let fields = call.fields();
    let group = fields.int("group_id", 0, i64::MAX)?;
    let kind = fields.text("type", usize::MAX)?;
    let kind = FormKind::parse(kind)
        .ok_or_else(|| fields.invalid("type", "must be prechat, postchat or ticket"))?;
    Ok((group, kind))
}

/// Every kind has the same shape, with the fields' own ids: a published client takes a form whose first field has none
/// for a ticket form, and numbers the fields itself.
fn draw(id: FormId, fields: &[Field]) -> Value {
    let fields: Vec<Value> = fields.iter().map(draw_field).collect();
    json!({"enabled": true, "form": {"id": id, "fields": fields}})
}

fn draw_field(field: &Field) -> Value {
    let mut drawn = json!({
        "id": field.id,
        "type": field.kind.as_str(),
        "label": field.label,
        "required": field.is_required,
    });
    match field.kind {
        // The same list under both names that clients look for.
        FieldType::Radio | FieldType::Select | FieldType::Checkbox => {
            drawn["answers"] = json!(field.choices);
            drawn["options"] = json!(field.choices);
        }
        FieldType::GroupChooser => {
            drawn["options"] = field.choices.iter().map(draw_group).collect();
        }
        FieldType::Rating => drawn["comment_label"] = field.comment_label.as_str().into(),
        FieldType::Header
        | FieldType::Name
        | FieldType::Email
        | FieldType::Subject
        | FieldType::Question
        | FieldType::Textarea => {}
    }
    drawn
}

/// The id of a group chooser's choice is the group's number.
fn draw_group(choice: &Choice) -> Value {
    let number = choice.id.parse::<i64>().ok();
    json!({"id": choice.id, "group_id": number, "label": choice.label})
}
