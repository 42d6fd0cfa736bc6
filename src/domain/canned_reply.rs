//! A canned reply: a text that agents insert by a short word.

use super::Refusal;
use super::event::message_text;
use super::ids::CannedReplyId;

/// A text with its short word, which is unique on its site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannedReply {
    /// Its id.
    pub id: CannedReplyId,
    /// What agents type after `#`.
    pub shortcut: String,
    /// What is inserted.
    pub text: String,
    /// Unix ms.
    pub created_at: i64,
    /// Unix ms.
    pub updated_at: i64,
}

/// A canned reply as somebody wants it: checked, without an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannedText {
    shortcut: String,
    text: String,
}

impl CannedText {
    /// Longest shortcut, in characters.
    pub const MAX_SHORTCUT_CHARS: usize = 40;

    /// A shortcut of 1 to [`Self::MAX_SHORTCUT_CHARS`] letters, digits, `-` and `_`, kept in lower case, with or without
    /// the `#` before it; and a text as messages have it.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `shortcut` or `text`.
    pub fn parse(shortcut: &str, text: &str) -> Result<Self, Refusal> {
        let word = shortcut.trim();
        let word = word.strip_prefix('#').unwrap_or(word).to_lowercase();
        let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if word.is_empty() || !word.chars().all(is_word) {
            return Err(Refusal::invalid(
                "shortcut",
                "must be one word of letters, digits, - and _",
            ));
        }
        if word.chars().count() > Self::MAX_SHORTCUT_CHARS {
            let reason = format!("at most {} characters", Self::MAX_SHORTCUT_CHARS);
            return Err(Refusal::invalid("shortcut", reason));
        }
        Ok(Self {
            shortcut: word,
            text: message_text(text)?,
        })
    }

    /// What agents type after `#`.
    #[must_use]
    pub fn shortcut(&self) -> &str {
        &self.shortcut
    }

    /// What is inserted.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortcut_is_one_word_in_lower_case() {
        for (given, kept) in [
            ("hello", "hello"),
            (" #Hello ", "hello"),
            ("rück-gabe_2", "rück-gabe_2"),
        ] {
            assert_eq!(CannedText::parse(given, "x").unwrap().shortcut(), kept);
        }
        for bad in ["", "#", "two words", "a/b", "##a", &"x".repeat(41)] {
            assert!(
                matches!(CannedText::parse(bad, "x"), Err(Refusal::Validation { field, .. }) if field == "shortcut"),
                "{bad}"
            );
        }
        assert!(CannedText::parse("a", "  ").is_err());
    }
}
