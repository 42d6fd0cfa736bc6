//! What agents do around a conversation with plain forms: handing over, files, quick replies, edits, bans, the queue.

use parlor::domain::event::{Body, Recipients};
use parlor::domain::ids::ChatId;
use parlor::domain::permission::{Action, Subject};
use parlor::domain::properties::Properties;
use parlor::store::chats::{self, PropertyChange};
use serde_json::json;

use crate::dashboard_bans::is_banned;
use crate::dashboard_room::{Desk, Page, Room};
use crate::support::house::{agent_id, visitor_id};

/// Where a form of a chat stands.
fn of(chat: ChatId, what: &str) -> String {
    format!("/chats/{chat}/{what}")
}

pub fn assert_back(page: &Page, to: &str) {
    assert_eq!(
        (page.status, page.location.as_deref()),
        (303, Some(to)),
        "{}",
        page.body
    );
}

#[test]
fn a_chat_is_transferred_to_an_agent_with_a_note() {
    let room = Room::open();
    let ben = room.house.agent("Ben");
    let chat = room.house.chat(&room.house.visitor());
    let there = format!("agent:{}", agent_id(&ben));

    let form = room.owner.get(&of(chat, "transfer"));
    assert_eq!(form.status, 200);
    assert!(form.body.contains("Ben (offline, 0 of "), "{}", form.body);
    let done = room.owner.post(
        &of(chat, "transfer"),
        &[
            ("to", &there),
            ("note", "Asks for <b>oolong</b>"),
            ("custom_id", "t-1"),
        ],
    );

    assert_back(&done, &format!("/chats/{chat}"));
    assert_eq!(room.house.row(chat).agent, Some(agent_id(&ben)));
    let events = room.house.events(chat);
    let note = events
        .iter()
        .find(|event| event.body.text() == Some("Asks for <b>oolong</b>"));
    assert_eq!(note.unwrap().recipients, Recipients::Agents);
    let page = room.owner.get(&format!("/chats/{chat}"));
    assert!(page.body.contains("With Ben"));
}

#[test]
fn a_transfer_that_cannot_be_names_the_field_and_moves_nothing() {
    let room = Room::open();
    let ben = room.house.agent("Ben");
    let elsewhere = room.another_site();
    let eve = elsewhere.agent("Eve");
    let chat = room.house.chat(&room.house.visitor());
    let full = agent_id(&ben);
    room.house
        .write(move |tx, _| {
            tx.exec(
                "update agents set max_chats = 0 where id = ?1",
                &[full.into()],
            )
        })
        .unwrap();
    let long = "x".repeat(8_001);
    for (to, note, field) in [
        ("", "", "to"),
        ("nowhere", "", "to"),
        ("group:77", "", "to"),
        (&*format!("agent:{full}"), "", "to"),
        (&*format!("agent:{}", agent_id(&eve)), "", "to"),
        ("agent:1", "", "to"),
        ("routing", &*long, "note"),
    ] {
        let fields = [("to", to), ("note", note), ("custom_id", "t-1")];
        let page = room.owner.post(&of(chat, "transfer"), &fields);

        assert_eq!(page.status, 422, "{to}: {}", page.body);
        assert!(page.body.contains(&format!("id=\"{field}-error\"")), "{to}");
    }
    assert_eq!(room.house.row(chat).agent, None);
    let form = room.owner.get(&of(chat, "transfer")).body;
    assert!(
        form.contains("disabled>Ben") && !form.contains("Eve"),
        "{form}"
    );
}

#[test]
fn an_agent_joins_leaves_and_gives_a_chat_back() {
    let room = Room::open();
    let ben = room.house.agent("Ben");
    let desk = room.desk(&ben);
    let chat = room.house.chat(&room.house.visitor());
    assert_eq!(room.owner.post(&of(chat, "assignment"), &[]).status, 303);
    let here = format!("/chats/{chat}");
    let part = |desk: &Desk, part: &str| desk.post(&of(chat, "participation"), &[("part", part)]);

    assert_back(&part(&desk, "join"), &here);
    let page = desk.get(&here).body;
    assert!(page.contains("With Olive Owner and Ben"), "{page}");
    assert!(page.contains("value=\"leave\""));
    assert_back(&part(&desk, "leave"), &here);
    assert!(!desk.get(&here).body.contains("With Olive Owner and Ben"));
    assert_eq!(part(&desk, "leave").status, 404);
    assert_eq!(part(&desk, "dance").status, 400);
    assert_back(&part(&room.owner, "leave"), &here);

    assert_eq!(room.house.row(chat).agent, None);
    let page = room.owner.get(&here).body;
    assert!(page.contains("Place 1 in the queue"), "{page}");
    assert!(page.contains("<span>Take</span>"), "{page}");
}

