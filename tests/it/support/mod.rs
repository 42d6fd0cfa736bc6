//! What tests share: databases on both engines, a clock that tests turn, hints that were published.

pub mod engines;
pub mod lint;

pub use engines::{Fresh, each_engine, each_fresh};
