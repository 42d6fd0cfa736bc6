//! Keys: where they are carried, what they open, how they end, how often they may call.

use parlor::domain::permission::Scope;
use parlor::store::api_keys;
use parlor::token::Token;

use super::{Api, make_key};

#[test]
fn a_key_is_taken_from_either_header_and_nowhere_else() {
    let api = Api::start();
    let bearer = format!("Bearer {}", api.key);
    let unknown = api_keys::text(&Token::random());

    for (headers, status) in [
        (vec![("x-api-key", api.key.as_str())], 200),
        (vec![("authorization", bearer.as_str())], 200),
        (vec![], 401),
        (vec![("x-api-key", "parlor_")], 401),
        (vec![("x-api-key", unknown.as_str())], 401),
        (vec![("authorization", api.key.as_str())], 401),
    ] {
        let reply = api.raw("GET", "/chats", &headers, None);
        assert_eq!(reply.status, status, "{headers:?} {}", reply.body);
    }
    let in_address = api.raw("GET", &format!("/chats?key={}", api.key), &[], None);
    assert_eq!(in_address.status, 401);
}

#[test]
fn a_page_in_a_browser_is_refused_with_a_good_key() {
    let api = Api::start();
    let headers = [
        ("x-api-key", api.key.as_str()),
        ("origin", "https://shop.example"),
    ];

    let reply = api.raw("GET", "/chats", &headers, None);

    assert_eq!((reply.status, reply.code()), (403, "origin_not_allowed"));
    assert_eq!(reply.header("access-control-allow-origin"), "");
}

#[test]
fn a_key_opens_what_its_scopes_name() {
    let api = Api::start();
    let (_, chat) = api.chat();
    let reading = api.key(&[Scope::ReadChats], None);
    let tracking = api.key(&[Scope::WebTracking], None);
    let writing = api.key(&[Scope::WriteChats], None);
    let closure = format!("/chats/{chat}/closure");

    let reply = api.call_as(&reading, "GET", &format!("/chats/{chat}"), None);
    assert_eq!(reply.status, 200);
    let reply = api.call_as(&reading, "PUT", &closure, None);
    assert_eq!(reply.error(), (403, "authorization", ""));
    let words = reply.body["error"]["message"].as_str().unwrap();
    assert!(words.contains("chats:write"), "{words}");
    let reply = api.call_as(&tracking, "GET", "/chats", None);
    assert_eq!(reply.error(), (403, "authorization", ""));
    let reply = api.call_as(&writing, "PUT", &closure, None);
    assert_eq!(reply.error(), (403, "authorization", ""));
    let words = reply.body["error"]["message"].as_str().unwrap();
    assert!(words.contains("acts as no agent"), "{words}");
}

#[test]
fn an_ended_key_opens_nothing() {
    let api = Api::start();
    let soon = api.house.clock.now() + 60_000;
    let ending = make_key(&api.house, &[Scope::ReadChats], None, Some(soon));
    assert_eq!(api.call_as(&ending, "GET", "/chats", None).status, 200);

    api.app.clock().turn(60_001);
    assert_eq!(api.call_as(&ending, "GET", "/chats", None).status, 401);

    let hash = api_keys::parse(&api.key).unwrap().hash();
    let revoked = api.house.write(move |tx, now| {
        let key = api_keys::by_hash(tx, &hash, now)?.unwrap();
        api_keys::revoke(tx, key.site, key.id, now)
    });
    assert!(revoked.unwrap());
    assert_eq!(api.get("/chats").error(), (401, "authentication", ""));
}

#[test]
fn the_use_of_a_key_is_noted_once_a_minute() {
    let api = Api::start();
    let used = || {
        api.house
            .read(|tx| tx.int("select max(last_used_at) from api_keys", &[]))
    };

    api.get("/chats").ok();
    let first = used();
    api.app.clock().turn(30_000);
    api.get("/chats").ok();
    assert_eq!(used(), first);
    api.app.clock().turn(30_000);
    api.get("/chats").ok();
    assert!(used() >= first + 60_000);
}

#[test]
fn each_answer_says_what_the_key_has_left() {
    let api = Api::start();

    let reply = api.get("/chats");
    let left: i64 = reply.header("x-ratelimit-remaining").parse().unwrap();
    assert_eq!(reply.header("x-ratelimit-limit"), "200");
    assert!(left < 200, "{left}");
    let mut last = 0;
    for _ in 0..2_000 {
        let reply = api.raw("GET", "/chats/1", &[("x-api-key", &api.key)], None);
        last = reply.status;
        if last == 429 {
            assert_eq!(reply.header("retry-after"), "1");
            assert_eq!(reply.header("x-ratelimit-remaining"), "0");
            break;
        }
    }
    assert_eq!(last, 429, "the bucket never ran dry");
}
