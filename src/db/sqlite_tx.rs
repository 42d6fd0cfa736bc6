//! `Tx` over a SQLite connection: statements from the connection's cache, and a transaction that a failure poisons.

use std::fmt::Write as _;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use super::error::{Error, Result};
use super::shared::Shared;
use super::sqlite::{Trouble, meaning};
use super::tx::{Dialect, Tx};
use super::value::{Row, Ty, Value};
use super::watch;
use crate::domain::Hint;

/// Whether a job is parted from others of its batch by a savepoint, which is set before its first write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Savepoint {
    /// None: if the job fails after a write, the whole transaction is rolled back.
    Needless,
    /// It will be set before the first statement that writes.
    Wanted,
    /// It is set.
    Set,
}

/// A transaction on SQLite; the writer uses one for a whole batch, job after job.
pub(super) struct SqliteTx<'c> {
    conn: &'c Connection,
    shared: &'c Shared,
    is_read: bool,
    savepoint: Savepoint,
    /// Whether the running job has begun to write.
    has_written: bool,
    /// The first failure of the running job: nothing of it is kept.
    failed: Option<Error>,
    /// What the writer has to act upon.
    trouble: Option<Trouble>,
    hints: Vec<Hint>,
    /// Hints of earlier jobs of the batch.
    kept_hints: usize,
    /// Text and blob bytes bound since the batch began.
    bytes: usize,
}

impl<'c> SqliteTx<'c> {
    pub(super) fn read(conn: &'c Connection, shared: &'c Shared) -> Self {
        Self::new(conn, shared, true)
    }

    pub(super) fn write(conn: &'c Connection, shared: &'c Shared) -> Self {
        Self::new(conn, shared, false)
    }

    fn new(conn: &'c Connection, shared: &'c Shared, is_read: bool) -> Self {
        Self {
            conn,
            shared,
            is_read,
            savepoint: Savepoint::Needless,
            has_written: false,
            failed: None,
            trouble: None,
            hints: Vec::new(),
            kept_hints: 0,
            bytes: 0,
        }
    }

    /// Begins the next job of the batch.
    pub(super) fn begin_job(&mut self, savepoint: Savepoint) {
        self.savepoint = savepoint;
        self.has_written = false;
        self.failed = None;
        self.kept_hints = self.hints.len();
    }

    /// Ends a job that said `outcome`: keeps its change, or takes it and its hints back.
    pub(super) fn end_job(&mut self, outcome: Result<()>) -> Result<()> {
        let outcome = verdict(outcome, self.failed.take());
        if outcome.is_err() {
            self.hints.truncate(self.kept_hints);
        }
        if self.savepoint == Savepoint::Set && !self.conn.is_autocommit() {
            if outcome.is_err() {
                self.bare("rollback to job")?;
            }
            self.bare("release job")?;
        }
        outcome
    }

    pub(super) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    pub(super) fn take_hints(&mut self) -> Vec<Hint> {
        std::mem::take(&mut self.hints)
    }

    /// Whether the job that ran last has begun to write.
    pub(super) const fn has_written(&self) -> bool {
        self.has_written
    }

    /// Takes back all that the batch did so far, and begins it anew.
    pub(super) fn start_over(&mut self) -> Result<()> {
        self.hints.clear();
        self.bytes = 0;
        self.bare("rollback")?;
        self.bare("begin immediate")
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Runs one of the layer's own statements.
    pub(super) fn bare(&mut self, sql: &str) -> Result<()> {
        let done = self
            .conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.raw_execute());
        done.map(drop).map_err(|e| self.fail(&e))
    }

