//! The conversation as templates see it: events by day, grouped by author and minute.

use std::collections::{BTreeSet, HashMap};

use super::entry::Held;
use super::face;
use super::layout::Bare;
use super::links::{self, Piece};
use super::times::{self, Times};
use crate::db::{self, Tx};
use crate::domain::chat::Chat;
use crate::domain::event::{Author, Body, Event, Recipients};
use crate::domain::ids::AgentId;
use crate::store::conversation_view;

/// Entries of one author within this time stand under one name.
const GROUP_MS: i64 = 60_000;

/// The names that events of one chat are drawn with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// How the visitor is shown.
    pub(crate) visitor: String,
    /// The root of the visitor, which gives the avatar its colour.
    pub(crate) visitor_root: i64,
    /// Names of agents.
    pub(crate) agents: HashMap<AgentId, String>,
    /// Who looks at the page; none for what is drawn once for all agents.
    pub(crate) viewer: Option<AgentId>,
}

impl Names {
    fn of(&self, author: Author) -> String {
        match author {
            Author::Visitor(_) => self.visitor.clone(),
            Author::Agent(agent) => self.agent(agent),
            Author::System => "Parlor".to_owned(),
        }
    }

    /// The name of an agent.
    pub(crate) fn agent(&self, agent: AgentId) -> String {
        self.agents
            .get(&agent)
            .cloned()
            .unwrap_or_else(|| "A former agent".to_owned())
    }

    fn colour(&self, author: Author) -> u8 {
        match author {
            Author::Visitor(_) => face::tint(self.visitor_root),
            Author::Agent(AgentId(id)) => face::tint(id),
            Author::System => 0,
        }
    }
}

/// The names that these events of a chat are drawn with, and that of who has the chat.
///
/// # Errors
/// Any [`crate::db::Error`].
pub(crate) fn names(tx: &mut dyn Tx, chat: &Chat, events: &[Event]) -> db::Result<Names> {
    let visitor = conversation_view::visitor_name(tx, chat.root)?;
    let mut agents: BTreeSet<AgentId> = events
        .iter()
        .filter_map(|event| match event.author {
            Author::Agent(agent) => Some(agent),
            Author::Visitor(_) | Author::System => None,
        })
        .collect();
    agents.extend(chat.agent);
    Ok(Names {
        visitor: face::shown_name(
            chat.root.0,
            visitor.name.as_deref(),
            visitor.email.as_deref(),
        ),
        visitor_root: chat.root.0,
        agents: conversation_view::agent_names(tx, &agents)?,
        viewer: None,
    })
}

/// One event as its template writes it.
#[derive(Clone, Debug)]
pub(crate) struct EventShown {
    pub(crate) chat: String,
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) at_iso: String,
    pub(crate) clock: String,
    /// `theirs`, `ours`, `system` or `divider`.
    pub(crate) side: &'static str,
    /// What a system line or divider says.
    pub(crate) line: String,
    pub(crate) author: String,
    /// Names the author to scripts: `agent-12`.
    pub(crate) author_key: String,
    pub(crate) initials: String,
    pub(crate) tint: u8,
    pub(crate) is_note: bool,
    pub(crate) continues: bool,
    pub(crate) custom_id: String,
    pub(crate) pieces: Vec<Piece>,
    /// Files, cards and answers.
    pub(crate) held: Held,
    pub(crate) is_edited: bool,
    /// An agent wrote these words, and may write them anew.
    pub(crate) is_editable: bool,
    /// Who looks wrote it.
    pub(crate) is_own: bool,
    /// `Seen`, `Sent` or empty.
    pub(crate) state: &'static str,
}

