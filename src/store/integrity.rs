//! Whether the database is in order: what the engine says of its file, and our own promises about order.

use serde::{Deserialize, Serialize};

use crate::db::{self, Result, Tx};

/// What a check counted and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Sites.
    pub sites: i64,
    /// Agents, deactivated ones included.
    pub agents: i64,
    /// Visitors.
    pub visitors: i64,
    /// Chats.
    pub chats: i64,
    /// Chat events.
    pub events: i64,
    /// What is wrong, a line each; empty where all is well.
    pub faults: Vec<String>,
}

impl Findings {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Looks through the whole database; takes seconds for a gigabyte.
///
/// # Errors
/// Any [`crate::db::Error`]; what is wrong in the data is a finding, not an error.
pub fn find(tx: &mut dyn Tx) -> Result<Findings> {
    let mut faults = db::upkeep::faults(tx)?;
    let gaps = tx.int(
        "select count(*) from chats where last_seq <> \
         (select count(*) from events where events.chat_id = chats.id)",
        &[],
    )?;
    if gaps > 0 {
        faults.push(format!(
            "{gaps} chats have another number of events than their last seq says"
        ));
    }
    let owners = tx.int(
        "select count(*) from agents where role = 'owner' and deactivated_at is null",
        &[],
    )?;
    let sites = tx.int("select count(*) from sites", &[])?;
    if sites > 0 && owners == 0 {
        faults.push("there is no active owner; make one with parlor agent add --role owner".into());
    }
    Ok(Findings {
        sites,
        agents: tx.int("select count(*) from agents", &[])?,
        visitors: tx.int("select count(*) from visitors", &[])?,
        chats: tx.int("select count(*) from chats", &[])?,
        events: tx.int("select count(*) from events", &[])?,
        faults,
    })
}
