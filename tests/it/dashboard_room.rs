//! The real program with an owner, further agents and visitors, and requests to its dashboard as a browser sends them.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parlor::App;
use parlor::config::{Config, Seed};
use parlor::domain::ids::{AgentId, LoginId};
use parlor::domain::permission::Subject;
use parlor::domain::site::SiteSettings;
use parlor::store::logins::{self, NewLogin};
use parlor::store::{agents, sites};
use parlor::token::Token;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::house::{House, agent_id};
use crate::support::lint;

/// Longer than anything may take on a busy machine; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running Parlor whose owner is signed in.
pub struct Room {
    pub app: App,
    pub house: House,
    pub owner: Desk,
}

/// One signed-in browser of an agent.
pub struct Desk {
    pub agent: AgentId,
    pub login: LoginId,
    pub cookie: String,
    pub url: String,
    http: ureq::Agent,
}

/// An answer to a request.
pub struct Page {
    pub status: u16,
    pub location: Option<String>,
    pub body: String,
}

impl Room {
    pub fn open() -> Self {
        lint::watch();
        let seed = Seed {
            owner_name: "Olive Owner".into(),
            owner_email: "olive@example.com".into(),
            owner_password: "correct horse battery".into(),
            site_name: "Tea & Tables".into(),
            site_origins: vec!["https://shop.example".into()],
        };
        let app = App::start(Config::ephemeral().with_seed(seed)).unwrap();
        let key = app.seeded().unwrap().site_key.clone();
        let (site, owner) = app
            .db()
            .read_blocking(move |tx| {
                let site = sites::by_key(tx, &key)?.unwrap().id;
                Ok((site, agents::of_site(tx, site)?[0].id))
            })
            .unwrap();
        let house = House {
            db: app.db().clone(),
            clock: app.clock().clone(),
            site,
        };
        // These tests say themselves who takes which chat; routing has tests of its own.
        house
            .write(move |tx, _| {
                tx.exec(
                    "update agents set status = 'not_accepting' where id = ?1",
                    &[owner.into()],
                )
            })
            .unwrap();
        let owner = Desk::sit_down(&app, &house, owner);
        Self { app, house, owner }
    }

    /// A further agent, signed in.
    pub fn desk(&self, agent: &Subject) -> Desk {
        Desk::sit_down(&self.app, &self.house, agent_id(agent))
    }

    /// A second site that the owner does not work for.
    pub fn another_site(&self) -> House {
        let made = self.house.write(|tx, now| {
            let new = sites::NewSite {
                name: "Other",
                origins: &[],
                settings: &SiteSettings::default(),
            };
            Ok(sites::create(tx, &new, now)?.id)
        });
        House {
            site: made.unwrap(),
            ..self.house.clone()
        }
    }

    /// Visitors of a [`House`] name no browser and count as bots; from here on those there are count as people.
    pub fn recognise_people(&self) {
        self.house
            .write(|tx, _| tx.exec("update visitors set is_bot = 0 where is_bot = 1", &[]))
            .unwrap();
    }

    /// Ends a login.
    pub fn revoke(&self, desk: &Desk) {
        let (agent, login) = (desk.agent, desk.login);
        let revoked = self
            .house
            .write(move |tx, now| logins::revoke(tx, agent, login, now))
            .unwrap();
        assert!(revoked);
    }
}

impl Desk {
    fn sit_down(app: &App, house: &House, agent: AgentId) -> Self {
        let (token, site) = (Token::random(), house.site);
        let hash = token.hash();
        let login = house
            .write(move |tx, now| {
                let new = NewLogin {
                    token_hash: &hash,
                    agent,
                    site,
                    user_agent: "test",
                    ip: "127.0.0.0",
                };
                logins::create(tx, &new, now)
            })
            .unwrap();
        Self {
            agent,
            login,
            cookie: format!("__Host-sid={}", token.as_str()),
            url: app.url(),
            http: ureq::Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .build()
                .into(),
        }
    }

    pub fn get(&self, path: &str) -> Page {
        let answer = self
            .http
            .get(format!("{}{path}", self.url))
            .header("Cookie", &self.cookie)
            .header("Accept", "text/html")
            .call();
        Page::read(answer.unwrap())
    }

    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self
            .http
            .post(format!("{}{path}", self.url))
            .header("Cookie", &self.cookie)
            .header("Accept", "text/html")
            .header("Origin", &self.url)
            .send_form(fields.iter().copied());
        Page::read(answer.unwrap())
    }

    pub fn ticket(&self) -> String {
        let page = self.post("/live/ticket", &[]);
        let body: Value = serde_json::from_str(&page.body).unwrap();
        body["ticket"].as_str().unwrap().to_owned()
    }

    /// Opens the agents' socket as a page of our own does.
    pub async fn live(&self) -> Live {
        let mut live = Live::connect(&self.url, &self.url, &self.cookie, &self.ticket())
            .await
            .unwrap();
        assert_eq!(live.next().await["type"], "hello");
        live
    }
}

impl Page {
    fn read(mut answer: ureq::http::Response<ureq::Body>) -> Self {
        Self {
            status: answer.status().as_u16(),
            location: answer
                .headers()
                .get("location")
                .map(|value| value.to_str().unwrap().to_owned()),
            body: answer.body_mut().read_to_string().unwrap(),
        }
    }

    /// All values of an attribute, in order.
    pub fn all(&self, attribute: &str) -> Vec<String> {
        let start = format!("{attribute}=\"");
        self.body
            .split(&start)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect()
    }

    /// The first value of an attribute.
    pub fn value(&self, attribute: &str) -> String {
        let found = self.all(attribute).into_iter().next();
        found.unwrap_or_else(|| panic!("no {attribute} in {}", self.body))
    }

    /// The address of the first link with this text in it.
    pub fn link(&self, text: &str) -> Option<String> {
        self.body
            .split("<a ")
            .find(|link| link.split("</a>").next().unwrap().contains(text))
            .map(|link| {
                let href = link.split("href=\"").nth(1).unwrap();
                href.split('"').next().unwrap().replace("&#38;", "&")
            })
    }
}

/// One agents' socket.
pub struct Live(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Live {
    pub async fn connect(
        url: &str,
        origin: &str,
        cookie: &str,
        ticket: &str,
    ) -> Result<Self, Error> {
        let socket = url.replace("http://", "ws://");
        let mut request = format!("{socket}/live?ticket={ticket}").into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("origin", origin.parse().unwrap());
        headers.insert("cookie", cookie.parse().unwrap());
        Ok(Self(connect_async(request).await?.0))
    }

    pub async fn say(&mut self, message: Value) {
        self.say_text(message.to_string()).await;
    }

    /// Sends a frame as it is, whatever it says.
    pub async fn say_text(&mut self, text: String) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame; panics when the socket ends.
    pub async fn next(&mut self) -> Value {
        self.try_next().await.expect("the socket is open")
    }

    /// The next frame, or the code of the close.
    pub async fn try_next(&mut self) -> Result<Value, u16> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next())
                .await
                .expect("something comes in time");
            match message {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The next frame of this type; others are passed over.
    pub async fn hear(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            assert!(
                kind == "refused" || frame["type"] != "refused",
                "refused: {frame}"
            );
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The code the socket is closed with.
    pub async fn ended(&mut self) -> u16 {
        loop {
            if let Err(code) = self.try_next().await {
                return code;
            }
        }
    }

    /// Follows the inbox from now on.
    pub async fn follow(&mut self) {
        self.say(json!({"type": "follow"})).await;
        self.hear("following").await;
    }
}
