//! An agent as a load: signed in, with the dashboard's socket open.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::client::Connection;
use crate::process::{OWNER_PASSWORD, Server};
use crate::socket::Socket;

/// The owner's e-mail address in every measured instance.
pub(crate) const EMAIL: &str = "owner@example.com";

/// The e-mail address of the agent with this number, see [`crate::seed::Seeded::add_agents`].
pub(crate) fn agent_email(n: i64) -> String {
    format!("agent{n}@example.com")
}

/// A signed-in agent.
pub(crate) struct Agent {
    address: String,
    cookie: String,
    pub(crate) connection: Connection,
}

impl Agent {
    /// Signs the owner in.
    pub(crate) async fn sign_in(server: &Server) -> anyhow::Result<Self> {
        Self::sign_in_as(server, EMAIL).await
    }

    /// Signs an agent in by the login form.
    pub(crate) async fn sign_in_as(server: &Server, email: &str) -> anyhow::Result<Self> {
        let mut connection = Connection::open(&server.address).await?;
        let head = format!(
            "POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nOrigin: http://{}",
            server.address
        );
        let form = format!(
            "email={}&password={}",
            email.replace('@', "%40"),
            OWNER_PASSWORD.replace(' ', "+")
        );
        let (status, head, _) = connection.exchange(&head, form.as_bytes()).await?;
        let cookie = head
            .lines()
            .find_map(|l| {
                l.split_once(": ")
                    .filter(|(n, _)| n.eq_ignore_ascii_case("set-cookie"))
            })
            .and_then(|(_, v)| v.split(';').next())
            .with_context(|| format!("the login answered {status} without a cookie"))?
            .to_owned();
        Ok(Self {
            address: server.address.clone(),
            cookie,
            connection,
        })
    }

    /// One page of the dashboard.
    pub(crate) async fn page(&mut self, path: &str) -> anyhow::Result<String> {
        let head = format!("GET {path} HTTP/1.1\r\nCookie: {}", self.cookie);
        let (status, body) = self.connection.send(&head, b"").await?;
        anyhow::ensure!(status == 200, "{path} answered {status}");
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// The server hangs up on connections that are idle for seconds.
    async fn come_back(&mut self) -> anyhow::Result<()> {
        self.connection = Connection::open(&self.address).await?;
        Ok(())
    }

    /// Turns the switch that says whether the agent accepts chats.
    pub(crate) async fn set_status(&mut self, status: &str) -> anyhow::Result<()> {
        self.come_back().await?;
        let head = format!(
            "POST /status HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nCookie: {}\r\nOrigin: http://{}",
            self.cookie, self.address
        );
        let form = format!("status={status}&back=%2Fchats");
        let (status, _) = self.connection.send(&head, form.as_bytes()).await?;
        anyhow::ensure!(status == 303, "the switch answered {status}");
        Ok(())
    }

    /// The agents' socket, opened by a one-time ticket.
    pub(crate) async fn live(&mut self) -> anyhow::Result<Socket> {
        self.come_back().await?;
        let origin = format!("http://{}", self.address);
        let head = format!(
            "POST /live/ticket HTTP/1.1\r\nCookie: {}\r\nOrigin: {origin}",
            self.cookie
        );
        let (status, body) = self.connection.send(&head, b"").await?;
        anyhow::ensure!(status == 200, "the ticket route answered {status}");
        let body: Value = serde_json::from_slice(&body)?;
        let ticket = body["ticket"].as_str().context("no ticket")?;
        let path = format!("/live?ticket={ticket}");
        let mut socket = Socket::open(
            &self.address,
            &path,
            &[("origin", &origin), ("cookie", &self.cookie)],
        )
        .await?;
        socket.until(|v| v["type"] == "hello").await?;
        Ok(socket)
    }
}

/// Follows the inbox on the agents' socket.
pub(crate) fn follow() -> String {
    json!({"type": "follow"}).to_string()
}

/// Opens a chat on the agents' socket.
pub(crate) fn open(chat: &str) -> String {
    json!({"type": "open", "chat": chat, "after_seq": 0}).to_string()
}

/// Writes a message on the agents' socket.
pub(crate) fn say(chat: &str, n: usize) -> String {
    json!({"type": "send", "chat": chat, "custom_id": format!("bench-{n:0>27}"), "text": format!("Message {n} of a long day")}).to_string()
}
