//! An event as a client wants it written: limits, and what tells a repeat from another event.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Refusal;
use super::event::{Body, MessagePostback, Recipients};
use super::form_answers::FilledField;
use super::properties::Properties;
use super::rich_message::RichMessage;

/// An event as a client wants it written: checked, without author, time and place.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    custom_id: Option<String>,
    recipients: Recipients,
    content: Content,
    /// What it is stored with, once that was found out.
    resolved: Option<Body>,
    is_attached: bool,
}

/// What an event says, as far as the client can know it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// All of it.
    Body(Body),
    /// An upload, of which the client knows the address alone.
    File {
        /// The address that the upload was given.
        file_url: String,
        /// What the picture shows, for people who do not see it.
        #[serde(skip_serializing_if = "Option::is_none")]
        alternative_text: Option<String>,
        /// What the client hung on it.
        #[serde(skip_serializing_if = "Properties::is_empty")]
        properties: Properties,
    },
}

impl NewEvent {
    /// Longest text of a message, in characters.
    pub const MAX_TEXT_CHARS: usize = 8_000;
    /// Longest `custom_id`, in characters.
    pub const MAX_CUSTOM_ID_CHARS: usize = 128;
    /// Longest `system_message_type`, in characters.
    pub const MAX_TYPE_CHARS: usize = 128;
    /// Longest address of a file, in characters.
    pub const MAX_URL_CHARS: usize = 2_000;
    /// Largest content of a custom event, in bytes of JSON text.
    pub const MAX_CONTENT_BYTES: usize = 8_192;
    /// How deep the content of a custom event may be nested.
    pub const MAX_CONTENT_DEPTH: usize = 16;

    /// A message of 1 to [`Self::MAX_TEXT_CHARS`] characters that are not all blank; NUL is taken out.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `text`.
    pub fn message(text: &str) -> Result<Self, Refusal> {
        let text = message_text(text)?;
        Ok(Self::of(Body::Message {
            text,
            postback: None,
            properties: Properties::default(),
        }))
    }

    /// The same, said to be written by a button. Only a message has a postback.
    #[must_use]
    pub fn with_postback(mut self, new: MessagePostback) -> Self {
        if let Content::Body(Body::Message { postback, .. }) = &mut self.content {
            *postback = Some(new);
        }
        self
    }

    /// A file that was uploaded before; whether it was, and by whom, is found out when it is stored.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `url` or `alternative_text`.
    pub fn file(url: &str, alternative_text: Option<&str>) -> Result<Self, Refusal> {
        let file_url = bounded("url", url, Self::MAX_URL_CHARS)?;
        let alternative_text = alternative_text
            .map(|text| bounded("alternative_text", text, 1_000))
            .transpose()?;
        Ok(Self::with_content(Content::File {
            file_url,
            alternative_text,
            properties: Properties::default(),
        }))
    }

    /// The answers to a form.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `form_id`.
    pub fn filled_form(form_id: &str, fields: Vec<FilledField>) -> Result<Self, Refusal> {
        Ok(Self::of(Body::FilledForm {
            form_id: bounded("form_id", form_id, Self::MAX_CUSTOM_ID_CHARS)?,
            fields,
            properties: Properties::default(),
        }))
    }

    /// Cards, quick replies or a sticker; only agents may send them.
    #[must_use]
    pub fn rich_message(content: RichMessage) -> Self {
        Self::of(Body::RichMessage {
            content,
            properties: Properties::default(),
        })
    }

    /// What a program tells another; NUL is taken out.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `content` beyond [`Self::MAX_CONTENT_BYTES`] or [`Self::MAX_CONTENT_DEPTH`].
    pub fn custom(content: &serde_json::Value) -> Result<Self, Refusal> {
        let content = clean(content, Self::MAX_CONTENT_DEPTH).ok_or_else(|| {
            let reason = format!("is nested deeper than {} levels", Self::MAX_CONTENT_DEPTH);
            Refusal::invalid("content", reason)
        })?;
        if content.to_string().len() > Self::MAX_CONTENT_BYTES {
            let reason = format!("at most {} bytes", Self::MAX_CONTENT_BYTES);
            return Err(Refusal::invalid("content", reason));
        }
        Ok(Self::of(Body::Custom {
            content,
            properties: Properties::default(),
        }))
    }

    /// A system message that a client sends.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `text` or `system_message_type`.
    pub fn system_message(text: &str, system_message_type: &str) -> Result<Self, Refusal> {
        let text = message_text(text)?;
        let kind = bounded(
            "system_message_type",
            system_message_type,
            Self::MAX_TYPE_CHARS,
        )?;
        Ok(Self::of(Body::system(text, &kind, &[])))
    }

    const fn of(body: Body) -> Self {
        Self::with_content(Content::Body(body))
    }

    const fn with_content(content: Content) -> Self {
        Self {
            custom_id: None,
            recipients: Recipients::All,
            content,
            resolved: None,
            is_attached: false,
        }
    }

    /// The same with the client's own id, which makes the send repeatable.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `custom_id` unless it has 1 to [`Self::MAX_CUSTOM_ID_CHARS`] characters.
    pub fn with_custom_id(mut self, custom_id: &str) -> Result<Self, Refusal> {
        self.custom_id = Some(bounded("custom_id", custom_id, Self::MAX_CUSTOM_ID_CHARS)?);
        Ok(self)
    }

