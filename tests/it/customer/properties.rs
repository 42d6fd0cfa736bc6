//! Properties of chats, threads and events on the wire, ratings, and pressed buttons.

use parlor::domain::event::{Event, NewEvent};
use parlor::domain::ids::ChatId;
use parlor::domain::rich_message::RichMessage;
use parlor::token::Token;
use serde_json::{Value, json};

use super::{Client, ORIGIN, Shop, Visitor, login, message};

/// The newest thread of a chat as its visitor reads it.
async fn thread(visitor: &mut Visitor, chat: &str) -> Value {
    let read = visitor.client.done("get_chat", json!({"chat_id": chat}));
    read.await["thread"].clone()
}

/// A chat with its ids of chat, thread and first event.
async fn ids(shop: &Shop) -> (Visitor, Value) {
    let (mut visitor, chat) = shop.chatting().await;
    let thread = thread(&mut visitor, &chat).await;
    let ids =
        json!({"chat_id": chat, "thread_id": thread["id"], "event_id": thread["events"][0]["id"]});
    (visitor, ids)
}

fn with(ids: &Value, properties: Value) -> Value {
    let mut payload = ids.clone();
    payload["properties"] = properties;
    payload
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_properties_are_pushed_to_all_tabs_and_read_back() {
    let shop = Shop::open().await;
    let (mut visitor, ids) = ids(&shop).await;
    let (mut tab, _) = shop.log_in(&visitor.token).await;
    let chat = ids["chat_id"].as_str().unwrap().to_owned();
    for of in ["chat", "thread", "event"] {
        let set = with(&ids, json!({"shop": {"cart": 3, "vip": true}}));
        visitor
            .client
            .done(&format!("update_{of}_properties"), set.clone())
            .await;
        let more = with(&ids, json!({"shop": {"cart": 3, "note": "x"}}));
        visitor
            .client
            .done(&format!("update_{of}_properties"), more.clone())
            .await;
        visitor
            .client
            .done(&format!("update_{of}_properties"), more)
            .await;
        let gone = with(&ids, json!({"shop": ["vip", "unknown"], "x": ["y"]}));
        visitor
            .client
            .done(&format!("delete_{of}_properties"), gone)
            .await;

        for client in [&mut visitor.client, &mut tab] {
            let updated = format!("{of}_properties_updated");
            let first = client.push(&updated).await["payload"].clone();
            assert_eq!(first["properties"], set["properties"]);
            assert_eq!(first["chat_id"], ids["chat_id"]);
            assert_eq!(first.get("thread_id").is_some(), of != "chat", "{first}");
            assert_eq!(first.get("event_id").is_some(), of == "event", "{first}");
            let second = client.push(&updated).await["payload"].clone();
            assert_eq!(second["properties"], json!({"shop": {"note": "x"}}));
            let last = client.push(&format!("{of}_properties_deleted")).await["payload"].clone();
            assert_eq!(last["properties"], json!({"shop": ["vip"]}));
            // The repeat changed nothing, so it took no number.
            assert_eq!(last["seq"], second["seq"].as_i64().unwrap() + 1);
        }
    }
    let left = json!({"shop": {"cart": 3, "note": "x"}});
    let read = visitor
        .client
        .done("get_chat", json!({"chat_id": chat}))
        .await;
    assert_eq!(read["properties"], left);
    assert_eq!(read["thread"]["properties"], left);
    assert_eq!(read["thread"]["events"][0]["properties"], left);
    let epoch = shop.app.db().epoch().to_owned();
    let resumed = json!({"chat_id": chat, "after_seq": 0, "epoch": epoch});
    let resumed = visitor.client.done("resume", resumed).await;
    let first = &resumed["events"].as_array().unwrap()[1];
    assert_eq!(first["properties"], left, "{resumed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn later_versions_name_the_chat_of_its_properties_by_id() {
    let shop = Shop::open().await;
    let (visitor, ids) = ids(&shop).await;
    let path = format!("/v3.5/customer/rtm/ws?site={}", shop.site.key);
    let mut client = Client::connect(&shop.url_of(&path), ORIGIN).await.unwrap();
    client.done("login", login(&visitor.token)).await;

    let set = json!({"id": ids["chat_id"], "properties": {"a": {"b": 1}}});
    client.done("update_chat_properties", set).await;
    let old = with(&ids, json!({"a": {"b": 2}}));
    let refused = client.refused("update_chat_properties", old).await;

    assert_eq!(refused, "validation: id: is required");
    let push = client.push("chat_properties_updated").await;
    assert_eq!(push["payload"]["chat_id"], ids["chat_id"]);
}

/// What is refused, by name; `own` and `foreign` are ids of two visitors.
fn refusals(own: &Value, foreign: &Value) -> Vec<(&'static str, Value, &'static str)> {
    let good = json!({"a": {"b": 1}});
    vec![
        (
            "update_chat_properties",
            own.clone(),
            "validation: properties: is required",
        ),
        (
            "update_chat_properties",
            with(own, json!([])),
            "validation: properties: must be an object",
        ),
        (
            "update_thread_properties",
            with(own, json!({"a": 1})),
            "validation: properties.a: must be an object",
        ),
        (
            "update_event_properties",
            with(own, json!({"a": {"b": null}})),
            "validation: properties.a.b: must be a text, a whole number or a boolean",
        ),
        (
            "delete_chat_properties",
            with(own, json!({"a": {"b": 1}})),
            "validation: properties.a: must be a list of names",
        ),
        (
            "delete_event_properties",
            with(own, json!({"a": [1]})),
            "validation: properties.a: must be a list of names",
        ),
        (
            "update_thread_properties",
            with(own, json!({"rating": {"score": 2}})),
            "validation: properties.rating.score: must be 0 or 1",
        ),
        (
            "update_thread_properties",
            with(own, json!({"rating": {"score": 1, "comment": 5}})),
            "validation: properties.rating.comment: must be a text",
        ),
        (
            "update_chat_properties",
            with(foreign, good.clone()),
            "not_found: chat not found",
        ),
        (
            "update_thread_properties",
            with(foreign, good.clone()),
            "not_found: chat not found",
        ),
        (
            "delete_event_properties",
            with(foreign, json!({"a": ["b"]})),
            "not_found: chat not found",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_properties_cannot_be_is_named_and_foreign_ids_are_not_found() {
    let shop = Shop::open().await;
    let (mut visitor, own) = ids(&shop).await;
    let (_, foreign) = ids(&shop).await;
    let good = json!({"a": {"b": 1}});
    let mut cases = refusals(&own, &foreign);
    let mut mixed = with(&own, good.clone());
    mixed["thread_id"] = foreign["thread_id"].clone();
    cases.push((
        "update_thread_properties",
        mixed.clone(),
        "not_found: thread not found",
    ));
    cases.push((
        "update_event_properties",
        mixed,
        "not_found: event not found",
    ));
    let mut mixed = with(&own, good.clone());
    mixed["event_id"] = foreign["event_id"].clone();
    cases.push((
        "update_event_properties",
        mixed,
        "not_found: event not found",
    ));
    let mut wrong = with(&own, good);
    wrong["event_id"] = 7.into();
    cases.push((
        "update_event_properties",
        wrong,
        "validation: event_id: must be a string",
    ));
    for (action, payload, message) in cases {
        let refused = visitor.client.refused(action, payload.clone()).await;
        assert_eq!(refused, message, "{action} {payload}");
    }
    let many: Value = (0..101).map(|n| (n.to_string(), json!(1))).collect();
    let refused = visitor
        .client
        .refused("update_event_properties", with(&own, json!({ "a": many })))
        .await;
    assert_eq!(refused, "validation: properties: at most 100 properties");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rating_is_said_in_the_conversation_also_when_the_chat_is_closed() {
    let shop = Shop::open().await;
    let (mut visitor, ids) = ids(&shop).await;
    visitor
        .client
        .done("deactivate_chat", json!({"chat_id": ids["chat_id"]}))
        .await;
    visitor.client.push("chat_deactivated").await;
    visitor.client.kept();
    let rating = with(&ids, json!({"rating": {"score": 1, "comment": "Fast"}}));

    visitor
        .client
        .done("update_thread_properties", rating.clone())
        .await;
    visitor
        .client
        .done("update_thread_properties", rating)
        .await;
    let gone = with(&ids, json!({"rating": ["score"]}));
    visitor.client.done("delete_thread_properties", gone).await;

    visitor.client.push("thread_properties_updated").await;
    let mut said = Vec::new();
    for _ in 0..3 {
        let push = visitor.client.push("incoming_event").await;
        assert!(push.get("request_id").is_none(), "{push}");
        assert_eq!(push["payload"]["thread_id"], ids["thread_id"]);
        let event = push["payload"]["event"].clone();
        assert!(event.get("author_id").is_none(), "{event}");
        said.push(event);
    }
    let kinds: Vec<&str> = said
        .iter()
        .map(|event| event["system_message_type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "rating.chat_rated",
            "rating.chat_commented",
            "rating.chat_rating_canceled"
        ]
    );
    assert_eq!(said[0]["text_vars"], json!({"score": "good"}));
    assert_eq!(said[1]["text_vars"], json!({"comment": "Fast"}));
    let chat = ids["chat_id"].as_str().unwrap().to_owned();
    let left = thread(&mut visitor, &chat).await;
    assert_eq!(left["properties"], json!({"rating": {"comment": "Fast"}}));
}

fn choice(shop: &Shop, chat: ChatId) -> Event {
    let ada = shop.house.agent("ada");
    let rich = json!({"template_id": "quick_replies", "elements": [{"title": "Tea?", "buttons": [
        {"type": "message", "text": "Yes", "postback_id": "yes", "value": "Yes"},
        {"type": "message", "text": "No", "postback_id": "no", "value": "No"}]}]});
    let rich = RichMessage::parse("", rich.as_object().unwrap()).unwrap();
    let rich = NewEvent::rich_message(rich);
    shop.house.send(&ada, chat, &rich).unwrap().event
}

fn press(chat: &str, event: &Event, id: &str, toggled: bool) -> Value {
    json!({"chat_id": chat, "thread_id": event.thread, "event_id": event.id,
        "postback": {"id": id, "toggled": toggled}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pressed_button_is_pushed_once_and_shown_wherever_the_message_is() {
    const ACTION: &str = "send_rich_message_postback";
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let (mut tab, _) = shop.log_in(&visitor.token).await;
    let stored = choice(&shop, chat.parse().unwrap());
    let event = &stored;
    for (id, toggled) in [("yes", true), ("yes", true), ("no", true), ("no", false)] {
        visitor
            .client
            .done(ACTION, press(&chat, event, id, toggled))
            .await;
    }
    let me = visitor.id().to_owned();
    for client in [&mut visitor.client, &mut tab] {
        let mut heard = Vec::new();
        for _ in 0..3 {
            let push = client.push("incoming_rich_message_postback").await["payload"].clone();
            assert_eq!(push["user_id"], me.as_str());
            assert_eq!(push["event_id"], event.id.to_string());
            assert_eq!(push["thread_id"], event.thread.to_string());
            heard.push(push["postback"].clone());
        }
        let want = [("yes", true), ("no", true), ("no", false)];
        let want: Vec<Value> = want
            .iter()
            .map(|(id, toggled)| json!({"id": id, "toggled": toggled}))
            .collect();
        assert_eq!(heard, want);
    }
    let epoch = shop.app.db().epoch().to_owned();
    for (action, payload) in [
        ("get_chat", json!({"chat_id": chat})),
        ("list_chats", json!({})),
        ("list_threads", json!({"chat_id": chat})),
        (
            "resume",
            json!({"chat_id": chat, "after_seq": 0, "epoch": epoch}),
        ),
    ] {
        let read = tab.done(action, payload).await.to_string();
        let pressed = format!("\"user_ids\":[\"{me}\"]");
        assert_eq!(read.matches(&pressed).count(), 1, "{action}: {read}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_in_a_closed_thread_is_stored_and_pushed_to_nobody() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let id: ChatId = chat.parse().unwrap();
    let event = choice(&shop, id);
    shop.house.close(&shop.house.agent("bob"), id).unwrap();
    visitor.client.push("chat_deactivated").await;

    let press = press(&chat, &event, "yes", true);
    visitor
        .client
        .done("send_rich_message_postback", press)
        .await;

    let push = visitor.client.push("seq_only").await;
    assert_eq!(push["payload"]["seq"], shop.house.row(id).last_seq);
    let read = thread(&mut visitor, &chat).await.to_string();
    assert!(read.contains(&format!("[\"{}\"]", visitor.id())), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_pressed_is_refused() {
    const ACTION: &str = "send_rich_message_postback";
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let (mut other, foreign) = shop.chatting().await;
    let event = choice(&shop, chat.parse().unwrap());
    let good = || press(&chat, &event, "yes", true);
    let changed = |name: &str, value: Value| {
        let mut payload = good();
        payload[name] = value;
        payload
    };
    let text = thread(&mut visitor, &chat).await["events"][0]["id"].clone();
    for (payload, message) in [
        (
            changed("chat_id", json!(foreign)),
            "not_found: chat not found",
        ),
        (
            changed("thread_id", json!("77")),
            "not_found: event not found",
        ),
        (
            changed("event_id", json!("77")),
            "not_found: event not found",
        ),
        (changed("event_id", text), "not_found: event not found"),
        (
            changed("event_id", json!(7)),
            "validation: event_id: must be a string",
        ),
        (
            changed("postback", json!({"id": "maybe", "toggled": true})),
            "not_found: postback not found",
        ),
        (
            changed("postback", json!({"id": "yes"})),
            "validation: postback.toggled: is required",
        ),
        (
            changed("postback", json!({"id": "yes", "toggled": 1})),
            "validation: postback.toggled: must be true or false",
        ),
        (
            changed("postback", json!({"toggled": true})),
            "validation: postback.id: is required",
        ),
        (
            changed("postback", Value::Null),
            "validation: postback: is required",
        ),
    ] {
        let refused = visitor.client.refused(ACTION, payload.clone()).await;
        assert_eq!(refused, message, "{payload}");
    }
    let refused = other.client.refused(ACTION, good()).await;
    assert_eq!(refused, "not_found: chat not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_has_seen_the_chat_up_to_there() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;

    visitor
        .client
        .done("send_event", message(&chat, "More", "m"))
        .await;

    let sent = visitor.client.push("incoming_event").await;
    let read = visitor
        .client
        .done("get_chat", json!({"chat_id": chat}))
        .await;
    assert_eq!(
        read["users"][0]["events_seen_up_to"],
        sent["payload"]["event"]["created_at"]
    );
    let fresh = Token::random();
    let (mut stranger, _) = shop.log_in(&fresh).await;
    let peek = json!({"chat_id": chat, "sneak_peek_text": "x"});
    let refused = stranger.refused("send_sneak_peek", peek).await;
    assert_eq!(refused, "not_found: chat not found");
}
