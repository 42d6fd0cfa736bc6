//! The words of the agents' socket: what a page says, and what it hears. JSON, one message a frame, told apart by `type`.

use std::collections::BTreeMap;

use bytestring::ByteString;
use serde::{Deserialize, Serialize};

use crate::db;
use crate::domain::ids::{AgentId, ChatId, VisitorId};
use crate::http::error::ApiError;

/// What a page says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Message {
    /// Follow the inbox: from the place the page shows, or from now.
    Follow {
        inbox_after: Option<i64>,
        epoch: Option<String>,
    },
    /// Follow one chat from the place the page shows. A second one takes the place of the first.
    Open { chat: ChatId, after_seq: i64 },
    /// Write a message or a note.
    Send {
        chat: ChatId,
        custom_id: String,
        text: String,
        /// The address of an upload, which is sent in place of the text.
        #[serde(default)]
        file: Option<String>,
        #[serde(default)]
        note: bool,
    },
    /// Somebody types, or ceased to.
    Typing {
        chat: ChatId,
        is_typing: bool,
        #[serde(default)]
        note: bool,
    },
    /// The open chat was looked at up to here.
    Seen { chat: ChatId, seq: i64 },
    /// Follow the list of who is here, or no longer.
    Visitors { on: bool },
    /// Follow one visitor's profile.
    Watch { visitor: VisitorId },
    /// A sign of life.
    Ping,
}

/// What a page hears.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Update<'a> {
    /// The first frame: everything can be asked for now.
    Hello { agent: AgentId },
    /// Answer to a ping.
    Pong,
    /// From where the inbox is followed, for a page that did not know.
    Following { inbox_seq: i64, epoch: &'a str },
    /// Chats changed, in order.
    Inbox { rows: Vec<InboxChanged> },
    /// How many chats wait, how many tickets are open, and how many chats each list holds.
    Counts {
        waiting: i64,
        /// Open tickets, counted to 100.
        tickets: i64,
        lists: BTreeMap<&'static str, String>,
    },
    /// What the page holds belongs to another history, or is too old: load it afresh. `of` is `inbox` or a chat.
    Resync { of: String },
    /// Places of a chat, in order and without gaps.
    Events { chat: ChatId, events: Vec<Place> },
    /// A message is on disk.
    Stored {
        chat: ChatId,
        custom_id: &'a str,
        seq: i64,
        duplicate: bool,
    },
    /// A request was refused; `custom_id` names the message it was about.
    Refused(Refused),
    /// Somebody types, or ceased to.
    Typing {
        chat: ChatId,
        author: String,
        name: String,
        is_typing: bool,
    },
    /// What the visitor is typing; empty when they took it back.
    SneakPeek { chat: ChatId, text: &'a str },
    /// Who has the chat, and what can be done with it.
    Chat {
        chat: ChatId,
        status: String,
        actions: String,
    },
    /// The visitor beside the chat.
    Beside { chat: ChatId, html: String },
    /// The left column of a profile.
    About { visitor: VisitorId, html: String },
    /// Visitors came, moved or left. `is_all` names everybody who is here.
    Visitors {
        rows: Vec<Seen>,
        is_all: bool,
        here: String,
    },
    /// One's own status.
    Agent { status: &'static str },
}

/// One change of the inbox.
#[derive(Debug, Serialize)]
pub(super) struct InboxChanged {
    pub(super) inbox_seq: i64,
    pub(super) chat: ChatId,
    pub(super) at: i64,
    pub(super) is_active: bool,
    /// Who has it; empty for nobody.
    pub(super) agent: String,
    pub(super) name: String,
    pub(super) text: String,
    /// The visitor wrote something: sound and card.
    pub(super) is_new: bool,
    /// The chat was deleted.
    pub(super) is_gone: bool,
    pub(super) html: String,
}

/// One place of a chat: an event that is shown, a mark, or only a number that is taken.
#[derive(Debug, Default, Serialize)]
pub(super) struct Place {
    pub(super) seq: i64,
    pub(super) author: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) html: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seen_up_to: Option<i64>,
    /// The place that reads differently now: `html` is to stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) edits: Option<i64>,
}

/// One visitor of the live list.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    pub(super) visitor: VisitorId,
    pub(super) started: i64,
    pub(super) is_here: bool,
    pub(super) html: String,
}

/// Why a request was refused.
#[derive(Debug, Default, Serialize)]
pub(super) struct Refused {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chat: Option<ChatId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom_id: Option<String>,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u32>,
}

impl Refused {
    /// The refusal that this error is for the page; faults of ours are logged by [`ApiError`] and named no further.
    pub(super) fn of(error: db::Error) -> Self {
        let retryable = error.is_retryable();
        let known = ApiError::from(error);
        Self {
            code: known.code().to_owned(),
            message: known.message().to_owned(),
            retryable,
            retry_after: known.retry_after_s(),
            ..Self::default()
        }
    }
}

impl Update<'_> {
    /// The frame.
    pub(super) fn frame(&self) -> ByteString {
        // Strings, numbers and maps with string keys: nothing in here can fail to be JSON.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_known_by_type_and_nothing_else_is_taken() {
        let good = [
            r#"{"type":"follow"}"#,
            r#"{"type":"follow","inbox_after":3,"epoch":"e"}"#,
            r#"{"type":"open","chat":"7","after_seq":0}"#,
            r#"{"type":"send","chat":"7","custom_id":"c","text":"Hi"}"#,
            r#"{"type":"seen","chat":"7","seq":2}"#,
            r#"{"type":"visitors","on":true}"#,
            r#"{"type":"ping"}"#,
        ];
        let bad = [
            "",
            "[]",
            r#"{"type":"admin"}"#,
            r#"{"type":"open","chat":7,"after_seq":0}"#,
            r#"{"type":"open","chat":"7"}"#,
            r#"{"type":"send","chat":"7","custom_id":"c","text":"Hi","agent_id":"1"}"#,
        ];
        for text in good {
            assert!(serde_json::from_str::<Message>(text).is_ok(), "{text}");
        }
        for text in bad {
            assert!(serde_json::from_str::<Message>(text).is_err(), "{text}");
        }
    }
}
