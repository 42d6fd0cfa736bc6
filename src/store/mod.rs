//! All SQL, one file a noun: plain synchronous functions over `&mut dyn Tx`. Knows `db` and `domain`, nothing above.

pub mod agent_connections;
pub mod agents;
pub mod attributes;
pub mod inbox_view;
pub mod logins;
pub mod one_time_tokens;
pub mod profile_view;
pub mod setup;
pub mod sites;
pub mod timeline_view;
pub mod visitor_tokens;
pub mod visitor_view;
pub mod visitors;
