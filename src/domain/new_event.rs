//! An event as a client wants it written: limits, and what tells a repeat from another event.

use sha2::{Digest, Sha256};

use super::Refusal;
use super::event::{Body, Recipients};
use super::properties::Properties;

/// An event as a client wants it written: checked, without author, time and place.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    custom_id: Option<String>,
    recipients: Recipients,
    body: Body,
    is_attached: bool,
}

impl NewEvent {
    /// Longest text of a message, in characters.
    pub const MAX_TEXT_CHARS: usize = 8_000;
    /// Longest `custom_id`, in characters.
    pub const MAX_CUSTOM_ID_CHARS: usize = 128;
    /// Longest `system_message_type`, in characters.
    pub const MAX_TYPE_CHARS: usize = 128;

    /// A message of 1 to [`Self::MAX_TEXT_CHARS`] characters that are not all blank; NUL is taken out.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `text`.
    pub fn message(text: &str) -> Result<Self, Refusal> {
        let text = message_text(text)?;
        Ok(Self::of(Body::Message {
            text,
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
        Self {
            custom_id: None,
            recipients: Recipients::All,
            body,
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
        if let Body::Message { properties, .. } | Body::SystemMessage { properties, .. } =
            &mut self.body
        {
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
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// Whether it may stand in a closed thread.
    #[must_use]
    pub const fn is_attached_to_last_thread(&self) -> bool {
        self.is_attached
    }

    /// What tells two events with one `custom_id` apart.
    #[must_use]
    pub fn body_hash(&self) -> [u8; 32] {
        body_hash(self.recipients, &self.body)
    }
}

/// SHA-256 of the content in its one spelling: recipients and body, properties sorted.
///
/// # Panics
/// Never: a body has only string keys.
#[must_use]
pub fn body_hash(recipients: Recipients, body: &Body) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "maps in a body have string keys only")]
    let canonical = serde_json::to_vec(&(recipients, body)).expect("a body is JSON");
    Sha256::digest(&canonical).into()
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
        assert_eq!(NewEvent::message("a\0b").unwrap().body().text(), Some("ab"));
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
