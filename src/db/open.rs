//! Opening a database: lock, connect, migrate, start the threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::error::{Error, Result};
use super::folder::Folder;
use super::lanes::{CHAT_CAPACITY, Lanes, READ_CAPACITY, TRACKING_CAPACITY};
use super::migrate::{self, Ground, MIGRATIONS, Scripted};
use super::options::{DbOptions, Place};
use super::reader::Reader;
use super::shared::{Publish, Shared};
use super::sqlite_tx::{Savepoint, SqliteTx};
use super::tx::{Dialect, Tx};
use super::writer::Writer;
use super::{Db, Inner, postgres, sqlite};
use crate::clock::Clock;

/// The largest file that is checked before anything is served, after a process that did not end cleanly: some 50 ms.
const CHECKED_AT_START_BYTES: u64 = 16 << 20;

/// What the threads of one database have in common.
pub(super) struct Parts {
    pub(super) writes: Arc<Lanes>,
    pub(super) reads: Arc<Lanes>,
    pub(super) shared: Arc<Shared>,
    pub(super) threads: Vec<JoinHandle<()>>,
}

impl Db {
    /// Opens the database, brings its schema up to date, and starts its threads.
    ///
    /// `publish` is called on a database thread after each commit that emitted hints. Blocks: call it
    /// before serving, or on a thread that may wait.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with words for the operator: another process has the directory, the database
    /// is newer than this program, the server cannot be reached or is not set up for durable commits.
    pub fn open(options: &DbOptions, clock: &Clock, publish: Publish) -> Result<Self> {
        let shared = Arc::new(Shared::new(
            options.node,
            publish,
            options.fail_stop.clone(),
        ));
        let mut parts = Parts {
            writes: Arc::new(Lanes::new(CHAT_CAPACITY, TRACKING_CAPACITY)),
            reads: Arc::new(Lanes::new(READ_CAPACITY, 0)),
            shared,
            threads: Vec::new(),
        };
        let (dialect, epoch) = match &options.place {
            Place::Sqlite(dir) => {
                let epoch = open_sqlite(dir, options, clock, &mut parts)?;
                (Dialect::Sqlite, epoch)
            }
            Place::Postgres(url) => {
                let epoch = postgres::open(url, options, clock, &mut parts)?;
                (Dialect::Postgres, epoch)
            }
        };
        Ok(Self {
            inner: Arc::new(Inner {
                dialect,
                epoch,
                writes: parts.writes,
                reads: parts.reads,
                shared: parts.shared,
                threads: Mutex::new(parts.threads),
            }),
        })
    }
}

fn open_sqlite(
    dir: &Path,
    options: &DbOptions,
    clock: &Clock,
    parts: &mut Parts,
) -> Result<String> {
    sqlite::check_version()?;
    let folder = Folder::open(dir)?;
    let was_unclean = folder.has_leftover_log();
    let file = folder.database();
    let conn = sqlite::open_writer(&file)?;
    if was_unclean {
        tracing::info!("the last process did not end cleanly: its log was read again");
        check_after_crash(&conn, &file, parts)?;
    }
    let mut ground = SqliteGround {
        conn: &conn,
        shared: &parts.shared,
    };
    let epoch = prepare(&mut ground, Dialect::Sqlite, clock)?;
    let to = (Arc::clone(&parts.reads), Arc::clone(&parts.shared));
    let reader = Reader::new(&file, options.readers, options.read_limit, to);
    for n in 0..options.readers.max(1) {
        let reader = reader.clone();
        parts.spawn(&format!("db-read-{n}"), move || reader.run())?;
    }
    drop(reader);
    let writer = Writer {
        conn,
        lanes: Arc::clone(&parts.writes),
        shared: Arc::clone(&parts.shared),
        folder,
        tracking_wait: options.tracking_wait,
    };
    parts.spawn("db-write", move || writer.run())?;
    Ok(epoch)
}

