//! Starting, sending, closing: what the requester gets, what the others get, and in which order.

use parlor::domain::event::Recipients;
use serde_json::{Value, json};

use super::{Shop, message};
use crate::support::house;

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_begins_with_a_push_that_carries_the_requests_id() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let payload = json!({"continuous": true, "chat": {"access": {"group_ids": [0]},
        "properties": {"shop": {"cart": 3}},
        "thread": {"properties": {"a": {"b": true}}, "events": [
            {"type": "message", "text": "Hello", "custom_id": "c1"}]}}});

    let id = visitor.client.send("start_chat", &payload).await.unwrap();
    let response = visitor.client.response(&id).await.unwrap();
    let push = visitor.client.push("incoming_chat").await;

    assert_eq!(push["request_id"], id);
    let chat = &push["payload"]["chat"];
    assert_eq!(chat["id"], response["payload"]["chat_id"]);
    assert_eq!(chat["properties"]["shop"]["cart"], 3);
    assert_eq!(chat["thread"]["id"], response["payload"]["thread_id"]);
    assert_eq!(chat["thread"]["active"], true);
    assert_eq!(chat["thread"]["properties"]["a"]["b"], true);
    assert_eq!(chat["users"][0]["type"], "customer");
    let event = &chat["thread"]["events"][0];
    assert_eq!(event["id"], response["payload"]["event_ids"][0]);
    assert_eq!(event["author_id"], visitor.id());
    assert_eq!(
        (&event["text"], &event["custom_id"]),
        (&json!("Hello"), &json!("c1"))
    );
    assert_eq!(push["payload"]["seq"], 1);
    assert_eq!(push["payload"]["last_seq"], event["seq"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tab_hears_of_a_new_chat_and_everything_in_it() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let (mut tab, _) = shop.log_in(&visitor.token).await;

    let chat = visitor.start("Hello").await;

    let push = tab.push("incoming_chat").await;
    assert_eq!(push["payload"]["chat"]["id"], chat);
    assert!(push.get("request_id").is_none(), "{push}");
    let push = tab.push("incoming_event").await;
    assert_eq!(push["payload"]["event"]["text"], "Hello");
    visitor
        .client
        .done("send_event", message(&chat, "More", "c2"))
        .await;
    let push = tab.push("incoming_event").await;
    assert_eq!(push["payload"]["event"]["text"], "More");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sent_event_settles_once_on_the_requesters_connection_only() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let (mut tab, _) = shop.log_in(&visitor.token).await;

    let id = visitor
        .client
        .send("send_event", &message(&chat, "Hi", "c1"))
        .await
        .unwrap();
    let response = visitor.client.response(&id).await.unwrap();

    let payload = &response["payload"];
    assert_eq!(payload["custom_id"], "c1");
    assert_eq!(payload["duplicate"], false);
    let push = visitor.client.push("incoming_event").await;
    assert_eq!(push["request_id"], id);
    assert_eq!(push["payload"]["event"]["id"], payload["event_id"]);
    assert_eq!(push["payload"]["event"]["seq"], payload["seq"]);
    let push = tab.push("incoming_event").await;
    assert!(push.get("request_id").is_none(), "{push}");
    assert_eq!(push["payload"]["event"]["seq"], payload["seq"]);

    // A second message flushes the first one's echo, if there was one.
    visitor
        .client
        .done("send_event", message(&chat, "Ho", "c2"))
        .await;
    let push = visitor.client.push("incoming_event").await;
    assert_eq!(push["payload"]["event"]["text"], "Ho");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_send_gets_the_first_result_and_its_own_push() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let first = visitor
        .client
        .done("send_event", message(&chat, "Hi", "c1"))
        .await;
    visitor.client.push("incoming_event").await;
    let (mut tab, _) = shop.log_in(&visitor.token).await;

    let id = tab
        .send("send_event", &message(&chat, "Hi", "c1"))
        .await
        .unwrap();
    let response = tab.response(&id).await.unwrap();

    assert_eq!(response["payload"]["duplicate"], true);
    assert_eq!(response["payload"]["event_id"], first["event_id"]);
    assert_eq!(response["payload"]["seq"], first["seq"]);
    let push = tab.push("incoming_event").await;
    assert_eq!(push["request_id"], id);
    assert_eq!(push["payload"]["event"]["seq"], first["seq"]);

    visitor
        .client
        .done("send_event", message(&chat, "Next", "c2"))
        .await;
    let push = visitor.client.push("incoming_event").await;
    assert_eq!(
        push["payload"]["event"]["text"], "Next",
        "the repeat went to the requester alone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_id_is_for_one_content() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    visitor
        .client
        .done("send_event", message(&chat, "Hi", "c1"))
        .await;

    let refusal = visitor
        .client
        .refused("send_event", message(&chat, "Something else", "c1"))
        .await;

    assert!(refusal.starts_with("custom_id_reused: "), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_start_gets_the_first_chat_and_a_second_one_is_refused() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let payload = json!({"chat": {"thread": {"events": [{"type": "message", "text": "Hello", "custom_id": "c1"}]}}});
    let first = visitor.client.done("start_chat", payload.clone()).await;
    visitor.client.push("incoming_chat").await;

    let id = visitor.client.send("start_chat", &payload).await.unwrap();
    let again = visitor.client.response(&id).await.unwrap();
    let push = visitor.client.push("incoming_chat").await;
    let second = visitor.client.refused("start_chat", json!({})).await;

    assert_eq!(again["payload"]["duplicate"], true);
    assert_eq!(again["payload"]["chat_id"], first["chat_id"]);
    assert_eq!(push["request_id"], id);
    assert!(second.starts_with("chat_limit_reached: "), "{second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_chat_takes_events_only_when_they_are_attached_and_opens_again() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let (mut tab, _) = shop.log_in(&visitor.token).await;

    let id = visitor
        .client
        .send("deactivate_chat", &json!({"chat_id": chat}))
        .await
        .unwrap();
    assert_eq!(
        visitor.client.response(&id).await.unwrap()["payload"],
        json!({})
    );
    let line = visitor.client.push("incoming_event").await;
    let closed = visitor.client.push("chat_deactivated").await;

    assert_eq!(line["payload"]["event"]["type"], "system_message");
    assert!(line.get("request_id").is_none(), "{line}");
    assert_eq!(closed["request_id"], id);
    assert_eq!(closed["payload"]["user_id"], visitor.id());
    assert!(
        tab.push("chat_deactivated")
            .await
            .get("request_id")
            .is_none()
    );

    let client = &mut visitor.client;
    let refusal = client
        .refused("send_event", message(&chat, "Hi", "c1"))
        .await;
    assert!(refusal.starts_with("chat_inactive: "), "{refusal}");
    let refusal = client
        .refused("deactivate_chat", json!({"chat_id": chat}))
        .await;
    assert!(refusal.starts_with("chat_inactive: "), "{refusal}");
    let mut attached = message(&chat, "One more thing", "c1");
    attached["attach_to_last_thread"] = true.into();
    client.done("send_event", attached).await;

    let again =
        json!({"chat": {"id": chat, "thread": {"events": [{"type": "message", "text": "Back"}]}}});
    let id = client.send("activate_chat", &again).await.unwrap();
    let response = client.response(&id).await.unwrap();
    let push = client.push("incoming_chat").await;
    assert_eq!(push["request_id"], id);
    assert_eq!(
        push["payload"]["chat"]["thread"]["id"],
        response["payload"]["thread_id"]
    );
    assert!(push["payload"]["chat"]["thread"]["previous_thread_id"].is_string());
    assert_eq!(
        push["payload"]["chat"]["thread"]["events"][0]["text"],
        "Back"
    );
    let refusal = client
        .refused("activate_chat", json!({"chat": {"id": chat}}))
        .await;
    assert!(refusal.starts_with("chat_already_active: "), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_work_reaches_the_visitor_with_gapless_numbers_and_without_notes() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let id = chat.parse().unwrap();
    let ada = shop.house.agent("ada");

    let note = house::message("difficult").for_recipients(Recipients::Agents);
    shop.house.send(&ada, id, &note).unwrap();
    shop.house.say(&ada, id, "Welcome");
    shop.house.close(&ada, id).unwrap();

    let mut seqs = Vec::new();
    let mut actions = Vec::new();
    while actions.last().is_none_or(|last| last != "chat_deactivated") {
        let frame = visitor.client.next().await.unwrap();
        assert!(!frame.to_string().contains("difficult"), "{frame}");
        let payload = &frame["payload"];
        let seq = payload["seq"].as_i64().or(payload["event"]["seq"].as_i64());
        seqs.push(seq.unwrap());
        actions.push(frame["action"].as_str().unwrap().to_owned());
    }
    let last = shop.house.row(id).last_seq;
    let first = seqs[0];
    assert_eq!(seqs, (first..=last).collect::<Vec<_>>(), "{actions:?}");
    assert_eq!(actions[0], "seq_only");
    for action in ["user_added_to_chat", "incoming_event", "chat_transferred"] {
        assert!(
            actions.iter().any(|a| a == action),
            "{action} in {actions:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seen_marks_are_stored_and_pushed_to_all() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let ada = shop.house.agent("ada");
    let said = shop.house.say(&ada, chat.parse().unwrap(), "Welcome");
    let event = loop {
        let mut push = visitor.client.push("incoming_event").await;
        if push["payload"]["event"]["seq"] == said.seq {
            break push["payload"]["event"].take();
        }
    };

    let payload = json!({"chat_id": chat, "seen_up_to": event["created_at"]});
    assert_eq!(
        visitor.client.done("mark_events_as_seen", payload).await,
        json!({})
    );

    let push = visitor.client.push("events_marked_as_seen").await;
    assert_eq!(push["payload"]["user_id"], visitor.id());
    assert_eq!(push["payload"]["seen_up_to"], event["created_at"]);
    assert!(push["payload"]["seq"].as_i64().unwrap() > said.seq);
    let (_, login) = shop.log_in(&visitor.token).await;
    assert_eq!(login["chats"][0]["has_unread_events"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_types_name_their_field_and_nothing_is_stored() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let before = shop.house.row(chat.parse().unwrap()).last_seq;

    for (action, payload, message) in wrong_types(&chat) {
        let refusal = visitor.client.refused(action, payload).await;
        assert_eq!(refusal, format!("validation: {message}"), "{action}");
    }
    assert_eq!(shop.house.row(chat.parse().unwrap()).last_seq, before);
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn wrong_types(chat: &str) -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("send_event", json!({}), "chat_id: is required"),
        (
            "send_event",
            json!({"chat_id": 7}),
            "chat_id: must be a string",
        ),
        ("send_event", json!({"chat_id": chat}), "event: is required"),
        (
            "send_event",
            json!({"chat_id": chat, "event": []}),
            "event: must be an object",
        ),
        (
            "send_event",
            json!({"chat_id": chat, "event": {"type": "file", "url": "x"}}),
            "event.url: must be the address that an upload of yours returned",
        ),
        (
            "send_event",
            json!({"chat_id": chat, "event": {"type": "message", "text": "x"}, "attach_to_last_thread": 1}),
            "attach_to_last_thread: must be true or false",
        ),
        ("start_chat", json!({"chat": 1}), "chat: must be an object"),
        (
            "start_chat",
            json!({"continuous": "yes"}),
            "continuous: must be true or false",
        ),
        (
            "start_chat",
            json!({"chat": {"access": {"group_ids": ["x"]}}}),
            "chat.access.group_ids: must be a list of whole numbers",
        ),
        (
            "start_chat",
            json!({"chat": {"thread": {"events": [{"type": "message"}]}}}),
            "chat.thread.events.0.text: is required",
        ),
        (
            "start_chat",
            json!({"chat": {"properties": {"a": 1}}}),
            "chat.properties.a: must be an object",
        ),
        ("activate_chat", json!({}), "chat: is required"),
        ("activate_chat", json!({"chat": {}}), "chat.id: is required"),
        ("deactivate_chat", json!({}), "chat_id: is required"),
        (
            "mark_events_as_seen",
            json!({"chat_id": chat}),
            "seen_up_to: is required",
        ),
        (
            "mark_events_as_seen",
            json!({"chat_id": chat, "seen_up_to": "soon"}),
            "seen_up_to: must be an RFC 3339 time",
        ),
        (
            "send_sneak_peek",
            json!({"chat_id": chat}),
            "sneak_peek_text: is required",
        ),
        (
            "typing",
            json!({"chat_id": chat, "is_typing": "yes"}),
            "is_typing: must be true or false",
        ),
        (
            "resume",
            json!({"chat_id": chat, "epoch": "x"}),
            "after_seq: is required",
        ),
        (
            "resume",
            json!({"chat_id": chat, "after_seq": -1, "epoch": "x"}),
            "after_seq: must be a whole number from 0 to 9223372036854775807",
        ),
        (
            "resume",
            json!({"chat_id": chat, "after_seq": 0}),
            "epoch: is required",
        ),
        ("no_such_action", json!({}), "action: is not known"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_does_not_exist_takes_no_chat() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;

    let payload = json!({"chat": {"access": {"group_ids": [77]}}});
    let refusal = visitor.client.refused("start_chat", payload).await;

    assert!(refusal.starts_with("group_not_found: "), "{refusal}");
    visitor.start("Hello").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_visitors_chat_is_not_found_whatever_is_asked() {
    let shop = Shop::open().await;
    let (_owner, chat) = shop.chatting().await;
    let mut stranger = shop.visitor().await;
    let epoch = shop.app.db().epoch();
    let before = shop.house.row(chat.parse().unwrap()).last_seq;

    for id in [chat.as_str(), "123456789", "PJ0MRSHTDG", "", "0"] {
        for (action, payload) in [
            ("send_event", message(id, "Hi", "c1")),
            ("activate_chat", json!({"chat": {"id": id}})),
            ("deactivate_chat", json!({"chat_id": id})),
            ("get_chat", json!({"chat_id": id})),
            ("list_threads", json!({"chat_id": id})),
            (
                "mark_events_as_seen",
                json!({"chat_id": id, "seen_up_to": "2026-11-20T10:00:00Z"}),
            ),
            (
                "send_sneak_peek",
                json!({"chat_id": id, "sneak_peek_text": "x"}),
            ),
            ("typing", json!({"chat_id": id, "is_typing": true})),
            (
                "resume",
                json!({"chat_id": id, "after_seq": 0, "epoch": epoch}),
            ),
        ] {
            let refusal = stranger.client.refused(action, payload).await;
            if id.is_empty() {
                assert!(refusal.starts_with("validation: "), "{action}: {refusal}");
            } else {
                assert_eq!(refusal, "not_found: chat not found", "{action} {id}");
            }
        }
    }
    assert_eq!(shop.house.row(chat.parse().unwrap()).last_seq, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_reaches_the_other_side_only() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let id: parlor::domain::ids::ChatId = chat.parse().unwrap();
    let hub = &shop.app.state().hub;
    let agents = hub.attach();
    agents.subscribe(parlor::live::Topic::Chat(id));

    let client = &mut visitor.client;
    client
        .done(
            "send_sneak_peek",
            json!({"chat_id": chat, "sneak_peek_text": "Hel"}),
        )
        .await;
    client
        .done("typing", json!({"chat_id": chat, "is_typing": true}))
        .await;
    let ada = house::agent_id(&shop.house.agent("ada"));
    hub.lossy(
        parlor::live::Topic::Chat(id),
        parlor::live::Lossy::Typing {
            chat: id,
            author: parlor::domain::event::Author::Agent(ada),
            is_typing: true,
            recipients: Recipients::All,
        },
    );

    let push = client.push("incoming_typing_indicator").await;
    assert_eq!(
        push["payload"]["typing_indicator"]["author_id"],
        ada.to_string()
    );
    assert_eq!(push["payload"]["typing_indicator"]["is_typing"], true);
    let heard: Vec<String> = std::iter::from_fn(|| agents.outbox().try_next())
        .map(|next| format!("{next:?}"))
        .collect();
    assert!(
        heard
            .iter()
            .any(|next| next.contains("SneakPeek") && next.contains("Hel")),
        "{heard:?}"
    );
    assert!(
        heard.iter().any(|next| next.contains("Typing")),
        "{heard:?}"
    );
}
