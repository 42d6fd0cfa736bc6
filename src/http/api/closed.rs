//! Closed bodies: a field that the description does not have is refused by its name, for all endpoints in this one place.
//! Types and limits are for the handlers to check.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::endpoint::Endpoint;
use super::schemas;
use crate::domain::{Refusal, json};

/// Everything that schemas refer to, by name.
static OBJECTS: LazyLock<HashMap<&'static str, Value>> =
    LazyLock::new(|| schemas::objects().into_iter().collect());

/// The schemas of bodies, by the id of the operation.
static BODIES: LazyLock<HashMap<&'static str, Value>> = LazyLock::new(|| {
    super::endpoints()
        .filter_map(|endpoint| Some((endpoint.id, endpoint.body?())))
        .collect()
});

/// Refuses a body with a field that the endpoint does not know.
pub(super) fn refuse_unknown(
    endpoint: &Endpoint,
    body: &Map<String, Value>,
) -> Result<(), Refusal> {
    let Some(schema) = BODIES.get(endpoint.id) else {
        return Ok(());
    };
    match of_object(schema, body) {
        Some(path) => Err(Refusal::invalid(path, "unknown field")),
        None => Ok(()),
    }
}

/// The dotted name of the first unknown field in `value`.
fn unknown(schema: &Value, value: &Value) -> Option<String> {
    match value {
        Value::Object(map) => of_object(schema, map),
        Value::Array(list) => {
            let of_item = resolved(schema).get("items")?;
            list.iter().enumerate().find_map(|(n, item)| {
                let path = unknown(of_item, item)?;
                Some(format!("{n}.{path}"))
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn of_object(schema: &Value, map: &Map<String, Value>) -> Option<String> {
    let known = closed(schema, map)?;
    map.iter().find_map(|(name, value)| {
        let Some(of_field) = known.get(name) else {
            return Some(json::shown(name));
        };
        let path = unknown(of_field, value)?;
        Some(format!("{name}.{path}"))
    })
}

/// The fields that an object may have; nothing where it is open, or is of no kind that the schema knows.
fn closed<'a>(schema: &'a Value, map: &Map<String, Value>) -> Option<&'a Map<String, Value>> {
    let schema = resolved(schema);
    if let Some(kinds) = schema.get("oneOf").or_else(|| schema.get("anyOf")) {
        let fits = |kind: &&Value| {
            let kind = resolved(kind)["properties"]["type"].get("const");
            kind.is_none_or(|kind| map.get("type") == Some(kind))
        };
        let mut kinds = kinds.as_array()?.iter().filter(fits);
        return kinds.find_map(|kind| closed(kind, map));
    }
    if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        return None;
    }
    schema.get("properties")?.as_object()
}

/// The schema itself, or the one it refers to.
fn resolved(schema: &Value) -> &Value {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
        return schema;
    };
    let name = reference.rsplit('/').next().unwrap_or(reference);
    OBJECTS.get(name).unwrap_or(schema)
}
