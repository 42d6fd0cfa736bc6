//! The dashboard's pages and forms without any script: complete, escaped, and closed to strangers.

use std::collections::HashSet;

use parlor::domain::context::Context;
use parlor::domain::event::Recipients;
use parlor::domain::ids::VisitorId;
use parlor::store::visitors;
use parlor::token::Token;
use serde_json::json;

use crate::dashboard_room::{Desk, Room};
use crate::support::house::visitor_id;

/// What a visitor sends who wants an agent's browser to run a script.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}";

fn assert_harmless(path: &str, body: &str) {
    for bad in [
        "<script>alert",
        "<img src=x",
        "href=\"javascript:",
        "href=\"data:",
    ] {
        assert!(!body.contains(bad), "{path} has {bad}: {body}");
    }
}

#[test]
fn hostile_text_is_text_on_every_page() {
    let room = Room::open();
    let token = Token::random();
    let calls = json!([
        {"id": "1", "call": "page", "at": 0, "url": "https://shop.example/\"><script>alert(1)</script>",
         "title": HOSTILE, "referrer": "https://ref.example/<script>alert(1)</script>"},
        {"id": "2", "call": "event", "at": 0, "name": HOSTILE, "properties": {"<img src=x>": HOSTILE}},
        {"id": "3", "call": "update", "at": 0, "name": HOSTILE,
         "attributes": {"plan": HOSTILE, "home": "javascript:alert(1)"}},
    ]);
    let body = json!({"site": room.app.seeded().unwrap().site_key, "token": token.as_str(),
        "sent_at": 0, "context": {"language": "de<script>", "timezone": HOSTILE}, "calls": calls});
    let answer = ureq::post(format!("{}/track", room.app.url()))
        .header("Origin", "https://shop.example")
        .header("Content-Type", "text/plain")
        .header(
            "User-Agent",
            "Mozilla/5.0 <script>alert(1)</script> Firefox/140.0",
        )
        .send(body.to_string())
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    assert!(answer.contains("\"ok\":true"), "{answer}");
    let root = room.house.read(|tx| {
        tx.one(
            "select id from visitors order by id desc limit 1",
            &[],
            |row| row.i64(0).map(VisitorId),
        )
    });
    let visitor = parlor::domain::permission::Subject::Visitor {
        site: room.house.site,
        visitor: root,
        browser: parlor::domain::ids::BrowserId(77),
        signed: false,
    };
    let chat = room.house.chat(&visitor);
    room.house.say(&visitor, chat, HOSTILE);
    room.house.say(
        &visitor,
        chat,
        "javascript:alert(1) https://a.example/\"onmouseover=alert(1)",
    );

    for path in [
        "/chats?list=all".to_owned(),
        format!("/chats/{chat}"),
        "/visitors".to_owned(),
        "/visitors/all".to_owned(),
        format!("/visitors/{root}"),
    ] {
        let page = room.owner.get(&path);

        assert_eq!(page.status, 200, "{path}");
        assert_harmless(&path, &page.body);
        assert!(
            page.body.contains("&#60;script&#62;alert(1)"),
            "{path} shows nothing of it"
        );
    }
}

#[test]
fn the_lists_page_through_everything_once() {
    let room = Room::open();
    let mut chats = HashSet::new();
    for _ in 0..97 {
        chats.insert(room.house.chat(&room.house.visitor()).to_string());
    }

    assert_eq!(
        all_of(&room.owner, "/chats?list=all", "data-chat", "Earlier chats"),
        chats
    );
    assert_eq!(
        all_of(
            &room.owner,
            "/chats?list=unassigned",
            "data-chat",
            "Earlier chats"
        ),
        chats
    );
    for list in ["mine", "closed"] {
        let none = all_of(
            &room.owner,
            &format!("/chats?list={list}"),
            "data-chat",
            "Earlier",
        );
        assert_eq!(none, HashSet::new(), "{list}");
    }
    room.recognise_people();
    let visitors = all_of(
        &room.owner,
        "/visitors/all",
        "href=\"/visitors/",
        "Earlier visitors",
    );
    assert_eq!(visitors.len(), 97);
}

/// The ids on all pages of a list; one that comes twice fails.
fn all_of(desk: &Desk, path: &str, attribute: &str, next: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    let mut path = Some(path.to_owned());
    while let Some(here) = path {
        let page = desk.get(&here);
        assert_eq!(page.status, 200, "{here}");
        let ids = match attribute.strip_prefix("href=\"") {
            Some(start) => page
                .all("href")
                .into_iter()
                .filter_map(|href| href.strip_prefix(start).map(str::to_owned))
                .filter(|id| id.parse::<i64>().is_ok())
                .collect(),
            None => page.all(attribute),
        };
        for id in ids {
            assert!(found.insert(id.clone()), "{id} comes twice, at {here}");
        }
        path = page.link(next);
    }
    found
}

