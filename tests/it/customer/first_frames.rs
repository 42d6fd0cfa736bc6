//! The handshake and the first frame: who may open a socket, and what a login brings.

use parlor::Config;
use parlor::token::Token;
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use super::{Client, ORIGIN, Shop, login};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_brings_everything_a_client_needs_to_begin() {
    let shop = Shop::open().await;

    let visitor = shop.visitor().await;

    let login = &visitor.login;
    assert_eq!(login["epoch"], shop.app.db().epoch());
    assert_eq!(login["chats"], json!([]));
    assert_eq!(login["has_active_thread"], false);
    assert_eq!(login["customer"]["type"], "customer");
    assert_eq!(login["customer"]["session_fields"], json!([]));
    assert_eq!(
        login["customer"]["statistics"].as_object().unwrap().len(),
        6
    );
    let config = &login["__priv_dynamic_config"];
    assert_eq!(config["customer_groups"]["monitoring"]["id"], 0);
    assert!(config.get("online_groups_ids").is_none(), "nobody answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_token_is_the_same_visitor_and_another_is_another() {
    let shop = Shop::open().await;
    let first = shop.visitor().await;

    let (_, again) = shop.log_in(&first.token).await;
    let other = shop.visitor().await;

    assert_eq!(again["customer"]["id"], first.id());
    assert_ne!(other.id(), first.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_listed_at_the_next_login() {
    let shop = Shop::open().await;
    let (visitor, chat) = shop.chatting().await;
    let agent = shop.house.agent("ada");
    shop.house.say(&agent, chat.parse().unwrap(), "Welcome");

    let (_, login) = shop.log_in(&visitor.token).await;

    let line = &login["chats"][0];
    assert_eq!(line["chat_id"], chat);
    assert_eq!(line["has_active_thread"], true);
    assert_eq!(line["has_unread_events"], true);
    assert_eq!(login["has_active_thread"], true);
    assert_eq!(login["customer"]["statistics"]["chats_count"], 1);
    assert_eq!(login["customer"]["statistics"]["threads_count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_can_bring_the_profile_and_the_page() {
    let shop = Shop::open().await;
    let token = Token::random();
    let (mut other, _) = shop.log_in(&token).await;
    let mut client = shop.connect().await;
    let mut payload = login(&token);
    payload["customer"] =
        json!({"name": "Ada", "email": "ada@example.org", "session_fields": [{"plan": "pro"}]});
    payload["customer_page"] = json!({"url": "https://shop.example/tea", "title": "Tea"});

    let login = client.done("login", payload).await;

    assert_eq!(login["customer"]["name"], "Ada");
    assert_eq!(
        login["customer"]["session_fields"],
        json!([{"plan": "pro"}])
    );
    // The one is read from the database, the other goes out at once: either may come first.
    let (mut email, mut url) = (None, None);
    while email.is_none() || url.is_none() {
        let push = other.next().await.unwrap();
        let payload = &push["payload"];
        match push["action"].as_str() {
            Some("customer_updated") => email = Some(payload["customer"]["email"].clone()),
            Some("customer_page_updated") => url = Some(payload["url"].clone()),
            _ => {}
        }
    }
    assert_eq!(email, Some(json!("ada@example.org")));
    assert_eq!(url, Some(json!("https://shop.example/tea")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_login_cannot_be_is_refused_by_name() {
    let shop = Shop::open().await;
    let token = Token::random();
    let mut with_name = login(&token);
    with_name["customer"] = json!({"name": 1});
    let mut with_page = login(&token);
    with_page["customer_page"] = json!({"url": "javascript:alert(1)"});
    let cases = [
        (json!({}), "validation: token: is required"),
        (json!({"token": 1}), "validation: token: must be a string"),
        (
            json!({"token": "Bearer nonsense"}),
            "authentication: authentication failed",
        ),
        (
            json!({"token": "x".repeat(200)}),
            "validation: token: must have at most 128 characters",
        ),
        (with_name, "validation: customer.name: must be a string"),
        (
            with_page,
            "validation: customer_page.url: must be an http or https URL",
        ),
    ];
    let mut client = shop.connect().await;

    for (payload, refusal) in cases {
        assert_eq!(client.refused("login", payload).await, refusal);
    }
    client.done("login", login(&token)).await;
    assert_eq!(
        client.refused("login", login(&token)).await,
        "not_allowed: already logged in"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_works_before_the_login_but_a_ping() {
    let shop = Shop::open().await;
    let mut client = shop.connect().await;

    assert_eq!(
        client.refused("get_customer", json!({})).await,
        "authentication: log in first"
    );
    client.send_frame(&json!({"action": "ping"})).await.unwrap();
    let pong = client.next().await.unwrap();

    assert_eq!(
        pong,
        json!({"action": "ping", "type": "response", "success": true, "payload": {}})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_token_opens_nothing_for_a_stock_client() {
    let shop = Shop::open().await;
    let license = shop.url_of(&format!(
        "/v3.3/customer/rtm/ws?license_id={}",
        shop.site.license_id
    ));
    let mut client = Client::connect(&license, ORIGIN).await.unwrap();

    let refusal = client.refused("login", login(&Token::random())).await;

    assert_eq!(refusal, "authentication: authentication failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_has_three_names_and_any_prefix_before_its_path() {
    let shop = Shop::open().await;
    let token = shop.visitor().await.token;
    let site = &shop.site;
    for path in [
        format!("/v3.3/customer/rtm/ws?license_id={}", site.license_id),
        format!(
            "/v3.5/customer/rtm/ws?organization_id={}",
            site.organization_id
        ),
        format!("/x.livechatinc.com/v3.2/customer/rtm/ws?site={}", site.key),
        format!("/a/b/v3.4/customer/rtm/ws?site={}", site.key),
    ] {
        let mut client = Client::connect(&shop.url_of(&path), ORIGIN).await.unwrap();
        client.done("login", login(&token)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_site_and_an_unknown_version_are_told_so() {
    let shop = Shop::open().await;
    for (path, reason) in [
        (
            "/v3.2/customer/rtm/ws?site=nobody".to_owned(),
            "license_not_found",
        ),
        ("/v3.2/customer/rtm/ws".to_owned(), "license_not_found"),
        (
            format!("/v3.9/customer/rtm/ws?site={}", shop.site.key),
            "unsupported_version",
        ),
    ] {
        let mut client = Client::connect(&shop.url_of(&path), ORIGIN).await.unwrap();

        let ended = client.ended().await;

        assert_eq!(ended.code, 1008, "{path}");
        let push = client.push("customer_disconnected").await;
        assert_eq!(push["payload"]["reason"], reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_foreign_origin_gets_no_socket() {
    let shop = Shop::open().await;

    for origin in ["https://evil.example", "null", "http://shop.example"] {
        match Client::connect(&shop.url(), origin).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 403, "{origin}"),
            other => panic!("{origin}: {:?}", other.err()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_site_opens_nothing_here() {
    let shop = Shop::open().await;
    let token = shop.visitor().await.token;
    let other = crate::support::house::House::new(shop.app.db(), shop.app.clock());
    let site = other.site;
    let other = other
        .read(move |tx| parlor::store::sites::by_id(tx, site))
        .unwrap();
    let path = format!("/v3.2/customer/rtm/ws?site={}", other.key);
    let own = format!("http://{}", shop.app.address());
    let mut client = Client::connect(&shop.url_of(&path), &own).await.unwrap();

    let refusal = client.refused("login", login(&token)).await;

    assert_eq!(refusal, "authentication: authentication failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_holds_only_so_many_sockets() {
    let shop = Shop::open_with(Config {
        sockets_per_address: 2,
        ..Config::ephemeral()
    })
    .await;
    let first = shop.visitor().await;
    let _second = shop.visitor().await;

    let ended = shop.connect().await.ended().await;

    assert_eq!(
        (ended.code, ended.reason.as_str()),
        (1008, "too many sockets")
    );
    drop(first);
    crate::support::until("the socket is gone", || {
        shop.app.state().limits.open_sockets() == 1
    });
    shop.visitor().await;
}
