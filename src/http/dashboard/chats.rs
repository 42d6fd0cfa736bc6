//! The Chats page: the list, one conversation, its visitor; and what forms do there without a script.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::beside::{BesideRows, BesideShown};
use super::chat_head::{HeadRows, HeadShown};
use super::conversation::{self, Day, Names, names};
use super::form::Fields;
use super::inbox::{self, ListName, RowShown, Tab};
use super::layout::{Area, Layout};
use super::page::{html, layout, see_other, sentence};
use super::session::Signed;
use super::times::Times;
use super::writing::{self, Acting};
use super::{cursor, face};
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::agent::{Agent, AgentStatus};
use crate::domain::chat::Chat;
use crate::domain::event::Event;
use crate::domain::ids::{AgentId, ChatId};
use crate::domain::permission::Action;
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::events::{self, Slot};
use crate::store::inbox_view::{Cursor, InboxCounts, InboxRow};
use crate::store::{inbox as inbox_stream, inbox_view};
use crate::token::Token;

/// Rows on one page of a list.
const PAGE: i64 = 40;
/// Places of a chat on one page: messages, and changes that are not shown.
const PLACES: i64 = 150;
/// Remembers which list was open last, so that a chat opens beside it.
const LIST_COOKIE: &str = "parlor_list";

#[derive(Template)]
#[template(path = "chats/page.html")]
struct ChatsPage {
    layout: Layout,
    inbox: InboxShown,
    chat: Option<ChatShown>,
}

/// The list as its template writes it.
struct InboxShown {
    /// The number of the last change this page shows.
    head: i64,
    epoch: String,
    list: &'static str,
    is_first: bool,
    open: String,
    tabs: Vec<Tab>,
    /// The agent's own status, in words.
    own_status: &'static str,
    own_chats: String,
    max_chats: i64,
    rows: Vec<RowShown>,
    next: Option<String>,
    empty_text: &'static str,
    empty_href: &'static str,
    empty_label: &'static str,
}

/// The open conversation as its template writes it.
struct ChatShown {
    id: ChatId,
    visitor: String,
    visitor_key: String,
    visitor_seen_seq: i64,
    last_seq: i64,
    name: String,
    initials: String,
    tint: u8,
    head: HeadShown,
    earlier: Option<String>,
    days: Vec<Day>,
    custom_id: String,
    refused: Option<String>,
    draft: String,
    draft_is_note: bool,
    beside: BesideShown,
}

/// What was typed and could not be stored.
#[derive(Clone, Debug, Default)]
struct Draft {
    text: String,
    is_note: bool,
    refused: Option<String>,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/chats").get(list))
        .service(web::resource("/chats/{chat}").get(show))
        .service(web::resource("/chats/{chat}/events").post(write))
        .service(web::resource("/chats/{chat}/assignment").post(assign))
        .service(web::resource("/chats/{chat}/closure").post(close));
}

#[derive(Deserialize)]
struct Which {
    list: Option<String>,
    before: Option<String>,
}

async fn list(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    query: Query<Which>,
) -> Result<HttpResponse, ApiError> {
    let list = list_name(&req, query.list.as_deref());
    let after = cursor::parse(query.before.as_deref())?;
    let mut answer = page(&req, &state, &signed, View::list(list, after)).await?;
    let mut cookie = Cookie::new(LIST_COOKIE, list.name());
    cookie.set_path(format!("{}/", state.config.base_path));
    cookie.set_same_site(SameSite::Lax);
    cookie.set_http_only(true);
    answer
        .add_cookie(&cookie)
        .map_err(|e| ApiError::internal(e.to_string()))?;
    Ok(answer)
}

#[derive(Deserialize)]
struct Earlier {
    before: Option<String>,
}

async fn show(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
    query: Query<Earlier>,
) -> Result<HttpResponse, ApiError> {
    let before_seq = query
        .before
        .as_deref()
        .map(|text| {
            let place = text.parse().ok().filter(|place: &i64| *place > 0);
            place.ok_or_else(|| Refusal::invalid("before", "is not a place in this chat"))
        })
        .transpose()?;
    let view = View {
        chat: Some(chat_id(&chat)?),
        before_seq,
        ..View::list(list_name(&req, None), Cursor::START)
    };
    page(&req, &state, &signed, view).await
}

