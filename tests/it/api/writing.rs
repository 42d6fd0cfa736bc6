//! What a bot does in a chat: writes, notes, types, looks, hangs properties on it, opens it again.

use parlor::domain::event::Recipients;
use parlor::live::{Lossy, Topic};
use serde_json::{Value, json};

use super::Api;

fn events(chat: &str) -> String {
    format!("/chats/{chat}/events")
}

#[test]
fn a_message_is_stored_once_and_answered_with_the_event() {
    let api = Api::start();
    let (_, chat) = api.chat();
    let body = json!({"type": "message", "text": "Hi", "custom_id": "c1", "properties": {"bot": {"sure": true}}});

    let first = api.post(&events(&chat), &body).ok();
    let again = api.post(&events(&chat), &body).ok();

    assert_eq!(first["is_duplicate"], false);
    assert_eq!(again["is_duplicate"], true);
    assert_eq!(first["event"], again["event"]);
    assert_eq!(first["event"]["author"]["type"], "agent");
    assert_eq!(first["event"]["properties"]["bot"]["sure"], true);
    let other = json!({"type": "message", "text": "Ho", "custom_id": "c1"});
    let reused = api.post(&events(&chat), &other);
    assert_eq!(reused.error(), (409, "custom_id_reused", ""));
    let said = api.house.events(chat.parse().unwrap());
    let said = said.iter().filter(|e| e.body.text() == Some("Hi")).count();
    assert_eq!(said, 1);
}

#[test]
fn a_note_reaches_no_visitor_and_stands_in_a_closed_chat() {
    let api = Api::start();
    let (visitor, chat) = api.chat();
    let id = chat.parse().unwrap();
    api.house.close(&visitor, id).unwrap();

    let note = json!({"type": "message", "text": "cross", "recipients": "agents"});
    let sent = api.post(&events(&chat), &note).ok();

    assert_eq!(sent["event"]["recipients"], "agents");
    let seen = api.house.slots(&visitor, id);
    let hidden = seen
        .iter()
        .filter(|slot| matches!(slot, parlor::store::events::Slot::Hidden { .. }));
    assert_eq!(hidden.count(), 1);
    let message = json!({"type": "message", "text": "there?"});
    let refused = api.post(&events(&chat), &message);
    assert_eq!(refused.error(), (409, "chat_inactive", ""));
    let attached = json!({"type": "message", "text": "bye", "attach_to_last_thread": true});
    api.post(&events(&chat), &attached).ok();
}

#[test]
fn each_field_of_an_event_that_does_not_fit_is_named() {
    let api = Api::start();
    let (_, chat) = api.chat();
    for (body, field) in [
        (json!({}), "type"),
        (json!({"type": 1}), "type"),
        (json!({"type": "dance"}), "type"),
        (json!({"type": "message"}), "text"),
        (json!({"type": "message", "text": 7}), "text"),
        (json!({"type": "message", "text": " "}), "text"),
        (
            json!({"type": "message", "text": "x".repeat(8_001)}),
            "text",
        ),
        (
            json!({"type": "system_message", "text": "x"}),
            "system_message_type",
        ),
        (
            json!({"type": "message", "text": "x", "custom_id": ""}),
            "custom_id",
        ),
        (
            json!({"type": "message", "text": "x", "custom_id": 1}),
            "custom_id",
        ),
        (
            json!({"type": "message", "text": "x", "recipients": "cat"}),
            "recipients",
        ),
        (
            json!({"type": "message", "text": "x", "recipients": 1}),
            "recipients",
        ),
        (
            json!({"type": "message", "text": "x", "properties": []}),
            "properties",
        ),
        (
            json!({"type": "message", "text": "x", "properties": {"a": {"b": null}}}),
            "properties.a.b",
        ),
        (
            json!({"type": "message", "text": "x", "attach_to_last_thread": 1}),
            "attach_to_last_thread",
        ),
    ] {
        let reply = api.post(&events(&chat), &body);
        assert_eq!(reply.error(), (400, "validation", field), "{body}");
    }
}

