//! A chat: a visitor's one continuous conversation, and who takes part in it.

use super::event::Author;
use super::ids::{AgentId, BrowserId, ChatId, GroupId, SiteId, ThreadId, VisitorId};
use super::properties::Properties;

/// One visitor's conversation, as its row stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Chat {
    /// The chat's id.
    pub id: ChatId,
    /// The site it belongs to.
    pub site: SiteId,
    /// The visitor row that began it; its events name this one as their author.
    pub visitor: VisitorId,
    /// The visitor that row is merged into, or the row itself: the profile agents see.
    pub root: VisitorId,
    /// The browser that began it.
    pub browser: BrowserId,
    /// The `seq` of the newest event.
    pub last_seq: i64,
    /// Whether a thread is open.
    pub is_active: bool,
    /// The newest thread.
    pub thread: Option<ThreadId>,
    /// Who has the open thread, or had the last one.
    pub agent: Option<AgentId>,
    /// The group the open thread was sent to; `None` is the default group.
    pub group: Option<GroupId>,
    /// The number of that group, by which the chat wire names it.
    pub group_number: i64,
    /// Since when the visitor's first unanswered message waits, Unix ms.
    pub waiting_since: Option<i64>,
    /// Time of the newest event that people see, or of the opening or closing of a thread, Unix ms.
    pub last_event_at: i64,
    /// The beginning of the newest message, at most [`Chat::LAST_TEXT_CHARS`] characters.
    pub last_text: String,
    /// Who wrote that message: `visitor`, `agent` or empty where there is none.
    pub last_author: String,
    /// The `seq` up to which the visitor has seen the chat.
    pub visitor_seen_seq: i64,
    /// The highest `seq` that any agent has seen.
    pub agent_seen_seq: i64,
    /// What clients hung on it.
    pub properties: Properties,
    /// Unix ms.
    pub created_at: i64,
    /// Time of the newest event of any kind, Unix ms; never goes back.
    pub changed_at: i64,
    /// The `seq` of the newest event when the row was read: what has been written since begins behind it.
    pub read_at_seq: i64,
}

impl Chat {
    /// How much of the newest message an inbox row keeps, in characters.
    pub const LAST_TEXT_CHARS: usize = 160;

    /// The author of what the visitor of this chat writes.
    #[must_use]
    pub const fn visitor_author(&self) -> Author {
        Author::Visitor(self.visitor)
    }
}

/// How many entries each side has not seen yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Entries of agents and the system that the visitor may see and has not.
    pub visitor: i64,
    /// Messages of the visitor that no agent has seen.
    pub agents: i64,
}

/// Somebody who takes part in a chat, or has looked into it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatUser {
    /// The visitor of the chat or an agent; never the system.
    pub user: Author,
    /// Whether they take part now; agents who only look do not.
    pub is_present: bool,
    /// The `seq` up to which they have seen the chat.
    pub seen_seq: i64,
    /// When the event with that `seq` was created, Unix ms; 0 where nothing was seen.
    pub seen_at: i64,
    /// Unix ms.
    pub joined_at: i64,
}

/// The beginning of a message as an inbox row shows it: one line, cut.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= Chat::LAST_TEXT_CHARS {
        return line;
    }
    let mut cut: String = line.chars().take(Chat::LAST_TEXT_CHARS - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_line_and_cut() {
        assert_eq!(excerpt(" two\n  lines "), "two lines");
        assert_eq!(excerpt(&"x".repeat(160)), "x".repeat(160));
        let cut = excerpt(&"ä".repeat(161));
        assert_eq!(cut.chars().count(), Chat::LAST_TEXT_CHARS);
        assert!(cut.ends_with("ä…"));
    }
}
