//! Tickets from outside to the dashboard: what pages post, what agents see, and what strangers do not.

use parlor::domain::context::Context;
use parlor::domain::ids::VisitorId;
use parlor::domain::permission::{Action, Object, Subject, authorize};
use parlor::domain::ticket::NewTicket;
use parlor::store::tickets::{self, Sender};
use parlor::store::visitor_tokens::{self, NewToken, TokenKind};
use parlor::store::visitors::{self, NewVisitor};
use parlor::token::Token;
use serde_json::{Value, json};

use crate::dashboard_room::Room;
use crate::support::house::visitor_id;

const SHOP: &str = "https://shop.example";
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}";

struct Reply {
    status: u16,
    body: Value,
    origin: Option<String>,
}

fn license(room: &Room) -> i64 {
    let site = room.house.site;
    room.house
        .read(move |tx| tx.int("select license_id from sites where id = ?1", &[site.into()]))
}

fn post(room: &Room, headers: &[(&str, &str)], body: &str) -> Reply {
    post_to(room, "/v2/tickets/new", headers, body)
}

fn post_to(room: &Room, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut request = agent
        .post(format!("{}{path}", room.app.url()))
        .header("Origin", SHOP)
        .header("Content-Type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = request.send(body).unwrap();
    let origin = answer.headers().get("access-control-allow-origin");
    Reply {
        origin: origin.map(|value| value.to_str().unwrap().to_owned()),
        status: answer.status().as_u16(),
        body: serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap(),
    }
}

/// A visitor with a token of its own.
fn holder(room: &Room) -> (VisitorId, Token) {
    let (token, site) = (Token::random(), room.house.site);
    let hash = token.hash();
    let visitor = room.house.write(move |tx, now| {
        let new = NewVisitor {
            site,
            context: &Context::default(),
            seen_at: now,
        };
        let visitor = visitors::create(tx, &new, now)?;
        let token = NewToken {
            hash: &hash,
            site,
            visitor,
            browser: None,
            kind: TokenKind::Browser,
            is_signed: false,
            expires_at: None,
        };
        visitor_tokens::bind(tx, &token, now)?;
        Ok(visitor)
    });
    (visitor.unwrap(), token)
}

#[test]
fn a_ticket_as_published_clients_send_it_is_answered_on_the_dashboard() {
    let room = Room::open();
    let visitor = visitor_id(&room.house.visitor());
    let body = json!({
        "licence_id": license(&room), "visitor_id": visitor.to_string(),
        "ticket_message": format!("Your message: {HOSTILE}"),
        "offline_message": format!("Your name: {HOSTILE}\nYour message: {HOSTILE} https://a.example/x"),
        "requester": {"name": HOSTILE, "mail": "ada+tea@example.org"},
        "subject": format!("Order & 123 {HOSTILE}"), "group": 0,
        "source": {"url": "https://shop.example/\"><script>alert(1)</script>"},
        "timezone": "America/New_York",
    });

    let sent = post_to(&room, "/api/v2/tickets/new", &[], &body.to_string());

    assert_eq!((sent.status, sent.origin.as_deref()), (201, Some(SHOP)));
    let id = sent.body["id"].as_str().unwrap().to_owned();
    let list = room.owner.get("/tickets");
    assert!(
        list.body.contains(&format!("/tickets/{id}")),
        "{}",
        list.body
    );
    assert!(list.body.contains("aria-label=\"1 open\""));
    let page = room.owner.get(&format!("/tickets/{id}"));
    let profile = room.owner.get(&format!("/visitors/{visitor}"));
    assert!(profile.body.contains(&format!("/tickets/{id}")));
    for shown in [&list, &page, &profile] {
        assert_eq!(shown.status, 200);
        assert!(!shown.body.contains("<script>alert"), "{}", shown.body);
        assert!(!shown.body.contains("<img src=x"));
        assert!(
            shown.body.contains("{{7*7}}"),
            "what looks like a template is text"
        );
    }
    assert!(page.body.contains("Claimed, not proven"));
    assert!(page.body.contains("(America/New_York)"));
    let reply = page.link("Reply by e-mail").unwrap();
    assert!(
        reply.starts_with("mailto:ada%2Btea@example.org?subject=Re%3A%20Order%20%26%20123%20%22"),
        "{reply}"
    );
    assert!(page.link("https://a.example/x").is_some());

    let path = format!("/tickets/{id}");
    let closed = room
        .owner
        .post(&format!("{path}/status"), &[("status", "closed")]);
    assert_eq!(
        (closed.status, closed.location.as_deref()),
        (303, Some(path.as_str()))
    );
    assert!(!room.owner.get("/tickets").body.contains(&path));
    assert!(room.owner.get("/tickets?list=closed").body.contains(&path));
    room.owner
        .post(&format!("{path}/status"), &[("status", "open")]);
    room.owner
        .post(&format!("{path}/agent"), &[("agent", "me")]);
    let found = room.owner.get("/tickets?q=ADA%2Btea@example");
    assert!(found.body.contains(&path) && found.body.contains("Olive Owner"));
    assert!(!room.owner.get("/tickets?q=nobody").body.contains(&path));
}

#[test]
fn what_does_not_fit_is_said_in_the_shape_that_clients_read() {
    let room = Room::open();
    let license = license(&room);
    let with = |name: &str, value: Value| {
        json!({"licence_id": license, "ticket_message": "Hello", name: value}).to_string()
    };

    let cases = [
        (
            with("requester", json!({"mail": "nobody"})),
            json!({"incorrect requester structure": ["requester.mail must be an e-mail address"]}),
        ),
        (
            with("licence_id", json!(license + 1)),
            json!({"licence_id": ["is not known here"]}),
        ),
        (
            with("group", json!(77)),
            json!({"group": ["is not known here"]}),
        ),
        (
            with("timezone", json!("Mars/Olympus")),
            json!({"timezone": ["must be an IANA time zone"]}),
        ),
        ("[1]".into(), json!({"body": ["must be a JSON object"]})),
    ];
    for (body, error) in cases {
        let reply = post(&room, &[], &body);
        assert_eq!(reply.status, 422, "{body}");
        assert_eq!(reply.body, json!({"errors": [error]}), "{body}");
        assert_eq!(reply.origin.as_deref(), Some(SHOP), "{body}");
    }
    let hidden = room.house.visitor();
    assert!(
        room.owner.get("/tickets").body.contains("Nobody waits"),
        "{hidden:?}"
    );
}

#[test]
fn a_flood_from_one_address_is_slowed_down() {
    let room = Room::open();
    let license = license(&room);
    let body = |n| json!({"license_id": license, "ticket_message": format!("{n}")}).to_string();

    let statuses: Vec<u16> = (0..8).map(|n| post(&room, &[], &body(n)).status).collect();

    assert_eq!(statuses, [201, 201, 201, 201, 201, 201, 429, 429]);
}

#[test]
fn a_token_proves_who_sends_and_a_foreign_page_sends_nothing() {
    let room = Room::open();
    let (visitor, token) = holder(&room);
    let other = visitor_id(&room.house.visitor());
    let organization = room.house.read({
        let site = room.house.site;
        move |tx| {
            tx.one(
                "select organization_id from sites where id = ?1",
                &[site.into()],
                |row| row.text(0),
            )
        }
    });
    let body = json!({"organization_id": organization, "visitor_id": other.to_string(),
        "ticket_message": "Hello", "custom_id": "c1"})
    .to_string();
    let bearer = format!("Bearer {}", token.as_str());

    let sent = post(&room, &[("Authorization", &bearer)], &body);
    let again = post(&room, &[("Authorization", &bearer)], &body);
    let unknown = format!("Bearer {}", Token::random().as_str());
    let refused = post(&room, &[("Authorization", &unknown)], &body);
    let foreign = post(&room, &[("Origin", "https://evil.example")], &body);

    assert_eq!((sent.status, again.status), (201, 200));
    assert_eq!(sent.body["id"], again.body["id"]);
    assert_eq!(refused.status, 401);
    assert!(refused.body["errors"][0]["authentication"].is_array());
    assert_eq!((foreign.status, foreign.origin), (403, None));
    let id = sent.body["id"].as_str().unwrap();
    let page = room.owner.get(&format!("/tickets/{id}"));
    assert!(page.body.contains("Sent by this browser"));
    assert!(page.body.contains(&format!("/visitors/{visitor}")));
    assert!(!page.body.contains(&format!("/visitors/{other}")));
}

#[test]
fn a_ticket_of_another_site_is_not_there() {
    let room = Room::open();
    let other = room.another_site();
    let site = other.site;
    let id = other
        .write(move |tx, now| {
            let body = json!({"ticket_message": "Hello"});
            let new = NewTicket::parse(body.as_object().unwrap())?;
            let permit = authorize(&Subject::System, Action::SendTicket, Object::Site(site))?;
            Ok(tickets::create(tx, &permit, &new, Sender::Unknown, now)?.id)
        })
        .unwrap();

    for path in [
        format!("/tickets/{id}"),
        "/tickets/7".into(),
        "/tickets/x".into(),
    ] {
        assert_eq!(room.owner.get(&path).status, 404, "{path}");
        let closed = room
            .owner
            .post(&format!("{path}/status"), &[("status", "closed")]);
        assert_eq!(closed.status, 404, "{path}");
        let taken = room
            .owner
            .post(&format!("{path}/agent"), &[("agent", "me")]);
        assert_eq!(taken.status, 404, "{path}");
    }
    assert!(room.owner.get("/tickets").body.contains("Nobody waits"));
    for (path, fields) in [("status", ("status", "lost")), ("agent", ("agent", "1"))] {
        let wrong = room.owner.post(&format!("/tickets/{id}/{path}"), &[fields]);
        assert_eq!(wrong.status, 400, "{path}");
    }
    assert_eq!(room.owner.get("/tickets?list=lost").status, 400);
    assert_eq!(room.owner.get("/tickets?before=x").status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_count_of_open_tickets_follows_by_itself() {
    let room = tokio::task::spawn_blocking(Room::open).await.unwrap();
    let mut live = room.owner.live().await;
    live.follow().await;
    assert_eq!(live.hear("counts").await["tickets"], 0);

    let room = tokio::task::spawn_blocking(move || {
        let body = json!({"licence_id": license(&room), "ticket_message": "Hello"});
        post(&room, &[], &body.to_string());
        room
    })
    .await
    .unwrap();

    assert_eq!(live.hear("counts").await["tickets"], 1);
    drop(room);
}
