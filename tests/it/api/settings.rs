//! What a key with `settings:write` configures, and what others read of it; agents, visitors, tickets beside.

use parlor::domain::permission::Scope;
use parlor::store::agents;
use serde_json::{Value, json};

use super::{Api, each_api};
use crate::support::house::{agent_id, visitor_id};
use crate::support::until;

#[test]
fn canned_replies_are_made_changed_and_deleted() {
    each_api(|api| {
        let new = json!({"shortcut": "#Hello", "text": "Hello, how can I help?"});
        let made = api.post("/canned_replies", &new).ok();
        assert_eq!(made["shortcut"], "hello");
        let again = api.post("/canned_replies", &new);
        assert_eq!(again.error(), (400, "validation", "shortcut"));
        let one = format!("/canned_replies/{}", made["id"].as_str().unwrap());

        let changed = json!({"shortcut": "hi", "text": "Hi!"});
        assert_eq!(api.put(&one, Some(&changed)).ok()["text"], "Hi!");
        assert_eq!(api.put(&one, Some(&changed)).status, 200, "its own word");
        assert_eq!(
            api.get("/canned_replies").ok()["items"][0]["shortcut"],
            "hi"
        );
        for (body, field) in [
            (json!({"text": "x"}), "shortcut"),
            (json!({"shortcut": 1, "text": "x"}), "shortcut"),
            (json!({"shortcut": "a b", "text": "x"}), "shortcut"),
            (json!({"shortcut": "a"}), "text"),
            (json!({"shortcut": "a", "text": "x".repeat(8_001)}), "text"),
        ] {
            let reply = api.post("/canned_replies", &body);
            assert_eq!(reply.error(), (400, "validation", field), "{body}");
        }
        assert_eq!(api.delete(&one).status, 204);
        assert_eq!(api.delete(&one).error(), (404, "not_found", ""));
        assert_eq!(
            api.put(&one, Some(&changed)).error(),
            (404, "not_found", "")
        );
    });
}

#[test]
fn groups_are_made_changed_and_deleted() {
    let api = Api::start();
    let agent = agent_id(&api.agent).to_string();
    let days = json!(["9:00-12:00, 13:00-17:30", "", "", "", "", "", ""]);
    let body = json!({"name": "Sales", "agent_ids": [agent], "hours": {"zone": "Europe/Berlin", "days": days}});

    let made = api.post("/groups", &body).ok();
    let one = format!("/groups/{}", made["id"]);
    assert_eq!(made["agent_ids"], json!([agent]));
    assert_eq!(made["hours"]["days"][0], "09:00-12:00, 13:00-17:30");
    let renamed = api.put(&one, Some(&json!({"name": "Tea"}))).ok();
    assert_eq!(
        (&renamed["name"], &renamed["hours"]),
        (&json!("Tea"), &json!(null))
    );
    assert_eq!(
        api.get("/groups").ok()["items"].as_array().unwrap().len(),
        2
    );
    let statuses = api.get("/group_statuses").ok();
    assert_eq!(statuses["items"][1]["name"], "Tea");
    for (body, error) in [
        (json!({}), (400, "validation", "name")),
        (
            json!({"name": "x", "agent_ids": 1}),
            (400, "validation", "agent_ids"),
        ),
        (
            json!({"name": "x", "agent_ids": ["77"]}),
            (404, "not_found", ""),
        ),
        (
            json!({"name": "x", "hours": {"zone": "Moon", "days": days}}),
            (400, "validation", "hours.zone"),
        ),
        (
            json!({"name": "x", "hours": {"zone": "UTC", "days": []}}),
            (400, "validation", "hours.days"),
        ),
        (
            json!({"name": "x", "hours": {"zone": "UTC", "days": ["9", "", "", "", "", "", ""]}}),
            (400, "validation", "hours.monday"),
        ),
    ] {
        assert_eq!(api.post("/groups", &body).error(), error, "{body}");
    }
    assert_eq!(api.delete(&one).status, 204);
    assert_eq!(api.delete(&one).error(), (400, "group_not_found", ""));
    assert_eq!(api.delete("/groups/0").error(), (409, "conflict", ""));
    assert_eq!(
        api.put("/groups/x", Some(&body)).error(),
        (400, "group_not_found", "")
    );
}

