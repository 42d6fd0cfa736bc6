//! How commands reach the database: through the running server where there is one, else by opening it.

use std::path::Path;

use anyhow::{Context, bail};

use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{self, Ask, Reply, socket};
use crate::db::{Db, DbOptions};

/// A check of a large database takes its time, and nobody else waits for it.
const READ_LIMIT: std::time::Duration = std::time::Duration::from_secs(3600);

/// Asks, and gives the answer unless it is a refusal.
pub(super) fn ask(config: &Config, question: &Ask) -> anyhow::Result<Reply> {
    let reply = match through_server(config, question)? {
        Some(reply) => reply,
        None => directly(config, question.clone())?,
    };
    if let Reply::Refused { reason } = reply {
        bail!("{reason}");
    }
    Ok(reply)
}

/// On PostgreSQL every process may write, so nobody is asked.
fn through_server(config: &Config, question: &Ask) -> anyhow::Result<Option<Reply>> {
    if config.database.is_some() {
        return Ok(None);
    }
    socket::ask(&config.data, question).context("the running server could not be asked")
}

fn directly(config: &Config, question: Ask) -> anyhow::Result<Reply> {
    refuse_to_make(config)?;
    let clock = Clock::system();
    let options = DbOptions {
        read_limit: READ_LIMIT,
        ..app::db_options(config, &config.data)
    };
    let db = Db::open(&options, &clock, std::sync::Arc::new(|_| {}))?;
    let url = app::url(config, config.listen);
    let reply = app::claim_node(&db)
        .map(|_node| control::answer(&db, &url, clock.now(), question))
        .map_err(anyhow::Error::from);
    db.close();
    reply
}

/// A mistyped folder must not become a new, empty Parlor.
fn refuse_to_make(config: &Config) -> anyhow::Result<()> {
    let is_there = config.database.is_some() || Path::new(&config.data).join("parlor.db").exists();
    if !is_there {
        bail!(
            "there is no Parlor in {}; name its folder with --data, or start it first",
            config.data.display()
        );
    }
    Ok(())
}
