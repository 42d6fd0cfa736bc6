//! Fields of a request's payload, read with errors that name the field as the client wrote it.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::domain::Refusal;

/// An object of a payload, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    /// The dotted name of the object with its dot, empty for the payload itself.
    prefix: Prefix<'a>,
}

/// The way down from the payload, kept as a list on the stack so that reading a good payload allocates nothing.
#[derive(Clone, Copy, Debug)]
enum Prefix<'a> {
    Root,
    In(&'a str, &'a str),
}

impl<'a> Fields<'a> {
    /// The fields of a whole payload.
    pub(crate) const fn of(map: &'a Map<String, Value>) -> Self {
        Self {
            map,
            prefix: Prefix::Root,
        }
    }

    /// The fields of an object that stands at `at`, for example `chat.thread` and `events.3`.
    pub(crate) const fn within(map: &'a Map<String, Value>, at: &'a str, item: &'a str) -> Self {
        Self {
            map,
            prefix: Prefix::In(at, item),
        }
    }

    /// The object itself.
    pub(crate) const fn map(&self) -> &'a Map<String, Value> {
        self.map
    }

    /// A refusal that names `name` with all that stands before it.
    pub(crate) fn invalid(&self, name: &str, reason: &str) -> Refusal {
        Refusal::invalid(self.path(name), reason)
    }

    /// The full name of a field.
    pub(crate) fn path(&self, name: &str) -> String {
        match self.prefix {
            Prefix::Root => name.to_owned(),
            Prefix::In(at, "") => format!("{at}.{name}"),
            Prefix::In(at, item) => format!("{at}.{item}.{name}"),
        }
    }

    /// The value of a field; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// Text of at most `max_chars` characters, if the field is there.
    pub(crate) fn opt_text(
        &self,
        name: &str,
        max_chars: usize,
    ) -> Result<Option<&'a str>, Refusal> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let text = value
            .as_str()
            .ok_or_else(|| self.invalid(name, "must be a string"))?;
        // A character is at least a byte, so short texts need not be counted.
        if text.len() > max_chars && text.chars().count() > max_chars {
            let reason = format!("must have at most {max_chars} characters");
            return Err(self.invalid(name, &reason));
        }
        Ok(Some(text))
    }

    /// Text of 1 to `max_chars` characters.
    pub(crate) fn text(&self, name: &str, max_chars: usize) -> Result<&'a str, Refusal> {
        match self.opt_text(name, max_chars)? {
            Some("") => Err(self.invalid(name, "must not be empty")),
            Some(text) => Ok(text),
            None => Err(self.invalid(name, "is required")),
        }
    }

    /// An id: text that is no id of ours is just not found, whatever it says.
    pub(crate) fn id<T: FromStr>(&self, name: &str, what: &'static str) -> Result<T, Refusal> {
        self.text(name, usize::MAX)?
            .parse()
            .map_err(|_| Refusal::NotFound(what))
    }

    /// An id, if the field is there.
    pub(crate) fn opt_id<T: FromStr>(
        &self,
        name: &str,
        what: &'static str,
    ) -> Result<Option<T>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(_) => self.id(name, what).map(Some),
        }
    }

    /// A whole number within the bounds, both included, if the field is there.
    pub(crate) fn opt_int(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        value
            .as_i64()
            .filter(|number| (min..=max).contains(number))
            .map(Some)
            .ok_or_else(|| {
                let reason = format!("must be a whole number from {min} to {max}");
                self.invalid(name, &reason)
            })
    }

    /// A whole number within the bounds, both included.
    pub(crate) fn int(&self, name: &str, min: i64, max: i64) -> Result<i64, Refusal> {
        self.opt_int(name, min, max)?
            .ok_or_else(|| self.invalid(name, "is required"))
    }

    /// True or false; absent is false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        self.get(name).map_or(Ok(false), |value| {
            value
                .as_bool()
                .ok_or_else(|| self.invalid(name, "must be true or false"))
        })
    }

    /// An object, if the field is there; its own fields are read by [`Fields::within`].
    pub(crate) fn opt_object(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, Refusal> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        value
            .as_object()
            .map(Some)
            .ok_or_else(|| self.invalid(name, "must be an object"))
    }

    /// An object.
    pub(crate) fn object(&self, name: &str) -> Result<&'a Map<String, Value>, Refusal> {
        self.opt_object(name)?
            .ok_or_else(|| self.invalid(name, "is required"))
    }

    /// A list of at most `max_items`, if the field is there.
    pub(crate) fn opt_list(
        &self,
        name: &str,
        max_items: usize,
    ) -> Result<Option<&'a [Value]>, Refusal> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let list = value
            .as_array()
            .ok_or_else(|| self.invalid(name, "must be a list"))?;
        if list.len() > max_items {
            let reason = format!("must have at most {max_items} items");
            return Err(self.invalid(name, &reason));
        }
        Ok(Some(list))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ids::ChatId;

    fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        let payload =
            json!({"text": 1, "flag": "yes", "limit": 1.5, "object": [], "list": {}, "id": 7});
        let fields = Fields::of(payload.as_object().unwrap());

        assert_eq!(refused(fields.text("text", 9)), "text: must be a string");
        assert_eq!(refused(fields.text("gone", 9)), "gone: is required");
        assert_eq!(refused(fields.flag("flag")), "flag: must be true or false");
        assert_eq!(
            refused(fields.opt_int("limit", 1, 100)),
            "limit: must be a whole number from 1 to 100"
        );
        assert_eq!(
            refused(fields.object("object")),
            "object: must be an object"
        );
        assert_eq!(refused(fields.opt_list("list", 3)), "list: must be a list");
        assert_eq!(
            refused(fields.id::<ChatId>("id", "chat")),
            "id: must be a string"
        );
    }

    #[test]
    fn a_nested_field_is_named_with_its_path() {
        let payload = json!({"text": 1});
        let map = payload.as_object().unwrap();

        let nested = Fields::within(map, "event", "");
        assert_eq!(
            refused(nested.text("text", 9)),
            "event.text: must be a string"
        );
        let item = Fields::within(map, "chat.thread.events", "3");
        assert_eq!(
            refused(item.text("text", 9)),
            "chat.thread.events.3.text: must be a string"
        );
    }

    #[test]
    fn limits_count_characters_and_null_is_absent() {
        let payload = json!({"text": "äöü", "none": null, "empty": ""});
        let fields = Fields::of(payload.as_object().unwrap());

        assert_eq!(fields.text("text", 3), Ok("äöü"));
        assert_eq!(
            refused(fields.text("text", 2)),
            "text: must have at most 2 characters"
        );
        assert_eq!(fields.opt_text("none", 3), Ok(None));
        assert_eq!(refused(fields.text("empty", 3)), "empty: must not be empty");
    }

    #[test]
    fn text_that_is_no_id_is_not_found() {
        let payload = json!({"chat_id": "PJ0MRSHTDG"});
        let fields = Fields::of(payload.as_object().unwrap());

        assert_eq!(
            fields.id::<ChatId>("chat_id", "chat"),
            Err(Refusal::NotFound("chat"))
        );
    }
}
