//! A thread: one stretch of a chat, from start to close.

use super::event::Author;
use super::ids::{AgentId, ChatId, GroupId, SiteId, ThreadId};
use super::properties::Properties;

/// One stretch of a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    /// The thread's id.
    pub id: ThreadId,
    /// The chat it is part of.
    pub chat: ChatId,
    /// The site of the chat.
    pub site: SiteId,
    /// Whether it is open.
    pub is_active: bool,
    /// The `seq` of its `thread_opened`.
    pub first_seq: i64,
    /// The `seq` of its `thread_closed`, once closed; later events may still be attached to it.
    pub last_seq: Option<i64>,
    /// The thread before it.
    pub previous: Option<ThreadId>,
    /// The last agent who had it.
    pub agent: Option<AgentId>,
    /// The group it was sent to.
    pub group: Option<GroupId>,
    /// Who closed it.
    pub closed_by: Option<Author>,
    /// What clients hung on it.
    pub properties: Properties,
    /// Unix ms.
    pub created_at: i64,
    /// Unix ms.
    pub closed_at: Option<i64>,
}
