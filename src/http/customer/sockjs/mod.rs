//! SockJS for the 2.x line of the published SDK: the same connection as the plain WebSocket, in other envelopes.
//!
//! `framing` is the envelope, `pipe` one polling session, `sessions` the list of them, `polling` their requests. The
//! WebSocket handshake is `socket`'s.

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

pub(super) mod framing;
pub(super) mod pipe;
mod polling;
mod sessions;

use super::bearer;
use super::socket::{self, Tenant};
use crate::http::error::ApiError;
use crate::http::extract::ClientIp;
use crate::http::guard::{self, PageOrigin};
use crate::http::state::State;
use crate::token;

pub(crate) use sessions::Sessions;

/// A session, named by its client at random: a short name could be guessed.
const SESSION: &str = "{server:[^/.]{1,16}}/{session:[^/.]{8,64}}";

/// Registers SockJS below `base`.
pub(super) fn routes(cfg: &mut ServiceConfig, base: &str) {
    let resource = |path: String| {
        web::resource(path).route(web::method(Method::OPTIONS).to(bearer::preflight))
    };
    cfg.service(resource(format!("{base}/info")).get(info))
        .service(resource(format!("{base}/{SESSION}/xhr")).post(polling::poll))
        .service(resource(format!("{base}/{SESSION}/xhr_send")).post(polling::send))
        .service(web::resource(format!("{base}/{SESSION}/websocket")).get(socket::open_sockjs));
}

/// Whether a request waits for news on purpose.
pub(crate) fn is_long_poll(path: &str) -> bool {
    path.ends_with("/xhr") && path.contains("/customer/rtm/sjs/")
}

/// `GET …/info`: what a client asks before it chooses a transport.
async fn info(
    req: HttpRequest,
    state: Data<State>,
    address: ClientIp,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(address)?;
    let origin = page_origin(&req, &state).await?;
    let mut entropy = [0; 4];
    token::fill(&mut entropy);
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    let answer = answer.json(json!({
        "websocket": true,
        "origins": ["*:*"],
        "cookie_needed": false,
        "entropy": u32::from_le_bytes(entropy),
    }));
    Ok(guard::with_credentials(answer, &origin))
}

/// Where the page stands: one of the site's origins, or, where the request names no site, one that any site lists.
async fn page_origin(req: &HttpRequest, state: &State) -> Result<PageOrigin, ApiError> {
    match Tenant::of(req.query_string()).find(state).await? {
        Some(site) => guard::check_origin(state, &site, req),
        None => Ok(guard::any_origin(state, req).await?),
    }
}

/// Text of SockJS as the page may read it.
fn script(text: String, origin: &PageOrigin) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("application/javascript; charset=UTF-8")
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    guard::with_credentials(answer.body(text), origin)
}
