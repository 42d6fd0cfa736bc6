//! Requests of a visitor outside the socket: the site from the query, the visitor from the `Authorization` header.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::caller::Member;
use super::socket::Tenant;
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::ids::SiteId;
use crate::domain::site::Site;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, header_text};
use crate::http::guard::{self, PageOrigin, any_origin, check_origin, with_credentials};
use crate::http::state::State;
use crate::store::bans;
use crate::store::visitor_tokens::{self, Bearer};
use crate::token::{Token, TokenHash};

/// A request whose page may call.
pub(in crate::http) struct Called {
    pub(in crate::http) site: Arc<Site>,
    pub(in crate::http) origin: PageOrigin,
    /// Where it comes from: bans can be of an address.
    address: ClientIp,
}

impl Called {
    /// Judges where a request comes from.
    ///
    /// # Errors
    /// [`ApiError`] for haste, an unknown site or a foreign origin.
    pub(in crate::http) async fn of(
        req: &HttpRequest,
        state: &State,
        address: ClientIp,
    ) -> Result<Self, ApiError> {
        state.limits.request(address)?;
        let site = Tenant::of(req.query_string()).find(state).await?;
        let site = site.ok_or_else(ApiError::site_not_found)?;
        let origin = check_origin(state, &site, req)?;
        Ok(Self {
            site,
            origin,
            address,
        })
    }

    /// The visitor whose token came along.
    ///
    /// # Errors
    /// [`ApiError`] 401 for a token that opens nothing here, 403 for a banned visitor.
    pub(in crate::http) async fn member(
        &self,
        req: &HttpRequest,
        state: &State,
    ) -> Result<Member, ApiError> {
        let token = header_text(req.headers(), &header::AUTHORIZATION)
            .and_then(|text| text.strip_prefix("Bearer "))
            .and_then(Token::parse)
            .ok_or_else(ApiError::authentication)?;
        let (hash, now) = (token.hash(), state.clock.now());
        let (site, ip) = (self.site.id, self.address.truncated());
        let bearer = state
            .db
            .read(move |tx| admitted(tx, &hash, (site, &ip), now));
        Ok(Member::new(bearer.await?, token.hash()))
    }

    /// The answer as the page may read it.
    pub(in crate::http) fn answer(&self, answer: Result<HttpResponse, ApiError>) -> HttpResponse {
        let answer = answer.unwrap_or_else(|error| error.error_response());
        with_credentials(answer, &self.origin)
    }
}

/// The bearer of a token that opens the site, unless they are banned.
fn admitted(
    tx: &mut dyn Tx,
    hash: &TokenHash,
    (site, ip): (SiteId, &str),
    now: i64,
) -> db::Result<Bearer> {
    let bearer = visitor_tokens::find(tx, hash)?
        .filter(|bearer| bearer.site == site && !bearer.has_ended(now))
        .ok_or(Refusal::Authentication)?;
    bans::refuse_banned(tx, site, bearer.root, ip, now)?;
    Ok(bearer)
}

/// An error that came before the site was known, readable by the pages of all sites.
pub(in crate::http) async fn early(
    req: &HttpRequest,
    state: &State,
    error: &ApiError,
) -> HttpResponse {
    // Without the list of sites no page can be let in; the error itself still goes out.
    let origin = any_origin(state, req).await.unwrap_or(PageOrigin::Absent);
    with_credentials(error.error_response(), &origin)
}

/// The answer to a preflight, whose site stands in the query where it names one.
///
/// # Errors
/// [`ApiError`] for haste or an origin that no site lists.
pub(in crate::http) async fn preflight(
    req: HttpRequest,
    state: actix_web::web::Data<State>,
    address: ClientIp,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(address)?;
    match any_origin(&state, &req).await? {
        PageOrigin::Absent => Err(ApiError::origin_not_allowed()),
        allowed @ PageOrigin::Allowed(_) => {
            let answer = guard::preflight(&allowed, "GET, POST");
            Ok(with_credentials(answer, &allowed))
        }
    }
}
