//! The owner and site to begin with, for end-to-end tests and demonstrations.

use crate::config::Seed;
use crate::db::{Db, Lane};
use crate::domain::Refusal;
use crate::domain::agent::{Email, NAME_CHARS, required_line};
use crate::domain::origin;
use crate::domain::password::NewPassword;
use crate::domain::permission::Scope;
use crate::error::StartError;
use crate::http::dashboard::password;
use crate::store::api_keys::{self, NewApiKey};
use crate::store::setup::{self, FirstOwner};
use crate::token::Token;

/// Characters of a key that stay readable in lists.
const PREFIX_CHARS: usize = 12;

/// What was made of a [`Seed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// Public key of the site, as it stands in the snippet.
    pub site_key: String,
    /// API key of the site with all scopes; shown nowhere else.
    pub api_key: String,
    /// What the owner signs in with.
    pub owner_email: String,
}

/// Makes owner, site and API key in one transaction.
pub(super) fn plant(db: &Db, seed: &Seed, now: i64) -> Result<Seeded, StartError> {
    let site_name = line("site-name", &seed.site_name)?;
    let owner_name = line("owner-name", &seed.owner_name)?;
    let email = Email::parse(&seed.owner_email).map_err(StartError::Seed)?;
    let known = [email.address(), &owner_name, &site_name];
    let password = NewPassword::parse(&seed.owner_password, &known).map_err(StartError::Seed)?;
    let origins = origin::parse_list(&seed.site_origins.join("\n")).map_err(StartError::Seed)?;
    let password_hash =
        password::hash_blocking(&password).map_err(|reason| StartError::System {
            what: "a password hash",
            source: std::io::Error::other(reason),
        })?;
    let secret = Token::random();
    let api_key = format!("parlor_{}", secret.as_str());
    let (owner_email, key) = (email.address().to_owned(), api_key.clone());
    let made = db.write_blocking(Lane::Admin, move |tx| {
        let owner = FirstOwner {
            site_name: &site_name,
            origins: &origins,
            name: &owner_name,
            email: &email,
            password_hash: &password_hash,
        };
        let Some((founder, site)) = setup::found(tx, &owner, now)? else {
            return Err(Refusal::Conflict("Parlor is set up already").into());
        };
        let new = NewApiKey {
            site: site.id,
            name: "Made at the start",
            scopes: &Scope::ALL,
            agent: Some(founder),
            hash: &secret.hash(),
            prefix: &key[..PREFIX_CHARS],
            expires_at: None,
        };
        api_keys::create(tx, &new, now)?;
        Ok(site.key)
    });
    match made {
        Ok(site_key) => Ok(Seeded {
            site_key,
            api_key,
            owner_email,
        }),
        Err(crate::db::Error::Refused(refusal)) => Err(StartError::Seed(refusal)),
        Err(error) => Err(error.into()),
    }
}

fn line(field: &str, text: &str) -> Result<String, StartError> {
    required_line(field, text, NAME_CHARS).map_err(StartError::Seed)
}
