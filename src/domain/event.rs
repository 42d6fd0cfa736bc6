//! An event: one entry of a chat, ordered by `seq`. What people see, and the stored changes beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::file_body::FileBody;
use super::form_answers::FilledField;
use super::ids::{AgentId, ChatId, EventId, SiteId, ThreadId};
use super::properties::{Properties, PropertyNames};
use super::rich_message::RichMessage;
use super::thread::Place;

pub use super::author::{Audience, Author, Recipients};
pub use super::event_kind::EventKind;
pub use super::new_event::{Content, NewEvent, body_hash, message_text};

/// One stored entry of a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The chat it belongs to.
    pub chat: ChatId,
    /// Its place in the chat: 1, 2, 3 … without gaps. The only order there is.
    pub seq: i64,
    /// Its id, for clients that name events.
    pub id: EventId,
    /// The thread it was written in.
    pub thread: ThreadId,
    /// The site of the chat.
    pub site: SiteId,
    /// Who wrote or did it.
    pub author: Author,
    /// Who may see it.
    pub recipients: Recipients,
    /// The client's own id of it, unique per chat and author.
    pub custom_id: Option<String>,
    /// What it says.
    pub body: Body,
    /// The `seq` of the event that an edit is about.
    pub refers_to: Option<i64>,
    /// Unix ms; never goes back within a chat, and never decides an order.
    pub created_at: i64,
    /// When an agent last wrote it anew, Unix ms; `None` where it reads as it was first written.
    pub edited_at: Option<i64>,
}

impl Event {
    /// Whether this audience may see it; who may not gets the bare `seq`.
    #[must_use]
    pub const fn is_visible_to(&self, audience: Audience) -> bool {
        match (audience, self.recipients) {
            (Audience::Agent, _) | (Audience::Visitor, Recipients::All) => true,
            (Audience::Visitor, Recipients::Agents) => false,
        }
    }
}

/// What an event says. The first six are shown as entries of the conversation, the others are stored changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// Something a person wrote.
    Message {
        /// 1 to [`NewEvent::MAX_TEXT_CHARS`] characters, shown as text.
        text: String,
        /// The button that wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        postback: Option<MessagePostback>,
        /// What the client hung on it.
        #[serde(default, skip_serializing_if = "Properties::is_empty")]
        properties: Properties,
    },
    /// A line about the conversation.
    SystemMessage {
        /// An English sentence.
        text: String,
        /// What happened, for clients that write their own sentence.
        system_message_type: String,
        /// The names used in the text.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        text_vars: BTreeMap<String, String>,
        /// What the client hung on it.
        #[serde(default, skip_serializing_if = "Properties::is_empty")]
        properties: Properties,
    },
    /// A file.
    File {
        /// What is known of it.
        file: FileBody,
        /// What the client hung on it.
        #[serde(default, skip_serializing_if = "Properties::is_empty")]
        properties: Properties,
    },
    /// The answers to a form.
    FilledForm {
        /// The form, as the client names it.
        form_id: String,
        /// The answers, in the order of the form.
        fields: Vec<FilledField>,
        /// What the client hung on it.
        #[serde(default, skip_serializing_if = "Properties::is_empty")]
        properties: Properties,
    },
    /// Cards, quick replies or a sticker; of agents and bots only.
    RichMessage {
        /// What it shows.
        content: RichMessage,
        /// What the client hung on it.
        #[serde(default, skip_serializing_if = "Properties::is_empty")]
        properties: Properties,
    },
    /// What two programs tell each other; people see that there is something, at most.
    Custom {
        /// At most [`NewEvent::MAX_CONTENT_BYTES`] as JSON text.
        content: serde_json::Value,
        /// What the client hung on it.
        #[serde(default, skip_serializing_if = "Properties::is_empty")]
        properties: Properties,
    },
    /// A thread began.
    ThreadOpened {
        /// The thread before it.
        previous_thread_id: Option<ThreadId>,
    },
    /// The thread ended; the author is who closed it.
    ThreadClosed {},
    /// The author has seen everything up to here.
    Seen {
        /// The `seq` of the last event seen.
        up_to: i64,
        /// When that event was created, Unix ms.
        up_to_at: i64,
    },
    /// The chat changed hands.
    Assigned {
        /// Who had it.
        from: Option<AgentId>,
        /// Who has it; `None` gives it back to all.
        to: Option<AgentId>,
        /// Why.
        reason: AssignReason,
        /// The number of the group it was sent to, where that is another one than before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<i64>,
        /// Its place in the queue, where nobody has it now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<Place>,
    },
    /// Somebody takes part from now on.
    UserAdded {
        /// Who.
        user: Author,
    },
    /// Somebody takes part no longer.
    UserRemoved {
        /// Who.
        user: Author,
    },
    /// Properties changed; holds only what changed.
    PropertiesChanged {
        /// Of what.
        of: PropertyOwner,
        /// New and changed values.
        #[serde(default, skip_serializing_if = "Properties::is_empty")]
        updated: Properties,
        /// Names taken away.
        #[serde(default, skip_serializing_if = "PropertyNames::is_empty")]
        deleted: PropertyNames,
    },
    /// An earlier entry reads differently now; [`Event::refers_to`] names it.
    EventUpdated {
        /// The whole entry as it reads since, its properties included.
        body: Box<Body>,
    },
    /// The visitor pressed a button of a rich message, or let it go; [`Event::refers_to`] names the message.
    PostbackToggled {
        /// The id of the message.
        event: EventId,
        /// The thread of the message.
        thread: ThreadId,
        /// What the button calls itself.
        postback_id: String,
        /// Whether it is pressed now.
        is_toggled: bool,
        /// Whether the thread of the message was open then: else nobody is told.
        is_pushed: bool,
    },
}

