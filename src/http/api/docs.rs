//! `/api/docs`: the description of the API as a page, from the same table. No script is needed to read it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};
use askama::Template;

use super::endpoint::{Endpoint, Param};
use super::{PREFIX, endpoints, openapi};
use crate::http::dashboard::layout::Bare;
use crate::http::dashboard::page::{bare, html};
use crate::http::error::ApiError;
use crate::http::state::State;

#[derive(Template)]
#[template(path = "api/docs.html")]
struct DocsPage {
    bare: Bare,
    sections: Vec<Section>,
    schemas: Vec<Schema>,
    errors: Vec<ErrorRow>,
}

/// The operations under one heading.
struct Section {
    tag: &'static str,
    operations: Vec<Operation>,
}

struct Operation {
    id: &'static str,
    verb: String,
    path: String,
    summary: &'static str,
    scope: &'static str,
    needs_agent: bool,
    query: &'static [Param],
    body: Option<String>,
    answer: Option<String>,
    errors: String,
}

struct Schema {
    name: &'static str,
    text: String,
}

struct ErrorRow {
    status: u16,
    code: &'static str,
    when: &'static str,
}

impl Operation {
    fn of(endpoint: &'static Endpoint) -> Self {
        let pretty = |schema: fn() -> serde_json::Value| format!("{:#}", schema());
        Self {
            id: endpoint.id,
            verb: endpoint.verb.name().to_uppercase(),
            path: format!("{PREFIX}{}", endpoint.path),
            summary: endpoint.summary,
            scope: endpoint.scope.as_str(),
            needs_agent: endpoint.needs_agent,
            query: endpoint.query,
            body: endpoint.body.map(pretty),
            answer: endpoint.answer.map(pretty),
            errors: endpoint.errors.join(", "),
        }
    }
}

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/api/docs").get(show));
}

async fn show(state: Data<State>) -> Result<HttpResponse, ApiError> {
    let mut sections: Vec<Section> = Vec::new();
    for endpoint in endpoints() {
        let operation = Operation::of(endpoint);
        match sections.iter_mut().find(|it| it.tag == endpoint.tag) {
            Some(section) => section.operations.push(operation),
            None => sections.push(Section {
                tag: endpoint.tag,
                operations: vec![operation],
            }),
        }
    }
    let schemas = super::schemas::objects()
        .into_iter()
        .map(|(name, schema)| Schema {
            name,
            text: format!("{schema:#}"),
        })
        .collect();
    let errors = openapi::ERRORS.iter().map(|(code, status, when)| ErrorRow {
        status: *status,
        code,
        when,
    });
    html(
        StatusCode::OK,
        &DocsPage {
            bare: bare(&state),
            sections,
            schemas,
            errors: errors.collect(),
        },
    )
}
