//! Whether somebody would answer now, asked once a second and site at most: every page view needs it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::db;
use crate::domain::ids::SiteId;
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::domain::routing::GroupStatus;
use crate::http::state::State;
use crate::store::groups;

/// How old the answer may be.
const TTL: Duration = Duration::from_secs(1);

/// The last answers, one a site.
#[derive(Default)]
pub(super) struct Online(Mutex<HashMap<SiteId, (bool, Instant)>>);

impl Online {
    /// Whether the group that visitors of the site talk to answers, with room or without.
    pub(super) async fn of(&self, state: &State, site: SiteId) -> db::Result<bool> {
        if let Some(is_online) = self.recent(site) {
            return Ok(is_online);
        }
        let now = state.clock.now();
        let is_online = state
            .db
            .read(move |tx| {
                let permit = authorize(&Subject::System, Action::ReadGroups, Object::Site(site))?;
                groups::statuses(tx, &permit, now)
            })
            .await?
            .into_iter()
            .any(|(number, status)| {
                number == groups::DEFAULT_NUMBER && status != GroupStatus::Offline
            });
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
