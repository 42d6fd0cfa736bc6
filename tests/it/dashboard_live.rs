//! The agents' socket: who gets in, what is heard, and that nothing is missed or comes twice.

use std::time::{Duration, Instant};

use parlor::domain::Hint;
use parlor::domain::ids::ChatId;
use parlor::token::Token;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use crate::dashboard_room::{Live, Room};
use crate::support::Held;
use crate::support::house::visitor_id;

async fn status(room: &Room, origin: &str, cookie: &str, ticket: &str) -> u16 {
    match Live::connect(&room.app.url(), origin, cookie, ticket).await {
        Ok(_) => 101,
        Err(Error::Http(answer)) => answer.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_handshake_needs_cookie_origin_and_a_ticket_of_this_login() {
    let room = Room::open();
    let (own, cookie) = (room.app.url(), room.owner.cookie.clone());
    let other = room.desk(&room.house.agent("Ben"));
    let ticket = room.owner.ticket();

    let stranger = format!("__Host-sid={}", Token::random().as_str());
    assert_eq!(status(&room, &own, &stranger, &ticket).await, 403);
    assert_eq!(
        status(&room, "https://evil.example", &cookie, &ticket).await,
        403
    );
    assert_eq!(status(&room, "null", &cookie, &ticket).await, 403);
    assert_eq!(status(&room, &own, &cookie, "").await, 403);
    assert_eq!(
        status(&room, &own, &cookie, Token::random().as_str()).await,
        403
    );
    assert_eq!(
        status(&room, &own, &other.cookie, &room.owner.ticket()).await,
        403
    );
    assert_eq!(status(&room, &own, &cookie, &ticket).await, 101);
    assert_eq!(status(&room, &own, &cookie, &ticket).await, 403);
    let late = room.owner.ticket();
    room.app.clock().turn(31_000);
    assert_eq!(status(&room, &own, &cookie, &late).await, 403);
    room.revoke(&other);
    assert_eq!(
        status(&room, &own, &other.cookie, &room.owner.ticket()).await,
        403
    );
}

#[tokio::test]
async fn a_visitors_message_reaches_every_page_with_its_row() {
    let room = Room::open();
    let mut live = room.owner.live().await;
    live.follow().await;
    let visitor = room.house.visitor();

    let chat = room.house.chat(&visitor);

    let row = live.hear("inbox").await["rows"][0].clone();
    assert_eq!(row["chat"], chat.to_string());
    assert_eq!(
        (&row["is_new"], &row["is_active"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(row["text"], "Hello");
    let page = room.owner.get("/chats?list=all");
    let html = row["html"].as_str().unwrap();
    assert!(
        page.body.contains(html.trim()),
        "{html}\nis not in\n{}",
        page.body
    );
    let counts = live.hear("counts").await;
    assert_eq!(counts["waiting"], 1);
    assert_eq!(counts["lists"]["unassigned"], "1");
    assert_eq!(counts["lists"]["mine"], "0");
}

#[tokio::test]
async fn two_agents_in_a_chat_see_each_other_write() {
    let room = Room::open();
    let desk = room.desk(&room.house.agent("Ben"));
    let visitor = room.house.visitor();
    let chat = room.house.chat(&visitor);
    let (mut olive, mut ben) = (room.owner.live().await, desk.live().await);
    for live in [&mut olive, &mut ben] {
        live.say(json!({"type": "open", "chat": chat, "after_seq": 0}))
            .await;
        assert_eq!(live.hear("events").await["events"][0]["seq"], 1);
        live.hear("chat").await;
    }

    olive
        .say(json!({"type": "typing", "chat": chat, "is_typing": true}))
        .await;
    let typing = ben.hear("typing").await;
    assert_eq!(
        (&typing["name"], &typing["is_typing"]),
        (&json!("Olive Owner"), &json!(true))
    );
    let send =
        json!({"type": "send", "chat": chat, "custom_id": "c1", "text": "Hi <b>", "note": false});
    olive.say(send.clone()).await;
    let stored = olive.hear("stored").await;
    assert_eq!(stored["duplicate"], false);
    for live in [&mut olive, &mut ben] {
        let event = heard_event(live, "c1").await;
        assert_eq!(event["seq"], stored["seq"]);
        assert!(event["html"].as_str().unwrap().contains("Hi &#60;b&#62;"));
    }
    let note =
        json!({"type": "send", "chat": chat, "custom_id": "c2", "text": "Psst", "note": true});
    ben.say(note).await;
    let event = heard_event(&mut olive, "c2").await;
    assert!(
        event["html"]
            .as_str()
            .unwrap()
            .contains("only agents see it")
    );

    olive.say(send).await;
    let again = olive.hear("stored").await;
    assert_eq!(
        (&again["seq"], &again["duplicate"]),
        (&stored["seq"], &json!(true))
    );
    let other = json!({"type": "send", "chat": chat, "custom_id": "c1", "text": "Else"});
    olive.say(other).await;
    let refused = olive.hear("refused").await;
    assert_eq!(
        (&refused["code"], &refused["retryable"]),
        (&json!("custom_id_reused"), &json!(false))
    );
    assert_eq!(refused["custom_id"], "c1");
}

async fn heard_event(live: &mut Live, custom_id: &str) -> Value {
    loop {
        let frame = live.hear("events").await;
        let events = frame["events"].as_array().unwrap();
        if let Some(event) = events.iter().find(|event| event["custom_id"] == custom_id) {
            return event.clone();
        }
    }
}

#[tokio::test]
async fn half_an_emoji_of_an_agent_is_stored_as_a_replacement_character() {
    let room = Room::open();
    let visitor = room.house.visitor();
    let chat = room.house.chat(&visitor);
    let mut olive = room.owner.live().await;
    olive
        .say(json!({"type": "open", "chat": chat, "after_seq": 0}))
        .await;
    let send = json!({"type": "send", "chat": chat, "custom_id": "c1", "text": "HALF"});

    olive
        .say_text(send.to_string().replace("HALF", r"a\ud83d"))
        .await;

    assert_eq!(olive.hear("stored").await["custom_id"], "c1");
    let event = heard_event(&mut olive, "c1").await;
    assert!(event["html"].as_str().unwrap().contains("a\u{fffd}"));
}

#[tokio::test]
async fn a_look_at_the_chat_is_told_to_everybody_and_ends_the_unread_mark() {
    let room = Room::open();
    let visitor = room.house.visitor();
    let chat = room.house.chat(&visitor);
    let seq = room.house.say(&visitor, chat, "Anybody?").seq;
    let mut live = room.owner.live().await;
    live.say(json!({"type": "open", "chat": chat, "after_seq": seq}))
        .await;

    live.say(json!({"type": "seen", "chat": chat, "seq": seq}))
        .await;

    let event = live.hear("events").await["events"][0].clone();
    assert_eq!(
        (&event["seen_up_to"], &event["seq"]),
        (&json!(seq), &json!(seq + 1))
    );
    assert!(event.get("html").is_none());
    assert!(!room.owner.get("/chats?list=all").body.contains("Unread"));
    // Saying it again writes nothing.
    live.say(json!({"type": "seen", "chat": chat, "seq": seq}))
        .await;
    live.say(json!({"type": "ping"})).await;
    live.hear("pong").await;
    assert_eq!(room.house.row(chat).last_seq, seq + 1);
}

#[tokio::test]
async fn a_closing_chat_changes_its_head_for_who_looks_at_it() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    let mut live = room.owner.live().await;
    let last = room.house.row(chat).last_seq;
    live.say(json!({"type": "open", "chat": chat, "after_seq": last}))
        .await;
    let head = live.hear("chat").await;
    assert!(head["actions"].as_str().unwrap().contains("Take"));

    room.owner.post(&format!("/chats/{chat}/assignment"), &[]);
    loop {
        let head = live.hear("chat").await;
        if head["status"] == "With Olive Owner" {
            assert!(!head["actions"].as_str().unwrap().contains("/assignment"));
            break;
        }
    }
    room.owner.post(&format!("/chats/{chat}/closure"), &[]);
    // Who takes part may be said once more before it.
    while live.hear("chat").await["status"] != "Closed. An answer opens it again." {}
}

#[tokio::test]
async fn no_change_is_missed_or_comes_twice_however_often_the_socket_is_cut() {
    const MESSAGES: usize = 150;
    let room = Room::open();
    let visitor = room.house.visitor();
    let chat = room.house.chat(&visitor);
    let (house, who) = (room.house.clone(), visitor.clone());
    let first = room.house.row(chat).last_seq;
    // One message for each frame that is waited for, so that the writer never runs ahead of the cuts.
    let (permit, permits) = std::sync::mpsc::channel();
    let writer = std::thread::spawn(move || {
        for n in 0..MESSAGES {
            permits.recv().unwrap();
            house.say(&who, chat, &format!("message {n}"));
        }
    });

    let (mut seqs, mut inbox, mut cuts, mut epoch) = (Vec::new(), 0, 0_usize, None);
    let end = first + i64::try_from(MESSAGES).unwrap();
    while seqs.last() != Some(&end) {
        let mut live = room.owner.live().await;
        let after = seqs.last().copied().unwrap_or(first);
        live.say(json!({"type": "follow", "inbox_after": inbox, "epoch": epoch}))
            .await;
        live.say(json!({"type": "open", "chat": chat, "after_seq": after}))
            .await;
        // A different number of frames each time, so that cuts fall everywhere.
        for _ in 0..=(cuts * 7 % 5) {
            if seqs.last() == Some(&end) {
                break;
            }
            // The writer is gone once it has written all.
            let _ = permit.send(());
            let frame = live.next().await;
            take_frame(&frame, after, &mut seqs, &mut inbox);
            epoch = Some(room.app.db().epoch().to_owned());
        }
        cuts += 1;
    }
    writer.join().unwrap();

    assert_eq!(seqs, (first + 1..=end).collect::<Vec<_>>());
    assert!(cuts > 10, "only {cuts} cuts");
}

/// What a page does with a frame: it drops what it has, and a hole is a fault.
fn take_frame(frame: &Value, first: i64, seqs: &mut Vec<i64>, inbox: &mut i64) {
    for event in frame["events"].as_array().into_iter().flatten() {
        let seq = event["seq"].as_i64().unwrap();
        let last = seqs.last().copied().unwrap_or(first);
        if seq > last {
            assert_eq!(seq, last + 1, "a hole");
            seqs.push(seq);
        }
    }
    for row in frame["rows"].as_array().into_iter().flatten() {
        if let Some(seq) = row["inbox_seq"].as_i64() {
            *inbox = seq.max(*inbox);
        }
    }
}

#[tokio::test]
async fn what_a_page_missed_of_the_inbox_comes_when_it_is_back() {
    let room = Room::open();
    let chats: Vec<ChatId> = (0..5)
        .map(|_| room.house.chat(&room.house.visitor()))
        .collect();
    let shown: i64 = room
        .owner
        .get("/chats?list=all")
        .value("data-inbox-seq")
        .parse()
        .unwrap();
    let epoch = room.owner.get("/chats").value("data-epoch");
    let later = room.house.chat(&room.house.visitor());
    let ben = room.house.agent("Ben");
    room.house.say(&ben, chats[1], "With me");

    let mut live = room.owner.live().await;
    live.say(json!({"type": "follow", "inbox_after": shown, "epoch": epoch}))
        .await;

    let rows = live.hear("inbox").await["rows"].as_array().unwrap().clone();
    let heard: Vec<&str> = rows
        .iter()
        .map(|row| row["chat"].as_str().unwrap())
        .collect();
    assert_eq!(heard, [later.to_string(), chats[1].to_string()]);
    assert_eq!(
        (&rows[0]["is_new"], &rows[1]["is_new"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test]
async fn numbers_of_another_history_lead_to_a_fresh_page() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    let mut live = room.owner.live().await;

    live.say(json!({"type": "follow", "inbox_after": 1, "epoch": "another"}))
        .await;
    assert_eq!(live.hear("resync").await["of"], "inbox");
    live.say(json!({"type": "follow", "inbox_after": 1000, "epoch": room.app.db().epoch()}))
        .await;
    assert_eq!(live.hear("resync").await["of"], "inbox");
    live.say(json!({"type": "open", "chat": chat, "after_seq": 1000}))
        .await;
    assert_eq!(live.hear("resync").await["of"], chat.to_string());
}

#[tokio::test]
async fn nothing_of_another_site_can_be_followed_or_written() {
    let room = Room::open();
    let other = room.another_site();
    let visitor = other.visitor();
    let chat = other.chat(&visitor);
    let mut live = room.owner.live().await;

    for message in [
        json!({"type": "open", "chat": chat, "after_seq": 0}),
        json!({"type": "watch", "visitor": visitor_id(&visitor)}),
        json!({"type": "seen", "chat": chat, "seq": 1}),
        json!({"type": "send", "chat": chat, "custom_id": "c", "text": "Hi"}),
    ] {
        live.say(message.clone()).await;
        let refused = live.hear("refused").await;
        assert_eq!(refused["code"], "not_found", "{message}");
        assert_eq!(refused["retryable"], false);
    }
    live.say(json!({"type": "typing", "chat": chat, "is_typing": true}))
        .await;
    live.say(json!({"type": "open", "chat": chat, "after_seq": 0, "agent": "1"}))
        .await;
    assert_eq!(live.hear("refused").await["code"], "validation");
}

#[tokio::test]
async fn a_login_that_ends_takes_its_sockets_with_it_within_a_second() {
    let room = Room::open();
    let desk = room.desk(&room.house.agent("Ben"));
    let (mut ben, mut olive) = (desk.live().await, room.owner.live().await);

    let start = Instant::now();
    room.revoke(&desk);

    assert_eq!(ben.ended().await, 4001);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    olive.say(json!({"type": "ping"})).await;
    olive.hear("pong").await;
}

#[tokio::test]
async fn a_socket_that_lags_behind_is_closed_to_catch_up() {
    let room = Room::open();
    let chat = room.house.chat(&room.house.visitor());
    let (mut slow, mut quick) = (room.owner.live().await, room.owner.live().await);
    let held = Held::new(&room.house.db);
    // Waits for the writer, and hears nothing meanwhile.
    slow.say(json!({"type": "send", "chat": chat, "custom_id": "c", "text": "Hi"}))
        .await;

    let agent = room.owner.agent;
    for _ in 0..parlor::live::outbox::MAX_ENTRIES + 40 {
        room.app
            .state()
            .hub
            .publish(&[Hint::AgentChanged { agent }]);
        quick.hear("agent").await;
    }
    held.release();

    assert_eq!(slow.ended().await, 4008);
    quick.say(json!({"type": "ping"})).await;
    quick.hear("pong").await;
}

#[tokio::test]
async fn an_open_dashboard_is_somebody_at_the_desk() {
    let room = Room::open();
    let agent = room.owner.agent;
    let present = |room: &Room| room.house.read(parlor::store::agent_connections::present);
    assert_eq!(present(&room), []);
    let mut watcher = room.owner.live().await;
    let live = room.owner.live().await;

    assert_eq!(present(&room), [agent]);
    drop(live);
    // The end of the other socket is told to this agent's own sockets.
    watcher.hear("agent").await;
    assert_eq!(present(&room), [agent]);
    room.owner
        .post("/status", &[("status", "away"), ("back", "/")]);
    while watcher.hear("agent").await["status"] != "away" {}
}

#[tokio::test]
async fn a_page_view_is_on_the_visitors_page_within_a_second() {
    let room = Room::open();
    let mut live = room.owner.live().await;
    live.say(json!({"type": "visitors", "on": true})).await;
    let all = live.hear("visitors").await;
    assert_eq!((&all["is_all"], &all["here"]), (&json!(true), &json!("0")));
    let token = Token::random();
    let track = |calls: Value| {
        let body = json!({"site": room.app.seeded().unwrap().site_key, "token": token.as_str(),
            "sent_at": 0, "calls": calls});
        let answer = ureq::post(format!("{}/track", room.app.url()))
            .header("Origin", "https://shop.example")
            .header("Content-Type", "text/plain")
            .header(
                "User-Agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            )
            .send(body.to_string());
        assert_eq!(answer.unwrap().status(), 200);
    };

    let start = Instant::now();
    track(
        json!([{"id": "1", "call": "page", "at": 0, "url": "https://shop.example/oolong",
        "title": "Oolong", "referrer": "https://search.example/?q=tea"}]),
    );
    let seen = live.hear("visitors").await;

    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    let row = seen["rows"][0].clone();
    let html = row["html"].as_str().unwrap();
    for part in ["Oolong", "/oolong", "search.example", "Firefox", "Linux"] {
        assert!(html.contains(part), "no {part} in {html}");
    }
    assert_eq!(
        (&seen["here"], &row["is_here"]),
        (&json!("1"), &json!(true))
    );
    assert!(room.owner.get("/visitors").body.contains("Oolong"));

    live.say(json!({"type": "watch", "visitor": row["visitor"]}))
        .await;
    assert!(
        live.hear("about").await["html"]
            .as_str()
            .unwrap()
            .contains("Oolong")
    );
    track(json!([{"id": "2", "call": "leave", "at": 0, "page": "1"}]));
    loop {
        let seen = live.hear("visitors").await;
        if seen["rows"][0]["is_here"] == false {
            break;
        }
    }
    assert!(!room.owner.get("/visitors").body.contains("Oolong"));
}

#[tokio::test]
async fn a_stopping_server_asks_pages_to_come_back() {
    let room = Room::open();
    let mut live = room.owner.live().await;
    let stopping = std::thread::spawn(move || drop(room));

    assert_eq!(live.ended().await, 1012);
    stopping.join().unwrap();
}
