//! Availability: which groups of a site answer, watched once for all visitors of the site on this node.
//!
//! A change of one agent would otherwise make every open socket read the same rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use actix_web::web::Data;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::db::{self, Tx};
use crate::domain::ids::SiteId;
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::domain::routing::GroupStatus;
use crate::http::state::State;
use crate::live::{Attachment, Next, Topic};
use crate::store::groups;

/// How often the rows are read without any hint: an agent's node may have died, and hints may be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The status of each group of a site, by the group's number.
pub(super) type Statuses = BTreeMap<i64, GroupStatus>;

/// The watched sites of this process.
#[derive(Debug, Default)]
pub struct Availability {
    sites: Mutex<HashMap<SiteId, Weak<watch::Sender<Statuses>>>>,
}

/// One visitor's view of a watched site.
pub(super) struct Watching {
    statuses: watch::Receiver<Statuses>,
    /// Keeps the watcher going while somebody watches.
    _sender: Arc<watch::Sender<Statuses>>,
}

impl Availability {
    fn lock(&self) -> MutexGuard<'_, HashMap<SiteId, Weak<watch::Sender<Statuses>>>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watching {
    /// Watches a site from now on.
    ///
    /// # Errors
    /// Any [`db::Error`] of the first read.
    pub(super) async fn start(state: &Data<State>, site: SiteId) -> db::Result<Self> {
        if let Some(sender) = state.availability.lock().get(&site).and_then(Weak::upgrade) {
            return Ok(Self::of(sender));
        }
        let attachment = state.hub.attach();
        // Listen first, then read: a change in between is heard.
        attachment.subscribe(Topic::Agents);
        let statuses = read(state, site).await?;
        let sender = {
            let mut sites = state.availability.lock();
            sites.retain(|_, sender| sender.strong_count() > 0);
            match sites.get(&site).and_then(Weak::upgrade) {
                Some(first) => return Ok(Self::of(first)),
                None => {
                    let sender = Arc::new(watch::Sender::new(statuses));
                    sites.insert(site, Arc::downgrade(&sender));
                    sender
                }
            }
        };
        actix_web::rt::spawn(watch(
            state.clone(),
            site,
            attachment,
            Arc::downgrade(&sender),
        ));
        Ok(Self::of(sender))
    }

    fn of(sender: Arc<watch::Sender<Statuses>>) -> Self {
        Self {
            statuses: sender.subscribe(),
            _sender: sender,
        }
    }

    /// The statuses as they are now; what is returned does not count as a change any more.
    pub(super) fn now(&mut self) -> Statuses {
        self.statuses.borrow_and_update().clone()
    }

    /// Waits for a change.
    pub(super) async fn changed(&mut self) {
        // The sender lives as long as `self`, so there is always a next change to wait for.
        if self.statuses.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Reads after each change of an agent, until nobody watches the site any more.
async fn watch(
    state: Data<State>,
    site: SiteId,
    mut attachment: Attachment,
    sender: Weak<watch::Sender<Statuses>>,
) {
    while !state.stop.is_cancelled() {
        let heard = timeout(LOOK_AGAIN, attachment.outbox().next()).await;
        let Some(sender) = sender.upgrade() else {
            return;
        };
        // A burst of changes costs one read, and one that was too much for the queue a new queue.
        while let Some(Next::Update(_)) = attachment.outbox().try_next() {}
        if matches!(heard, Ok(Next::Close(_))) {
            attachment = state.hub.attach();
            attachment.subscribe(Topic::Agents);
        }
        match read(&state, site).await {
            Ok(statuses) => {
                sender.send_if_modified(|known| {
                    let is_new = *known != statuses;
                    *known = statuses;
                    is_new
                });
            }
            Err(error) => tracing::warn!(%error, "the status of the groups could not be read"),
        }
    }
}

async fn read(state: &State, site: SiteId) -> db::Result<Statuses> {
    let now = state.clock.now();
    let read = move |tx: &mut dyn Tx| {
        let permit = authorize(&Subject::System, Action::ReadGroups, Object::Site(site))?;
        groups::statuses(tx, &permit, now)
    };
    Ok(state.db.read(read).await?.into_iter().collect())
}
