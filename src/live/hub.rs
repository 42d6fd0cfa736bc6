//! The hub: which sockets listen to what on this node, and the hints that wait for the dispatcher.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::bus::Bus;
use super::outbox::{CloseReason, Outbox};
use super::presence::Presence;
use super::topic::Topic;
use super::update::{Lossy, Update, VisitorsSeen};
use crate::domain::Hint;
use crate::domain::ids::{AgentId, ChatId, SiteId, VisitorId};

/// Who listens to what on this node. One for the process; shared by all threads.
#[derive(Debug)]
pub struct Hub {
    topics: Mutex<HashMap<Topic, Listeners>>,
    dirty: Mutex<Dirty>,
    /// Wakes the dispatcher, of which there is one.
    pub(super) wake: Notify,
    presence: Presence,
    bus: Box<dyn Bus>,
}

/// The outboxes of a topic, and how far they were served.
#[derive(Debug, Default)]
struct Listeners {
    /// Behind an `Arc`, so that a delivery takes them all at the price of one count.
    outboxes: Arc<Vec<Arc<Outbox>>>,
    /// The highest `seq` handed to them; 0 while none was.
    served: i64,
}

/// What hints said since the dispatcher last looked: each thing once, however often it was said.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub(super) chats: HashMap<ChatId, Span>,
    pub(super) inboxes: HashMap<SiteId, Span>,
    pub(super) agents: HashSet<AgentId>,
    pub(super) sites: HashSet<SiteId>,
    /// Sites whose tickets changed.
    pub(super) tickets: HashSet<SiteId>,
    pub(super) queues: HashSet<SiteId>,
    /// Visitors with sockets or watchers of their own.
    pub(super) visitors: HashSet<VisitorId>,
    /// Visitors with sockets or watchers whose greeting changed.
    pub(super) greeted: HashSet<VisitorId>,
    /// Visitors of a site whose list is watched: at most one more than fits an update.
    pub(super) lists: HashMap<SiteId, HashSet<VisitorId>>,
}

/// The lowest and the highest number that hints named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// A socket's place at the hub; when it drops, the socket hears nothing more.
#[derive(Debug)]
pub struct Attachment {
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
}

impl Attachment {
    /// The socket's queue.
    #[must_use]
    pub const fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Listens to a topic from now on.
    pub fn subscribe(&self, topic: Topic) {
        self.hub.subscribe(topic, &self.outbox);
    }

    /// Listens to a topic no longer; what is queued already still comes.
    pub fn unsubscribe(&self, topic: Topic) {
        self.hub.unsubscribe(topic, &self.outbox);
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.hub.leave(&self.outbox);
    }
}

impl Hub {
    /// A hub without listeners whose hints also go out on `bus`.
    #[must_use]
    pub fn new(bus: impl Bus) -> Arc<Self> {
        Arc::new(Self {
            topics: Mutex::default(),
            dirty: Mutex::default(),
            wake: Notify::new(),
            presence: Presence::default(),
            bus: Box::new(bus),
        })
    }

    /// A place for a new socket.
    #[must_use]
    pub fn attach(self: &Arc<Self>) -> Attachment {
        Attachment {
            hub: Arc::clone(self),
            outbox: Arc::new(Outbox::new()),
        }
    }

    /// Puts an outbox under a topic; twice is once. Subscribe first, then read the database: any other order has a hole.
    pub fn subscribe(&self, topic: Topic, outbox: &Arc<Outbox>) {
        let mut own = own_topics(outbox);
        if own.contains(&topic) {
            return;
        }
        own.push(topic);
        let mut topics = self.topics();
        let listeners = topics.entry(topic).or_default();
        Arc::make_mut(&mut listeners.outboxes).push(Arc::clone(outbox));
    }

    /// Takes an outbox from under a topic.
    pub fn unsubscribe(&self, topic: Topic, outbox: &Arc<Outbox>) {
        let mut own = own_topics(outbox);
        own.retain(|t| *t != topic);
        remove(&mut self.topics(), topic, outbox);
    }

    /// Takes an outbox from under all its topics.
    pub fn leave(&self, outbox: &Arc<Outbox>) {
        let mut own = own_topics(outbox);
        let mut topics = self.topics();
        for topic in own.drain(..) {
            remove(&mut topics, topic, outbox);
        }
    }

    /// How many sockets of this node listen to a topic.
    #[must_use]
    pub fn listeners(&self, topic: Topic) -> usize {
        self.topics().get(&topic).map_or(0, |l| l.outboxes.len())
    }

