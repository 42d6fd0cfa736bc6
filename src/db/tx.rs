//! The transaction that store functions see: statements, app-made ids, and hints that leave after commit.

use super::error::{Error, Result};
use super::value::{Row, Ty, Value};
use crate::domain::Hint;

/// The few fragments in which the engines differ; SQL text takes them from here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded, one writer.
    Sqlite,
    /// Server, many writers.
    Postgres,
}

impl Dialect {
    /// ` FOR UPDATE` on PostgreSQL, nothing on SQLite.
    #[must_use]
    pub const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for update",
        }
    }

    /// ` FOR SHARE` on PostgreSQL, nothing on SQLite.
    #[must_use]
    pub const fn for_share(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for share",
        }
    }

    /// ` FOR UPDATE SKIP LOCKED` on PostgreSQL, nothing on SQLite.
    #[must_use]
    pub const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " for update skip locked",
        }
    }

    /// The server's clock in Unix milliseconds, for leases only; all other time is passed in.
    #[must_use]
    pub const fn now_ms(self) -> &'static str {
        match self {
            Self::Sqlite => "cast((julianday('now') - 2440587.5) * 86400000 as bigint)",
            Self::Postgres => "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)",
        }
    }
}

/// A transaction. Store functions take `&mut dyn Tx`, are plain and synchronous, and may run twice.
///
/// SQL follows one text for both engines: placeholders `?1`…`?n`, casts spelled out, no engine's own words.
/// A failed statement poisons the transaction on both engines.
pub trait Tx {
    /// Which engine this is, for the fragments of [`Dialect`].
    fn dialect(&self) -> Dialect;

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    /// Any [`Error`]; afterwards the transaction is poisoned.
    fn exec(&mut self, sql: &str, args: &[Value<'_>]) -> Result<u64>;

    /// Runs a query and calls `f` for each row.
    ///
    /// # Errors
    /// Any [`Error`], the callback's own included.
    fn each(
        &mut self,
        sql: &str,
        args: &[Value<'_>],
        f: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()>;

    /// Inserts many rows; `vals` holds them one after the other, `tail` is an `on conflict` clause or empty.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Db`] if `vals` is not a whole number of rows.
    fn insert_many(
        &mut self,
        table: &str,
        cols: &[(&str, Ty)],
        vals: &[Value<'_>],
        tail: &str,
    ) -> Result<u64>;

    /// Queues a hint, which leaves only after COMMIT.
    ///
    /// # Errors
    /// [`Error::Db`] in a read transaction.
    fn emit(&mut self, hint: Hint) -> Result<()>;

    /// A new id, sorted by time: 41 bits of ms, 10 bits of node, 12 bits of counter.
    fn new_id(&mut self, now: i64) -> i64;
}

impl dyn Tx + '_ {
    /// All rows of a query, each mapped by `f`.
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn all<T>(
        &mut self,
        sql: &str,
        args: &[Value<'_>],
        f: impl Fn(&dyn Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut out = Vec::new();
        self.each(sql, args, &mut |row| {
            out.push(f(row)?);
            Ok(())
        })?;
        Ok(out)
    }

    /// The first row of a query, or `None`.
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn opt<T>(
        &mut self,
        sql: &str,
        args: &[Value<'_>],
        f: impl Fn(&dyn Row) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut out = None;
        self.each(sql, args, &mut |row| {
            if out.is_none() {
                out = Some(f(row)?);
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// The first row of a query.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, or any other [`Error`].
    pub fn one<T>(
        &mut self,
        sql: &str,
        args: &[Value<'_>],
        f: impl Fn(&dyn Row) -> Result<T>,
    ) -> Result<T> {
        self.opt(sql, args, f)?.ok_or(Error::NotFound)
    }

    /// The integer in the first column of the first row.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no row, or any other [`Error`].
    pub fn int(&mut self, sql: &str, args: &[Value<'_>]) -> Result<i64> {
        self.one(sql, args, |row| row.i64(0))
    }
}
