//! The pushes a client asked for at its login. Without a list it gets all of them.
//!
//! What settles a request of its own carries the request's id and always goes out, as does the end of the connection.

use std::collections::HashSet;

use super::fields::Fields;
use super::frame;
use crate::domain::Refusal;

/// Most versions that a login may list pushes for.
const MAX_VERSIONS: usize = 8;

/// Most names in one list, and the longest name in characters.
const MAX_NAMES: usize = 100;
const MAX_NAME_CHARS: usize = 64;

/// Which pushes a client wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subscription(Option<HashSet<String>>);

impl Subscription {
    /// Reads `pushes` of a login: names under the version each is wanted in. All of them come in the connection's own.
    ///
    /// # Errors
    /// A validation refusal.
    pub(super) fn parse(fields: Fields<'_>) -> Result<Self, Refusal> {
        let Some(lists) = fields.opt_object("pushes")? else {
            return Ok(Self(None));
        };
        if lists.len() > MAX_VERSIONS {
            return Err(fields.invalid("pushes", "must have at most 8 versions"));
        }
        let mut wanted = HashSet::new();
        for version in lists.keys() {
            let list = Fields::within(lists, "pushes", "").opt_list(version, MAX_NAMES)?;
            for name in list.unwrap_or_default() {
                let name = name
                    .as_str()
                    .filter(|name| name.chars().count() <= MAX_NAME_CHARS)
                    .ok_or_else(|| fields.invalid("pushes", "must hold lists of names"))?;
                wanted.insert(name.to_owned());
            }
        }
        Ok(Self(Some(wanted)))
    }

    /// Whether a frame is to be sent: everything is, but a push under another name.
    pub(super) fn wants(&self, frame: &str) -> bool {
        match (&self.0, frame::push_name(frame)) {
            (Some(wanted), Some(name)) => wanted.contains(name),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(pushes: Value) -> Result<Subscription, Refusal> {
        let payload = json!({"pushes": pushes});
        Subscription::parse(Fields::of(payload.as_object().unwrap()))
    }

    #[test]
    fn only_what_was_named_is_sent_but_answers_always_are() {
        let some = parsed(json!({"3.3": ["incoming_event"], "3.4": ["incoming_chat"]})).unwrap();
        let all = parsed(Value::Null).unwrap();
        let frames = [
            (frame::push(None, "incoming_event", &json!({})), true),
            (frame::push(None, "incoming_chat", &json!({})), true),
            (frame::push(None, "seq_only", &json!({})), false),
            (
                frame::push(Some("r1"), "chat_deactivated", &json!({})),
                true,
            ),
            (frame::response(Some("r1"), "get_chat", &json!({})), true),
            (frame::response(None, "ping", &json!({})), true),
        ];
        for (frame, is_sent) in frames {
            assert_eq!(some.wants(&frame), is_sent, "{frame}");
            assert!(all.wants(&frame));
        }
    }

    #[test]
    fn a_list_of_something_else_is_refused() {
        for bad in [
            json!([]),
            json!({"3.3": "x"}),
            json!({"3.3": [1]}),
            json!({"3.3": ["x".repeat(65)]}),
            json!({"3.3": vec!["x"; 101]}),
        ] {
            assert!(parsed(bad.clone()).is_err(), "{bad}");
        }
        assert_eq!(
            parsed(json!({"3.3": null})).unwrap(),
            parsed(json!({})).unwrap()
        );
    }
}
