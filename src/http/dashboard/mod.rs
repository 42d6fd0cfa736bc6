//! The agents' dashboard: pages rendered by the server, one file a page, its askama struct on top.
//!
//! Pages work with plain forms; a socket adds life.

pub(crate) mod csrf;
pub(crate) mod face;
pub(crate) mod form;
pub(crate) mod inbox;
pub(crate) mod layout;
pub(crate) mod links;
pub mod password;
pub(crate) mod times;
