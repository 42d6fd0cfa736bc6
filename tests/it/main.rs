//! All integration tests, one binary: a line for each topic.
#![expect(
    clippy::expect_used,
    reason = "helpers of tests say what they expected"
)]
#![expect(
    unreachable_pub,
    reason = "one binary: `pub` means for the other topics"
)]

mod support;

mod db_open;
mod lint;
