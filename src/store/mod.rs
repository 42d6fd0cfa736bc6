//! All SQL, one file a noun: plain synchronous functions over `&mut dyn Tx`. Knows `db` and `domain`, nothing above.

pub mod agent_connections;
pub mod agents;
pub mod api_keys;
pub mod attributes;
pub mod inbox_view;
pub mod jobs;
pub mod leases;
pub mod logins;
pub mod nodes;
pub mod one_time_tokens;
pub mod profile_view;
pub mod secrets;
pub mod settings;
pub mod setup;
pub mod sites;
pub mod timeline_view;
pub mod visitor_tokens;
pub mod visitor_view;
pub mod visitors;
