//! The kinds of events a visitor may send besides plain messages, and what becomes of the others.

use parlor::domain::event::{Body, NewEvent, Recipients};
use parlor::domain::ids::ChatId;
use parlor::domain::rich_message::RichMessage;
use serde_json::{Value, json};

use super::{Client, Shop};

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
async fn every_type_a_visitor_may_send_comes_back_as_it_was() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let png = crate::files::png(3, 2);
    let upload = crate::files::upload(&shop, &visitor.token, "tea.png", &png).await;
    let events = [
        json!({"type": "message", "text": "Yes", "custom_id": "m", "properties": {"shop": {"n": 1}},
            "postback": {"id": "yes", "thread_id": "1", "event_id": "2", "type": "message", "value": "Yes"}}),
        json!({"type": "file", "url": upload.url(), "custom_id": "f", "alternative_text": "Tea",
            "properties": {"shop": {"n": 1}}}),
        json!({"type": "custom", "content": {"a": [1, null, "b\u{0}"]}, "custom_id": "c"}),
    ];
    for event in events {
        let sent = visitor
            .client
            .done("send_event", send(&chat, event.clone()))
            .await;
        let again = visitor
            .client
            .done("send_event", send(&chat, event.clone()))
            .await;
        let push = visitor.client.push("incoming_event").await;

        assert_eq!(
            (&again["event_id"], &again["duplicate"]),
            (&sent["event_id"], &json!(true)),
            "{event}"
        );
        let heard = &push["payload"]["event"];
        assert_eq!(heard["id"], sent["event_id"], "{event}");
        let mut want = event.clone();
        if want["type"] == "custom" {
            want["content"]["a"][2] = "b".into();
        }
        for (name, value) in want.as_object().unwrap() {
            assert_eq!(heard[name], *value, "{name} of {event}");
        }
        let read = visitor
            .client
            .done("get_chat", json!({"chat_id": chat}))
            .await;
        let last = read["thread"]["events"].as_array().unwrap().last().unwrap();
        assert_eq!(last, heard, "{event}");
        visitor.client.push("incoming_event").await;
    }
    let list = visitor.client.done("list_chats", json!({})).await;
    let last = &list["chats_summary"][0]["last_event_per_type"];
    assert_eq!(last["file"]["event"]["name"], "tea.png");
    assert_eq!(last["file"]["event"]["width"], 3);
    assert_eq!(last["custom"]["event"]["content"]["a"][0], 1);
    let row = shop.house.row(chat.parse().unwrap());
    assert_eq!(row.last_text, "Sent a file: tea.png");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_from_the_upload_to_the_other_screen_and_the_agent() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let (mut second, _) = shop.log_in(&visitor.token).await;
    let url = crate::files::upload(
        &shop,
        &visitor.token,
        "tea.png",
        &crate::files::png(400, 200),
    )
    .await
    .url();
    let event =
        json!({"type": "file", "url": url, "custom_id": "f1", "alternative_text": "A leaf"});

    let sent = visitor
        .client
        .done("send_event", send(&chat, event.clone()))
        .await;
    let push = second.push("incoming_event").await;
    let again = visitor.client.done("send_event", send(&chat, event)).await;

    let file = &push["payload"]["event"];
    assert_eq!(file["id"], sent["event_id"]);
    assert_eq!(again["event_id"], sent["event_id"], "a repeat is one event");
    assert_eq!(
        (&file["name"], &file["width"]),
        (&json!("tea.png"), &json!(400))
    );
    assert_eq!(file["alternative_text"], "A leaf");
    for (address, width) in [(&file["url"], 400), (&file["thumbnail_url"], 300)] {
        let got = crate::files::get(address.as_str().unwrap(), &[]).await;
        assert_eq!(got.status, 200, "{address}");
        let image = image::load_from_memory(&got.body).unwrap();
        assert_eq!(image.width(), width, "{address}");
    }
    let house = shop.house.clone();
    let read = tokio::task::spawn_blocking(move || house.events(chat.parse().unwrap()));
    let files = read.await.unwrap();
    let of_agent = files.iter().filter_map(|event| {
        if let Body::File { file, .. } = &event.body {
            return Some(file.url.as_str());
        }
        None
    });
    assert_eq!(of_agent.collect::<Vec<_>>(), [url.as_str()]);
    let other = shop.chatting().await;
    let (mut thief, their_chat) = other;
    let stolen = json!({"type": "file", "url": url});
    let refused = thief
        .client
        .refused("send_event", send(&their_chat, stolen))
        .await;
    assert!(refused.starts_with("validation: "), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_sent_by_who_uploaded_it_here_alone() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let (other, _) = shop.chatting().await;
    let png = crate::files::png(3, 2);
    let foreign = crate::files::upload(&shop, &other.token, "a.png", &png).await;
    for url in [
        foreign.url(),
        "https://x.example/a.png".into(),
        "javascript:1".into(),
    ] {
        let event = json!({"type": "file", "url": url});

        let refused = visitor
            .client
            .refused("send_event", send(&chat, event.clone()))
            .await;
        assert!(refused.starts_with("validation: "), "{refused}");
        assert!(refused.contains("url"), "{refused}");

        let started = json!({"chat": {"thread": {"events": [event]}}});
        let mut fresh = shop.visitor().await;
        let refused = fresh.client.refused("start_chat", started).await;
        assert!(refused.starts_with("validation: "), "{refused}");
    }
    let list = visitor.client.done("list_chats", json!({})).await;
    let last = &list["chats_summary"][0]["last_event_per_type"];
    assert!(last.get("file").is_none(), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_attached_to_the_last_thread_of_a_closed_chat() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let ada = shop.house.agent("ada");
    shop.house.close(&ada, chat.parse().unwrap()).unwrap();
    visitor.client.push("chat_deactivated").await;
    let event = json!({"type": "custom", "content": 1});

    let refused = visitor
        .client
        .refused("send_event", send(&chat, event.clone()))
        .await;
    let mut attached = send(&chat, event);
    attached["attach_to_last_thread"] = true.into();
    visitor.client.done("send_event", attached).await;
    let push = visitor.client.push("incoming_event").await;

    assert!(refused.starts_with("chat_inactive: "), "{refused}");
    assert_eq!(push["payload"]["event"]["content"], 1);
    assert!(push["request_id"].is_string());
    let missing = json!({"chat_id": chat, "attach_to_last_thread": true});
    assert_eq!(
        visitor.client.refused("send_event", missing).await,
        "validation: event: is required"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_tells_agents_settles_for_its_sender_and_is_read_by_no_visitor() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let (mut tab, _) = shop.log_in(&visitor.token).await;
    let event = json!({"type": "system_message", "text": "Basket worth 90", "custom_id": "s",
        "system_message_type": "shop.basket", "recipients": "agents"});

    let sent = visitor
        .client
        .done("send_event", send(&chat, event.clone()))
        .await;
    let own = visitor.client.push("incoming_event").await;
    let other = tab.push("seq_only").await;

    assert_eq!(own["payload"]["event"]["text"], "Basket worth 90");
    assert!(own["request_id"].is_string());
    assert_eq!(
        other["payload"],
        json!({"chat_id": chat, "seq": sent["seq"]})
    );
    let id = sent["event_id"].as_str().unwrap();
    hidden(&shop, &mut tab, &chat, ("Basket worth", id)).await;
    let note = json!({"type": "message", "text": "x", "recipients": "agents"});
    assert_eq!(
        visitor
            .client
            .refused("send_event", send(&chat, note))
            .await,
        "validation: event.recipients: must be all"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_of_every_type_reach_a_visitor_by_no_route() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let id: ChatId = chat.parse().unwrap();
    let ada = shop.house.agent("ada");
    let rich = json!({"template_id": "cards", "elements": [{"title": "SECRET", "buttons": [{"text": "SECRET", "postback_id": "p"}]}]});
    let rich = RichMessage::parse("", rich.as_object().unwrap()).unwrap();
    let notes = [
        NewEvent::message("SECRET").unwrap(),
        NewEvent::system_message("SECRET", "SECRET").unwrap(),
        NewEvent::rich_message(rich),
        NewEvent::custom(&json!("SECRET")).unwrap(),
    ];
    for note in notes {
        let note = note.for_recipients(Recipients::Agents);
        let stored = shop.house.send(&ada, id, &note).unwrap().event;

        let push = visitor.client.push("seq_only").await;

        assert_eq!(push["payload"]["seq"], stored.seq);
        let (event, thread) = (stored.id.to_string(), stored.thread.to_string());
        hidden(&shop, &mut visitor.client, &chat, ("SECRET", &event)).await;
        let of = json!({"chat_id": chat, "thread_id": thread, "event_id": event, "properties": {"a": {"b": 1}}});
        let refused = visitor.client.refused("update_event_properties", of).await;
        assert_eq!(refused, "not_found: event not found");
        let press = json!({"chat_id": chat, "thread_id": thread, "event_id": event, "postback": {"id": "p", "toggled": true}});
        let refused = visitor
            .client
            .refused("send_rich_message_postback", press)
            .await;
        assert_eq!(refused, "not_found: event not found");
    }
    assert_eq!(shop.house.row(id).last_text, "Hello");
}

/// Reads all that a visitor can read of a chat and finds this text and id nowhere.
async fn hidden(shop: &Shop, client: &mut Client, chat: &str, (text, id): (&str, &str)) {
    let epoch = shop.app.db().epoch().to_owned();
    for (action, payload) in [
        ("get_chat", json!({"chat_id": chat})),
        ("list_chats", json!({})),
        (
            "resume",
            json!({"chat_id": chat, "after_seq": 0, "epoch": epoch}),
        ),
        ("list_threads", json!({"chat_id": chat})),
        (
            "list_threads",
            json!({"chat_id": chat, "min_events_count": 100}),
        ),
    ] {
        let read = client.done(action, payload).await.to_string();
        assert!(
            !read.contains(text) && !read.contains(id),
            "{action}: {read}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_visitor_cannot_send_is_refused_by_name_and_stores_nothing() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let cases = [
        (
            json!({"type": "system_message", "text": "x", "system_message_type": "a", "recipients": "me"}),
            "validation: event.recipients: must be all or agents",
        ),
        (
            json!({"type": "system_message", "text": "x"}),
            "validation: event.system_message_type: is required",
        ),
        (
            json!({"type": "rich_message", "template_id": "cards", "elements": [{"title": "x"}]}),
            "validation: event.type: must be message, file, filled_form, system_message or custom",
        ),
        (
            json!({"type": "filled_form", "form_id": "77", "fields": [{"type": "name", "id": "1", "answer": "x"}]}),
            "not_found: form not found",
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
