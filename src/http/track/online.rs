//! Whether somebody would answer now, asked once a second and site at most: every page view needs it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::db;
use crate::domain::ids::SiteId;
use crate::http::state::State;
use crate::store::agent_connections;

/// How old the answer may be.
const TTL: Duration = Duration::from_secs(1);

/// The last answers, one a site.
#[derive(Default)]
pub(super) struct Online(Mutex<HashMap<SiteId, (bool, Instant)>>);

impl Online {
    /// Whether an agent of the site is connected and accepts chats.
    pub(super) async fn of(&self, state: &State, site: SiteId) -> db::Result<bool> {
        if let Some(is_online) = self.recent(site) {
            return Ok(is_online);
        }
        let is_online = state
            .db
            .read(move |tx| agent_connections::is_accepting(tx, site))
            .await?;
        self.lock().insert(site, (is_online, Instant::now()));
        Ok(is_online)
    }

    fn recent(&self, site: SiteId) -> Option<bool> {
        self.lock()
            .get(&site)
            .filter(|(_, since)| since.elapsed() < TTL)
            .map(|(is_online, _)| *is_online)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SiteId, (bool, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