#[test]
fn a_long_conversation_is_read_backwards_without_gaps() {
    let room = Room::open();
    let visitor = room.house.visitor();
    let chat = room.house.chat(&visitor);
    for n in 1..=330 {
        room.house.say(&visitor, chat, &format!("line {n} of many"));
    }

    let mut lines = Vec::new();
    let mut path = Some(format!("/chats/{chat}"));
    while let Some(here) = path {
        let page = room.owner.get(&here);
        let mut seen: Vec<i64> = page
            .body
            .split("line ")
            .filter_map(|rest| rest.split_once(" of many"))
            .filter_map(|(n, _)| n.parse().ok())
            .collect();
        // The list beside the conversation shows the last line once more.
        if seen.first() == Some(&330) {
            seen.remove(0);
        }
        lines.splice(0..0, seen);
        path = page.link("Earlier messages");
    }

    assert_eq!(lines, (1..=330).collect::<Vec<_>>());
}

#[test]
fn everything_can_be_done_with_plain_forms() {
    let room = Room::open();
    let visitor = room.house.visitor();
    let chat = room.house.chat(&visitor);
    let here = format!("/chats/{chat}");

    let page = room.owner.get(&here);
    assert!(page.body.contains("<span>Take"));
    let custom_id = page
        .body
        .split("name=\"custom_id\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let reply = [
        ("kind", "message"),
        ("text", "Good day"),
        ("custom_id", custom_id.as_str()),
    ];
    for _ in 0..2 {
        let sent = room.owner.post(&format!("{here}/events"), &reply);
        assert_eq!(
            (sent.status, sent.location.as_deref()),
            (303, Some(here.as_str()))
        );
    }
    let note = [
        ("kind", "note"),
        ("text", "Knows his tea"),
        ("custom_id", "note-1"),
    ];
    assert_eq!(
        room.owner.post(&format!("{here}/events"), &note).status,
        303
    );
    let page = room.owner.get(&here);
    assert_eq!(
        page.body.matches("<p class=\"text\">Good day</p>").count(),
        1
    );
    assert!(page.body.contains("Knows his tea") && page.body.contains("only agents see it"));
    assert!(page.body.contains("With Olive Owner"));
    let notes = room.house.events(chat);
    let note = notes
        .iter()
        .find(|event| event.body.text() == Some("Knows his tea"));
    assert_eq!(note.unwrap().recipients, Recipients::Agents);
    // Who answers has seen what stood above.
    assert!(room.house.row(chat).agent_seen_seq > 0);
}

#[test]
fn a_closed_chat_opens_again_with_an_answer() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    let here = format!("/chats/{chat}");

    assert_eq!(room.owner.post(&format!("{here}/closure"), &[]).status, 303);
    assert_eq!(room.owner.post(&format!("{here}/closure"), &[]).status, 303);
    assert!(!room.house.row(chat).is_active);
    assert!(room.owner.get(&here).body.contains("Closed by Olive Owner"));
    let again = [
        ("kind", "message"),
        ("text", "One more thing"),
        ("custom_id", "again-1"),
    ];
    assert_eq!(
        room.owner.post(&format!("{here}/events"), &again).status,
        303
    );
    assert!(room.house.row(chat).is_active);
    assert!(
        room.owner
            .get(&here)
            .body
            .contains("Opened again by Olive Owner")
    );
}

#[test]
fn what_cannot_be_stored_is_named_and_nothing_typed_is_lost() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    let long = "x".repeat(8_001);
    let fields = [
        ("kind", "note"),
        ("text", long.as_str()),
        ("custom_id", "c"),
    ];

    let page = room.owner.post(&format!("/chats/{chat}/events"), &fields);

    assert_eq!(page.status, 422);
    assert!(page.body.contains("role=\"alert\"") && page.body.contains(&long));
    assert!(page.body.contains("value=\"note\" checked"));
}

#[test]
fn an_agent_takes_a_chat_from_another() {
    let room = Room::open();
    let ben = room.house.agent("Ben");
    let desk = room.desk(&ben);
    let chat = room.house.chat(&room.house.visitor());

    for desk in [&room.owner, &desk] {
        assert_eq!(
            desk.post(&format!("/chats/{chat}/assignment"), &[]).status,
            303
        );
        assert_eq!(room.house.row(chat).agent, Some(desk.agent));
    }
    let mine = desk.get("/chats?list=mine");
    assert_eq!(mine.all("data-chat"), [chat.to_string()]);
    assert_eq!(
        room.owner.get("/chats?list=mine").all("data-chat"),
        Vec::<String>::new()
    );
}

