//! Who writes into a chat, and who may read it.

use serde::{Deserialize, Serialize};

use super::ids::{AgentId, VisitorId};

/// The side of the conversation that something is written or drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// The visitor of the chat: no notes.
    Visitor,
    /// The agents of the site: everything.
    Agent,
}

/// Who wrote or did something.
///
/// A visitor is named by the chat's own visitor row, whatever it was merged into since: so a repeated send is still
/// recognised after the visitor was identified. Shown to people is the root, [`super::chat::Chat::root`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Author {
    /// The visitor of the chat.
    Visitor(VisitorId),
    /// An agent.
    Agent(AgentId),
    /// Parlor itself.
    System,
}

impl Author {
    /// `visitor`, `agent` or `system`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Visitor(_) => "visitor",
            Self::Agent(_) => "agent",
            Self::System => "system",
        }
    }

    /// The id within its kind; 0 for the system.
    #[must_use]
    pub const fn id(self) -> i64 {
        match self {
            Self::Visitor(VisitorId(id)) | Self::Agent(AgentId(id)) => id,
            Self::System => 0,
        }
    }

    /// The author with this kind and id.
    #[must_use]
    pub fn from_parts(kind: &str, id: i64) -> Option<Self> {
        match kind {
            "visitor" => Some(Self::Visitor(VisitorId(id))),
            "agent" => Some(Self::Agent(AgentId(id))),
            "system" => Some(Self::System),
            _ => None,
        }
    }
}

/// Who may see an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// Everybody in the chat.
    #[default]
    All,
    /// Agents only: an internal note.
    Agents,
}

impl Recipients {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Agents => "agents",
        }
    }

    /// The recipients with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "agents" => Some(Self::Agents),
            _ => None,
        }
    }
}
