//! What stock clients tell beside the chat: `check_goals` of a page without a socket, and a picture they count themselves
//! with. Neither is recorded: goals do not exist here, and visits are told by the widget.

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::bearer::{self, Called};
use super::fields::Fields;
use super::frame::json_object;
use crate::domain::Refusal;
use crate::http::error::ApiError;
use crate::http::extract::{ClientIp, read_body};
use crate::http::state::State;

/// The largest body: an address and a hundred session fields.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Longest page address, in characters.
const MAX_URL_CHARS: usize = 2_048;

/// `POST …/action/check_goals`: validated and answered, not recorded.
pub(super) async fn check(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    address: ClientIp,
) -> HttpResponse {
    match Called::of(&req, &state, address).await {
        Err(error) => bearer::early(&req, &state, &error).await,
        Ok(called) => called.answer(answer(&called, &req, payload, &state).await),
    }
}

async fn answer(
    called: &Called,
    req: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<HttpResponse, ApiError> {
    called.member(req, state).await?;
    let body = read_body(payload, MAX_BODY_BYTES).await?;
    let text = std::str::from_utf8(&body).map_err(|_| ApiError::malformed("must be UTF-8"))?;
    validate(text)?;
    Ok(HttpResponse::Ok().json(serde_json::json!({})))
}

fn validate(text: &str) -> Result<(), Refusal> {
    let map = json_object(text)?;
    let fields = Fields::of(&map);
    fields.text("page_url", MAX_URL_CHARS)?;
    fields.opt_int("group_id", 0, i64::MAX)?;
    fields.opt_list("session_fields", 100)?;
    fields.opt_object("customer_fields")?;
    Ok(())
}

/// `GET /logs`: nothing to see.
pub(super) async fn log() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
