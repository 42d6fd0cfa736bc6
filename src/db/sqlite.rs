//! SQLite connections: how they are opened, what SQL they know beyond SQLite's own, and what their errors mean.

use std::cell::Cell;
use std::cmp::Ordering;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Owned, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::error::{Error, Result};

/// The first version whose write-ahead log cannot be corrupted by two connections resetting it at once.
const OLDEST_VERSION: i32 = 3_051_003;
/// Statements kept prepared on the writer.
const WRITER_STATEMENTS: usize = 256;
/// Statements kept prepared on each reader.
const READER_STATEMENTS: usize = 128;
/// Virtual machine steps between two looks at the clock of a read.
const STEPS_BETWEEN_LOOKS: i32 = 20_000;

/// How long a connection waits for a lock; only another program could hold one.
pub(super) const BUSY: Duration = Duration::from_secs(5);

const EACH_CONNECTION: &str = "
    pragma busy_timeout = 5000;
    pragma foreign_keys = on;
    pragma temp_store = memory;
    pragma trusted_schema = off;
";

const WRITER: &str = "
    pragma synchronous = full;
    pragma wal_autocheckpoint = 0;
    pragma journal_size_limit = 67108864;
    pragma secure_delete = on;
    pragma cache_size = -16384;
";

const READER: &str = "
    pragma query_only = on;
    pragma cache_size = -4096;
";

/// Why a writer cannot go on as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No room on the disk.
    Full,
    /// An I/O error or a damaged file: nobody knows what is on disk.
    Broken(String),
}

/// Refuses a SQLite that is known to corrupt files.
pub(super) fn check_version() -> Result<()> {
    let version = rusqlite::version_number();
    if version >= OLDEST_VERSION {
        return Ok(());
    }
    Err(Error::Db(format!(
        "SQLite {} can corrupt a database in WAL mode; Parlor needs 3.51.3 or newer",
        rusqlite::version()
    )))
}

/// The one connection that writes.
pub(super) fn open_writer(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags).map_err(|e| opening(file, &e))?;
    conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
        .map_err(|e| opening(file, &e))?;
    prepare(&conn, WRITER).map_err(|e| opening(file, &e))?;
    conn.set_prepared_statement_cache_capacity(WRITER_STATEMENTS);
    Ok(conn)
}

/// A reading connection outside of the pool.
pub(super) fn open_reader(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags).map_err(|e| opening(file, &e))?;
    init_reader(&conn).map_err(|e| opening(file, &e))?;
    Ok(conn)
}

/// SQLite's own look at the whole file.
pub(super) fn quick_check(conn: &Connection) -> Result<()> {
    let said: String = conn
        .query_row("pragma quick_check(1)", [], |row| row.get(0))
        .map_err(|e| error(&e))?;
    if said == "ok" {
        return Ok(());
    }
    Err(Error::Unavailable(format!(
        "the database is damaged, restore a backup: {said}"
    )))
}

/// What is done to every reading connection; see [`set_deadline`].
pub(super) fn init_reader(conn: &Connection) -> rusqlite::Result<()> {
    prepare(conn, READER)?;
    conn.set_prepared_statement_cache_capacity(READER_STATEMENTS);
    conn.progress_handler(STEPS_BETWEEN_LOOKS, Some(has_passed))
}

fn prepare(conn: &Connection, pragmas: &str) -> rusqlite::Result<()> {
    conn.execute_batch(EACH_CONNECTION)?;
    conn.execute_batch(pragmas)?;
    // PostgreSQL's words, so that one text serves both.
    add_choice(conn, "greatest", Ordering::Greater)?;
    add_choice(conn, "least", Ordering::Less)
}

fn opening(file: &Path, e: &rusqlite::Error) -> Error {
    Error::Unavailable(format!("cannot open {}: {e}", file.display()))
}

thread_local! {
    /// When the read that runs on this thread is cut.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Sets when the reads of this thread are cut.
pub(super) fn set_deadline(at: Option<Instant>) {
    DEADLINE.set(at);
}

fn has_passed() -> bool {
    DEADLINE.get().is_some_and(|at| Instant::now() >= at)
}

/// `greatest` and `least` as PostgreSQL has them: NULLs are passed over.
fn add_choice(conn: &Connection, name: &'static str, wanted: Ordering) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_scalar_function(name, -1, flags, move |args: &Context<'_>| {
        let mut best = ValueRef::Null;
        for n in 0..args.len() {
            let next = args.get_raw(n);
            let takes = match (best, next) {
                (_, ValueRef::Null) => false,
                (ValueRef::Null, _) => true,
                _ => compare(next, best) == Some(wanted),
            };
            if takes {
                best = next;
            }
        }
        Owned::try_from(best).map_err(|e| rusqlite::Error::UserFunctionError(Box::new(e)))
    })
}

fn compare(a: ValueRef<'_>, b: ValueRef<'_>) -> Option<Ordering> {
    match (a, b) {
        (ValueRef::Integer(a), ValueRef::Integer(b)) => Some(a.cmp(&b)),
        (ValueRef::Text(a), ValueRef::Text(b)) | (ValueRef::Blob(a), ValueRef::Blob(b)) => {
            Some(a.cmp(b))
        }
        _ => number(a)?.partial_cmp(&number(b)?),
    }
}

fn number(v: ValueRef<'_>) -> Option<f64> {
    match v {
        #[expect(
            clippy::cast_precision_loss,
            reason = "only mixed integers and floats come here, as on PostgreSQL"
        )]
        ValueRef::Integer(n) => Some(n as f64),
        ValueRef::Real(n) => Some(n),
        ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
    }
}

/// What an error means for the caller, and for the writer.
pub(super) fn meaning(e: &rusqlite::Error) -> (Error, Option<Trouble>) {
    let text = e.to_string();
    let extended = e.sqlite_error().map_or(0, |e| e.extended_code);
    let Some(code) = e.sqlite_error_code() else {
        return (Error::Db(text), None);
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not listed is an error of the statement"
    )]
    match code {
        ErrorCode::ConstraintViolation
            if matches!(
                extended,
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            ) =>
        {
            (Error::Unique(text), None)
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (Error::Retry(text), None),
        ErrorCode::DiskFull => (Error::DiskFull, Some(Trouble::Full)),
        // The index of the log could not grow: no room is the one reason for that.
        ErrorCode::SystemIoFailure if extended == ffi::SQLITE_IOERR_SHMSIZE => {
            (Error::DiskFull, Some(Trouble::Full))
        }
        ErrorCode::OperationInterrupted => (
            Error::Unavailable("the read took too long and was cut".into()),
            None,
        ),
        ErrorCode::SystemIoFailure if extended != ffi::SQLITE_IOERR_NOMEM => (
            Error::Unavailable(text.clone()),
            Some(Trouble::Broken(text)),
        ),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => (
            Error::Unavailable(text.clone()),
            Some(Trouble::Broken(text)),
        ),
        _ => (Error::Db(text), None),
    }
}

/// [`meaning`] where only the caller's half matters.
pub(super) fn error(e: &rusqlite::Error) -> Error {
    meaning(e).0
}
