//! The requests of a polling session: `xhr` waits for frames, `xhr_send` brings some.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;

use super::pipe::{NotTaken, Pipe};
use super::sessions::Name;
use super::{framing, page_origin, script};
use crate::http::customer::close::Close;
use crate::http::customer::frame;
use crate::http::customer::frame_guard::MAX_FRAME_BYTES;
use crate::http::customer::inbound::Inbound;
use crate::http::customer::link::Link;
use crate::http::customer::socket::{self, Admitted, Tenant};
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, header_text, read_body};
use crate::http::guard;
use crate::http::state::State;

/// `POST …/xhr`: opens the session at first, then waits for what there is to say.
pub(super) async fn poll(
    req: HttpRequest,
    state: Data<State>,
    address: ClientIp,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(address)?;
    let origin = page_origin(&req, &state).await?;
    let name = name(&req, &state).await?;
    let known = name.as_ref().and_then(|name| state.polls.find(name));
    let pipe = match (known, name) {
        (Some(pipe), _) => pipe,
        (None, name) => match (socket::admit(&req, &state, address).await?, name) {
            (Ok(admitted), Some(name)) => begin(&state, admitted, name),
            (Ok(_), None) => return Ok(script(refused(&Close::UnknownSite), &origin)),
            (Err(close), _) => return Ok(script(refused(&close), &origin)),
        },
    };
    let Some(poll) = pipe.poll() else {
        return Ok(script(format!("{}\n", framing::STILL_OPEN), &origin));
    };
    Ok(script(poll.answer().await, &origin))
}

/// `POST …/xhr_send`: hands frames to the session.
pub(super) async fn send(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    address: ClientIp,
) -> Result<HttpResponse, ApiError> {
    state.limits.request(address)?;
    let origin = page_origin(&req, &state).await?;
    let answer = forward(&req, payload, &state)
        .await
        .unwrap_or_else(|error| error.error_response());
    Ok(guard::with_credentials(answer, &origin))
}

async fn forward(
    req: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<HttpResponse, ApiError> {
    let unknown = || ApiError::not_found("there is no such session");
    let name = name(req, state).await?.ok_or_else(unknown)?;
    let pipe = state.polls.find(&name).ok_or_else(unknown)?;
    let max_bytes = usize::try_from(MAX_FRAME_BYTES).unwrap_or(usize::MAX);
    let body = read_body(payload, max_bytes).await?;
    let frames = std::str::from_utf8(&body)
        .ok()
        .and_then(framing::unpack)
        .ok_or_else(|| ApiError::malformed("must be a JSON array of at most 128 strings"))?;
    match pipe.send(frames).await {
        Ok(()) => {
            let mut answer = HttpResponse::NoContent();
            answer.insert_header((header::CACHE_CONTROL, "no-store"));
            Ok(answer.finish())
        }
        Err(NotTaken::Ended) => Err(unknown()),
        Err(NotTaken::Busy) => Err(ApiError::unavailable("the session is busy")),
    }
}

/// The session a request is for; `None` without a site.
async fn name(req: &HttpRequest, state: &State) -> Result<Option<Name>, ApiError> {
    let site = Tenant::of(req.query_string()).find(state).await?;
    let part = |name: &str| req.match_info().get(name).unwrap_or_default().to_owned();
    Ok(site.map(|site| Name {
        site: site.id,
        origin: header_text(req.headers(), &header::ORIGIN).map(str::to_owned),
        server: part("server"),
        session: part("session"),
    }))
}

/// Begins a session, unless another request has done so meanwhile.
fn begin(state: &State, admitted: Box<Admitted>, name: Name) -> Arc<Pipe> {
    let (pipe, sent) = Pipe::new();
    let Some(place) = state.polls.enter(name.clone(), &pipe) else {
        return state.polls.find(&name).unwrap_or(pipe);
    };
    let link = Link::polls(Arc::clone(&pipe));
    actix_web::rt::spawn(async move {
        let _place = place;
        socket::serve(Ok(admitted), link, Inbound::polls(sent)).await;
    });
    pipe
}

/// A session that is over with its first answer: nothing is kept for it.
fn refused(close: &Close) -> String {
    let push = close
        .disconnect_reason()
        .map_or_else(String::new, |reason| {
            let push = frame::push(
                None,
                "customer_disconnected",
                &json!({"reason": reason.as_str()}),
            );
            format!("{}\n", framing::pack(&[push]))
        });
    format!("{}\n{push}{}\n", framing::OPEN, framing::close(close))
}
