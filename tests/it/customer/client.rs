//! A client of the chat wire for tests: speaks JSON frames over a real socket and keeps what was pushed.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

/// Longer than anything may take on a busy machine; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One socket of a visitor.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Pushes that came while something else was waited for.
    pushes: VecDeque<Value>,
    next_request: u32,
}

/// How a socket ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: u16,
    pub reason: String,
}

impl Client {
    /// Opens a socket as a page of `origin`.
    pub async fn connect(url: &str, origin: &str) -> Result<Self, Error> {
        let mut request = url.into_client_request()?;
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
        let (socket, _) = connect_async(request).await?;
        Ok(Self {
            socket,
            pushes: VecDeque::new(),
            next_request: 0,
        })
    }

    /// The same over a connection whose receive buffer is as small as the system makes it.
    pub async fn connect_narrow(url: &str, origin: &str, address: SocketAddr) -> Self {
        let mut request = url.into_client_request().unwrap();
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(4_096).unwrap();
        let tcp = tcp.connect(address).await.unwrap();
        let (socket, _) = client_async(request, MaybeTlsStream::Plain(tcp))
            .await
            .unwrap();
        Self {
            socket,
            pushes: VecDeque::new(),
            next_request: 0,
        }
    }

    /// Sends a request and returns its id.
    pub async fn send(&mut self, action: &str, payload: &Value) -> Result<String, Error> {
        self.next_request += 1;
        let id = format!("r{}", self.next_request);
        self.send_frame(&json!({"request_id": id, "action": action, "payload": payload}))
            .await?;
        Ok(id)
    }

    /// Sends any frame.
    pub async fn send_frame(&mut self, frame: &Value) -> Result<(), Error> {
        self.send_message(Message::text(frame.to_string())).await
    }

    /// Sends any message, control frames included.
    pub async fn send_message(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message).await
    }

    /// The next frame, whatever it is; an error when the socket has ended.
    pub async fn next(&mut self) -> Result<Value, Error> {
        tokio::time::timeout(PATIENCE, self.frame())
            .await
            .expect("the server answers in time")
    }

    async fn frame(&mut self) -> Result<Value, Error> {
        loop {
            match self.socket.next().await.ok_or(Error::ConnectionClosed)?? {
                Message::Text(text) => {
                    return Ok(serde_json::from_str(&text).expect("every frame is JSON"));
                }
                Message::Close(_) => return Err(Error::ConnectionClosed),
                _ => {}
            }
        }
    }

    /// Sends a request and waits for its response; pushes that come before are kept.
    pub async fn ask(&mut self, action: &str, payload: Value) -> Result<Value, Error> {
        let id = self.send(action, &payload).await?;
        self.response(&id).await
    }

    /// The response to a request that was sent.
    pub async fn response(&mut self, id: &str) -> Result<Value, Error> {
        loop {
            let frame = self.next().await?;
            if frame["type"] == "response" && frame["request_id"] == id {
                return Ok(frame);
            }
            self.pushes.push_back(frame);
        }
    }

    /// Sends a request that has to succeed, and returns the payload of its response.
    pub async fn done(&mut self, action: &str, payload: Value) -> Value {
        let frame = self.ask(action, payload).await.unwrap();
        assert_eq!(frame["success"], true, "{action}: {frame}");
        frame["payload"].clone()
    }

    /// Sends a request that has to be refused, and returns `type: message`.
    pub async fn refused(&mut self, action: &str, payload: Value) -> String {
        let frame = self.ask(action, payload).await.unwrap();
        assert_eq!(frame["success"], false, "{action}: {frame}");
        let error = &frame["payload"]["error"];
        assert!(error["data"]["retryable"].is_boolean(), "{frame}");
        format!(
            "{}: {}",
            error["type"].as_str().unwrap(),
            error["message"].as_str().unwrap()
        )
    }

    /// The next push of this action, kept or still to come; others are dropped.
    pub async fn push(&mut self, action: &str) -> Value {
        loop {
            let frame = match self.pushes.pop_front() {
                Some(frame) => frame,
                None => self.next().await.unwrap(),
            };
            if frame["type"] == "push" && frame["action"] == action {
                return frame;
            }
        }
    }

    /// The frames that came while something else was waited for.
    pub fn kept(&mut self) -> Vec<Value> {
        self.pushes.drain(..).collect()
    }

    /// Waits until the server ends the socket; frames before that are kept as pushes.
    pub async fn ended(&mut self) -> Ended {
        tokio::time::timeout(PATIENCE, self.end())
            .await
            .expect("the server ends the socket in time")
    }

    async fn end(&mut self) -> Ended {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    self.pushes.push_back(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(Some(CloseFrame { code, reason })))) => {
                    return Ended {
                        code: code.into(),
                        reason: reason.to_string(),
                    };
                }
                Some(Ok(_)) => {}
                other => panic!("the socket ended without a close frame: {other:?}"),
            }
        }
    }

    /// The raw connection, for what no well-behaved client sends.
    pub fn raw(&mut self) -> &mut MaybeTlsStream<TcpStream> {
        self.socket.get_mut()
    }
}
