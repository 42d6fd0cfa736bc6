//! One ticket: everything it says, who sent it, and what can be done with it.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded;

use super::form::Fields;
use super::layout::{Area, Layout};
use super::links::{self, Piece};
use super::page::{html, layout, see_other};
use super::session::Signed;
use super::times::{self, Times};
use crate::db::{self, Lane, Tx};
use crate::domain::Refusal;
use crate::domain::ids::{ChatId, TicketId, VisitorId};
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::domain::ticket::{self, Ticket, TicketStatus};
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::{agents, groups, profile_view, tickets};

/// Most chats of the sender that a ticket links to: the newest.
const CHATS: usize = 10;

#[derive(Template)]
#[template(path = "tickets/ticket.html")]
struct TicketPage {
    layout: Layout,
    shown: Shown,
}

/// A ticket as its template writes it.
struct Shown {
    id: TicketId,
    number: i64,
    title: String,
    is_open: bool,
    sender: String,
    email: String,
    mailto: Option<String>,
    /// Whom the answer goes to and under which subject, with everything quoted.
    reply: Option<String>,
    visitor: Option<VisitorId>,
    is_proven: bool,
    chats: Vec<ChatId>,
    created: String,
    created_iso: String,
    /// When it was sent, where the sender is.
    local: Option<String>,
    closed: Option<String>,
    source: Option<String>,
    source_label: String,
    group: String,
    agent: String,
    is_mine: bool,
    message: Vec<Piece>,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/tickets/{ticket}").get(show))
        .service(web::resource("/tickets/{ticket}/status").post(change_status))
        .service(web::resource("/tickets/{ticket}/agent").post(change_agent));
}

async fn show(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ReadTickets)?;
    let (id, subject) = (parse(&id)?, signed.subject());
    let rows = state
        .db
        .read(move |tx| Rows::read(tx, &subject, &permit, id))
        .await?;
    let times = Times::of(&req, state.clock.now());
    let page = TicketPage {
        layout: layout(&state, &signed, Area::Tickets, &format!("/tickets/{id}")),
        shown: Shown::new(&rows, &signed, &times),
    };
    html(StatusCode::OK, &page)
}

async fn change_status(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ChangeTicket)?;
    let id = parse(&id)?;
    let status = TicketStatus::parse(fields.get("status"))
        .ok_or_else(|| Refusal::invalid("status", "is open or closed"))?;
    let now = state.clock.now();
    state
        .db
        .write(Lane::Chat, move |tx| {
            tickets::set_status(tx, &permit, id, status, now)
        })
        .await?;
    Ok(see_other(&state, &format!("/tickets/{id}")))
}

/// Takes the ticket, or gives it back to all.
async fn change_agent(
    state: Data<State>,
    signed: Signed,
    id: Path<String>,
    fields: Fields,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ChangeTicket)?;
    let id = parse(&id)?;
    let agent = match fields.get("agent") {
        "me" => Some(signed.agent.id),
        "nobody" => None,
        _ => return Err(Refusal::invalid("agent", "is me or nobody").into()),
    };
    let now = state.clock.now();
    state
        .db
        .write(Lane::Chat, move |tx| {
            tickets::assign(tx, &permit, id, agent, now)
        })
        .await?;
    Ok(see_other(&state, &format!("/tickets/{id}")))
}

fn parse(id: &str) -> Result<TicketId, ApiError> {
    id.parse()
        .map_err(|_| ApiError::not_found("there is no such ticket"))
}

/// What the page reads, in one snapshot.
struct Rows {
    ticket: Ticket,
    group: String,
    agent: String,
    chats: Vec<ChatId>,
}

impl Rows {
    fn read(tx: &mut dyn Tx, subject: &Subject, permit: &Permit, id: TicketId) -> db::Result<Self> {
        let ticket = tickets::get(tx, permit, id)?;
        let read_groups = authorize(subject, Action::ReadGroups, Object::Site(ticket.site))?;
        let known = groups::list(tx, &read_groups)?;
        let group = known
            .into_iter()
            .find(|group| Some(group.id) == ticket.group);
        let agent = match ticket.agent {
            Some(agent) => agents::get(tx, agent)?,
            None => None,
        };
        let mut chats = match ticket.visitor {
            Some(root) => {
                let rows = profile_view::rows_of(tx, root)?;
                profile_view::chats(tx, &rows)?
            }
            None => Vec::new(),
        };
        chats.drain(..chats.len().saturating_sub(CHATS));
        Ok(Self {
            ticket,
            group: group.map(|group| group.name).unwrap_or_default(),
            agent: agent.map(|agent| agent.name).unwrap_or_default(),
            chats,
        })
    }
}

impl Shown {
    fn new(rows: &Rows, signed: &Signed, times: &Times) -> Self {
        let ticket = &rows.ticket;
        Self {
            id: ticket.id,
            number: ticket.number,
            title: ticket.title(),
            is_open: ticket.status == TicketStatus::Open,
            sender: ticket.sender().to_owned(),
            email: ticket.email.clone(),
            mailto: mailto(&ticket.email, None),
            reply: mailto(&ticket.email, Some(&reply_subject(ticket))),
            visitor: ticket.visitor,
            is_proven: ticket.is_proven,
            chats: rows.chats.clone(),
            created: times.when(ticket.created_at),
            created_iso: times::iso(ticket.created_at),
            local: ticket::local_time(&ticket.timezone, ticket.created_at),
            closed: ticket.closed_at.map(|at| times.when(at)),
            source: links::outside(&ticket.source_url),
            source_label: ticket.source_url.clone(),
            group: rows.group.clone(),
            agent: rows.agent.clone(),
            is_mine: ticket.agent == Some(signed.agent.id),
            message: links::pieces(&ticket.message),
        }
    }
}

fn reply_subject(ticket: &Ticket) -> String {
    let subject = match ticket.subject.as_str() {
        "" => "Your message",
        subject => subject,
    };
    format!("Re: {subject} [#{}]", ticket.number)
}

/// A link that opens a letter to this address. Everything a stranger wrote is percent-encoded, so that it cannot add
/// headers of its own.
fn mailto(email: &str, subject: Option<&str>) -> Option<String> {
    if email.is_empty() {
        return None;
    }
    // Form encoding writes a space as `+`, which mail programs show as one.
    let quoted = |text: &str| -> String {
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        encoded.replace('+', "%20")
    };
    let address = quoted(email).replace("%40", "@");
    Some(match subject {
        None => format!("mailto:{address}"),
        Some(subject) => format!("mailto:{address}?subject={}", quoted(subject)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_has_no_more_than_its_address_and_its_subject() {
        assert_eq!(
            mailto("ada+tea@example.org", Some("Re: Tea & cake? [#7]")).as_deref(),
            Some("mailto:ada%2Btea@example.org?subject=Re%3A%20Tea%20%26%20cake%3F%20%5B%237%5D")
        );
        assert_eq!(
            mailto("a?bcc=x@evil.example", Some("x&bcc=y\r\nBcc: z")).as_deref(),
            Some("mailto:a%3Fbcc%3Dx@evil.example?subject=x%26bcc%3Dy%0D%0ABcc%3A%20z")
        );
        assert_eq!(mailto("", Some("x")), None);
    }
}
