//! The engines: one `Tx` trait over SQLite (embedded, one writer) and PostgreSQL (several nodes).
//!
//! Drivers are named in this folder and nowhere else. What is stored, and the SQL for it, lives in `store`.

mod error;
mod tx;
mod value;

pub use error::{Error, Result};
pub use tx::{Dialect, Tx};
pub use value::{Row, Ty, Value};