#[test]
fn forms_are_read_and_saved() {
    let api = Api::start();
    let path = "/groups/0/forms/prechat";
    assert_eq!(api.get(path).ok()["is_enabled"], false);
    assert_eq!(api.get("/forms").ok()["items"], json!([]));
    let body = json!({"is_enabled": true, "fields": [
        {"type": "name", "label": "Name", "is_required": true},
        {"type": "radio", "label": "Tea?", "choices": [{"label": "Green"}, {"label": "Black"}]},
    ]});

    let saved = api.put(path, Some(&body)).ok();

    assert_ne!(saved["fields"][1]["choices"][0]["id"], "");
    assert_eq!(api.get(path).ok(), saved);
    assert_eq!(api.get("/forms").ok()["items"], json!([saved]));
    for (body, field) in [
        (json!({"fields": []}), "is_enabled"),
        (json!({"is_enabled": true}), "fields"),
        (
            json!({"is_enabled": true, "fields": [{"type": "dance", "label": "x"}]}),
            "fields.0",
        ),
        (json!({"is_enabled": true, "fields": [1]}), "fields.0"),
    ] {
        let reply = api.put(path, Some(&body));
        assert_eq!(reply.error(), (400, "validation", field), "{body}");
    }
    assert_eq!(
        api.get("/groups/0/forms/dance").error(),
        (404, "not_found", "")
    );
    assert_eq!(
        api.get("/groups/77/forms/ticket").error(),
        (400, "group_not_found", "")
    );
}

#[test]
fn greetings_are_written_and_sent_by_hand() {
    let api = Api::start();
    let body = json!({"name": "Hello", "content": {"type": "message", "text": "Need help?"},
        "rules": {"all": [{"kind": "pages_seen", "at_least": 2}]}, "is_enabled": true});
    let made = api.post("/greetings", &body).ok();
    let one = format!("/greetings/{}", made["id"].as_str().unwrap());
    let changed = json!({"name": "Hey", "content": {"type": "message", "text": "Hey"}});
    assert_eq!(api.put(&one, Some(&changed)).ok()["is_enabled"], false);
    assert_eq!(api.get("/greetings").ok()["items"][0]["name"], "Hey");
    for (body, error) in [
        (json!({"name": "x"}), (400, "validation", "content")),
        (
            json!({"content": {"type": "message", "text": "x"}}),
            (400, "validation", "name"),
        ),
        (
            json!({"name": "x", "content": {"type": "message"}}),
            (400, "validation", "content.text"),
        ),
        (
            json!({"name": "x", "content": {"type": "message", "text": "x"}, "rules": 1}),
            (400, "validation", "rules"),
        ),
        (
            json!({"name": "x", "content": {"type": "message", "text": "x"}, "group_id": 77}),
            (400, "group_not_found", ""),
        ),
        (
            json!({"name": "x", "content": {"type": "message", "text": "x"}, "agent_id": "77"}),
            (404, "not_found", ""),
        ),
    ] {
        assert_eq!(api.post("/greetings", &body).error(), error, "{body}");
    }
    let (visitor, _) = api.chat();
    let send = format!("/visitors/{}/greetings", visitor_id(&visitor));
    let sent = api.post(&send, &json!({"greeting_id": made["id"]}));
    assert_eq!(sent.error(), (409, "conflict", ""), "a chat is open");
    let gone = api.post(
        "/visitors/77/greetings",
        &json!({"greeting_id": made["id"]}),
    );
    assert_eq!(gone.error(), (404, "not_found", ""));
    assert_eq!(api.delete(&one).status, 204);
    assert_eq!(api.delete(&one).error(), (404, "not_found", ""));
}

