//! Attention: what an agent shows of themselves in a chat (typing, seen), and what they see of the visitor's typing.

use std::time::Instant;

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, Verb};
use super::objects;
use super::schemas::{about, flag, list_of, nullable, object, text};
use crate::domain::Refusal;
use crate::domain::event::Recipients;
use crate::domain::permission::Action;
use crate::http::error::ApiError;
use crate::live::{Lossy, Topic};
use crate::store::chat_users::{self, UpTo};
use crate::store::chats;

const TAG: &str = "Attention";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "markSeen",
        verb: Verb::Put,
        path: "/chats/{chat_id}/seen",
        tag: TAG,
        summary: "Say up to which event the agent has seen the chat; it never goes back",
        body: Some(|| object(&[("seq", json!({"type": "integer", "minimum": 1}))])),
        errors: &["not_found"],
        handler: |call| Box::pin(mark_seen(call)),
        ..Endpoint::WRITE
    },
    Endpoint {
        id: "setTyping",
        verb: Verb::Put,
        path: "/chats/{chat_id}/typing",
        tag: TAG,
        summary: "Show that the agent types, or no longer does; forgotten after 10 seconds",
        body: Some(|| {
            object(&[
                ("is_typing", flag()),
                ("is_note?", about(flag(), "Only agents may know.")),
            ])
        }),
        errors: &["not_found", "chat_inactive"],
        handler: |call| Box::pin(set_typing(call)),
        ..Endpoint::WRITE
    },
    Endpoint {
        id: "getSneakPeek",
        path: "/chats/{chat_id}/sneak_peek",
        tag: TAG,
        summary: "Read what the visitor is typing, and who types; as far as this node was told",
        answer: Some(|| {
            object(&[
                (
                    "text",
                    about(nullable(text()), "Null where nothing is known."),
                ),
                ("typing", list_of("Author")),
            ])
        }),
        errors: &["not_found"],
        handler: |call| Box::pin(sneak_peek(call)),
        ..Endpoint::READ
    },
];

async fn mark_seen(call: Call) -> Result<Answer, ApiError> {
    let (subject, id, now) = (call.subject.clone(), call.chat()?, call.now);
    let seq = call.fields().int("seq", 1, i64::MAX)?;
    call.write(move |tx| {
        let (_, permit) = chats::authorized(tx, &subject, Action::MarkSeen, id)?;
        chat_users::mark_seen(tx, &permit, UpTo::Seq(seq), now)
    })
    .await?;
    Ok(Answer::done())
}

async fn set_typing(call: Call) -> Result<Answer, ApiError> {
    let (subject, chat) = (call.subject.clone(), call.chat()?);
    let fields = call.fields();
    if fields.get("is_typing").is_none() {
        return Err(fields.invalid("is_typing", "is required").into());
    }
    let (is_typing, is_note) = (fields.flag("is_typing")?, fields.flag("is_note")?);
    let author = call
        .read(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::Type, chat)?;
            if !chat.is_active {
                return Err(Refusal::ChatInactive.into());
            }
            Ok(permit.author(chat.visitor)?)
        })
        .await?;
    let typing = Lossy::Typing {
        chat,
        author,
        is_typing,
        recipients: if is_note {
            Recipients::Agents
        } else {
            Recipients::All
        },
    };
    call.state.hub.lossy(Topic::Chat(chat), typing);
    Ok(Answer::done())
}

async fn sneak_peek(call: Call) -> Result<Answer, ApiError> {
    let (subject, id) = (call.subject.clone(), call.chat()?);
    let root = call
        .read(move |tx| {
            // Only agents see what is not sent yet, as with notes.
            let (chat, _) = chats::authorized(tx, &subject, Action::ReadNotes, id)?;
            Ok(chat.root)
        })
        .await?;
    let (presence, now) = (call.state.hub.presence(), Instant::now());
    let typing: Vec<Value> = presence
        .typing(id, now)
        .into_iter()
        .map(|(who, _)| objects::author(who, root))
        .collect();
    Ok(Answer::of(
        json!({"text": presence.sneak_peek(id, now), "typing": typing}),
    ))
}
