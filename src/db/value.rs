//! What goes into a statement and comes out of a row: four storage classes and NULL, the same on both engines.
//!
//! Text is UTF-8 without NUL, times are Unix milliseconds, booleans are 0 and 1. No driver type appears here.

use super::error::{Error, Result};
use crate::domain::ids;

/// One argument of a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// A 64-bit integer: ids, times in Unix milliseconds, counters, and booleans as 0 or 1.
    I64(i64),
    /// A 64-bit float.
    F64(f64),
    /// UTF-8 text; also JSON, which PostgreSQL receives as JSONB where the column says so.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

/// The storage class of a column in [`Tx::insert_many`](super::Tx::insert_many).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// 64-bit integer.
    I64,
    /// 64-bit float.
    F64,
    /// Text.
    Text,
    /// JSON, stored as text on SQLite and as JSONB on PostgreSQL.
    Json,
    /// Bytes.
    Blob,
}

impl From<i64> for Value<'_> {
    fn from(v: i64) -> Self {
        Self::I64(v)
    }
}

impl From<bool> for Value<'_> {
    fn from(v: bool) -> Self {
        Self::I64(i64::from(v))
    }
}

impl From<f64> for Value<'_> {
    fn from(v: f64) -> Self {
        Self::F64(v)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(v: &'a str) -> Self {
        Self::Text(v)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(v: &'a String) -> Self {
        Self::Text(v)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(v: &'a [u8]) -> Self {
        Self::Blob(v)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(v: &'a [u8; N]) -> Self {
        Self::Blob(v)
    }
}

macro_rules! ids {
    ($($name:ident),+ $(,)?) => {$(
        impl From<ids::$name> for Value<'_> {
            fn from(id: ids::$name) -> Self {
                Self::I64(id.0)
            }
        }
    )+};
}

ids!(
    SiteId,
    VisitorId,
    BrowserId,
    TokenId,
    SessionId,
    ActivityId,
    ChatId,
    ThreadId,
    EventId,
    AgentId,
    GroupId,
    LoginId,
    ApiKeyId,
    MergeId,
    FileId,
    GreetingId,
    InvitationId,
    FormId,
    TicketId,
    CannedReplyId,
    BanId,
);

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}

/// One row of a result, read by column number from 0.
///
/// A JSON column reads as text on both engines.
pub trait Row {
    /// The integer at `n`, or `None` where it is NULL.
    ///
    /// # Errors
    /// [`Error::Db`] if the column is not an integer.
    fn opt_i64(&self, n: usize) -> Result<Option<i64>>;

    /// The float at `n`, or `None` where it is NULL.
    ///
    /// # Errors
    /// [`Error::Db`] if the column is not a number.
    fn opt_f64(&self, n: usize) -> Result<Option<f64>>;

    /// The text at `n`, or `None` where it is NULL.
    ///
    /// # Errors
    /// [`Error::Db`] if the column is neither text nor JSON.
    fn opt_text(&self, n: usize) -> Result<Option<String>>;

    /// The bytes at `n`, or `None` where it is NULL.
    ///
    /// # Errors
    /// [`Error::Db`] if the column is not binary.
    fn opt_blob(&self, n: usize) -> Result<Option<Vec<u8>>>;

    /// The integer at `n`.
    ///
    /// # Errors
    /// [`Error::Db`] if it is NULL or not an integer.
    fn i64(&self, n: usize) -> Result<i64> {
        self.opt_i64(n)?.ok_or_else(|| Error::null_column(n))
    }

    /// The float at `n`.
    ///
    /// # Errors
    /// [`Error::Db`] if it is NULL or not a number.
    fn f64(&self, n: usize) -> Result<f64> {
        self.opt_f64(n)?.ok_or_else(|| Error::null_column(n))
    }

    /// The text at `n`.
    ///
    /// # Errors
    /// [`Error::Db`] if it is NULL or not text.
    fn text(&self, n: usize) -> Result<String> {
        self.opt_text(n)?.ok_or_else(|| Error::null_column(n))
    }

    /// The bytes at `n`.
    ///
    /// # Errors
    /// [`Error::Db`] if it is NULL or not binary.
    fn blob(&self, n: usize) -> Result<Vec<u8>> {
        self.opt_blob(n)?.ok_or_else(|| Error::null_column(n))
    }

    /// The 0 or 1 at `n` as a boolean.
    ///
    /// # Errors
    /// [`Error::Db`] if it is NULL or not an integer.
    fn bool(&self, n: usize) -> Result<bool> {
        Ok(self.i64(n)? != 0)
    }
}