#[test]
fn a_body_that_is_no_json_object_is_refused() {
    let api = Api::start();
    let (_, chat) = api.chat();
    let key = [("x-api-key", api.key.as_str())];
    let large = format!("{{\"text\": \"{}\"}}", "x".repeat(64 * 1024));
    for (body, status, code) in [
        ("", 400, "malformed"),
        ("{", 400, "malformed"),
        ("[]", 400, "malformed"),
        ("7", 400, "malformed"),
        (large.as_str(), 413, "too_large"),
    ] {
        let reply = api.raw("POST", &events(&chat), &key, Some(body));
        assert_eq!((reply.status, reply.code()), (status, code), "{body:.20}");
    }
    let put = api.raw("PUT", &events(&chat), &key, Some("{}"));
    assert_eq!((put.status, put.code()), (405, "method_not_allowed"));
    let nowhere = api.raw("GET", "/nowhere", &key, None);
    assert_eq!((nowhere.status, nowhere.code()), (404, "not_found"));
}

#[test]
fn a_closed_chat_is_opened_again_once() {
    let api = Api::start();
    let (visitor, chat) = api.chat();
    api.house.close(&visitor, chat.parse().unwrap()).unwrap();
    let path = format!("/chats/{chat}/threads");
    let body = json!({"events": [{"type": "message", "text": "One more thing", "custom_id": "o1"}],
        "properties": {"bot": {"why": "follow-up"}}});

    let opened = api.post(&path, &body).ok();
    let again = api.post(&path, &body).ok();

    assert_eq!(opened["is_duplicate"], false);
    assert_eq!(again["is_duplicate"], true);
    assert_eq!(opened["thread_id"], again["thread_id"]);
    let empty = api.post(&path, &json!({}));
    assert_eq!(empty.error(), (409, "chat_already_active", ""));
    for (body, field) in [
        (json!({"events": 1}), "events"),
        (json!({"events": [1]}), "events.0"),
        (json!({"events": [{"type": "message"}]}), "events.0.text"),
        (json!({"properties": 1}), "properties"),
    ] {
        let reply = api.post(&path, &body);
        assert_eq!(reply.error(), (400, "validation", field), "{body}");
    }
    let read = api.get(&format!("/chats/{chat}")).ok();
    assert_eq!(read["thread"]["properties"]["bot"]["why"], "follow-up");
    assert!(read["agent_id"].is_string(), "who opens it has it");
}

#[test]
fn seen_moves_forward_only() {
    let api = Api::start();
    let (_, chat) = api.chat();
    let path = format!("/chats/{chat}/seen");
    let unread = || api.get(&format!("/chats/{chat}")).ok()["unread"].clone();
    assert_eq!(unread(), 1);

    let last = api.house.row(chat.parse().unwrap()).last_seq;
    assert_eq!(api.put(&path, Some(&json!({"seq": last}))).status, 204);
    assert_eq!(unread(), 0);
    assert_eq!(api.put(&path, Some(&json!({"seq": 1}))).status, 204);
    assert_eq!(unread(), 0);
    for body in [json!({}), json!({"seq": "2"}), json!({"seq": 0})] {
        let reply = api.put(&path, Some(&body));
        assert_eq!(reply.error(), (400, "validation", "seq"), "{body}");
    }
}

