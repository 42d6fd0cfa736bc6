//! What differs between the versions of the protocol, and what a handshake is told on the open socket.

use parlor::token::Token;
use serde_json::json;

use super::{Client, ORIGIN, Shop, login};

#[tokio::test(flavor = "multi_thread")]
async fn every_version_takes_every_name_of_the_site() {
    let shop = Shop::open().await;
    let names = [
        format!("site={}", shop.site.key),
        format!("license_id={}", shop.site.license_id),
        format!("organization_id={}", shop.site.organization_id),
    ];
    for version in ["v3.2", "v3.3", "v3.4", "v3.5"] {
        for name in &names {
            let path = format!("/x.livechatinc.com/{version}/customer/rtm/ws?{name}");

            let mut client = Client::connect(&shop.url_of(&path), ORIGIN).await.unwrap();

            client.send_frame(&json!({"action": "ping"})).await.unwrap();
            assert_eq!(client.next().await.unwrap()["action"], "ping", "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_cannot_be_served_is_told_why() {
    let shop = Shop::open().await;
    let site = format!("site={}", shop.site.key);
    let cases = [
        ("v3.1", site.as_str(), "unsupported_version"),
        ("v4.0", &site, "unsupported_version"),
        ("v3.2", "license_id=x", "license_not_found"),
        ("v3.2", "", "license_not_found"),
        ("v3.5", "organization_id=nobody", "license_not_found"),
    ];
    for (version, query, reason) in cases {
        let path = format!("/{version}/customer/rtm/ws?{query}");

        let mut client = Client::connect(&shop.url_of(&path), ORIGIN).await.unwrap();

        let told = client.push("customer_disconnected").await;
        assert_eq!(told["payload"]["reason"], reason, "{path}");
        assert_eq!(client.ended().await.code, 1008);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_the_pushes_it_asked_for_and_its_own_results() {
    let shop = Shop::open().await;
    let token = Token::random();
    let mut client = shop.connect().await;
    let mut payload = login(&token);
    payload["pushes"] = json!({"3.2": ["chat_deactivated"]});
    client.done("login", payload).await;
    let (mut other, _) = shop.log_in(&token).await;

    let start = json!({"chat": {"thread": {"events": [{"type": "message", "text": "Hi"}]}}});
    let started = client.done("start_chat", start).await;
    let own = client.push("incoming_chat").await;
    assert!(own["request_id"].is_string(), "it settles the request");
    let chat = started["chat_id"].as_str().unwrap();
    other.push("incoming_chat").await;
    let agent = shop.house.agent("ada");
    shop.house.say(&agent, chat.parse().unwrap(), "Welcome");
    other.push("incoming_event").await;
    other
        .done("deactivate_chat", json!({"chat_id": chat}))
        .await;

    let first = client.next().await.unwrap();
    assert_eq!(
        first["action"], "chat_deactivated",
        "nothing else came before"
    );
}