    /// Takes the hints of a committed transaction, from the thread that committed: never blocks, never reads.
    pub fn publish(&self, hints: &[Hint]) {
        self.receive(hints);
        self.bus.send(hints);
    }

    /// Takes hints that came from another node.
    pub fn receive(&self, hints: &[Hint]) {
        let mut has_work = false;
        for hint in hints {
            match hint {
                Hint::VisitorTokensEnded { visitor } => {
                    self.end(Topic::Tokens(*visitor), CloseReason::CredentialsEnded);
                }
                Hint::VisitorDisconnected { visitor, reason } => {
                    self.end(Topic::Tokens(*visitor), CloseReason::Disconnected(*reason));
                }
                Hint::LoginEnded { login } => {
                    self.end(Topic::Login(*login), CloseReason::CredentialsEnded);
                }
                Hint::ChatAdvanced { .. }
                | Hint::InboxAdvanced { .. }
                | Hint::VisitorSeen { .. }
                | Hint::VisitorUpdated { .. }
                | Hint::GreetingChanged { .. }
                | Hint::AgentChanged { .. }
                | Hint::TicketsChanged { .. }
                | Hint::QueueMoved { .. }
                | Hint::SiteChanged { .. } => has_work |= self.note(hint),
            }
        }
        if has_work {
            self.wake.notify_one();
        }
    }

    /// Hands something that may be lost to the sockets of a topic, at once, and keeps it for those who ask later.
    pub fn lossy(&self, topic: Topic, lossy: Lossy) {
        self.presence.note(&lossy, Instant::now());
        self.deliver(topic, &Update::Lossy(Arc::new(lossy)));
    }

    /// Who is typing, what, and where visitors are: asked for afresh by whoever connects.
    #[must_use]
    pub const fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Hands an update to every outbox of a topic: one clone and one push each, no lock but the outbox's own.
    pub(super) fn deliver(&self, topic: Topic, update: &Update) {
        let outboxes = self.outboxes(topic);
        for outbox in &*outboxes {
            outbox.push(update.clone());
        }
    }

    /// What became dirty since the last call, but for the visitor lists, which wait for their own time.
    pub(super) fn take_dirty(&self) -> Dirty {
        let mut dirty = self.dirty();
        let lists = std::mem::take(&mut dirty.lists);
        let rest = Dirty {
            lists,
            ..Dirty::default()
        };
        std::mem::replace(&mut *dirty, rest)
    }

    /// The visitor lists that became dirty since the last call.
    pub(super) fn take_lists(&self) -> HashMap<SiteId, HashSet<VisitorId>> {
        std::mem::take(&mut self.dirty().lists)
    }

    /// Whether visitor lists wait.
    pub(super) fn has_lists(&self) -> bool {
        !self.dirty().lists.is_empty()
    }

    /// Puts numbered things back, to be read again.
    pub(super) fn put_back(&self, chats: &[(ChatId, Span)], inboxes: &[(SiteId, Span)]) {
        let mut dirty = self.dirty();
        for (chat, span) in chats {
            widen(&mut dirty.chats, *chat, *span);
        }
        for (site, span) in inboxes {
            widen(&mut dirty.inboxes, *site, *span);
        }
    }

    /// How far a topic was served; `None` when nobody listens to it any more.
    pub(super) fn served(&self, topic: Topic) -> Option<i64> {
        self.topics().get(&topic).map(|l| l.served)
    }

    /// Notes that a topic was served up to here.
    pub(super) fn set_served(&self, topic: Topic, seq: i64) {
        if let Some(listeners) = self.topics().get_mut(&topic) {
            listeners.served = listeners.served.max(seq);
        }
    }

    /// The chats and sites whose numbers sockets of this node follow, for the poll.
    pub(super) fn followed(&self) -> (Vec<ChatId>, Vec<SiteId>) {
        let topics = self.topics();
        let chats = topics.keys().filter_map(|topic| match topic {
            Topic::Chat(chat) => Some(*chat),
            Topic::Inbox(_)
            | Topic::Visitors(_)
            | Topic::Visitor(_)
            | Topic::Tokens(_)
            | Topic::Agent(_)
            | Topic::Agents
            | Topic::Login(_)
            | Topic::Tickets(_)
            | Topic::Queue(_)
            | Topic::Site(_) => None,
        });
        let sites = topics.keys().filter_map(|topic| match topic {
            Topic::Inbox(site) => Some(*site),
            Topic::Chat(_)
            | Topic::Visitors(_)
            | Topic::Visitor(_)
            | Topic::Tokens(_)
            | Topic::Agent(_)
            | Topic::Agents
            | Topic::Login(_)
            | Topic::Tickets(_)
            | Topic::Queue(_)
            | Topic::Site(_) => None,
        });
        (chats.collect(), sites.collect())
    }

