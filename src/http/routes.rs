//! Which way in serves which path. Each way in registers its own routes, relative to the base path.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};

use super::error::ApiError;
use super::{
    api, assets, csp_report, customer, dashboard, demo, files, health, metrics, tickets, track,
    widget,
};

/// Registers everything under `base_path`, which is empty or `/name`.
pub(crate) fn all(cfg: &mut ServiceConfig, base_path: &str) {
    if base_path.is_empty() {
        ways_in(cfg);
    } else {
        // People leave the slash away; relative addresses need it.
        let start = format!("{base_path}/");
        cfg.service(web::redirect(base_path.to_owned(), start));
        cfg.service(web::scope(base_path).configure(ways_in));
    }
    cfg.default_service(web::to(unknown_path));
}

fn ways_in(cfg: &mut ServiceConfig) {
    health::routes(cfg);
    metrics::routes(cfg);
    csp_report::routes(cfg);
    assets::routes(cfg);
    widget::routes(cfg);
    demo::routes(cfg);
    files::routes(cfg);
    track::routes(cfg);
    api::routes(cfg);
    customer::routes(cfg);
    tickets::routes(cfg);
    // Last: it answers every path that nobody else has.
    dashboard::routes(cfg);
}

async fn unknown_path() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("there is nothing at this address"))
}
