//! The poll: on PostgreSQL other nodes write too, and a bus may lose what it carries. Once a second each node asks how far
//! the chats and inboxes are that its sockets follow, and what other nodes ended.

use std::collections::HashSet;
use std::time::Duration;

use super::hub::Hub;
use crate::db::{Db, Dialect, Result, Tx};
use crate::domain::Hint;
use crate::domain::ids::{ChatId, SiteId, node_of};
use crate::store::endings::{self, Noted};

/// How often.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// How far back each look at the endings goes, in ms: clocks differ, and a commit may come late.
const OVERLAP_MS: i64 = 60_000;

/// Endings of one look at most; above it the oldest are left to the keep-alive of their sockets.
const MAX_ENDINGS: i64 = 5_000;

/// What the poll knows from the last time.
#[derive(Debug, Default)]
pub(super) struct Poll {
    /// The endings of the last look, which are not ended twice; `None` before the first look, which only takes note.
    seen: Option<HashSet<i64>>,
    /// The newest ending known, Unix ms.
    newest: i64,
}

/// Whether anybody else writes into this database.
pub(super) fn is_needed(db: &Db) -> bool {
    match db.dialect() {
        Dialect::Sqlite => false,
        Dialect::Postgres => true,
    }
}

impl Poll {
    /// Asks once, and tells the hub. A failure is logged: the next second asks again.
    pub(super) async fn run(&mut self, hub: &Hub, db: &Db) {
        let (chats, sites) = hub.followed();
        let since = self.newest - OVERLAP_MS;
        match db.read(move |tx| look(tx, &chats, &sites, since)).await {
            Ok((hints, ended)) => {
                hub.receive(&hints);
                hub.receive(&self.fresh(&ended, db.node()));
            }
            Err(error) => tracing::warn!(%error, "cannot ask how far the chats are"),
        }
    }

    /// What other nodes ended since the last look.
    fn fresh(&mut self, ended: &[Noted], own: i64) -> Vec<Hint> {
        self.newest = ended
            .iter()
            .map(|noted| noted.at)
            .fold(self.newest, i64::max);
        let now_seen = ended.iter().map(|noted| noted.id).collect();
        let Some(seen) = self.seen.replace(now_seen) else {
            return Vec::new();
        };
        ended
            .iter()
            .filter(|noted| node_of(noted.id) != own && !seen.contains(&noted.id))
            .map(|noted| noted.ending.hint())
            .collect()
    }
}

/// How far each of these is, as hints, and what was ended.
fn look(
    tx: &mut dyn Tx,
    chats: &[ChatId],
    sites: &[SiteId],
    since: i64,
) -> Result<(Vec<Hint>, Vec<Noted>)> {
    let mut hints = crate::store::chats::heads(tx, chats)?;
    hints.extend(crate::store::inbox::heads(tx, sites)?);
    let ended = endings::since(tx, since, MAX_ENDINGS)?;
    Ok((hints, ended))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{IdMaker, LoginId};
    use crate::store::endings::Ending;

    #[test]
    fn an_ending_of_another_node_is_told_once_and_one_from_before_never() {
        let (own, other) = (IdMaker::new(1), IdMaker::new(2));
        let noted = |ids: &IdMaker, login: i64, at: i64| Noted {
            id: ids.next(1_800_000_000_000 + at),
            ending: Ending::Login(LoginId(login)),
            at,
        };
        let before = noted(&other, 1, 10);
        let (mine, theirs) = (noted(&own, 2, 20), noted(&other, 3, 30));
        let mut poll = Poll::default();

        assert_eq!(poll.fresh(&[before], 1), []);
        let told = poll.fresh(&[theirs, mine, before], 1);
        assert_eq!(told, [Ending::Login(LoginId(3)).hint()]);
        assert_eq!(poll.fresh(&[theirs, mine, before], 1), []);
        assert_eq!(poll.newest, 30);
    }
}
