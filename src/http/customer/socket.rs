//! The visitors' socket: what is asked of a handshake before a connection begins.
//!
//! The page's origin has to be one of the site's; no cookie is looked at. Who the visitor is comes with the first frame.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::caller::Caller;
use super::close::Close;
use super::connection::{Connection, say_goodbye};
use super::frame_guard;
use super::inbound::Inbound;
use super::link::Link;
use super::version::Version;
use crate::domain::context::Context;
use crate::domain::site::Site;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, header_text};
use crate::http::guard;
use crate::http::state::State;

/// How a client names the site: one of the three is enough.
#[derive(Deserialize)]
pub(super) struct Tenant {
    site: Option<String>,
    license_id: Option<i64>,
    organization_id: Option<String>,
}

impl Tenant {
    /// The site it names.
    ///
    /// # Errors
    /// Any [`crate::db::Error`].
    pub(super) async fn find(&self, state: &State) -> crate::db::Result<Option<Arc<Site>>> {
        match (&self.site, self.license_id, &self.organization_id) {
            (Some(key), _, _) => state.sites.by_key(key).await,
            (None, Some(license), _) => state.sites.by_license(license).await,
            (None, None, Some(organization)) => state.sites.by_organization(organization).await,
            (None, None, None) => Ok(None),
        }
    }
}

/// `GET …/v3.x/customer/rtm/ws`.
pub(super) async fn open(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    address: ClientIp,
    tenant: web::Query<Tenant>,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(address)?;
    let site = tenant.find(&state).await?;
    if let Some(site) = &site {
        guard::check_origin(&state, site, &req)?;
    }
    let version = req.match_info().get("version").and_then(Version::parse);
    let permit = state.limits.socket(address);
    if permit.is_none() && state.limits.open_sockets() >= state.config.max_sockets {
        return Err(ApiError::unavailable("all sockets are taken"));
    }
    let (payload, verdict) = frame_guard::guard(&req, payload)
        .await
        .map_err(|error| ApiError::malformed(error.to_string()))?;
    let (response, session, stream) = actix_ws::handle(&req, payload)
        .map_err(|_| ApiError::malformed("this address takes WebSockets only"))?;
    let inbound = Inbound::new(stream, verdict);
    let (response, link) = Link::new(response, session);
    let refused = match (&site, version, &permit) {
        (None, _, _) => Some(Close::UnknownSite),
        (_, None, _) => Some(Close::UnknownVersion),
        (_, _, None) => Some(Close::TooManySockets),
        (Some(_), Some(_), Some(_)) => None,
    };
    let (Some(site), Some(version), Some(permit)) = (site, version, permit) else {
        let refused = refused.unwrap_or(Close::Internal);
        actix_web::rt::spawn(async move { say_goodbye(link, inbound, &refused).await });
        return Ok(response);
    };
    let caller = Caller {
        state: state.clone(),
        site,
        version,
        is_widget: tenant.site.is_some(),
        address,
        context: browser(&req, address)?,
        attachment: state.hub.attach(),
    };
    let connection = Connection::new(caller, link);
    actix_web::rt::spawn(async move {
        // The permit goes back when the socket is really gone.
        let _permit = permit;
        connection.serve(inbound).await;
    });
    Ok(response)
}

/// What the head of a request tells of the browser.
///
/// # Errors
/// Does not occur for a request without a body of its own.
pub(super) fn browser(req: &HttpRequest, address: ClientIp) -> Result<Context, ApiError> {
    let user_agent = header_text(req.headers(), &header::USER_AGENT).unwrap_or_default();
    Ok(Context::parse(None, user_agent, address.truncated())?)
}
