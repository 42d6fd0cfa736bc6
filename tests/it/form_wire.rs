//! `get_form` over the socket: the same shape for each kind, and what is refused.

use parlor::domain::form::{Choice, Field, FieldType, Form, FormKind};
use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::store::forms::{self, GroupForm};
use parlor::store::groups;
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

/// A pre-chat form of the default group and the ids of its fields, in order.
async fn prechat(shop: &Shop) -> (String, Vec<String>, Vec<String>) {
    let house = shop.house.clone();
    let saved = tokio::task::spawn_blocking(move || {
        let chooser = Field {
            groups: vec![0],
            ..Field::new(FieldType::GroupChooser, "About", false)
        };
        let fields = vec![
            Field::new(FieldType::Name, "Your name", true),
            Field::new(FieldType::Email, "E-mail", false),
            radio("Tea?", &["Green", "Black"]),
            chooser,
        ];
        save(&house, 0, FormKind::Prechat, fields)
    })
    .await
    .unwrap();
    let form = saved.form;
    let ids = form.fields.iter().map(|field| field.id.clone()).collect();
    let choices = form.fields[2].choices.iter().map(|c| c.id.clone());
    (form.id.unwrap().to_string(), ids, choices.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pre_chat_form_begins_the_chat_and_its_answers_are_the_visitors_claims() {
    let shop = Shop::open().await;
    let (form, ids, choices) = prechat(&shop).await;
    let mut visitor = shop.visitor().await;
    let filled = json!({"type": "filled_form", "form_id": form, "custom_id": "f1", "fields": [
        {"type": "name", "id": ids[0], "label": "Admin says", "answer": "Ada"},
        {"type": "email", "id": ids[1], "label": "E-mail", "answer": "ada@example.org"},
        {"type": "radio", "id": ids[2], "label": "Tea?", "answer": {"id": choices[1], "label": "Forged"}},
        {"type": "group_chooser", "id": ids[3], "label": "About",
         "answer": {"id": "0", "group_id": 0, "label": "General"}},
    ]});
    let start = json!({"chat": {"thread": {"events": [filled]}}});

    visitor.client.done("start_chat", start.clone()).await;
    let push = visitor.client.push("incoming_chat").await;
    let again = visitor.client.done("start_chat", start).await;

    let events = push["payload"]["chat"]["thread"]["events"]
        .as_array()
        .unwrap();
    let event = events.iter().find(|e| e["type"] == "filled_form").unwrap();
    assert_eq!(event["form_id"], form);
    assert_eq!(
        event["fields"][0]["label"], "Your name",
        "the form's own words"
    );
    assert_eq!(event["fields"][2]["answer"]["label"], "Black");
    assert_eq!(
        again["event_ids"][0], event["id"],
        "a repeat gets the first"
    );
    let customer = visitor.client.done("get_customer", json!({})).await;
    assert_eq!(customer["name"], "Ada");
    assert_eq!(customer["email"], "ada@example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_group_that_a_visitor_chooses_gets_the_chat() {
    let shop = Shop::open().await;
    let house = shop.house.clone();
    let (saved, sales) = tokio::task::spawn_blocking(move || {
        let site = house.site;
        let sales = house.write(move |tx, now| {
            let permit = authorize(&Subject::System, Action::ConfigureChat, Object::Site(site))?;
            Ok(groups::create(tx, &permit, "Sales", now)?.number)
        });
        let sales = sales.unwrap();
        let chooser = Field {
            groups: vec![0, sales],
            ..Field::new(FieldType::GroupChooser, "About", true)
        };
        (save(&house, 0, FormKind::Prechat, vec![chooser]), sales)
    })
    .await
    .unwrap();
    let mut visitor = shop.visitor().await;
    let start = |group: i64| {
        let filled = json!({"type": "filled_form", "form_id": saved.form.id.unwrap().to_string(), "custom_id": "f1",
            "fields": [{"type": "group_chooser", "id": saved.form.fields[0].id, "label": "About",
                "answer": {"id": group.to_string(), "group_id": group, "label": "Forged"}}]});
        json!({"chat": {"thread": {"events": [filled]}}})
    };

    let refused = visitor.client.refused("start_chat", start(77)).await;
    visitor.client.done("start_chat", start(sales)).await;
    let push = visitor.client.push("incoming_chat").await;

    assert!(refused.starts_with("validation: "), "{refused}");
    let chat = &push["payload"]["chat"];
    assert_eq!(chat["access"]["group_ids"], json!([sales]), "{chat}");
    let events = chat["thread"]["events"].as_array().unwrap();
    let form = events.iter().find(|e| e["type"] == "filled_form").unwrap();
    assert_eq!(form["fields"][0]["answer"]["label"], "Sales");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_does_not_fit_is_refused_and_changes_nothing() {
    let shop = Shop::open().await;
    let (form, ids, _) = prechat(&shop).await;
    let (mut visitor, chat) = shop.chatting().await;
    let name = json!({"type": "name", "id": ids[0], "answer": "Ada"});

    for (form, fields, refusal) in [
        (
            form.as_str(),
            json!([{"type": "email", "id": ids[1], "answer": "a@example.org"}]),
            "validation: ",
        ),
        (
            form.as_str(),
            json!([name, {"type": "question", "id": "7", "answer": "x"}]),
            "validation: ",
        ),
        (
            form.as_str(),
            json!([name, {"type": "email", "id": ids[1], "answer": "x"}]),
            "validation: ",
        ),
        (
            form.as_str(),
            json!([name, {"type": "radio", "id": ids[2], "answer": {"id": "7"}}]),
            "validation: ",
        ),
        (
            form.as_str(),
            json!([name, {"type": "radio", "id": ids[2], "answer": 7}]),
            "validation: ",
        ),
        (form.as_str(), json!([name, name]), "validation: "),
        ("7", json!([name]), "not_found: form"),
        ("survey", json!([name]), "not_found: form"),
    ] {
        let event = json!({"type": "filled_form", "form_id": form, "fields": fields});
        let refused = visitor
            .client
            .refused("send_event", json!({"chat_id": chat, "event": event}))
            .await;
        assert!(refused.starts_with(refusal), "{event}: {refused}");
        assert!(
            refusal != "validation: " || refused.contains("fields"),
            "{refused}"
        );
    }
    let customer = visitor.client.done("get_customer", json!({})).await;
    assert_eq!(customer["name"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_is_not_found() {
    let shop = Shop::open().await;
    let house = shop.house.clone();
    let form = tokio::task::spawn_blocking(move || {
        let other = House::new(&house.db, &house.clock);
        let fields = vec![Field::new(FieldType::Name, "Name", false)];
        save(&other, 0, FormKind::Prechat, fields).form
    })
    .await
    .unwrap();
    let (mut visitor, chat) = shop.chatting().await;
    let fields = json!([{"type": "name", "id": form.fields[0].id, "answer": "Ada"}]);
    let event =
        json!({"type": "filled_form", "form_id": form.id.unwrap().to_string(), "fields": fields});

    let refused = visitor
        .client
        .refused("send_event", json!({"chat_id": chat, "event": event}))
        .await;

    assert_eq!(refused, "not_found: form not found");
}
