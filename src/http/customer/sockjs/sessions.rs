//! The polling sessions of this process, by the names their clients gave them.
//!
//! Each holds one of the places for sockets, so there are never more than those.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pipe::Pipe;
use crate::domain::ids::SiteId;

/// The name of a session. The site and the page's origin belong to it: pages of others cannot name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) site: SiteId,
    pub(super) origin: Option<String>,
    pub(super) server: String,
    pub(super) session: String,
}

type Open = Mutex<HashMap<Name, Arc<Pipe>>>;

/// The polling sessions of this process.
#[derive(Default)]
pub(crate) struct Sessions(Arc<Open>);

/// The place of an open session, which leaves the list when dropped.
pub(super) struct Place {
    open: Arc<Open>,
    name: Name,
    pipe: Arc<Pipe>,
}

fn lock(open: &Open) -> MutexGuard<'_, HashMap<Name, Arc<Pipe>>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    /// The session of this name.
    pub(super) fn find(&self, name: &Name) -> Option<Arc<Pipe>> {
        lock(&self.0).get(name).cloned()
    }

    /// Lists a session; `None` where another request has opened one of this name meanwhile.
    pub(super) fn enter(&self, name: Name, pipe: &Arc<Pipe>) -> Option<Place> {
        match lock(&self.0).entry(name.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => {
                vacant.insert(Arc::clone(pipe));
                Some(Place {
                    open: Arc::clone(&self.0),
                    name,
                    pipe: Arc::clone(pipe),
                })
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.open).remove(&self.name);
        self.pipe.go_away();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_listed_once_and_until_its_end() {
        let sessions = Sessions::default();
        let name = |origin: &str| Name {
            site: SiteId(1),
            origin: Some(origin.into()),
            server: "000".into(),
            session: "abcdefgh".into(),
        };
        let (pipe, _sent) = Pipe::new();

        let place = sessions.enter(name("https://a.example"), &pipe);
        assert!(place.is_some());
        assert!(sessions.enter(name("https://a.example"), &pipe).is_none());
        assert!(sessions.find(&name("https://a.example")).is_some());
        assert!(sessions.find(&name("https://b.example")).is_none());
        drop(place);

        assert!(sessions.find(&name("https://a.example")).is_none());
    }
}
