//! What a supervisor or load balancer asks: is the process alive, can it do its work.

use actix_web::http::header;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, Responder};

use super::state::State;
use crate::db::Health;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/healthz").get(alive))
        .service(web::resource("/readyz").get(ready));
}

/// The process answers: 200 as long as it lives.
async fn alive() -> impl Responder {
    plain(HttpResponse::Ok(), "alive\n")
}

/// 200 when the database takes writes and no stop has begun, else 503 with the reason.
async fn ready(state: Data<State>) -> HttpResponse {
    if state.is_draining() {
        return plain(HttpResponse::ServiceUnavailable(), "stopping\n");
    }
    match state.db.health() {
        Health::Ready => plain(HttpResponse::Ok(), "ready\n"),
        Health::ReadOnly(reason) => plain(
            HttpResponse::ServiceUnavailable(),
            &format!("read-only: {reason}\n"),
        ),
        Health::Down(reason) => plain(
            HttpResponse::ServiceUnavailable(),
            &format!("not available: {reason}\n"),
        ),
    }
}

fn plain(mut answer: actix_web::HttpResponseBuilder, text: &str) -> HttpResponse {
    answer
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text.to_owned())
}
