//! Updates: what a socket receives. Made once, shared by all sockets; each audience's bytes are rendered once.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::domain::chat::Chat;
use crate::domain::event::{Audience, Author, Body, Event, Recipients};
use crate::domain::ids::{AgentId, BrowserId, ChatId, SiteId, VisitorId};
use crate::store::chat_users::Participant;
use crate::store::inbox::InboxChange;

/// One thing a socket receives; cheap to clone.
#[derive(Clone, Debug)]
pub enum Update {
    /// A new event of a chat.
    Chat(Arc<ChatUpdate>),
    /// New rows of a site's inbox.
    Inbox(Arc<InboxUpdate>),
    /// Visitors of a site were seen or changed since the last such update.
    Visitors(Arc<VisitorsSeen>),
    /// This visitor was seen or changed.
    Visitor(VisitorId),
    /// The greeting of this visitor changed: was sent, shown, answered or has ended.
    Greeting(VisitorId),
    /// This agent changed.
    Agent(AgentId),
    /// The tickets of this site changed.
    Tickets(SiteId),
    /// The settings of this site changed.
    Site(SiteId),
    /// The queues of this site moved.
    Queue(SiteId),
    /// Something that may be lost.
    Lossy(Arc<Lossy>),
}

impl Update {
    /// What it counts for in an outbox, in bytes; an estimate of what is written, the same each time.
    #[must_use]
    pub fn weight(&self) -> usize {
        /// The frame around the content.
        const FRAME_BYTES: usize = 256;
        FRAME_BYTES
            + match self {
                Self::Chat(update) => update.weight,
                Self::Inbox(update) => update.rows.len() * FRAME_BYTES,
                Self::Visitors(seen) => seen.visitors.len() * size_of::<VisitorId>(),
                Self::Lossy(lossy) => lossy.weight(),
                Self::Visitor(_)
                | Self::Greeting(_)
                | Self::Agent(_)
                | Self::Tickets(_)
                | Self::Site(_)
                | Self::Queue(_) => 0,
            }
    }

    /// Whether it may be dropped where there is no room.
    #[must_use]
    pub const fn is_lossy(&self) -> bool {
        match self {
            Self::Lossy(_) => true,
            Self::Chat(_)
            | Self::Inbox(_)
            | Self::Visitors(_)
            | Self::Visitor(_)
            | Self::Greeting(_)
            | Self::Agent(_)
            | Self::Tickets(_)
            | Self::Queue(_)
            | Self::Site(_) => false,
        }
    }
}

/// One new event of a chat, with what its readers need to draw it.
#[derive(Debug)]
pub struct ChatUpdate {
    /// The event.
    pub event: Event,
    /// The chat as it stood when the event was read; its `last_seq` may be higher than the event's.
    pub chat: Arc<Chat>,
    /// Who takes part, for events that draw more than their author: read unless the event is a message or a seen mark.
    pub users: Option<Arc<[Participant]>>,
    weight: usize,
    frames: Frames,
}

impl ChatUpdate {
    /// An update of this event.
    #[must_use]
    pub fn new(event: Event, chat: Arc<Chat>, users: Option<Arc<[Participant]>>) -> Self {
        let weight = event.body.text().map_or(0, str::len);
        Self {
            event,
            chat,
            users,
            weight,
            frames: Frames::default(),
        }
    }

    /// Whether an event with this body comes with [`ChatUpdate::users`].
    #[must_use]
    pub const fn needs_users(body: &Body) -> bool {
        match body {
            Body::Message { .. }
            | Body::File { .. }
            | Body::FilledForm { .. }
            | Body::RichMessage { .. }
            | Body::Custom { .. }
            | Body::PostbackToggled { .. }
            | Body::Seen { .. }
            | Body::EventUpdated { .. } => false,
            Body::SystemMessage { .. }
            | Body::ThreadOpened { .. }
            | Body::ThreadClosed {}
            | Body::Assigned { .. }
            | Body::UserAdded { .. }
            | Body::UserRemoved { .. }
            | Body::PropertiesChanged { .. } => true,
        }
    }

