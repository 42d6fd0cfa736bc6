//! Bad frames: each is refused by name or ends its socket with the right code, and disturbs nobody else.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

use super::client::Ended;
use super::{Shop, login, message};

/// A masked frame whose header announces `announced` bytes and which carries `payload`, masked with zeros.
fn frame(first: u8, announced: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    if announced < 126 {
        out.push(0x80 | u8::try_from(announced).unwrap());
    } else {
        out.push(0x80 | 127);
        out.extend(announced.to_be_bytes());
    }
    out.extend([0; 4]);
    out.extend_from_slice(payload);
    out
}

async fn end_of(shop: &Shop, bytes: &[u8]) -> Ended {
    let mut visitor = shop.visitor().await;
    // The server may hang up before all of it is written.
    let _ = visitor.client.raw().write_all(bytes).await;
    visitor.client.ended().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_is_too_big_when_it_is_announced() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let begin = Instant::now();

    let head = frame(0x81, 1 << 30, b"");
    visitor.client.raw().write_all(&head).await.unwrap();
    let ended = visitor.client.ended().await;

    assert_eq!(ended.code, 1009);
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_goes_on_sending_still_reads_why_it_was_cut() {
    let shop = Shop::open().await;

    let mut bytes = frame(0x81, 1 << 30, b"");
    bytes.resize(400_000, b'x');

    assert_eq!(end_of(&shop, &bytes).await.code, 1009);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_framing_ends_the_socket_with_its_code() {
    let shop = Shop::open().await;
    let fragments: Vec<u8> = std::iter::once(frame(0x01, 1, b"["))
        .chain((0..100).map(|_| frame(0x00, 0, b"")))
        .flatten()
        .collect();
    let mut sum = frame(0x01, 60_000, &[b'x'; 60_000]);
    sum.extend(frame(0x00, 60_000, &[b'x'; 100]));
    let cases = [
        ("endless fragments", fragments, 1009),
        ("fragments that are too much together", sum, 1009),
        ("not UTF-8", frame(0x81, 2, &[0xc3, 0x28]), 1007),
        ("binary", frame(0x82, 2, b"{}"), 1003),
        ("unmasked", vec![0x81, 2, b'{', b'}'], 1002),
        ("reserved bit", frame(0xc1, 2, b"{}"), 1002),
        ("reserved opcode", frame(0x83, 2, b"{}"), 1002),
        ("continuation of nothing", frame(0x80, 2, b"{}"), 1002),
        ("long ping", frame(0x89, 126, b""), 1002),
    ];
    for (name, bytes, code) in cases {
        assert_eq!(end_of(&shop, &bytes).await.code, code, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_no_requests_are_refused_and_the_socket_goes_on() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let cases: Vec<(String, &str)> = vec![
        ("".into(), "frame: must be one JSON object"),
        ("null".into(), "frame: must be one JSON object"),
        ("[]".into(), "frame: must be one JSON object"),
        ("{".into(), "frame: must be one JSON object"),
        (
            r#"{"action":"\ud8"}"#.into(),
            "frame: must be one JSON object",
        ),
        (
            "[".repeat(10_000),
            "frame: must not be nested deeper than 32 levels",
        ),
        (
            r#"{"a":"#.repeat(10_000),
            "frame: must not be nested deeper than 32 levels",
        ),
        ("{}".into(), "action: is required"),
        (
            r#"{"action":"login","payload":7}"#.into(),
            "payload: must be an object",
        ),
        (
            r#"{"action":"login","request_id":[]}"#.into(),
            "request_id: must be a string of at most 128 characters",
        ),
    ];
    for (text, refusal) in cases {
        visitor
            .client
            .send_message(Message::text(text.clone()))
            .await
            .unwrap();
        let frame = visitor.client.next().await.unwrap();
        assert_eq!(frame["success"], false, "{text:.40}");
        let error = &frame["payload"]["error"];
        assert_eq!(error["type"], "validation", "{text:.40}");
        assert_eq!(error["message"], refusal, "{text:.40}");
    }
    visitor.start("still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nul_is_dropped_and_everything_else_is_kept_as_text() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let text = "<b>\u{1f600}</b> \u{202e} '; drop table events; --";

    visitor
        .client
        .done("send_event", message(&chat, &format!("{text}\0"), "c1"))
        .await;

    let push = visitor.client.push("incoming_event").await;
    assert_eq!(push["payload"]["event"]["text"], text);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_emoji_is_stored_as_a_replacement_character_and_answered() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let frame = json!({"request_id": "half", "action": "send_event", "payload": message(&chat, "HALF", "c1")});
    let text = frame.to_string().replace("HALF", r"a\ud83d");

    let sent = visitor.client.send_message(Message::text(text)).await;

    sent.unwrap();
    let answer = visitor.client.response("half").await.unwrap();
    assert_eq!(answer["success"], true, "{answer}");
    let push = visitor.client.push("incoming_event").await;
    assert_eq!(push["payload"]["event"]["text"], "a\u{fffd}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_requests_is_answered_in_order() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;

    let mut ids = Vec::new();
    for n in 0..18 {
        let payload = message(&chat, &format!("{n}"), &format!("c{n}"));
        ids.push(visitor.client.send("send_event", &payload).await.unwrap());
    }
    let mut seqs = Vec::new();
    for id in &ids {
        let answer = visitor.client.response(id).await.unwrap();
        seqs.push(answer["payload"]["seq"].as_i64().unwrap());
    }

    assert!(
        seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{seqs:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_above_the_rate_are_refused_for_a_moment() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;

    let mut refused = None;
    for n in 0..60 {
        let payload = message(&chat, "x", &format!("c{n}"));
        let answer = visitor.client.ask("send_event", payload).await.unwrap();
        if answer["success"] == false {
            refused = Some(answer);
            break;
        }
    }

    let error = refused.expect("60 messages at once are too many")["payload"]["error"].take();
    assert_eq!(error["type"], "too_many_requests");
    assert_eq!(error["data"]["retryable"], true);
    assert!(error["data"]["retry_after"].as_i64().unwrap() >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_frames_is_refused_first_and_then_cut() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let ping = json!({"action": "nonsense"});

    let flood = async {
        for _ in 0..2_000 {
            if visitor.client.send_frame(&ping).await.is_err() {
                break;
            }
        }
        visitor.client.ended().await
    };
    let ended = flood.await;

    assert_eq!(
        (ended.code, ended.reason.as_str()),
        (1008, "too many frames")
    );
    let refusals: Vec<Value> = visitor.client.kept();
    assert!(
        refusals
            .iter()
            .any(|frame| frame["payload"]["error"]["type"] == "too_many_requests")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_is_let_go_and_holds_nobody_up() {
    let shop = Shop::open().await;
    let (mut visitor, chat) = shop.chatting().await;
    let id = chat.parse().unwrap();
    let ada = shop.house.agent("ada");
    let mut stuck = shop.connect_narrow().await;
    stuck.done("login", login(&visitor.token)).await;
    let state = shop.app.state();
    let before = state.limits.open_sockets();

    // 32 KB each: more than the two kernels and the outbox hold.
    let text = "\u{1f600}".repeat(8_000);
    let reading = async {
        let mut last = 0;
        while state.limits.open_sockets() == before {
            let (house, ada, text) = (shop.house.clone(), ada.clone(), text.clone());
            last = tokio::task::spawn_blocking(move || house.say(&ada, id, &text).seq)
                .await
                .unwrap();
            while visitor.client.push("incoming_event").await["payload"]["event"]["seq"] != last {}
        }
        last
    };

    assert!(reading.await > 0, "the other tab read everything meanwhile");
}
