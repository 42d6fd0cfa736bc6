//! The poll: on PostgreSQL other nodes write too, and a bus may lose what it carries. Once a second each node asks how far
//! the chats and inboxes are that its sockets follow.

use std::time::Duration;

use super::hub::Hub;
use crate::db::{Db, Dialect, Result, Tx};
use crate::domain::Hint;
use crate::domain::ids::{ChatId, SiteId};

/// How often.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// Whether anybody else writes into this database.
pub(super) fn is_needed(db: &Db) -> bool {
    match db.dialect() {
        Dialect::Sqlite => false,
        Dialect::Postgres => true,
    }
}

/// Asks once, and tells the hub. A failure is logged: the next second asks again.
pub(super) async fn run(hub: &Hub, db: &Db) {
    let (chats, sites) = hub.followed();
    if chats.is_empty() && sites.is_empty() {
        return;
    }
    match db.read(move |tx| heads(tx, &chats, &sites)).await {
        Ok(hints) => hub.receive(&hints),
        Err(error) => tracing::warn!(%error, "cannot ask how far the chats are"),
    }
}

/// How far each of these is, as hints.
fn heads(tx: &mut dyn Tx, chats: &[ChatId], sites: &[SiteId]) -> Result<Vec<Hint>> {
    let mut hints = crate::store::chats::heads(tx, chats)?;
    hints.extend(crate::store::inbox::heads(tx, sites)?);
    Ok(hints)
}
