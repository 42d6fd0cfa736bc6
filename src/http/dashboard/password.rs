//! Passwords: argon2id on a pool of two, so that a flood of logins cannot take all cores and memory.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::domain::password::NewPassword;
use crate::http::error::ApiError;

/// Two at a time: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Those being hashed and those that wait, about half a second's work; more are turned away at once.
const ADMITTED: usize = 34;

/// What an unknown name is checked against, so that it takes as long as a known one. No password leads
/// to it: its last part is random.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$4pohtv10kqU6elZdl1B05g$s4YZ68PgvHN2D/DBx7pldlDFYXidUIsbDUjA4PHQf6Q";

/// The argon2 text of a new password (argon2id, 19 MiB, 2 passes, 1 lane; salted), made on this thread.
///
/// # Errors
/// A text for the log, if the system has no randomness or memory to give.
pub fn hash_blocking(password: &NewPassword) -> Result<String, String> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_str().as_bytes())
        .map_err(|e| format!("the password could not be hashed: {e}"))?;
    Ok(hash.to_string())
}

/// Where the passwords of one Parlor are hashed.
#[derive(Debug)]
pub(crate) struct Pool {
    admitted: Semaphore,
    hashing: Semaphore,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            admitted: Semaphore::new(ADMITTED),
            hashing: Semaphore::new(AT_ONCE),
        }
    }
}

impl Pool {
    /// [`hash_blocking`] on the pool.
    ///
    /// # Errors
    /// [`ApiError`] 503 when too many wait, 500 when hashing fails.
    pub(crate) async fn hash(&self, password: NewPassword) -> Result<String, ApiError> {
        self.run(move || hash_blocking(&password))
            .await?
            .map_err(ApiError::internal)
    }

    /// Whether the password fits the stored text; without one (no such agent, invitation still open) it takes as
    /// long and says no.
    ///
    /// # Errors
    /// [`ApiError`] 503 when too many wait.
    pub(crate) async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, ApiError> {
        self.run(move || {
            let known = stored.as_deref().filter(|text| !text.is_empty());
            let fits = is_fit(&password, known.unwrap_or(NOBODY));
            fits && known.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let busy = |_| ApiError::unavailable("too many passwords wait to be checked");
        let _admitted = self.admitted.try_acquire().map_err(busy)?;
        let _turn = self
            .hashing
            .acquire()
            .await
            .map_err(|e| ApiError::internal(e.to_string()))?;
        spawn_blocking(work)
            .await
            .map_err(|e| ApiError::internal(e.to_string()))
    }
}

fn is_fit(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let password = NewPassword::parse("correct horse battery", &[]).unwrap();
        let pool = Pool::default();
        let stored = pool.hash(password).await.unwrap();

        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(
            pool.verify("correct horse battery".into(), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(
            !pool
                .verify("correct horse".into(), Some(stored))
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn nobody_and_the_invited_have_no_password() {
        let pool = Pool::default();
        for password in ["", "x", "correct horse battery"] {
            assert!(!pool.verify(password.into(), None).await.unwrap());
            assert!(
                !pool
                    .verify(password.into(), Some(String::new()))
                    .await
                    .unwrap()
            );
            assert!(
                !pool
                    .verify(password.into(), Some("not a hash".into()))
                    .await
                    .unwrap()
            );
        }
        assert!(PasswordHash::new(NOBODY).is_ok_and(|h| h.hash.is_some()));
    }
}