    /// Notes a hint for the dispatcher; `false` where nobody on this node cares.
    fn note(&self, hint: &Hint) -> bool {
        let cared_for = |topic| self.topics().contains_key(&topic);
        match *hint {
            Hint::ChatAdvanced { chat, seq, .. } if cared_for(Topic::Chat(chat)) => {
                widen(&mut self.dirty().chats, chat, Span::at(seq));
                true
            }
            Hint::InboxAdvanced { site, seq } if cared_for(Topic::Inbox(site)) => {
                widen(&mut self.dirty().inboxes, site, Span::at(seq));
                true
            }
            Hint::VisitorSeen { site, visitor } | Hint::VisitorUpdated { site, visitor } => {
                let is_watched = cared_for(Topic::Visitor(visitor));
                let is_listed = cared_for(Topic::Visitors(site));
                if is_watched {
                    self.dirty().visitors.insert(visitor);
                }
                if is_listed {
                    self.dirty().list(site, visitor);
                }
                is_watched || is_listed
            }
            Hint::AgentChanged { agent }
                if cared_for(Topic::Agent(agent)) || cared_for(Topic::Agents) =>
            {
                self.dirty().agents.insert(agent)
            }
            Hint::SiteChanged { site } if cared_for(Topic::Site(site)) => {
                self.dirty().sites.insert(site)
            }
            Hint::TicketsChanged { site } if cared_for(Topic::Tickets(site)) => {
                self.dirty().tickets.insert(site)
            }
            Hint::QueueMoved { site } if cared_for(Topic::Queue(site)) => {
                self.dirty().queues.insert(site)
            }
            Hint::GreetingChanged { visitor, .. } if cared_for(Topic::Visitor(visitor)) => {
                self.dirty().greeted.insert(visitor)
            }
            Hint::ChatAdvanced { .. }
            | Hint::InboxAdvanced { .. }
            | Hint::GreetingChanged { .. }
            | Hint::AgentChanged { .. }
            | Hint::TicketsChanged { .. }
            | Hint::SiteChanged { .. }
            | Hint::QueueMoved { .. }
            | Hint::VisitorTokensEnded { .. }
            | Hint::VisitorDisconnected { .. }
            | Hint::LoginEnded { .. } => false,
        }
    }

    fn end(&self, topic: Topic, reason: CloseReason) {
        for outbox in &*self.outboxes(topic) {
            outbox.close(reason);
        }
    }

    fn outboxes(&self, topic: Topic) -> Arc<Vec<Arc<Outbox>>> {
        let topics = self.topics();
        topics
            .get(&topic)
            .map(|listeners| Arc::clone(&listeners.outboxes))
            .unwrap_or_default()
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<Topic, Listeners>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dirty(&self) -> MutexGuard<'_, Dirty> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dirty {
    fn list(&mut self, site: SiteId, visitor: VisitorId) {
        let listed = self.lists.entry(site).or_default();
        // One more than fits is enough to know that there are more.
        if listed.len() <= VisitorsSeen::MAX_VISITORS {
            listed.insert(visitor);
        }
    }
}

impl Span {
    pub(super) const fn at(seq: i64) -> Self {
        Self { from: seq, to: seq }
    }
}

fn widen<K: Eq + std::hash::Hash>(spans: &mut HashMap<K, Span>, key: K, by: Span) {
    let span = spans.entry(key).or_insert(by);
    span.from = span.from.min(by.from);
    span.to = span.to.max(by.to);
}

fn remove(topics: &mut HashMap<Topic, Listeners>, topic: Topic, outbox: &Arc<Outbox>) {
    let Some(listeners) = topics.get_mut(&topic) else {
        return;
    };
    let outboxes = Arc::make_mut(&mut listeners.outboxes);
    if let Some(at) = outboxes.iter().position(|o| Arc::ptr_eq(o, outbox)) {
        outboxes.swap_remove(at);
    }
    if outboxes.is_empty() {
        topics.remove(&topic);
    }
}

/// Taken before the topics, always in this order.
fn own_topics(outbox: &Outbox) -> MutexGuard<'_, Vec<Topic>> {
    outbox.topics.lock().unwrap_or_else(PoisonError::into_inner)
}
