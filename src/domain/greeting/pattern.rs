//! Patterns of addresses as people write them: contains, exactly, or with `*` for anything. Matched in linear time.

use serde::{Deserialize, Serialize};

use crate::domain::Refusal;

/// How a pattern is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The text stands somewhere in the address.
    #[default]
    Contains,
    /// The address is the text; a slash at the end and the part after `#` make no difference.
    Exact,
    /// The whole address, with `*` for any characters, also none.
    Wildcard,
}

impl How {
    /// All of them, for forms.
    pub const ALL: [Self; 3] = [Self::Contains, Self::Exact, Self::Wildcard];

    /// The word in JSON and in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::Exact => "exact",
            Self::Wildcard => "wildcard",
        }
    }

    /// The way with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|how| how.as_str() == text)
    }
}

/// One pattern. Upper and lower case make no difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// How it is compared.
    pub how: How,
    /// What is looked for: 1 to [`Pattern::MAX_CHARS`] characters.
    pub text: String,
}

impl Pattern {
    /// Longest pattern, in characters.
    pub const MAX_CHARS: usize = 256;

    /// A pattern of this text without the blanks around it.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `field` for an empty or too long text, or control characters.
    pub fn new(field: &str, how: How, text: &str) -> Result<Self, Refusal> {
        let pattern = Self {
            how,
            text: text.trim().to_owned(),
        };
        pattern.check(field)?;
        Ok(pattern)
    }

    pub(super) fn check(&self, field: &str) -> Result<(), Refusal> {
        let chars = self.text.chars().count();
        if chars == 0 || chars > Self::MAX_CHARS {
            let reason = format!("a pattern has 1 to {} characters", Self::MAX_CHARS);
            return Err(Refusal::invalid(field, reason));
        }
        if self.text.chars().any(char::is_control) {
            return Err(Refusal::invalid(field, "has no control characters"));
        }
        Ok(())
    }

    /// Whether an address fits.
    #[must_use]
    pub fn fits(&self, address: &str) -> bool {
        let (address, text) = (address.to_lowercase(), self.text.to_lowercase());
        match self.how {
            How::Contains => address.contains(&text),
            How::Exact => same(&address, &text),
            How::Wildcard => wildcard(&address, &text),
        }
    }
}

fn same(address: &str, text: &str) -> bool {
    let page = match text.contains('#') {
        true => address,
        false => address.split('#').next().unwrap_or_default(),
    };
    page.trim_end_matches('/') == text.trim_end_matches('/')
}

/// The pieces between the stars in their order, each where it stands first: going back would find nothing more, since a
/// later place leaves less of the text. Each search is linear and begins where the one before ended.
fn wildcard(address: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| address.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(how: How, text: &str, address: &str) -> bool {
        Pattern::new("url", how, text).unwrap().fits(address)
    }

    #[test]
    fn a_pattern_is_compared_as_it_says() {
        use How::{Contains, Exact, Wildcard};
        for (how, text, address, want) in [
            (Contains, "/cart", "https://a.example/Cart?x=1", true),
            (Contains, "/cart", "https://a.example/", false),
            (Exact, "https://a.example", "https://a.example/", true),
            (Exact, "https://a.example/x/", "https://a.example/x", true),
            (
                Exact,
                "https://a.example/x",
                "https://a.example/x#top",
                true,
            ),
            (Exact, "https://a.example/#a", "https://a.example/#b", false),
            (Exact, "https://a.example/x", "https://a.example/x?y", false),
            (Wildcard, "https://a.example/*", "https://a.example/", true),
            (Wildcard, "*/tea/*", "https://a.example/tea/green", true),
            (Wildcard, "*/tea/*", "https://a.example/tea", false),
            (Wildcard, "*a*b*c", "xaxbxc", true),
            (Wildcard, "*a*b*c", "xaxcxb", false),
            (Wildcard, "a*", "ba", false),
            (Wildcard, "ab*ba", "aba", false),
            (Wildcard, "*", "", true),
            (Wildcard, "**", "anything", true),
            (Wildcard, "abc", "abc", true),
            (Wildcard, "abc", "abcd", false),
        ] {
            assert_eq!(fits(how, text, address), want, "{how:?} {text} {address}");
        }
    }

    #[test]
    fn many_stars_take_no_longer_than_few() {
        let pattern = "a*".repeat(Pattern::MAX_CHARS / 2);
        let address = "a".repeat(4_096);

        assert!(fits(How::Wildcard, &pattern, &address));
        assert!(!fits(How::Wildcard, &pattern[..255], &"b".repeat(4_096)));
    }

    #[test]
    fn a_pattern_has_a_length() {
        for bad in ["", "  ", "a\u{7}b", &"x".repeat(257)] {
            assert!(Pattern::new("url", How::Contains, bad).is_err(), "{bad}");
        }
        assert!(Pattern::new("url", How::Contains, &"ä".repeat(256)).is_ok());
    }
}
