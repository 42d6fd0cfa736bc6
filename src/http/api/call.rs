//! One request to the API: its key, its parameters and its body, read before a handler sees it.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Map, Value};

use super::closed;
use super::endpoint::{Endpoint, MULTIPART};
use super::query::Query;
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::ids::{AgentId, ChatId, SiteId};
use crate::domain::json;
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::http::api_key;
use crate::http::customer::fields::Fields;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, read_body};
use crate::http::limit::KeyQuota;
use crate::http::state::State;
use crate::store::api_keys::{self, ApiKey};

/// The largest JSON body.
pub(super) const BODY_BYTES: usize = 64 * 1024;

/// A request whose key is good.
pub(super) struct Call {
    pub(super) state: Data<State>,
    pub(super) subject: Subject,
    pub(super) site: SiteId,
    /// Whom the key acts as.
    pub(super) agent: Option<AgentId>,
    /// When it came, Unix ms.
    pub(super) now: i64,
    pub(super) query: Query,
    /// The request itself, of an endpoint that reads its own body.
    pub(super) raw: Option<(HttpRequest, Payload)>,
    params: Vec<(&'static str, String)>,
    body: Map<String, Value>,
}

/// What a handler answers.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    body: Option<Value>,
}

impl Answer {
    /// 200.
    pub(super) const fn of(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body: Some(body),
        }
    }

    /// 204.
    pub(super) const fn done() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            body: None,
        }
    }
}

impl Call {
    /// The fields of the body.
    pub(super) const fn fields(&self) -> Fields<'_> {
        Fields::of(&self.body)
    }

    /// The text of a parameter of the path.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// An id in the path: text that is no id of ours is just not found.
    pub(super) fn id<T: std::str::FromStr>(
        &self,
        name: &str,
        what: &'static str,
    ) -> Result<T, Refusal> {
        self.param(name)
            .parse()
            .map_err(|_| Refusal::NotFound(what))
    }

    /// The chat in the path.
    pub(super) fn chat(&self) -> Result<ChatId, Refusal> {
        self.id("chat_id", "chat")
    }

    /// Whom the key acts as.
    pub(super) fn agent(&self) -> Result<AgentId, Refusal> {
        self.agent.ok_or(Refusal::NotAllowed)
    }

    /// A permit for something about the site of the key.
    pub(super) fn on_site(&self, action: Action) -> Result<Permit, Refusal> {
        authorize(&self.subject, action, Object::Site(self.site))
    }

    /// Reads in one snapshot.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Tx) -> db::Result<T> + Send + 'static,
    ) -> Result<T, ApiError> {
        Ok(self.state.db.read(work).await?)
    }

    /// Writes on the lane of chats, and answers when it is on disk.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Tx) -> db::Result<T> + Send + 'static,
    ) -> Result<T, ApiError> {
        Ok(self.state.db.write(Lane::Chat, work).await?)
    }

    /// Writes settings, which may wait behind chats.
    pub(super) async fn configure<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Tx) -> db::Result<T> + Send + 'static,
    ) -> Result<T, ApiError> {
        Ok(self.state.db.write(Lane::Admin, work).await?)
    }
}

/// Answers one request to `endpoint`.
pub(super) async fn serve(
    endpoint: &'static Endpoint,
    req: HttpRequest,
    payload: Payload,
    state: Data<State>,
    ip: ClientIp,
) -> HttpResponse {
    let mut quota = None;
    let answered = answer(endpoint, &req, payload, (&state, ip), &mut quota).await;
    let mut response = match answered {
        Ok(Answer { status, body }) => body.map_or_else(
            || HttpResponse::build(status).finish(),
            |body| HttpResponse::build(status).json(body),
        ),
        Err(error) => error.naming_request().error_response(),
    };
    if let Some(quota) = quota {
        put_quota(&mut response, quota, state.clock.now());
    }
    response
}