#[test]
fn a_key_configures_nothing_without_its_scope() {
    let api = Api::start();
    let key = api.key(
        &[Scope::ReadChats, Scope::WriteChats],
        Some(agent_id(&api.agent)),
    );
    let calls: [(&str, &str, Option<Value>); 7] = [
        (
            "POST",
            "/canned_replies",
            Some(json!({"shortcut": "a", "text": "x"})),
        ),
        ("DELETE", "/canned_replies/1", None),
        ("POST", "/groups", Some(json!({"name": "x"}))),
        ("DELETE", "/groups/0", None),
        (
            "PUT",
            "/groups/0/forms/ticket",
            Some(json!({"is_enabled": true, "fields": []})),
        ),
        ("DELETE", "/greetings/1", None),
        ("GET", "/visitors", None),
    ];
    for (method, path, body) in calls {
        let reply = api.call_as(&key, method, path, body.as_ref());
        assert_eq!(reply.error(), (403, "authorization", ""), "{method} {path}");
    }
}

#[test]
fn a_bot_reads_itself_and_says_whether_it_takes_chats() {
    let api = Api::start();
    let site = api.house.site;
    let bot = api
        .house
        .write(move |tx, now| agents::create_bot(tx, site, "Tea bot", now))
        .unwrap();
    let key = api.key(&[Scope::ReadChats, Scope::WriteChats], Some(bot));

    let own = api.call_as(&key, "GET", "/agent", None).ok();
    assert_eq!(
        (&own["is_bot"], &own["status"]),
        (&json!(true), &json!("not_accepting"))
    );
    // Nobody may run it yet: a chat that routing gave it would wait for nobody.
    let visitor = api.house.visitor();
    let chat = api.house.chat(&visitor);
    assert_eq!(api.house.row(chat).agent, None);
    let accepting = json!({"status": "accepting"});
    api.call_as(&key, "PUT", "/agent/status", Some(&accepting))
        .ok();
    until("the bot has the chat", || {
        api.house.row(chat).agent == Some(bot)
    });
    let away = json!({"status": "away"});
    let set = api.call_as(&key, "PUT", "/agent/status", Some(&away)).ok();
    assert_eq!(set["status"], "away");
    let bad = api.call_as(
        &key,
        "PUT",
        "/agent/status",
        Some(&json!({"status": "asleep"})),
    );
    assert_eq!(bad.error(), (400, "validation", "status"));
    let all = api.get("/agents").ok();
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    let of_nobody = api.key(&[Scope::ReadChats], None);
    let refused = api.call_as(&of_nobody, "GET", "/agent", None);
    assert_eq!(refused.error(), (403, "authorization", ""));
}

#[test]
fn visitors_are_listed_and_read() {
    let api = Api::start();
    let (visitor, chat) = api.chat();
    let id = visitor_id(&visitor).to_string();
    let root = visitor_id(&visitor);
    // Without the name of a browser it counts as a program, which lists leave out.
    api.house
        .write(move |tx, _| {
            tx.exec(
                "update visitors set is_bot = 0 where id = ?1",
                &[root.into()],
            )
        })
        .unwrap();

    let listed = api.get("/visitors?limit=1").ok();
    assert_eq!(listed["items"][0]["id"], json!(id));
    let read = api.get(&format!("/visitors/{id}")).ok();
    assert_eq!(
        (&read["kind"], &read["chat_ids"]),
        (&json!("lead"), &json!([chat]))
    );
    assert_eq!(api.get("/connected_visitors").ok()["items"], json!([]));
    for path in ["/visitors/77", "/visitors/x"] {
        assert_eq!(api.get(path).error(), (404, "not_found", ""), "{path}");
    }
    let foreign = crate::support::house::House::new(api.app.db(), api.app.clock());
    let other = visitor_id(&foreign.visitor());
    assert_eq!(
        api.get(&format!("/visitors/{other}")).error(),
        (404, "not_found", "")
    );
}

#[test]
fn tickets_are_listed_and_not_found() {
    let api = Api::start();

    assert_eq!(api.get("/tickets").ok()["items"], json!([]));
    assert_eq!(
        api.get("/tickets?status=lost").error(),
        (400, "validation", "status")
    );
    assert_eq!(api.get("/tickets/77").error(), (404, "not_found", ""));
    let close = api.put("/tickets/77/status", Some(&json!({"status": "closed"})));
    assert_eq!(close.error(), (404, "not_found", ""));
    let bad = api.put("/tickets/77/status", Some(&json!({"status": 1})));
    assert_eq!(bad.error(), (400, "validation", "status"));
}