    /// Rolls the whole transaction back where SQLite has not done so itself.
    pub(super) fn roll_back_if_open(&mut self) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.bare("rollback")
        {
            tracing::error!(%error, "a rollback failed");
        }
    }

    fn fail(&mut self, e: &rusqlite::Error) -> Error {
        let (error, trouble) = meaning(e);
        self.refuse(error.clone());
        self.trouble = self.trouble.take().or(trouble);
        error
    }

    fn refuse(&mut self, error: Error) {
        self.failed.get_or_insert(error);
    }

    /// A statement with its arguments bound, the job's savepoint set before it if it writes.
    fn bound(&mut self, sql: &str, args: &[Value<'_>]) -> Result<CachedStatement<'c>> {
        if self.failed.is_some() {
            return Err(Error::Poisoned);
        }
        watch::seen(Dialect::Sqlite, sql);
        let conn = self.conn;
        let mut statement = conn.prepare_cached(sql).map_err(|e| self.fail(&e))?;
        if statement.parameter_count() != args.len() {
            let error = Error::Db(format!(
                "{} arguments for {} placeholders: {sql}",
                args.len(),
                statement.parameter_count()
            ));
            self.refuse(error.clone());
            return Err(error);
        }
        self.bind(&mut statement, args).map_err(|e| self.fail(&e))?;
        if !self.has_written && !statement.readonly() {
            if self.savepoint == Savepoint::Wanted {
                self.bare("savepoint job")?;
                self.savepoint = Savepoint::Set;
            }
            self.has_written = true;
        }
        Ok(statement)
    }

    fn bind(
        &mut self,
        statement: &mut CachedStatement<'_>,
        args: &[Value<'_>],
    ) -> rusqlite::Result<()> {
        for (n, arg) in args.iter().enumerate() {
            self.bytes += match arg {
                Value::Text(text) => text.len(),
                Value::Blob(blob) => blob.len(),
                Value::Null | Value::I64(_) | Value::F64(_) => 8,
            };
            statement.raw_bind_parameter(n + 1, Bound(arg))?;
        }
        Ok(())
    }
}

/// What becomes of a job: a failed statement undoes it even where its closure went on as if nothing had happened.
pub(super) fn verdict(outcome: Result<()>, failed: Option<Error>) -> Result<()> {
    match (outcome, failed) {
        (outcome, None) => outcome,
        (Err(Error::Poisoned), Some(first)) => Err(first),
        (Err(error), Some(_)) => Err(error),
        (Ok(()), Some(first)) if first.is_retryable() => Err(first),
        (Ok(()), Some(_)) => Err(Error::Poisoned),
    }
}

impl Tx for SqliteTx<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn exec(&mut self, sql: &str, args: &[Value<'_>]) -> Result<u64> {
        let mut statement = self.bound(sql, args)?;
        let changed = statement.raw_execute().map_err(|e| self.fail(&e))?;
        Ok(changed as u64)
    }

    fn each(
        &mut self,
        sql: &str,
        args: &[Value<'_>],
        f: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.bound(sql, args)?;
        let mut rows = statement.raw_query();
        loop {
            match rows.next() {
                Ok(Some(row)) => f(&SqliteRow(row))?,
                Ok(None) => return Ok(()),
                Err(e) => return Err(self.fail(&e)),
            }
        }
    }

    fn insert_many(
        &mut self,
        table: &str,
        cols: &[(&str, Ty)],
        vals: &[Value<'_>],
        tail: &str,
    ) -> Result<u64> {
        if cols.is_empty() || !vals.len().is_multiple_of(cols.len()) {
            let error = Error::Db(format!("{table}: not a whole number of rows"));
            self.refuse(error.clone());
            return Err(error);
        }
        let mut sql = watch::insert_head(table, cols);
        for n in 1..=cols.len() {
            let before = if n == 1 { "(" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(sql, "{before}?{n}");
        }
        sql.push_str(") ");
        sql.push_str(tail);
        let mut rows = vals.chunks_exact(cols.len());
        let Some(first) = rows.next() else {
            return Ok(0);
        };
        let mut statement = self.bound(&sql, first)?;
        let mut changed = statement.raw_execute().map_err(|e| self.fail(&e))?;
        for row in rows {
            self.bind(&mut statement, row).map_err(|e| self.fail(&e))?;
            changed += statement.raw_execute().map_err(|e| self.fail(&e))?;
        }
        Ok(changed as u64)
    }

    fn emit(&mut self, hint: Hint) -> Result<()> {
        if self.is_read {
            return Err(Error::Db("a read emits no hints".into()));
        }
        self.hints.push(hint);
        Ok(())
    }

    fn new_id(&mut self, now: i64) -> i64 {
        match self.shared.new_id(now) {
            Ok(id) => id,
            Err(error) => {
                self.refuse(error);
                0
            }
        }
    }
}

struct Bound<'a>(&'a Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self.0 {
            Value::Null => ValueRef::Null,
            Value::I64(n) => ValueRef::Integer(n),
            Value::F64(n) => ValueRef::Real(n),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

struct SqliteRow<'a>(&'a rusqlite::Row<'a>);

impl SqliteRow<'_> {
    fn at(&self, n: usize) -> Result<ValueRef<'_>> {
        self.0
            .get_ref(n)
            .map_err(|_| Error::Db(format!("the query has no column {n}")))
    }
}

fn mistyped(n: usize, wanted: &str, found: ValueRef<'_>) -> Error {
    Error::Db(format!("column {n} is {}, not {wanted}", found.data_type()))
}

impl Row for SqliteRow<'_> {
    fn opt_i64(&self, n: usize) -> Result<Option<i64>> {
        match self.at(n)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(v) => Ok(Some(v)),
            other @ (ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_)) => {
                Err(mistyped(n, "an integer", other))
            }
        }
    }

    fn opt_f64(&self, n: usize) -> Result<Option<f64>> {
        match self.at(n)? {
            ValueRef::Null => Ok(None),
            ValueRef::Real(v) => Ok(Some(v)),
            #[expect(
                clippy::cast_precision_loss,
                reason = "the caller asked for a float of an integer column"
            )]
            ValueRef::Integer(v) => Ok(Some(v as f64)),
            other @ (ValueRef::Text(_) | ValueRef::Blob(_)) => Err(mistyped(n, "a number", other)),
        }
    }

    fn opt_text(&self, n: usize) -> Result<Option<String>> {
        match self.at(n)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(text) => std::str::from_utf8(text)
                .map(|text| Some(text.to_owned()))
                .map_err(|_| Error::Db(format!("column {n} is not UTF-8"))),
            other @ (ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_)) => {
                Err(mistyped(n, "text", other))
            }
        }
    }

    fn opt_blob(&self, n: usize) -> Result<Option<Vec<u8>>> {
        match self.at(n)? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(blob) => Ok(Some(blob.to_vec())),
            other @ (ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_)) => {
                Err(mistyped(n, "bytes", other))
            }
        }
    }
}
