//! Ways in: tracking, the Customer Chat protocol, the dashboard, assets, health. A handler parses, makes one store call, renders.

mod api;
mod api_key;
pub mod assets;
pub mod attempts;
pub mod connected;
mod csp_report;
pub mod customer;
pub mod dashboard;
mod demo;
pub mod error;
pub mod extract;
pub(crate) mod files;
pub mod greetings;
pub mod guard;
mod health;
pub mod limit;
pub mod metrics;
mod new_event;
pub mod previews;
mod routes;
pub(crate) mod server;
pub mod sites;
pub mod state;
mod tickets;
mod track;
pub mod widget;
