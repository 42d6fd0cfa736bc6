//! Greetings on the wire: sent when their rules hold, shown at login, accepted, cancelled, replaced.

use parlor::domain::ids::{GreetingId, VisitorId};
use parlor::domain::permission::{Action, Object, authorize};
use parlor::store::greetings::{Counted, Greeting};
use parlor::store::invitations;
use parlor::token::Token;
use serde_json::{Value, json};

use super::{Client, Shop, login};
use crate::greetings_store::{counted, create, draft, on_page, people_only, url};

/// A visitor with a browser that names itself, so that it is a person and not a crawler.
async fn person(shop: &Shop) -> Token {
    let token = Token::random();
    drop(shop.log_in(&token).await);
    people_only(&shop.house);
    token
}

/// Logs in on a page.
async fn log_in_at(shop: &Shop, token: &Token, page: &str) -> (Client, Value) {
    let mut client = shop.connect().await;
    let mut payload = login(token);
    payload["customer_page"] = json!({"url": page, "title": "Page"});
    let payload = client.done("login", payload).await;
    (client, payload)
}

fn answer(greeting: &Value) -> Value {
    json!({"greeting_id": greeting["id"], "unique_id": greeting["unique_id"]})
}

/// Sends a greeting by hand.
fn send(shop: &Shop, login: &Value, greeting: GreetingId) {
    let site = shop.site.id;
    let root: VisitorId = login["customer"]["id"].as_str().unwrap().parse().unwrap();
    let ada = shop.house.agent("ada");
    shop.house
        .write(move |tx, now| {
            let permit = authorize(&ada, Action::SendGreeting, Object::Visitor { site, root })?;
            invitations::send(tx, &permit, greeting, now)
        })
        .unwrap();
}

