//! `get_form` over the socket: the same shape for each kind, and what is refused.

use parlor::domain::form::{Choice, Field, FieldType, Form, FormKind};
use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::store::forms::{self, GroupForm};
use serde_json::json;

use crate::customer::Shop;
use crate::support::house::House;

/// Saves a form of a group, switched on.
pub fn save(house: &House, group: i64, kind: FormKind, fields: Vec<Field>) -> GroupForm {
    let form = Form {
        is_enabled: true,
        fields,
        ..Form::standard(kind)
    };
    let site = house.site;
    house
        .write(move |tx, now| {
            let permit = authorize(&Subject::System, Action::ConfigureChat, Object::Site(site))?;
            forms::save(tx, &permit, group, &form, now)
        })
        .unwrap()
}

/// A radio field with these choices.
pub fn radio(label: &str, choices: &[&str]) -> Field {
    let choice = |label: &&str| Choice {
        id: String::new(),
        label: (*label).into(),
    };
    Field {
        choices: choices.iter().map(choice).collect(),
        ..Field::new(FieldType::Radio, label, false)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_form_has_fields_with_ids_of_their_own() {
    let shop = Shop::open().await;
    let house = shop.house.clone();
    let saved = tokio::task::spawn_blocking(move || {
        let chooser = Field {
            groups: vec![0],
            ..Field::new(FieldType::GroupChooser, "About", true)
        };
        let rating = Field {
            comment_label: "Why?".into(),
            ..Field::new(FieldType::Rating, "How was it?", false)
        };
        let prechat = vec![
            Field::new(FieldType::Header, "Welcome", false),
            radio("Tea?", &["Green", "Black"]),
            chooser,
        ];
        let ticket = Form::standard(FormKind::Ticket).fields;
        [
            save(&house, 0, FormKind::Prechat, prechat),
            save(&house, 0, FormKind::Postchat, vec![rating]),
            save(&house, 0, FormKind::Ticket, ticket),
        ]
    })
    .await
    .unwrap();
    let mut visitor = shop.visitor().await;

    for GroupForm { form, .. } in &saved {
        let kind = form.kind.as_str();
        let payload = json!({"group_id": 0, "type": kind});
        let got = visitor.client.done("get_form", payload).await;

        assert_eq!(got["enabled"], true);
        assert_eq!(got["form"]["id"], form.id.unwrap().to_string());
        let fields = got["form"]["fields"].as_array().unwrap();
        assert_eq!(fields.len(), form.fields.len());
        for (drawn, field) in fields.iter().zip(&form.fields) {
            assert_eq!(drawn["id"], field.id, "{kind}");
            assert_eq!(drawn["type"], field.kind.as_str());
            assert_eq!(drawn["label"], field.label);
            assert_eq!(drawn["required"], field.is_required);
        }
        if form.kind == FormKind::Prechat {
            let choices = json!(form.fields[1].choices);
            assert_eq!(fields[1]["answers"], choices);
            assert_eq!(fields[1]["options"], choices);
            let groups = json!([{"id": "0", "group_id": 0, "label": "General"}]);
            assert_eq!(fields[2]["options"], groups);
        }
        if form.kind == FormKind::Postchat {
            assert_eq!(fields[0]["comment_label"], "Why?");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_off_says_so_and_wrong_requests_are_named() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let client = &mut visitor.client;

    for kind in ["prechat", "postchat", "ticket"] {
        let got = client
            .done("get_form", json!({"group_id": 0, "type": kind}))
            .await;
        assert_eq!(got, json!({"enabled": false}));
    }
    for (payload, refusal) in [
        (
            json!({"group_id": 9, "type": "prechat"}),
            "group_not_found: group not found",
        ),
        (
            json!({"type": "prechat"}),
            "validation: group_id: is required",
        ),
        (json!({"group_id": 0}), "validation: type: is required"),
        (
            json!({"group_id": 0, "type": 1}),
            "validation: type: must be a string",
        ),
        (
            json!({"group_id": 0, "type": "survey"}),
            "validation: type: must be prechat, postchat or ticket",
        ),
    ] {
        assert_eq!(client.refused("get_form", payload.clone()).await, refusal);
    }
    let wrong = client
        .refused("get_form", json!({"group_id": "0", "type": "prechat"}))
        .await;
    assert!(wrong.starts_with("validation: group_id: "), "{wrong}");
}
