//! Reading chats and threads, and catching up with `resume`.

use serde_json::{Value, json};

use super::{Shop, Visitor, message};

/// A visitor with a chat of `threads` threads, all closed but the last, of two messages each.
async fn with_threads(shop: &Shop, threads: usize) -> (Visitor, String) {
    let (mut visitor, chat) = shop.chatting().await;
    let id = chat.parse().unwrap();
    let ada = shop.house.agent("ada");
    for n in 1..threads {
        shop.house.say(&ada, id, &format!("bye {n}"));
        shop.house.close(&ada, id).unwrap();
        let new = crate::support::house::message(&format!("again {n}"));
        shop.house.activate(&ada, id, &[new]).unwrap();
    }
    visitor.client.done("get_customer", json!({})).await;
    (visitor, chat)
}

fn ids(page: &Value) -> Vec<String> {
    let threads = page["threads"].as_array().unwrap();
    threads
        .iter()
        .map(|thread| thread["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_read_with_its_newest_thread_or_any_other() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = with_threads(&shop, 2).await;

    let newest = visitor
        .client
        .done("get_chat", json!({"chat_id": chat}))
        .await;
    let previous = &newest["thread"]["previous_thread_id"];
    let older = visitor
        .client
        .done("get_chat", json!({"chat_id": chat, "thread_id": previous}))
        .await;
    let refusal = visitor
        .client
        .refused("get_chat", json!({"chat_id": chat, "thread_id": "77"}))
        .await;

    assert_eq!(newest["id"], chat);
    assert_eq!(newest["access"], json!({"group_ids": [0]}));
    assert_eq!(newest["thread"]["active"], true);
    let agent = newest["users"]
        .as_array()
        .unwrap()
        .iter()
        .find(|user| user["type"] == "agent");
    assert_eq!(agent.unwrap()["name"], "ada");
    assert!(
        agent.unwrap().get("email").is_none(),
        "agents' addresses are not for visitors"
    );
    assert_eq!(older["thread"]["active"], false);
    assert_eq!(older["thread"]["events"][0]["text"], "Hello");
    assert!(older["thread"]["events"][0]["seq"].is_i64());
    assert_eq!(refusal, "not_found: thread not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_are_listed_page_by_page_in_both_orders() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = with_threads(&shop, 5).await;
    let client = &mut visitor.client;
    let mut all = Vec::new();
    for order in ["desc", "asc"] {
        let mut seen = Vec::new();
        let mut ask = json!({"chat_id": chat, "limit": 2, "sort_order": order});
        loop {
            let page = client.done("list_threads", ask).await;
            assert_eq!(page["found_threads"], 5);
            seen.extend(ids(&page));
            match page.get("next_page_id") {
                Some(next) => ask = json!({"chat_id": chat, "page_id": next}),
                None => break,
            }
        }
        assert_eq!(seen.len(), 5, "{order}");
        all.push(seen);
    }
    all[1].reverse();
    assert_eq!(all[0], all[1]);

    let three = client.done("list_threads", json!({"chat_id": chat})).await;
    assert_eq!(ids(&three).len(), 3);
    let by_events = client
        .done(
            "list_threads",
            json!({"chat_id": chat, "min_events_count": 3}),
        )
        .await;
    assert_eq!(ids(&by_events).len(), 2, "one thread has too few");
    let next =
        json!({"chat_id": chat, "min_events_count": 3, "page_id": by_events["next_page_id"]});
    let next = client.done("list_threads", next).await;
    assert_eq!(
        ids(&next)[0],
        all[0][2],
        "the cursor wins over what stands beside it"
    );
    let both = json!({"chat_id": chat, "min_events_count": 3, "limit": 3});
    assert_eq!(
        client.refused("list_threads", both).await,
        "validation: min_events_count: cannot stand beside limit"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_are_listed_with_what_a_summary_needs() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = with_threads(&shop, 2).await;

    let page = visitor
        .client
        .done("list_chats", json!({"limit": 25}))
        .await;

    assert_eq!(page["total_chats"], 1);
    let summary = &page["chats_summary"][0];
    assert_eq!(summary["id"], chat);
    assert_eq!(summary["active"], true);
    assert!(summary["last_thread_id"].is_string() && summary["last_thread_created_at"].is_string());
    let last = &summary["last_event_per_type"]["message"];
    assert_eq!(last["event"]["text"], "again 1");
    assert_eq!(last["thread_id"], summary["last_thread_id"]);
    assert!(page.get("next_page_id").is_none());
    for bad in [
        json!({"limit": 0}),
        json!({"limit": 26}),
        json!({"page_id": "x"}),
    ] {
        let refusal = visitor.client.refused("list_chats", bad).await;
        assert!(refusal.starts_with("validation: "), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_gives_everything_after_a_number_in_pages_without_holes() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let id = chat.parse().unwrap();
    let ada = shop.house.agent("ada");
    for n in 0..230 {
        shop.house.say(&ada, id, &format!("{n}"));
    }
    let note = crate::support::house::message("note")
        .for_recipients(parlor::domain::event::Recipients::Agents);
    shop.house.send(&ada, id, &note).unwrap();
    let (mut client, _) = shop.log_in(&visitor.token).await;
    let epoch = shop.app.db().epoch();

    let mut seqs: Vec<i64> = Vec::new();
    let mut answers = 0;
    let last_seq = loop {
        let after = seqs.last().copied().unwrap_or(0);
        let answer = client
            .done(
                "resume",
                json!({"chat_id": chat, "after_seq": after, "epoch": epoch}),
            )
            .await;
        let events = answer["events"].as_array().unwrap();
        assert!(events.len() <= 200);
        seqs.extend(events.iter().map(|event| event["seq"].as_i64().unwrap()));
        answers += 1;
        if seqs.last() == answer["last_seq"].as_i64().as_ref() {
            assert_eq!(
                events.last().unwrap().as_object().unwrap().len(),
                1,
                "a note is a bare number"
            );
            let message = events
                .iter()
                .find(|event| event["type"] == "message")
                .unwrap();
            assert!(message["thread_id"].is_string());
            break seqs[seqs.len() - 1];
        }
    };

    assert_eq!(seqs, (1..=last_seq).collect::<Vec<_>>());
    assert_eq!(answers, 2);
    // What came by resume does not come again as a push: the next push is the next number.
    visitor
        .client
        .done("send_event", message(&chat, "new", "c1"))
        .await;
    let push = client.push("incoming_event").await;
    assert_eq!(push["payload"]["event"]["seq"], last_seq + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_history_and_a_number_from_the_future_are_told_to_load_afresh() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let epoch = shop.app.db().epoch();
    let last_seq = shop.house.row(chat.parse().unwrap()).last_seq;

    for payload in [
        json!({"chat_id": chat, "after_seq": 0, "epoch": "another"}),
        json!({"chat_id": chat, "after_seq": last_seq + 1, "epoch": epoch}),
    ] {
        let answer = visitor.client.done("resume", payload).await;
        assert_eq!(
            answer,
            json!({"events": [], "last_seq": last_seq, "resync": true})
        );
    }
    let payload = json!({"chat_id": chat, "after_seq": last_seq, "epoch": epoch});
    assert_eq!(
        visitor.client.done("resume", payload).await,
        json!({"events": [], "last_seq": last_seq})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_threads_leads_back_to_the_one_before() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = with_threads(&shop, 5).await;
    for order in ["desc", "asc"] {
        let ask = |page_id: &Value| match page_id {
            Value::Null => json!({"chat_id": chat, "limit": 2, "sort_order": order}),
            id => json!({"chat_id": chat, "page_id": id}),
        };
        let first = visitor.client.done("list_threads", ask(&Value::Null)).await;
        let second = ask(&first["next_page_id"]);
        let second = visitor.client.done("list_threads", second).await;
        let last = ask(&second["next_page_id"]);
        let last = visitor.client.done("list_threads", last).await;

        let back = ask(&last["previous_page_id"]);
        let back = visitor.client.done("list_threads", back).await;
        let start = ask(&back["previous_page_id"]);
        let start = visitor.client.done("list_threads", start).await;

        assert!(first.get("previous_page_id").is_none(), "{first}");
        assert!(last.get("next_page_id").is_none(), "{last}");
        assert_eq!((ids(&first).len(), ids(&last).len()), (2, 1));
        assert_eq!(ids(&back), ids(&second));
        assert_eq!(back["next_page_id"], second["next_page_id"]);
        assert_eq!(ids(&start), ids(&first));
        assert!(start.get("previous_page_id").is_none(), "{start}");
        let newest = if order == "desc" { &first } else { &last };
        let newest = newest["threads"].as_array().unwrap();
        let newest = if order == "desc" {
            &newest[0]
        } else {
            newest.last().unwrap()
        };
        assert!(newest.get("next_thread_id").is_none(), "{newest}");
    }
    let all = json!({"chat_id": chat, "limit": 5, "sort_order": "asc"});
    let all = visitor.client.done("list_threads", all).await;
    assert_eq!(all["threads"][0]["next_thread_id"], all["threads"][1]["id"]);
    assert_eq!(
        all["threads"][1]["previous_thread_id"],
        all["threads"][0]["id"]
    );
}