    /// The bytes for this audience, rendered by the first socket that asks.
    pub fn frame(&self, audience: Audience, render: impl FnOnce() -> Bytes) -> Bytes {
        self.frames.get(audience, render)
    }

    /// The bytes for this audience, rendered by the first socket that asks; the others wait for it.
    ///
    /// # Errors
    /// What `render` returned; the next one to ask tries again.
    pub async fn frame_async<E>(
        &self,
        audience: Audience,
        render: impl AsyncFnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        self.frames.get_async(audience, render).await
    }
}

/// New rows of a site's inbox, in order of `inbox_seq`.
#[derive(Debug)]
pub struct InboxUpdate {
    /// The site.
    pub site: SiteId,
    /// The rows, without gaps.
    pub rows: Vec<InboxChange>,
    frames: Frames,
}

impl InboxUpdate {
    /// An update of these rows.
    #[must_use]
    pub fn new(site: SiteId, rows: Vec<InboxChange>) -> Self {
        Self {
            site,
            rows,
            frames: Frames::default(),
        }
    }

    /// The bytes for the agents of the site, rendered by the first socket that asks; the others wait for it.
    ///
    /// # Errors
    /// What `render` returned; the next one to ask tries again.
    pub async fn frame_async<E>(
        &self,
        render: impl AsyncFnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        self.frames.get_async(Audience::Agent, render).await
    }
}

/// Which visitors of a site were seen or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitorsSeen {
    /// The site.
    pub site: SiteId,
    /// The roots of the visitors, each once, in no order; at most [`VisitorsSeen::MAX_VISITORS`].
    pub visitors: Vec<VisitorId>,
    /// Whether there were more than fit: read the list again.
    pub has_more: bool,
}

impl VisitorsSeen {
    /// Most visitors that one update names.
    pub const MAX_VISITORS: usize = 200;
}

/// What has no `seq`, may be lost, and is asked for afresh after a reconnect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lossy {
    /// Somebody began or ceased to type.
    Typing {
        /// In this chat.
        chat: ChatId,
        /// Who.
        author: Author,
        /// Whether they type now.
        is_typing: bool,
        /// Who may know.
        recipients: Recipients,
    },
    /// What the visitor of a chat is typing; empty when they took it back. For agents.
    SneakPeek {
        /// In this chat.
        chat: ChatId,
        /// The text so far.
        text: String,
    },
    /// Where a visitor is. For agents, and the visitor's own sockets.
    Page {
        /// The root of the visitor.
        visitor: VisitorId,
        /// The browser that shows the page.
        browser: BrowserId,
        /// The address of the page.
        url: String,
        /// Its title.
        title: String,
        /// Since when, Unix ms.
        at: i64,
    },
}

impl Lossy {
    /// Whether this audience may know of it. A socket drops what its own person did.
    #[must_use]
    pub const fn is_visible_to(&self, audience: Audience) -> bool {
        match (audience, self) {
            (Audience::Agent, _) | (Audience::Visitor, Self::Page { .. }) => true,
            (Audience::Visitor, Self::Typing { recipients, .. }) => {
                matches!(recipients, Recipients::All)
            }
            (Audience::Visitor, Self::SneakPeek { .. }) => false,
        }
    }

    const fn weight(&self) -> usize {
        match self {
            Self::Typing { .. } => 0,
            Self::SneakPeek { text, .. } => text.len(),
            Self::Page { url, title, .. } => url.len() + title.len(),
        }
    }
}

/// One cell of bytes an audience, filled once.
#[derive(Debug, Default)]
struct Frames {
    ready: [OnceLock<Bytes>; 2],
    awaited: [OnceCell<Bytes>; 2],
}

impl Frames {
    fn get(&self, audience: Audience, render: impl FnOnce() -> Bytes) -> Bytes {
        self.ready[index(audience)].get_or_init(render).clone()
    }

    async fn get_async<E>(
        &self,
        audience: Audience,
        render: impl AsyncFnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        let cell = &self.awaited[index(audience)];
        cell.get_or_try_init(async || render().await).await.cloned()
    }
}

const fn index(audience: Audience) -> usize {
    match audience {
        Audience::Visitor => 0,
        Audience::Agent => 1,
    }
}
