//! The API for programs: every request and every answer of these tests is held against the description.

mod assigning;
mod bans;
mod chats;
mod keys;
mod schema;
mod settings;
mod updates;
mod walk;
mod writing;

use std::sync::{Arc, Mutex};

use parlor::db::Lane;
use parlor::domain::ids::{AgentId, SiteId};
use parlor::domain::permission::{Scope, Subject};
use parlor::store::api_keys::{self, NewApiKey};
use parlor::token::Token;
use parlor::{App, Config};
use serde_json::{Value, json};

use crate::auth_browser::postgres;
use crate::support::Fresh;
use crate::support::house::{House, agent_id};
use crate::support::lint;

/// A Parlor with a site, an agent and a description.
pub struct Api {
    pub app: App,
    pub house: House,
    pub agent: Subject,
    /// A key with every scope that acts as the agent.
    pub key: String,
    pub document: Arc<Value>,
    /// Operations that were called with success, by id.
    pub succeeded: Mutex<Vec<String>>,
    http: ureq::Agent,
}

/// Runs `test` against a Parlor on SQLite and one on PostgreSQL.
pub fn each_api(test: impl Fn(&Api)) {
    test(&Api::start());
    if let Some(fresh) = Fresh::postgres() {
        test(&Api::start_with(postgres(&fresh)));
    }
}

/// An answer as tests look at it.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Value,
}

impl Reply {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The body of an answer that is to be a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status < 300, "{} {}", self.status, self.body);
        self.body
    }

    /// Status and code of an answer that is to be an error, with the field it names.
    pub fn error(&self) -> (u16, &str, &str) {
        let field = self.body["error"]["field"].as_str().unwrap_or_default();
        (self.status, self.code(), field)
    }
}

/// All scopes but the public one.
pub const ALL: [Scope; 5] = [
    Scope::ReadChats,
    Scope::WriteChats,
    Scope::ReadVisitors,
    Scope::WriteVisitors,
    Scope::WriteSettings,
];

impl Api {
    pub fn start() -> Self {
        Self::start_with(Config::ephemeral())
    }

    pub fn start_with(config: Config) -> Self {
        lint::watch();
        let app = App::start(config).unwrap();
        let house = House::new(app.db(), app.clock());
        let agent = house.agent("bot");
        let key = make_key(&house, &ALL, Some(agent_id(&agent)), None);
        let http: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build()
            .into();
        let mut answer = http
            .get(format!("{}/openapi.json", app.url()))
            .call()
            .unwrap();
        let document = answer.body_mut().read_json().unwrap();
        Self {
            app,
            house,
            agent,
            key,
            document: Arc::new(document),
            succeeded: Mutex::default(),
            http,
        }
    }

    /// Another key of the site.
    pub fn key(&self, scopes: &[Scope], agent: Option<AgentId>) -> String {
        make_key(&self.house, scopes, agent, None)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, Some(body))
    }

    pub fn put(&self, path: &str, body: Option<&Value>) -> Reply {
        self.call("PUT", path, body)
    }

    pub fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path, None)
    }

    /// Calls with the key that may do everything.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.call_as(&self.key, method, path, body)
    }

    /// Calls with this key; the answer is held against the description, and so is a body that was accepted.
    pub fn call_as(&self, key: &str, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let text = body.map(Value::to_string);
        let reply = self.raw(method, path, &[("x-api-key", key)], text.as_deref());
        self.judge(method, path, body, &reply);
        reply
    }

    /// Calls with these headers, and holds nothing against anything.
    pub fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Reply {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/api/agent{path}", self.app.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body {
            Some(body) => self.http.run(request.body(body.to_owned()).unwrap()),
            None => self.http.run(request.body(()).unwrap()),
        };
        let mut answer = sent.unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        Reply {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: serde_json::from_str(&body).unwrap_or(Value::Null),
        }
    }

    /// Holds a request and its answer against the description.
    fn judge(&self, method: &str, path: &str, body: Option<&Value>, reply: &Reply) {
        let path = path.split('?').next().unwrap();
        let operation = self.operation(method, path);
        let id = operation["operationId"].as_str().unwrap();
        if reply.status < 300 {
            self.succeeded.lock().unwrap().push(id.to_owned());
        }
        let status = reply.status.to_string();
        let described = &operation["responses"][&status];
        assert!(described.is_object(), "{id}: {status} {}", reply.body);
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_null() {
            assert_eq!(reply.body, Value::Null, "{id}");
        } else {
            let judged = schema::check(&self.document, schema, &reply.body);
            assert_eq!(judged, Ok(()), "{id}: {}", reply.body);
        }
        if reply.status >= 400 {
            let codes = described["description"].as_str().unwrap();
            let code = format!("`{}`", reply.code());
            assert!(codes.contains(&code), "{id}: {code} is not in {codes}");
            assert!(reply.body["request_id"].is_string(), "{}", reply.body);
            return;
        }
        if let Some(body) = body {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let judged = schema::check(&self.document, schema, body);
            assert_eq!(judged, Ok(()), "{id} was called with {body}");
        }
    }

    /// The operation that serves a path.
    fn operation(&self, method: &str, path: &str) -> Value {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |known: &str| {
            let known = known.strip_prefix("/api/agent").unwrap_or(known);
            let known: Vec<&str> = known.split('/').collect();
            known.len() == parts.len()
                && known
                    .iter()
                    .zip(&parts)
                    .all(|(known, part)| known == part || known.starts_with('{'))
        };
        let paths = self.document["paths"].as_object().unwrap();
        // A path without a parameter in this place is the closer one.
        let found = paths
            .iter()
            .filter(|(known, _)| fits(known))
            .min_by_key(|(known, _)| known.matches('{').count());
        let (_, item) = found.unwrap_or_else(|| panic!("{path} is not described"));
        let operation = &item[method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path} is not described");
        operation.clone()
    }

    /// A visitor with a chat that begins with "Hello".
    pub fn chat(&self) -> (Subject, String) {
        let visitor = self.house.visitor();
        let chat = self.house.chat(&visitor);
        (visitor, chat.to_string())
    }

    /// A chat of another site of the same Parlor.
    pub fn foreign_chat(&self) -> String {
        let other = House::new(self.app.db(), self.app.clock());
        let visitor = other.visitor();
        other.chat(&visitor).to_string()
    }
}

/// A key of the house's site.
pub fn make_key(
    house: &House,
    scopes: &[Scope],
    agent: Option<AgentId>,
    expires_at: Option<i64>,
) -> String {
    let secret = Token::random();
    let text = api_keys::text(&secret);
    let (site, scopes, now): (SiteId, _, _) = (house.site, scopes.to_vec(), house.clock.now());
    house
        .db
        .write_blocking(Lane::Admin, move |tx| {
            let new = NewApiKey {
                site,
                name: "test",
                scopes: &scopes,
                agent,
                hash: &secret.hash(),
                prefix: "parlor_",
                expires_at,
            };
            api_keys::create(tx, &new, now)
        })
        .unwrap();
    text
}

#[test]
fn the_description_is_served_and_names_every_path() {
    let api = Api::start();

    assert_eq!(api.document["openapi"], "3.1.0");
    assert!(api.document["paths"]["/track"]["post"].is_object());
    assert_eq!(api.document["servers"], json!([{"url": "/"}]));
}
