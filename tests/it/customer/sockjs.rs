//! SockJS: the chat wire in the envelopes of the 2.x line of the published SDK, over a WebSocket and poll by poll.

use futures_util::future::select;
use futures_util::{SinkExt, StreamExt};
use parlor::Config;
use parlor::http::customer::SocketTiming;
use parlor::token::Token;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::client::PATIENCE;
use super::{ORIGIN, Shop, login};

const SESSION: &str = "/x/v3.2/customer/rtm/sjs/123/abcdefgh";

struct Reply {
    status: u16,
    headers: ureq::http::HeaderMap,
    text: String,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

async fn call(shop: &Shop, method: &str, path: &str, origin: &str, body: &str) -> Reply {
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", shop.app.address()))
        .header("origin", origin)
        .header("content-type", "text/plain")
        .body(body.to_owned())
        .unwrap();
    tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .allow_non_standard_methods(true)
            .build()
            .into();
        let mut answer = agent.run(request).unwrap();
        Reply {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.body_mut().read_to_string().unwrap(),
        }
    })
    .await
    .unwrap()
}

/// The path of a session's request, as the widget names its site.
fn at(shop: &Shop, last: &str) -> String {
    format!("{SESSION}/{last}?site={}", shop.site.key)
}

async fn poll(shop: &Shop) -> String {
    let reply = call(shop, "POST", &at(shop, "xhr"), ORIGIN, "").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(
        reply.header("content-type"),
        "application/javascript; charset=UTF-8"
    );
    assert_eq!(reply.header("access-control-allow-credentials"), "true");
    reply.text
}

async fn send(shop: &Shop, body: &str) -> u16 {
    let reply = call(shop, "POST", &at(shop, "xhr_send"), ORIGIN, body).await;
    assert_eq!(reply.header("access-control-allow-origin"), ORIGIN);
    reply.status
}

fn packed(frames: &[Value]) -> String {
    json!(frames.iter().map(Value::to_string).collect::<Vec<_>>()).to_string()
}

/// The chat frames in an array of the server.
fn frames(text: &str) -> Vec<Value> {
    let array = text.trim_end().strip_prefix('a').expect(text);
    let frames: Vec<String> = serde_json::from_str(array).unwrap();
    frames
        .iter()
        .map(|frame| serde_json::from_str(frame).unwrap())
        .collect()
}

