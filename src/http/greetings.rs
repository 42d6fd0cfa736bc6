//! The greetings of each site, kept for a moment: each page of a visitor is held against them.
//!
//! Dropped by the hint that a site changed, and after 30 s in any case, since hints may be lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::db::{self, Db};
use crate::domain::Hint;
use crate::domain::ids::SiteId;
use crate::store::greetings::{self, Greeting};

/// The longest a change on another node may go unseen.
const TTL: Duration = Duration::from_secs(30);

/// What is kept of each site, and since when.
type Kept = HashMap<SiteId, (Arc<[Greeting]>, Instant)>;

/// Greetings by site; there are no more entries than sites.
pub struct GreetingCache {
    db: Db,
    sites: RwLock<Kept>,
    /// Grows with every drop: what was read before a drop is not kept after it.
    drops: AtomicU64,
}

impl GreetingCache {
    /// An empty cache over this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            sites: RwLock::default(),
            drops: AtomicU64::new(0),
        }
    }

    /// The greetings of a site, in the order in which they are tried.
    ///
    /// # Errors
    /// Any [`db::Error`].
    pub async fn of(&self, site: SiteId) -> db::Result<Arc<[Greeting]>> {
        if let Some(kept) = self.kept(site) {
            return Ok(kept);
        }
        let drops = self.drops.load(Ordering::Acquire);
        let read: Arc<[Greeting]> = self
            .db
            .read(move |tx| greetings::of_site(tx, site))
            .await?
            .into();
        let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
        if self.drops.load(Ordering::Acquire) == drops {
            sites.insert(site, (Arc::clone(&read), Instant::now()));
        }
        Ok(read)
    }

    /// Drops what the hints say has changed.
    pub fn hear(&self, hints: &[Hint]) {
        for hint in hints {
            if let Hint::SiteChanged { site } = hint {
                self.drops.fetch_add(1, Ordering::AcqRel);
                let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
                sites.remove(site);
            }
        }
    }

    fn kept(&self, site: SiteId) -> Option<Arc<[Greeting]>> {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites
            .get(&site)
            .filter(|(_, since)| since.elapsed() < TTL)
            .map(|(greetings, _)| Arc::clone(greetings))
    }
}
