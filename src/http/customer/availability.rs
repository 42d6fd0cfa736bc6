//! Availability: which groups of a site answer and who waits for them, watched once for all visitors of the site on this
//! node.
//!
//! A change of one agent would otherwise make every open socket read the same rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use actix_web::web::Data;
use bytestring::ByteString;
use tokio::sync::watch;
use tokio::time::timeout;

use super::objects;
use crate::db::{self, Tx};
use crate::domain::ids::{ChatId, SiteId, ThreadId};
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::domain::routing::GroupStatus;
use crate::domain::thread::Place;
use crate::http::state::State;
use crate::live::{Attachment, Next, Topic};
use crate::store::{groups, queue};

/// How often the rows are read without any hint: an agent's node may have died, and hints may be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The status of each group of a site, by the group's number.
pub(super) type Statuses = BTreeMap<i64, GroupStatus>;

/// The statuses of a site at one time, with all that its sockets would otherwise work out each for itself.
#[derive(Debug)]
pub(super) struct Shown {
    statuses: Statuses,
    online: Arc<[(i64, bool)]>,
    /// The frames that say them, by kind of frame and the group that comes first: at most two for each group.
    frames: Mutex<HashMap<(bool, i64), ByteString>>,
}

impl Shown {
    fn new(statuses: Statuses) -> Self {
        Self {
            online: online(&statuses),
            statuses,
            frames: Mutex::default(),
        }
    }

    /// The status of each group.
    pub(super) const fn statuses(&self) -> &Statuses {
        &self.statuses
    }

    /// The frame that says them, rendered for the first socket that asks. `own` is a group of the site: another one is
    /// rendered each time, so that nothing grows by what clients name.
    pub(super) fn frame(
        &self,
        (kind, own): (bool, i64),
        render: impl FnOnce(&Statuses) -> ByteString,
    ) -> ByteString {
        if !self.statuses.contains_key(&own) {
            return render(&self.statuses);
        }
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = frames.entry((kind, own));
        frame.or_insert_with(|| render(&self.statuses)).clone()
    }
}

/// Where each chat of a site that waits stands.
pub(super) type Places = HashMap<ChatId, (ThreadId, Place)>;

/// The watched sites of this process.
#[derive(Debug, Default)]
pub struct Availability {
    sites: Mutex<HashMap<SiteId, Weak<Watched>>>,
}

/// A watched site.
#[derive(Debug)]
struct Watched {
    statuses: watch::Sender<Arc<Shown>>,
    places: watch::Sender<Arc<Places>>,
}

/// One visitor's view of a watched site.
pub(super) struct Watching {
    statuses: watch::Receiver<Arc<Shown>>,
    places: watch::Receiver<Arc<Places>>,
    /// Keeps the watcher going while somebody watches.
    _watched: Arc<Watched>,
}

/// What a client was told last: nothing is said twice.
#[derive(Debug)]
pub(super) struct Told {
    online: Arc<[(i64, bool)]>,
    place: Option<(ThreadId, i64, i64)>,
}

impl Told {
    /// A client that was told these statuses.
    pub(super) fn of(shown: &Shown) -> Self {
        Self {
            online: Arc::clone(&shown.online),
            place: None,
        }
    }

    /// Notes statuses; `false` where the client sees no difference.
    pub(super) fn note_statuses(&mut self, shown: &Shown) -> bool {
        let is_new = self.online != shown.online;
        self.online = Arc::clone(&shown.online);
        is_new
    }

    /// Notes the place of a thread; `false` where the client was told just that.
    pub(super) fn note_place(&mut self, thread: ThreadId, place: &Place) -> bool {
        let told = Some((thread, place.position, objects::wait_s(place)));
        let is_new = self.place != told;
        self.place = told;
        is_new
    }
}

/// The groups and whether they answer, room or not: all that clients tell apart.
fn online(statuses: &Statuses) -> Arc<[(i64, bool)]> {
    let pair = |(number, status): (&i64, &GroupStatus)| (*number, *status != GroupStatus::Offline);
    statuses.iter().map(pair).collect()
}

