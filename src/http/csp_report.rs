//! What browsers report when a page of ours breaks its own policy: a fault of ours, or somebody's attempt.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use serde::Deserialize;

use super::error::ApiError;
use super::extract::{ClientIp, read_body};
use super::state::State;

/// Below the base path; `server` names it in the policy.
pub(crate) const PATH: &str = "/csp-reports";
/// A report is a few hundred bytes.
const MAX_BYTES: usize = 8 * 1024;
/// Longest directive there is, with room.
const MAX_DIRECTIVE_BYTES: usize = 40;

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "csp-report")]
    report: Report,
}

#[derive(Deserialize)]
struct Report {
    #[serde(rename = "effective-directive", default)]
    effective_directive: String,
    #[serde(rename = "violated-directive", default)]
    violated_directive: String,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource(PATH).post(take));
}

/// Counts the report and logs which directive it was. Its URLs are not logged: they may hold what people wrote.
async fn take(state: Data<State>, from: ClientIp, body: Payload) -> Result<HttpResponse, ApiError> {
    state.limits.request(from)?;
    let body = read_body(body, MAX_BYTES).await?;
    let Envelope { report } =
        serde_json::from_slice(&body).map_err(|_| ApiError::malformed("this is not a report"))?;
    let directive = if report.effective_directive.is_empty() {
        report.violated_directive
    } else {
        report.effective_directive
    };
    let is_directive = directive.len() <= MAX_DIRECTIVE_BYTES
        && directive
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'-');
    let directive = if is_directive {
        directive.as_str()
    } else {
        "unknown"
    };
    state.metrics.policy_broken();
    tracing::warn!(directive, "a browser reports that a page broke its policy");
    Ok(HttpResponse::NoContent().finish())
}
