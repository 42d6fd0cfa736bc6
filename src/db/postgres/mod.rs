//! PostgreSQL: worker threads with one connection each; the server does the group commit.

mod connect;
mod text;
mod tx;
mod value;
mod worker;

use std::sync::Arc;

use super::error::{Error, Result};
use super::migrate::{Ground, Scripted};
use super::open::{Parts, prepare};
use super::options::DbOptions;
use super::shared::Shared;
use super::sqlite_tx::verdict;
use super::tx::{Dialect, Tx};
use crate::clock::Clock;
use connect::Server;
use tx::{PgTx, Session};
use worker::{Work, Worker};

/// Checks the server, migrates, starts the workers; returns the epoch.
pub(super) fn open(
    url: &str,
    options: &DbOptions,
    clock: &Clock,
    parts: &mut Parts,
) -> Result<String> {
    let server = Arc::new(Server::from_url(url)?);
    let epoch = first_contact(&server, clock, &parts.shared)?;
    for n in 0..options.readers.max(1) {
        let worker = Worker::new(&server, Work::Reads(options.read_limit), parts, options);
        parts.spawn(&format!("db-read-{n}"), move || worker.run())?;
    }
    for n in 0..options.writers.max(1) {
        // A quarter of the workers never take tracking, so chat finds one free.
        let work = if n * 4 < options.writers && options.writers > 1 {
            Work::Chat
        } else {
            Work::All
        };
        let worker = Worker::new(&server, work, parts, options);
        parts.spawn(&format!("db-write-{n}"), move || worker.run())?;
    }
    Ok(epoch)
}

/// On a thread of its own: the driver panics on an async one.
fn first_contact(server: &Server, clock: &Clock, shared: &Shared) -> Result<String> {
    std::thread::scope(|scope| {
        let contact = scope.spawn(|| {
            let mut client = server.connect()?;
            connect::check(&mut client)?;
            let mut ground = PgGround {
                session: Session::new(client, true),
                shared,
            };
            prepare(&mut ground, Dialect::Postgres, clock)
        });
        contact.join().unwrap_or(Err(Error::Panicked))
    })
}

struct PgGround<'s> {
    session: Session,
    shared: &'s Shared,
}

impl Ground for PgGround<'_> {
    fn script(&mut self, sql: &str) -> Result<()> {
        PgTx::new(&mut self.session, self.shared, false).script(sql)
    }

    fn transact(&mut self, work: &mut dyn FnMut(&mut dyn Scripted) -> Result<()>) -> Result<()> {
        let mut tx = PgTx::new(&mut self.session, self.shared, false);
        tx.script("begin")?;
        let outcome = work(&mut tx);
        let (failed, _) = tx.finish();
        let outcome = verdict(outcome, failed);
        let end = if outcome.is_ok() {
            "commit"
        } else {
            "rollback"
        };
        outcome.and(PgTx::new(&mut self.session, self.shared, false).script(end))
    }
}

impl Scripted for PgTx<'_> {
    fn tx(&mut self) -> &mut dyn Tx {
        self
    }

    fn script(&mut self, sql: &str) -> Result<()> {
        PgTx::script(self, sql)
    }
}