impl EventShown {
    /// The event, or `None` for a stored change that the conversation does not show.
    pub(crate) fn new(event: &Event, names: &Names, times: &Times) -> Option<Self> {
        let author = names.of(event.author);
        let (side, line, text) = match &event.body {
            Body::Message { text, .. } => (side_of(event.author), String::new(), text.as_str()),
            // The divider says it already.
            Body::SystemMessage {
                system_message_type,
                ..
            } if is_closing(system_message_type) => return None,
            Body::SystemMessage { text, .. } => ("system", text.clone(), ""),
            Body::ThreadOpened { previous_thread_id } => {
                let what = if previous_thread_id.is_some() {
                    "Opened again"
                } else {
                    "Started"
                };
                ("divider", said_by(what, event.author, &author), "")
            }
            Body::ThreadClosed {} => ("divider", said_by("Closed", event.author, &author), ""),
            Body::File { .. } | Body::FilledForm { .. } | Body::RichMessage { .. } => {
                (side_of(event.author), String::new(), "")
            }
            Body::Custom { content, .. } => ("system", custom_line(&author, content), ""),
            Body::PostbackToggled { .. }
            | Body::Seen { .. }
            | Body::Assigned { .. }
            | Body::UserAdded { .. }
            | Body::UserRemoved { .. }
            | Body::PropertiesChanged { .. }
            | Body::EventUpdated { .. } => return None,
        };
        Some(Self {
            chat: event.chat.to_string(),
            seq: event.seq,
            at: event.created_at,
            at_iso: times::iso(event.created_at),
            clock: times.clock(event.created_at),
            side,
            line,
            initials: face::initials(&author),
            tint: names.colour(event.author),
            author,
            author_key: author_key(event.author),
            is_note: event.recipients == Recipients::Agents,
            continues: false,
            custom_id: event.custom_id.clone().unwrap_or_default(),
            pieces: links::pieces(text),
            held: Held::of(&event.body, &names.visitor),
            is_edited: event.edited_at.is_some(),
            is_editable: side == "ours" && matches!(event.body, Body::Message { .. }),
            is_own: names.viewer.map(Author::Agent) == Some(event.author),
            state: "",
        })
    }

    fn is_message(&self) -> bool {
        matches!(self.side, "ours" | "theirs")
    }

    fn goes_on_from(&self, before: &Self) -> bool {
        self.is_message()
            && before.is_message()
            && self.author_key == before.author_key
            && self.is_note == before.is_note
            && self.at - before.at < GROUP_MS
    }
}

/// The events of one day.
#[derive(Clone, Debug)]
pub(crate) struct Day {
    pub(crate) key: String,
    pub(crate) iso: String,
    pub(crate) label: String,
    pub(crate) events: Vec<EventShown>,
}

/// Events in order of `seq`, parted into days; the marks say how far the visitor has seen them.
pub(crate) fn days(
    events: &[Event],
    names: &Names,
    visitor_seen_seq: i64,
    times: &Times,
) -> Vec<Day> {
    let mut shown: Vec<EventShown> = events
        .iter()
        .filter_map(|event| EventShown::new(event, names, times))
        .collect();
    mark_states(&mut shown, visitor_seen_seq);
    let mut days: Vec<Day> = Vec::new();
    for mut event in shown {
        let key = times.day_key(event.at);
        match days.last_mut() {
            Some(day) if day.key == key => {
                event.continues = day
                    .events
                    .last()
                    .is_some_and(|last| event.goes_on_from(last));
                day.events.push(event);
            }
            _ => days.push(Day {
                iso: times::iso(event.at),
                label: times.day(event.at),
                key,
                events: vec![event],
            }),
        }
    }
    days
}

/// "Seen" under the last message the visitor has seen, "Sent" under the last one if it comes later.
fn mark_states(events: &mut [EventShown], seen_seq: i64) {
    let is_ours = |event: &&mut EventShown| event.side == "ours" && !event.is_note;
    let seen = events
        .iter_mut()
        .rev()
        .filter(is_ours)
        .find(|event| event.seq <= seen_seq);
    if let Some(seen) = seen {
        seen.state = "Seen";
    }
    let last = events.iter_mut().rev().find(is_ours);
    if let Some(last) = last.filter(|event| event.seq > seen_seq) {
        last.state = "Sent";
    }
}

/// A quiet line for what programs tell each other: who, and the beginning of what.
fn custom_line(author: &str, content: &serde_json::Value) -> String {
    const SHOWN_CHARS: usize = 120;
    let text = content.to_string();
    let cut: String = text.chars().take(SHOWN_CHARS).collect();
    let more = if cut.len() < text.len() { " …" } else { "" };
    format!("{author} sent data: {cut}{more}")
}

/// How scripts tell authors apart.
pub(crate) fn author_key(author: Author) -> String {
    format!("{}-{}", author.kind(), author.id())
}

const fn side_of(author: Author) -> &'static str {
    match author {
        Author::Visitor(_) => "theirs",
        Author::Agent(_) => "ours",
        Author::System => "system",
    }
}

/// Whether a system message goes with the closing of a thread.
fn is_closing(system_message_type: &str) -> bool {
    matches!(
        system_message_type,
        "manual_archived_agent" | "manual_archived_customer" | "system_archived"
    )
}

fn said_by(what: &str, author: Author, name: &str) -> String {
    match author {
        Author::Visitor(_) | Author::Agent(_) => format!("{what} by {name}"),
        Author::System => what.to_owned(),
    }
}

/// An event by itself, as the socket sends it.
#[derive(askama::Template)]
#[template(path = "chats/_event.html")]
pub(crate) struct EventPartial<'a> {
    pub(crate) layout: &'a Bare,
    pub(crate) event: &'a EventShown,
}
