//! How a server ends: in order, in time, and also when it is told twice.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use tokio_tungstenite::tungstenite;

use crate::support::program::{Program, connect, get, parse};

/// What a supervisor waits before it kills.
const AT_LATEST: Duration = Duration::from_secs(5);

#[test]
fn sigterm_with_idle_connections_and_half_a_request_ends_in_time() {
    let program = Program::ephemeral(&[]);
    let mut idle = connect(program.address());
    write!(idle, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut some = [0; 16];
    idle.read_exact(&mut some).unwrap();
    let mut half = connect(program.address());
    write!(
        half,
        "POST /track HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{"
    )
    .unwrap();

    program.signal("TERM");
    let (status, _, took) = program.ended();

    assert!(status.success(), "{status}");
    assert!(took < AT_LATEST, "{took:?}");
}

#[test]
fn while_it_stops_new_requests_are_503_and_readiness_is_red() {
    let program = Program::ephemeral(&[]);
    // A request that is under way holds the stop for a moment; an open connection can still ask.
    let mut half = connect(program.address());
    write!(
        half,
        "POST /track HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{"
    )
    .unwrap();
    let mut open = connect(program.address());
    let mut ask = |path: &str| {
        write!(open, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        read_answer(&mut open)
    };
    assert!(ask("/readyz").contains(" 200 "));

    program.signal("TERM");
    let mut red = ask("/readyz");
    while red.contains(" 200 ") {
        red = ask("/readyz");
    }

    assert!(red.contains(" 503 ") && red.contains("stopping"), "{red}");
    let refused = parse(&ask("/login"));
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").is_some());
    write!(
        open,
        "POST /track HTTP/1.1\r\nhost: x\r\norigin: http://x\r\ncontent-length: 0\r\n\r\n"
    )
    .unwrap();
    let refused = parse(&read_answer(&mut open));
    assert_eq!(refused.status, 503, "{refused:?}");
    let readable_by = refused.header("access-control-allow-origin");
    assert_eq!(readable_by, Some("http://x"), "the widget may read it");
    assert!(program.ended().0.success());
}

/// One answer of a connection that stays open.
fn read_answer(stream: &mut std::net::TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap();
    let length = parse(&head)
        .header("content-length")
        .map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

#[test]
fn sigterm_closes_open_sockets_with_1012_and_a_hint() {
    let program = Program::ephemeral(&["--site-origin", "https://shop.example"]);
    let url = format!(
        "ws://{}/v3.2/customer/rtm/ws?site={}",
        program.address(),
        program.ready("site_key")
    );
    let mut sockets: Vec<_> = (0..5)
        .map(|_| open_socket(&url, program.address()))
        .collect();

    program.signal("TERM");

    for socket in &mut sockets {
        let close = loop {
            if let tungstenite::Message::Close(frame) = socket.read().unwrap() {
                break frame.unwrap();
            }
        };
        assert_eq!(u16::from(close.code), 1012);
        assert!(close.reason.contains("retry_in"), "{}", close.reason);
    }
    let (status, _, took) = program.ended();
    assert!(status.success(), "{status}");
    assert!(took < AT_LATEST, "{took:?}");
}

#[test]
fn sigterm_ends_in_time_when_a_socket_does_not_read() {
    let program = Program::ephemeral(&["--site-origin", "https://shop.example"]);
    let url = format!(
        "ws://{}/v3.2/customer/rtm/ws?site={}",
        program.address(),
        program.ready("site_key")
    );
    let deaf: Vec<_> = (0..3)
        .map(|_| open_socket(&url, program.address()))
        .collect();

    program.signal("TERM");
    let (status, _, took) = program.ended();

    assert!(status.success(), "{status}");
    assert!(took < AT_LATEST, "{took:?}");
    drop(deaf);
}

fn open_socket(
    url: &str,
    address: std::net::SocketAddr,
) -> tungstenite::WebSocket<std::net::TcpStream> {
    use tungstenite::client::IntoClientRequest as _;
    let mut request = url.into_client_request().unwrap();
    request
        .headers_mut()
        .insert("origin", "https://shop.example".parse().unwrap());
    tungstenite::client(request, connect(address)).unwrap().0
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let program = Program::ephemeral(&[]);
    let mut half = connect(program.address());
    write!(
        half,
        "POST /track HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{"
    )
    .unwrap();
    let mut open = connect(program.address());
    // A connection that still waits to be accepted would be reset by the stop.
    write!(open, "GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(read_answer(&mut open).contains(" 200 "));
    program.signal("TERM");
    loop {
        write!(open, "GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        if read_answer(&mut open).contains("stopping") {
            break;
        }
    }

    program.signal("TERM");
    let (status, _, took) = program.ended();

    assert_eq!(status.code(), Some(130));
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_stop_leaves_one_file_without_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let app = parlor::App::start(parlor::Config {
        data: folder.path().to_owned(),
        ephemeral: false,
        ..parlor::Config::ephemeral()
    })
    .unwrap();
    assert_eq!(get(app.address(), "/readyz").status, 200);

    app.stop();

    let log = std::fs::metadata(folder.path().join("parlor.db-wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0, "everything is in the database file");
    assert!(!folder.path().join("parlor.sock").exists());
}
