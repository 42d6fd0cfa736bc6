//! A validator for the part of JSON Schema that the description uses; a keyword it does not know fails the test, so the
//! description cannot promise what nobody checks.

use serde_json::Value;

/// Checks `value` against `schema`, whose references lead into `document`.
pub fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    at(document, schema, value, "$")
}

fn at(document: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else {
        return Err(format!("{place}: the schema is no object"));
    };
    for (keyword, rule) in keywords {
        let is_met = match keyword.as_str() {
            "description" | "discriminator" | "format" | "required" | "additionalProperties" => {
                Ok(())
            }
            "$ref" => {
                let name = rule.as_str().unwrap().rsplit('/').next().unwrap();
                let target = &document["components"]["schemas"][name];
                at(document, target, value, place)
            }
            "type" => is_type(rule, value),
            "const" => same(rule, value),
            "enum" => rule
                .as_array()
                .unwrap()
                .contains(value)
                .then_some(())
                .ok_or_else(|| format!("{value} is none of {rule}")),
            "pattern" => matches_pattern(rule, value),
            "minLength" => length(value, |count| count >= rule.as_u64().unwrap()),
            "maxLength" => length(value, |count| count <= rule.as_u64().unwrap()),
            "minimum" => number(value, |n| n >= rule.as_i64().unwrap()),
            "maximum" => number(value, |n| n <= rule.as_i64().unwrap()),
            "items" => items(document, rule, value, place),
            "minItems" => count_items(value, |count| count >= rule.as_u64().unwrap()),
            "maxItems" => count_items(value, |count| count <= rule.as_u64().unwrap()),
            "properties" => fields(document, schema, value, place),
            "oneOf" | "anyOf" => any(document, rule, value, (place, keyword == "oneOf")),
            other => Err(format!("the keyword {other} is unknown here")),
        };
        is_met.map_err(|why| {
            if why.starts_with('$') {
                why
            } else {
                format!("{place}: {why}")
            }
        })?;
    }
    if keywords.contains_key("additionalProperties") && !keywords.contains_key("properties") {
        fields(document, schema, value, place)?;
    }
    if schema["format"] == "date-time"
        && let Some(text) = value.as_str()
        && text.parse::<jiff::Timestamp>().is_err()
    {
        return Err(format!("{place}: {text} is no time"));
    }
    Ok(())
}

fn is_type(rule: &Value, value: &Value) -> Result<(), String> {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = |wanted: &str| wanted == kind || (wanted == "number" && kind == "integer");
    let is_met = match rule {
        Value::Array(kinds) => kinds.iter().any(|wanted| fits(wanted.as_str().unwrap())),
        wanted => fits(wanted.as_str().unwrap()),
    };
    is_met
        .then_some(())
        .ok_or_else(|| format!("{value} is not {rule}"))
}

fn same(rule: &Value, value: &Value) -> Result<(), String> {
    (rule == value)
        .then_some(())
        .ok_or_else(|| format!("{value} is not {rule}"))
}

/// The few patterns there are.
fn matches_pattern(rule: &Value, value: &Value) -> Result<(), String> {
    let Some(text) = value.as_str() else {
        return Ok(());
    };
    let pattern = regex::Regex::new(rule.as_str().unwrap()).unwrap();
    pattern
        .is_match(text)
        .then_some(())
        .ok_or_else(|| format!("{text} is not {rule}"))
}

fn length(value: &Value, is_met: impl Fn(u64) -> bool) -> Result<(), String> {
    match value.as_str() {
        Some(text) if !is_met(text.chars().count() as u64) => Err("has a wrong length".into()),
        _ => Ok(()),
    }
}

fn number(value: &Value, is_met: impl Fn(i64) -> bool) -> Result<(), String> {
    match value.as_i64() {
        Some(number) if !is_met(number) => Err(format!("{number} is out of bounds")),
        _ => Ok(()),
    }
}

fn count_items(value: &Value, is_met: impl Fn(u64) -> bool) -> Result<(), String> {
    match value.as_array() {
        Some(list) if !is_met(list.len() as u64) => Err("has a wrong number of items".into()),
        _ => Ok(()),
    }
}

fn items(document: &Value, rule: &Value, value: &Value, place: &str) -> Result<(), String> {
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        at(document, rule, item, &format!("{place}[{n}]"))?;
    }
    Ok(())
}

fn fields(document: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let Some(map) = value.as_object() else {
        return Ok(());
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !map.contains_key(name.as_str().unwrap()) {
            return Err(format!("{place}: {name} is missing"));
        }
    }
    for (name, value) in map {
        let place = format!("{place}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => return Err(format!("{place} is not described")),
            (Value::Null, Value::Null | Value::Bool(true)) => {}
            (Value::Null, rest) => at(document, rest, value, &place)?,
            (described, _) => at(document, described, value, &place)?,
        }
    }
    Ok(())
}

fn any(
    document: &Value,
    rule: &Value,
    value: &Value,
    (place, just_one): (&str, bool),
) -> Result<(), String> {
    let mut met = 0;
    let mut whys = Vec::new();
    for schema in rule.as_array().unwrap() {
        match at(document, schema, value, place) {
            Ok(()) => met += 1,
            Err(why) => whys.push(why),
        }
    }
    match met {
        0 => Err(format!("none fits: {}", whys.join(" | "))),
        1 => Ok(()),
        _ if just_one => Err(format!("{met} fit, and one should")),
        _ => Ok(()),
    }
}

#[test]
fn what_is_not_described_is_found() {
    let document = serde_json::json!({"components": {"schemas": {
        "Id": {"type": "string", "pattern": "^[1-9][0-9]*$"},
    }}});
    let schema = serde_json::json!({
        "type": "object",
        "properties": {"id": {"$ref": "#/components/schemas/Id"}, "at": {"type": ["string", "null"], "format": "date-time"}},
        "required": ["id"],
        "additionalProperties": false,
    });
    let judged = |value| check(&document, &schema, &value).is_ok();

    assert!(judged(serde_json::json!({"id": "7", "at": null})));
    assert!(judged(
        serde_json::json!({"id": "7", "at": "2026-11-20T10:00:00Z"})
    ));
    for bad in [
        serde_json::json!({}),
        serde_json::json!([]),
        serde_json::json!({"id": 7}),
        serde_json::json!({"id": "07"}),
        serde_json::json!({"id": "7", "more": 1}),
        serde_json::json!({"id": "7", "at": "noon"}),
    ] {
        assert!(!judged(bad.clone()), "{bad}");
    }
}
