//! The dispatcher: reads once what hints announced, and hands it to whoever listens. One task for the process.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::hub::{Hub, Span};
use super::poll::{self, Poll};
use super::topic::Topic;
use super::update::{ChatUpdate, InboxUpdate, Update, VisitorsSeen};
use crate::db::{Db, Result, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::Event;
use crate::domain::ids::{ChatId, SiteId};
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::store::chat_users::{Participant, participants};
use crate::store::chats::authorized;
use crate::store::events::{self, Slot};
use crate::store::inbox::{self, InboxPage};

/// The least time between two updates of a visitor list: tracking is frequent, and a list of people may lag by this.
pub const LIST_EVERY: Duration = Duration::from_millis(250);
/// How long the dispatcher waits after a failed read.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// How many chats one read takes, so that a busy moment does not make a long snapshot.
const CHATS_A_READ: usize = 64;

/// Serves the hub until `stop`: what was announced before is still handed out.
pub async fn run(hub: Arc<Hub>, db: Db, stop: CancellationToken) {
    let mut lists_at = Instant::now();
    let mut poll = Poll::default();
    // The first look takes note of what ended before anybody connected here.
    let mut poll_at = poll::is_needed(&db).then(Instant::now);
    loop {
        let lists_due = hub.has_lists().then_some(lists_at);
        let next_at = [lists_due, poll_at].into_iter().flatten().min();
        tokio::select! {
            () = hub.wake.notified() => {}
            () = at(next_at) => {}
            () = stop.cancelled() => {
                serve(&hub, &db).await;
                return;
            }
        }
        if poll_at.is_some_and(|at| at <= Instant::now()) {
            poll.run(&hub, &db).await;
            poll_at = Some(Instant::now() + poll::EVERY);
        }
        serve(&hub, &db).await;
        if lists_at <= Instant::now() && hub.has_lists() {
            deliver_lists(&hub);
            lists_at = Instant::now() + LIST_EVERY;
        }
    }
}

/// Hands out what became dirty until now. A read that fails is repeated later: its hints are put back.
async fn serve(hub: &Hub, db: &Db) {
    let dirty = hub.take_dirty();
    for agent in dirty.agents {
        hub.deliver(Topic::Agent(agent), &Update::Agent(agent));
        hub.deliver(Topic::Agents, &Update::Agent(agent));
    }
    for site in dirty.sites {
        hub.deliver(Topic::Site(site), &Update::Site(site));
    }
    for site in dirty.tickets {
        hub.deliver(Topic::Tickets(site), &Update::Tickets(site));
    }
    for site in dirty.queues {
        hub.deliver(Topic::Queue(site), &Update::Queue(site));
    }
    for visitor in dirty.visitors {
        hub.deliver(Topic::Visitor(visitor), &Update::Visitor(visitor));
    }
    for visitor in dirty.greeted {
        hub.deliver(Topic::Visitor(visitor), &Update::Greeting(visitor));
    }
    let chats: Vec<_> = dirty.chats.into_iter().collect();
    let mut inboxes: Vec<_> = dirty.inboxes.into_iter().collect();
    let mut chunks = chats.chunks(CHATS_A_READ).peekable();
    while chunks.peek().is_some() || !inboxes.is_empty() {
        let chats = chunks.next().unwrap_or_default();
        let sites = std::mem::take(&mut inboxes);
        if let Err(error) = read_and_deliver(hub, db, chats, &sites).await {
            tracing::warn!(%error, "cannot read what was announced; trying again");
            hub.put_back(chats, &sites);
            for rest in chunks {
                hub.put_back(rest, &[]);
            }
            tokio::time::sleep(RETRY_AFTER).await;
            hub.wake.notify_one();
            return;
        }
    }
}

/// Reads what is new of these chats and inboxes in one snapshot, and hands it out: chats first, so that an agent who
/// follows the inbox into a chat finds the event there.
async fn read_and_deliver(
    hub: &Hub,
    db: &Db,
    chats: &[(ChatId, Span)],
    inboxes: &[(SiteId, Span)],
) -> Result<()> {
    let chats = due(hub, chats, Topic::Chat);
    let inboxes = due(hub, inboxes, Topic::Inbox);
    if chats.is_empty() && inboxes.is_empty() {
        return Ok(());
    }
    let (chats, inboxes) = db.read(move |tx| read(tx, &chats, &inboxes)).await?;
    for news in chats {
        deliver_chat(hub, news);
    }
    for (site, page) in inboxes {
        deliver_inbox(hub, site, page);
    }
    Ok(())
}

/// The things that somebody listens to and that have more than was served, each with the number to read after.
fn due<K: Copy>(hub: &Hub, spans: &[(K, Span)], topic: impl Fn(K) -> Topic) -> Vec<(K, i64)> {
    let after = |(key, span): &(K, Span)| {
        let served = hub.served(topic(*key))?;
        // Who listens has read all that was committed before the first hint. Lower numbers are theirs to read.
        let after = if served == 0 { span.from - 1 } else { served };
        (span.to > after).then_some((*key, after))
    };
    spans.iter().filter_map(after).collect()
}

/// What is new of one chat.
struct ChatNews {
    chat: Arc<Chat>,
    users: Option<Arc<[Participant]>>,
    events: Vec<Event>,
}

type News = (Vec<ChatNews>, Vec<(SiteId, InboxPage)>);

fn read(tx: &mut dyn Tx, chats: &[(ChatId, i64)], inboxes: &[(SiteId, i64)]) -> Result<News> {
    let mut news = Vec::with_capacity(chats.len());
    for (chat, after) in chats {
        news.extend(read_chat(tx, *chat, *after)?);
    }
    let mut changes = Vec::with_capacity(inboxes.len());
    for (site, after) in inboxes {
        let permit = authorize(&Subject::System, Action::ReadInbox, Object::Site(*site))?;
        let page = inbox::after(tx, &permit, *after, inbox::MAX_PAGE)?;
        changes.push((*site, page));
    }
    Ok((news, changes))
}

/// The new events of a chat; `None` where the chat is gone.
fn read_chat(tx: &mut dyn Tx, chat: ChatId, after: i64) -> Result<Option<ChatNews>> {
    let (chat, permit) = match authorized(tx, &Subject::System, Action::ReadChat, chat) {
        Err(crate::db::Error::Refused(Refusal::NotFound(_))) => return Ok(None),
        found => found?,
    };
    let slots = events::after(tx, &permit, after, events::MAX_PAGE)?;
    let events: Vec<Event> = slots
        .into_iter()
        .filter_map(|slot| match slot {
            Slot::Event(event) => Some(*event),
            Slot::Hidden { .. } => None,
        })
        .collect();
    let needs_users = events.iter().any(|e| ChatUpdate::needs_users(&e.body));
    let users = match needs_users {
        true => Some(participants(tx, &permit)?.into()),
        false => None,
    };
    Ok(Some(ChatNews {
        chat: Arc::new(chat),
        users,
        events,
    }))
}

fn deliver_chat(hub: &Hub, news: ChatNews) {
    let topic = Topic::Chat(news.chat.id);
    if let Some(last) = news.events.last()
        && last.seq < news.chat.last_seq
    {
        // More than one page: the next round reads on from here.
        hub.put_back(&[(news.chat.id, Span::at(news.chat.last_seq))], &[]);
        hub.wake.notify_one();
    }
    for event in news.events {
        hub.presence().stopped_typing_by(&event);
        let seq = event.seq;
        let users = match ChatUpdate::needs_users(&event.body) {
            true => news.users.clone(),
            false => None,
        };
        let update = ChatUpdate::new(event, Arc::clone(&news.chat), users);
        hub.deliver(topic, &Update::Chat(Arc::new(update)));
        hub.set_served(topic, seq);
    }
}

fn deliver_inbox(hub: &Hub, site: SiteId, page: InboxPage) {
    let topic = Topic::Inbox(site);
    let Some(last) = page.changes.last().map(|change| change.inbox_seq) else {
        // Rows that were not handed out are pruned already: the next ones show the listeners a hole.
        hub.set_served(topic, page.head);
        return;
    };
    if last < page.head {
        hub.put_back(&[], &[(site, Span::at(page.head))]);
        hub.wake.notify_one();
    }
    let update = InboxUpdate::new(site, page.changes);
    hub.deliver(topic, &Update::Inbox(Arc::new(update)));
    hub.set_served(topic, last);
}

fn deliver_lists(hub: &Hub) {
    for (site, seen) in hub.take_lists() {
        let has_more = seen.len() > VisitorsSeen::MAX_VISITORS;
        let visitors = seen.into_iter().take(VisitorsSeen::MAX_VISITORS).collect();
        let update = VisitorsSeen {
            site,
            visitors,
            has_more,
        };
        hub.deliver(Topic::Visitors(site), &Update::Visitors(Arc::new(update)));
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
