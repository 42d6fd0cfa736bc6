//! Who is connected: the sockets of each visitor of each site on this node, and the caps on both.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::{SiteId, VisitorId};

/// Visitors of a site and how many sockets each has.
type Sockets = HashMap<VisitorId, u32>;

/// Who is connected to this node.
#[derive(Debug, Default)]
pub struct Connected {
    sites: Mutex<HashMap<SiteId, Sockets>>,
}

/// Why a visitor has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The visitor holds as many sockets as one may.
    Visitor,
    /// As many visitors are connected as the site allows.
    Site,
}

/// How many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Sockets of one visitor.
    pub of_visitor: u32,
    /// Visitors of the site; 0 for any number.
    pub of_site: u32,
}

/// A visitor's place: keep it for as long as the socket is logged in.
#[derive(Debug)]
pub struct Place {
    connected: Arc<Connected>,
    site: SiteId,
    visitor: VisitorId,
}

impl Connected {
    /// A place for one more socket of a visitor.
    ///
    /// # Errors
    /// [`Full`]; a visitor who has a socket already is never one too many for the site.
    pub fn enter(
        self: &Arc<Self>,
        site: SiteId,
        visitor: VisitorId,
        room: Room,
    ) -> Result<Place, Full> {
        let mut sites = self.sites();
        let visitors = sites.entry(site).or_default();
        let open = visitors.get(&visitor).copied().unwrap_or(0);
        if open >= room.of_visitor {
            return Err(Full::Visitor);
        }
        let is_new = open == 0;
        if is_new && room.of_site > 0 && visitors.len() >= room.of_site as usize {
            return Err(Full::Site);
        }
        visitors.insert(visitor, open + 1);
        Ok(Place {
            connected: Arc::clone(self),
            site,
            visitor,
        })
    }

    /// How many visitors of a site are connected to this node.
    #[must_use]
    pub fn visitors(&self, site: SiteId) -> usize {
        self.sites().get(&site).map_or(0, HashMap::len)
    }

    /// Whether this visitor is connected to this node.
    #[must_use]
    pub fn has(&self, site: SiteId, visitor: VisitorId) -> bool {
        self.sites()
            .get(&site)
            .is_some_and(|visitors| visitors.contains_key(&visitor))
    }

    fn sites(&self) -> MutexGuard<'_, HashMap<SiteId, Sockets>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sites = self.connected.sites();
        let Some(visitors) = sites.get_mut(&self.site) else {
            return;
        };
        if let Some(open) = visitors.get_mut(&self.visitor) {
            *open -= 1;
            if *open == 0 {
                visitors.remove(&self.visitor);
            }
        }
        if visitors.is_empty() {
            sites.remove(&self.site);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_visitor_and_site_and_given_back() {
        let connected = Arc::new(Connected::default());
        let (site, ada, bob) = (SiteId(1), VisitorId(1), VisitorId(2));
        let room = Room {
            of_visitor: 2,
            of_site: 1,
        };

        let first = connected.enter(site, ada, room);
        let second = connected.enter(site, ada, room);
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(connected.enter(site, ada, room).err(), Some(Full::Visitor));
        assert_eq!(connected.enter(site, bob, room).err(), Some(Full::Site));
        assert!(
            connected.enter(SiteId(2), bob, room).is_ok(),
            "another site"
        );

        drop(first);
        assert_eq!(connected.visitors(site), 1, "one socket is left");
        drop(second);
        assert_eq!(connected.visitors(site), 0);
        assert!(connected.enter(site, bob, room).is_ok());
    }

    #[test]
    fn a_site_without_a_limit_takes_everybody() {
        let connected = Arc::new(Connected::default());
        let room = Room {
            of_visitor: 1,
            of_site: 0,
        };

        let places: Vec<_> = (1..=50)
            .map(|n| connected.enter(SiteId(1), VisitorId(n), room).unwrap())
            .collect();

        assert_eq!(connected.visitors(SiteId(1)), places.len());
    }
}