#[test]
fn a_closed_chat_is_opened_without_a_word() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    let here = format!("/chats/{chat}");
    assert_eq!(room.owner.post(&of(chat, "closure"), &[]).status, 303);
    assert!(room.owner.get(&here).body.contains("Reopen"));

    for _ in 0..2 {
        assert_back(&room.owner.post(&of(chat, "opening"), &[]), &here);
    }

    assert!(room.house.row(chat).is_active);
    let opened = room.house.kinds(chat);
    let opened = opened.iter().filter(|kind| **kind == "thread_opened");
    assert_eq!(opened.count(), 2);
}

#[test]
fn the_list_shows_who_waits_and_gives_the_chat_to_who_takes_it() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());

    let list = room.owner.get("/chats?list=unassigned").body;
    assert!(list.contains("Waiting <span class=\"number\" data-count=\"unassigned\">1<"));
    assert!(list.contains("In the queue for "), "{list}");
    assert!(list.contains("Take<span"), "{list}");
    assert!(list.contains("data-own-chats>0</span> of "), "{list}");
    assert_eq!(room.owner.post(&of(chat, "assignment"), &[]).status, 303);

    let list = room.owner.get("/chats?list=all").body;
    assert!(!list.contains("In the queue for "), "{list}");
    assert!(list.contains("data-own-chats>1</span> of "), "{list}");
}

/// One field `file` as browsers send it.
fn upload(desk: &Desk, path: &str, (name, content): (&str, &[u8])) -> (u16, String) {
    let head = format!(
        "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let body = [head.as_bytes(), content, b"\r\n--cut--\r\n"].concat();
    let mut answer = ureq::post(format!("{}{path}", desk.url))
        .config()
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .header("Cookie", &desk.cookie)
        .header("Accept", "text/html")
        .header("Origin", &desk.url)
        .header("Content-Type", "multipart/form-data; boundary=cut")
        .send(&body[..])
        .unwrap();
    (
        answer.status().as_u16(),
        answer.body_mut().read_to_string().unwrap(),
    )
}

#[test]
fn a_file_is_attached_without_a_script_once() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    assert_eq!(room.owner.get(&of(chat, "files")).status, 200);
    let text = ("harvest.txt", &b"first flush"[..]);

    for _ in 0..2 {
        let path = of(chat, "files?kind=message&custom_id=f-1");
        assert_eq!(upload(&room.owner, &path, text).0, 303);
    }
    let path = of(chat, "files?kind=note&custom_id=f-2");
    assert_eq!(upload(&room.owner, &path, text).0, 303);

    let files: Vec<Recipients> = room
        .house
        .events(chat)
        .into_iter()
        .filter(|event| matches!(event.body, Body::File { .. }))
        .map(|event| event.recipients)
        .collect();
    assert_eq!(files, [Recipients::All, Recipients::Agents]);
    let page = room.owner.get(&format!("/chats/{chat}")).body;
    assert!(page.contains("harvest.txt"), "{page}");
}

#[test]
fn a_file_that_is_not_taken_is_named_beside_the_field() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    let path = of(chat, "files?kind=message&custom_id=f-1");

    for file in [
        ("run.exe", &b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"[..]),
        ("nothing.txt", &b""[..]),
    ] {
        let (status, page) = upload(&room.owner, &path, file);

        assert_eq!(status, 422, "{page}");
        assert!(page.contains("id=\"file-error\""), "{page}");
    }
    assert!(!room.house.kinds(chat).contains(&"file"));
}

