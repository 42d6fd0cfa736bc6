//! `POST /sdk/token`: Parlor's own Customer SDK buys an access token with the token that its browser made.
//!
//! The browser's token is the widget's, so the page's tracking and its chat are one visitor, and no cookie is needed. The
//! body is JSON in plain text, which needs no preflight; it names the site by key, license or organization. Without a
//! browser token the answer only tells the site's key, under which the page keeps that token.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::frame::json_object;
use super::login::first_seen;
use super::socket::browser;
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::context::Context;
use crate::domain::site::Site;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, read_body};
use crate::http::guard;
use crate::http::state::State;
use crate::store::visitor_tokens::{self, Bearer, NewToken, TokenKind};
use crate::store::visitors::NewVisitor;
use crate::token::{Token, TokenHash};

/// The largest body; a real one has two hundred bytes.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// How long an access token lives, in seconds.
const LIFETIME_S: i64 = 8 * 60 * 60;

/// Answers with `{site, license_id, organization_id}` and, for a browser token, `access_token, entity_id, expires_in, token_type`.
pub(super) async fn issue(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    address: ClientIp,
) -> HttpResponse {
    match serve(&req, payload, &state, address).await {
        Ok(answer) => answer,
        Err(error) => guard::early_refusal(&state, &req, error).await,
    }
}

async fn serve(
    req: &HttpRequest,
    payload: web::Payload,
    state: &State,
    address: ClientIp,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(address)?;
    let body = read_body(payload, MAX_BODY_BYTES).await?;
    let body =
        std::str::from_utf8(&body).map_err(|_| ApiError::malformed("the body is not UTF-8"))?;
    let map = json_object(body)?;
    let wanted = Wanted::parse(&map)?;
    let site = wanted
        .find_site(state)
        .await?
        .ok_or_else(ApiError::site_not_found)?;
    let origin = guard::check_origin(state, &site, req)?;
    let context = browser(req, address)?;
    let answer = answer(state, &site, wanted.browser_token, context).await;
    Ok(guard::with_cors(answer, &origin))
}

/// What is asked for, and by which of its three names the site.
struct Wanted<'a> {
    site: Option<&'a str>,
    license_id: Option<i64>,
    organization_id: Option<&'a str>,
    browser_token: Option<Token>,
}

impl<'a> Wanted<'a> {
    fn parse(map: &'a Map<String, Value>) -> Result<Self, Refusal> {
        let fields = Fields::of(map);
        let browser_token = fields
            .opt_text("browser_token", 64)?
            .map(|text| {
                Token::parse(text).ok_or_else(|| fields.invalid("browser_token", "is no token"))
            })
            .transpose()?;
        Ok(Self {
            site: fields.opt_text("site", 64)?,
            license_id: fields.opt_int("license_id", 1, i64::MAX)?,
            organization_id: fields.opt_text("organization_id", 64)?,
            browser_token,
        })
    }

    async fn find_site(&self, state: &State) -> Result<Option<Arc<Site>>, ApiError> {
        Ok(match (self.site, self.license_id, self.organization_id) {
            (Some(key), _, _) => state.sites.by_key(key).await?,
            (None, Some(license), _) => state.sites.by_license(license).await?,
            (None, None, Some(organization)) => state.sites.by_organization(organization).await?,
            (None, None, None) => return Err(ApiError::validation("license_id", "is required")),
        })
    }
}

async fn answer(
    state: &State,
    site: &Site,
    browser_token: Option<Token>,
    context: Context,
) -> Result<HttpResponse, ApiError> {
    let mut body = json!({
        "site": site.key,
        "license_id": site.license_id,
        "organization_id": site.organization_id,
    });
    if let Some(token) = browser_token {
        let (bearer, access) = exchange(state, site, token.hash(), context).await?;
        body["access_token"] = access.as_str().into();
        body["entity_id"] = bearer.root.to_string().into();
        body["expires_in"] = LIFETIME_S.into();
        body["token_type"] = "Bearer".into();
    }
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(body))
}

/// A new access token of the visitor whose browser made the token; one that was never seen is a new visitor.
async fn exchange(
    state: &State,
    site: &Site,
    hash: TokenHash,
    context: Context,
) -> Result<(Bearer, Token), ApiError> {
    let (site, now) = (site.id, state.clock.now());
    // Made before the job, which may run twice.
    let access = Token::random();
    let job_access = access.clone();
    let job = move |tx: &mut dyn Tx| {
        let new = NewVisitor {
            site,
            context: &context,
            seen_at: now,
        };
        let bearer = first_seen(tx, &hash, &new, now)?;
        // An access token ends by itself and must not buy its successor.
        if bearer.site != site || bearer.ends_at.is_some() {
            return Err(Refusal::Authentication.into());
        }
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
        Ok(bearer)
    };
    Ok((state.db.write(Lane::Chat, job).await?, access))
}
