//! `/openapi.json`: the description of the API, made from the table of endpoints that the router is made from.

use std::collections::BTreeMap;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, http::header};
use serde_json::{Map, Value, json};

use super::endpoint::Endpoint;
use super::{PREFIX, endpoints, schemas, track_schema};
use crate::http::state::State;

/// Every code of an error, its status, and when it comes.
pub(super) const ERRORS: &[(&str, u16, &str)] = &[
    ("malformed", 400, "the body cannot be read as JSON"),
    ("validation", 400, "a field does not fit; `field` names it"),
    ("group_not_found", 400, "there is no such group"),
    (
        "authentication",
        401,
        "the key is missing, wrong, revoked or has ended",
    ),
    (
        "authorization",
        403,
        "the key lacks a scope, or acts as no agent",
    ),
    (
        "origin_not_allowed",
        403,
        "the request came from a browser's page",
    ),
    ("site_not_found", 404, "no site has this key"),
    (
        "not_found",
        404,
        "there is no such thing on the site of the key",
    ),
    ("too_slow", 408, "the body did not arrive in time"),
    (
        "conflict",
        409,
        "somebody else was faster, or the value is taken",
    ),
    ("chat_inactive", 409, "no thread is open"),
    ("group_offline", 409, "nobody answers in the group"),
    ("chat_already_active", 409, "a thread is open already"),
    (
        "custom_id_reused",
        409,
        "the custom_id came with another content",
    ),
    ("customer_banned", 403, "the visitor is banned"),
    ("unsupported_type", 415, "files of this type are not taken"),
    ("too_large", 413, "the body is too large"),
    ("limit_reached", 429, "there are too many of these"),
    (
        "too_many_requests",
        429,
        "a rate limit is used up; wait `retry_after` seconds",
    ),
    ("internal", 500, "something went wrong here"),
    (
        "unavailable",
        503,
        "not possible right now; try again after `retry_after` seconds",
    ),
    ("unavailable", 507, "the disk is full"),
];

/// The codes that every endpoint may answer.
pub(super) const COMMON: &[&str] = &[
    "authentication",
    "authorization",
    "origin_not_allowed",
    "too_many_requests",
    "internal",
    "unavailable",
];
/// The codes of every endpoint that takes a body.
pub(super) const WITH_BODY: &[&str] = &["malformed", "validation", "too_slow", "too_large"];

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/openapi.json").get(serve));
}

async fn serve(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .json(document(&state.config.base_path))
}

/// The whole description; `base` is the base path of this Parlor.
pub(super) fn document(base: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut add = |path: String, verb: &str, operation: Value| {
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[verb] = operation;
    };
    for endpoint in endpoints() {
        let path = format!("{PREFIX}{}", endpoint.path);
        add(path, endpoint.verb.name(), operation(endpoint));
    }
    add("/track".into(), "post", track_schema::operation());
    let mut objects: Map<String, Value> = Map::new();
    for (name, schema) in schemas::objects() {
        objects.insert(name.into(), schema);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Parlor",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "For programs that act as agents, and for programs that track. Ids are text; times are RFC 3339 in UTC.",
        },
        "servers": [{"url": if base.is_empty() { "/" } else { base }}],
        "security": [{"key": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": objects,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut out = json!({
        "operationId": endpoint.id,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": needs(endpoint),
        "responses": responses(endpoint),
    });
    let parameters = parameters(endpoint);
    if !parameters.is_empty() {
        out["parameters"] = parameters.into();
    }
    if let Some(schema) = endpoint.body {
        out["requestBody"] = json!({
            "required": true,
            "content": {endpoint.content_type: {"schema": schema()}},
        });
    }
    out
}

/// What the key needs, in a sentence.
fn needs(endpoint: &Endpoint) -> String {
    let scope = endpoint.scope.as_str();
    if endpoint.needs_agent {
        format!("Needs the scope `{scope}` and a key that acts as an agent.")
    } else {
        format!("Needs the scope `{scope}`.")
    }
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let of_path = endpoint.path_params().map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
    );
    let of_query = endpoint.query.iter().map(|param| {
        json!({
            "name": param.name,
            "in": "query",
            "description": param.about,
            "schema": (param.schema)(),
        })
    });
    of_path.chain(of_query).collect()
}

/// The codes that an endpoint may answer.
pub(super) fn codes(endpoint: &Endpoint) -> Vec<&'static str> {
    let of_body: &[&str] = if endpoint.body.is_some() {
        WITH_BODY
    } else {
        &[]
    };
    let mut codes = [COMMON, of_body, endpoint.errors].concat();
    if !endpoint.query.is_empty() {
        codes.push("validation");
    }
    codes
}

fn responses(endpoint: &Endpoint) -> Value {
    let mut out = Map::new();
    match endpoint.answer {
        Some(schema) => {
            let content = json!({"application/json": {"schema": schema()}});
            out.insert(
                "200".into(),
                json!({"description": "Done.", "content": content}),
            );
        }
        None => {
            out.insert("204".into(), json!({"description": "Done."}));
        }
    }
    put_errors(&mut out, &codes(endpoint));
    Value::Object(out)
}

/// One answer a status, with the codes it may carry.
pub(super) fn put_errors(out: &mut Map<String, Value>, codes: &[&str]) {
    let mut by_status: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for (code, status, when) in ERRORS {
        if codes.contains(code) {
            let line = format!("`{code}`: {when}");
            by_status.entry(*status).or_default().push(line);
        }
    }
    for (status, lines) in by_status {
        let content = json!({"application/json": {"schema": schemas::refer("Error")}});
        let description = format!("{}.", lines.join("; "));
        out.insert(
            status.to_string(),
            json!({"description": description, "content": content}),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_endpoint_has_a_name_of_its_own_and_known_errors() {
        let mut ids = HashSet::new();
        let mut routes = HashSet::new();
        for endpoint in endpoints() {
            assert!(ids.insert(endpoint.id), "{}", endpoint.id);
            assert!(routes.insert((endpoint.path, endpoint.verb.name())));
            assert!(!endpoint.summary.is_empty() && !endpoint.tag.is_empty());
            for code in codes(endpoint) {
                assert!(ERRORS.iter().any(|(known, ..)| *known == code), "{code}");
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document("");
        let text = document.to_string();
        let mut count = 0;
        for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(
                document["components"]["schemas"][name].is_object(),
                "{name}"
            );
            count += 1;
        }
        assert!(count > 20);
    }
}
