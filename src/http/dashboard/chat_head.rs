//! The head of a conversation: who has the chat, where it waits, and what the agent who looks can do with it.

use super::conversation::Names;
use super::layout::Bare;
use crate::db::{self, Tx};
use crate::domain::chat::Chat;
use crate::domain::event::Author;
use crate::domain::ids::AgentId;
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::domain::thread::Place;
use crate::store::chat_users::UserProfile;
use crate::store::{chat_users, groups, queue};

/// What the head is drawn from beside the chat itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadRows {
    /// The place in the queue, while the chat waits.
    place: Option<Place>,
    /// The group it was sent to; none for the default group.
    group: Option<String>,
    /// Agents who take part now, with their names.
    present: Vec<(AgentId, String)>,
}

impl HeadRows {
    /// Reads it for a permit to read the chat.
    ///
    /// # Errors
    /// Any [`crate::db::Error`].
    pub(crate) fn read(tx: &mut dyn Tx, chat: &Chat, permit: &Permit) -> db::Result<Self> {
        let participants = chat_users::participants(tx, permit)?;
        let present = participants
            .into_iter()
            .filter(|one| one.user.is_present)
            .filter_map(|one| match (one.user.user, one.profile) {
                (Author::Agent(agent), UserProfile::Agent { name, .. }) => Some((agent, name)),
                _ => None,
            });
        Ok(Self {
            present: present.collect(),
            place: queue::position(tx, permit)?,
            group: group_name(tx, chat)?,
        })
    }

    /// Whether the chat waits for an agent.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.place.is_some()
    }
}

/// The name of the group a chat was sent to; none for the default group and for one that was deleted since.
///
/// # Errors
/// Any [`crate::db::Error`].
pub(crate) fn group_name(tx: &mut dyn Tx, chat: &Chat) -> db::Result<Option<String>> {
    if chat.group.is_none() {
        return Ok(None);
    }
    let permit = authorize(
        &Subject::System,
        Action::ReadGroups,
        Object::Site(chat.site),
    )?;
    let all = groups::list(tx, &permit)?;
    Ok(all
        .into_iter()
        .find(|group| Some(group.id) == chat.group)
        .map(|group| group.name))
}

/// The head as its template writes it.
#[derive(Clone, Debug)]
pub(crate) struct HeadShown {
    pub(crate) id: String,
    /// Who has the chat, in words.
    pub(crate) status: String,
    pub(crate) is_active: bool,
    pub(crate) is_mine: bool,
    /// Nobody has it yet.
    pub(crate) is_waiting: bool,
    /// The agent who looks takes part beside its owner.
    pub(crate) has_joined: bool,
}

impl HeadShown {
    /// The head as `agent` sees it.
    pub(crate) fn new(chat: &Chat, rows: &HeadRows, names: &Names, agent: AgentId) -> Self {
        let is_mine = chat.agent == Some(agent);
        Self {
            id: chat.id.to_string(),
            status: status(chat, rows, names),
            is_active: chat.is_active,
            is_mine,
            is_waiting: chat.is_active && chat.agent.is_none(),
            has_joined: !is_mine && rows.present.iter().any(|(present, _)| *present == agent),
        }
    }
}

fn status(chat: &Chat, rows: &HeadRows, names: &Names) -> String {
    if !chat.is_active {
        return "Closed. An answer opens it again.".to_owned();
    }
    let Some(agent) = chat.agent else {
        return queue_line(rows);
    };
    let mut line = format!("With {}", names.agent(agent));
    let others = rows.present.iter().filter(|(other, _)| *other != agent);
    for (_, name) in others {
        line.push_str(" and ");
        line.push_str(name);
    }
    if let Some(group) = &rows.group {
        line.push_str(" · ");
        line.push_str(group);
    }
    line
}

fn queue_line(rows: &HeadRows) -> String {
    let of = rows
        .group
        .as_ref()
        .map_or_else(String::new, |group| format!(" of {group}"));
    match &rows.place {
        Some(place) => format!("Place {} in the queue{of}", place.position),
        None => format!("In the queue{of}"),
    }
}

/// The buttons by themselves, as the socket sends them when the chat changed hands.
#[derive(askama::Template)]
#[template(path = "chats/_actions.html")]
pub(crate) struct ActionsPartial<'a> {
    pub(crate) layout: &'a Bare,
    pub(crate) head: &'a HeadShown,
}
