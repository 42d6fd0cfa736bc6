//! A browser for tests of the dashboard: one cookie, plain forms, no redirects followed.

use std::cell::RefCell;

use parlor::clock::Clock;
use parlor::db::{Db, Lane, Place, Tx};
use parlor::domain::agent::{Email, Role};
use parlor::domain::ids::{AgentId, SiteId};
use parlor::domain::password::NewPassword;
use parlor::domain::site::Site;
use parlor::http::dashboard::password::hash_blocking;
use parlor::store::agents::{self, NewAgent};
use parlor::store::setup::{self, FirstOwner};
use parlor::{App, Config};

use crate::support::Fresh;

pub const OWNER: &str = "owner@example.org";
pub const PASSWORD: &str = "correct horse battery";

/// Runs `test` on a Parlor over SQLite and on one over PostgreSQL, both empty.
pub fn each_empty_app(test: impl Fn(&App)) {
    test(&App::start(Config::ephemeral()).expect("Parlor starts on SQLite"));
    if let Some(fresh) = Fresh::postgres() {
        test(&App::start(postgres(&fresh)).expect("Parlor starts on PostgreSQL"));
    }
}

/// A Parlor over this place on PostgreSQL.
pub fn postgres(fresh: &Fresh) -> Config {
    let Place::Postgres(url) = &fresh.options.place else {
        panic!("a PostgreSQL place has a URL");
    };
    Config {
        database: Some(url.parse().expect("the test server's URL is one")),
        ..Config::ephemeral()
    }
}

/// A Parlor over SQLite with an owner and a site.
pub fn app() -> App {
    app_with(Config::ephemeral())
}

/// A Parlor with this configuration, an owner and a site.
pub fn app_with(config: Config) -> App {
    let app = App::start(config).expect("Parlor starts");
    found(app.db(), app.clock());
    app
}

/// Makes the owner and the site.
pub fn found(db: &Db, clock: &Clock) -> (AgentId, Site) {
    let hash = stored(PASSWORD);
    let now = clock.now();
    write(db, move |tx| {
        let email = Email::parse(OWNER)?;
        let owner = FirstOwner {
            site_name: "Tea Shop",
            origins: &[],
            name: "Olive Owner",
            email: &email,
            password_hash: &hash,
        };
        setup::found(tx, &owner, now)
    })
    .expect("nobody was first")
}

/// Makes an agent of the first site.
pub fn agent(app: &App, email: &'static str, role: Role) -> AgentId {
    let hash = stored(PASSWORD);
    let now = app.clock().now();
    write(app.db(), move |tx| {
        let email = Email::parse(email)?;
        let new = NewAgent {
            name: "Some Agent",
            email: &email,
            password_hash: &hash,
            role,
        };
        let site = SiteId(tx.int("select min(id) from sites", &[])?);
        agents::create(tx, &new, &[site], now)
    })
}

fn stored(password: &str) -> String {
    let password = NewPassword::parse(password, &[]).expect("a good password");
    hash_blocking(&password).expect("it is hashed")
}

/// Writes and waits.
pub fn write<T: Send + 'static>(
    db: &Db,
    work: impl FnMut(&mut dyn Tx) -> parlor::db::Result<T> + Send + 'static,
) -> T {
    db.write_blocking(Lane::Chat, work)
        .expect("the write succeeds")
}

/// Reads one number and waits.
pub fn count(db: &Db, sql: &'static str) -> i64 {
    db.read_blocking(move |tx| tx.int(sql, &[]))
        .expect("the read succeeds")
}

/// One browser; it keeps the login cookie and nothing else.
pub struct Browser {
    agent: ureq::Agent,
    url: String,
    cookie: RefCell<Option<String>>,
}

/// An answer as tests look at it.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: String,
}

impl Answer {
    /// The one value of a header; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| {
            value.to_str().expect("a header of ours is text")
        })
    }

    /// Where it sends the browser, without our own address.
    pub fn location(&self) -> &str {
        self.header("location")
    }
}

impl Browser {
    /// A browser that knows nothing yet.
    pub fn new(app: &App) -> Self {
        Self {
            agent: ureq::Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .build()
                .into(),
            url: app.url(),
            cookie: RefCell::default(),
        }
    }

    /// A browser that is signed in as this agent.
    pub fn signed_in(app: &App, email: &str) -> Self {
        let browser = Self::new(app);
        let answer = browser.log_in(email, PASSWORD);
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// Posts the login form.
    pub fn log_in(&self, email: &str, password: &str) -> Answer {
        self.post("/login", &[("email", email), ("password", password)])
    }

    /// The cookie's value, if it has one.
    pub fn cookie(&self) -> Option<String> {
        self.cookie.borrow().clone()
    }

    /// Puts a cookie's value into the browser.
    pub fn set_cookie(&self, value: Option<String>) {
        *self.cookie.borrow_mut() = value;
    }

    /// Opens a page.
    pub fn get(&self, path: &str) -> Answer {
        self.get_with(
            path,
            &[("accept", "text/html"), ("sec-fetch-mode", "navigate")],
        )
    }

    /// Asks with these headers.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = self.cookie() {
            request = request.header("cookie", format!("__Host-sid={cookie}"));
        }
        self.keep(request.call())
    }

    /// Posts a form as our own page does.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [
            ("accept", "text/html"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.post_with(path, fields, &headers)
    }

    /// Posts a form with these headers.
    pub fn post_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = self.cookie() {
            request = request.header("cookie", format!("__Host-sid={cookie}"));
        }
        self.keep(request.send_form(fields.iter().copied()))
    }

    fn keep(&self, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
        let mut answer = answer.expect("the server answers");
        // Tests look at the one cookie themselves and put old ones back.
        self.agent.cookie_jar_lock().clear();
        for value in answer.headers().get_all("set-cookie") {
            let text = value.to_str().expect("a cookie is text");
            let pair = text.split(';').next().unwrap_or_default();
            if let Some(value) = pair.strip_prefix("__Host-sid=") {
                self.set_cookie((!value.is_empty()).then(|| value.to_owned()));
            }
        }
        let body = answer.body_mut().read_to_string().expect("a body is text");
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body,
        }
    }
}
