//! Who has a chat, and what a bot writes beyond plain messages: rich ones, custom ones, edits.

use serde_json::json;

use super::Api;
use crate::support::house::agent_id;

#[test]
fn a_chat_is_taken_sent_on_joined_and_left() {
    let api = Api::start();
    let (visitor, chat) = api.chat();
    let me = agent_id(&api.agent).to_string();
    let other = agent_id(&api.house.agent("Other")).to_string();
    let assignment = format!("/chats/{chat}/assignment");
    let part = |agent: &str| format!("/chats/{chat}/agents/{agent}");

    let taken = api.put(&assignment, Some(&json!({"agent_id": me}))).ok();
    assert_eq!(taken["agent_id"], json!(me));
    let joined = api.put(&part(&other), None).ok();
    assert_eq!(joined["agent_id"], json!(me));
    let left = api.delete(&part(&other)).ok();
    assert_eq!(left["agent_id"], json!(me));
    assert_eq!(api.delete(&part(&other)).error(), (404, "not_found", ""));
    let sent_on = api.put(&assignment, Some(&json!({"agent_id": other}))).ok();
    assert_eq!(sent_on["agent_id"], json!(other));
    for (body, error) in [
        (json!({"agent_id": "77"}), (404, "not_found", "")),
        (json!({"agent_id": 7}), (400, "validation", "agent_id")),
        (json!({"group_id": 77}), (400, "group_not_found", "")),
        (json!({"group_id": "0"}), (400, "validation", "group_id")),
        (
            json!({"agent_id": me, "group_id": 0}),
            (400, "validation", "group_id"),
        ),
    ] {
        assert_eq!(api.put(&assignment, Some(&body)).error(), error, "{body}");
    }
    api.get(&format!("/chats/{chat}/events?limit=100")).ok();
    api.house.close(&visitor, chat.parse().unwrap()).unwrap();
    let closed = api.put(&assignment, Some(&json!({"agent_id": me})));
    assert_eq!(closed.error(), (409, "chat_inactive", ""));
}

#[test]
fn rich_and_custom_events_are_written_and_edited() {
    let api = Api::start();
    let (_, chat) = api.chat();
    let path = format!("/chats/{chat}/events");
    let rich = json!({"type": "rich_message", "template_id": "quick_replies", "elements": [
        {"title": "Tea?", "buttons": [{"text": "Yes", "postback_id": "yes", "type": "message", "value": "yes", "user_ids": ["7"]}]}]});
    let sent = api.post(&path, &rich).ok();
    let one = format!("{path}/{}", sent["event"]["id"].as_str().unwrap());
    assert_eq!(
        sent["event"]["elements"][0]["buttons"][0]["user_ids"],
        json!([])
    );
    let custom = json!({"type": "custom", "content": {"order": [1, 2, null]}});
    assert_eq!(
        api.post(&path, &custom).ok()["event"]["content"],
        custom["content"]
    );

    let mut edit = rich.clone();
    edit["elements"][0]["title"] = json!("Coffee?");
    let edited = api.put(&one, Some(&edit)).ok();
    assert_eq!(edited["elements"][0]["title"], "Coffee?");
    assert!(edited["edited_at"].is_string());
    api.put(&one, Some(&edit)).ok();
    let kinds = api.house.kinds(chat.parse().unwrap());
    let edits = kinds
        .iter()
        .filter(|kind| **kind == "event_updated")
        .count();
    assert_eq!(edits, 1, "the same again changes nothing");
    api.get(&format!("{path}?limit=100")).ok();
    for (body, field) in [
        (json!({"type": "rich_message"}), "template_id"),
        (
            json!({"type": "rich_message", "template_id": "cards", "elements": []}),
            "elements",
        ),
        (
            json!({"type": "rich_message", "template_id": "cards", "elements": [{"buttons": [{}]}]}),
            "elements.0.buttons.0.text",
        ),
        (json!({"type": "custom"}), "content"),
        (json!({"type": "file"}), "url"),
    ] {
        let reply = api.post(&path, &body);
        assert_eq!(reply.error(), (400, "validation", field), "{body}");
    }
    let of_visitor = api.get(&format!("{path}?limit=1")).ok();
    assert!(of_visitor["items"][0]["id"].is_string());
    let hello = api.house.events(chat.parse().unwrap());
    let hello = hello
        .iter()
        .find(|e| e.body.text() == Some("Hello"))
        .unwrap();
    let words = json!({"type": "message", "text": "Bye"});
    let theirs = api.put(&format!("{path}/{}", hello.id), Some(&words));
    assert_eq!(theirs.error(), (403, "authorization", ""));
    let gone = api.put(&format!("{path}/77"), Some(&words));
    assert_eq!(gone.error(), (404, "not_found", ""));
}

#[test]
fn a_file_is_uploaded_and_sent() {
    let api = Api::start();
    let (_, chat) = api.chat();
    let body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"menu.txt\"\r\nContent-Type: text/plain\r\n\r\nGreen tea\r\n--b--\r\n";
    let headers = [
        ("x-api-key", api.key.as_str()),
        ("content-type", "multipart/form-data; boundary=b"),
    ];

    let uploaded = api.raw("POST", "/files", &headers, Some(body));
    assert_eq!(uploaded.status, 200, "{}", uploaded.body);
    let schema = json!({"$ref": "#/components/schemas/UploadedFile"});
    assert_eq!(
        super::schema::check(&api.document, &schema, &uploaded.body),
        Ok(())
    );
    let file = json!({"type": "file", "url": uploaded.body["url"]});
    let sent = api.post(&format!("/chats/{chat}/events"), &file).ok();

    assert_eq!(sent["event"]["name"], "menu.txt");
    let (_, other) = api.chat();
    let again = api.post(&format!("/chats/{other}/events"), &file);
    assert_eq!(
        again.error(),
        (400, "validation", "url"),
        "it belongs to the first chat"
    );
    let foreign = json!({"type": "file", "url": "https://evil.example/x.txt"});
    let refused = api.post(&format!("/chats/{chat}/events"), &foreign);
    assert_eq!(refused.error(), (400, "validation", "url"));
}
