//! What a form may hold, as tables of cases.

use super::*;

fn refused(fields: Vec<Field>, kind: FormKind) -> Vec<String> {
    let form = Form {
        fields,
        ..Form::standard(kind)
    };
    let errors = form.checked().unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn words_come_back_as_they_went() {
    for kind in FormKind::ALL {
        assert_eq!(FormKind::parse(kind.as_str()), Some(kind));
    }
    for kind in FieldType::ALL {
        assert_eq!(FieldType::parse(kind.as_str()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert_eq!(FormKind::parse("Prechat"), None);
    assert_eq!(FieldType::parse(""), None);
}

#[test]
fn the_standard_forms_are_good_and_switched_off() {
    for kind in FormKind::ALL {
        let form = Form::standard(kind);

        assert!(!form.is_enabled);
        assert_eq!(form.checked().unwrap(), form);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_does_not_fit_is_named_with_its_place() {
    let question = || Field::new(FieldType::Question, "Why?", true);
    let choices = |labels: &[&str]| Field {
        choices: labels
            .iter()
            .map(|label| Choice {
                id: String::new(),
                label: (*label).into(),
            })
            .collect(),
        ..Field::new(FieldType::Radio, "Which?", false)
    };
    let cases = [
        (
            vec![Field::new(FieldType::Header, "Hello", false)],
            "fields: a form needs at least one question",
        ),
        (vec![], "fields: a form needs at least one question"),
        (
            vec![question(), Field::new(FieldType::Textarea, " \n", true)],
            "fields.1.label: please fill this in",
        ),
        (
            vec![Field::new(FieldType::Question, &"x".repeat(201), true)],
            "fields.0.label: at most 200 characters",
        ),
        (
            vec![choices(&[" "])],
            "fields.0.choices: write at least one choice",
        ),
        (
            vec![choices(&["a", " a"])],
            "fields.0.choices: each choice may stand here once",
        ),
        (
            vec![choices(&[&"x".repeat(121), "a"])],
            "fields.0.choices: at most 120 characters",
        ),
        (
            vec![Field::new(FieldType::GroupChooser, "Who?", false)],
            "fields.0.groups: choose at least one group",
        ),
        (
            vec![Field::new(FieldType::Rating, "Well?", false)],
            "fields.0.type: this form cannot have such a field",
        ),
        (
            vec![
                Field::new(FieldType::Name, "Name", false),
                Field::new(FieldType::Name, "Name", false),
            ],
            "fields.1.type: a form can have one field of this type",
        ),
        (
            (0..31).map(|_| question()).collect(),
            "fields: a form can have at most 30 fields",
        ),
    ];
    for (fields, message) in cases {
        assert_eq!(refused(fields, FormKind::Prechat), [message]);
    }
    assert_eq!(
        refused(vec![question()], FormKind::Ticket),
        ["fields: a ticket form needs an e-mail field, or nobody could be answered"]
    );
}

#[test]
fn a_field_keeps_only_what_belongs_to_its_type() {
    let odd = Field {
        choices: vec![Choice::default()],
        groups: vec![1],
        comment_label: "Why?".into(),
        ..Field::new(FieldType::Question, " Why? ", true)
    };
    let form = Form {
        fields: vec![odd, Field::new(FieldType::Header, "Hello", true)],
        ..Form::standard(FormKind::Prechat)
    };

    let fields = form.checked().unwrap().fields;

    assert_eq!(
        fields,
        [
            Field::new(FieldType::Question, "Why?", true),
            Field::new(FieldType::Header, "Hello", false),
        ]
    );
}
