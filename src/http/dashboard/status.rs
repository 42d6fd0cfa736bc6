//! The switch in the rail: whether this agent accepts chats.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};

use super::form::Fields;
use super::page::{safe_path, see_other};
use super::session::Signed;
use crate::db::Lane;
use crate::domain::Refusal;
use crate::domain::agent::AgentStatus;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::agents;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/status").post(change));
}

async fn change(
    state: Data<State>,
    signed: Signed,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let status = AgentStatus::parse(fields.get("status"))
        .ok_or_else(|| Refusal::invalid("status", "is accepting, not_accepting or away"))?;
    let permit = signed.on_self()?;
    let now = state.clock.now();
    state
        .db
        .write(Lane::Admin, move |tx| {
            agents::set_status(tx, &permit, status, now)
        })
        .await?;
    Ok(see_other(&state, safe_path(fields.get("back"))))
}
