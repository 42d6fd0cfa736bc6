//! `Tx` over a PostgreSQL connection: statements prepared once, values encoded by the type the server expects.

use std::collections::HashMap;
use std::fmt::Write as _;

use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::ToSql;
use postgres::{Client, Statement};

use super::text::rewrite;
use super::value::{Arg, PgRow};
use crate::db::error::{Error, Result};
use crate::db::shared::Shared;
use crate::db::tx::{Dialect, Tx};
use crate::db::value::{Row, Ty, Value};
use crate::db::watch;
use crate::domain::Hint;

/// Statements a connection keeps prepared; above it all are dropped, which only costs preparing them again.
const STATEMENTS: usize = 512;
/// Rows of one statement of [`Tx::insert_many`]: few sizes, so that few statements are prepared.
const ROWS: [usize; 3] = [64, 8, 1];

/// One connection and the statements it has prepared.
pub(super) struct Session {
    pub(super) client: Client,
    statements: HashMap<Box<str>, Statement>,
    keeps_statements: bool,
}

impl Session {
    pub(super) fn new(client: Client, keeps_statements: bool) -> Self {
        Self {
            client,
            statements: HashMap::new(),
            keeps_statements,
        }
    }

    /// Forgets what was prepared: always before the end of a transaction when statements are not kept, so that a
    /// pooler closes them on the server connection they belong to.
    pub(super) fn forget_statements(&mut self) {
        self.statements.clear();
    }

    pub(super) const fn keeps_statements(&self) -> bool {
        self.keeps_statements
    }

    fn statement(&mut self, sql: &str) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let (text, _) = rewrite(sql);
        let statement = self.client.prepare(&text)?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }
}

/// A transaction on PostgreSQL; begin and end are the worker's.
pub(super) struct PgTx<'s> {
    session: &'s mut Session,
    shared: &'s Shared,
    is_read: bool,
    failed: Option<Error>,
    hints: Vec<Hint>,
}

impl<'s> PgTx<'s> {
    pub(super) fn new(session: &'s mut Session, shared: &'s Shared, is_read: bool) -> Self {
        Self {
            session,
            shared,
            is_read,
            failed: None,
            hints: Vec::new(),
        }
    }

    /// Runs statements of the layer's own that take no arguments.
    pub(super) fn script(&mut self, sql: &str) -> Result<()> {
        let done = self.session.client.batch_execute(sql);
        done.map_err(|e| self.fail(&e))
    }

    /// The first failure, and the hints of the job.
    pub(super) fn finish(self) -> (Option<Error>, Vec<Hint>) {
        (self.failed, self.hints)
    }

    fn fail(&mut self, e: &postgres::Error) -> Error {
        let is_ours = self.is_read && e.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION);
        let error = if is_ours {
            // We asked for read-only ourselves: the job is wrong, not the server.
            Error::Db("a read cannot write".into())
        } else {
            meaning(e)
        };
        if is_stale(e) {
            self.session.forget_statements();
        }
        self.refuse(error.clone());
        error
    }

    fn refuse(&mut self, error: Error) {
        self.failed.get_or_insert(error);
    }

    fn prepared(&mut self, sql: &str, args: &[Value<'_>]) -> Result<Statement> {
        if self.failed.is_some() {
            return Err(Error::Poisoned);
        }
        watch::seen(Dialect::Postgres, sql);
        let statement = self.session.statement(sql).map_err(|e| self.fail(&e))?;
        if statement.params().len() == args.len() {
            return Ok(statement);
        }
        let error = Error::Db(format!(
            "{} arguments for {} placeholders: {sql}",
            args.len(),
            statement.params().len()
        ));
        self.refuse(error.clone());
        Err(error)
    }
}

impl Tx for PgTx<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn exec(&mut self, sql: &str, args: &[Value<'_>]) -> Result<u64> {
        let statement = self.prepared(sql, args)?;
        let args: Vec<Arg<'_>> = args.iter().copied().map(Arg).collect();
        let refs: Vec<&(dyn ToSql + Sync)> = args.iter().map(|arg| arg as _).collect();
        let changed = self.session.client.execute(&statement, &refs);
        changed.map_err(|e| self.fail(&e))
    }

    fn each(
        &mut self,
        sql: &str,
        args: &[Value<'_>],
        f: &mut dyn FnMut(&dyn Row) -> Result<()>,
    ) -> Result<()> {
        let statement = self.prepared(sql, args)?;
        let args = args.iter().copied().map(Arg);
        let outcome = match self.session.client.query_raw(&statement, args) {
            Ok(mut rows) => loop {
                match rows.next() {
                    Ok(Some(row)) => f(&PgRow(&row))?,
                    Ok(None) => break Ok(()),
                    Err(e) => break Err(e),
                }
            },
            Err(e) => Err(e),
        };
        outcome.map_err(|e| self.fail(&e))
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
        let head = watch::insert_head(table, cols);
        let mut changed = 0;
        let mut rest = vals;
        for rows in ROWS {
            let sql = format!("{head}{} {tail}", places(rows, cols.len()));
            while rest.len() >= rows * cols.len() {
                let (now, later) = rest.split_at(rows * cols.len());
                changed += self.exec(&sql, now)?;
                rest = later;
            }
        }
        Ok(changed)
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

/// `(?1, ?2), (?3, ?4)` for two rows of two columns.
fn places(rows: usize, cols: usize) -> String {
    let mut out = String::with_capacity(rows * cols * 7);
    for n in 0..rows * cols {
        let before = match (n, n % cols) {
            (0, _) => "(",
            (_, 0) => "), (",
            _ => ", ",
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "{before}?{}", n + 1);
    }
    out.push(')');
    out
}

/// What an error of the server or of the connection means for the caller.
pub(super) fn meaning(e: &postgres::Error) -> Error {
    let Some(said) = e.as_db_error() else {
        // An argument that does not fit its type comes back as an error with a source and an open connection.
        return if e.is_closed() || is_io(e) {
            Error::Unavailable("the connection to PostgreSQL was lost".into())
        } else {
            Error::Db(with_source(e))
        };
    };
    let text = said.message().to_owned();
    let code = said.code();
    if *code == SqlState::UNIQUE_VIOLATION {
        Error::Unique(said.constraint().map_or(text, ToOwned::to_owned))
    } else if *code == SqlState::T_R_SERIALIZATION_FAILURE
        || *code == SqlState::T_R_DEADLOCK_DETECTED
        || is_stale(e)
    {
        Error::Retry(text)
    } else if *code == SqlState::DISK_FULL {
        Error::DiskFull
    } else if *code == SqlState::IN_FAILED_SQL_TRANSACTION {
        Error::Poisoned
    } else if is_outage(code) {
        Error::Unavailable(text)
    } else {
        Error::Db(format!("{text} ({})", code.code()))
    }
}

/// The server is stopping, read-only, overloaded, or cut the statement: later may be better.
fn is_outage(code: &SqlState) -> bool {
    matches!(code.code().get(..2), Some("08" | "53" | "57"))
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::LOCK_NOT_AVAILABLE
}

/// A newer node changed a table under a prepared statement, which has to be prepared again.
fn is_stale(e: &postgres::Error) -> bool {
    e.as_db_error().is_some_and(|said| {
        *said.code() == SqlState::FEATURE_NOT_SUPPORTED && said.message().contains("cached plan")
    })
}

fn is_io(e: &postgres::Error) -> bool {
    use std::error::Error as _;
    e.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

fn with_source(e: &postgres::Error) -> String {
    use std::error::Error as _;
    e.source()
        .map_or_else(|| e.to_string(), |cause| format!("{e}: {cause}"))
}
