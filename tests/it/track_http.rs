//! `POST /track` over HTTP against the real program: what it takes, and what bad input gets.

use parlor::token::Token;
use serde_json::{Value, json};

use crate::track_server::{SHOP, Server, page};

#[test]
fn a_page_view_is_stored_and_its_repeat_is_named_one() {
    let server = Server::start();
    let token = Token::random();

    let first = server.calls(&token, &json!([page("p1")]));
    let again = server.calls(&token, &json!([page("p1")]));

    assert_eq!(first.status, 200);
    assert_eq!(
        first.body["results"],
        json!([{"id": "p1", "ok": true, "duplicate": false}])
    );
    assert_eq!(
        again.body["results"],
        json!([{"id": "p1", "ok": true, "duplicate": true}])
    );
    assert_eq!(first.body["visitor"], again.body["visitor"]);
    assert_eq!(first.body.get("token"), None);
    assert_eq!(first.body["tracking"], true);
    assert_eq!(
        server.int("select count(*) from activities where kind = 'page_view'"),
        1
    );
    assert_eq!(server.text("select ip from visitors"), "127.0.0.0");
    assert_eq!(server.text("select browser from sessions"), "Firefox");
}

#[test]
fn each_visit_keeps_where_it_came_from_and_the_visitor_the_first_of_them() {
    let server = Server::start();
    let token = Token::random();
    let visit = |id: &str, query: &str, referrer: &str| {
        let url = format!("https://shop.example/a{query}");
        let call = json!({"id": id, "call": "page", "at": 0, "url": url, "referrer": referrer});
        assert_eq!(server.calls(&token, &json!([call])).status, 200);
    };

    visit(
        "p1",
        "?utm_source=news&utm_campaign=spring",
        "https://mail.example/x",
    );
    visit("p2", "?utm_source=within", "https://shop.example/b");
    server.app.clock().turn(31 * 60_000);
    visit("p3", "", "https://search.example/");

    let spring = r#"https://mail.example/x {"utm_campaign":"spring","utm_source":"news"}"#;
    let first = "select referrer || ' ' || utm from sessions order by started_at limit 1";
    let second = "select referrer || ' ' || utm from sessions order by started_at desc limit 1";
    assert_eq!(server.int("select count(*) from sessions"), 2);
    assert_eq!(server.text(first), spring);
    assert_eq!(server.text(second), "https://search.example/ {}");
    assert_eq!(
        server.text("select referrer || ' ' || utm from visitors"),
        spring
    );
}

/// A body, and the status, code and field it gets.
type Case = (String, u16, &'static str, Option<&'static str>);

