//! One visitor: facts, attributes, and one timeline of sessions, pages, events and chats.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::beside::{BesideRows, BesideShown};
use super::form::Fields;
use super::layout::{Area, Layout};
use super::page::{html, layout, see_other};
use super::session::Signed;
use super::tickets::Row;
use super::timeline::{self, Block, TimelineRows};
use super::times::Times;
use crate::db::{self, Lane};
use crate::domain::Refusal;
use crate::domain::ids::{ActivityId, ChatId, GreetingId, VisitorId};
use crate::domain::permission::{Action, Object, authorize};
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::{invitations, profile_view, tickets, visitors};

/// Tickets that a profile shows.
const TICKETS: i64 = 10;

#[derive(Template)]
#[template(path = "visitors/profile.html")]
struct ProfilePage {
    layout: Layout,
    beside: BesideShown,
    /// The newest chat of this person.
    chat: Option<ChatId>,
    /// The newest tickets linked to this person.
    tickets: Vec<Row>,
    blocks: Vec<Block>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Before {
    before: Option<String>,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/visitors/{visitor}").get(show))
        .service(web::resource("/visitors/{visitor}/greetings").post(greet));
}

/// Sends a greeting by hand, and shows on the profile what became of it.
async fn greet(
    state: Data<State>,
    signed: Signed,
    visitor: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let visitor: VisitorId = visitor
        .parse()
        .map_err(|_| ApiError::not_found("there is no such visitor"))?;
    let greeting: GreetingId = fields
        .get("greeting")
        .parse()
        .map_err(|_| ApiError::not_found("there is no such greeting"))?;
    let (site, subject, now) = (signed.site.id, signed.subject(), state.clock.now());
    state
        .db
        .write(Lane::Chat, move |tx| {
            let found = visitors::root(tx, site, visitor)?.ok_or(Refusal::NotFound("visitor"))?;
            let object = Object::Visitor {
                site,
                root: found.id,
            };
            let permit = authorize(&subject, Action::SendGreeting, object)?;
            invitations::send(tx, &permit, greeting, now)
        })
        .await?;
    Ok(see_other(&state, &format!("/visitors/{visitor}")))
}

async fn show(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    visitor: Path<String>,
    query: Query<Before>,
) -> Result<HttpResponse, ApiError> {
    let visitor: VisitorId = visitor
        .parse()
        .map_err(|_| ApiError::not_found("there is no such visitor"))?;
    let before = before(query.before.as_deref())?;
    let (site, subject, now) = (signed.site.id, signed.subject(), state.clock.now());
    let read_tickets = signed.on_site(Action::ReadTickets)?;
    let (rows, timeline, chat, tickets) = state
        .db
        .read(move |tx| {
            let rows = BesideRows::read(tx, site, visitor, None, now)?
                .ok_or(Refusal::NotFound("visitor"))?;
            let root = rows.profile.visitor;
            authorize(
                &subject,
                Action::ReadVisitor,
                Object::Visitor { site, root },
            )?;
            let chats = profile_view::chats(tx, &rows.profile.rows)?;
            let timeline = TimelineRows::read(tx, &rows.profile, &chats, before)?;
            let tickets = tickets::of_visitor(tx, &read_tickets, root, TICKETS)?;
            Ok::<_, db::Error>((rows, timeline, chats.last().copied(), tickets))
        })
        .await?;
    let times = Times::of(&req, now);
    let path = format!("/visitors/{visitor}");
    let layout = layout(&state, &signed, Area::Visitors, &path);
    let page = ProfilePage {
        beside: BesideShown::new(&rows, &times),
        chat,
        tickets: tickets.iter().map(|t| Row::new(t, &[], &times)).collect(),
        blocks: timeline::blocks(&timeline, &layout.base, &times),
        next: timeline
            .next()
            .map(|activity| format!("{}{path}?before={activity}", layout.base)),
        layout,
    };
    html(StatusCode::OK, &page)
}

fn before(text: Option<&str>) -> Result<Option<ActivityId>, Refusal> {
    text.map(|text| {
        text.parse()
            .map_err(|_| Refusal::invalid("before", "is not a place in this timeline"))
    })
    .transpose()
}
