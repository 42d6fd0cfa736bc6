//! Sites by the names they are called by, kept for a moment: every request of a visitor begins with its site.
//!
//! Dropped by the hint that a site changed, and after 30 s in any case, since hints may be lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::db::{self, Db, Tx};
use crate::domain::Hint;
use crate::domain::ids::SiteId;
use crate::domain::site::Site;
use crate::store::sites;

/// The longest a change on another node may go unseen.
const TTL: Duration = Duration::from_secs(30);
/// Names kept at most; there are four a site, so this never matters to people who run shops.
const MAX_NAMES: usize = 4096;

/// What a request calls a site by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Key(String),
    Id(SiteId),
    License(i64),
    Organization(String),
}

/// Sites by name. Unknown names are not kept, so nobody can fill it.
pub struct SiteCache {
    db: Db,
    sites: RwLock<HashMap<Name, (Arc<Site>, Instant)>>,
    /// All of them, for requests that name none.
    all: RwLock<Option<(Arc<[Site]>, Instant)>>,
    /// Grows with every drop: what was read before a drop is not kept after it.
    drops: AtomicU64,
}

impl SiteCache {
    /// An empty cache over this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            sites: RwLock::default(),
            all: RwLock::default(),
            drops: AtomicU64::new(0),
        }
    }

    /// The site with this public key.
    ///
    /// # Errors
    /// Any [`db::Error`].
    pub async fn by_key(&self, key: &str) -> db::Result<Option<Arc<Site>>> {
        let name = key.to_owned();
        self.find(Name::Key(key.to_owned()), move |tx| {
            sites::by_key(tx, &name)
        })
        .await
    }

    /// The site with this id.
    ///
    /// # Errors
    /// Any [`db::Error`].
    pub async fn by_id(&self, id: SiteId) -> db::Result<Option<Arc<Site>>> {
        self.find(Name::Id(id), move |tx| sites::by_id(tx, id))
            .await
    }

    /// The site with this license number.
    ///
    /// # Errors
    /// Any [`db::Error`].
    pub async fn by_license(&self, license_id: i64) -> db::Result<Option<Arc<Site>>> {
        self.find(Name::License(license_id), move |tx| {
            sites::by_license(tx, license_id)
        })
        .await
    }

    /// The site with this organization UUID, whatever its case.
    ///
    /// # Errors
    /// Any [`db::Error`].
    pub async fn by_organization(&self, organization_id: &str) -> db::Result<Option<Arc<Site>>> {
        let id = organization_id.to_ascii_lowercase();
        let name = id.clone();
        self.find(Name::Organization(id), move |tx| {
            sites::by_organization(tx, &name)
        })
        .await
    }

    /// All sites.
    ///
    /// # Errors
    /// Any [`db::Error`].
    pub async fn all(&self) -> db::Result<Arc<[Site]>> {
        if let Some((all, since)) = &*self.all.read().unwrap_or_else(PoisonError::into_inner)
            && since.elapsed() < TTL
        {
            return Ok(Arc::clone(all));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let read: Arc<[Site]> = self.db.read(sites::all).await?.into();
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if self.drops.load(Ordering::Acquire) == drops {
            *all = Some((Arc::clone(&read), Instant::now()));
        }
        Ok(read)
    }

    /// Drops what the hints say has changed.
    pub fn hear(&self, hints: &[Hint]) {
        for hint in hints {
            if let Hint::SiteChanged { site } = hint {
                self.drops.fetch_add(1, Ordering::AcqRel);
                *self.all.write().unwrap_or_else(PoisonError::into_inner) = None;
                self.sites
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .retain(|_, (kept, _)| kept.id != *site);
            }
        }
    }

    async fn find<F>(&self, name: Name, read: F) -> db::Result<Option<Arc<Site>>>
    where
        F: FnOnce(&mut dyn Tx) -> db::Result<Option<Site>> + Send + 'static,
    {
        if let Some(site) = self.kept(&name) {
            return Ok(Some(site));
        }
        let drops = self.drops.load(Ordering::Acquire);
        let Some(site) = self.db.read(read).await?.map(Arc::new) else {
            return Ok(None);
        };
        let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
        if self.drops.load(Ordering::Acquire) == drops {
            if sites.len() >= MAX_NAMES {
                sites.clear();
            }
            sites.insert(name, (Arc::clone(&site), Instant::now()));
        }
        Ok(Some(site))
    }

    fn kept(&self, name: &Name) -> Option<Arc<Site>> {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites
            .get(name)
            .filter(|(_, since)| since.elapsed() < TTL)
            .map(|(site, _)| Arc::clone(site))
    }
}
