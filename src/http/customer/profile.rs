//! The visitor's profile as the chat wire reads and writes it.

use serde_json::{Map, Value, json};

use super::caller::Member;
use super::fields::Fields;
use super::objects::{self, Statistics};
use crate::db::{self, Tx};
use crate::domain::page::web_url;
use crate::domain::permission::{Action, Object, authorize};
use crate::domain::visitor::{Change, ProfileChange, Visitor};
use crate::domain::{Hint, Refusal};
use crate::store::{chats, threads, visitors};

/// Longest name and e-mail address, in characters.
const MAX_NAME_CHARS: usize = 256;

/// Most session fields of a visitor.
const MAX_SESSION_FIELDS: usize = 100;

/// Longest key and value of a session field, in characters.
const MAX_FIELD_CHARS: (usize, usize) = (128, 4_096);

/// A change of the profile that a client asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ProfileRequest {
    change: ProfileChange,
    session_fields: Option<Vec<(String, String)>>,
    /// Whether the session fields given are all there will be.
    replaces_fields: bool,
}

impl ProfileRequest {
    /// Reads `name`, `email`, `avatar` and `session_fields`.
    ///
    /// # Errors
    /// A validation refusal that names the field.
    pub(super) fn parse(fields: Fields<'_>) -> Result<Self, Refusal> {
        let text = |name| -> Result<Change<String>, Refusal> {
            Ok(match fields.opt_text(name, MAX_NAME_CHARS)? {
                None => Change::Keep,
                Some("") => Change::Clear,
                Some(text) => Change::Set(text.to_owned()),
            })
        };
        let email = text("email")?;
        if email.set().is_some_and(|email| !email.contains('@')) {
            return Err(fields.invalid("email", "must be an e-mail address"));
        }
        let avatar_url = match fields.opt_text("avatar", usize::MAX)? {
            None => Change::Keep,
            Some("") => Change::Clear,
            Some(url) => Change::Set(web_url(&fields.path("avatar"), url)?),
        };
        Ok(Self {
            change: ProfileChange {
                name: text("name")?,
                email,
                avatar_url,
                ..ProfileChange::default()
            },
            session_fields: session_fields(fields)?,
            replaces_fields: false,
        })
    }

    /// Reads `session_fields`, which have to be there and will be all.
    ///
    /// # Errors
    /// A validation refusal that names the field.
    pub(super) fn parse_fields_only(fields: Fields<'_>) -> Result<Self, Refusal> {
        let given = session_fields(fields)?
            .ok_or_else(|| fields.invalid("session_fields", "is required"))?;
        Ok(Self {
            session_fields: Some(given),
            replaces_fields: true,
            ..Self::default()
        })
    }

    /// Whether nothing is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.change.is_empty() && self.session_fields.is_none()
    }
}

/// A list of one-key objects of text, in order.
fn session_fields(fields: Fields<'_>) -> Result<Option<Vec<(String, String)>>, Refusal> {
    const SHAPE: &str = "must be a list of objects with one text each";
    let Some(list) = fields.opt_list("session_fields", usize::MAX)? else {
        return Ok(None);
    };
    let read = |item: &Value| -> Option<(String, String)> {
        let map = item.as_object().filter(|map| map.len() == 1)?;
        let (key, value) = map.iter().next()?;
        let value = value.as_str()?;
        let fits = !key.is_empty()
            && key.chars().count() <= MAX_FIELD_CHARS.0
            && value.chars().count() <= MAX_FIELD_CHARS.1;
        fits.then(|| (key.clone(), value.to_owned()))
    };
    list.iter()
        .map(read)
        .collect::<Option<Vec<_>>>()
        .map(Some)
        .ok_or_else(|| fields.invalid("session_fields", SHAPE))
}

