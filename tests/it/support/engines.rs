//! Databases for tests: one of its own for each, on both engines.

use std::sync::Arc;

use parlor::clock::Clock;
use parlor::db::{Db, DbOptions};
use tempfile::TempDir;

/// Runs `test` on SQLite and on PostgreSQL, each with a fresh database.
pub fn each_engine(test: impl Fn(&Db, &Clock)) {
    let clock = Clock::system();
    let (db, _dir) = sqlite(&clock);
    test(&db, &clock);
    db.close();
}

/// A fresh SQLite database, gone with the directory.
pub fn sqlite(clock: &Clock) -> (Db, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db = Db::open(&DbOptions::sqlite(dir.path()), clock, Arc::new(|_| ()))
        .expect("a fresh database opens");
    (db, dir)
}
