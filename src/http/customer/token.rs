//! `POST /customer/token`: a published client's cookie identity buys it an access token for one site.
//!
//! The body is JSON whatever its content type says, since stock clients send `text/plain` to avoid a preflight. Answers
//! are always JSON; what goes wrong is named `oauth_exception` (the request) or `identity_exception` (the browser).

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::cookies::{self, Presented};
use super::fields::Fields;
use super::frame::json_object;
use super::socket::browser;
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::context::Context;
use crate::domain::site::Site;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, read_body};
use crate::http::guard::{PageOrigin, check_origin, with_credentials};
use crate::http::state::State;
use crate::store::visitor_tokens::{self, Bearer, NewToken, TokenKind};
use crate::store::visitors::{self, NewVisitor};
use crate::token::Token;

/// The largest body; a real one has a few hundred bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// How long an access token lives, in seconds.
const LIFETIME_S: i64 = 8 * 60 * 60;

/// Why there is no token: which of the two exceptions, and its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exception {
    kind: &'static str,
    message: &'static str,
    status: StatusCode,
}

impl Exception {
    /// The request itself is wrong; a stock client gives up.
    const fn oauth(message: &'static str, status: StatusCode) -> Self {
        Self {
            kind: "oauth_exception",
            message,
            status,
        }
    }

    /// The two messages after which a stock client tries again.
    const fn later(message: &'static str, status: StatusCode) -> Self {
        Self {
            kind: "identity_exception",
            message,
            status,
        }
    }
}

const INVALID: Exception = Exception::oauth("invalid_request", StatusCode::BAD_REQUEST);
const UNKNOWN_SITE: Exception = Exception::oauth("invalid_client", StatusCode::BAD_REQUEST);
const FOREIGN_ORIGIN: Exception = Exception::oauth("unauthorized_client", StatusCode::FORBIDDEN);
const WRONG_GRANT: Exception = Exception::oauth("unsupported_grant_type", StatusCode::BAD_REQUEST);
const WRONG_RESPONSE: Exception =
    Exception::oauth("unsupported_response_type", StatusCode::BAD_REQUEST);
const BUSY: Exception =
    Exception::later("temporarily_unavailable", StatusCode::SERVICE_UNAVAILABLE);
const TOO_MANY: Exception =
    Exception::later("temporarily_unavailable", StatusCode::TOO_MANY_REQUESTS);
const BROKEN: Exception = Exception::later("server_error", StatusCode::INTERNAL_SERVER_ERROR);

impl From<db::Error> for Exception {
    fn from(error: db::Error) -> Self {
        if error.is_retryable() {
            return BUSY;
        }
        tracing::error!(%error, "a token request failed");
        BROKEN
    }
}

/// `POST …/customer/token` and `POST …/v2/customer/token`.
pub(super) async fn issue(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    address: ClientIp,
) -> HttpResponse {
    let body = match read_body(payload, MAX_BODY_BYTES).await {
        Ok(body) => body,
        Err(error) => return refuse(error_of(&error), &PageOrigin::Absent),
    };
    if state.limits.request(address).is_err() {
        return refuse(TOO_MANY, &PageOrigin::Absent);
    }
    let wanted = match Wanted::read(&state, &body).await {
        Ok(wanted) => wanted,
        Err(exception) => return refuse(exception, &PageOrigin::Absent),
    };
    let Ok(origin) = check_origin(&state, &wanted.site, &req) else {
        return refuse(FOREIGN_ORIGIN, &PageOrigin::Absent);
    };
    let context = match browser(&req, address) {
        Ok(context) => context,
        Err(_) => return refuse(INVALID, &origin),
    };
    match identify(&state, &wanted, cookies::presented(&req), context).await {
        Ok(identity) => answer(&identity, &wanted, &origin),
        Err(exception) => refuse(exception, &origin),
    }
}

fn error_of(error: &ApiError) -> Exception {
    match error.code() {
        "too_large" => Exception::oauth("invalid_request", StatusCode::PAYLOAD_TOO_LARGE),
        "too_slow" => Exception::later("temporarily_unavailable", StatusCode::REQUEST_TIMEOUT),
        _ => INVALID,
    }
}

/// What a token is asked for.
struct Wanted {
    site: Arc<Site>,
    /// Whether the site was named by its organization, as newer clients do.
    is_by_organization: bool,
}

