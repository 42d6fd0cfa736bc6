//! All SQL, one file a noun: plain synchronous functions over `&mut dyn Tx`. Knows `db` and `domain`, nothing above.

pub mod activities;
pub mod agent_connections;
pub mod agents;
pub mod api_keys;
pub mod attributes;
pub mod batches;
mod identify;
pub mod inbox_view;
pub mod jobs;
pub mod leases;
pub mod logins;
pub mod merges;
pub mod nodes;
pub mod one_time_tokens;
mod presence;
pub mod profile_view;
pub mod retention;
pub mod secrets;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod sites;
pub mod timeline_view;
pub mod visitor_tokens;
pub mod visitor_view;
pub mod visitors;
