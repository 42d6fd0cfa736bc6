//! The real program with one site, and requests to its `/track` as a page sends them.

use parlor::App;
use parlor::config::{Config, Seed};
use parlor::domain::site::Site;
use parlor::store::sites;
use parlor::token::Token;
use serde_json::{Value, json};

use crate::support::lint;
use crate::track_world::FIREFOX;

pub const SHOP: &str = "https://shop.example";

pub struct Server {
    pub app: App,
    pub agent: ureq::Agent,
}

pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(Config::ephemeral())
    }

    pub fn start_with(config: Config) -> Self {
        lint::watch();
        let seed = Seed {
            owner_name: "Ada".into(),
            owner_email: "ada@example.com".into(),
            owner_password: "correct horse battery".into(),
            site_name: "<b>Shop</b>".into(),
            site_origins: vec![SHOP.into()],
        };
        let app = App::start(config.with_seed(seed)).unwrap();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        Self { app, agent }
    }

    pub fn key(&self) -> &str {
        &self.app.seeded().unwrap().site_key
    }

    pub fn site(&self) -> Site {
        let key = self.key().to_owned();
        self.app
            .db()
            .read_blocking(move |tx| sites::by_key(tx, &key))
            .unwrap()
            .unwrap()
    }

    pub fn send(&self, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = self
            .agent
            .post(format!("{}/track", self.app.url()))
            .header("Content-Type", "text/plain")
            .header("User-Agent", FIREFOX);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body).unwrap();
        let body = response.body_mut().read_to_string().unwrap();
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_str(&body).unwrap_or(Value::Null),
        }
    }

    pub fn post(&self, body: &Value) -> Reply {
        self.send(&[("Origin", SHOP)], body.to_string().as_bytes())
    }

    pub fn calls(&self, token: &Token, calls: &Value) -> Reply {
        self.post(
            &json!({"site": self.key(), "token": token.as_str(), "sent_at": 0, "calls": calls}),
        )
    }

    pub fn int(&self, sql: &'static str) -> i64 {
        self.app
            .db()
            .read_blocking(move |tx| tx.int(sql, &[]))
            .unwrap()
    }

    pub fn text(&self, sql: &'static str) -> String {
        self.app
            .db()
            .read_blocking(move |tx| tx.one(sql, &[], |row| row.text(0)))
            .unwrap()
    }
}

pub fn page(id: &str) -> Value {
    json!({"id": id, "call": "page", "at": 0, "url": "https://shop.example/a", "title": "A"})
}
