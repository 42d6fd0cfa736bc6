//! An API key in place of a site key: for SDKs and servers. Taken from a header, never from the address.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName};

use crate::domain::ids::SiteId;
use crate::domain::permission::Scope;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, header_text};
use crate::http::state::State;
use crate::store::api_keys;

const HEADER: HeaderName = HeaderName::from_static("x-api-key");
/// What failed tries at keys are counted under.
const ACCOUNT: &str = "api key";

/// The site of the key that the request carries; `None` where it carries none.
///
/// # Errors
/// 401 for a key that does not exist or has ended, 403 for one that may not track, 429 after too many wrong ones.
pub(super) async fn site(
    req: &HttpRequest,
    state: &State,
    ip: ClientIp,
) -> Result<Option<SiteId>, ApiError> {
    let bearer = || {
        header_text(req.headers(), &header::AUTHORIZATION)
            .and_then(|text| text.strip_prefix("Bearer "))
    };
    let Some(text) = header_text(req.headers(), &HEADER).or_else(bearer) else {
        return Ok(None);
    };
    let now = state.clock.now();
    let found = match api_keys::parse(text) {
        Some(token) => {
            let hash = token.hash();
            let read = move |tx: &mut dyn crate::db::Tx| api_keys::by_hash(tx, &hash, now);
            state.db.read(read).await?
        }
        None => None,
    };
    let Some(key) = found else {
        // Left as a failure: guessing is slowed down on every way in alike.
        drop(state.limits.credential(ACCOUNT, ip, now)?);
        return Err(ApiError::authentication());
    };
    if !key.scopes.contains(&Scope::WebTracking) {
        return Err(ApiError::not_allowed());
    }
    Ok(Some(key.site))
}
