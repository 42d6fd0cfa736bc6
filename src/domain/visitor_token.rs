//! The secret a browser holds: 256 random bits, written in 43 characters, kept by the server only as a SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A visitor's bearer token as a client sent it; it prints as `VisitorToken(…)` only.
#[derive(Clone, PartialEq, Eq)]
pub struct VisitorToken(String);

/// The characters of a token: 32 bytes in base64url without padding.
pub const TOKEN_CHARS: usize = 43;

impl VisitorToken {
    /// The token of 32 bytes from the system's generator.
    #[must_use]
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The token in this text, if it has the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_token = text.len() == TOKEN_CHARS
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        is_token.then(|| Self(text.to_owned()))
    }

    /// The secret itself, for the answer to the browser it belongs to.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// What the database keeps: the SHA-256 of the text.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl std::fmt::Debug for VisitorToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VisitorToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_form_and_never_prints() {
        let token = VisitorToken::from_random(&[255; 32]);

        assert_eq!(VisitorToken::parse(token.secret()), Some(token.clone()));
        assert!(!format!("{token:?}").contains("__"));
        for bad in [
            "",
            "short",
            &"a".repeat(42),
            &"a".repeat(44),
            &"ä".repeat(43),
            &"+".repeat(43),
        ] {
            assert_eq!(VisitorToken::parse(bad), None, "{bad}");
        }
    }
}