/// Applies a change. Whoever shows the visitor hears of it after the commit.
///
/// # Errors
/// [`Refusal::SessionFieldsLimitReached`] above 100 session fields, or any other [`db::Error`].
pub(super) fn apply(
    tx: &mut dyn Tx,
    member: &Member,
    wanted: &ProfileRequest,
    now: i64,
) -> db::Result<()> {
    let (site, root) = (member.bearer.site, member.customer);
    authorize(
        &member.subject,
        Action::UpdateVisitor,
        Object::Visitor { site, root },
    )?;
    visitors::update(tx, site, root, &wanted.change, now)?;
    let Some(given) = &wanted.session_fields else {
        return Ok(());
    };
    let before = row(tx, member)?.session_fields;
    let kept = if wanted.replaces_fields {
        json!([])
    } else {
        objects::list_of_fields(&before)
    };
    let after = merged(&kept, given);
    if after.len() > MAX_SESSION_FIELDS {
        return Err(Refusal::SessionFieldsLimitReached.into());
    }
    let after = Value::from(after).to_string();
    if after != before {
        visitors::set_session_fields(tx, root, &after, now)?;
        tx.emit(Hint::VisitorUpdated {
            site,
            visitor: root,
        })?;
    }
    Ok(())
}

/// Lays fields over a list: a known key keeps its place, a new one comes last.
fn merged(kept: &Value, given: &[(String, String)]) -> Vec<Value> {
    let mut all: Vec<(String, Value)> = kept
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(|map| map.iter().map(|(k, v)| (k.clone(), v.clone())))
        .collect();
    for (key, value) in given {
        let value = Value::from(value.as_str());
        match all.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => all.push((key.clone(), value)),
        }
    }
    all.into_iter()
        .map(|(key, value)| Value::Object(Map::from_iter([(key, value)])))
        .collect()
}

/// The visitor as the member may see it: a user id that was only claimed opens nothing that is known of that user.
///
/// # Errors
/// [`Refusal::Authentication`] where it is gone, or any other [`db::Error`].
pub(super) fn visitor(tx: &mut dyn Tx, member: &Member) -> db::Result<Visitor> {
    let visitor = row(tx, member)?;
    if visitor.user_id.is_none() || member.bearer.is_signed {
        return Ok(visitor);
    }
    Ok(Visitor {
        name: None,
        email: None,
        avatar_url: None,
        session_fields: "[]".into(),
        ..visitor
    })
}

/// The visitor's row.
fn row(tx: &mut dyn Tx, member: &Member) -> db::Result<Visitor> {
    let found = visitors::root(tx, member.bearer.site, member.bearer.visitor)?;
    Ok(found.ok_or(Refusal::Authentication)?)
}

/// The Customer object with its counters.
///
/// # Errors
/// As [`visitor`].
pub(super) fn with_statistics(tx: &mut dyn Tx, member: &Member) -> db::Result<Value> {
    let visitor = visitor(tx, member)?;
    let mut counted = Statistics {
        chats: chats::count_visible(tx, &member.subject)?,
        threads: 0,
        counters: visitors::counters(tx, member.customer)?,
    };
    for chat in chats::list_visible(tx, &member.subject, None, chats::MAX_LIST)? {
        let (_, permit) = chats::authorized(tx, &member.subject, Action::ReadChat, chat.id)?;
        counted.threads += threads::count(tx, &permit)?;
    }
    Ok(objects::customer_with_statistics(
        member.customer,
        &visitor,
        counted,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(payload: &Value) -> String {
        ProfileRequest::parse(Fields::of(payload.as_object().unwrap()))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_does_not_fit_is_named() {
        const FIELDS: &str = "session_fields: must be a list of objects with one text each";
        let cases = [
            (json!({"name": 1}), "name: must be a string"),
            (
                json!({"name": "x".repeat(257)}),
                "name: must have at most 256 characters",
            ),
            (
                json!({"email": "nobody"}),
                "email: must be an e-mail address",
            ),
            (
                json!({"avatar": "javascript:alert(1)"}),
                "avatar: must be an http or https URL",
            ),
            (
                json!({"session_fields": {}}),
                "session_fields: must be a list",
            ),
            (json!({"session_fields": [{"a": 1}]}), FIELDS),
            (json!({"session_fields": [{"a": "1", "b": "2"}]}), FIELDS),
            (json!({"session_fields": [{}]}), FIELDS),
            (json!({"session_fields": ["a"]}), FIELDS),
        ];
        for (payload, message) in cases {
            assert_eq!(refused(&payload), message, "{payload}");
        }
    }

    #[test]
    fn fields_keep_their_order_when_merged() {
        let kept = json!([{"b": "1"}, {"a": "2"}]);
        let given = [("a".to_owned(), "3".to_owned()), ("c".into(), "4".into())];

        assert_eq!(
            Value::from(merged(&kept, &given)),
            json!([{"b": "1"}, {"a": "3"}, {"c": "4"}])
        );
    }
}
