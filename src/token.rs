//! Secrets that open something: 32 random bytes, shown once as 43 characters of base64url, stored as SHA-256.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;
/// Characters of a token as text.
const TOKEN_CHARS: usize = 43;

/// A bearer secret in clear; its `Debug` form hides it, so that it cannot reach a log by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// SHA-256 of a token: what the database holds.
pub type TokenHash = [u8; 32];

impl Token {
    /// A fresh token from the system's generator.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; TOKEN_BYTES];
        fill(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Takes a token that came from outside: exactly 43 characters of base64url, else `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == TOKEN_CHARS
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits.then(|| Self(text.to_owned()))
    }

    /// The secret itself, to be handed to its owner once.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored and looked up. The index compares hashes, so timing tells nothing of the secret.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Fills `bytes` from the system's generator.
///
/// # Panics
/// If the system has no randomness to give: going on would make guessable secrets.
pub fn fill(bytes: &mut [u8]) {
    #[expect(
        clippy::expect_used,
        reason = "no secret may be made without randomness"
    )]
    getrandom::fill(bytes).expect("the system's random generator answers");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_way_out_and_back() {
        let token = Token::random();

        let back = Token::parse(token.as_str()).unwrap();

        assert_eq!(token.hash(), back.hash());
        assert_ne!(token.hash(), Token::random().hash());
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn text_that_is_no_token_is_refused() {
        let long = "a".repeat(44);
        for bad in ["", "a", long.as_str(), &"é".repeat(22), &"a=".repeat(21)] {
            assert_eq!(Token::parse(bad), None, "{bad}");
        }
    }
}
