//! The feed: everything once and in order, whoever writes; waiting; what a reader hears who was away too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parlor::domain::ids::ChatId;
use parlor::store::inbox;
use serde_json::{Value, json};

use super::{Api, each_api};

/// The cursor of now.
fn head(api: &Api) -> String {
    cursor(&api.get("/updates").ok())
}

fn cursor(answer: &Value) -> String {
    answer["after"].as_str().unwrap().to_owned()
}

/// Reads on from `after` until nothing is left; returns `(chat, seq)` of every event, in the order of the feed.
fn drain(api: &Api, after: &mut String, query: &str) -> Vec<(String, i64)> {
    let mut found = Vec::new();
    loop {
        let answer = api.get(&format!("/updates?after={after}&{query}")).ok();
        assert_eq!(answer["resync"], false, "{answer}");
        *after = cursor(&answer);
        for change in answer["updates"].as_array().unwrap() {
            let chat = change["chat_id"].as_str().unwrap();
            let seqs: Vec<i64> = change["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["seq"].as_i64().unwrap())
                .collect();
            let (first, last) = (change["first_seq"].as_i64(), change["last_seq"].as_i64());
            assert_eq!(seqs, (first.unwrap()..=last.unwrap()).collect::<Vec<_>>());
            found.extend(seqs.into_iter().map(|seq| (chat.to_owned(), seq)));
        }
        if answer["has_more"] == false {
            return found;
        }
    }
}

#[test]
fn a_reader_sees_each_event_of_concurrent_writers_once_and_in_order() {
    each_api(|api| {
        const WRITERS: usize = 4;
        const MESSAGES: usize = 15;
        let mut after = head(api);
        let chats: Vec<ChatId> = (0..2).map(|_| api.chat().1.parse().unwrap()).collect();
        let done = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                let (house, agent) = (api.house.clone(), api.agent.clone());
                let chat = chats[n % chats.len()];
                std::thread::spawn(move || {
                    for m in 0..MESSAGES {
                        house.say(&agent, chat, &format!("{n}.{m}"));
                    }
                })
            })
            .collect();
        let waiting = {
            let done = Arc::clone(&done);
            std::thread::spawn(move || {
                for writer in writers {
                    writer.join().unwrap();
                }
                done.store(true, Ordering::SeqCst);
            })
        };

        let mut seen = Vec::new();
        while !done.load(Ordering::SeqCst) {
            seen.extend(drain(api, &mut after, "limit=3&wait=1"));
        }
        waiting.join().unwrap();
        seen.extend(drain(api, &mut after, "limit=100"));

        for chat in chats {
            let of_chat: Vec<i64> = seen
                .iter()
                .filter(|(id, _)| *id == chat.to_string())
                .map(|(_, seq)| *seq)
                .collect();
            let last = api.house.row(chat).last_seq;
            assert_eq!(of_chat, (1..=last).collect::<Vec<_>>());
        }
    });
}

#[test]
fn an_answer_waits_for_news_and_comes_with_the_first() {
    let api = Arc::new(Api::start());
    let (_, chat) = api.chat();
    let after = head(&api);
    let waiting = {
        let (api, after) = (Arc::clone(&api), after.clone());
        std::thread::spawn(move || api.get(&format!("/updates?after={after}&wait=25")).ok())
    };
    let topic = parlor::live::Topic::Inbox(api.house.site);
    crate::support::until("the reader waits", || {
        api.app.state().hub.listeners(topic) == 1
    });

    api.house.say(&api.agent, chat.parse().unwrap(), "Hi");

    let answer = waiting.join().unwrap();
    let events = answer["updates"][0]["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["text"] == "Hi"), "{answer}");
    assert_eq!(drain(&api, &mut cursor(&answer), "limit=50"), []);
    crate::support::until("the reader waits", || {
        api.app.state().hub.listeners(topic) == 0
    });
}

#[test]
fn a_stop_ends_the_wait() {
    let api = Api::start();
    let after = head(&api);
    let url = format!("{}/api/agent/updates?after={after}&wait=25", api.app.url());
    let key = api.key.clone();
    let waiting = std::thread::spawn(move || {
        let answer = ureq::get(url).header("x-api-key", key).call();
        answer.unwrap().body_mut().read_json::<Value>().unwrap()
    });
    let topic = parlor::live::Topic::Inbox(api.house.site);
    crate::support::until("the reader waits", || {
        api.app.state().hub.listeners(topic) == 1
    });

    let start = std::time::Instant::now();
    api.app.stop();

    assert_eq!(waiting.join().unwrap()["updates"], json!([]));
    assert!(start.elapsed() < std::time::Duration::from_secs(4));
}

#[test]
fn a_reader_who_is_lost_hears_so_and_goes_on_from_now() {
    let api = Api::start();
    let first = head(&api);
    let (_, chat) = api.chat();
    let chat = chat.parse().unwrap();
    api.house.say(&api.agent, chat, "Hi");
    let (seq, epoch) = first.split_once('.').unwrap();
    let seq: i64 = seq.parse().unwrap();
    let ahead = format!("{}.{epoch}", seq + 1_000);
    let of_another_history = format!("{seq}.restored");
    for after in [&ahead, &of_another_history] {
        let answer = api.get(&format!("/updates?after={after}&wait=25")).ok();
        assert_eq!(
            (&answer["resync"], &answer["updates"]),
            (&json!(true), &json!([]))
        );
        assert_eq!(drain(&api, &mut cursor(&answer), "limit=50"), []);
    }
    assert!(!drain(&api, &mut first.clone(), "limit=50").is_empty());

    let later = api.house.clock.now() + 1;
    api.house
        .write(move |tx, _| inbox::prune(tx, later, 1_000))
        .unwrap();
    let pruned = api.get(&format!("/updates?after={first}")).ok();
    assert_eq!(pruned["resync"], true);
    api.house.say(&api.agent, chat, "Ho");
    let seen = drain(&api, &mut cursor(&pruned), "limit=50");
    assert_eq!(seen, [(chat.to_string(), api.house.row(chat).last_seq)]);
    for (query, field) in [
        ("after=x", "after"),
        ("after=-1.e", "after"),
        ("after=1.e&wait=26", "wait"),
        ("limit=0", "limit"),
    ] {
        let reply = api.get(&format!("/updates?{query}"));
        assert_eq!(reply.error(), (400, "validation", field), "{query}");
    }
}

#[test]
fn a_deleted_chat_says_so_and_another_sites_chats_are_not_in_the_feed() {
    let api = Api::start();
    let mut after = head(&api);
    let (visitor, chat) = api.chat();
    api.foreign_chat();
    let root = crate::support::house::visitor_id(&visitor);
    api.house
        .write(move |tx, now| parlor::store::chats::delete_of_visitor(tx, root, now))
        .unwrap();

    let answer = api.get(&format!("/updates?after={after}")).ok();

    let changes = answer["updates"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{answer}");
    for change in changes {
        assert_eq!(change["chat_id"], json!(chat));
        assert_eq!(
            (&change["is_deleted"], &change["events"]),
            (&json!(true), &json!([]))
        );
    }
    after = cursor(&answer);
    assert_eq!(
        api.get(&format!("/updates?after={after}")).ok()["updates"],
        json!([])
    );
}
