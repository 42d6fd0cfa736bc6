//! Handing a chat over: to a group, to an agent, to whoever is free; taking part beside its owner; opening it again.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, ServiceConfig};
use askama::Template;

use super::form::{Errors, Fields};
use super::layout::{Area, Layout};
use super::page::{html, layout, see_other};
use super::session::Signed;
use super::writing::{self, Acting};
use super::{chats, face};
use crate::db::{self, Error, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::agent::AgentStatus;
use crate::domain::chat::Chat;
use crate::domain::event::{AssignReason, NewEvent};
use crate::domain::ids::{AgentId, ChatId};
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::domain::routing::{Candidate, GroupStatus};
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::chats::{self as chat_store, Opening, Target};
use crate::store::{agents, conversation_view, groups};
use crate::token::Token;

#[derive(Template)]
#[template(path = "chats/transfer.html")]
struct TransferPage {
    layout: Layout,
    chat: ChatId,
    name: String,
    /// Whether there is anything beside the default group to choose from.
    groups: Vec<Choice>,
    agents: Vec<Choice>,
    to: String,
    note: String,
    custom_id: String,
    errors: Errors,
}

/// One place a chat can go to.
struct Choice {
    /// `group:3` or `agent:12`.
    value: String,
    name: String,
    /// Who is there, in words.
    state: String,
    /// It cannot take the chat now.
    is_full: bool,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(
        web::resource("/chats/{chat}/transfer")
            .get(show)
            .post(transfer),
    )
    .service(web::resource("/chats/{chat}/participation").post(participate))
    .service(web::resource("/chats/{chat}/opening").post(open));
}

async fn show(
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = chats::chat_id(&chat)?;
    let fields = Fields::default();
    let page = page(&state, &signed, id, &fields, Errors::default()).await?;
    html(StatusCode::OK, &page)
}

async fn transfer(
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let id = chats::chat_id(&chat)?;
    match try_transfer(&state, &signed, id, &fields).await {
        Ok(()) => Ok(see_other(&state, &format!("/chats/{id}"))),
        Err(Error::Refused(refusal)) if is_of_form(&refusal) => {
            let errors = in_words(refusal);
            let page = page(&state, &signed, id, &fields, errors).await?;
            html(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(error.into()),
    }
}

async fn try_transfer(
    state: &State,
    signed: &Signed,
    id: ChatId,
    fields: &Fields,
) -> db::Result<()> {
    let wanted = Wanted::parse(fields.get("to"))?;
    let text = fields.get("note").trim();
    let note = if text.is_empty() {
        None
    } else {
        let custom_id = fields.get("custom_id");
        let note = writing::written(text, custom_id, true).map_err(|error| named(error, "note"))?;
        Some(note)
    };
    let (acting, now) = (chats::acting(signed), state.clock.now());
    let job = move |tx: &mut dyn Tx| hand_on(tx, &acting, (id, wanted), note.as_ref(), now);
    state.db.write(Lane::Chat, job).await
}

/// The note and the transfer in one: whoever gets the chat finds the note there.
fn hand_on(
    tx: &mut dyn Tx,
    acting: &Acting,
    (id, wanted): (ChatId, Wanted),
    note: Option<&NewEvent>,
    now: i64,
) -> db::Result<()> {
    let (chat, permit) = acting.on(tx, Action::AssignChat, id)?;
    let to = wanted.target(tx, &chat)?;
    if let Some(note) = note {
        writing::send(tx, acting, id, note, now)?;
    }
    chat_store::transfer(tx, &permit, to, AssignReason::Manual, now)?;
    Ok(())
}

/// The same refusal under the name of the form's field.
fn named(refusal: Refusal, field: &str) -> Refusal {
    if let Refusal::Validation { reason, .. } = refusal {
        Refusal::invalid(field, reason)
    } else {
        refusal
    }
}

/// Whether the form can be sent again with something else in it.
fn is_of_form(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Validation { .. }
            | Refusal::LimitReached(_)
            | Refusal::GroupNotFound
            | Refusal::GroupOffline
            | Refusal::NotFound("agent")
            | Refusal::ChatInactive
    )
}

fn in_words(refusal: Refusal) -> Errors {
    let (field, text) = match refusal.code() {
        "limit_reached" => (
            "to",
            "They have as many chats as they take at once. Choose somebody else",
        ),
        "group_offline" => (
            "to",
            "Nobody of this group is there, and this site lets no chat wait then",
        ),
        "group_not_found" => ("to", "This group was deleted"),
        "not_found" => ("to", "They do not work for this site any more"),
        "chat_inactive" => ("form", "The chat was closed meanwhile"),
        _ => return refusal.into(),
    };
    let mut errors = Errors::default();
    errors.add(field, text);
    errors
}

/// Where a chat is to go, as the form says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Routing,
    Group(i64),
    Agent(AgentId),
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let parsed = match text.split_once(':') {
            None if text == "routing" => Some(Self::Routing),
            Some(("group", number)) => number.parse().ok().map(Self::Group),
            Some(("agent", id)) => id.parse().ok().map(Self::Agent),
            Some(_) | None => None,
        };
        parsed.ok_or_else(|| Refusal::invalid("to", "Choose where the chat goes"))
    }

    fn target(self, tx: &mut dyn Tx, chat: &Chat) -> db::Result<Target> {
        Ok(match self {
            Self::Routing => Target::Routing,
            Self::Agent(agent) => Target::Agent(agent),
            Self::Group(number) => Target::Group(groups::get(tx, &site_permit(chat)?, number)?.id),
        })
    }
}

