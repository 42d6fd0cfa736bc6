//! Refusals: why a rule of the domain says no, in the words that every transport shares.

/// A named refusal; [`Refusal::code`] is its name on every wire, the text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A value does not fit; `field` is its name as the client wrote it, dotted for nested values.
    #[error("{field}: {reason}")]
    Validation {
        /// The field that does not fit.
        field: String,
        /// What is wrong with it, in plain English, without the value itself.
        reason: String,
    },
    /// Not there, or not the caller's: the two are never told apart.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The caller is known but may not do this.
    #[error("not allowed")]
    NotAllowed,
    /// The token, key or login is missing, wrong, expired or revoked.
    #[error("authentication failed")]
    Authentication,
    /// The chat already has an open thread.
    #[error("the chat is already active")]
    ChatAlreadyActive,
    /// The chat has no open thread.
    #[error("the chat is not active")]
    ChatInactive,
    /// A visitor has one chat; this would be a second.
    #[error("the visitor already has a chat")]
    ChatLimitReached,
    /// The same client id came with another content.
    #[error("this custom_id was used for another event")]
    CustomIdReused,
    /// A group that does not exist was named.
    #[error("group not found")]
    GroupNotFound,
    /// Nobody answers in the groups of the chat, and the site does not let chats wait.
    #[error("the groups are offline")]
    GroupsOffline,
    /// Nobody answers in the group.
    #[error("the group is offline")]
    GroupOffline,
    /// Nobody of the group has room: a chat would wait.
    #[error("nobody of the group is free")]
    GroupUnavailable,
    /// No such greeting was sent to the visitor.
    #[error("greeting not found")]
    GreetingNotFound,
    /// A limit was reached; the text names it.
    #[error("limit reached: {0}")]
    LimitReached(&'static str),
    /// More visitors are connected than the site allows.
    #[error("too many visitors are connected")]
    UsersLimitReached,
    /// Too many session fields on one visitor.
    #[error("too many session fields")]
    SessionFieldsLimitReached,
    /// The visitor is banned.
    #[error("the visitor is banned")]
    Banned,
    /// The value belongs to somebody else or the change came too late; nothing was written.
    #[error("conflict: {0}")]
    Conflict(&'static str),
}

impl Refusal {
    /// A [`Refusal::Validation`] of `field`.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Validation {
            field: field.into(),
            reason: reason.into(),
        }
    }

    /// The same with its field named from further out, as the client wrote it: `url` under `event` is `event.url`.
    #[must_use]
    pub fn under(self, outer: &str) -> Self {
        self.renamed(|field| format!("{outer}.{field}"))
    }

    /// The same with its field, if it is about one, under the name that `name` gives it.
    #[must_use]
    pub fn renamed(self, name: impl FnOnce(&str) -> String) -> Self {
        if let Self::Validation { field, reason } = self {
            let field = name(&field);
            return Self::Validation { field, reason };
        }
        self
    }

    /// The name of the refusal on the wire, in lower case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Validation { .. } => "validation",
            Self::NotFound(_) => "not_found",
            Self::NotAllowed => "authorization",
            Self::Authentication => "authentication",
            Self::ChatAlreadyActive => "chat_already_active",
            Self::ChatInactive => "chat_inactive",
            Self::ChatLimitReached => "chat_limit_reached",
            Self::CustomIdReused => "custom_id_reused",
            Self::GroupNotFound => "group_not_found",
            Self::GroupsOffline => "groups_offline",
            Self::GroupOffline => "group_offline",
            Self::GroupUnavailable => "group_unavailable",
            Self::GreetingNotFound => "greeting_not_found",
            Self::LimitReached(_) => "limit_reached",
            Self::UsersLimitReached => "users_limit_reached",
            Self::SessionFieldsLimitReached => "customer_session_fields_limit_reached",
            Self::Banned => "customer_banned",
            Self::Conflict(_) => "conflict",
        }
    }
}
