//! Who may call `POST /track`, and how often: origins, preflights, API keys, limits, "do not track".

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use parlor::config::Config;
use parlor::db::Lane;
use parlor::domain::ids::SiteId;
use parlor::domain::permission::Scope;
use parlor::domain::site::SiteSettings;
use parlor::store::{api_keys, sites};
use parlor::token::Token;
use serde_json::{Value, json};

use crate::track_server::{SHOP, Server, page};

#[test]
fn a_listed_page_may_read_the_answer_and_no_other() {
    let server = Server::start();

    let answer = server.calls(&Token::random(), &json!([page("p1")]));
    let body = json!({"site": server.key(), "calls": [page("p2")]}).to_string();
    let foreign = server.send(&[("Origin", "https://evil.example")], body.as_bytes());
    let null = server.send(&[("Origin", "null")], body.as_bytes());

    assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert!(answer.header("vary").unwrap().contains("Origin"));
    for refused in [&foreign, &null] {
        assert_eq!(
            (refused.status, refused.code()),
            (403, "origin_not_allowed")
        );
        assert_eq!(refused.header("access-control-allow-origin"), None);
    }
    assert_eq!(server.int("select count(*) from visitors"), 1);
}

#[test]
fn a_preflight_is_answered_for_listed_origins() {
    let server = Server::start();
    let ask = |origin: &str| {
        let mut stream = TcpStream::connect(server.app.address()).unwrap();
        write!(
            stream,
            "OPTIONS /track HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
             Access-Control-Request-Headers: content-type\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.to_ascii_lowercase()
    };

    let listed = ask(SHOP);
    assert!(listed.starts_with("http/1.1 204"), "{listed}");
    assert!(listed.contains("access-control-allow-origin: https://shop.example\r\n"));
    assert!(listed.contains("content-type"));
    let foreign = ask("https://evil.example");
    assert!(foreign.starts_with("http/1.1 403"), "{foreign}");
    assert!(!foreign.contains("access-control-allow-origin"));
}

#[test]
fn a_browser_that_asks_not_to_be_tracked_is_not() {
    let server = Server::start();
    let body = json!({"site": server.key(), "calls": [page("p1")]}).to_string();

    for header in ["DNT", "Sec-GPC"] {
        let reply = server.send(&[("Origin", SHOP), (header, "1")], body.as_bytes());

        assert_eq!(reply.status, 200);
        assert_eq!(reply.body["tracking"], false);
        assert_eq!(reply.body["results"][0]["error"]["code"], "not_tracked");
    }
    assert_eq!(server.int("select count(*) from visitors"), 0);
}

#[test]
fn a_site_may_choose_not_to_heed_that() {
    let server = Server::start();
    let now = server.app.clock().now();
    let site = server
        .app
        .db()
        .write_blocking(Lane::Admin, move |tx| {
            let new = sites::NewSite {
                name: "Other",
                origins: &[SHOP.to_owned()],
                settings: &SiteSettings {
                    honour_dnt: false,
                    ..SiteSettings::default()
                },
            };
            sites::create(tx, &new, now)
        })
        .unwrap();
    let body = json!({"site": site.key, "calls": [page("p1")]}).to_string();

    let reply = server.send(&[("Origin", SHOP), ("DNT", "1")], body.as_bytes());

    assert_eq!(reply.body["results"][0]["ok"], true);
    assert_eq!(reply.body["tracking"], true);
    assert_eq!(reply.body["config"]["honour_dnt"], false);
    assert_eq!(server.int("select count(*) from visitors"), 1);
}

#[test]
fn too_many_calls_wait() {
    let server = Server::start();
    let token = Token::random();

    let refused = (0..12)
        .map(|n| {
            let calls: Vec<Value> = (0..50).map(|m| page(&format!("{n}-{m}"))).collect();
            server.calls(&token, &json!(calls))
        })
        .find(|reply| reply.status != 200)
        .expect("600 calls at once are too many");

    assert_eq!((refused.status, refused.code()), (429, "too_many_requests"));
    let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
    assert_eq!(refused.body["error"]["retry_after"], seconds);
    assert_eq!(
        server.calls(&Token::random(), &json!([page("p")])).status,
        200
    );
}

/// What a page of any listed origin may read, whatever site it meant: else its script sees a network fault and no reason.
#[test]
fn a_listed_page_may_read_why_it_was_refused() {
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [u8], u16);
    let server = Server::start();
    let calls = json!({"site": server.key(), "calls": []}).to_string();
    let large = vec![b'x'; 70 * 1024];
    let key = api_keys::text(&Token::random());
    let cases: [Case<'_>; 5] = [
        (&[], b"{", 400),
        (&[], b"\xff", 400),
        (&[], b"{}", 400),
        (&[], &large, 413),
        (&[("X-API-Key", &key)], calls.as_bytes(), 401),
    ];

    for (headers, body, status) in cases {
        for (origin, allowed) in [(SHOP, Some(SHOP)), ("https://evil.example", None)] {
            let headers = [headers, &[("Origin", origin)]].concat();
            let reply = server.send(&headers, body);

            assert_eq!(reply.status, status, "{}", reply.body);
            assert_eq!(reply.header("access-control-allow-origin"), allowed);
            assert!(reply.header("vary").unwrap().contains("Origin"));
        }
    }
}

