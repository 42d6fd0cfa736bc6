//! The chat wire against a running Parlor: real sockets, the program's own routes.

mod chatting;
mod client;
mod cutter;
mod first_frames;
mod greetings;
mod history;
mod hostile;
mod kinds;
mod leaving;
mod people;
mod properties;
mod queueing;
mod reconnect;
mod sdk_token;
mod sockjs;
mod timing;
mod token;
mod token_page;
mod versions;

use parlor::domain::site::{Site, SiteSettings};
use parlor::http::customer::SocketTiming;
use parlor::store::sites;
use parlor::token::Token;
use parlor::{App, Config};
use serde_json::{Value, json};

pub use client::Client;

use crate::support::house::House;

/// The page that carries the widget in these tests.
pub const ORIGIN: &str = "https://shop.example";

/// A running Parlor with one site.
pub struct Shop {
    pub app: App,
    pub site: Site,
    pub house: House,
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(Config::ephemeral()).await
    }

    /// The same with the times of the sockets turned.
    pub async fn open_timed(socket_timing: SocketTiming) -> Self {
        Self::open_with(Config {
            socket_timing,
            ..Config::ephemeral()
        })
        .await
    }

    pub async fn open_with(config: Config) -> Self {
        crate::support::lint::watch();
        tokio::task::spawn_blocking(move || {
            let app = App::start(config).unwrap();
            let house = House::new(app.db(), app.clock());
            let site = house
                .write(move |tx, now| {
                    let new = sites::NewSite {
                        name: "Tea Shop",
                        origins: &[ORIGIN.to_owned()],
                        settings: &SiteSettings::default(),
                    };
                    sites::create(tx, &new, now)
                })
                .unwrap();
            let house = House {
                site: site.id,
                ..house
            };
            Self { app, site, house }
        })
        .await
        .unwrap()
    }

    /// The address of the socket, as Parlor's own widget calls it.
    pub fn url(&self) -> String {
        self.url_of(&format!("/v3.2/customer/rtm/ws?site={}", self.site.key))
    }

    pub fn url_of(&self, path: &str) -> String {
        format!("ws://{}{path}", self.app.address())
    }

    /// A socket that has not logged in.
    pub async fn connect(&self) -> Client {
        Client::connect(&self.url(), ORIGIN).await.unwrap()
    }

    /// A socket with little room in the kernel, for a client that does not read.
    pub async fn connect_narrow(&self) -> Client {
        Client::connect_narrow(&self.url(), ORIGIN, self.app.address()).await
    }

    /// A socket of this token, logged in, with the payload of the login.
    pub async fn log_in(&self, token: &Token) -> (Client, Value) {
        let mut client = self.connect().await;
        let payload = client.done("login", login(token)).await;
        (client, payload)
    }

    /// A new visitor with one socket.
    pub async fn visitor(&self) -> Visitor {
        let token = Token::random();
        let (client, login) = self.log_in(&token).await;
        Visitor {
            token,
            client,
            login,
        }
    }

    /// A new visitor who has begun a chat with "Hello".
    pub async fn chatting(&self) -> (Visitor, String) {
        let mut visitor = self.visitor().await;
        let chat = visitor.start("Hello").await;
        (visitor, chat)
    }
}

/// The payload of a login.
pub fn login(token: &Token) -> Value {
    json!({"token": format!("Bearer {}", token.as_str()), "application": {"name": "test", "version": "1"}})
}

/// A message as `send_event` takes it.
pub fn message(chat: &str, text: &str, custom_id: &str) -> Value {
    json!({"chat_id": chat, "event": {"type": "message", "text": text, "custom_id": custom_id}})
}

/// A browser with its token and one socket.
pub struct Visitor {
    pub token: Token,
    pub client: Client,
    pub login: Value,
}

impl Visitor {
    /// The id it is shown under.
    pub fn id(&self) -> &str {
        self.login["customer"]["id"].as_str().unwrap()
    }

    /// Begins the chat with this text and returns its id.
    pub async fn start(&mut self, text: &str) -> String {
        let payload = json!({"chat": {"thread": {"events": [{"type": "message", "text": text}]}}});
        let started = self.client.done("start_chat", payload).await;
        self.client.push("incoming_chat").await;
        started["chat_id"].as_str().unwrap().to_owned()
    }
}
