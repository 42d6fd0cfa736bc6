//! Heartbeats, time-outs and close codes. The times of the sockets are turned down, so nothing waits for real.

use std::time::Duration;

use parlor::http::customer::SocketTiming;
use serde_json::json;
use tokio::net::TcpStream;

use super::{ORIGIN, Shop, login};

const SHORT: Duration = Duration::from_millis(60);

/// Long enough that a busy machine answers a Ping before the next but one.
const BEAT: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_does_not_log_in_is_ended() {
    let shop = Shop::open_timed(SocketTiming {
        login_within: SHORT,
        ..SocketTiming::default()
    })
    .await;
    let mut client = shop.connect().await;

    let ended = client.ended().await;

    assert_eq!(ended.code, 4001);
    let push = client.push("customer_disconnected").await;
    assert_eq!(push["payload"]["reason"], "connection_timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_answers_pings_stays_and_one_that_does_not_is_dropped() {
    let shop = Shop::open_timed(SocketTiming {
        ping_every: BEAT,
        ..SocketTiming::default()
    })
    .await;
    let mut answering = shop.visitor().await;
    let mut silent = shop.visitor().await;

    // Only reading answers pings: this one reads until it is over, the other not at all.
    let state = shop.app.state();
    let both = state.limits.open_sockets();
    let reading = tokio::spawn(async move { answering.client.ended().await });
    crate::support::until("the silent one is dropped", || {
        state.limits.open_sockets() == both - 1
    });

    assert!(silent.client.next().await.is_err());
    assert!(!reading.is_finished());
    reading.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_visitor_is_let_go_but_not_in_the_middle_of_a_chat() {
    let shop = Shop::open_timed(SocketTiming {
        ping_every: BEAT,
        inactive_after: SHORT,
        ..SocketTiming::default()
    })
    .await;
    let (mut chatting, chat) = shop.chatting().await;
    let mut idle = shop.visitor().await;

    // Both read, which answers pings; the one with an open thread hears nothing until the other is gone.
    let ended = tokio::select! {
        ended = idle.client.ended() => ended,
        frame = chatting.client.next() => panic!("{frame:?}"),
    };

    let push = idle.client.push("customer_disconnected").await;
    assert_eq!(ended.code, 1000);
    assert_eq!(push["payload"]["reason"], "inactivity_timeout");
    let payload = json!({"chat_id": chat});
    chatting.client.done("deactivate_chat", payload).await;
    assert_eq!(chatting.client.ended().await.code, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_tells_every_socket_when_to_come_back() {
    let shop = Shop::open().await;
    let mut logged_in = shop.visitor().await;
    let mut waiting = shop.connect().await;
    let app = shop.app;

    let stop = tokio::task::spawn_blocking(move || app.stop());
    let (first, second) = tokio::join!(logged_in.client.ended(), waiting.ended());
    stop.await.unwrap();

    for ended in [first, second] {
        assert_eq!(ended.code, 1012);
        let hint: serde_json::Value = serde_json::from_str(&ended.reason).unwrap();
        assert!(
            (0.0..5.0).contains(&hint["retry_in"].as_f64().unwrap()),
            "{}",
            ended.reason
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_ends_its_sockets() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let hash = visitor.token.hash();

    shop.house
        .write(move |tx, now| {
            let bearer = parlor::store::visitor_tokens::find(tx, &hash)?.unwrap();
            parlor::store::visitor_tokens::revoke(tx, &bearer, now)
        })
        .unwrap();

    assert_eq!(visitor.client.ended().await.code, 4001);
    let mut client = shop.connect().await;
    assert_eq!(
        client.refused("login", login(&visitor.token)).await,
        "authentication: authentication failed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_without_a_word_gives_its_place_back() {
    let shop = Shop::open().await;
    let mut visitor = shop.visitor().await;
    let tcp: &mut tokio_tungstenite::MaybeTlsStream<TcpStream> = visitor.client.raw();
    let tokio_tungstenite::MaybeTlsStream::Plain(tcp) = tcp else {
        panic!("{ORIGIN} is reached without TLS here");
    };
    tcp.set_zero_linger().unwrap();

    drop(visitor);

    let state = shop.app.state();
    crate::support::until("the place is free", || state.limits.open_sockets() == 0);
}
