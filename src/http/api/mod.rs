//! The API for programs that act as agents: bots, and whatever else answers, reads or configures. One file a noun, each
//! with its part of the table of endpoints; `call` reads a request, `openapi` describes the table.

mod agents;
mod assignment;
mod attention;
mod bans;
mod call;
mod canned_replies;
mod chats;
mod closed;
mod content_schemas;
mod docs;
mod endpoint;
mod event_schemas;
mod events;
mod files;
mod forms;
mod greetings;
mod groups;
mod objects;
mod openapi;
mod properties;
mod query;
mod schemas;
mod tickets;
mod track_schema;
mod updates;
mod visitors;

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use self::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::ClientIp;
use super::state::State;

/// Where all endpoints stand.
const PREFIX: &str = "/api/agent";

/// Every endpoint, in the order of the description.
fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    [
        chats::ENDPOINTS,
        events::ENDPOINTS,
        assignment::ENDPOINTS,
        properties::ENDPOINTS,
        attention::ENDPOINTS,
        agents::ENDPOINTS,
        visitors::ENDPOINTS,
        bans::ENDPOINTS,
        canned_replies::ENDPOINTS,
        updates::ENDPOINTS,
        files::ENDPOINTS,
        groups::ENDPOINTS,
        forms::ENDPOINTS,
        greetings::ENDPOINTS,
        tickets::ENDPOINTS,
    ]
    .into_iter()
    .flatten()
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    openapi::routes(cfg);
    docs::routes(cfg);
    cfg.service(
        web::scope(PREFIX)
            .configure(all_endpoints)
            .default_service(web::to(nothing_here)),
    );
}

/// One resource a path, with the methods it has.
fn all_endpoints(cfg: &mut ServiceConfig) {
    let mut paths: Vec<&'static str> = Vec::new();
    for endpoint in endpoints() {
        if !paths.contains(&endpoint.path) {
            paths.push(endpoint.path);
        }
    }
    for path in paths {
        let mut resource = web::resource(path).default_service(web::to(no_such_method));
        for endpoint in endpoints().filter(|endpoint| endpoint.path == path) {
            let serve =
                move |req: HttpRequest, payload: Payload, state: Data<State>, ip: ClientIp| {
                    call::serve(endpoint, req, payload, state, ip)
                };
            resource = resource.route(web::method(endpoint.verb.method()).to(serve));
        }
        cfg.service(resource);
    }
}

async fn no_such_method() -> Result<HttpResponse, ApiError> {
    let error = ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this method is not served here",
    );
    Err(error.naming_request())
}

async fn nothing_here() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("there is nothing at this address").naming_request())
}
