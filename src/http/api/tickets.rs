//! Tickets: what visitors left while nobody was there.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::chats::{CURSOR, LIMIT};
use super::endpoint::{Endpoint, Param, Verb};
use super::objects::{opt_time, time};
use super::query::{cursor_text, parse_cursor};
use super::schemas::{self, about, flag, id, int, nullable, object, one_of, page_of, refer, text};
use crate::domain::Refusal;
use crate::domain::ids::TicketId;
use crate::domain::permission::{Action, Scope};
use crate::domain::ticket::{Ticket, TicketStatus};
use crate::http::error::ApiError;
use crate::store::inbox_view::Cursor;
use crate::store::tickets::{self, Filter};

const TAG: &str = "Tickets";
/// Longest text to search for, in characters.
const SEARCH_CHARS: usize = 100;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        id: "listTickets",
        path: "/tickets",
        tag: TAG,
        summary: "List tickets, the last changed first",
        query: &[
            Param {
                name: "status",
                about: "`open` where it is left out.",
                schema: status,
            },
            Param {
                name: "search",
                about: "A number, or a part of a name, an e-mail address or a subject.",
                schema: text,
            },
            LIMIT,
            CURSOR,
        ],
        answer: Some(|| page_of("Ticket")),
        handler: |call| Box::pin(list(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "getTicket",
        path: "/tickets/{ticket_id}",
        tag: TAG,
        summary: "Read a ticket",
        answer: Some(|| refer("Ticket")),
        errors: &["not_found"],
        handler: |call| Box::pin(get(call)),
        ..Endpoint::READ
    },
    Endpoint {
        id: "setTicketStatus",
        verb: Verb::Put,
        path: "/tickets/{ticket_id}/status",
        tag: TAG,
        summary: "Close a ticket, or open it again",
        scope: Scope::WriteChats,
        body: Some(|| object(&[("status", status())])),
        errors: &["not_found"],
        handler: |call| Box::pin(set_status(call)),
        ..Endpoint::READ
    },
];

fn status() -> Value {
    one_of(&["open", "closed"])
}

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let ticket = object(&[
        ("id", id()),
        ("number", about(int(), "Small, for people.")),
        ("status", status()),
        ("name", text()),
        ("email", text()),
        ("subject", text()),
        ("message", about(text(), "Every answer with its label.")),
        ("visitor_id", nullable(id())),
        (
            "is_proven",
            about(flag(), "The visitor sent it; else that is only claimed."),
        ),
        ("agent_id", nullable(id())),
        ("source_url", text()),
        ("timezone", text()),
        ("created_at", schemas::time()),
        ("updated_at", schemas::time()),
        ("closed_at", nullable(schemas::time())),
    ]);
    vec![("Ticket", ticket)]
}

fn shown(ticket: &Ticket) -> Value {
    json!({
        "id": ticket.id,
        "number": ticket.number,
        "status": ticket.status.as_str(),
        "name": ticket.name,
        "email": ticket.email,
        "subject": ticket.subject,
        "message": ticket.message,
        "visitor_id": ticket.visitor,
        "is_proven": ticket.is_proven,
        "agent_id": ticket.agent,
        "source_url": ticket.source_url,
        "timezone": ticket.timezone,
        "created_at": time(ticket.created_at),
        "updated_at": time(ticket.updated_at),
        "closed_at": opt_time(ticket.closed_at),
    })
}

fn parse_status(text: &str) -> Result<TicketStatus, Refusal> {
    let known = TicketStatus::ALL
        .into_iter()
        .find(|status| status.as_str() == text);
    known.ok_or_else(|| Refusal::invalid("status", "must be open or closed"))
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let permit = call.on_site(Action::ReadTickets)?;
    let query = &call.query;
    let status = query.text("status").map(parse_status).transpose()?;
    let search: String = query
        .text("search")
        .map(|text| text.chars().take(SEARCH_CHARS).collect())
        .unwrap_or_default();
    let after = query.text("cursor").map(parse_cursor).transpose()?;
    let limit = query.limit()?;
    let filter = Filter {
        status: status.unwrap_or(TicketStatus::Open),
        search,
        after: after.map(|cursor| (cursor.at, TicketId(cursor.id))),
    };
    let found = call
        .read(move |tx| tickets::list(tx, &permit, &filter, limit))
        .await?;
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count == limit);
    let next = found.last().filter(|_| is_full).map(|ticket| {
        cursor_text(Cursor {
            at: ticket.updated_at,
            id: ticket.id.0,
        })
    });
    let items: Vec<Value> = found.iter().map(shown).collect();
    Ok(Answer::of(json!({"items": items, "next_cursor": next})))
}

async fn get(call: Call) -> Result<Answer, ApiError> {
    let permit = call.on_site(Action::ReadTickets)?;
    let id: TicketId = call.id("ticket_id", "ticket")?;
    let ticket = call.read(move |tx| tickets::get(tx, &permit, id)).await?;
    Ok(Answer::of(shown(&ticket)))
}

async fn set_status(call: Call) -> Result<Answer, ApiError> {
    let (permit, now) = (call.on_site(Action::ChangeTicket)?, call.now);
    let id: TicketId = call.id("ticket_id", "ticket")?;
    let status = parse_status(call.fields().text("status", usize::MAX)?)?;
    call.write(move |tx| tickets::set_status(tx, &permit, id, status, now))
        .await?;
    Ok(Answer::done())
}
