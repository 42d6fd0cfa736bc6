//! Topics: what a socket can listen to.

use crate::domain::ids::{AgentId, ChatId, LoginId, SiteId, VisitorId};

/// What a socket listens to; the hub delivers an update to every outbox under its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// New events of a chat, and who is typing in it.
    Chat(ChatId),
    /// New rows of the agents' inbox of a site.
    Inbox(SiteId),
    /// Which visitors of a site were seen or changed.
    Visitors(SiteId),
    /// One visitor: seen, changed.
    Visitor(VisitorId),
    /// The tokens of one visitor row ended. Apart from [`Topic::Visitor`], which agents listen to as well: they stay.
    Tokens(VisitorId),
    /// One agent changed.
    Agent(AgentId),
    /// Any agent changed: name, role, status, presence.
    Agents,
    /// One login ended.
    Login(LoginId),
    /// The tickets of a site changed.
    Tickets(SiteId),
    /// The settings of a site changed.
    Site(SiteId),
    /// The queues of a site moved.
    Queue(SiteId),
}
