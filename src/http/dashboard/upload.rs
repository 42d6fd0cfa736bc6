//! `POST /chats/upload`: an agent's file, for a message that is sent afterwards.

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::session::Signed;
use crate::http::error::ApiError;
use crate::http::files;
use crate::http::state::State;

/// Comes before `/chats/{chat}`.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/chats/upload").post(upload));
}

async fn upload(
    req: HttpRequest,
    payload: web::Payload,
    state: Data<State>,
    signed: Signed,
) -> Result<HttpResponse, ApiError> {
    let file = files::upload(&req, payload, &state, &signed.subject(), signed.site.id).await?;
    Ok(HttpResponse::Ok().json(files::described(&file)))
}
