//! Greetings in the answers of `POST /track`, and what browsers say of them there.

use parlor::clock::Clock;
use parlor::token::Token;
use serde_json::{Value, json};

use crate::greetings_store::{counted, create, draft, on_page, url};
use crate::support::house::House;
use crate::track_server::{Server, page};

/// The house of the server's own site.
fn house(server: &Server) -> House {
    House {
        db: server.app.db().clone(),
        clock: Clock::clone(server.app.clock()),
        site: server.site().id,
    }
}

fn page_at(id: &str, url: &str) -> Value {
    json!({"id": id, "call": "page", "at": 0, "url": url, "title": "A"})
}

fn said(id: &str, unique_id: &Value, state: &str) -> Value {
    json!({"id": id, "call": "greeting", "at": 0, "unique_id": unique_id, "state": state})
}

#[test]
fn the_answer_holds_the_greeting_that_is_due_until_it_is_closed() {
    let server = Server::start();
    let house = house(&server);
    let token = Token::random();
    let without = server.calls(&token, &json!([page("p1")]));
    assert_eq!(
        without.body.get("greeting"),
        None,
        "a site without greetings"
    );
    let greeting = create(&house, draft("Cart", vec![url("/cart")]));

    let elsewhere = server.calls(&token, &json!([page("p2")]));
    let cart = server.calls(&token, &json!([page_at("p3", "https://shop.example/cart")]));

    assert_eq!(elsewhere.body["greeting"], Value::Null);
    let shown = &cart.body["greeting"];
    assert_eq!(
        shown["content"],
        json!({"type": "message", "text": "May we help?"})
    );
    assert_eq!(shown["agent"]["name"], "<b>Shop</b>");
    assert_eq!(shown["accepted"], false);
    let unique_id = &shown["unique_id"];
    let next = server.calls(&token, &json!([page("p4"), said("s1", unique_id, "shown")]));
    assert_eq!(next.body["greeting"]["unique_id"], *unique_id);
    let repeat = server.calls(&token, &json!([said("s2", unique_id, "shown")]));
    assert_eq!(repeat.body["results"][0]["duplicate"], true);
    let closed = server.calls(&token, &json!([said("s3", unique_id, "canceled")]));
    assert_eq!(closed.body["results"][0]["ok"], true);
    assert_eq!(closed.body["greeting"], Value::Null);
    let late = server.calls(&token, &json!([said("s4", unique_id, "accepted")]));
    assert_eq!(
        late.body["results"][0]["error"]["code"],
        "greeting_not_found"
    );
    let counts = counted(&house, greeting.id);
    assert_eq!((counts.sent, counts.seen, counts.accepted), (1, 1, 0));
}

#[test]
fn a_greeting_that_waits_for_time_is_announced_and_comes_with_a_heartbeat() {
    let server = Server::start();
    create(&house(&server), draft("Slow", vec![on_page(20)]));
    let token = Token::random();

    let early = server.calls(&token, &json!([page("p1")]));
    server.app.clock().turn(20_000);
    let seen = json!({"id": "s1", "call": "seen", "at": 0, "page": "p1"});
    let due = server.calls(&token, &json!([seen]));

    let after = early.body["greeting_after_ms"].as_i64().unwrap();
    assert!((10_000..=20_000).contains(&after), "{after}");
    assert_eq!(early.body["greeting"], Value::Null);
    assert_eq!(due.body["greeting"]["content"]["text"], "May we help?");
    assert_eq!(due.body.get("greeting_after_ms"), None);
}

#[test]
fn an_accepted_greeting_is_not_shown_again_and_counts_once() {
    let server = Server::start();
    let house = house(&server);
    let greeting = create(&house, draft("A", vec![]));
    let token = Token::random();
    let first = server.calls(&token, &json!([page("p1")]));
    let unique_id = &first.body["greeting"]["unique_id"];

    server.calls(&token, &json!([said("s1", unique_id, "accepted")]));
    let again = server.calls(&token, &json!([said("s2", unique_id, "accepted")]));

    assert_eq!(again.body["results"][0]["duplicate"], true);
    assert_eq!(again.body["greeting"]["accepted"], true);
    let counts = counted(&house, greeting.id);
    assert_eq!((counts.sent, counts.seen, counts.accepted), (1, 1, 1));
    assert_eq!(
        server.int("select greetings_shown * 10 + greetings_accepted from visitors"),
        11
    );
}

#[test]
fn another_browser_answers_nothing() {
    let server = Server::start();
    let house = house(&server);
    let greeting = create(&house, draft("A", vec![url("/own")]));
    let (own, other) = (Token::random(), Token::random());
    let shown = server.calls(&own, &json!([page_at("p1", "https://shop.example/own")]));
    let unique_id = &shown.body["greeting"]["unique_id"];
    server.calls(&other, &json!([page("p1")]));

    for state in ["shown", "accepted", "canceled"] {
        let reply = server.calls(&other, &json!([said(state, unique_id, state)]));
        let result = &reply.body["results"][0];
        assert_eq!(result["error"]["code"], "greeting_not_found", "{state}");
    }
    let wrong = server.calls(&own, &json!([said("w", unique_id, "loved")]));

    assert_eq!(wrong.body["results"][0]["error"]["field"], "state");
    let counts = counted(&house, greeting.id);
    assert_eq!((counts.sent, counts.seen), (1, 0));
}

#[test]
fn who_is_identified_in_a_second_browser_is_not_greeted_twice() {
    let server = Server::start();
    let house = house(&server);
    let greeting = create(&house, draft("A", vec![url("/a")]));
    let identify = |token: &Token| {
        let call = json!({"id": "i", "call": "identify", "at": 0, "user_id": "7",
            "new_token": Token::random().as_str()});
        let answer = server.calls(token, &json!([call]));
        let new = answer.body["token"].as_str().and_then(Token::parse);
        new.unwrap_or_else(|| token.clone())
    };
    let first = identify(&Token::random());
    server.calls(&first, &json!([page("p1")]));

    let second = identify(&Token::random());
    let second = server.calls(&second, &json!([page("p2")]));

    assert_eq!(second.body["greeting"], Value::Null);
    assert_eq!(counted(&house, greeting.id).sent, 1);
}
