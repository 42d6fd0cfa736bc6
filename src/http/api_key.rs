//! API keys as requests carry them: in a header, never in the address. One check for all ways in that take keys.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName};

use super::error::ApiError;
use super::extract::{ClientIp, header_text};
use super::state::State;
use crate::db::Tx;
use crate::store::api_keys::{self, ApiKey};

const HEADER: HeaderName = HeaderName::from_static("x-api-key");
/// What failed tries at keys are counted under.
const ACCOUNT: &str = "api key";

/// The key that the request carries; `None` where it carries none.
///
/// # Errors
/// 401 for a key that does not exist, was revoked or has ended; 429 after too many wrong ones.
pub(crate) async fn find(
    req: &HttpRequest,
    state: &State,
    ip: ClientIp,
) -> Result<Option<ApiKey>, ApiError> {
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
            let read = move |tx: &mut dyn Tx| api_keys::by_hash(tx, &hash, now);
            state.db.read(read).await?
        }
        None => None,
    };
    if found.is_none() {
        // Left as a failure: guessing is slowed down on every way in alike.
        drop(state.limits.credential(ACCOUNT, ip, now)?);
        return Err(ApiError::authentication());
    }
    Ok(found)
}
