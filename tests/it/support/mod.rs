//! What tests share: databases on both engines, the lint of SQL, a writer that is held still.
//!
//! A test that opens a database by itself calls [`lint::watch`] first.

pub mod engines;
pub mod held;
pub mod house;
pub mod lint;
pub mod program;

pub use engines::{Fresh, each_engine, each_fresh};
pub use held::{Held, until};
pub use lint::ON_PURPOSE;
