//! The load's sockets: plain WebSocket clients that speak as little as they must.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// One open socket.
pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens a socket at `path` with the headers a browser would send.
    pub(crate) async fn open(
        address: &str,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> anyhow::Result<Self> {
        Self::open_from(Ipv4Addr::LOCALHOST, address, path, headers).await
    }

    /// Opens a socket from another address of this machine: limits count by address.
    pub(crate) async fn open_from(
        from: Ipv4Addr,
        address: &str,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // A bound port is taken for all targets at once, and there are fewer than some loads need: only where it matters.
        if from != Ipv4Addr::LOCALHOST {
            socket.bind(SocketAddr::from((from, 0)))?;
        }
        let stream = socket.connect(address.parse()?).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse()?);
        }
        Ok(Self(
            tokio_tungstenite::client_async(request, stream).await?.0,
        ))
    }

    /// A visitor's socket of Parlor, logged in with a browser-made token.
    pub(crate) async fn visitor(address: &str, site: &str, token: &str) -> anyhow::Result<Self> {
        Self::visitor_from(Ipv4Addr::LOCALHOST, address, site, token).await
    }

    /// The same from another address of this machine.
    pub(crate) async fn visitor_from(
        from: Ipv4Addr,
        address: &str,
        site: &str,
        token: &str,
    ) -> anyhow::Result<Self> {
        let path = format!("/v3.2/customer/rtm/ws?site={site}");
        let headers = [("origin", crate::process::ORIGIN)];
        let mut socket = Self::open_from(from, address, &path, &headers).await?;
        let answer = socket.ask("login", json!({"token": format!("Bearer {token}"), "customer": {}, "customer_side_storage": {}, "is_mobile": false, "application": {"name": "customer_sdk", "version": "bench"}})).await?;
        anyhow::ensure!(answer["success"] == true, "login refused: {answer}");
        Ok(socket)
    }

    pub(crate) async fn send(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    /// The next text frame; control frames are passed over.
    pub(crate) async fn text(&mut self) -> anyhow::Result<String> {
        loop {
            match self.0.next().await.context("the socket closed")?? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Close(frame) => anyhow::bail!("the socket closed: {frame:?}"),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Passes over what has come already; a Ping among it is answered.
    pub(crate) fn pass_over(&mut self) -> anyhow::Result<()> {
        while let Some(frame) = self.0.next().now_or_never() {
            frame.context("the socket closed")??;
        }
        Ok(())
    }

    /// The length of the next frame that contains all of these words.
    pub(crate) async fn until_text(&mut self, words: &[&str]) -> anyhow::Result<usize> {
        loop {
            let text = self.text().await?;
            if words.iter().all(|word| text.contains(word)) {
                return Ok(text.len());
            }
        }
    }

    /// The next frame for which `wanted` holds, as JSON.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        loop {
            let value: Value = serde_json::from_str(&self.text().await?)?;
            if wanted(&value) {
                return Ok(value);
            }
        }
    }

    /// Sends a request and returns its response.
    pub(crate) async fn ask(&mut self, action: &str, payload: Value) -> anyhow::Result<Value> {
        let id = format!(
            "{action}-{}",
            ASKED.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
        );
        self.send(json!({"request_id": id, "action": action, "payload": payload}).to_string())
            .await?;
        self.until(|v| v["request_id"] == id && v["type"] == "response")
            .await
    }
}

static ASKED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
