//! The visitor's own data, and who answers.

use parlor::domain::Hint;
use serde_json::json;

use super::Shop;
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
