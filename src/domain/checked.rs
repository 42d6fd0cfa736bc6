//! Values of events as clients write them, read out of JSON with refusals that name the field by its whole path.

use serde_json::{Map, Value};

use super::Refusal;

/// The full name of a field of the object at `path`, which is empty for the outermost.
pub(super) fn at(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The object at `path`.
pub(super) fn object<'a>(path: &str, json: &'a Value) -> Result<&'a Map<String, Value>, Refusal> {
    json.as_object()
        .ok_or_else(|| Refusal::invalid(path, "must be an object"))
}

/// The list at `path` with at most `max_items`.
pub(super) fn list<'a>(
    path: &str,
    json: &'a Value,
    max_items: usize,
) -> Result<&'a [Value], Refusal> {
    let list = json
        .as_array()
        .ok_or_else(|| Refusal::invalid(path, "must be a list"))?;
    if list.len() > max_items {
        return Err(Refusal::invalid(
            path,
            format!("must have at most {max_items} items"),
        ));
    }
    Ok(list)
}

/// The value of a field; `null` counts as absent.
pub(super) fn field<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).filter(|value| !value.is_null())
}

/// Text of at most `max_chars` characters without NUL, if the field is there.
pub(super) fn opt_text(
    path: &str,
    map: &Map<String, Value>,
    name: &str,
    max_chars: usize,
) -> Result<Option<String>, Refusal> {
    let Some(value) = field(map, name) else {
        return Ok(None);
    };
    let full = at(path, name);
    let text = value
        .as_str()
        .ok_or_else(|| Refusal::invalid(&full, "must be a string"))?
        .replace('\0', "");
    // A character is at least a byte, so short texts need not be counted.
    if text.len() > max_chars && text.chars().count() > max_chars {
        return Err(Refusal::invalid(
            full,
            format!("at most {max_chars} characters"),
        ));
    }
    Ok(Some(text))
}

/// Text of 1 to `max_chars` characters.
pub(super) fn text(
    path: &str,
    map: &Map<String, Value>,
    name: &str,
    max_chars: usize,
) -> Result<String, Refusal> {
    match opt_text(path, map, name, max_chars)? {
        None => Err(Refusal::invalid(at(path, name), "is required")),
        Some(text) if text.trim().is_empty() => {
            Err(Refusal::invalid(at(path, name), "must not be empty"))
        }
        Some(text) => Ok(text),
    }
}

/// A whole number within the bounds, both included, if the field is there.
pub(super) fn opt_int(
    path: &str,
    map: &Map<String, Value>,
    name: &str,
    (min, max): (i64, i64),
) -> Result<Option<i64>, Refusal> {
    let Some(value) = field(map, name) else {
        return Ok(None);
    };
    value
        .as_i64()
        .filter(|number| (min..=max).contains(number))
        .map(Some)
        .ok_or_else(|| {
            let reason = format!("must be a whole number from {min} to {max}");
            Refusal::invalid(at(path, name), reason)
        })
}

/// An absolute `http` or `https` address of at most `max_chars` characters.
pub(super) fn web_url(path: &str, text: &str) -> Result<(), Refusal> {
    let is_web = url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if is_web {
        Ok(())
    } else {
        Err(Refusal::invalid(path, "must be an http or https address"))
    }
}
