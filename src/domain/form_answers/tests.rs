//! Which answers fit a form, as tables of cases.

use serde_json::json;

use super::*;
use crate::domain::form::{Choice, FormKind};

fn choice(id: &str, label: &str) -> Choice {
    Choice {
        id: id.into(),
        label: label.into(),
    }
}

fn form() -> Form {
    let field = |id: &str, kind, is_required| Field {
        id: id.into(),
        ..Field::new(kind, id, is_required)
    };
    Form {
        is_enabled: true,
        fields: vec![
            field("h", FieldType::Header, true),
            field("n", FieldType::Name, true),
            field("e", FieldType::Email, false),
            Field {
                choices: vec![choice("1", "One"), choice("2", "Two")],
                ..field("r", FieldType::Radio, false)
            },
            Field {
                choices: vec![choice("1", "One"), choice("2", "Two")],
                ..field("c", FieldType::Checkbox, false)
            },
            Field {
                choices: vec![choice("4", "Sales")],
                groups: vec![4],
                ..field("g", FieldType::GroupChooser, false)
            },
        ],
        ..Form::standard(FormKind::Prechat)
    }
}

fn filled(fields: &Value) -> Result<Claims, Refusal> {
    judge(&form(), &parse(fields.as_array().unwrap())?)
}

#[test]
fn good_answers_are_claims() {
    let claims = filled(&json!([
        {"type": "header", "id": "h", "label": "h"},
        {"type": "name", "id": "n", "label": "n", "answer": " Ada "},
        {"type": "email", "id": "e", "label": "e", "answer": "ada@example.org", "required": true},
        {"type": "radio", "id": "r", "label": "r", "answer": {"id": "1", "label": "One"}},
        {"type": "checkbox", "id": "c", "label": "c", "answers": [{"id": "2", "label": "Two"}]},
        {"type": "group_chooser", "id": "g", "label": "g",
         "answer": {"id": "4", "group_id": 4, "label": "Sales"}},
    ]))
    .unwrap();

    assert_eq!(claims.name.as_deref(), Some("Ada"));
    assert_eq!(claims.email.as_deref(), Some("ada@example.org"));
    assert_eq!(claims.group, Some(4));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_answer_that_does_not_fit_is_named() {
    let name = json!({"type": "name", "id": "n", "answer": "Ada"});
    let cases = [
        (json!([]), "fields: must not be empty"),
        (json!([1]), "fields.0: must be an object"),
        (json!([{"id": "n"}]), "fields.0.type: is no type of field"),
        (json!([{"type": "name"}]), "fields.0.id: is required"),
        (
            json!([{"type": "name", "id": 7}]),
            "fields.0.id: must be a string",
        ),
        (
            json!([{"type": "name", "id": "n", "answer": {}}]),
            "fields.0.answer: must be a string",
        ),
        (
            json!([{"type": "name", "id": "n", "answer": "x".repeat(257)}]),
            "fields.0.answer: must have at most 256 characters",
        ),
        (
            json!([{"type": "name", "id": "n", "answer": " "}]),
            "fields.0.answer: is required",
        ),
        (json!([name, name]), "fields.1.id: stands here twice"),
        (
            json!([name, {"type": "question", "id": "zz", "answer": "x"}]),
            "fields.1.id: is no field of this form",
        ),
        (
            json!([{"type": "question", "id": "n", "answer": "Ada"}]),
            "fields.0.type: must be name",
        ),
        (
            json!([{"type": "email", "id": "e", "answer": "a@example.org"}]),
            "fields: field n (n) is required",
        ),
        (
            json!([name, {"type": "email", "id": "e", "answer": "nobody"}]),
            "fields.1.answer: must be an e-mail address",
        ),
        (
            json!([name, {"type": "radio", "id": "r", "answer": "1"}]),
            "fields.1.answer: must be an object",
        ),
        (
            json!([name, {"type": "radio", "id": "r", "answer": {"id": "3"}}]),
            "fields.1.answer.id: is no choice here",
        ),
        (
            json!([name, {"type": "checkbox", "id": "c", "answers": {}}]),
            "fields.1.answers: must be a list",
        ),
        (
            json!([name, {"type": "checkbox", "id": "c", "answers": [{"id": "1"}, {"id": "x"}]}]),
            "fields.1.answers.1.id: is no choice here",
        ),
        (
            json!([name, {"type": "group_chooser", "id": "g", "answer": {"id": "5", "group_id": 5}}]),
            "fields.1.answer.id: is no choice here",
        ),
        (
            json!([name, {"type": "group_chooser", "id": "g", "answer": {"id": "4", "group_id": "4"}}]),
            "fields.1.answer.group_id: must be a whole number",
        ),
        (
            json!([{"type": "rating", "id": "x", "answer": {"score": 2}}]),
            "fields.0.answer.score: must be 0 or 1",
        ),
    ];
    for (fields, message) in cases {
        assert_eq!(
            filled(&fields).unwrap_err().to_string(),
            message,
            "{fields}"
        );
    }
}

#[test]
fn answers_are_stored_as_they_stand_on_the_wire() {
    let fields = json!([
        {"type": "name", "id": "n", "label": "Name", "answer": "<b>Ada</b>"},
        {"type": "select", "id": "s", "label": "", "answer": {"id": "1", "label": "One"}},
        {"type": "rating", "id": "x", "label": "", "answer": {"score": 1, "comment": "Quick"}},
        {"type": "checkbox", "id": "c", "label": "", "answers": [{"id": "1", "label": "One"}, {"id": "2", "label": ""}]},
        {"type": "textarea", "id": "t", "label": ""},
    ]);

    let read = parse(fields.as_array().unwrap()).unwrap();

    assert_eq!(serde_json::to_value(&read).unwrap(), fields);
    assert_eq!(
        serde_json::from_value::<Vec<FilledField>>(fields).unwrap(),
        read
    );
    let shown: Vec<String> = read.iter().map(FilledField::shown).collect();
    assert_eq!(shown, ["<b>Ada</b>", "One", "Good: Quick", "One, 2", ""]);
}
