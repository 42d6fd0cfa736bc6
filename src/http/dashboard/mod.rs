//! The agents' dashboard: pages rendered by the server, one file a page, its askama struct on top.
//!
//! Pages work with plain forms; a socket adds life.

pub(crate) mod access_link;
pub(crate) mod attaching;
pub(crate) mod ban;
pub(crate) mod beside;
pub(crate) mod beside_chat;
pub(crate) mod chat_head;
pub(crate) mod chats;
pub(crate) mod conversation;
pub(crate) mod csrf;
pub(crate) mod cursor;
pub(crate) mod editing;
mod entry;
pub(crate) mod face;
pub(crate) mod form;
pub(crate) mod greeting;
pub(crate) mod handover;
pub(crate) mod inbox;
pub(crate) mod layout;
pub(crate) mod links;
pub(crate) mod live;
pub(crate) mod login;
pub(crate) mod page;
pub mod password;
pub(crate) mod profile;
pub(crate) mod quick_replies;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod status;
pub(crate) mod ticket;
pub(crate) mod tickets;
pub(crate) mod timeline;
pub(crate) mod times;
pub(crate) mod upload;
pub(crate) mod visitors;
pub(crate) mod welcome;
pub(crate) mod writing;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};

use crate::http::error::ApiError;

/// Registers all pages. It answers every path below the base path that nobody else has, so it comes last.
///
/// The CSRF rule goes round all of it: a route that takes the login cookie cannot be registered elsewhere.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::scope("")
            .wrap(from_fn(csrf::guard))
            .wrap(from_fn(page::dress_errors))
            .configure(pages)
            .default_service(web::to(nothing_here)),
    );
}

fn pages(cfg: &mut ServiceConfig) {
    session::routes(cfg);
    login::routes(cfg);
    setup::routes(cfg);
    access_link::routes(cfg);
    welcome::routes(cfg);
    status::routes(cfg);
    upload::routes(cfg);
    handover::routes(cfg);
    attaching::routes(cfg);
    quick_replies::routes(cfg);
    editing::routes(cfg);
    chats::routes(cfg);
    live::routes(cfg);
    visitors::routes(cfg);
    tickets::routes(cfg);
    ticket::routes(cfg);
    ban::routes(cfg);
    profile::routes(cfg);
    settings::routes(cfg);
}

async fn nothing_here() -> Result<actix_web::HttpResponse, ApiError> {
    Err(ApiError::not_found("there is nothing at this address"))
}
