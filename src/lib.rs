//! Parlor: live chat and visitor tracking for any website, in one executable.
//!
//! The layers, each using only those below it: `app` (composition root) → `http`, `scheduler` → `live` → `store` → `db`;
//! `domain` holds types and rules and is used by everyone. `docs/architecture.md` has the map.

pub mod app;
pub mod blobs;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod db;
pub mod domain;
pub mod error;
pub mod http;
pub mod live;
pub mod scheduler;
pub mod store;
pub mod token;

pub use app::App;
pub use config::Config;
