//! Who has a chat: taking it, sending it on, taking part beside its owner, leaving.

use serde_json::json;

use super::call::{Answer, Call};
use super::chats::find_group;
use super::endpoint::{Endpoint, Verb};
use super::schemas::{about, id, int, nullable, object};
use crate::db::{self, Tx};
use crate::domain::chat::Chat;
use crate::domain::event::AssignReason;
use crate::domain::ids::{AgentId, ChatId};
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::http::error::ApiError;
use crate::store::chats::{self, Target};

const TAG: &str = "Assignment";

const WRITE: Endpoint = Endpoint {
    verb: Verb::Put,
    tag: TAG,
    answer: Some(|| {
        object(&[
            (
                "agent_id",
                about(nullable(id()), "Who has it; null: it waits."),
            ),
            ("group_id", int()),
        ])
    }),
    errors: &["not_found", "chat_inactive", "limit_reached"],
    ..Endpoint::WRITE
};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "transferChat",
        path: "/chats/{chat_id}/assignment",
        summary: "Send a chat to an agent, to a group, or with neither to whoever routing finds",
        body: Some(|| {
            object(&[
                (
                    "agent_id?",
                    about(id(), "The key's own agent, or another one of the site."),
                ),
                ("group_id?", int()),
            ])
        }),
        errors: &[
            "not_found",
            "chat_inactive",
            "limit_reached",
            "group_not_found",
            "group_offline",
        ],
        handler: |call| Box::pin(transfer(call)),
        ..WRITE
    },
    Endpoint {
        id: "joinChat",
        path: "/chats/{chat_id}/agents/{agent_id}",
        summary: "Let an agent take part beside the owner",
        handler: |call| Box::pin(join(call)),
        ..WRITE
    },
    Endpoint {
        id: "leaveChat",
        verb: Verb::Delete,
        path: "/chats/{chat_id}/agents/{agent_id}",
        summary: "End the part of an agent; if the chat is theirs, routing finds another",
        handler: |call| Box::pin(leave(call)),
        ..WRITE
    },
];

fn answer(chat: &Chat) -> Answer {
    Answer::of(json!({"agent_id": chat.agent, "group_id": chat.group_number}))
}

async fn transfer(call: Call) -> Result<Answer, ApiError> {
    let (subject, id, now) = (call.subject.clone(), call.chat()?, call.now);
    let fields = call.fields();
    let agent: Option<AgentId> = fields.opt_id("agent_id", "agent")?;
    let group = fields.opt_int("group_id", 0, i64::MAX)?;
    if agent.is_some() && group.is_some() {
        return Err(fields.invalid("group_id", "stands beside agent_id").into());
    }
    let chat = call
        .write(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::AssignChat, id)?;
            let to = match (agent, group) {
                (Some(agent), _) => Target::Agent(agent),
                (None, Some(number)) => Target::Group(group_of(tx, &chat, number)?),
                (None, None) => Target::Routing,
            };
            chats::transfer(tx, &permit, to, AssignReason::Manual, now)
        })
        .await?;
    Ok(answer(&chat))
}

/// The group with this number of the site of a chat that the caller may assign.
fn group_of(tx: &mut dyn Tx, chat: &Chat, number: i64) -> db::Result<crate::domain::ids::GroupId> {
    let site = Object::Site(chat.site);
    let permit = authorize(&Subject::System, Action::ReadGroups, site)?;
    find_group(tx, &permit, number)
}

async fn join(call: Call) -> Result<Answer, ApiError> {
    part(call, chats::join).await
}

async fn leave(call: Call) -> Result<Answer, ApiError> {
    part(call, chats::leave).await
}

type Part = fn(&mut dyn Tx, &Permit, AgentId, i64) -> db::Result<Chat>;

async fn part(call: Call, change: Part) -> Result<Answer, ApiError> {
    let (subject, id, now) = (call.subject.clone(), call.chat()?, call.now);
    let agent: AgentId = call.id("agent_id", "agent")?;
    let chat = call
        .write(move |tx| changed(tx, &subject, (id, agent), now, change))
        .await?;
    Ok(answer(&chat))
}

fn changed(
    tx: &mut dyn Tx,
    subject: &Subject,
    (id, agent): (ChatId, AgentId),
    now: i64,
    change: Part,
) -> db::Result<Chat> {
    let (_, permit) = chats::authorized(tx, subject, Action::AssignChat, id)?;
    change(tx, &permit, agent, now)
}
