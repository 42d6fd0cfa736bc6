//! The Customer Chat protocol: the token endpoint, the visitors' socket, its actions and pushes.
//!
//! A request is one JSON frame; it is parsed (`frame`, `fields`), dispatched (`actions`) and answered after its commit.
//! Stored changes reach the other connections through `live` and are drawn by `pushes`. `version` has what differs
//! between the versions of the protocol.

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};

mod actions;
mod availability;
mod backlog;
pub(in crate::http) mod bearer;
pub(in crate::http) mod caller;
pub(in crate::http) mod close;
mod connection;
mod cookies;
pub(crate) mod fields;
mod frame;
pub(crate) mod frame_guard;
mod goals;
mod greetings;
mod identity;
pub(in crate::http) mod inbound;
pub(in crate::http) mod link;
mod login;
pub(in crate::http) mod objects;
pub(in crate::http) mod pace;
mod profile;
mod pushes;
mod sdk_token;
mod socket;
mod sockjs;
mod streams;
mod subscription;
mod token;
mod token_page;
mod updates;
mod upload;
mod version;
mod view;

pub use availability::Availability;
pub use pace::SocketTiming;
pub(in crate::http) use sockjs::{Sessions, is_long_poll};

/// What a stock client's host name may end in, since the rest of it is ours: it comes as the start of the path.
///
/// Clients that are started with another environment splice it into their host names, and `chat.example/x` makes
/// `https://api.chat.example/x.livechatinc.com/v3.2/…` of them.
pub(in crate::http) const ANY_PREFIX: &str = "{prefix:(?:.+/)?}";

/// A version in a path, known or not: an unknown one is told so on an open socket.
const VERSION: &str = "{version:v[0-9]{1,2}\\.[0-9]{1,2}}";

/// The path of an action that is called and not sent over the socket, under any prefix and version.
pub(in crate::http) fn action_path(name: &str) -> String {
    format!("/{ANY_PREFIX}{VERSION}/customer/action/{name}")
}

/// Registers the sockets, the token endpoints and what else stock clients call, each under any prefix.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    let base = format!("/{ANY_PREFIX}{VERSION}/customer/rtm");
    cfg.route(&format!("{base}/ws"), web::get().to(socket::open));
    sockjs::routes(cfg, &format!("{base}/sjs"));
    cfg.service(
        web::resource(action_path("check_goals"))
            .post(goals::check)
            .route(web::method(Method::OPTIONS).to(bearer::preflight)),
    );
    cfg.service(
        web::resource(action_path("upload_file"))
            .post(upload::upload_file)
            .route(web::method(Method::OPTIONS).to(bearer::preflight)),
    );
    // Identities by group first: the shortest path fits the others too.
    let group = "{group:[0-9]{1,9}}";
    for path in [
        format!("/{ANY_PREFIX}customer/{{organization:[0-9A-Fa-f-]{{36}}}}/{group}/token"),
        format!("/{ANY_PREFIX}licence/g{{license:[0-9]{{1,18}}}}_{group}/customer/token"),
        format!("/{ANY_PREFIX}customer/token"),
    ] {
        let resource = web::resource(path).post(token::issue).get(token_page::show);
        cfg.service(resource.route(web::method(Method::OPTIONS).to(bearer::preflight)));
    }
    for path in [
        format!("/{ANY_PREFIX}licence/g{{license:[0-9]{{1,18}}}}_{group}/customer"),
        format!("/{ANY_PREFIX}customer"),
    ] {
        cfg.service(web::resource(path).get(token_page::show));
    }
    cfg.route(
        "/{prefix:(?:.+\\.livechatinc\\.com/)?}logs",
        web::get().to(goals::log),
    );
    cfg.route("/sdk/token", web::post().to(sdk_token::issue));
}