fn unreadable(key: &str) -> Vec<Case> {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let body = |rest: &str| format!(r#"{{"site":"{key}",{rest}}}"#);
    let many = format!("\"calls\":[{}]", ["{}"; 51].join(","));
    vec![
        (String::new(), 400, "malformed", None),
        ("nonsense".into(), 400, "malformed", None),
        ("[]".into(), 400, "malformed", None),
        (deep.clone(), 400, "malformed", None),
        (body(r#""calls":["#), 400, "malformed", None),
        (body(r#""calls":[],"calls":[]"#), 400, "malformed", None),
        (r#"{"calls":[]}"#.into(), 400, "validation", Some("site")),
        (
            r#"{"site":7,"calls":[]}"#.into(),
            400,
            "validation",
            Some("site"),
        ),
        (
            r#"{"site":"nobody","calls":[]}"#.into(),
            404,
            "site_not_found",
            None,
        ),
        (body(r#""calls":{}"#), 400, "validation", Some("calls")),
        (
            body(r#""token":"short","calls":[]"#),
            400,
            "validation",
            Some("token"),
        ),
        (
            body(r#""sent_at":"now","calls":[]"#),
            400,
            "validation",
            Some("sent_at"),
        ),
        (
            body(r#""config":[],"calls":[]"#),
            400,
            "validation",
            Some("config"),
        ),
        (body(r#""cals":[]"#), 400, "validation", Some("cals")),
        (body(&many), 400, "validation", Some("calls")),
        (
            body(&format!(
                r#""context":{{"language":{deep}}},"calls":[{{"id":"1","call":"event","name":"x"}}]"#
            )),
            400,
            "validation",
            Some("context.language"),
        ),
        (body(&format!("\"calls\":{deep}")), 200, "", None),
    ]
}

#[test]
fn a_request_that_cannot_be_read_gets_a_named_error() {
    let server = Server::start();
    for (text, status, code, field) in unreadable(server.key()) {
        let shown: String = text.chars().take(80).collect();
        let reply = server.send(&[("Origin", SHOP)], text.as_bytes());

        assert_eq!(reply.status, status, "{shown}: {}", reply.body);
        assert_eq!(reply.code(), code, "{shown}");
        assert_eq!(reply.body["error"]["field"].as_str(), field, "{shown}");
    }
    let not_utf8 = server.send(&[("Origin", SHOP)], b"{\"site\":\"\xff\"}");
    assert_eq!((not_utf8.status, not_utf8.code()), (400, "malformed"));
    let place = not_utf8.body["error"]["message"].as_str().unwrap();
    assert!(place.contains("byte 9"), "{place}");
    let large = format!(r#"{{"site":"{}"}}"#, "x".repeat(70_000));
    let reply = server.send(&[("Origin", SHOP)], large.as_bytes());
    assert_eq!((reply.status, reply.code()), (413, "too_large"));
    assert_eq!(server.int("select count(*) from visitors"), 0);
}

#[test]
fn a_bad_call_is_refused_by_name_and_the_others_are_stored() {
    let server = Server::start();
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!([deep]);
    }

    let reply = server.calls(
        &Token::random(),
        &json!([
            page("good1"),
            {"id": "b1", "call": "page", "url": "javascript:alert(1)"},
            {"id": "b2", "call": "fly"},
            {"id": "b3", "call": "page", "url": 7},
            {"id": "b4", "call": "event", "name": "x", "properties": {"a": deep}},
            {"id": "b5", "call": "update", "email": {}},
            {"call": "page"},
            "text",
            page("good2"),
        ]),
    );

    assert_eq!(reply.status, 200);
    let told: Vec<(String, bool, String)> = reply.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (
                text(&one["id"]),
                one["ok"] == true,
                text(&one["error"]["field"]),
            )
        })
        .collect();
    let row = |id: &str, ok, field: &str| (id.to_owned(), ok, field.to_owned());
    assert_eq!(
        told,
        [
            row("good1", true, ""),
            row("b1", false, "url"),
            row("b2", false, "call"),
            row("b3", false, "url"),
            row("b4", false, "properties"),
            row("b5", false, "email"),
            row("", false, "id"),
            row("", false, "calls"),
            row("good2", true, ""),
        ]
    );
    assert_eq!(reply.body["results"][1]["error"]["code"], "validation");
    assert_eq!(
        server.int("select count(*) from activities where kind = 'page_view'"),
        2
    );
}

#[test]
fn odd_text_is_stored_as_the_text_it_is() {
    let server = Server::start();
    let body = format!(
        r#"{{"site":"{}","calls":[
            {{"id":"1","call":"page","url":"https://shop.example/<script>","title":"<script>alert(1)</script>\u0000\ud83d"}},
            {{"id":"2","call":"event","name":"<img onerror=x>","properties":{{"k\u0000":"\udc00<b>"}}}},
            {{"id":"3","call":"update","name":"<i>Eve</i>\u0000","attributes":{{"<b>":"\ud800","list":["\u0000"]}}}}
        ]}}"#,
        server.key()
    );

    let reply = server.send(&[("Origin", SHOP)], body.as_bytes());

    assert_eq!(reply.status, 200, "{}", reply.body);
    for one in reply.body["results"].as_array().unwrap() {
        assert_eq!(one["ok"], true, "{one}");
    }
    assert_eq!(
        server.text("select title from activities where client_id = '1'"),
        "<script>alert(1)</script>\u{FFFD}"
    );
    assert_eq!(
        server.text("select name from activities where client_id = '2'"),
        "<img onerror=x>"
    );
    let properties = server.text("select properties from activities where client_id = '2'");
    assert_eq!(
        serde_json::from_str::<Value>(&properties).unwrap(),
        json!({"k": "\u{FFFD}<b>"})
    );
    assert_eq!(server.text("select name from visitors"), "<i>Eve</i>");
}

#[test]
fn without_a_token_the_server_makes_one() {
    let server = Server::start();

    let first = server.post(&json!({"site": server.key(), "calls": [page("p1")]}));
    let token = Token::parse(first.body["token"].as_str().unwrap()).unwrap();
    let second = server.calls(&token, &json!([page("p2")]));

    assert_eq!(first.body["visitor"], second.body["visitor"]);
    assert_eq!(second.body.get("token"), None);
}

#[test]
fn a_token_that_ended_is_refused_and_a_new_one_is_known_before_its_first_call() {
    let server = Server::start();
    let (token, next) = (Token::random(), Token::random());
    server.calls(&token, &json!([page("p1")]));
    let reset = json!([{"id": "r1", "call": "reset", "new_token": next.as_str()}]);
    let moved = server.calls(&token, &reset);
    assert_eq!(moved.body["token"], next.as_str());

    for calls in [json!([page("p2")]), json!([])] {
        let refused = server.calls(&token, &calls);
        assert_eq!((refused.status, refused.code()), (401, "authentication"));
        assert_eq!(refused.header("access-control-allow-origin"), Some(SHOP));
    }
    let unknown = Token::random();
    let made = server.calls(&unknown, &json!([]));
    assert!(made.body["visitor"].is_string(), "{}", made.body);
    let known = server.calls(&unknown, &json!([]));
    assert_eq!(known.status, 200);
    assert_eq!(server.int("select count(*) from visitors"), 3);
}

#[test]
fn the_configuration_comes_once_a_version() {
    let server = Server::start();
    let ask =
        |version: &str| server.post(&json!({"site": server.key(), "config": version, "calls": []}));

    let first = ask("");
    let config = &first.body["config"];
    let again = ask(config["version"].as_str().unwrap());

    assert_eq!(config["site"], "<b>Shop</b>");
    assert_eq!(config["position"], "bottom_right");
    assert_eq!(config["online"], false);
    assert_eq!(config["honour_dnt"], true);
    assert!(
        config["messenger"]
            .as_str()
            .unwrap()
            .starts_with("/widget/messenger-")
    );
    assert_eq!(again.body.get("config"), None);
    assert_eq!(server.int("select count(*) from visitors"), 0);
}