impl Wanted {
    async fn read(state: &State, body: &[u8]) -> Result<Self, Exception> {
        let map = std::str::from_utf8(body)
            .ok()
            .and_then(|text| json_object(text).ok())
            .ok_or(INVALID)?;
        let named = Named::parse(&map).map_err(|_| INVALID)?;
        if named.response_type != "token" {
            return Err(WRONG_RESPONSE);
        }
        if named.grant_type != "cookie" {
            return Err(WRONG_GRANT);
        }
        let site = match (named.license_id, named.organization_id) {
            (Some(license), _) => state.sites.by_license(license).await?,
            (None, Some(organization)) => state.sites.by_organization(organization).await?,
            (None, None) => return Err(INVALID),
        };
        Ok(Self {
            site: site.ok_or(UNKNOWN_SITE)?,
            is_by_organization: named.license_id.is_none(),
        })
    }
}

struct Named<'a> {
    response_type: &'a str,
    grant_type: &'a str,
    license_id: Option<i64>,
    organization_id: Option<&'a str>,
}

impl<'a> Named<'a> {
    fn parse(map: &'a Map<String, Value>) -> Result<Self, Refusal> {
        let fields = Fields::of(map);
        Ok(Self {
            response_type: fields.text("response_type", 64)?,
            grant_type: fields.text("grant_type", 64)?,
            license_id: fields.opt_int("license_id", 1, i64::MAX)?,
            organization_id: fields.opt_text("organization_id", 64)?,
        })
    }
}

/// Who the browser is, with the secrets it keeps.
struct Identity {
    bearer: Bearer,
    /// The cookie's secret: the one presented, or a new one.
    secret: Token,
    access: Token,
}

async fn identify(
    state: &State,
    wanted: &Wanted,
    presented: Option<Presented>,
    context: Context,
) -> Result<Identity, Exception> {
    let (site, now) = (wanted.site.id, state.clock.now());
    // Made before the job, which may run twice.
    let (fresh, access) = (Token::random(), Token::random());
    let shown = presented.and_then(|shown| Some((shown.id, Token::parse(&shown.secret)?)));
    let job_access = access.clone();
    let job = move |tx: &mut dyn Tx| {
        let kept = match &shown {
            Some((id, secret)) => kept(tx, id, secret, now)?.filter(|bearer| bearer.site == site),
            None => None,
        };
        let (bearer, secret) = match (kept, &shown) {
            (Some(bearer), Some((_, secret))) => (bearer, secret.clone()),
            _ => {
                let new = NewVisitor {
                    site,
                    context: &context,
                    seen_at: now,
                };
                (first_seen(tx, &fresh, &new, now)?, fresh.clone())
            }
        };
        let token = NewToken {
            hash: &job_access.hash(),
            site,
            visitor: bearer.visitor,
            browser: Some(bearer.browser),
            kind: TokenKind::Access,
            is_signed: bearer.is_signed,
            expires_at: Some(now + LIFETIME_S * 1000),
        };
        visitor_tokens::bind(tx, &token, now)?.ok_or(db::Error::NotFound)?;
        Ok((bearer, secret))
    };
    let (bearer, secret) = state.db.write(Lane::Chat, job).await?;
    Ok(Identity {
        bearer,
        secret,
        access,
    })
}

/// The identity that the two cookies prove: the secret opens it, and the id has to agree.
fn kept(tx: &mut dyn Tx, id: &str, secret: &Token, now: i64) -> db::Result<Option<Bearer>> {
    let found = visitor_tokens::find(tx, &secret.hash())?;
    Ok(found.filter(|bearer| !bearer.has_ended(now) && bearer.root.to_string() == id))
}

fn first_seen(
    tx: &mut dyn Tx,
    secret: &Token,
    new: &NewVisitor<'_>,
    now: i64,
) -> db::Result<Bearer> {
    let token = NewToken {
        hash: &secret.hash(),
        site: new.site,
        visitor: visitors::create(tx, new, now)?,
        browser: None,
        kind: TokenKind::Browser,
        is_signed: false,
        expires_at: None,
    };
    // 256 random bits that were bound before do not occur.
    visitor_tokens::bind(tx, &token, now)?.ok_or(db::Error::NotFound)
}

fn answer(identity: &Identity, wanted: &Wanted, origin: &PageOrigin) -> HttpResponse {
    let id = identity.bearer.root.to_string();
    let mut body = json!({
        "access_token": identity.access.as_str(),
        "entity_id": id,
        "expires_in": LIFETIME_S,
        "token_type": "Bearer",
    });
    if wanted.is_by_organization {
        body["organization_id"] = wanted.site.organization_id.as_str().into();
    } else {
        body["license_id"] = wanted.site.license_id.into();
    }
    let mut answer = HttpResponse::Ok();
    for cookie in cookies::of(&id, identity.secret.as_str()) {
        answer.append_header((header::SET_COOKIE, cookie));
    }
    with_credentials(answer.json(body), origin)
}

fn refuse(exception: Exception, origin: &PageOrigin) -> HttpResponse {
    let body = json!({exception.kind: exception.message});
    with_credentials(HttpResponse::build(exception.status).json(body), origin)
}
