//! Properties: small typed values that clients hang on a chat, a thread or an event, by namespace and name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Refusal;

/// Properties of one object: namespace → name → value. Sorted, so that equal ones have one spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Properties(BTreeMap<String, BTreeMap<String, PropertyValue>>);

/// One value of a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PropertyValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text of at most [`Properties::MAX_VALUE_CHARS`] characters.
    Text(String),
}

/// Names of properties to take away: namespace → names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PropertyNames(BTreeMap<String, Vec<String>>);

impl Properties {
    /// Most properties on one object, over all namespaces.
    pub const MAX_COUNT: usize = 100;
    /// Longest namespace or name, in characters.
    pub const MAX_NAME_CHARS: usize = 128;
    /// Longest text of a value, in characters.
    pub const MAX_VALUE_CHARS: usize = 4_096;

    /// Reads `{namespace: {name: value}}`; `field` is what the client calls the whole.
    ///
    /// # Errors
    /// [`Refusal::Validation`] naming the first field that does not fit.
    pub fn parse(field: &str, json: &serde_json::Value) -> Result<Self, Refusal> {
        let mut parsed = Self::default();
        for (namespace, values) in object(field, json)? {
            let within = format!("{field}.{namespace}");
            let namespace = name(&within, namespace)?;
            let values = object(&within, values)?
                .iter()
                .map(|(key, value)| {
                    let at = format!("{within}.{key}");
                    Ok((name(&at, key)?, PropertyValue::parse(&at, value)?))
                })
                .collect::<Result<_, Refusal>>()?;
            parsed.0.insert(namespace, values);
        }
        parsed.within_limits(field)
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }

    /// The value under this namespace and name.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<&PropertyValue> {
        self.0.get(namespace)?.get(name)
    }

    /// These properties with `changes` laid over them.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `properties` when they would be more than [`Properties::MAX_COUNT`].
    pub fn merged(mut self, changes: &Self) -> Result<Self, Refusal> {
        for (namespace, values) in &changes.0 {
            let own = self.0.entry(namespace.clone()).or_default();
            own.extend(values.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        self.within_limits("properties")
    }

    /// These properties without those named.
    #[must_use]
    pub fn without(mut self, names: &PropertyNames) -> Self {
        for (namespace, keys) in &names.0 {
            if let Some(own) = self.0.get_mut(namespace) {
                own.retain(|key, _| !keys.contains(key));
            }
        }
        self.0.retain(|_, values| !values.is_empty());
        self
    }

    /// The values under this namespace with their names, in order.
    pub fn of(&self, namespace: &str) -> impl Iterator<Item = (&str, &PropertyValue)> {
        let values = self.0.get(namespace).into_iter().flatten();
        values.map(|(name, value)| (name.as_str(), value))
    }

    /// All values, each with its namespace and name, in order of both.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &PropertyValue)> {
        self.0.iter().flat_map(|(namespace, values)| {
            let values = values.iter();
            values.map(move |(name, value)| (namespace.as_str(), name.as_str(), value))
        })
    }

    /// Whether anything stands under this namespace.
    #[must_use]
    pub fn has(&self, namespace: &str) -> bool {
        self.of(namespace).next().is_some()
    }

    /// Those of these properties that `before` has not, or has with another value.
    #[must_use]
    pub fn beyond(&self, before: &Self) -> Self {
        let mut left = self.clone();
        for (namespace, values) in &mut left.0 {
            values.retain(|name, value| before.get(namespace, name) != Some(value));
        }
        left.0.retain(|_, values| !values.is_empty());
        left
    }

    fn within_limits(mut self, field: &str) -> Result<Self, Refusal> {
        self.0.retain(|_, values| !values.is_empty());
        if self.0.values().map(BTreeMap::len).sum::<usize>() > Self::MAX_COUNT {
            let reason = format!("at most {} properties", Self::MAX_COUNT);
            return Err(Refusal::invalid(field, reason));
        }
        Ok(self)
    }
}

impl PropertyValue {
    fn parse(field: &str, json: &serde_json::Value) -> Result<Self, Refusal> {
        use serde_json::Value;
        match json {
            Value::Bool(value) => Ok(Self::Boolean(*value)),
            Value::Number(number) => number
                .as_i64()
                .map(Self::Integer)
                .ok_or_else(|| Refusal::invalid(field, "must be a whole number")),
            Value::String(text) if text.chars().count() > Properties::MAX_VALUE_CHARS => {
                let reason = format!("at most {} characters", Properties::MAX_VALUE_CHARS);
                Err(Refusal::invalid(field, reason))
            }
            Value::String(text) => Ok(Self::Text(text.replace('\0', ""))),
            Value::Null | Value::Array(_) | Value::Object(_) => Err(Refusal::invalid(
                field,
                "must be a text, a whole number or a boolean",
            )),
        }
    }
}