fn log_in() -> Value {
    json!({"request_id": "r1", "action": "login", "payload": login(&Token::random())})
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn websocket(shop: &Shop, query: &str) -> Socket {
    let mut request = shop
        .url_of(&format!("{SESSION}/websocket?{query}"))
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("origin", ORIGIN.parse().unwrap());
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

async fn text(socket: &mut Socket) -> String {
    loop {
        let next = tokio::time::timeout(PATIENCE, socket.next()).await;
        match next.expect("in time").unwrap().unwrap() {
            Message::Text(text) => return text.to_string(),
            Message::Close(close) => panic!("closed: {close:?}"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn info_is_read_with_credentials_by_pages_of_the_site_alone() {
    let shop = Shop::open().await;
    let path = format!(
        "/v3.2/customer/rtm/sjs/info?license_id={}&t=1",
        shop.site.license_id
    );

    let reply = call(&shop, "GET", &path, ORIGIN, "").await;
    let foreign = call(&shop, "GET", &path, "https://evil.example", "").await;
    let preflight = call(&shop, "OPTIONS", &path, ORIGIN, "").await;

    let info: Value = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(info["websocket"], true);
    assert_eq!(info["cookie_needed"], false);
    assert_eq!(info["origins"], json!(["*:*"]));
    assert!(info["entropy"].is_u64() && info.get("base_url").is_none());
    assert_eq!(reply.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(reply.header("access-control-allow-credentials"), "true");
    assert_eq!(foreign.status, 403);
    assert_eq!(foreign.header("access-control-allow-origin"), "");
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-credentials"), "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_carries_the_same_frames_in_arrays() {
    let shop = Shop::open().await;
    let mut socket = websocket(&shop, &format!("site={}", shop.site.key)).await;
    assert_eq!(text(&mut socket).await, "o");

    let ping = json!({"action": "ping"});
    let both = packed(&[log_in(), ping]);
    socket.send(Message::text(both)).await.unwrap();

    let mut answers = frames(&text(&mut socket).await);
    answers.extend(frames(&text(&mut socket).await));
    let actions: Vec<_> = answers.iter().map(|frame| &frame["action"]).collect();
    assert!(answers.iter().all(|frame| frame["success"] == true));
    assert!(actions.contains(&&json!("login")) && actions.contains(&&json!("ping")));
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_envelopes_end_a_websocket_with_both_kinds_of_close() {
    let shop = Shop::open().await;
    let mut socket = websocket(&shop, &format!("site={}", shop.site.key)).await;
    assert_eq!(text(&mut socket).await, "o");

    socket.send(Message::text("{}")).await.unwrap();

    assert_eq!(text(&mut socket).await, r#"c[1002,"protocol error"]"#);
    let Some(Ok(Message::Close(Some(close)))) = socket.next().await else {
        panic!("no close frame");
    };
    assert_eq!(u16::from(close.code), 1002);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_of_an_unknown_site_opens_and_says_why_it_closes() {
    let shop = Shop::open().await;

    for query in ["license_id=1520", "license_id=seven", ""] {
        let mut socket = websocket(&shop, query).await;

        assert_eq!(text(&mut socket).await, "o", "{query}");
        let told = frames(&text(&mut socket).await);
        assert_eq!(told[0]["payload"]["reason"], "license_not_found");
        assert_eq!(text(&mut socket).await, r#"c[1008,"unknown site"]"#);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_beats_and_any_answer_keeps_a_websocket() {
    let shop = Shop::open_timed(SocketTiming {
        ping_every: Duration::from_millis(50),
        ..SocketTiming::default()
    })
    .await;
    let mut socket = websocket(&shop, &format!("site={}", shop.site.key)).await;
    assert_eq!(text(&mut socket).await, "o");

    for _ in 0..5 {
        assert_eq!(text(&mut socket).await, "h");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_polls_chats_like_any_other() {
    let shop = Shop::open().await;

    assert_eq!(poll(&shop).await, "o\n");
    assert_eq!(send(&shop, &packed(&[log_in()])).await, 204);
    let answer = frames(&poll(&shop).await);
    assert_eq!(answer[0]["action"], "login");
    assert_eq!(answer[0]["success"], true, "{}", answer[0]);

    let start = json!({"request_id": "r2", "action": "start_chat", "payload":
        {"chat": {"thread": {"events": [{"type": "message", "text": "Hi"}]}}}});
    assert_eq!(send(&shop, &packed(&[start])).await, 204);
    let mut told = frames(&poll(&shop).await);
    while !told.iter().any(|frame| frame["action"] == "incoming_chat") {
        told.extend(frames(&poll(&shop).await));
    }
    let chat = told
        .iter()
        .find(|frame| frame["action"] == "start_chat")
        .map(|frame| frame["payload"]["chat_id"].as_str().unwrap().to_owned())
        .unwrap();

    let agent = shop.house.agent("ada");
    let (_, mut said) = tokio::join!(
        async { shop.house.say(&agent, chat.parse().unwrap(), "Welcome") },
        poll(&shop)
    );
    while !said.contains("Welcome") {
        said = poll(&shop).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_poll_at_a_time_and_a_beat_ends_it() {
    let shop = Shop::open_timed(SocketTiming {
        ping_every: Duration::from_millis(700),
        ..SocketTiming::default()
    })
    .await;
    assert_eq!(poll(&shop).await, "o\n");

    let (one, other) = tokio::join!(poll(&shop), poll(&shop));

    let mut both = [one, other];
    both.sort();
    assert_eq!(both[0], "c[2010,\"Another connection still open\"]\n");
    assert_eq!(both[1], "h\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_sessions_and_broken_bodies_are_refused() {
    let shop = Shop::open().await;
    assert_eq!(send(&shop, "[]").await, 404, "nobody has polled");
    assert_eq!(poll(&shop).await, "o\n");

    assert_eq!(send(&shop, "").await, 204);
    assert_eq!(send(&shop, r#"["a""#).await, 400);
    assert_eq!(send(&shop, "[1]").await, 400);
    assert_eq!(
        send(&shop, &format!("[\"{}\"]", "x".repeat(70_000))).await,
        413
    );
    let foreign = "https://evil.example";
    let stolen = call(&shop, "POST", &at(&shop, "xhr"), foreign, "").await;
    assert_eq!(stolen.status, 403);
    let short = format!("/v3.2/customer/rtm/sjs/1/short/xhr?site={}", shop.site.key);
    let short = call(&shop, "POST", &short, ORIGIN, "").await;
    assert!(short.status >= 400, "a name that could be guessed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_poll_is_told_in_one_answer_and_kept_nowhere() {
    let shop = Shop::open().await;
    let cases = [
        ("v3.2", "license_id=1520".to_owned(), "license_not_found"),
        (
            "v9.9",
            format!("site={}", shop.site.key),
            "unsupported_version",
        ),
    ];

    for (version, query, reason) in cases {
        let path = format!("/{version}/customer/rtm/sjs/1/abcdefgh/xhr?{query}");
        for _ in 0..2 {
            let reply = call(&shop, "POST", &path, ORIGIN, "").await;
            let lines: Vec<&str> = reply.text.lines().collect();
            assert_eq!(lines[0], "o", "{path}");
            assert_eq!(frames(lines[1])[0]["payload"]["reason"], reason);
            assert!(lines[2].starts_with("c[1008,"), "{}", lines[2]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_sessions_take_the_places_of_sockets() {
    let shop = Shop::open_with(Config {
        sockets_per_address: 1,
        ..Config::ephemeral()
    })
    .await;
    assert_eq!(poll(&shop).await, "o\n");

    let path = format!(
        "/v3.2/customer/rtm/sjs/1/hgfedcba/xhr?site={}",
        shop.site.key
    );
    let reply = call(&shop, "POST", &path, ORIGIN, "").await;

    assert!(
        reply.text.contains("too_many_connections"),
        "{}",
        reply.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_ends_a_poll_that_waits() {
    let shop = Shop::open().await;
    assert_eq!(poll(&shop).await, "o\n");
    let (one, other) = (Box::pin(poll(&shop)), Box::pin(poll(&shop)));

    // Once one is turned away the other one waits.
    let (refused, waiting) = select(one, other).await.factor_first();
    assert!(refused.starts_with("c[2010"), "{refused}");
    shop.app.state().stop.cancel();

    let ended = waiting.await;
    assert!(
        ended.contains("internal_error") && ended.contains("c[1012,"),
        "{ended}"
    );
}
