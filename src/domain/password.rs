//! The rules for new passwords: long enough, and none of the first that anybody tries.

use super::Refusal;

/// A new password that keeps the rules; its `Debug` form hides it.
#[derive(Clone)]
pub struct NewPassword(String);

impl NewPassword {
    /// Shortest password, in characters.
    pub const MIN_CHARS: usize = 10;
    /// Longest password, in characters: hashing must not become a way to burn time.
    pub const MAX_CHARS: usize = 200;

    /// Checks length and that it is not one of the first that anybody tries. Any character is welcome.
    ///
    /// `known` holds words an attacker knows: the agent's e-mail address and name, the site's name.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `password`.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, Refusal> {
        let refuse = |reason: String| Err(Refusal::invalid("password", reason));
        let chars = text.chars().count();
        if chars < Self::MIN_CHARS {
            return refuse(format!("at least {} characters", Self::MIN_CHARS));
        }
        if chars > Self::MAX_CHARS {
            return refuse(format!("at most {} characters", Self::MAX_CHARS));
        }
        let fold = text.to_lowercase();
        if known.iter().any(|word| is_mostly(&fold, word)) {
            return refuse("this is too close to a name or e-mail address".into());
        }
        if is_common(&fold) {
            return refuse("this is too easy to guess".into());
        }
        Ok(Self(text.to_owned()))
    }

    /// The password itself, for hashing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

/// True when the password is little more than this word: the word and at most three characters around it.
fn is_mostly(fold: &str, word: &str) -> bool {
    let word = word.trim().to_lowercase();
    word.chars().count() >= 4
        && fold.contains(&word)
        && fold.chars().count() <= word.chars().count() + 3
}

/// The words and patterns that lists of leaked passwords open with, as far as they reach the minimal length.
fn is_common(fold: &str) -> bool {
    const STEMS: [&str; 14] = [
        "password",
        "passwort",
        "passw0rd",
        "p@ssw0rd",
        "qwerty",
        "qwertz",
        "letmein",
        "welcome",
        "iloveyou",
        "changeme",
        "administrator",
        "admin",
        "parlor",
        "secret",
    ];
    let bytes = fold.as_bytes();
    let mut distinct: Vec<char> = fold.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let is_run = bytes
        .windows(2)
        .all(|w| w[1] == w[0].wrapping_add(1) || (w[0] == b'9' && w[1] == b'0'));
    let is_keyboard = ["qwertyuiop", "qwertzuiop", "asdfghjkl", "1q2w3e4r5t"]
        .iter()
        .any(|row| fold.starts_with(row));
    // A stem followed by digits and signs only, once or twice over: "password123!", "adminadmin".
    let is_stem = STEMS.iter().any(|stem| {
        let rest = fold.replace(stem, "");
        rest.len() < fold.len() && rest.chars().all(|c| !c.is_alphabetic())
    });
    distinct.len() <= 3 || is_run || is_keyboard || is_stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_anybody_tries_first_are_refused() {
        let known = ["ada@example.org", "Ada Lovelace", "Tea Shop"];
        for bad in [
            "short",
            "aaaaaaaaaaaa",
            "ababababab",
            "1234567890",
            "abcdefghijkl",
            "Password123!",
            "adminadmin",
            "qwertyuiop1",
            "ada@example.org",
            "Ada Lovelace1",
            "1q2w3e4r5t6z",
        ] {
            assert!(NewPassword::parse(bad, &known).is_err(), "{bad}");
        }
        let longest = "äbc ".repeat(50);
        for good in [
            "correct horse",
            "Tea Shop in the rain",
            "9f3c-71aa-x!",
            &longest,
        ] {
            assert!(NewPassword::parse(good, &known).is_ok(), "{good}");
        }
        assert!(NewPassword::parse(&"ab c".repeat(51), &known).is_err());
    }
}
