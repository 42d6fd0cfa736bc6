//! The Customer Chat protocol: the token endpoint, the visitors' socket, its actions and pushes.
//!
//! A request is one JSON frame; it is parsed (`frame`, `fields`), dispatched (`actions`) and answered after its commit.
//! Stored changes reach the other connections through `live` and are rendered by `pushes`.

mod close;
mod cookies;
mod fields;
mod frame;
pub(crate) mod frame_guard;
mod link;
mod objects;
mod pace;
mod version;
