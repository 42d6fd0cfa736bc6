//! The visitors' socket: what is asked of a handshake before a connection begins, on whatever carries it.
//!
//! The page's origin has to be one of the site's; no cookie is looked at. Who the visitor is comes with the first frame.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

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
use crate::http::limit::SocketPermit;
use crate::http::state::State;

/// How a client names the site: one of the three is enough, under every version of the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tenant {
    site: Option<String>,
    license_id: Option<i64>,
    organization_id: Option<String>,
}

impl Tenant {
    /// What a query names; a value that cannot be a name names nothing.
    pub(super) fn of(query: &str) -> Self {
        let mut tenant = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "site" => tenant.site = Some(value.into_owned()),
                "license_id" => tenant.license_id = value.parse().ok(),
                "organization_id" => tenant.organization_id = Some(value.into_owned()),
                _ => {}
            }
        }
        tenant
    }

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

/// A caller who may come in, with the place its connection takes.
pub(super) struct Admitted {
    caller: Caller,
    permit: SocketPermit,
    /// Given back at the login.
    waiting: SocketPermit,
}

/// Who may come in; what the protocol has a word for is told on an open connection.
pub(super) type Admission = Result<Box<Admitted>, Close>;

/// Judges a handshake.
///
/// # Errors
/// [`ApiError`] for what is refused before a connection opens: haste, a foreign origin, no room in the process.
pub(super) async fn admit(
    req: &HttpRequest,
    state: &Data<State>,
    address: ClientIp,
) -> Result<Admission, ApiError> {
    state.limits.request(address)?;
    let tenant = Tenant::of(req.query_string());
    let site = tenant.find(state).await?;
    if let Some(site) = &site {
        guard::check_origin(state, site, req)?;
    }
    let permit = state.limits.socket(address);
    if permit.is_none() && state.limits.open_sockets() >= state.config.max_sockets {
        return Err(ApiError::unavailable("all sockets are taken"));
    }
    let Some(site) = site else {
        return Ok(Err(Close::UnknownSite));
    };
    let Some(version) = req.match_info().get("version").and_then(Version::parse) else {
        return Ok(Err(Close::UnknownVersion));
    };
    let Some(permit) = permit else {
        return Ok(Err(match state.limits.comes_back(address.limit_key()) {
            Ok(()) => Close::TooManySockets,
            Err(_) => Close::Blocked,
        }));
    };
    let Some(waiting) = state.limits.unauthorized(address) else {
        return Ok(Err(Close::TooManyUnauthorized));
    };
    let caller = Caller {
        state: state.clone(),
        site,
        version,
        is_widget: tenant.site.is_some(),
        address,
        context: browser(req, address)?,
        attachment: state.hub.attach(),
    };
    Ok(Ok(Box::new(Admitted {
        caller,
        permit,
        waiting,
    })))
}

/// `GET …/v3.x/customer/rtm/ws`.
pub(super) async fn open(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    address: ClientIp,
) -> Result<HttpResponse, ApiError> {
    let admission = admit(&req, &state, address).await?;
    let (response, session, stream, verdict) = shake_hands(&req, payload).await?;
    let (response, link) = Link::new(response, session);
    let inbound = Inbound::new(stream, verdict);
    actix_web::rt::spawn(serve(admission, link, inbound));
    Ok(response)
}

/// `GET …/v3.x/customer/rtm/sjs/<server>/<session>/websocket`.
pub(super) async fn open_sockjs(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    address: ClientIp,
) -> Result<HttpResponse, ApiError> {
    let admission = admit(&req, &state, address).await?;
    let (response, session, stream, verdict) = shake_hands(&req, payload).await?;
    let (response, link) = Link::sockjs(response, session);
    let inbound = Inbound::sockjs(stream, verdict);
    actix_web::rt::spawn(serve(admission, link, inbound));
    Ok(response)
}

type Shaken = (
    HttpResponse,
    actix_ws::Session,
    actix_ws::MessageStream,
    frame_guard::Verdict,
);

async fn shake_hands(req: &HttpRequest, payload: web::Payload) -> Result<Shaken, ApiError> {
    let (payload, verdict) = frame_guard::guard(req, payload)
        .await
        .map_err(|error| ApiError::malformed(error.to_string()))?;
    let (response, session, stream) = actix_ws::handle(req, payload)
        .map_err(|_| ApiError::malformed("this address takes WebSockets only"))?;
    Ok((response, session, stream, verdict))
}

/// Serves a connection to its end, or says why there is none.
pub(super) async fn serve(admission: Admission, mut link: Link, inbound: Inbound) {
    if link.open().await.is_err() {
        return;
    }
    match admission {
        Ok(admitted) => {
            let Admitted {
                caller,
                permit,
                waiting,
            } = *admitted;
            // The permit goes back when the connection is really gone.
            let _permit = permit;
            Connection::new(caller, link, waiting).serve(inbound).await;
        }
        Err(close) => say_goodbye(link, inbound, &close).await,
    }
}

/// What the head of a request tells of the browser.
///
/// # Errors
/// Does not occur for a request without a body of its own.
pub(super) fn browser(req: &HttpRequest, address: ClientIp) -> Result<Context, ApiError> {
    let user_agent = header_text(req.headers(), &header::USER_AGENT).unwrap_or_default();
    Ok(Context::parse(None, user_agent, address.truncated())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_site_in_any_of_three_ways() {
        let tenant = Tenant::of("t=1&license_id=7&organization_id=a%2Db&site=k");

        assert_eq!(tenant.license_id, Some(7));
        assert_eq!(tenant.organization_id.as_deref(), Some("a-b"));
        assert_eq!(tenant.site.as_deref(), Some("k"));
    }

    #[test]
    fn a_name_that_cannot_be_one_names_nothing() {
        for query in [
            "",
            "license_id=",
            "license_id=seven",
            "license_id=1e9",
            "&&=&%",
        ] {
            assert_eq!(Tenant::of(query), Tenant::default(), "{query}");
        }
    }
}