impl Availability {
    fn lock(&self) -> MutexGuard<'_, HashMap<SiteId, Weak<Watched>>> {
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
        listen(&attachment, site);
        let (statuses, places) = read(state, site).await?;
        let sender = {
            let mut sites = state.availability.lock();
            sites.retain(|_, sender| sender.strong_count() > 0);
            match sites.get(&site).and_then(Weak::upgrade) {
                Some(first) => return Ok(Self::of(first)),
                None => {
                    let sender = Arc::new(Watched {
                        statuses: watch::Sender::new(Arc::new(Shown::new(statuses))),
                        places: watch::Sender::new(Arc::new(places)),
                    });
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

    fn of(watched: Arc<Watched>) -> Self {
        Self {
            statuses: watched.statuses.subscribe(),
            places: watched.places.subscribe(),
            _watched: watched,
        }
    }

    /// The statuses as they are now; what is returned does not count as a change any more.
    pub(super) fn statuses(&mut self) -> Arc<Shown> {
        Arc::clone(&self.statuses.borrow_and_update())
    }

    /// The places as they are now; what is returned does not count as a change any more.
    pub(super) fn places(&mut self) -> Arc<Places> {
        Arc::clone(&self.places.borrow_and_update())
    }

    /// Makes [`Watching::changed`] return once more: a chat came that was not looked for before.
    pub(super) fn look_again(&mut self) {
        self.places.mark_changed();
    }

    /// Waits for a change of either.
    pub(super) async fn changed(&mut self) {
        let changed = tokio::select! {
            changed = self.statuses.changed() => changed,
            changed = self.places.changed() => changed,
        };
        // The senders live as long as `self`, so there is always a next change to wait for.
        if changed.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What may change a status or a place.
fn listen(attachment: &Attachment, site: SiteId) {
    for topic in [Topic::Agents, Topic::Site(site), Topic::Queue(site)] {
        attachment.subscribe(topic);
    }
}

/// Reads after each change of an agent, until nobody watches the site any more.
async fn watch(
    state: Data<State>,
    site: SiteId,
    mut attachment: Attachment,
    watched: Weak<Watched>,
) {
    while !state.stop.is_cancelled() {
        let heard = timeout(LOOK_AGAIN, attachment.outbox().next()).await;
        let Some(watched) = watched.upgrade() else {
            return;
        };
        // A burst of changes costs one read, and one that was too much for the queue a new queue.
        while let Some(Next::Update(_)) = attachment.outbox().try_next() {}
        if matches!(heard, Ok(Next::Close(_))) {
            attachment = state.hub.attach();
            listen(&attachment, site);
        }
        match read(&state, site).await {
            Ok((statuses, places)) => {
                watched.statuses.send_if_modified(|known| {
                    let is_new = known.statuses != statuses;
                    if is_new {
                        *known = Arc::new(Shown::new(statuses));
                    }
                    is_new
                });
                watched.places.send_if_modified(|known| {
                    let is_new = **known != places;
                    *known = Arc::new(places);
                    is_new
                });
            }
            Err(error) => tracing::warn!(%error, "the status of the groups could not be read"),
        }
    }
}

async fn read(state: &State, site: SiteId) -> db::Result<(Statuses, Places)> {
    let now = state.clock.now();
    let read = move |tx: &mut dyn Tx| {
        let permit = authorize(&Subject::System, Action::ReadGroups, Object::Site(site))?;
        let statuses = groups::statuses(tx, &permit, now)?;
        Ok((statuses, queue::waiting(tx, &permit)?))
    };
    let (statuses, waiting) = state.db.read(read).await?;
    let places = waiting
        .into_iter()
        .map(|one| (one.chat, (one.thread, one.place)));
    Ok((statuses.into_iter().collect(), places.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_rendered_once_for_each_kind_and_group_of_the_site() {
        let shown = Shown::new(Statuses::from([
            (0, GroupStatus::Online),
            (3, GroupStatus::Offline),
        ]));
        let mut rendered = Vec::new();

        for asked in [
            (true, 0),
            (true, 0),
            (false, 0),
            (true, 3),
            (true, 9),
            (true, 9),
        ] {
            let frame = shown.frame(asked, |statuses| {
                rendered.push(asked);
                format!("{asked:?} of {}", statuses.len()).into()
            });
            assert_eq!(frame, format!("{asked:?} of 2"));
        }

        assert_eq!(
            rendered,
            [(true, 0), (false, 0), (true, 3), (true, 9), (true, 9)],
            "a group that is none of the site's leaves nothing behind"
        );
    }

    #[test]
    fn room_in_a_group_is_nothing_new_to_a_client() {
        let of = |status| Shown::new(Statuses::from([(0, status)]));
        let mut told = Told::of(&of(GroupStatus::Online));

        assert!(!told.note_statuses(&of(GroupStatus::OnlineForQueue)));
        assert!(told.note_statuses(&of(GroupStatus::Offline)));
        assert!(!told.note_statuses(&of(GroupStatus::Offline)));
        assert!(told.note_statuses(&of(GroupStatus::OnlineForQueue)));
    }
}