#[test]
fn quick_replies_are_a_question_with_buttons() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    let path = of(chat, "quick-replies");
    assert_eq!(room.owner.get(&path).status, 200);
    let asked = [
        ("text", "Green or black?"),
        ("button_1", "Green"),
        ("button_3", " Black "),
        ("custom_id", "q-1"),
    ];

    for _ in 0..2 {
        assert_back(&room.owner.post(&path, &asked), &format!("/chats/{chat}"));
    }

    let events = room.house.events(chat);
    let sent: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.body {
            Body::RichMessage { content, .. } => Some(content),
            _ => None,
        })
        .collect();
    assert_eq!(sent.len(), 1);
    let element = &sent[0].elements[0];
    assert_eq!(element.title.as_deref(), Some("Green or black?"));
    let buttons: Vec<_> = element
        .buttons
        .iter()
        .map(|button| (button.text.as_str(), button.postback_id.as_str()))
        .collect();
    assert_eq!(buttons, [("Green", "reply_1"), ("Black", "reply_3")]);
    let long = "x".repeat(121);
    for (bad, field) in [
        ([("text", " "), ("button_1", "Yes")], "text"),
        ([("text", "Tea?"), ("button_1", " ")], "button_1"),
        ([("text", "Tea?"), ("button_2", &*long)], "button_2"),
    ] {
        let page = room.owner.post(&path, &bad);
        assert_eq!(page.status, 422, "{field}");
        assert!(page.body.contains(&format!("id=\"{field}-error\"")));
    }
}

#[test]
fn an_agent_edits_what_they_wrote_and_nothing_else() {
    let room = Room::open();
    let ben = room.house.agent("Ben");
    let desk = room.desk(&ben);
    let visitor = room.house.visitor();
    let chat = room.house.chat(&visitor);
    let hers = room.house.say(&ben, chat, "Helo").seq;
    let theirs = room.house.say(&visitor, chat, "What?").seq;
    let edit = |seq: i64| of(chat, &format!("events/{seq}/edit"));

    let page = desk.get(&format!("/chats/{chat}")).body;
    assert_eq!(page.matches("aria-label=\"Edit this message\"").count(), 1);
    assert!(desk.get(&edit(hers)).body.contains(">Helo</textarea>"));
    let done = desk.post(&edit(hers), &[("text", "Hello")]);

    assert_back(&done, &format!("/chats/{chat}"));
    let page = desk.get(&format!("/chats/{chat}")).body;
    assert!(page.contains("<p class=\"text\">Hello</p>") && page.contains("Edited"));
    let blank = desk.post(&edit(hers), &[("text", "  ")]);
    assert_eq!(blank.status, 422);
    assert!(blank.body.contains("id=\"text-error\""));
    assert_eq!(desk.post(&edit(theirs), &[("text", "Mine")]).status, 403);
    assert_eq!(desk.post(&edit(1), &[("text", "Mine")]).status, 404);
    assert_eq!(desk.get(&edit(1)).status, 404);
    assert_eq!(desk.get(&of(chat, "events/x/edit")).status, 404);
    // Others see the message without the link.
    let page = room.owner.get(&format!("/chats/{chat}")).body;
    assert!(page.contains("title=\"Edit\" hidden"), "{page}");
}

#[test]
fn rating_and_properties_stand_beside_the_chat() {
    let room = Room::open();
    let visitor = room.house.visitor();
    let chat = room.house.chat(&visitor);
    let thread = room.house.row(chat).thread.unwrap();
    let change = |who: &Subject, of, json: serde_json::Value| {
        let change = PropertyChange::Update(Properties::parse("properties", &json).unwrap());
        room.house
            .with(
                who,
                Action::ChangeProperties,
                chat,
                move |tx, permit, now| chats::change_properties(tx, permit, of, &change, now),
            )
            .unwrap();
    };
    use parlor::domain::event::PropertyOwner;
    change(
        &visitor,
        PropertyOwner::Thread(thread),
        json!({"rating": {"score": 1, "comment": "Lovely <i>tea</i>"}}),
    );
    change(
        &visitor,
        PropertyOwner::Chat,
        json!({"shop": {"basket <b>": "3 tins"}}),
    );

    let page = room.owner.get(&format!("/chats/{chat}")).body;

    assert!(
        page.contains("Rating</h3>") && page.contains("Good</span>"),
        "{page}"
    );
    assert!(page.contains("Lovely &#60;i&#62;tea"));
    assert!(page.contains("basket &#60;b&#62;") && page.contains("3 tins"));
}

