//! The list of the Chats page as templates see it: tabs with counts, and rows.

use super::face;
use super::layout::Bare;
use super::times::{self, Times};
use crate::domain::ids::{AgentId, ChatId};
use crate::store::inbox_view::{COUNT_CAP, InboxCounts, InboxList, InboxRow};

/// A visitor who waited this long is shown in amber.
const LATE_MS: i64 = 2 * 60_000;

/// Which list of the inbox is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ListName {
    /// Own open chats.
    Mine,
    /// Open chats of nobody.
    Unassigned,
    /// All open chats: what a small team wants to see first, so that no new chat comes in unseen.
    #[default]
    All,
    /// Closed ones.
    Closed,
}

impl ListName {
    /// All lists, in the order of the tabs.
    pub(crate) const ALL: [Self; 4] = [Self::Mine, Self::Unassigned, Self::All, Self::Closed];

    /// The list with this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == name)
    }

    /// The list's name in URLs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Unassigned => "unassigned",
            Self::All => "all",
            Self::Closed => "closed",
        }
    }

    /// What the store lists for this agent.
    pub(crate) const fn of(self, agent: AgentId) -> InboxList {
        match self {
            Self::Mine => InboxList::Mine(agent),
            Self::Unassigned => InboxList::Unassigned,
            Self::All => InboxList::All,
            Self::Closed => InboxList::Closed,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Mine => "Mine",
            Self::Unassigned => "Waiting",
            Self::All => "All",
            Self::Closed => "Closed",
        }
    }
}

/// One list in the row of lists.
#[derive(Clone, Debug)]
pub(crate) struct Tab {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) count: String,
    pub(crate) is_current: bool,
}

/// The lists with their counts.
pub(crate) fn tabs(counts: &InboxCounts, current: ListName) -> Vec<Tab> {
    ListName::ALL
        .into_iter()
        .map(|list| Tab {
            name: list.name(),
            label: list.label(),
            count: count_of(counts, list),
            is_current: list == current,
        })
        .collect()
}

/// The number beside a list.
pub(crate) fn count_of(counts: &InboxCounts, list: ListName) -> String {
    let count = match list {
        ListName::Mine => counts.mine,
        ListName::Unassigned => counts.unassigned,
        ListName::All => counts.all,
        ListName::Closed => counts.closed,
    };
    if count >= COUNT_CAP {
        format!("{}+", COUNT_CAP - 1)
    } else {
        count.to_string()
    }
}

/// One row as the template writes it.
#[derive(Clone, Debug)]
pub(crate) struct RowShown {
    pub(crate) chat: ChatId,
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) initials: String,
    pub(crate) tint: u8,
    pub(crate) at: i64,
    pub(crate) at_iso: String,
    pub(crate) age: String,
    pub(crate) last_text: String,
    pub(crate) last_author: String,
    pub(crate) is_unread: bool,
    pub(crate) is_open: bool,
    pub(crate) waiting: Option<Waiting>,
    /// How long it waits for an agent, while nobody has it.
    pub(crate) queued: Option<Waiting>,
    /// The group it was sent to; empty for the default group.
    pub(crate) group: String,
}

/// How long a visitor waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) since: i64,
    pub(crate) iso: String,
    pub(crate) age: String,
    pub(crate) is_late: bool,
}

impl RowShown {
    /// A row; `open` is the chat whose conversation is beside it.
    ///
    /// One row serves all agents of a site, so it says nothing of the list it stands in.
    pub(crate) fn new(row: &InboxRow, base: &str, open: Option<ChatId>, times: &Times) -> Self {
        let name = face::shown_name(row.visitor.0, row.name.as_deref(), row.email.as_deref());
        Self {
            chat: row.chat,
            href: format!("{base}/chats/{}", row.chat),
            initials: face::initials(&name),
            name,
            tint: face::tint(row.visitor.0),
            at: row.last_event_at,
            at_iso: times::iso(row.last_event_at),
            age: times.age(row.last_event_at),
            last_text: row.last_text.clone(),
            last_author: row.last_author.clone(),
            is_unread: row.is_unread,
            is_open: open == Some(row.chat),
            waiting: row
                .waiting_since
                .filter(|_| row.is_active)
                .map(|since| Waiting::new(since, times)),
            queued: row
                .queued_at
                .filter(|_| row.is_active)
                .map(|since| Waiting::new(since, times)),
            group: row.group_name.clone().unwrap_or_default(),
        }
    }
}

impl Waiting {
    fn new(since: i64, times: &Times) -> Self {
        Self {
            since,
            iso: times::iso(since),
            age: times.age(since),
            is_late: times.now() - since > LATE_MS,
        }
    }
}

/// A row by itself, as the socket sends it.
#[derive(askama::Template)]
#[template(path = "chats/_row.html")]
pub(crate) struct RowPartial<'a> {
    pub(crate) layout: &'a Bare,
    pub(crate) row: &'a RowShown,
}
