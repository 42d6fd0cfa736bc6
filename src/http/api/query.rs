//! The query of a request: known parameters only, each once.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::endpoint::Param;
use crate::domain::Refusal;
use crate::store::inbox_view::Cursor;

/// What one page of a list holds at most.
pub(super) const MAX_PAGE: i64 = 100;
/// What it holds where nothing is asked.
pub(super) const DEFAULT_PAGE: i64 = 25;

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads a query that may hold these parameters.
    pub(super) fn parse(text: &str, known: &[Param]) -> Result<Self, Refusal> {
        let mut found = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if !known.iter().any(|param| param.name == name) {
                let name = crate::domain::json::shown(&name);
                return Err(Refusal::invalid(name, "unknown parameter"));
            }
            let value = value.replace('\0', "");
            if found.insert(name.clone().into_owned(), value).is_some() {
                return Err(Refusal::invalid(name, "is given twice"));
            }
        }
        Ok(Self(found))
    }

    /// The text of a parameter; empty counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A whole number within the bounds, both included.
    pub(super) fn int(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = text.parse().ok().filter(|n| (min..=max).contains(n));
        number.map(Some).ok_or_else(|| {
            Refusal::invalid(name, format!("must be a whole number from {min} to {max}"))
        })
    }

    /// An id; text that is no id of ours is just not found.
    pub(super) fn id<T: FromStr>(
        &self,
        name: &str,
        what: &'static str,
    ) -> Result<Option<T>, Refusal> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| Refusal::NotFound(what)))
            .transpose()
    }

    /// How many rows a page shall hold.
    pub(super) fn limit(&self) -> Result<i64, Refusal> {
        Ok(self.int("limit", 1, MAX_PAGE)?.unwrap_or(DEFAULT_PAGE))
    }

    /// Where a page begins: a cursor that an earlier answer gave.
    pub(super) fn cursor(&self) -> Result<Cursor, Refusal> {
        let Some(text) = self.text("cursor") else {
            return Ok(Cursor::START);
        };
        parse_cursor(text)
    }
}

/// A cursor out of an earlier answer.
pub(super) fn parse_cursor(text: &str) -> Result<Cursor, Refusal> {
    let parts = text.split_once('-');
    let cursor = parts.and_then(|(at, id)| {
        Some(Cursor {
            at: at.parse().ok()?,
            id: id.parse().ok()?,
        })
    });
    cursor.ok_or_else(|| Refusal::invalid("cursor", "must be one that an answer gave"))
}

/// A cursor as answers give it.
pub(super) fn cursor_text(cursor: Cursor) -> String {
    format!("{}-{}", cursor.at, cursor.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KNOWN: &[Param] = &[
        Param {
            name: "limit",
            about: "",
            schema: || json!({}),
        },
        Param {
            name: "cursor",
            about: "",
            schema: || json!({}),
        },
    ];

    #[test]
    fn a_query_holds_known_parameters_once() {
        for (text, field) in [
            ("limit=1&limit=2", "limit"),
            ("page=1", "page"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=x", "limit"),
            ("cursor=1", "cursor"),
            ("cursor=1-x", "cursor"),
        ] {
            let read = Query::parse(text, KNOWN)
                .and_then(|query| query.limit().and(query.cursor().map(|_| ())));
            assert!(
                matches!(&read, Err(Refusal::Validation { field: f, .. }) if f == field),
                "{text}: {read:?}"
            );
        }
    }

    #[test]
    fn a_cursor_comes_back() {
        let cursor = Cursor { at: 17, id: 4 };
        let text = format!("cursor={}&limit=", cursor_text(cursor));

        let query = Query::parse(&text, KNOWN).unwrap();

        assert_eq!(query.cursor(), Ok(cursor));
        assert_eq!(query.limit(), Ok(DEFAULT_PAGE));
    }
}
