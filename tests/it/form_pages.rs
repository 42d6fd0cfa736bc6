//! Settings → Forms without script, and filled forms beside the chat.

use parlor::domain::event::NewEvent;
use parlor::domain::form::{Field, FieldType, FormKind};
use parlor::domain::form_answers;
use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::store::forms;
use serde_json::json;

use crate::dashboard_room::{Page, Room};
use crate::form_wire::save;

const PATH: &str = "/settings/forms/0/prechat";
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

/// What the form on the page would post, as a browser without script does, with `change` on top.
fn fill(page: &Page, change: &[(&str, &str)]) -> Vec<(String, String)> {
    let count: usize = page.value("name=\"count\" value").parse().unwrap();
    let value = |name: &str| {
        let after = page.body.split(&format!("name=\"{name}\"")).nth(1);
        let tag = after.and_then(|rest| rest.split('>').next()).unwrap();
        let value = tag.split("value=\"").nth(1).unwrap_or_default();
        value.split('"').next().unwrap().to_owned()
    };
    let mut posted = vec![("count".to_owned(), count.to_string())];
    for n in 0..count {
        for part in ["id", "label"] {
            let name = format!("fields.{n}.{part}");
            posted.push((name.clone(), value(&name)));
        }
        let name = format!("fields.{n}.type");
        let select = page.body.split(&format!("name=\"{name}\"")).nth(1).unwrap();
        let chosen = select.split(" selected>").next().unwrap();
        let word = chosen.rsplit("value=\"").next().unwrap();
        posted.push((name, word.trim_end_matches('"').to_owned()));
    }
    for (name, value) in change {
        posted.retain(|(known, _)| known != name);
        posted.push(((*name).to_owned(), (*value).to_owned()));
    }
    posted
}

fn post(room: &Room, fields: &[(String, String)]) -> Page {
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    room.owner.post(PATH, &fields)
}

fn stored(room: &Room) -> Option<Vec<Field>> {
    let site = room.house.site;
    room.house.read(move |tx| {
        let permit = authorize(&Subject::System, Action::ReadForms, Object::Site(site))?;
        Ok(forms::shown(tx, &permit, 0, FormKind::Prechat)?.map(|(_, fields)| fields))
    })
}

#[test]
fn a_form_is_built_button_by_button_and_kept_only_when_saved() {
    let room = Room::open();
    let list = room.owner.get("/settings/forms");
    assert!(list.body.contains(PATH), "{}", list.body);
    let page = room.owner.get(PATH);

    let added = post(
        &room,
        &fill(&page, &[("do", "add"), ("new_type", "select")]),
    );
    assert_eq!(added.status, 200);
    assert!(added.body.contains("This is a draft"));
    let moved = post(
        &room,
        &fill(&added, &[("do", "up-4"), ("is_enabled", "on")]),
    );
    let removed = post(
        &room,
        &fill(&moved, &[("do", "remove-0"), ("is_enabled", "on")]),
    );
    assert_eq!(stored(&room), None, "nothing is kept yet");
    let refused = post(
        &room,
        &fill(&removed, &[("do", "save"), ("is_enabled", "on")]),
    );
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("id=\"fields.2.label-error\""));
    assert!(refused.body.contains("id=\"fields.2.choices-error\""));
    let change = [
        ("do", "save"),
        ("is_enabled", "on"),
        ("fields.0.required", "on"),
        ("fields.2.label", HOSTILE),
        ("fields.2.choices", "Green\r\n\r\n Black \r\n"),
    ];
    let saved = post(&room, &fill(&refused, &change));

    assert_eq!(saved.status, 303, "{}", saved.body);
    let fields = stored(&room).unwrap();
    let kinds: Vec<FieldType> = fields.iter().map(|field| field.kind).collect();
    use FieldType::{Email, Name, Select, Textarea};
    assert_eq!(kinds, [Name, Email, Select, Textarea]);
    assert!(fields[0].is_required && !fields[1].is_required);
    let choices: Vec<&str> = fields[2].choices.iter().map(|c| c.label.as_str()).collect();
    assert_eq!(choices, ["Green", "Black"]);
    let page = room.owner.get(&saved.location.unwrap());
    assert!(page.body.contains("Saved."));
    assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"));
}

#[test]
fn what_is_saved_again_keeps_its_ids() {
    let room = Room::open();
    let page = room.owner.get(PATH);
    let draft = post(
        &room,
        &fill(&page, &[("do", "add"), ("new_type", "select")]),
    );
    let change = [
        ("do", "save"),
        ("is_enabled", "on"),
        ("fields.4.label", "Tea?"),
        ("fields.4.choices", "Green\nBlack"),
    ];
    assert_eq!(post(&room, &fill(&draft, &change)).status, 303);
    let before = stored(&room).unwrap();
    let page = room.owner.get(PATH);
    let change = [
        ("do", "save"),
        ("is_enabled", "on"),
        ("fields.4.choices", "Black\nGreen"),
    ];

    assert_eq!(post(&room, &fill(&page, &change)).status, 303);

    let after = stored(&room).unwrap();
    let ids = |fields: &[Field]| fields.iter().map(|f| f.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
    assert_eq!(after[4].choices[0].id, before[4].choices[1].id);
    assert!(
        room.owner
            .get("/settings/forms")
            .body
            .contains("badge good")
    );
}

#[test]
fn what_is_no_form_of_the_site_is_not_there_and_agents_only_answer() {
    let room = Room::open();
    let agent = room.desk(&room.house.agent("Ada"));

    for path in [
        "/settings/forms/9/prechat",
        "/settings/forms/x/prechat",
        "/settings/forms/0/survey",
    ] {
        assert_eq!(room.owner.get(path).status, 404, "{path}");
        assert_eq!(
            room.owner.post(path, &[("do", "save")]).status,
            404,
            "{path}"
        );
    }
    assert_eq!(room.owner.post(PATH, &[("do", "explode")]).status, 400);
    assert_eq!(room.owner.post(PATH, &[("do", "up-x")]).status, 400);
    let beyond = room
        .owner
        .post(PATH, &[("do", "remove-99"), ("count", "7000000")]);
    assert_eq!(beyond.status, 200);
    for path in ["/settings/forms", PATH] {
        assert_eq!(agent.get(path).status, 403, "{path}");
    }
    assert_eq!(agent.post(PATH, &[("do", "save")]).status, 403);
}

#[test]
fn answers_stand_beside_the_chat_as_text() {
    let room = Room::open();
    let fields = vec![Field::new(FieldType::Textarea, HOSTILE, true)];
    let form = save(&room.house, 0, FormKind::Prechat, fields).form;
    let visitor = room.house.visitor();
    let answers = json!([{"type": "textarea", "id": form.fields[0].id, "answer": format!("Oolong {HOSTILE}")}]);
    let answers = form_answers::parse(answers.as_array().unwrap()).unwrap();
    let filled = NewEvent::filled_form(&form.id.unwrap().to_string(), answers).unwrap();
    let chat = room.house.start(&visitor, &[filled]).unwrap().chat.id;

    let page = room.owner.get(&format!("/chats/{chat}"));

    assert_eq!(page.status, 200);
    let beside = page.body.split("class=\"answer-list\"").nth(1).unwrap();
    assert!(beside.contains("Oolong "), "{beside}");
    assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"));
}
