//! One walk through every endpoint: each is called with success, and what it answers is held against the description.

use std::collections::BTreeSet;

use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::domain::ticket::NewTicket;
use parlor::store::tickets::{self, Sender};
use serde_json::{Value, json};

use super::{Api, schema};
use crate::support::house::{agent_id, visitor_id};

const UPLOAD: &str = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"menu.txt\"\r\nContent-Type: text/plain\r\n\r\nGreen tea\r\n--b--\r\n";

#[test]
fn every_endpoint_that_is_described_succeeds() {
    let api = Api::start();

    writes_into_a_chat(&api);
    knows_agents_and_visitors(&api);
    configures(&api);
    handles_tickets(&api);
    upload(&api);

    let mut described = BTreeSet::new();
    for (path, item) in api.document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            if path != "/track" {
                described.insert(operation["operationId"].as_str().unwrap().to_owned());
            }
        }
    }
    let called: BTreeSet<String> = api.succeeded.lock().unwrap().iter().cloned().collect();
    let missing: Vec<_> = described.difference(&called).collect();
    assert!(missing.is_empty(), "never called with success: {missing:?}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

fn writes_into_a_chat(api: &Api) {
    let (_, chat) = api.chat();
    let one = format!("/chats/{chat}");
    let (me, other) = (agent_id(&api.agent), agent_id(&api.house.agent("Other")));
    api.get("/chats").ok();
    api.get("/updates").ok();
    let before = api.get(&one).ok();
    let thread = text(&before["thread"]["id"]).to_owned();
    api.get(&format!("{one}/threads")).ok();
    let words = json!({"type": "message", "text": "Hi"});
    let sent = api.post(&format!("{one}/events"), &words).ok();
    let event = text(&sent["event"]["id"]).to_owned();
    let words = json!({"type": "message", "text": "Hi!"});
    api.put(&format!("{one}/events/{event}"), Some(&words)).ok();
    api.get(&format!("{one}/events")).ok();
    let to_me = json!({"agent_id": me.to_string()});
    api.put(&format!("{one}/assignment"), Some(&to_me)).ok();
    api.put(&format!("{one}/agents/{other}"), None).ok();
    api.delete(&format!("{one}/agents/{other}")).ok();
    api.put(&format!("{one}/seen"), Some(&json!({"seq": 1})))
        .ok();
    let typing = json!({"is_typing": true});
    api.put(&format!("{one}/typing"), Some(&typing)).ok();
    api.get(&format!("{one}/sneak_peek")).ok();
    let update = json!({"updated": {"bot": {"sure": true}}});
    for place in [
        one.clone(),
        format!("{one}/threads/{thread}"),
        format!("{one}/threads/{thread}/events/{event}"),
    ] {
        let path = format!("{place}/properties");
        api.call("PATCH", &path, Some(&update)).ok();
    }
    let read = api.get(&format!("{one}/events?limit=100")).ok();
    let items = read["items"].as_array().unwrap();
    let hung = items
        .iter()
        .find(|item| item["id"] == json!(event))
        .unwrap();
    assert_eq!(hung["properties"]["bot"]["sure"], true, "{hung}");
    api.put(&format!("{one}/closure"), None).ok();
    api.post(&format!("{one}/threads"), &json!({})).ok();
}

fn knows_agents_and_visitors(api: &Api) {
    api.get("/agent").ok();
    let accepting = json!({"status": "accepting"});
    api.put("/agent/status", Some(&accepting)).ok();
    api.get("/agents").ok();
    api.get("/group_statuses").ok();
    api.get("/visitors").ok();
    api.get("/connected_visitors").ok();
    let visitor = visitor_id(&api.house.visitor());
    let one = format!("/visitors/{visitor}");
    api.get(&one).ok();
    let reason = json!({"reason": "connection_evicted"});
    api.post(&format!("{one}/disconnection"), &reason).ok();
    api.put(&format!("{one}/ban"), Some(&json!({}))).ok();
    api.get("/bans").ok();
    api.delete(&format!("{one}/ban")).ok();
}

fn configures(api: &Api) {
    let reply = json!({"shortcut": "hi", "text": "Hello"});
    let made = api.post("/canned_replies", &reply).ok();
    let one = format!("/canned_replies/{}", text(&made["id"]));
    api.put(&one, Some(&reply)).ok();
    api.get("/canned_replies").ok();
    api.delete(&one).ok();

    let group = json!({"name": "Sales"});
    let made = api.post("/groups", &group).ok();
    let one = format!("/groups/{}", made["id"]);
    api.put(&one, Some(&group)).ok();
    api.get("/groups").ok();
    let form = json!({"is_enabled": true, "fields": [{"type": "name", "label": "Name"}]});
    let path = format!("{one}/forms/prechat");
    api.put(&path, Some(&form)).ok();
    api.get(&path).ok();
    api.get("/forms").ok();
    api.delete(&one).ok();

    let greeting = json!({"name": "Hello", "content": {"type": "message", "text": "Need help?"}});
    let made = api.post("/greetings", &greeting).ok();
    let one = format!("/greetings/{}", text(&made["id"]));
    api.put(&one, Some(&greeting)).ok();
    api.get("/greetings").ok();
    let visitor = browser_of_a_visitor(api);
    let by_hand = json!({"greeting_id": made["id"]});
    let sent = api.post(&format!("/visitors/{visitor}/greetings"), &by_hand);
    assert!(sent.ok()["invitation_id"].is_string());
    api.delete(&one).ok();
}

/// A visitor without a chat who has a browser that a greeting can reach.
fn browser_of_a_visitor(api: &Api) -> String {
    let subject = api.house.visitor();
    let Subject::Visitor {
        site,
        visitor,
        browser,
        ..
    } = subject
    else {
        panic!("{subject:?} is no visitor");
    };
    let bound = api.house.write(move |tx, now| {
        let token = parlor::store::visitor_tokens::NewToken {
            hash: &parlor::token::Token::random().hash(),
            site,
            visitor,
            browser: Some(browser),
            kind: parlor::store::visitor_tokens::TokenKind::Browser,
            is_signed: false,
            expires_at: None,
        };
        parlor::store::visitor_tokens::bind(tx, &token, now)
    });
    bound.unwrap();
    visitor.to_string()
}

fn handles_tickets(api: &Api) {
    let site = api.house.site;
    let body = json!({
        "ticket_message": "Your message: Any oolong?", "offline_message": "Your message: Any oolong?",
        "requester": {"name": "Ada", "mail": "ada@example.org"}, "subject": "Oolong",
    });
    let new = NewTicket::parse(body.as_object().unwrap()).unwrap();
    let visitor = visitor_id(&api.house.visitor());
    let made = api.house.write(move |tx, now| {
        let permit = authorize(&Subject::System, Action::SendTicket, Object::Site(site))?;
        tickets::create(tx, &permit, &new, Sender::Proven(visitor), now)
    });
    let one = format!("/tickets/{}", made.unwrap().id);
    let read = api.get(&one).ok();
    assert_eq!(
        (&read["email"], &read["status"]),
        (&json!("ada@example.org"), &json!("open"))
    );
    assert_eq!(api.get("/tickets").ok()["items"], json!([read]));

    let closed = json!({"status": "closed"});
    api.put(&format!("{one}/status"), Some(&closed)).ok();

    let read = api.get(&one).ok();
    assert_eq!(read["status"], "closed");
    assert!(read["closed_at"].is_string());
    assert_eq!(
        api.get("/tickets?status=closed").ok()["items"],
        json!([read])
    );
}

/// Uploads are no JSON, so the answer is held against the description by hand.
fn upload(api: &Api) {
    let headers = [
        ("x-api-key", api.key.as_str()),
        ("content-type", "multipart/form-data; boundary=b"),
    ];
    let reply = api.raw("POST", "/files", &headers, Some(UPLOAD));
    let schema = json!({"$ref": "#/components/schemas/UploadedFile"});
    let answer = reply.ok();
    assert_eq!(schema::check(&api.document, &schema, &answer), Ok(()));
    let id = "uploadFile".to_owned();
    api.succeeded.lock().unwrap().push(id);
}

#[test]
fn a_field_that_no_endpoint_knows_is_named() {
    let api = Api::start();
    let (_, chat) = api.chat();
    let events = format!("/chats/{chat}/events");
    let threads = format!("/chats/{chat}/threads");
    for (path, body, field) in [
        ("/groups", json!({"name": "x", "agents": []}), "agents"),
        (
            "/groups",
            json!({"name": "x", "hours": {"tz": "UTC"}}),
            "hours.tz",
        ),
        (
            &events,
            json!({"type": "message", "text": "x", "customId": "a"}),
            "customId",
        ),
        (
            &events,
            json!({"type": "rich_message", "template_id": "cards",
            "elements": [{"title": "x"}, {"name": "x"}]}),
            "elements.1.name",
        ),
        (
            &threads,
            json!({"events": [{"type": "message", "text": "x", "recipient": "all"}]}),
            "events.0.recipient",
        ),
        (
            "/greetings",
            json!({"name": "x", "content": {"type": "message", "txt": "x"}}),
            "content.txt",
        ),
    ] {
        let reply = api.post(path, &body);
        assert_eq!(reply.error(), (400, "validation", field), "{body}");
    }
    let free = json!({"type": "custom", "content": {"anything": {"goes": 1}},
        "properties": {"my": {"own": "x"}}});
    api.post(&events, &free).ok();
}