    /// The same with these properties.
    #[must_use]
    pub fn with_properties(mut self, new: Properties) -> Self {
        let properties = match &mut self.content {
            Content::Body(body) => body.properties_mut(),
            Content::File { properties, .. } => Some(properties),
        };
        if let Some(properties) = properties {
            *properties = new;
        }
        self
    }

    /// The same for these recipients.
    #[must_use]
    pub const fn for_recipients(mut self, recipients: Recipients) -> Self {
        self.recipients = recipients;
        self
    }

    /// The same, written into the last thread when none is open.
    #[must_use]
    pub const fn attached_to_last_thread(mut self) -> Self {
        self.is_attached = true;
        self
    }

    /// The same, to be stored with this body; what tells a repeat stays what the client sent.
    #[must_use]
    pub fn resolved_to(mut self, body: Body) -> Self {
        self.resolved = Some(body);
        self
    }

    /// What it is stored with; `None` for an upload that was not looked up yet.
    #[must_use]
    pub const fn body(&self) -> Option<&Body> {
        match (&self.resolved, &self.content) {
            (Some(body), _) | (None, Content::Body(body)) => Some(body),
            (None, Content::File { .. }) => None,
        }
    }

    /// The client's own id.
    #[must_use]
    pub fn custom_id(&self) -> Option<&str> {
        self.custom_id.as_deref()
    }

    /// Who may see it.
    #[must_use]
    pub const fn recipients(&self) -> Recipients {
        self.recipients
    }

    /// What it says.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// The text of a message or system message.
    #[must_use]
    pub const fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Body(body) => body.text(),
            Content::File { .. } => None,
        }
    }

    /// Whether it may stand in a closed thread.
    #[must_use]
    pub const fn is_attached_to_last_thread(&self) -> bool {
        self.is_attached
    }

    /// What tells two events with one `custom_id` apart.
    #[must_use]
    pub fn body_hash(&self) -> [u8; 32] {
        hash(&(self.recipients, &self.content))
    }
}

/// SHA-256 of the content in its one spelling: recipients and body, properties sorted.
#[must_use]
pub fn body_hash(recipients: Recipients, body: &Body) -> [u8; 32] {
    hash(&(recipients, body))
}

fn hash(content: &impl Serialize) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "maps in a body have string keys only")]
    let canonical = serde_json::to_vec(content).expect("a body is JSON");
    Sha256::digest(&canonical).into()
}

/// A value without NUL in its texts and names; `None` where it is nested deeper than `depth`.
fn clean(value: &serde_json::Value, depth: usize) -> Option<serde_json::Value> {
    use serde_json::Value;
    let next = depth.checked_sub(1);
    Some(match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => text.replace('\0', "").into(),
        Value::Array(items) => items
            .iter()
            .map(|item| clean(item, next?))
            .collect::<Option<Value>>()?,
        Value::Object(map) => map
            .iter()
            .map(|(name, item)| Some((name.replace('\0', ""), clean(item, next?)?)))
            .collect::<Option<Value>>()?,
    })
}

/// The text of a message or of its edit.
///
/// # Errors
/// [`Refusal::Validation`] of `text`.
pub fn message_text(text: &str) -> Result<String, Refusal> {
    let text = bounded("text", text, NewEvent::MAX_TEXT_CHARS)?;
    if text.trim().is_empty() {
        return Err(Refusal::invalid("text", "must not be blank"));
    }
    Ok(text)
}

fn bounded(field: &str, text: &str, max_chars: usize) -> Result<String, Refusal> {
    let text = text.replace('\0', "");
    if text.is_empty() {
        return Err(Refusal::invalid(field, "must not be empty"));
    }
    if text.chars().count() > max_chars {
        return Err(Refusal::invalid(
            field,
            format!("at most {max_chars} characters"),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_has_1_to_8000_characters() {
        for bad in ["", "\0", "  \n", &"ä".repeat(8_001)] {
            assert!(NewEvent::message(bad).is_err(), "{bad:.20}");
        }
        assert!(NewEvent::message(&"ä".repeat(8_000)).is_ok());
        assert_eq!(NewEvent::message("a\0b").unwrap().text(), Some("ab"));
    }

    #[test]
    fn a_custom_id_has_1_to_128_characters() {
        let new = || NewEvent::message("Hello").unwrap();

        assert!(new().with_custom_id("").is_err());
        assert!(new().with_custom_id(&"x".repeat(129)).is_err());
        assert_eq!(
            new().with_custom_id("9f3c").unwrap().custom_id(),
            Some("9f3c")
        );
    }

    #[test]
    fn the_hash_is_of_the_content_alone() {
        let new = || NewEvent::message("Hello").unwrap();
        let properties = |json| Properties::parse("properties", &json).unwrap();
        let ab = properties(json!({"b": {"y": 1, "x": 2}, "a": {"z": 3}}));
        let ba = properties(json!({"a": {"z": 3}, "b": {"x": 2, "y": 1}}));

        assert_eq!(
            new().with_custom_id("1").unwrap().body_hash(),
            new().attached_to_last_thread().body_hash()
        );
        assert_eq!(
            new().with_properties(ab.clone()).body_hash(),
            new().with_properties(ba).body_hash()
        );
        assert_ne!(new().body_hash(), new().with_properties(ab).body_hash());
        assert_ne!(
            new().body_hash(),
            new().for_recipients(Recipients::Agents).body_hash()
        );
        assert_ne!(
            new().body_hash(),
            NewEvent::message("hello").unwrap().body_hash()
        );
        assert_ne!(
            new().body_hash(),
            NewEvent::system_message("Hello", "x").unwrap().body_hash()
        );
    }
}