async fn write(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let id = chat_id(&chat)?;
    let is_note = fields.get("kind") == "note";
    let new = match writing::written(fields.get("text"), fields.get("custom_id"), is_note) {
        Ok(new) => new,
        Err(refusal) => {
            let draft = Draft {
                text: fields.get("text").to_owned(),
                is_note,
                refused: Some(sentence(&refusal.to_string())),
            };
            let view = View {
                chat: Some(id),
                draft,
                ..View::list(list_name(&req, None), Cursor::START)
            };
            let mut answer = page(&req, &state, &signed, view).await?;
            *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(answer);
        }
    };
    let acting = acting(&signed);
    let now = state.clock.now();
    state
        .db
        .write(Lane::Chat, move |tx| {
            let sent = writing::send(tx, &acting, id, &new, now)?;
            // Who answers has seen what stands above the answer; with a script the socket says it sooner.
            writing::mark_seen(tx, &acting, id, sent.event.seq - 1, now)
        })
        .await?;
    Ok(see_other(&state, &format!("/chats/{id}")))
}

async fn assign(
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (id, acting, now) = (chat_id(&chat)?, acting(&signed), state.clock.now());
    state
        .db
        .write(Lane::Chat, move |tx| writing::take(tx, &acting, id, now))
        .await?;
    Ok(see_other(&state, &format!("/chats/{id}")))
}

async fn close(
    state: Data<State>,
    signed: Signed,
    chat: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (id, acting, now) = (chat_id(&chat)?, acting(&signed), state.clock.now());
    state
        .db
        .write(Lane::Chat, move |tx| writing::close(tx, &acting, id, now))
        .await?;
    Ok(see_other(&state, &format!("/chats/{id}")))
}

/// What the page shows.
#[derive(Clone, Debug)]
struct View {
    list: ListName,
    after: Cursor,
    chat: Option<ChatId>,
    before_seq: Option<i64>,
    draft: Draft,
}

impl View {
    fn list(list: ListName, after: Cursor) -> Self {
        Self {
            list,
            after,
            chat: None,
            before_seq: None,
            draft: Draft::default(),
        }
    }
}

/// What the page is drawn from, read in one snapshot.
struct Rows {
    head: i64,
    counts: InboxCounts,
    inbox: Vec<InboxRow>,
    chat: Option<ChatRows>,
}

struct ChatRows {
    chat: Chat,
    head: HeadRows,
    events: Vec<Event>,
    names: Names,
    beside: BesideRows,
}

async fn page(
    req: &HttpRequest,
    state: &State,
    signed: &Signed,
    view: View,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ReadInbox)?;
    let (acting, agent) = (acting(signed), signed.agent.id);
    let (list, after, chat, before_seq) = (view.list, view.after, view.chat, view.before_seq);
    let now = state.clock.now();
    let rows = state
        .db
        .read(move |tx| {
            Ok::<_, db::Error>(Rows {
                head: inbox_stream::head(tx, &permit)?,
                counts: inbox_view::counts(tx, acting.site, agent)?,
                inbox: inbox_view::page(tx, acting.site, list.of(agent), after, PAGE + 1)?,
                chat: chat
                    .map(|id| ChatRows::read(tx, &acting, id, before_seq, now))
                    .transpose()?,
            })
        })
        .await?;
    let times = Times::of(req, now);
    let path = view
        .chat
        .map_or_else(|| "/chats".to_owned(), |id| format!("/chats/{id}"));
    let layout = layout(state, signed, Area::Chats, &path);
    let page = ChatsPage {
        inbox: InboxShown::new(
            &rows,
            &view,
            (&signed.agent, state.db.epoch()),
            &layout.base,
            &times,
        ),
        chat: rows
            .chat
            .map(|chat| ChatShown::new(chat, &view, agent, &layout.base, &times)),
        layout,
    };
    html(StatusCode::OK, &page)
}

impl ChatRows {
    fn read(
        tx: &mut dyn Tx,
        acting: &Acting,
        id: ChatId,
        before_seq: Option<i64>,
        now: i64,
    ) -> db::Result<Self> {
        let (chat, permit) = acting.on(tx, Action::ReadChat, id)?;
        // Numbers have no gaps, so the last page is found by counting back.
        let end = before_seq.map_or(chat.last_seq, |before| before - 1);
        let places = events::current_after(tx, &permit, (end - PLACES).max(0), PLACES)?;
        let events: Vec<Event> = places
            .into_iter()
            .filter_map(|slot| match slot {
                Slot::Event(event) if event.seq <= end => Some(*event),
                Slot::Event(_) | Slot::Hidden { .. } => None,
            })
            .collect();
        let beside = BesideRows::read(tx, chat.site, chat.root, Some(id), now)?
            .ok_or(Refusal::NotFound("visitor"))?;
        let names = Names {
            viewer: acting.agent(),
            ..names(tx, &chat, &events)?
        };
        Ok(Self {
            head: HeadRows::read(tx, &chat, &permit)?,
            chat,
            events,
            names,
            beside,
        })
    }
}

