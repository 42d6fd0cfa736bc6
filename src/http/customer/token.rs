//! `POST /customer/token`: a published client's cookie identity buys it an access token for one site.
//!
//! The body is JSON whatever its content type says, since stock clients send `text/plain` to avoid a preflight. Answers
//! are always JSON; what goes wrong is named `oauth_exception` (the request) or `identity_exception` (the browser).

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::frame::json_object;
use super::identity::{self, BUSY, Client, Exception, Identity, Named, TOO_MANY};
use super::socket::browser;
use crate::domain::Refusal;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, read_body};
use crate::http::guard::{PageOrigin, any_origin, check_origin, with_credentials};
use crate::http::state::State;

/// The largest body; a real one has a few hundred bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// `POST …/customer/token`, `POST …/customer/<organization>/<group>/token` and `POST …/licence/g<license>_<group>/customer/token`.
pub(super) async fn issue(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    address: ClientIp,
) -> HttpResponse {
    match client(&req, payload, &state, address).await {
        Err(exception) => {
            // No site to ask: the page may read why if any site lists it. Without the list of sites it may not.
            let origin = any_origin(&state, &req).await.unwrap_or(PageOrigin::Absent);
            refuse(exception, &origin)
        }
        Ok(client) => {
            let Ok(origin) = check_origin(&state, &client.site, &req) else {
                return refuse(identity::FOREIGN_ORIGIN, &PageOrigin::Absent);
            };
            match identified(&req, &state, &client, address).await {
                Ok(identity) => answer(&identity, &client, &origin),
                Err(exception) => refuse(exception, &origin),
            }
        }
    }
}

/// Who the browser of this request is.
///
/// # Errors
/// [`Exception`] as of [`identity::identify`].
pub(super) async fn identified(
    req: &HttpRequest,
    state: &State,
    client: &Client,
    address: ClientIp,
) -> Result<Identity, Exception> {
    let context = browser(req, address).map_err(|_| identity::INVALID)?;
    let presented = client.jar().presented(req);
    identity::identify(state, client, presented, context).await
}

async fn client(
    req: &HttpRequest,
    payload: web::Payload,
    state: &State,
    address: ClientIp,
) -> Result<Client, Exception> {
    let body = read_body(payload, MAX_BODY_BYTES).await;
    let body = body.map_err(|error| error_of(&error))?;
    state.limits.request(address).map_err(|_| TOO_MANY)?;
    let map = std::str::from_utf8(&body)
        .ok()
        .and_then(|text| json_object(text).ok())
        .ok_or(identity::INVALID)?;
    let (named, grant_type) = named(&map).map_err(|_| identity::INVALID)?;
    let client = Client::find(state, req, named).await?;
    if grant_type != "cookie" {
        return Err(identity::WRONG_GRANT);
    }
    Ok(client)
}

fn error_of(error: &ApiError) -> Exception {
    match error.code() {
        "too_large" => Exception::oauth("invalid_request", error.status_code()),
        "too_slow" => Exception::later(BUSY.message, error.status_code()),
        _ => identity::INVALID,
    }
}

fn named(map: &Map<String, Value>) -> Result<(Named<'_>, &str), Refusal> {
    let fields = Fields::of(map);
    let named = Named {
        response_type: fields.text("response_type", 64)?,
        license_id: fields.opt_int("license_id", 1, i64::MAX)?,
        organization_id: fields.opt_text("organization_id", 64)?,
    };
    Ok((named, fields.text("grant_type", 64)?))
}

fn answer(identity: &Identity, client: &Client, origin: &PageOrigin) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    for cookie in client.jar().set(&identity.id(), identity.secret.as_str()) {
        answer.append_header((header::SET_COOKIE, cookie));
    }
    with_credentials(answer.json(client.token(identity)), origin)
}

fn refuse(exception: Exception, origin: &PageOrigin) -> HttpResponse {
    let body = json!({exception.kind: exception.message});
    with_credentials(HttpResponse::build(exception.status).json(body), origin)
}
