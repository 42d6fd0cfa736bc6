//! `POST /v2/tickets/new`: a message left while nobody is there. Open to all pages of a site, with or without a token.
//!
//! Without one, who sends it is a claim. The answer is the ticket's id and nothing else: no ticket is ever read here.

use std::sync::Arc;

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::extract::{ClientIp, header_text, read_body};
use super::guard::{self, PageOrigin};
use super::state::State;
use crate::db::{Error, Lane, Tx};
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::domain::site::Site;
use crate::domain::ticket::NewTicket;
use crate::domain::{Refusal, json as text};
use crate::store::tickets::{self, Sender};
use crate::store::visitor_tokens;
use crate::token::{Token, TokenHash};

/// The largest body.
const BODY_BYTES: usize = 128 * 1024;

/// Registers the endpoint under any prefix: a stock client's host name may end in one.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::resource("/{prefix:(?:.+/)?}v2/tickets/new")
            .route(web::post().to(create))
            .route(web::method(Method::OPTIONS).to(preflight)),
    );
}

async fn create(
    req: HttpRequest,
    payload: Payload,
    state: Data<State>,
    address: ClientIp,
) -> HttpResponse {
    let body = match read(payload, &state, address).await {
        Ok(body) => body,
        Err(error) => return early(&state, &req, error).await,
    };
    let site = match find_site(&state, &body).await {
        Ok(site) => site,
        Err(error) => return early(&state, &req, error).await,
    };
    let origin = match guard::check_origin(&state, &site, &req) {
        Ok(origin) => origin,
        Err(error) => return error.error_response(),
    };
    let stored = store(&req, &state, &site, &body).await;
    let mut answer = stored.unwrap_or_else(|error| refuse(&error));
    guard::add_cors(&mut answer, &origin);
    answer
}

/// A preflight has no body to name its site in, so it is answered for the origins of all sites.
async fn preflight(
    req: HttpRequest,
    state: Data<State>,
    address: ClientIp,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(address)?;
    match guard::any_origin(&state, &req).await? {
        PageOrigin::Absent => Err(ApiError::origin_not_allowed()),
        allowed @ PageOrigin::Allowed(_) => Ok(guard::preflight(&allowed, "POST")),
    }
}

async fn early(state: &State, req: &HttpRequest, error: ApiError) -> HttpResponse {
    // Without the list of sites no page can be let in; the error itself still goes out.
    let origin = guard::any_origin(state, req)
        .await
        .unwrap_or(PageOrigin::Absent);
    let mut answer = refuse(&error);
    guard::add_cors(&mut answer, &origin);
    answer
}

async fn read(
    payload: Payload,
    state: &State,
    address: ClientIp,
) -> Result<Map<String, Value>, ApiError> {
    state.limits.request(address)?;
    state.limits.ticket(address)?;
    let body = read_body(payload, BODY_BYTES).await?;
    let body = std::str::from_utf8(&body)
        .map_err(|_| ApiError::validation("body", "must be UTF-8 text"))?;
    match text::forgiving::<Value>(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(ApiError::validation("body", "must be a JSON object")),
        Err(_) => Err(ApiError::validation("body", "is not JSON")),
    }
}

/// The site by the number or the UUID that clients know it by; the first of the names that is there decides.
async fn find_site(state: &State, body: &Map<String, Value>) -> Result<Arc<Site>, ApiError> {
    let named = ["licence_id", "license_id", "organization_id"]
        .into_iter()
        .find_map(|name| Some((name, body.get(name).filter(|value| !value.is_null())?)));
    let Some((name, value)) = named else {
        return Err(ApiError::validation("licence_id", "is required"));
    };
    let found = match (value, name) {
        (Value::String(organization), "organization_id") => {
            state.sites.by_organization(organization).await?
        }
        (Value::Number(license), "licence_id" | "license_id") => match license.as_i64() {
            Some(license) => state.sites.by_license(license).await?,
            None => None,
        },
        _ => return Err(ApiError::validation(name, "has the wrong type")),
    };
    found.ok_or_else(|| ApiError::validation(name, "is not known here"))
}

async fn store(
    req: &HttpRequest,
    state: &State,
    site: &Site,
    body: &Map<String, Value>,
) -> Result<HttpResponse, ApiError> {
    let new = NewTicket::parse(body)?;
    let bearer = bearer(req)?;
    let claimed = body
        .get("visitor_id")
        .and_then(Value::as_str)
        .and_then(|id| id.parse().ok());
    let (site, now) = (site.id, state.clock.now());
    let write = move |tx: &mut dyn Tx| {
        let (subject, sender) = match &bearer {
            Some(token) => {
                let found = visitor_tokens::find(tx, token)?;
                let bearer = found
                    .filter(|bearer| bearer.site == site && !bearer.has_ended(now))
                    .ok_or(Refusal::Authentication)?;
                let subject = Subject::Visitor {
                    site,
                    visitor: bearer.root,
                    browser: bearer.browser,
                    signed: bearer.is_signed,
                };
                (subject, Sender::Proven(bearer.visitor))
            }
            None => (
                Subject::System,
                claimed.map_or(Sender::Unknown, Sender::Claimed),
            ),
        };
        let permit = authorize(&subject, Action::SendTicket, Object::Site(site))?;
        tickets::create(tx, &permit, &new, sender, now)
    };
    let created = match state.db.write(Lane::Chat, write).await {
        Err(Error::Refused(Refusal::GroupNotFound)) => {
            return Err(ApiError::validation("group", "is not known here"));
        }
        Err(Error::Refused(Refusal::CustomIdReused)) => {
            let reason = "was used for another ticket";
            return Err(ApiError::validation("custom_id", reason));
        }
        created => created?,
    };
    let status = if created.is_duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let answer =
        json!({"id": created.id, "number": created.number, "duplicate": created.is_duplicate});
    Ok(HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(answer))
}

/// The token of the request, if it carries one.
fn bearer(req: &HttpRequest) -> Result<Option<TokenHash>, ApiError> {
    if !req.headers().contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    header_text(req.headers(), &header::AUTHORIZATION)
        .and_then(|text| text.strip_prefix("Bearer "))
        .and_then(Token::parse)
        .map(|token| Some(token.hash()))
        .ok_or_else(ApiError::authentication)
}

/// An error in the shape that published clients read: a list of objects, each with the field and its reasons.
fn refuse(error: &ApiError) -> HttpResponse {
    let field = error.field().unwrap_or_else(|| error.code());
    let body = json!({"errors": [{field: [error.message()]}]});
    // Its own response logs the cause of what is our fault, once.
    let plain = error.error_response();
    let status = match error.code() {
        "validation" => StatusCode::UNPROCESSABLE_ENTITY,
        _ => plain.status(),
    };
    let mut answer = HttpResponse::build(status).json(body);
    if let Some(wait) = plain.headers().get(header::RETRY_AFTER) {
        answer
            .headers_mut()
            .insert(header::RETRY_AFTER, wait.clone());
    }
    answer
}
