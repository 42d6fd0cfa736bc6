//! Hints: what leaves a transaction after its commit, wakes readers, and may be lost.

use super::disconnect::DisconnectReason;
use super::ids::{AgentId, ChatId, LoginId, SiteId, VisitorId};

/// Something changed; whoever cares reads the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A chat has events up to `seq`.
    ChatAdvanced {
        /// The site of the chat.
        site: SiteId,
        /// The chat.
        chat: ChatId,
        /// The highest committed `seq` of the chat.
        seq: i64,
    },
    /// The agents' inbox of a site has entries up to `seq`.
    InboxAdvanced {
        /// The site.
        site: SiteId,
        /// The highest committed `inbox_seq`.
        seq: i64,
    },
    /// A visitor was seen: a page, an event, a heartbeat, a changed profile.
    VisitorSeen {
        /// The site.
        site: SiteId,
        /// The root of the visitor.
        visitor: VisitorId,
    },
    /// A visitor's tokens were revoked or re-bound: their sockets end.
    VisitorTokensEnded {
        /// The visitor whose sockets end.
        visitor: VisitorId,
    },
    /// All sockets of a visitor end, for a reason that clients are told.
    VisitorDisconnected {
        /// The root of the visitor.
        visitor: VisitorId,
        /// Why.
        reason: DisconnectReason,
    },
    /// A visitor's own data changed (name, e-mail, attributes).
    VisitorUpdated {
        /// The site.
        site: SiteId,
        /// The root of the visitor.
        visitor: VisitorId,
    },
    /// A greeting of a visitor was sent, shown, answered or has ended.
    GreetingChanged {
        /// The site.
        site: SiteId,
        /// The root of the visitor.
        visitor: VisitorId,
    },
    /// An agent changed: name, role, status, presence.
    AgentChanged {
        /// The agent.
        agent: AgentId,
    },
    /// A login ended: its sockets close at once.
    LoginEnded {
        /// The login.
        login: LoginId,
    },
    /// A ticket of a site came, was closed, reopened, given to somebody or deleted.
    TicketsChanged {
        /// The site.
        site: SiteId,
    },
    /// Somebody waits, waits no longer, or might be served now: the queues of a site are looked through.
    QueueMoved {
        /// The site.
        site: SiteId,
    },
    /// The settings of a site changed: drop what is cached of it.
    SiteChanged {
        /// The site.
        site: SiteId,
    },
}
