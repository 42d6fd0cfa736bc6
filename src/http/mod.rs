//! Ways in: tracking, the Customer Chat protocol, the dashboard, assets, health. A handler parses, makes one store call, renders.

pub mod attempts;
pub mod customer;
pub mod dashboard;
pub mod error;
pub mod extract;
mod health;
pub mod limit;
mod routes;
pub(crate) mod server;
pub mod state;
