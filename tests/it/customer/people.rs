//! The visitor's own data, and who answers.

use parlor::domain::Hint;
use parlor::token::Token;
use serde_json::{Value, json};

use super::{ORIGIN, Shop};
use crate::support::house;

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_updated_merged_and_pushed_with_only_what_changed() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let (mut tab, _) = shop.log_in(&visitor.token).await;
    let client = &mut visitor.client;

    let first = json!({"name": "Ada", "email": "ada@example.org", "session_fields": [{"plan": "pro"}, {"seats": "3"}]});
    assert_eq!(client.done("update_customer", first).await, json!({}));
    let push = tab.push("customer_updated").await;
    assert_eq!(push["payload"]["customer"]["name"], "Ada");
    client.push("customer_updated").await;
    client
        .done(
            "update_customer",
            json!({"session_fields": [{"plan": "free"}]}),
        )
        .await;

    let push = client.push("customer_updated").await;
    let changed = push["payload"]["customer"].as_object().unwrap();
    assert_eq!(changed.len(), 2, "the id and what changed: {push}");
    assert_eq!(
        changed["session_fields"],
        json!([{"plan": "free"}, {"seats": "3"}])
    );
    client
        .done(
            "set_customer_session_fields",
            json!({"session_fields": [{"only": "this"}]}),
        )
        .await;
    let customer = client.done("get_customer", json!({})).await;
    assert_eq!(customer["name"], "Ada");
    assert_eq!(customer["session_fields"], json!([{"only": "this"}]));
    assert_eq!(customer["statistics"]["chats_count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_session_fields_are_the_most() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let fields = |n: usize| -> Vec<_> { (0..n).map(|n| json!({n.to_string(): "x"})).collect() };

    let refusal = visitor
        .client
        .refused("update_customer", json!({"session_fields": fields(101)}))
        .await;

    assert!(
        refusal.starts_with("customer_session_fields_limit_reached: "),
        "{refusal}"
    );
    visitor
        .client
        .done("update_customer", json!({"session_fields": fields(100)}))
        .await;
    let refusal = visitor
        .client
        .refused(
            "update_customer",
            json!({"session_fields": [{"more": "x"}]}),
        )
        .await;
    assert!(
        refusal.starts_with("customer_session_fields_limit_reached: "),
        "{refusal}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_data_names_its_field() {
    let shop = Shop::open().await;
    let client = &mut shop.visitor().await.client;
    for (action, payload, message) in [
        (
            "update_customer",
            json!({"email": "nobody"}),
            "email: must be an e-mail address",
        ),
        (
            "update_customer",
            json!({"session_fields": {}}),
            "session_fields: must be a list",
        ),
        (
            "set_customer_session_fields",
            json!({}),
            "session_fields: is required",
        ),
        ("update_customer_page", json!({}), "url: is required"),
        (
            "update_customer_page",
            json!({"url": "javascript:alert(1)"}),
            "url: must be an http or https URL",
        ),
        (
            "list_group_statuses",
            json!({}),
            "group_ids: is required unless all is true",
        ),
        (
            "list_group_statuses",
            json!({"group_ids": ["x"]}),
            "group_ids: must be a list of whole numbers",
        ),
    ] {
        let refusal = client.refused(action, payload).await;
        assert_eq!(refusal, format!("validation: {message}"), "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_change_reaches_the_visitors_connections() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;

    let payload = json!({"url": "https://shop.example/tea", "title": "Tea"});
    visitor.client.done("update_customer_page", payload).await;

    let push = visitor.client.push("customer_page_updated").await;
    assert_eq!(push["payload"]["title"], "Tea");
    assert!(push["payload"]["timestamp"].is_i64() && push["payload"]["opened_at"].is_string());
}

/// Sends calls as the page of a browser does.
async fn track(shop: &Shop, token: &Token, calls: Value) {
    let url = format!("{}/track", shop.app.url());
    let body = json!({"site": shop.site.key, "token": token.as_str(), "calls": calls}).to_string();
    let sent = tokio::task::spawn_blocking(move || {
        ureq::post(url)
            .header("Origin", ORIGIN)
            .send(body)
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap()
    });
    let answer: Value = serde_json::from_str(&sent.await.unwrap()).unwrap();
    for result in answer["results"].as_array().unwrap() {
        assert_eq!(result["ok"], true, "{answer}");
    }
}

fn identify(new_token: &Token, profile: Value) -> Value {
    let mut call =
        json!({"id": "i", "call": "identify", "user_id": "42", "new_token": new_token.as_str()});
    call.as_object_mut()
        .unwrap()
        .extend(profile.as_object().unwrap().clone());
    json!([call])
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_claims_a_user_id_is_told_nothing_of_that_user() {
    const SECRETS: [&str; 4] = ["Ada", "ada@example.org", "pro", "ada.png"];
    let shop = Shop::open().await;
    let profile = json!({"name": "Ada", "email": "ada@example.org", "avatar_url": "https://shop.example/ada.png"});
    let (ada, thief, claimed) = (Token::random(), Token::random(), Token::random());
    track(&shop, &ada, identify(&Token::random(), profile)).await;
    let (mut client, _) = shop.log_in(&ada).await;
    let plan = json!({"session_fields": [{"plan": "pro"}]});
    client.done("update_customer", plan).await;

    track(&shop, &thief, identify(&claimed, json!({}))).await;
    let (mut spy, login) = shop.log_in(&claimed).await;
    let customer = spy.done("get_customer", json!({})).await;
    let begin = json!({"chat": {"thread": {"events": [{"type": "message", "text": "Hi"}]}}});
    let started = spy.done("start_chat", begin).await;
    let chat = spy.push("incoming_chat").await;
    let listed = spy.done("list_chats", json!({})).await;
    let id = json!({"chat_id": started["chat_id"]});
    let read = spy.done("get_chat", id).await;

    assert_eq!(
        login["customer"]["id"],
        client.done("get_customer", json!({})).await["id"],
        "the claim led to the visitor who has the user id"
    );
    for told in [login, customer, chat, listed, read] {
        let text = told.to_string();
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_claims_a_user_id_is_not_told_where_that_user_is() {
    let shop = Shop::open().await;
    let (ada, thief, claimed) = (Token::random(), Token::random(), Token::random());
    track(&shop, &ada, identify(&Token::random(), json!({}))).await;
    track(&shop, &thief, identify(&claimed, json!({}))).await;
    let (mut client, _) = shop.log_in(&ada).await;
    let (mut spy, _) = shop.log_in(&claimed).await;

    let page = json!({"url": "https://shop.example/secret", "title": "Secret"});
    client.done("update_customer_page", page).await;
    client.push("customer_page_updated").await;
    client.done("update_customer", json!({"name": "Ada"})).await;
    spy.done("get_customer", json!({})).await;

    let heard = json!(spy.kept()).to_string();
    assert!(
        !heard.contains("Secret") && !heard.contains("Ada"),
        "{heard}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn availability_is_told_at_login_on_request_and_when_it_changes() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let client = &mut visitor.client;
    let offline = client
        .done("list_group_statuses", json!({"all": true}))
        .await;
    assert_eq!(offline["groups_status"]["0"], "offline");
    let ada = shop.house.agent("ada");

    shop.house.connect(&ada);
    let agent = house::agent_id(&ada);
    shop.house
        .write(move |tx, _| tx.emit(Hint::AgentChanged { agent }))
        .unwrap();

    let push = client.push("incoming_multicast").await;
    let content = &push["payload"]["content"];
    assert_eq!(content["name"], "groups_update");
    assert_eq!(content["groups"][0], json!({"id": 0, "status": "online"}));
    let online = client
        .done("list_group_statuses", json!({"group_ids": [0, 99]}))
        .await;
    assert_eq!(online["groups_status"], json!({"0": "online"}));
    let (_, login) = shop.log_in(&visitor.token).await;
    assert_eq!(
        login["__priv_dynamic_config"]["online_groups_ids"],
        json!([0])
    );
}
