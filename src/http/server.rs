//! The HTTP server: its time-outs, and what goes round every answer.
//!
//! TLS and HTTP/2 are the front proxy's. Whatever a handler does, an answer leaves with its security headers, a panic
//! is a 500, and a stopping server says 503.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpResponse, HttpServer, web};
use futures_util::FutureExt;

use super::csp_report;
use super::customer::is_long_poll;
use super::error::{ApiError, RequestId};
use super::guard;
use super::metrics::Way;
use super::routes;
use super::state::State;

/// The whole head of a request has to arrive within this time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// An idle connection is kept this long for the next request.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long actix waits for connections at a stop; what takes longer is cut.
const SHUTDOWN_TIMEOUT_S: u64 = 3;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 2048;
/// The largest request head: 32 KiB of names and values.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// What pages may load and who may frame them; `http/demo` is the one page that says otherwise.
const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
    media-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; \
    object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types parlor-fragment";

/// The policy of all pages, which tells browsers where to report what breaks it.
pub(crate) fn page_policy(base_path: &str) -> HeaderValue {
    let policy = format!("{PAGE_CSP}; report-uri {base_path}{}", csp_report::PATH);
    // A base path is plain text; one that is not would only cost the reports.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(PAGE_CSP))
}

/// Powers no page of ours uses.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), usb=()";
const HSTS: &str = "max-age=31536000";

/// Binds the address and gives the server, which runs once it is awaited, with the address it got.
///
/// # Errors
/// What the system says when the address cannot be listened on.
pub(crate) fn bind(state: web::Data<State>) -> std::io::Result<(Server, SocketAddr)> {
    let (listen, workers) = (state.config.listen, state.config.workers);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .wrap(from_fn(around))
            .configure(|cfg| routes::all(cfg, &state.config.base_path))
    })
    .workers(workers)
    .backlog(BACKLOG)
    .tcp_nodelay(true)
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_TIMEOUT)
    .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
    .disable_signals()
    .bind(listen)?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    Ok((server.run(), address))
}

/// Goes round every request: its id, refusals that need no route, panics, and the headers of the answer.
async fn around(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = req
        .app_data::<web::Data<State>>()
        .cloned()
        .ok_or_else(|| ApiError::internal("the app has no state"))?;
    // A poll waits on purpose: it ends with its connection, and no stop waits for it.
    let _in_flight = (!is_long_poll(req.path())).then(|| state.enter());
    let id = state.next_request_id();
    let (way, start) = (Way::of(req.path(), &state.config.base_path), Instant::now());
    let answered = id.scope(answer(&state, id, req, next)).await;
    let status = match &answered {
        Ok(answer) => answer.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    state
        .metrics
        .answered(way, status.as_u16(), start.elapsed());
    answered
}

async fn answer<B: MessageBody + 'static>(
    state: &State,
    id: RequestId,
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some(refusal) = refuse_early(state, &req) {
        if Way::of(req.path(), &state.config.base_path) != Way::Track {
            return Err(finish_error(state, id, &refusal.into()));
        }
        // The widget is on a page of somebody else's, and is to read when to come back.
        let mut answer = guard::early_refusal(state, req.request(), refusal).await;
        let status = answer.status();
        finish(state, id, status, answer.headers_mut());
        return Err(InternalError::from_response("", answer).into());
    }
    // Routes know GET only; the connection leaves the body of an answer to HEAD out by itself.
    if req.method() == Method::HEAD {
        req.head_mut().method = Method::GET;
    }
    match AssertUnwindSafe(next.call(req)).catch_unwind().await {
        Ok(Ok(mut answer)) => {
            let status = answer.status();
            finish(state, id, status, answer.headers_mut());
            Ok(answer)
        }
        Ok(Err(error)) => Err(finish_error(state, id, &error)),
        Err(_) => {
            state.metrics.panicked();
            let error = ApiError::internal("a handler panicked");
            Err(finish_error(state, id, &error.into()))
        }
    }
}

/// What is refused before any route is looked at.
fn refuse_early(state: &State, req: &ServiceRequest) -> Option<ApiError> {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if !known.contains(req.method()) {
        return Some(ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this method is not served",
        ));
    }
    let head_bytes: usize = req
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if head_bytes + req.uri().path().len() > MAX_HEAD_BYTES {
        return Some(ApiError::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "too_large",
            "the head of the request is larger than 32 KiB",
        ));
    }
    let is_probe = req.path().ends_with("/healthz") || req.path().ends_with("/readyz");
    (state.is_draining() && !is_probe).then(|| ApiError::unavailable("stopping"))
}

fn finish_error(state: &State, id: RequestId, error: &Error) -> Error {
    let mut answer: HttpResponse = error.error_response();
    let status = answer.status();
    if status == StatusCode::METHOD_NOT_ALLOWED && !answer.headers().contains_key(header::ALLOW) {
        answer.headers_mut().insert(
            header::ALLOW,
            HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        );
    }
    finish(state, id, status, answer.headers_mut());
    InternalError::from_response("", answer).into()
}

/// Adds what every answer carries; what a handler has set itself stays.
fn finish(state: &State, id: RequestId, status: StatusCode, headers: &mut HeaderMap) {
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let mut put = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "same-origin");
    if state.config.is_https() {
        put(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_page = kind.is_some_and(|kind| kind.starts_with(b"text/html"));
    let is_json = kind.is_some_and(|kind| kind.starts_with(b"application/json"));
    // A page with a policy of its own says there who may frame it.
    let is_framable = headers
        .get(header::CONTENT_SECURITY_POLICY)
        .and_then(|policy| policy.to_str().ok())
        .is_some_and(|policy| !policy.contains("frame-ancestors"));
    let mut put = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    if is_page && !is_framable {
        put(header::X_FRAME_OPTIONS, "DENY");
    }
    if is_page {
        put(header::CROSS_ORIGIN_OPENER_POLICY, "same-origin");
        put(header::PERMISSIONS_POLICY, PERMISSIONS);
    }
    if is_page || is_json {
        put(header::CACHE_CONTROL, "no-store");
    }
    if is_page && !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, state.page_policy.clone());
    }
    if status.is_client_error() || status.is_server_error() {
        // The id is hexadecimal, so this is always a header value.
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            headers.insert(HeaderName::from_static("x-request-id"), value);
        }
    }
}