/// The button of a rich message that wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagePostback {
    /// What the button calls itself.
    pub id: String,
    /// The thread of the rich message, as the client names it.
    pub thread_id: String,
    /// The rich message, as the client names it.
    pub event_id: String,
    /// The type of the button.
    #[serde(rename = "type")]
    pub kind: String,
    /// The value of the button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Body {
    /// The kind of this body.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Message { .. } => EventKind::Message,
            Self::SystemMessage { .. } => EventKind::SystemMessage,
            Self::File { .. } => EventKind::File,
            Self::FilledForm { .. } => EventKind::FilledForm,
            Self::RichMessage { .. } => EventKind::RichMessage,
            Self::Custom { .. } => EventKind::Custom,
            Self::ThreadOpened { .. } => EventKind::ThreadOpened,
            Self::ThreadClosed {} => EventKind::ThreadClosed,
            Self::Seen { .. } => EventKind::Seen,
            Self::Assigned { .. } => EventKind::Assigned,
            Self::UserAdded { .. } => EventKind::UserAdded,
            Self::UserRemoved { .. } => EventKind::UserRemoved,
            Self::PropertiesChanged { .. } => EventKind::PropertiesChanged,
            Self::EventUpdated { .. } => EventKind::EventUpdated,
            Self::PostbackToggled { .. } => EventKind::PostbackToggled,
        }
    }

    /// A line of Parlor's own: English text, its type, and the names used in it.
    #[must_use]
    pub fn system(text: String, system_message_type: &str, vars: &[(&str, &str)]) -> Self {
        Self::SystemMessage {
            text,
            system_message_type: system_message_type.into(),
            text_vars: vars
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            properties: Properties::default(),
        }
    }

    /// The text of a message or system message; other entries and stored changes have none.
    #[must_use]
    pub const fn text(&self) -> Option<&str> {
        match self {
            Self::Message { text, .. } | Self::SystemMessage { text, .. } => Some(text.as_str()),
            Self::File { .. }
            | Self::FilledForm { .. }
            | Self::RichMessage { .. }
            | Self::Custom { .. }
            | Self::ThreadOpened { .. }
            | Self::ThreadClosed {}
            | Self::Seen { .. }
            | Self::Assigned { .. }
            | Self::UserAdded { .. }
            | Self::UserRemoved { .. }
            | Self::PropertiesChanged { .. }
            | Self::EventUpdated { .. }
            | Self::PostbackToggled { .. } => None,
        }
    }

    /// An entry in one line of words, for lists: of a file its name; `None` where a list shows nothing new.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        match self {
            Self::Message { text, .. } => Some(text.clone()),
            Self::File { file, .. } => Some(format!("Sent a file: {}", file.name)),
            Self::FilledForm { .. } => Some("Filled in a form".to_owned()),
            Self::RichMessage { content, .. } => Some(match content.first_words() {
                "" => "Sent a sticker".to_owned(),
                words => words.to_owned(),
            }),
            Self::SystemMessage { .. }
            | Self::Custom { .. }
            | Self::ThreadOpened { .. }
            | Self::ThreadClosed {}
            | Self::Seen { .. }
            | Self::Assigned { .. }
            | Self::UserAdded { .. }
            | Self::UserRemoved { .. }
            | Self::PropertiesChanged { .. }
            | Self::EventUpdated { .. }
            | Self::PostbackToggled { .. } => None,
        }
    }

    /// What the client hung on an entry; `None` for a stored change.
    #[must_use]
    pub const fn properties(&self) -> Option<&Properties> {
        match self {
            Self::Message { properties, .. }
            | Self::SystemMessage { properties, .. }
            | Self::File { properties, .. }
            | Self::FilledForm { properties, .. }
            | Self::RichMessage { properties, .. }
            | Self::Custom { properties, .. } => Some(properties),
            Self::ThreadOpened { .. }
            | Self::ThreadClosed {}
            | Self::Seen { .. }
            | Self::Assigned { .. }
            | Self::UserAdded { .. }
            | Self::UserRemoved { .. }
            | Self::PropertiesChanged { .. }
            | Self::EventUpdated { .. }
            | Self::PostbackToggled { .. } => None,
        }
    }

    /// The same as [`Body::properties`], to be changed.
    pub const fn properties_mut(&mut self) -> Option<&mut Properties> {
        match self {
            Self::Message { properties, .. }
            | Self::SystemMessage { properties, .. }
            | Self::File { properties, .. }
            | Self::FilledForm { properties, .. }
            | Self::RichMessage { properties, .. }
            | Self::Custom { properties, .. } => Some(properties),
            Self::ThreadOpened { .. }
            | Self::ThreadClosed {}
            | Self::Seen { .. }
            | Self::Assigned { .. }
            | Self::UserAdded { .. }
            | Self::UserRemoved { .. }
            | Self::PropertiesChanged { .. }
            | Self::EventUpdated { .. }
            | Self::PostbackToggled { .. } => None,
        }
    }
}