impl InboxShown {
    fn new(
        rows: &Rows,
        view: &View,
        (agent, epoch): (&Agent, &str),
        base: &str,
        times: &Times,
    ) -> Self {
        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let next = rows
            .inbox
            .get(page)
            .and_then(|_| rows.inbox.get(page - 1))
            .map(|last| {
                let before = cursor::written(last.last_event_at, last.chat.0);
                format!("{base}/chats?list={}&before={before}", view.list.name())
            });
        let (empty_text, empty_href, empty_label) = empty(view.list);
        Self {
            head: rows.head,
            epoch: epoch.to_owned(),
            list: view.list.name(),
            is_first: view.after == Cursor::START,
            open: view.chat.map(|id| id.to_string()).unwrap_or_default(),
            tabs: inbox::tabs(&rows.counts, view.list),
            own_status: status_name(agent.status),
            own_chats: inbox::count_of(&rows.counts, ListName::Mine),
            max_chats: agent.max_chats,
            rows: rows
                .inbox
                .iter()
                .take(page)
                .map(|row| RowShown::new(row, base, view.chat, times))
                .collect(),
            next,
            empty_text,
            empty_href,
            empty_label,
        }
    }
}

/// A status in words.
const fn status_name(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::Accepting => "Accepting",
        AgentStatus::NotAccepting => "Not accepting",
        AgentStatus::Away => "Away",
    }
}

const fn empty(list: ListName) -> (&'static str, &'static str, &'static str) {
    match list {
        ListName::Mine => (
            "No open chat is yours. Take one that nobody has yet.",
            "/chats?list=unassigned",
            "Waiting chats",
        ),
        ListName::Unassigned => (
            "Nobody is waiting for an agent.",
            "/visitors",
            "See who is here",
        ),
        ListName::All => (
            "No chat is open. When a visitor writes, it shows up here.",
            "/visitors",
            "See who is here",
        ),
        ListName::Closed => (
            "No chat has been closed yet.",
            "/chats?list=all",
            "Open chats",
        ),
    }
}

impl ChatShown {
    fn new(rows: ChatRows, view: &View, agent: AgentId, base: &str, times: &Times) -> Self {
        let ChatRows {
            chat,
            head,
            events,
            names,
            beside,
        } = rows;
        let first = view
            .before_seq
            .map_or(chat.last_seq, |before| before - 1)
            .saturating_sub(PLACES)
            + 1;
        Self {
            id: chat.id,
            visitor: chat.root.to_string(),
            visitor_key: conversation::author_key(chat.visitor_author()),
            visitor_seen_seq: chat.visitor_seen_seq,
            last_seq: chat.last_seq,
            initials: face::initials(&names.visitor),
            tint: face::tint(chat.root.0),
            head: HeadShown::new(&chat, &head, &names, agent),
            earlier: (first > 1).then(|| format!("{base}/chats/{}?before={first}", chat.id)),
            days: conversation::days(&events, &names, chat.visitor_seen_seq, times),
            name: names.visitor,
            custom_id: Token::random().as_str().to_owned(),
            refused: view.draft.refused.clone(),
            draft: view.draft.text.clone(),
            draft_is_note: view.draft.is_note,
            beside: BesideShown::new(&beside, times),
        }
    }
}

/// The list that was asked for, else the one that was open last.
fn list_name(req: &HttpRequest, asked: Option<&str>) -> ListName {
    let cookie = req.cookie(LIST_COOKIE);
    asked
        .and_then(ListName::parse)
        .or_else(|| cookie.and_then(|cookie| ListName::parse(cookie.value())))
        .unwrap_or_default()
}

/// Who acts, for the store.
pub(crate) fn acting(signed: &Signed) -> Acting {
    Acting {
        subject: signed.subject(),
        site: signed.site.id,
    }
}

/// The id in an address; what is none is not there.
///
/// # Errors
/// [`ApiError`] 404.
pub(crate) fn chat_id(text: &str) -> Result<ChatId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::not_found("there is no such chat"))
}
