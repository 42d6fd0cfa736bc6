//! The kinds of events: their words in the database and on the wire, and which of them people see.

/// The kind of an event, as the database and the wire name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Something a person wrote.
    Message,
    /// A line about the conversation.
    SystemMessage,
    /// A file.
    File,
    /// The answers to a form.
    FilledForm,
    /// Cards, quick replies or a sticker.
    RichMessage,
    /// What two programs tell each other.
    Custom,
    /// A thread began.
    ThreadOpened,
    /// A thread ended.
    ThreadClosed,
    /// Somebody has seen up to here.
    Seen,
    /// The chat changed hands.
    Assigned,
    /// Somebody takes part.
    UserAdded,
    /// Somebody takes part no longer.
    UserRemoved,
    /// Properties of the chat, a thread or an event changed.
    PropertiesChanged,
    /// An earlier entry was edited.
    EventUpdated,
    /// A button of a rich message was pressed or let go.
    PostbackToggled,
}

impl EventKind {
    /// The kinds of entries that people see in the conversation, as [`EventKind::is_shown`] says.
    pub const SHOWN: [Self; 6] = [
        Self::Message,
        Self::SystemMessage,
        Self::File,
        Self::FilledForm,
        Self::RichMessage,
        Self::Custom,
    ];

    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::SystemMessage => "system_message",
            Self::File => "file",
            Self::FilledForm => "filled_form",
            Self::RichMessage => "rich_message",
            Self::Custom => "custom",
            Self::ThreadOpened => "thread_opened",
            Self::ThreadClosed => "thread_closed",
            Self::Seen => "seen",
            Self::Assigned => "assigned",
            Self::UserAdded => "user_added",
            Self::UserRemoved => "user_removed",
            Self::PropertiesChanged => "properties_changed",
            Self::EventUpdated => "event_updated",
            Self::PostbackToggled => "postback_toggled",
        }
    }

    /// Whether it is an entry that people see in the conversation, rather than a stored change.
    #[must_use]
    pub const fn is_shown(self) -> bool {
        match self {
            Self::Message
            | Self::SystemMessage
            | Self::File
            | Self::FilledForm
            | Self::RichMessage
            | Self::Custom => true,
            Self::ThreadOpened
            | Self::ThreadClosed
            | Self::Seen
            | Self::Assigned
            | Self::UserAdded
            | Self::UserRemoved
            | Self::PropertiesChanged
            | Self::EventUpdated
            | Self::PostbackToggled => false,
        }
    }

    /// Whether it is said by a person to the others: what waits for an answer, is unread, and stands in a list.
    #[must_use]
    pub const fn is_said(self) -> bool {
        matches!(
            self,
            Self::Message | Self::File | Self::FilledForm | Self::RichMessage
        )
    }
}