#[test]
fn a_listed_page_may_read_that_its_address_has_to_wait() {
    let server = Server::start_with(Config {
        requests_per_address: 1,
        ..Config::ephemeral()
    });

    let refused = (0..20)
        .map(|n| server.calls(&Token::random(), &json!([page(&n.to_string())])))
        .find(|reply| reply.status != 200)
        .expect("20 requests at once are too many");

    assert_eq!((refused.status, refused.code()), (429, "too_many_requests"));
    assert_eq!(refused.header("access-control-allow-origin"), Some(SHOP));
}

fn make_key(server: &Server, site: SiteId, scopes: &'static [Scope]) -> String {
    let secret = Token::random();
    let text = api_keys::text(&secret);
    let now = server.app.clock().now();
    server
        .app
        .db()
        .write_blocking(Lane::Admin, move |tx| {
            let new = api_keys::NewApiKey {
                site,
                name: "test",
                scopes,
                agent: None,
                hash: &secret.hash(),
                prefix: "parlor_",
                expires_at: None,
            };
            api_keys::create(tx, &new, now)
        })
        .unwrap();
    text
}

#[test]
fn an_api_key_stands_for_its_site() {
    let server = Server::start();
    let site = server.site().id;
    let tracking = make_key(&server, site, &[Scope::WebTracking]);
    let reading = make_key(&server, site, &[Scope::ReadChats]);
    let bearer = format!("Bearer {tracking}");
    let body = json!({"calls": [page("p1")]}).to_string();
    let send = |headers: &[(&str, &str)]| server.send(headers, body.as_bytes());

    for headers in [
        [("X-API-Key", tracking.as_str())],
        [("Authorization", &bearer)],
    ] {
        let reply = send(&headers);
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.body["results"][0]["ok"], true);
    }
    let foreign = send(&[("X-API-Key", &tracking), ("Origin", "https://evil.example")]);
    assert_eq!(
        (foreign.status, foreign.code()),
        (403, "origin_not_allowed")
    );
    let may_not = send(&[("X-API-Key", &reading)]);
    assert_eq!((may_not.status, may_not.code()), (403, "authorization"));
    let unknown = api_keys::text(&Token::random());
    let wrong = send(&[("X-API-Key", &unknown)]);
    assert_eq!((wrong.status, wrong.code()), (401, "authentication"));
    let other = json!({"site": "another", "calls": []}).to_string();
    let mixed = server.send(&[("X-API-Key", &tracking)], other.as_bytes());
    assert_eq!((mixed.status, mixed.code()), (404, "site_not_found"));
}

#[test]
fn half_a_body_is_a_named_error() {
    let server = Server::start();
    let mut stream = TcpStream::connect(server.app.address()).unwrap();

    write!(
        stream,
        "POST /track HTTP/1.1\r\nHost: x\r\nOrigin: {SHOP}\r\nContent-Length: 100\r\n\r\n{{\"site\":"
    )
    .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();

    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    assert_eq!(
        server.calls(&Token::random(), &json!([page("p")])).status,
        200
    );
}