#[test]
fn typing_is_told_and_a_sneak_peek_read() {
    let api = Api::start();
    let (visitor, chat) = api.chat();
    let id = chat.parse().unwrap();
    let path = format!("/chats/{chat}/typing");
    let peek = || api.get(&format!("/chats/{chat}/sneak_peek")).ok();
    assert_eq!(peek(), json!({"text": null, "typing": []}));

    let state = api.app.state();
    let text = "How much is".to_owned();
    state
        .hub
        .lossy(Topic::Chat(id), Lossy::SneakPeek { chat: id, text });
    api.put(&path, Some(&json!({"is_typing": true}))).ok();

    let seen = peek();
    assert_eq!(seen["text"], "How much is");
    assert_eq!(seen["typing"][0]["type"], "agent");
    let now = std::time::Instant::now();
    let typing = state.hub.presence().typing(id, now);
    assert_eq!(typing[0].1, Recipients::All);
    let note = json!({"is_typing": true, "is_note": true});
    api.put(&path, Some(&note)).ok();
    let typing = state.hub.presence().typing(id, now);
    assert_eq!(typing[0].1, Recipients::Agents);
    api.put(&path, Some(&json!({"is_typing": false}))).ok();
    assert_eq!(peek()["typing"], json!([]));
    for body in [json!({}), json!({"is_typing": 1})] {
        let reply = api.put(&path, Some(&body));
        assert_eq!(reply.error(), (400, "validation", "is_typing"), "{body}");
    }
    api.house.close(&visitor, id).unwrap();
    let closed = api.put(&path, Some(&json!({"is_typing": true})));
    assert_eq!(closed.error(), (409, "chat_inactive", ""));
}

#[test]
fn properties_are_set_and_taken_away() {
    let api = Api::start();
    let (_, chat) = api.chat();
    let thread = api.get(&format!("/chats/{chat}")).ok()["thread"]["id"].clone();
    let of_chat = format!("/chats/{chat}/properties");
    let of_thread = format!(
        "/chats/{chat}/threads/{}/properties",
        thread.as_str().unwrap()
    );
    let read = || {
        let chat = api.get(&format!("/chats/{chat}")).ok();
        (
            chat["properties"].clone(),
            chat["thread"]["properties"].clone(),
        )
    };

    let set = json!({"updated": {"bot": {"score": 3, "topic": "tea"}}});
    for path in [&of_chat, &of_thread] {
        assert_eq!(api.call("PATCH", path, Some(&set)).status, 204);
    }
    assert_eq!(read(), (set["updated"].clone(), set["updated"].clone()));
    let take = json!({"deleted": {"bot": ["score"]}});
    api.call("PATCH", &of_chat, Some(&take)).ok();
    assert_eq!(read().0, json!({"bot": {"topic": "tea"}}));
    for (body, field) in [
        (json!({"updated": 1}), "updated"),
        (json!({"updated": {"a": {"b": 1.5}}}), "updated.a.b"),
        (json!({"deleted": {"a": "b"}}), "deleted.a"),
    ] {
        let reply = api.call("PATCH", &of_chat, Some(&body));
        assert_eq!(reply.error(), (400, "validation", field), "{body}");
    }
    let nowhere = format!("/chats/{chat}/threads/77/properties");
    assert_eq!(
        api.call("PATCH", &nowhere, Some(&set)).error(),
        (404, "not_found", "")
    );
}

#[test]
fn no_write_reaches_a_chat_of_another_site() {
    let api = Api::start();
    let foreign = api.foreign_chat();
    let before = api.house.kinds(foreign.parse().unwrap());
    let message = json!({"type": "message", "text": "Hi"});
    let calls: [(&str, String, Option<Value>); 8] = [
        ("POST", events(&foreign), Some(message)),
        ("POST", format!("/chats/{foreign}/threads"), Some(json!({}))),
        ("PUT", format!("/chats/{foreign}/closure"), None),
        (
            "PUT",
            format!("/chats/{foreign}/seen"),
            Some(json!({"seq": 1})),
        ),
        (
            "PUT",
            format!("/chats/{foreign}/typing"),
            Some(json!({"is_typing": true})),
        ),
        ("GET", format!("/chats/{foreign}/sneak_peek"), None),
        (
            "PATCH",
            format!("/chats/{foreign}/properties"),
            Some(json!({})),
        ),
        (
            "PATCH",
            format!("/chats/{foreign}/threads/1/properties"),
            Some(json!({})),
        ),
    ];
    for (method, path, body) in calls {
        let reply = api.call(method, &path, body.as_ref());
        assert_eq!(reply.error(), (404, "not_found", ""), "{method} {path}");
    }
    assert_eq!(api.house.kinds(foreign.parse().unwrap()), before);
}
