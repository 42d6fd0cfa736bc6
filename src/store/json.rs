//! JSON columns: written as text, read back into the type that was written.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::{Error, Result};

/// The text of a JSON column.
pub(super) fn write(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Db(format!("JSON to store: {error}")))
}

/// What a JSON column holds.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Db(format!("JSON as stored: {error}")))
}
