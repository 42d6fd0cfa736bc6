//! `POST …/v3.x/customer/action/upload_file`: a visitor's file, for an event that is sent over the socket afterwards.

use actix_web::body::BoxBody;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;

use super::bearer::Called;
use super::version::Version;
use crate::http::error::ApiError;
use crate::http::extract::ClientIp;
use crate::http::files;
use crate::http::guard::{PageOrigin, any_origin, with_credentials};
use crate::http::state::State;

/// Answers with the address of the file, or with the protocol's error.
pub(super) async fn upload_file(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    address: ClientIp,
) -> HttpResponse {
    let called = match Called::of(&req, &state, address).await {
        Ok(called) => called,
        Err(error) => {
            let origin = any_origin(&state, &req).await;
            // Without the list of sites no page can be let in; the error itself still goes out.
            return with_credentials(refusal(&error), &origin.unwrap_or(PageOrigin::Absent));
        }
    };
    let answer = match take(&req, payload, &state, &called).await {
        Ok(url) => HttpResponse::Ok().json(json!({"url": url})),
        Err(error) => refusal(&error),
    };
    with_credentials(answer, &called.origin)
}

async fn take(
    req: &HttpRequest,
    payload: web::Payload,
    state: &Data<State>,
    called: &Called,
) -> Result<String, ApiError> {
    let version = req.match_info().get("version").and_then(Version::parse);
    version.ok_or_else(|| ApiError::validation("version", "is not served"))?;
    let member = called.member(req, state).await?;
    state.limits.upload(member.customer)?;
    let site = called.site.id;
    let file = files::upload(req, payload, state, &member.subject, site).await?;
    Ok(file.url())
}

/// An error in the shape and words of the protocol.
fn refusal(error: &ApiError) -> HttpResponse {
    let kind = match error.code() {
        "too_large" => "entity_too_large",
        "limit_reached" => "too_many_requests",
        "malformed" => "validation",
        "too_slow" => "request_timeout",
        "unavailable" => "service_unavailable",
        "origin_not_allowed" => "authorization",
        "site_not_found" => "license_not_found",
        other => other,
    };
    let message = match error.field() {
        Some(field) => format!("{field}: {}", error.message()),
        None => error.message().to_owned(),
    };
    let body = json!({"error": {"type": kind, "message": message}}).to_string();
    // Logs what is a fault of ours, and says when to come back.
    error.error_response().set_body(BoxBody::new(body))
}
