//! The kinds of events a visitor may send besides plain messages, and what becomes of the others.

use serde_json::{Value, json};

use super::Shop;

fn send(chat: &str, event: Value) -> Value {
    json!({"chat_id": chat, "event": event})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_message_of_the_client_is_stored_and_pushed_as_one() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let (mut tab, _) = shop.log_in(&visitor.token).await;
    let event = json!({
        "type": "system_message", "text": "Put a <b>kettle</b> into the basket",
        "system_message_type": "shop.basket", "recipients": "all",
    });

    let sent = visitor.client.done("send_event", send(&chat, event)).await;

    let push = tab.push("incoming_event").await;
    let heard = &push["payload"]["event"];
    assert_eq!(heard["id"], sent["event_id"]);
    assert_eq!(heard["type"], "system_message");
    assert_eq!(heard["system_message_type"], "shop.basket");
    assert_eq!(heard["text"], "Put a <b>kettle</b> into the basket");
    let read = visitor
        .client
        .done("get_chat", json!({"chat_id": chat}))
        .await;
    let last = read["thread"]["events"].as_array().unwrap().last().unwrap();
    assert_eq!(last["id"], sent["event_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_visitor_cannot_send_is_refused_by_name_and_stores_nothing() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let cases = [
        (
            json!({"type": "system_message", "text": "x", "system_message_type": "a", "recipients": "agents"}),
            "validation: event.recipients: must be all",
        ),
        (
            json!({"type": "system_message", "text": "x"}),
            "validation: event.system_message_type: is required",
        ),
        (
            json!({"type": "file", "url": "https://x.example/"}),
            "validation: event.type: must be message or system_message",
        ),
    ];

    for (event, refusal) in cases {
        let refused = visitor.client.refused("send_event", send(&chat, event));
        assert_eq!(refused.await, refusal);
    }

    let read = visitor
        .client
        .done("get_chat", json!({"chat_id": chat}))
        .await;
    let texts = read["thread"]["events"].as_array().unwrap();
    assert_eq!(texts.last().unwrap()["text"], "Hello");
}