/// For who may assign a chat: reading the groups of its site.
fn site_permit(chat: &Chat) -> Result<Permit, Refusal> {
    authorize(
        &Subject::System,
        Action::ReadGroups,
        Object::Site(chat.site),
    )
}

/// What the form offers, read in one snapshot.
struct Rows {
    chat: Chat,
    name: String,
    groups: Vec<Choice>,
    agents: Vec<Choice>,
}

impl Rows {
    fn read(tx: &mut dyn Tx, acting: &Acting, id: ChatId, now: i64) -> db::Result<Self> {
        let (chat, _) = acting.on(tx, Action::AssignChat, id)?;
        let permit = site_permit(&chat)?;
        let desk = groups::desk(tx, &permit, now)?;
        let visitor = conversation_view::visitor_name(tx, chat.root)?;
        let all = groups::list(tx, &permit)?;
        let statuses = desk.statuses();
        let groups = all.into_iter().zip(&statuses).map(|(group, (_, status))| {
            let (accepting, free) = desk.counts(group.number);
            Choice {
                value: format!("group:{}", group.number),
                name: group.name,
                state: group_state(*status, accepting, free),
                is_full: false,
            }
        });
        let groups = groups.collect();
        let names = agents::of_site(tx, chat.site)?;
        let mut found = Vec::new();
        for candidate in desk.agents() {
            if chat.agent == Some(candidate.agent) {
                continue;
            }
            if let Some(agent) = names.iter().find(|agent| agent.id == candidate.agent) {
                found.push((candidate.can_take(), agent_choice(candidate, &agent.name)));
            }
        }
        // Who can take it now stands first, then by name.
        found.sort_by(|(free, one), (other_free, other)| {
            (!free, &one.name).cmp(&(!other_free, &other.name))
        });
        Ok(Self {
            name: face::shown_name(
                chat.root.0,
                visitor.name.as_deref(),
                visitor.email.as_deref(),
            ),
            agents: found.into_iter().map(|(_, choice)| choice).collect(),
            groups,
            chat,
        })
    }
}

fn group_state(status: GroupStatus, accepting: usize, free: usize) -> String {
    match status {
        GroupStatus::Online => format!("{accepting} online, {free} free"),
        GroupStatus::OnlineForQueue => format!("{accepting} online, nobody free: it waits"),
        GroupStatus::Offline => "nobody online".to_owned(),
    }
}

fn agent_choice(candidate: &Candidate, name: &str) -> Choice {
    let presence = match candidate.status {
        _ if !candidate.is_connected => "offline",
        AgentStatus::Accepting => "online",
        AgentStatus::NotAccepting => "not accepting",
        AgentStatus::Away => "away",
    };
    let is_full = candidate.free_slots() == 0;
    Choice {
        value: format!("agent:{}", candidate.agent),
        name: name.to_owned(),
        state: format!(
            "{presence}, {} of {} chats",
            candidate.active_chats, candidate.max_chats
        ),
        is_full,
    }
}

async fn page(
    state: &State,
    signed: &Signed,
    id: ChatId,
    fields: &Fields,
    errors: Errors,
) -> Result<TransferPage, ApiError> {
    let (acting, now) = (chats::acting(signed), state.clock.now());
    let rows = state
        .db
        .read(move |tx| Rows::read(tx, &acting, id, now))
        .await?;
    let custom_id = match fields.get("custom_id") {
        "" => Token::random().as_str().to_owned(),
        kept => kept.to_owned(),
    };
    Ok(TransferPage {
        layout: layout(state, signed, Area::Chats, &format!("/chats/{id}")),
        chat: rows.chat.id,
        name: rows.name,
        groups: rows.groups,
        agents: rows.agents,
        to: fields.get("to").to_owned(),
        note: fields.get("note").to_owned(),
        custom_id,
        errors,
    })
}

/// Joins beside the owner, or leaves; whoever leaves their own chat gives it to somebody else or back to the queue.
async fn participate(
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let id = chats::chat_id(&chat)?;
    let change = match fields.get("part") {
        "join" => chat_store::join,
        "leave" => chat_store::leave,
        _ => return Err(Refusal::invalid("part", "is join or leave").into()),
    };
    let (acting, agent, now) = (chats::acting(&signed), signed.agent.id, state.clock.now());
    let job = move |tx: &mut dyn Tx| {
        let (_, permit) = acting.on(tx, Action::AssignChat, id)?;
        change(tx, &permit, agent, now)
    };
    state.db.write(Lane::Chat, job).await?;
    Ok(see_other(&state, &format!("/chats/{id}")))
}

/// Opens a closed chat without saying anything; an open one stays as it is.
async fn open(
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = chats::chat_id(&chat)?;
    let (acting, now) = (chats::acting(&signed), state.clock.now());
    let job = move |tx: &mut dyn Tx| {
        let (_, permit) = acting.on(tx, Action::OpenThread, id)?;
        match chat_store::activate(tx, &permit, &Opening::default(), now) {
            Ok(_) | Err(Error::Refused(Refusal::ChatAlreadyActive)) => Ok(()),
            Err(error) => Err(error),
        }
    };
    state.db.write(Lane::Chat, job).await?;
    Ok(see_other(&state, &format!("/chats/{id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_routing_a_group_or_an_agent() {
        assert_eq!(Wanted::parse("routing"), Ok(Wanted::Routing));
        assert_eq!(Wanted::parse("group:3"), Ok(Wanted::Group(3)));
        assert_eq!(Wanted::parse("agent:9"), Ok(Wanted::Agent(AgentId(9))));
        for bad in [
            "",
            "agent",
            "agent:",
            "agent:x",
            "group:1.5",
            "site:1",
            "routing:1",
        ] {
            assert!(Wanted::parse(bad).is_err(), "{bad}");
        }
    }
}
