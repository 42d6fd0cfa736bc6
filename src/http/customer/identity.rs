//! Who a stock client's browser is: cookies prove an identity, which buys an access token for one site.
//!
//! `token` answers scripts with it, `token_page` frames and web views.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};

use super::cookies::{self, Presented};
use crate::db::{self, Lane, Tx};
use crate::domain::context::Context;
use crate::domain::site::Site;
use crate::http::state::State;
use crate::store::visitor_tokens::{self, Bearer, NewToken, TokenKind};
use crate::store::visitors::{self, NewVisitor};
use crate::token::Token;

/// How long an access token lives, in seconds.
pub(super) const LIFETIME_S: i64 = 8 * 60 * 60;

/// Why there is no token: which of the two exceptions, and its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exception {
    /// `oauth_exception` or `identity_exception`.
    pub(super) kind: &'static str,
    /// The name of what is wrong.
    pub(super) message: &'static str,
    /// The status of an answer that is not a redirect.
    pub(super) status: StatusCode,
}

impl Exception {
    /// The request itself is wrong; a stock client gives up.
    pub(super) const fn oauth(message: &'static str, status: StatusCode) -> Self {
        Self {
            kind: "oauth_exception",
            message,
            status,
        }
    }

    /// The two messages after which a stock client tries again.
    pub(super) const fn later(message: &'static str, status: StatusCode) -> Self {
        Self {
            kind: "identity_exception",
            message,
            status,
        }
    }
}

pub(super) const INVALID: Exception = Exception::oauth("invalid_request", StatusCode::BAD_REQUEST);
pub(super) const UNKNOWN_SITE: Exception =
    Exception::oauth("invalid_client", StatusCode::BAD_REQUEST);
pub(super) const FOREIGN_ORIGIN: Exception =
    Exception::oauth("unauthorized_client", StatusCode::FORBIDDEN);
pub(super) const WRONG_GRANT: Exception =
    Exception::oauth("unsupported_grant_type", StatusCode::BAD_REQUEST);
pub(super) const WRONG_RESPONSE: Exception =
    Exception::oauth("unsupported_response_type", StatusCode::BAD_REQUEST);
pub(super) const BUSY: Exception =
    Exception::later("temporarily_unavailable", StatusCode::SERVICE_UNAVAILABLE);
pub(super) const TOO_MANY: Exception =
    Exception::later("temporarily_unavailable", StatusCode::TOO_MANY_REQUESTS);
pub(super) const BROKEN: Exception =
    Exception::later("server_error", StatusCode::INTERNAL_SERVER_ERROR);

impl From<db::Error> for Exception {
    fn from(error: db::Error) -> Self {
        if error.is_retryable() {
            return BUSY;
        }
        tracing::error!(%error, "a token request failed");
        BROKEN
    }
}

/// How a request names its site; one of the two numbers is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named<'a> {
    pub(super) response_type: &'a str,
    pub(super) license_id: Option<i64>,
    pub(super) organization_id: Option<&'a str>,
}

/// The application that asks: its site, and the group where each group has identities of its own.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) site: Arc<Site>,
    pub(super) group: Option<i64>,
    /// Whether the site was named by its organization, as newer clients do.
    is_by_organization: bool,
}

impl Client {
    /// The client that a request names in its body or query, and in its path where that has names of its own.
    ///
    /// # Errors
    /// [`Exception`] for a wrong response type, no site, an unknown one, or two different ones.
    pub(super) async fn find(
        state: &State,
        req: &HttpRequest,
        named: Named<'_>,
    ) -> Result<Self, Exception> {
        if named.response_type != "token" {
            return Err(WRONG_RESPONSE);
        }
        let in_path = |name: &str| req.match_info().get(name);
        let path_license = in_path("license").map(str::parse).transpose();
        let path_license: Option<i64> = path_license.map_err(|_| UNKNOWN_SITE)?;
        let path_organization = in_path("organization");
        let group = in_path("group").map(str::parse).transpose();
        let site = match (
            named.license_id.or(path_license),
            named.organization_id.or(path_organization),
        ) {
            (Some(license), _) => state.sites.by_license(license).await?,
            (None, Some(organization)) => state.sites.by_organization(organization).await?,
            (None, None) => return Err(INVALID),
        };
        let site = site.ok_or(UNKNOWN_SITE)?;
        let is_same = path_license.is_none_or(|license| license == site.license_id)
            && path_organization.is_none_or(|id| site.organization_id.eq_ignore_ascii_case(id));
        if !is_same {
            return Err(UNKNOWN_SITE);
        }
        Ok(Self {
            site,
            group: group.map_err(|_| INVALID)?,
            is_by_organization: named.license_id.or(path_license).is_none(),
        })
    }

    /// The cookies that keep its identities.
    pub(super) fn jar(&self) -> cookies::Jar {
        cookies::Jar::of(self.site.license_id, self.group)
    }

    /// The fields of a token as the protocol has them.
    pub(super) fn token(&self, identity: &Identity) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("access_token".into(), identity.access.as_str().into());
        fields.insert("entity_id".into(), identity.id().into());
        fields.insert("expires_in".into(), json!(LIFETIME_S));
        fields.insert("token_type".into(), "Bearer".into());
        if self.is_by_organization {
            let id = self.site.organization_id.as_str();
            fields.insert("organization_id".into(), id.into());
        } else {
            fields.insert("license_id".into(), self.site.license_id.into());
        }
        fields
    }
}

/// Who the browser is, with the secrets it keeps.
pub(super) struct Identity {
    pub(super) bearer: Bearer,
    /// The cookie's secret: the one presented, or a new one.
    pub(super) secret: Token,
    pub(super) access: Token,
}

/// Finds who the cookies prove, or makes a new visitor, and buys an access token for them.
///
/// # Errors
/// [`Exception`] of the second kind.
pub(super) async fn identify(
    state: &State,
    client: &Client,
    presented: Option<Presented>,
    context: Context,
) -> Result<Identity, Exception> {
    let (site, now) = (client.site.id, state.clock.now());
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

impl Identity {
    /// The id under which the visitor is shown.
    pub(super) fn id(&self) -> String {
        self.bearer.root.to_string()
    }
}