#[test]
fn what_belongs_to_another_site_is_not_there() {
    let room = Room::open();
    let elsewhere = room.another_site();
    let visitor = elsewhere.visitor();
    let chat = elsewhere.chat(&visitor);
    let own = room.house.chat(&room.house.visitor());
    room.recognise_people();

    for path in [
        format!("/chats/{chat}"),
        format!("/visitors/{}", visitor_id(&visitor)),
        "/chats/1".to_owned(),
        "/chats/x".to_owned(),
        "/visitors/1".to_owned(),
    ] {
        assert_eq!(room.owner.get(&path).status, 404, "{path}");
    }
    let fields = [("kind", "message"), ("text", "Hi"), ("custom_id", "c")];
    assert_eq!(
        room.owner
            .post(&format!("/chats/{chat}/events"), &fields)
            .status,
        404
    );
    assert_eq!(
        room.owner
            .post(&format!("/chats/{chat}/assignment"), &[])
            .status,
        404
    );
    assert_eq!(
        room.owner
            .post(&format!("/chats/{chat}/closure"), &[])
            .status,
        404
    );
    assert_eq!(elsewhere.kinds(chat), ["thread_opened", "message"]);
    assert_eq!(
        room.owner.get("/chats?list=all").all("data-chat"),
        [own.to_string()]
    );
    assert_eq!(
        room.owner
            .get("/visitors/all")
            .body
            .matches("data-row>")
            .count(),
        1
    );
}

#[test]
fn nobody_sees_a_page_without_a_login() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    let ben = room.house.agent("Ben");
    let desk = room.desk(&ben);
    room.revoke(&desk);

    for path in [
        "/chats".to_owned(),
        format!("/chats/{chat}"),
        "/visitors".to_owned(),
    ] {
        let page = desk.get(&path);
        assert_eq!(page.status, 302, "{path}");
        assert!(page.location.unwrap().contains("/login"), "{path}");
    }
    assert!(
        !desk
            .post(&format!("/chats/{chat}/closure"), &[])
            .body
            .contains("Hello")
    );
    assert!(room.house.row(chat).is_active);
}

#[test]
fn the_status_switch_leads_back_to_where_it_was_used() {
    let room = Room::open();

    let back = [("status", "away"), ("back", "/visitors/all")];
    let page = room.owner.post("/status", &back);

    assert_eq!(
        (page.status, page.location.as_deref()),
        (303, Some("/visitors/all"))
    );
    assert!(
        room.owner
            .get("/visitors")
            .body
            .contains("status-dot away\" data-own-status")
    );
    let away = [("status", "asleep"), ("back", "//evil.example")];
    assert_eq!(room.owner.post("/status", &away).status, 400);
    let evil = [("status", "accepting"), ("back", "//evil.example")];
    assert_eq!(
        room.owner.post("/status", &evil).location.as_deref(),
        Some("/")
    );
}

#[test]
fn bad_places_in_a_list_are_named() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    for path in [
        "/chats?list=all&before=x".to_owned(),
        "/visitors/all?before=1-".to_owned(),
        format!("/chats/{chat}?before=last"),
        format!("/chats/{chat}?before={}", i64::MIN),
    ] {
        assert_eq!(room.owner.get(&path).status, 400, "{path}");
    }
    assert_eq!(room.owner.get("/chats?list=nothing").status, 200);
}

#[test]
fn a_merged_visitor_is_shown_as_its_root_with_everything() {
    let room = Room::open();
    let (first, second) = (room.house.visitor(), room.house.visitor());
    let chat = room.house.chat(&first);
    let (source, root) = (visitor_id(&first), visitor_id(&second));
    room.house
        .write(move |tx, _| {
            tx.exec(
                "update visitors set merged_into = ?2 where id = ?1",
                &[source.into(), root.into()],
            )?;
            tx.exec(
                "update visitors set name = 'Ada' where id = ?1",
                &[root.into()],
            )
        })
        .unwrap();

    room.recognise_people();
    let page = room.owner.get(&format!("/visitors/{source}"));

    assert_eq!(page.status, 200);
    assert!(page.body.contains("<h1 class=\"cut\">Ada</h1>"));
    assert_eq!(page.link("Open the chat"), Some(format!("/chats/{chat}")));
    assert!(
        room.owner
            .get("/chats?list=all")
            .body
            .contains("<span class=\"who cut\">Ada</span>")
    );
    assert_eq!(
        room.owner
            .get("/visitors/all")
            .body
            .matches("data-row>")
            .count(),
        1
    );
}

#[test]
fn bots_are_kept_out_of_the_lists() {
    let room = Room::open();
    let site = room.house.site;
    room.house
        .write(move |tx, now| {
            let new = visitors::NewVisitor {
                site,
                context: &Context::default(),
                seen_at: now,
            };
            let id = visitors::create(tx, &new, now)?;
            tx.exec("update visitors set is_bot = 1 where id = ?1", &[id.into()])
        })
        .unwrap();

    for path in ["/visitors", "/visitors/all"] {
        let page = room.owner.get(path);
        assert!(page.body.contains("Get the snippet"), "{path}");
        assert!(!page.body.contains("data-row>"), "{path}");
    }
}