#[test]
fn nothing_of_another_site_can_be_handled() {
    let room = Room::open();
    let elsewhere = room.another_site();
    let visitor = elsewhere.visitor();
    let chat = elsewhere.chat(&visitor);
    let root = visitor_id(&visitor);
    let before = elsewhere.kinds(chat);

    for path in ["transfer", "files", "quick-replies", "events/1/edit"] {
        assert_eq!(room.owner.get(&of(chat, path)).status, 404, "{path}");
    }
    for (path, fields) in [
        ("transfer", [("to", "routing"), ("custom_id", "c")]),
        ("participation", [("part", "join"), ("custom_id", "c")]),
        ("opening", [("a", "b"), ("custom_id", "c")]),
        ("events/2/edit", [("text", "Mine"), ("custom_id", "c")]),
    ] {
        assert_eq!(
            room.owner.post(&of(chat, path), &fields).status,
            404,
            "{path}"
        );
    }
    let asked = [("text", "Tea?"), ("button_1", "Yes"), ("custom_id", "c")];
    assert_eq!(
        room.owner.post(&of(chat, "quick-replies"), &asked).status,
        404
    );
    let path = of(chat, "files?kind=message&custom_id=c");
    assert_eq!(upload(&room.owner, &path, ("a.txt", b"tea")).0, 404);
    for id in [root.to_string(), "1".to_owned(), "x".to_owned()] {
        let ban = format!("/visitors/{id}/ban");
        assert_eq!(room.owner.get(&ban).status, 404);
        assert_eq!(room.owner.post(&ban, &[("length", "day")]).status, 404);
        assert_eq!(room.owner.post(&format!("{ban}/lifting"), &[]).status, 404);
    }
    assert_eq!(elsewhere.kinds(chat), before);
    assert!(!is_banned(&elsewhere, root));
}

#[tokio::test]
async fn what_one_agent_does_another_sees_live() {
    let room = Room::open();
    let ben = room.house.agent("Ben");
    let desk = room.desk(&ben);
    let visitor = room.house.visitor();
    let chat = room.house.chat(&visitor);
    let first = room.house.say(&ben, chat, "Helo").seq;
    let mut live = room.owner.live().await;
    let after = room.house.row(chat).last_seq;
    live.say(json!({"type": "open", "chat": chat.to_string(), "after_seq": after}))
        .await;
    live.hear("chat").await;

    let edited = desk.post(
        &of(chat, &format!("events/{first}/edit")),
        &[("text", "Hello")],
    );
    assert_eq!(edited.status, 303);
    let place = live.hear("events").await["events"][0].clone();
    assert_eq!(place["edits"], first);
    let html = place["html"].as_str().unwrap();
    assert!(
        html.contains("Hello") && html.contains("data-own"),
        "{html}"
    );
    let ban = format!("/visitors/{}/ban", visitor_id(&visitor));
    assert_eq!(desk.post(&ban, &[("length", "day")]).status, 303);
    while !live.hear("beside").await["html"]
        .as_str()
        .unwrap()
        .contains("/ban/lifting")
    {}
    let left = desk.post(&of(chat, "participation"), &[("part", "leave")]);
    assert_eq!(left.status, 303);
    while live.hear("chat").await["status"] != "Place 1 in the queue" {}
}

#[tokio::test]
async fn an_upload_is_sent_over_the_socket_once() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    let (status, answer) = upload(&room.owner, "/chats/upload", ("a.txt", b"first flush"));
    assert_eq!(status, 200, "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let mut live = room.owner.live().await;
    let send = |file: &str| json!({"type": "send", "chat": chat.to_string(), "custom_id": "f-1", "text": "", "file": file});

    live.say(send(answer["url"].as_str().unwrap())).await;
    assert_eq!(live.hear("stored").await["duplicate"], false);
    live.say(send(answer["url"].as_str().unwrap())).await;
    assert_eq!(live.hear("stored").await["duplicate"], true);
    live.say(
        json!({"type": "send", "chat": chat.to_string(), "custom_id": "f-2", "text": "",
        "file": "https://evil.example/files/x/y"}),
    )
    .await;
    assert_eq!(live.hear("refused").await["code"], "validation");

    let kinds = room.house.kinds(chat);
    assert_eq!(kinds.iter().filter(|kind| **kind == "file").count(), 1);
}
