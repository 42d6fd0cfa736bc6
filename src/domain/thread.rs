//! A thread: one stretch of a chat, from start to close.

use serde::{Deserialize, Serialize};

use super::event::Author;
use super::ids::{AgentId, ChatId, GroupId, SiteId, ThreadId};
use super::properties::Properties;

/// A place in the queue of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// 1 for whoever comes next.
    pub position: i64,
    /// How long the wait may be from now, in milliseconds; a guess from recent waits.
    pub wait_ms: i64,
    /// Since when it waits, Unix ms.
    pub queued_at: i64,
}

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
    /// The thread after it.
    pub next: Option<ThreadId>,
    /// The last agent who had it.
    pub agent: Option<AgentId>,
    /// The group it was sent to; `None` is the default group.
    pub group: Option<GroupId>,
    /// The number of that group, by which the chat wire names it.
    pub group_number: i64,
    /// Its place in the queue of the group, while it waits in it.
    pub queue: Option<Place>,
    /// Who closed it.
    pub closed_by: Option<Author>,
    /// What clients hung on it.
    pub properties: Properties,
    /// Unix ms.
    pub created_at: i64,
    /// Unix ms.
    pub closed_at: Option<i64>,
}
