//! The Tickets page: messages left while nobody was there, open and closed, found by number, e-mail address and subject.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;
use url::form_urlencoded;

use super::cursor;
use super::layout::{Area, Layout};
use super::page::{html, layout};
use super::session::Signed;
use super::times::{self, Times};
use crate::domain::Refusal;
use crate::domain::ids::{AgentId, TicketId};
use crate::domain::permission::Action;
use crate::domain::ticket::{Ticket, TicketStatus};
use crate::http::error::ApiError;
use crate::http::state::State;
use crate::store::agents;
use crate::store::tickets::{self, Filter};

/// Tickets on one page of a list.
const PAGE: i64 = 50;

#[derive(Template)]
#[template(path = "tickets/list.html")]
struct ListPage {
    layout: Layout,
    list: &'static str,
    search: String,
    rows: Vec<Row>,
    next: Option<String>,
}

/// One ticket of a list as its template writes it.
pub(crate) struct Row {
    pub(crate) id: TicketId,
    pub(crate) number: i64,
    pub(crate) title: String,
    pub(crate) sender: String,
    pub(crate) email: String,
    pub(crate) agent: String,
    pub(crate) is_open: bool,
    pub(crate) created: String,
    pub(crate) created_iso: String,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    list: String,
    #[serde(default)]
    q: String,
    before: Option<String>,
}

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/tickets").get(list));
}

async fn list(
    req: HttpRequest,
    state: Data<State>,
    signed: Signed,
    asked: Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let permit = signed.on_site(Action::ReadTickets)?;
    let filter = asked.filter()?;
    let (site, wanted) = (signed.site.id, filter.clone());
    let (mut found, names) = state
        .db
        .read(move |tx| {
            let found = tickets::list(tx, &permit, &wanted, PAGE + 1)?;
            let agents = agents::of_site(tx, site)?;
            let names: Vec<(AgentId, String)> =
                agents.into_iter().map(|a| (a.id, a.name)).collect();
            Ok((found, names))
        })
        .await?;
    let layout = layout(&state, &signed, Area::Tickets, "/tickets");
    let next = next_page(&mut found, &filter, &layout.base);
    let times = Times::of(&req, state.clock.now());
    let page = ListPage {
        list: filter.status.as_str(),
        search: filter.search,
        rows: found
            .iter()
            .map(|ticket| Row::new(ticket, &names, &times))
            .collect(),
        next,
        layout,
    };
    html(StatusCode::OK, &page)
}

impl Asked {
    fn filter(&self) -> Result<Filter, Refusal> {
        let status = match self.list.as_str() {
            "" => TicketStatus::Open,
            word => TicketStatus::parse(word)
                .ok_or_else(|| Refusal::invalid("list", "is open or closed"))?,
        };
        let after = match &self.before {
            None => None,
            Some(_) => {
                let place = cursor::parse(self.before.as_deref())?;
                Some((place.at, TicketId(place.id)))
            }
        };
        Ok(Filter {
            status,
            search: self.q.replace('\0', "").trim().to_owned(),
            after,
        })
    }
}

fn next_page(found: &mut Vec<Ticket>, filter: &Filter, base: &str) -> Option<String> {
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    if found.len() <= page {
        return None;
    }
    found.truncate(page);
    found.last().map(|last| {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("list", filter.status.as_str())
            .append_pair("q", &filter.search)
            .append_pair("before", &cursor::written(last.updated_at, last.id.0))
            .finish();
        format!("{base}/tickets?{query}")
    })
}

impl Row {
    /// The row of a ticket; `names` are those of the site's agents.
    pub(crate) fn new(ticket: &Ticket, names: &[(AgentId, String)], times: &Times) -> Self {
        let agent = names.iter().find(|(id, _)| Some(*id) == ticket.agent);
        Self {
            id: ticket.id,
            number: ticket.number,
            title: ticket.title(),
            sender: ticket.sender().to_owned(),
            email: ticket.email.clone(),
            agent: agent.map(|(_, name)| name.clone()).unwrap_or_default(),
            is_open: ticket.status == TicketStatus::Open,
            created: times.when(ticket.created_at),
            created_iso: times::iso(ticket.created_at),
        }
    }
}