async fn answer(
    endpoint: &'static Endpoint,
    req: &HttpRequest,
    payload: Payload,
    (state, ip): (&Data<State>, ClientIp),
    quota: &mut Option<KeyQuota>,
) -> Result<Answer, ApiError> {
    state.limits.request(ip)?;
    let key = admit(req, state, ip).await?;
    let (left, allowed) = state.limits.key(key.id);
    *quota = Some(left);
    allowed?;
    let refused = refusal_of(endpoint, &key);
    let call = read_call(endpoint, req, payload, (state.clone(), key)).await?;
    match (endpoint.handler)(call).await {
        // The one who wrote the program is told what is missing; that it was refused is for `authorize` to say.
        Err(error) if error.code() == Refusal::NotAllowed.code() => {
            Err(refused.map_or(error.clone(), |why| error.with_message(why)))
        }
        answered => answered,
    }
}

/// The key of the request. A browser's page has no business with one: who reads the page would have the key.
async fn admit(req: &HttpRequest, state: &State, ip: ClientIp) -> Result<ApiKey, ApiError> {
    if req.headers().contains_key(header::ORIGIN) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "this API is for programs on servers: a page that calls it would show its key to every visitor",
        ));
    }
    let key = api_key::find(req, state, ip).await?.ok_or_else(|| {
        ApiError::authentication()
            .with_message("an API key is needed, in X-API-Key or as a bearer in Authorization")
    })?;
    note_use(state, &key).await;
    Ok(key)
}

/// Keeps the time at which a key was last used, to the minute.
async fn note_use(state: &State, key: &ApiKey) {
    let (id, now) = (key.id, state.clock.now());
    if key
        .last_used_at
        .is_some_and(|at| now - at < api_keys::TOUCH_AFTER_MS)
    {
        return;
    }
    let touched = state
        .db
        .write(Lane::Tracking, move |tx| api_keys::touch(tx, id, now))
        .await;
    // Reading goes on while nothing can be written.
    if let Err(error) = touched {
        tracing::warn!(%error, "the time of an API key could not be stored");
    }
}

/// Why a key may not use an endpoint, in words for who made the key.
fn refusal_of(endpoint: &Endpoint, key: &ApiKey) -> Option<String> {
    if !key.scopes.contains(&endpoint.scope) {
        let scope = endpoint.scope.as_str();
        return Some(format!("this key lacks the scope {scope}"));
    }
    (endpoint.needs_agent && key.agent.is_none())
        .then(|| "this key acts as no agent, so it cannot act in chats".to_owned())
}

async fn read_call(
    endpoint: &'static Endpoint,
    req: &HttpRequest,
    payload: Payload,
    (state, key): (Data<State>, ApiKey),
) -> Result<Call, ApiError> {
    let query = Query::parse(req.query_string(), endpoint.query)?;
    let (body, raw) = match endpoint.body {
        Some(_) if endpoint.content_type == MULTIPART => (Map::new(), Some((req.clone(), payload))),
        Some(_) => {
            let body = read_json(payload).await?;
            closed::refuse_unknown(endpoint, &body)?;
            (body, None)
        }
        None => (Map::new(), None),
    };
    let matched = req.match_info();
    Ok(Call {
        subject: Subject::ApiKey {
            site: key.site,
            scopes: key.scopes,
            agent: key.agent,
        },
        site: key.site,
        agent: key.agent,
        now: state.clock.now(),
        raw,
        query,
        params: endpoint
            .path_params()
            .map(|name| (name, matched.query(name).to_owned()))
            .collect(),
        body,
        state,
    })
}

/// A JSON object of at most [`BODY_BYTES`].
async fn read_json(payload: Payload) -> Result<Map<String, Value>, ApiError> {
    let body = read_body(payload, BODY_BYTES).await?;
    let text =
        std::str::from_utf8(&body).map_err(|_| ApiError::malformed("the body is not UTF-8"))?;
    let json: Value = json::forgiving(text)
        .map_err(|error| ApiError::malformed(format!("the body is not JSON: {error}")))?;
    match json {
        Value::Object(map) => Ok(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(ApiError::malformed("the body must be a JSON object"))
        }
    }
}

/// How much the key has left, as many clients read it.
fn put_quota(response: &mut HttpResponse, quota: KeyQuota, now: i64) {
    let headers = response.headers_mut();
    let reset = now / 1000 + i64::from(quota.full_in_s);
    for (name, value) in [
        ("x-ratelimit-limit", i64::from(quota.limit)),
        ("x-ratelimit-remaining", i64::from(quota.remaining)),
        ("x-ratelimit-reset", reset),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
}