impl PropertyNames {
    /// Reads `{namespace: [name]}`; `field` is what the client calls the whole.
    ///
    /// # Errors
    /// [`Refusal::Validation`] naming the first field that does not fit.
    pub fn parse(field: &str, json: &serde_json::Value) -> Result<Self, Refusal> {
        let mut parsed = BTreeMap::new();
        let mut count = 0;
        for (namespace, names) in object(field, json)? {
            let within = format!("{field}.{namespace}");
            let listed = names
                .as_array()
                .ok_or_else(|| Refusal::invalid(&within, "must be a list of names"))?;
            let names = listed
                .iter()
                .map(|key| match key.as_str() {
                    Some(key) => name(&within, key),
                    None => Err(Refusal::invalid(&within, "must be a list of names")),
                })
                .collect::<Result<Vec<_>, _>>()?;
            count += names.len();
            parsed.insert(name(&within, namespace)?, names);
        }
        if count > Properties::MAX_COUNT {
            let reason = format!("at most {} names", Properties::MAX_COUNT);
            return Err(Refusal::invalid(field, reason));
        }
        Ok(Self(parsed))
    }

    /// True where none is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(Vec::is_empty)
    }

    /// The names under this namespace.
    pub fn names(&self, namespace: &str) -> impl Iterator<Item = &str> {
        let names = self.0.get(namespace).into_iter().flatten();
        names.map(String::as_str)
    }

    /// Whether anything is named under this namespace.
    #[must_use]
    pub fn has(&self, namespace: &str) -> bool {
        self.names(namespace).next().is_some()
    }

    /// Those of these names that `properties` has, each once.
    #[must_use]
    pub fn found_in(&self, properties: &Properties) -> Self {
        let mut found = self.clone();
        for (namespace, names) in &mut found.0 {
            names.sort();
            names.dedup();
            names.retain(|name| properties.get(namespace, name).is_some());
        }
        found.0.retain(|_, names| !names.is_empty());
        found
    }
}

fn object<'a>(
    field: &str,
    json: &'a serde_json::Value,
) -> Result<&'a serde_json::Map<String, serde_json::Value>, Refusal> {
    json.as_object()
        .ok_or_else(|| Refusal::invalid(field, "must be an object"))
}

fn name(field: &str, text: &str) -> Result<String, Refusal> {
    let text = text.replace('\0', "");
    if text.is_empty() || text.chars().count() > Properties::MAX_NAME_CHARS {
        let reason = format!("names have 1 to {} characters", Properties::MAX_NAME_CHARS);
        return Err(Refusal::invalid(field, reason));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_texts_whole_numbers_and_booleans() {
        let json = json!({"shop": {"cart": 3, "vip": true, "note": "a\u{0}b"}, "empty": {}});

        let parsed = Properties::parse("properties", &json).unwrap();

        assert_eq!(parsed.get("shop", "cart"), Some(&PropertyValue::Integer(3)));
        let written = serde_json::to_value(&parsed).unwrap();
        assert_eq!(
            written,
            json!({"shop": {"cart": 3, "vip": true, "note": "ab"}})
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let many: serde_json::Map<_, _> = (0..101).map(|n| (n.to_string(), json!(1))).collect();
        for (bad, field) in [
            (json!([]), "properties"),
            (json!({"a": 1}), "properties.a"),
            (json!({"a": {"b": null}}), "properties.a.b"),
            (json!({"a": {"b": 1.5}}), "properties.a.b"),
            (json!({"a": {"b": [1]}}), "properties.a.b"),
            (json!({"a": {"": 1}}), "properties.a."),
            (json!({"a": {"b": "x".repeat(4_097)}}), "properties.a.b"),
            (json!({ "a": many }), "properties"),
        ] {
            let refusal = Properties::parse("properties", &bad).unwrap_err();
            assert!(
                matches!(&refusal, Refusal::Validation { field: f, .. } if f == field),
                "{bad}: {refusal:?}"
            );
        }
    }

    #[test]
    fn changes_are_laid_over_and_names_taken_away() {
        let before = Properties::parse("p", &json!({"a": {"x": 1, "y": 2}})).unwrap();
        let changes = Properties::parse("p", &json!({"a": {"y": 3}, "b": {"z": true}})).unwrap();
        let names = PropertyNames::parse("p", &json!({"a": ["x", "y"], "c": ["?"]})).unwrap();

        let merged = before.merged(&changes).unwrap();
        let left = merged.clone().without(&names);

        assert_eq!(
            serde_json::to_value(&merged).unwrap(),
            json!({"a": {"x": 1, "y": 3}, "b": {"z": true}})
        );
        assert_eq!(
            serde_json::to_value(&left).unwrap(),
            json!({"b": {"z": true}})
        );
        assert!(PropertyNames::parse("p", &json!({"a": "x"})).is_err());
    }
}
