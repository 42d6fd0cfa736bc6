//! What all pages share: rendering, redirects, the room round a page, and errors dressed as pages.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::http::{StatusCode, header::HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use super::face;
use super::layout::{Area, Bare, Layout};
use super::session::Signed;
use crate::domain::agent::AgentSettings;
use crate::http::assets;
use crate::http::error::{ApiError, RequestId};
use crate::http::extract::header_text;
use crate::http::state::State;

/// Renders a page. Nothing of it is kept by the browser: it holds people's data.
///
/// # Errors
/// [`ApiError`] 500 when the template fails.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, ApiError> {
    let body = page
        .render()
        .map_err(|e| ApiError::internal(format!("a page did not render: {e}")))?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body))
}

/// Sends the browser on by GET; `path` is one of ours, below the base path.
pub(crate) fn see_other(state: &State, path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((
            header::LOCATION,
            format!("{}{path}", state.config.base_path),
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// The values of `bare.html`.
pub(crate) fn bare(state: &State) -> Bare {
    Bare {
        base: state.config.base_path.clone(),
        assets: assets::root(&state.config.base_path),
    }
}

/// The values of `layout.html`; `back` is this page's path below the base path.
pub(crate) fn layout(state: &State, signed: &Signed, area: Area, back: &str) -> Layout {
    let AgentSettings { sound, theme } = &signed.agent.settings;
    Layout {
        base: state.config.base_path.clone(),
        assets: assets::root(&state.config.base_path),
        area: area.name(),
        theme: theme.as_str().to_owned(),
        sound: if *sound { "on" } else { "off" },
        site_name: signed.site.name.clone(),
        agent_id: signed.agent.id.to_string(),
        agent_name: signed.agent.name.clone(),
        initials: face::initials(&signed.agent.name),
        tint: face::tint(signed.agent.id.0),
        status: signed.agent.status.as_str(),
        waiting: signed.waiting,
        tickets: signed.tickets,
        inbox_head: signed.inbox_head,
        epoch: state.db.epoch().to_owned(),
        back: back.to_owned(),
    }
}

/// Where to go after signing in or changing something: a path of our own below the base path, else the start page.
///
/// What is not plainly a path (`//host`, `/\host`, a scheme, control characters) is not followed.
pub(crate) fn safe_path(wanted: &str) -> &str {
    let is_path = wanted.starts_with('/')
        && !wanted.starts_with("//")
        && !wanted
            .chars()
            .any(|c| c.is_control() || c == '\\' || c.is_whitespace());
    if is_path { wanted } else { "/" }
}

/// Whether the other side is a person looking at a page, not a script of ours.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let mode = header_text(headers, &HeaderName::from_static("sec-fetch-mode"));
    let accepts = header_text(headers, &header::ACCEPT).unwrap_or_default();
    mode.map_or_else(|| accepts.contains("text/html"), |mode| mode == "navigate")
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem {
    bare: Bare,
    title: &'static str,
    text: String,
    request_id: Option<String>,
}

/// Shows an error to a person as a page; scripts get it as JSON, as everywhere.
pub(crate) async fn dress_errors<B: MessageBody + 'static>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    if !wants_page(req.headers()) {
        return Ok(next.call(req).await?.map_into_left_body());
    }
    // The request itself may not be held on to while it is being routed.
    let state = req
        .app_data::<Data<State>>()
        .cloned()
        .ok_or_else(|| ApiError::internal("the app has no state"))?;
    let answer = match next.call(req).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(match error.as_error::<ApiError>() {
                Some(known) => {
                    InternalError::from_response(known.clone(), problem(&state, known)?).into()
                }
                None => error,
            });
        }
    };
    let known = answer
        .response()
        .error()
        .and_then(|error| error.as_error::<ApiError>())
        .cloned();
    match known {
        Some(known) => Ok(answer
            .into_response(problem(&state, &known)?)
            .map_into_right_body()),
        None => Ok(answer.map_into_left_body()),
    }
}

fn problem(state: &State, error: &ApiError) -> Result<HttpResponse, ApiError> {
    let status = error.status_code();
    let title = match status {
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => "That is not allowed",
        StatusCode::TOO_MANY_REQUESTS => "Too many tries",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => "Not right now",
        _ if status.is_server_error() => "Something went wrong",
        _ => "That did not work",
    };
    // Keeps the one log line of the cause: a dressed error does not pass through its own response.
    let plain = error.error_response();
    let mut page = html(
        status,
        &Problem {
            bare: bare(state),
            title,
            text: match error.code() {
                "authorization" => {
                    "Your role does not include this. An owner can change that.".into()
                }
                _ => sentence(error.message()),
            },
            request_id: RequestId::current()
                .filter(|_| status.is_server_error())
                .map(|id| id.to_string()),
        },
    )?;
    if let Some(wait) = plain.headers().get(header::RETRY_AFTER) {
        let wait: HeaderValue = wait.clone();
        page.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    Ok(page)
}

/// The message with a capital letter and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    out.push_str(chars.as_str());
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_our_own_are_followed() {
        for good in ["/", "/chats", "/chats/12?x=1#e", "/a//b"] {
            assert_eq!(safe_path(good), good);
        }
        for bad in [
            "",
            "chats",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x=y",
            " /chats",
        ] {
            assert_eq!(safe_path(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence("not found"), "Not found.");
        assert_eq!(sentence("Wait."), "Wait.");
        assert_eq!(sentence(""), ".");
    }
}