/// Looks whether the file is whole: a small one before anything is served, a large one beside.
fn check_after_crash(conn: &Connection, file: &Path, parts: &mut Parts) -> Result<()> {
    let is_small = std::fs::metadata(file).is_ok_and(|meta| meta.len() <= CHECKED_AT_START_BYTES);
    if is_small {
        return sqlite::quick_check(conn);
    }
    let (file, shared) = (file.to_owned(), Arc::clone(&parts.shared));
    parts.spawn("db-check", move || {
        if let Err(error) = sqlite::open_reader(&file).and_then(|conn| sqlite::quick_check(&conn)) {
            shared.fail_stop(&error.to_string());
        }
    })
}

impl Parts {
    /// Starts a database thread; [`Db::close`] joins them in the order in which they started.
    pub(super) fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
        let (writes, reads) = (Arc::clone(&self.writes), Arc::clone(&self.reads));
        let shared = Arc::clone(&self.shared);
        let guarded = move || {
            // Jobs catch their own panics; one out here leaves nobody to answer what waits.
            if catch_unwind(AssertUnwindSafe(body)).is_err() {
                let reason = "a database thread ended in a panic";
                let error = Error::Unavailable(reason.into());
                writes.abandon(&error);
                reads.abandon(&error);
                shared.fail_stop(reason);
            }
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(guarded)
            .map_err(|e| Error::Unavailable(format!("cannot start a database thread: {e}")))?;
        self.threads.push(thread);
        Ok(())
    }
}

/// Migrates, and notes the facts of a new database; returns its epoch.
pub(super) fn prepare(ground: &mut dyn Ground, dialect: Dialect, clock: &Clock) -> Result<String> {
    let applied = migrate::run(ground, dialect, MIGRATIONS, clock.now())?;
    if !applied.is_empty() {
        tracing::info!(?applied, "the schema is up to date");
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|e| Error::Unavailable(format!("no randomness: {e}")))?;
    let fresh = migrate::hex(&random);
    let mut epoch = String::new();
    ground.transact(&mut |scripted| {
        epoch = note_facts(scripted.tx(), &fresh, clock.now())?;
        Ok(())
    })?;
    Ok(epoch)
}

fn note_facts(tx: &mut dyn Tx, fresh_epoch: &str, now: i64) -> Result<String> {
    let now = now.to_string();
    tx.exec(
        "insert into meta (name, value)
         values ('epoch', ?1), ('created_at', ?2)
         on conflict (name) do nothing",
        &[fresh_epoch.into(), (&now).into()],
    )?;
    tx.one("select value from meta where name = 'epoch'", &[], |row| {
        row.text(0)
    })
}

struct SqliteGround<'c> {
    conn: &'c Connection,
    shared: &'c Shared,
}

impl Ground for SqliteGround<'_> {
    fn script(&mut self, sql: &str) -> Result<()> {
        self.conn.execute_batch(sql).map_err(|e| sqlite::error(&e))
    }

    fn transact(&mut self, work: &mut dyn FnMut(&mut dyn Scripted) -> Result<()>) -> Result<()> {
        let mut tx = SqliteTx::write(self.conn, self.shared);
        tx.bare("begin immediate")?;
        tx.begin_job(Savepoint::Needless);
        let mut scripted = SqliteScript {
            conn: self.conn,
            tx,
        };
        let outcome = work(&mut scripted);
        let mut tx = scripted.tx;
        let outcome = tx.end_job(outcome).and_then(|()| tx.bare("commit"));
        tx.roll_back_if_open();
        outcome
    }
}

struct SqliteScript<'c> {
    conn: &'c Connection,
    tx: SqliteTx<'c>,
}

impl Scripted for SqliteScript<'_> {
    fn tx(&mut self) -> &mut dyn Tx {
        &mut self.tx
    }

    fn script(&mut self, sql: &str) -> Result<()> {
        self.conn.execute_batch(sql).map_err(|e| sqlite::error(&e))
    }
}
