//! What stands beside a conversation about the chat itself: its rating, its group, and the properties hung on it.

use super::chat_head;
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::ids::ChatId;
use crate::domain::permission::{Action, Subject};
use crate::domain::properties::{Properties, PropertyValue};
use crate::domain::rating;
use crate::domain::thread::Thread;
use crate::store::{chats, threads};

/// Most properties that are listed.
const PROPERTIES_SHOWN: usize = 40;
/// Longest value of a property that is shown, in characters.
const VALUE_CHARS: usize = 200;

/// What is read of a chat and its newest thread.
#[derive(Clone, Debug)]
pub(crate) struct AboutChat {
    group: Option<String>,
    properties: Properties,
    thread: Option<Thread>,
}

impl AboutChat {
    /// Reads it for a page whose agent may read the chat.
    ///
    /// # Errors
    /// Any [`crate::db::Error`].
    pub(crate) fn read(tx: &mut dyn Tx, id: ChatId) -> db::Result<Option<Self>> {
        let read = chats::authorized(tx, &Subject::System, Action::ReadChat, id);
        let (chat, permit) = match read {
            Ok(found) => found,
            // It was deleted since it was opened.
            Err(db::Error::Refused(Refusal::NotFound(_))) => return Ok(None),
            Err(error) => return Err(error),
        };
        let thread = match chat.thread {
            Some(thread) => threads::get(tx, &permit, thread)?,
            None => None,
        };
        Ok(Some(Self {
            group: chat_head::group_name(tx, &chat)?,
            properties: chat.properties,
            thread,
        }))
    }
}

/// The part of the pane as its template writes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChatFacts {
    pub(crate) group: Option<String>,
    pub(crate) rating: Option<RatingShown>,
    pub(crate) properties: Vec<Property>,
    /// More are there than are shown.
    pub(crate) has_more: bool,
}

/// What the visitor thinks of the thread.
#[derive(Clone, Debug)]
pub(crate) struct RatingShown {
    /// Good or bad; none where only a comment was left.
    pub(crate) is_good: Option<bool>,
    pub(crate) comment: String,
}

/// One property.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) value: String,
    /// It hangs on the thread and not on the chat.
    pub(crate) is_of_thread: bool,
}

impl ChatFacts {
    pub(crate) fn new(rows: &AboutChat) -> Self {
        let mut properties = listed(&rows.properties, false);
        let of_thread = rows.thread.as_ref().map(|thread| &thread.properties);
        properties.extend(of_thread.into_iter().flat_map(|held| listed(held, true)));
        let has_more = properties.len() > PROPERTIES_SHOWN;
        properties.truncate(PROPERTIES_SHOWN);
        Self {
            group: rows.group.clone(),
            rating: of_thread.and_then(rating),
            properties,
            has_more,
        }
    }
}

fn rating(of: &Properties) -> Option<RatingShown> {
    let is_good = match of.get(rating::NAMESPACE, "score") {
        Some(PropertyValue::Integer(score)) => Some(*score == 1),
        Some(PropertyValue::Boolean(_) | PropertyValue::Text(_)) | None => None,
    };
    let comment = match of.get(rating::NAMESPACE, "comment") {
        Some(PropertyValue::Text(text)) => text.clone(),
        Some(PropertyValue::Boolean(_) | PropertyValue::Integer(_)) | None => String::new(),
    };
    (is_good.is_some() || !comment.is_empty()).then_some(RatingShown { is_good, comment })
}

/// All properties but the rating, which is shown by itself.
fn listed(of: &Properties, is_of_thread: bool) -> Vec<Property> {
    of.iter()
        .filter(|(namespace, _, _)| !(is_of_thread && *namespace == rating::NAMESPACE))
        .map(|(namespace, name, value)| Property {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            value: in_words(value),
            is_of_thread,
        })
        .collect()
}

fn in_words(value: &PropertyValue) -> String {
    match value {
        PropertyValue::Boolean(true) => "Yes".to_owned(),
        PropertyValue::Boolean(false) => "No".to_owned(),
        PropertyValue::Integer(number) => number.to_string(),
        PropertyValue::Text(text) if text.chars().count() > VALUE_CHARS => {
            let cut: String = text.chars().take(VALUE_CHARS).collect();
            format!("{cut}…")
        }
        PropertyValue::Text(text) => text.clone(),
    }
}
