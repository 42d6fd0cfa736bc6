//! The agents' socket, `GET /live?ticket=…`: life for pages that work without it.
//!
//! A handshake needs the login cookie, our own origin and a one-time ticket, or it is refused with 403. Then the page says
//! what it follows: the inbox, one chat, a visitor, the list of visitors. Rows and events travel as HTML, drawn by the
//! same templates as the pages.

mod acting;
mod following;
mod message;
mod reading;
mod socket;
mod watching;

use actix_web::http::header;
use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::page::bare;
use super::session::{self, Signed};
use super::writing::Acting;
use crate::http::customer::frame_guard;
use crate::http::customer::inbound::Inbound;
use crate::http::customer::link::Link;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, header_text, own_origin};
use crate::http::state::State;
use crate::token::TokenHash;
use socket::LiveSocket;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/live").get(open));
}

#[derive(Deserialize)]
struct Admission {
    ticket: Option<String>,
}

async fn open(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    address: ClientIp,
    query: Query<Admission>,
) -> Result<HttpResponse, ApiError> {
    let (signed, cookie) = admit(&req, &state, address, query.ticket.as_deref()).await?;
    let permit = state
        .limits
        .socket(address)
        .ok_or_else(|| ApiError::unavailable("no room for another socket"))?;
    let (payload, verdict) = frame_guard::guard(&req, payload)
        .await
        .map_err(|error| ApiError::malformed(error.to_string()))?;
    let (response, session, stream) = actix_ws::handle(&req, payload)
        .map_err(|_| ApiError::malformed("this address takes WebSockets only"))?;
    let (response, link) = Link::new(response, session);
    let socket = LiveSocket::new(
        state.clone(),
        &signed,
        (cookie, acting_as(&signed)),
        bare(&state),
        link,
    );
    actix_web::rt::spawn(async move {
        socket.serve(Inbound::new(stream, verdict)).await;
        drop(permit);
    });
    Ok(response)
}

/// Who comes in: an open login, from a page of our own, with a ticket of that login. Everything else is 403.
async fn admit(
    req: &HttpRequest,
    state: &State,
    address: ClientIp,
    ticket: Option<&str>,
) -> Result<(Signed, TokenHash), ApiError> {
    let origin = header_text(req.headers(), &header::ORIGIN);
    if origin.is_none() || origin != own_origin(&state.config, req).as_deref() {
        return Err(ApiError::not_allowed());
    }
    let (Some(cookie), Some(signed)) =
        (session::cookie_hash(req), session::find(state, req).await?)
    else {
        return Err(ApiError::not_allowed());
    };
    let is_good = match ticket {
        Some(ticket) => session::redeem_ticket(state, &signed, address, ticket).await?,
        None => false,
    };
    if is_good {
        Ok((signed, cookie))
    } else {
        Err(ApiError::not_allowed())
    }
}

fn acting_as(signed: &Signed) -> Acting {
    Acting {
        subject: signed.subject(),
        site: signed.site.id,
    }
}