fn counts(shop: &Shop, greeting: &Greeting) -> Counted {
    counted(&shop.house, greeting.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greeting_comes_with_the_page_it_is_for_and_once() {
    let shop = Shop::open().await;
    let greeting = create(&shop.house, draft("Cart", vec![url("/cart")]));
    let token = person(&shop).await;
    let (mut client, payload) = log_in_at(&shop, &token, "https://shop.example/").await;
    assert_eq!(payload.get("greeting"), None);

    let cart = json!({"url": "https://shop.example/cart", "title": "Cart"});
    client.done("update_customer_page", cart.clone()).await;
    let push = client.push("incoming_greeting").await;

    let shown = &push["payload"];
    assert_eq!(shown["id"], greeting.number);
    assert_eq!(shown["displayed_first_time"], true);
    assert_eq!(shown["accepted"], false);
    assert_eq!(shown["event"]["type"], "message");
    assert_eq!(shown["event"]["text"], "May we help?");
    assert!(shown["event"]["id"].is_string() && shown["event"]["created_at"].is_string());
    assert_eq!(shown["event"].get("seq"), None);
    assert_eq!(shown["agent"]["name"], "Tea Shop");
    let (_, again) = log_in_at(&shop, &token, "https://shop.example/cart").await;
    assert_eq!(again["greeting"]["unique_id"], shown["unique_id"]);
    assert_eq!(again["greeting"]["displayed_first_time"], false);
    let customer = client.done("get_customer", json!({})).await;
    assert_eq!(customer["statistics"]["greetings_shown_count"], 1);
    assert_eq!(counts(&shop, &greeting).sent, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_wakes_when_the_time_on_the_page_is_up() {
    let shop = Shop::open().await;
    create(&shop.house, draft("Slow", vec![on_page(1)]));
    let token = person(&shop).await;

    let (mut client, payload) = log_in_at(&shop, &token, "https://shop.example/").await;

    assert_eq!(payload.get("greeting"), None);
    let push = client.push("incoming_greeting").await;
    assert_eq!(push["payload"]["displayed_first_time"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connections_of_the_browser_hear_that_it_is_accepted() {
    let shop = Shop::open().await;
    let greeting = create(&shop.house, draft("A", vec![]));
    let token = person(&shop).await;
    let (mut client, _) = log_in_at(&shop, &token, "https://shop.example/").await;
    let shown = client.push("incoming_greeting").await["payload"].clone();
    let (mut tab, payload) = shop.log_in(&token).await;
    assert_eq!(payload["greeting"]["unique_id"], shown["unique_id"]);

    assert_eq!(
        client.done("accept_greeting", answer(&shown)).await,
        json!({})
    );

    for client in [&mut client, &mut tab] {
        let push = client.push("greeting_accepted").await;
        assert_eq!(push["payload"], json!({"unique_id": shown["unique_id"]}));
        assert_eq!(push.get("request_id"), None);
    }
    client.done("accept_greeting", answer(&shown)).await;
    let counts = counts(&shop, &greeting);
    assert_eq!((counts.sent, counts.seen, counts.accepted), (1, 1, 1));
    let (_, payload) = shop.log_in(&token).await;
    assert_eq!(payload["greeting"]["accepted"], true);
    let statistics = &payload["customer"]["statistics"];
    assert_eq!(statistics["greetings_accepted_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_greeting_is_over_everywhere() {
    let shop = Shop::open().await;
    create(&shop.house, draft("A", vec![]));
    let token = person(&shop).await;
    let (mut client, _) = log_in_at(&shop, &token, "https://shop.example/").await;
    let shown = client.push("incoming_greeting").await["payload"].clone();
    let (mut tab, _) = shop.log_in(&token).await;
    let cancel = json!({"unique_id": shown["unique_id"]});

    assert_eq!(
        client.done("cancel_greeting", cancel.clone()).await,
        json!({})
    );

    for client in [&mut client, &mut tab] {
        let push = client.push("greeting_canceled").await;
        assert_eq!(push["payload"], cancel);
    }
    let gone = "greeting_not_found: greeting not found";
    assert_eq!(client.refused("cancel_greeting", cancel).await, gone);
    assert_eq!(
        client.refused("accept_greeting", answer(&shown)).await,
        gone
    );
    let (_, payload) = shop.log_in(&token).await;
    assert_eq!(payload.get("greeting"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greeting_of_an_agent_takes_the_place_of_the_one_that_is_shown() {
    let shop = Shop::open().await;
    create(&shop.house, draft("A", vec![]));
    let mut by_hand = draft("By hand", vec![]);
    by_hand.is_enabled = false;
    let by_hand = create(&shop.house, by_hand);
    let token = person(&shop).await;
    let (mut client, payload) = log_in_at(&shop, &token, "https://shop.example/").await;
    let shown = client.push("incoming_greeting").await["payload"].clone();

    send(&shop, &payload, by_hand.id);

    let canceled = client.push("greeting_canceled").await;
    assert_eq!(canceled["payload"]["unique_id"], shown["unique_id"]);
    let second = client.push("incoming_greeting").await["payload"].clone();
    assert_eq!(second["id"], by_hand.number);
    assert_eq!(second["displayed_first_time"], true);
    assert_eq!(second["agent"]["name"], "ada");
    assert_eq!(second["agent"]["is_bot"], false);
    assert_ne!(second["unique_id"], shown["unique_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_ends_the_greeting_and_counts_for_it() {
    let shop = Shop::open().await;
    let greeting = create(&shop.house, draft("A", vec![]));
    create(&shop.house, draft("B", vec![]));
    let token = person(&shop).await;
    let (mut client, _) = log_in_at(&shop, &token, "https://shop.example/").await;
    client.push("incoming_greeting").await;

    let start = json!({"chat": {"thread": {"events": [{"type": "message", "text": "Yes"}]}}});
    client.done("start_chat", start).await;
    client.push("incoming_chat").await;

    let (_, payload) = log_in_at(&shop, &token, "https://shop.example/next").await;
    assert_eq!(payload.get("greeting"), None);
    assert_eq!(payload["customer"]["statistics"]["chats_count"], 1);
    let counts = counts(&shop, &greeting);
    assert_eq!((counts.seen, counts.chats), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ones_own_or_makes_no_sense_is_refused() {
    let shop = Shop::open().await;
    let greeting = create(&shop.house, draft("A", vec![]));
    let (token, other) = (person(&shop).await, person(&shop).await);
    let (mut client, _) = log_in_at(&shop, &token, "https://shop.example/").await;
    let shown = client.push("incoming_greeting").await["payload"].clone();
    let (mut stranger, _) = shop.log_in(&other).await;
    let unique = &shown["unique_id"];
    let gone = "greeting_not_found: greeting not found";

    for (action, payload, want) in [
        ("accept_greeting", answer(&shown), gone),
        ("cancel_greeting", json!({"unique_id": unique}), gone),
    ] {
        assert_eq!(stranger.refused(action, payload).await, want, "{action}");
    }
    let number = "validation: greeting_id: must be a whole number";
    for (action, payload, want) in [
        (
            "accept_greeting",
            json!({"greeting_id": greeting.number + 1, "unique_id": unique}),
            gone,
        ),
        (
            "accept_greeting",
            json!({"greeting_id": 1, "unique_id": "nothing"}),
            gone,
        ),
        (
            "accept_greeting",
            json!({"unique_id": unique}),
            "validation: greeting_id: is required",
        ),
        ("accept_greeting", json!({"greeting_id": "1"}), number),
        (
            "accept_greeting",
            json!({"greeting_id": 1}),
            "validation: unique_id: is required",
        ),
        (
            "cancel_greeting",
            json!({"unique_id": 7}),
            "validation: unique_id: must be a string",
        ),
        (
            "cancel_greeting",
            json!({"unique_id": "x".repeat(200)}),
            "validation: unique_id: must have at most 128 characters",
        ),
    ] {
        let refused = client.refused(action, payload.clone()).await;
        assert!(refused.starts_with(want), "{action} {payload}: {refused}");
    }
    assert_eq!(counts(&shop, &greeting).accepted, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_at_once_get_one_greeting_which_one_of_them_gets_first() {
    let shop = Shop::open().await;
    let greeting = create(&shop.house, draft("A", vec![]));
    let token = person(&shop).await;
    let page = "https://shop.example/";

    let tabs = futures_util::future::join_all((0..6).map(|_| log_in_at(&shop, &token, page))).await;

    let mut unique = Vec::new();
    let mut firsts = 0;
    for (mut client, payload) in tabs {
        let shown = match payload.get("greeting") {
            Some(shown) => shown.clone(),
            None => client.push("incoming_greeting").await["payload"].clone(),
        };
        firsts += u32::from(shown["displayed_first_time"] == true);
        unique.push(shown["unique_id"].clone());
    }
    unique.dedup();
    assert_eq!((unique.len(), firsts), (1, 1));
    assert_eq!(counts(&shop, &greeting).sent, 1);
}