/// Why a chat changed hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignReason {
    /// Somebody decided so.
    Manual,
    /// The agent answered a chat that nobody had.
    Answered,
    /// A rule of routing decided so.
    Routed,
    /// Its agent vanished without an answer.
    Disconnected,
    /// Its agent works here no longer.
    Deleted,
}

/// What a changed property hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "object", content = "id", rename_all = "snake_case")]
pub enum PropertyOwner {
    /// The chat.
    Chat,
    /// A thread of it.
    Thread(ThreadId),
    /// An entry of it.
    Event {
        /// The thread of the entry.
        thread: ThreadId,
        /// The entry.
        event: EventId,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ids::VisitorId;

    #[test]
    fn every_body_comes_back_as_it_was_stored_under_its_kind() {
        let user = Author::Agent(AgentId(7));
        let bodies = [
            NewEvent::message("Hi").unwrap().body().unwrap().clone(),
            Body::system("Ada joined.".into(), "agent_joined", &[("agent", "Ada")]),
            Body::ThreadOpened {
                previous_thread_id: Some(ThreadId(3)),
            },
            Body::ThreadClosed {},
            Body::Seen {
                up_to: 4,
                up_to_at: 5,
            },
            Body::Assigned {
                from: None,
                to: Some(AgentId(7)),
                reason: AssignReason::Manual,
                group: Some(2),
                queue: None,
            },
            Body::UserAdded { user },
            Body::UserRemoved { user },
            Body::PropertiesChanged {
                of: PropertyOwner::Thread(ThreadId(3)),
                updated: Properties::parse("p", &json!({"rating": {"score": 1}})).unwrap(),
                deleted: PropertyNames::default(),
            },
            Body::EventUpdated {
                body: Box::new(Body::ThreadClosed {}),
            },
        ];
        for body in bodies {
            let stored = serde_json::to_value(&body).unwrap();

            assert_eq!(stored["kind"], body.kind().as_str());
            assert_eq!(serde_json::from_value::<Body>(stored).unwrap(), body);
        }
    }

    #[test]
    fn visitors_do_not_see_notes() {
        for author in [
            Author::Visitor(VisitorId(5)),
            Author::Agent(AgentId(5)),
            Author::System,
        ] {
            assert_eq!(Author::from_parts(author.kind(), author.id()), Some(author));
        }
        for recipients in [Recipients::All, Recipients::Agents] {
            assert_eq!(Recipients::parse(recipients.as_str()), Some(recipients));
        }
        assert_eq!(Author::from_parts("operator", 5), None);
    }
}
