//! A greeting: an invitation to chat that is shown unasked, and the rules by which it is.

mod pattern;
mod rules;

pub use pattern::{How, Pattern};
pub use rules::{Condition, Match, Rules, Situation, matches};

use super::Refusal;
use super::agent::required_line;
use super::event::Body;
use super::ids::{AgentId, GroupId};

/// A greeting as somebody writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What agents call it: 1 to [`Draft::NAME_CHARS`] characters.
    pub name: String,
    /// Whether it is sent by itself; agents may send it by hand in any case.
    pub is_enabled: bool,
    /// When it is sent by itself.
    pub rules: Rules,
    /// What it says.
    pub content: Body,
    /// The group that answers; `None` is the default one.
    pub group: Option<GroupId>,
    /// Whose name it carries; `None` is the site's.
    pub agent: Option<AgentId>,
}

impl Draft {
    /// Longest name, in characters.
    pub const NAME_CHARS: usize = 80;

    /// The same with its name cleaned, if everything fits.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `name`, `rules` or `content`.
    pub fn checked(mut self) -> Result<Self, Refusal> {
        self.name = required_line("name", &self.name, Self::NAME_CHARS)?;
        self.rules.check()?;
        if !is_content(&self.content) {
            let reason = "must be a message or a rich message";
            return Err(Refusal::invalid("content", reason));
        }
        Ok(self)
    }
}

/// Whether a greeting can say this.
#[must_use]
pub const fn is_content(body: &Body) -> bool {
    matches!(body, Body::Message { .. } | Body::RichMessage { .. })
}

/// Why an invitation is open no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The visitor closed it, or an agent opened a chat instead.
    Canceled,
    /// Another greeting took its place.
    Replaced,
    /// Nobody answered it for a day.
    Expired,
    /// The visitor began a chat.
    ChatStarted,
}

impl EndReason {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::ChatStarted => "chat_started",
        }
    }

    /// The reason with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Canceled,
            Self::Replaced,
            Self::Expired,
            Self::ChatStarted,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == text)
    }
}
