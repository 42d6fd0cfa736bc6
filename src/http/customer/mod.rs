//! The Customer Chat protocol: the token endpoint, the visitors' socket, its actions and pushes.
//!
//! A request is one JSON frame; it is parsed (`frame`, `fields`), dispatched (`actions`) and answered after its commit.
//! Stored changes reach the other connections through `live` and are drawn by `pushes`. `version` has what differs
//! between the versions of the protocol.

use actix_web::web::{self, ServiceConfig};

mod actions;
mod availability;
mod backlog;
mod caller;
pub(in crate::http) mod close;
mod connection;
mod cookies;
pub(crate) mod fields;
mod frame;
pub(crate) mod frame_guard;
pub(in crate::http) mod inbound;
pub(in crate::http) mod link;
mod login;
mod objects;
pub(in crate::http) mod pace;
mod profile;
mod pushes;
mod socket;
mod sockjs;
mod streams;
mod token;
mod updates;
mod version;
mod view;

pub use availability::Availability;
pub use pace::SocketTiming;
pub(in crate::http) use sockjs::{Sessions, is_long_poll};

/// Registers the socket and the token endpoint, each under any prefix: a stock client's host name may end in one.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.route(
        "/{prefix:(?:.+/)?}{version:v[0-9]{1,2}\\.[0-9]{1,2}}/customer/rtm/ws",
        web::get().to(socket::open),
    );
    sockjs::routes(cfg);
    cfg.route(
        "/{prefix:(?:.+/)?}customer/token",
        web::post().to(token::issue),
    );
}
