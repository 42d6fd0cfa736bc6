//! All integration tests, one binary: a line for each topic.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a helper of tests that fails ends the test"
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever a test did not expect fails it"
)]
#![expect(
    unreachable_pub,
    reason = "one binary: `pub` means for the other topics"
)]

mod support;

mod addresses;
mod allocator;
mod api;
mod auth;
mod auth_browser;
mod auth_sockets;
mod auth_store;
mod bans;
mod chat_store;
mod chat_store_changes;
mod chat_store_edits;
mod chat_store_events;
mod chat_store_races;
mod chat_store_threads;
mod crash;
mod customer;
mod dashboard_actions;
mod dashboard_bans;
mod dashboard_entries;
mod dashboard_live;
mod dashboard_pages;
mod dashboard_room;
mod db_faults;
mod db_migrate;
mod db_open;
mod db_postgres;
mod db_values;
mod db_writer;
mod disk_full;
mod embedding;
mod erasure;
mod files;
mod form_pages;
mod form_store;
mod form_wire;
mod greetings_store;
mod guard;
mod lint;
mod live;
mod live_reader;
mod logs;
mod previews;
mod program;
mod program_postgres;
mod races;
mod routing;
mod scheduler;
mod sdk_files;
mod settings;
mod setup;
mod shutdown;
mod ticket_http;
mod ticket_store;
mod track_cost;
mod track_greetings;
mod track_guard;
mod track_http;
mod track_identity;
mod track_merges;
mod track_server;
mod track_store;
mod track_world;
