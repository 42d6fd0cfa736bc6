//! The first set-up: a one-time link, and the one transaction that makes the first owner and site.

use crate::db::{Result, Tx};
use crate::domain::Refusal;
use crate::domain::agent::{Email, Role};
use crate::domain::ids::AgentId;
use crate::domain::site::{Site, SiteSettings};
use crate::store::agents::{self, NewAgent};
use crate::store::one_time_tokens::{self, Holder, Purpose};
use crate::store::sites::{self, NewSite};
use crate::token::TokenHash;

/// Who and what the first set-up makes.
#[derive(Clone, Copy, Debug)]
pub struct FirstOwner<'a> {
    /// The site's name.
    pub site_name: &'a str,
    /// Origins allowed from the start; may be empty.
    pub origins: &'a [String],
    /// The owner's name.
    pub name: &'a str,
    /// The owner's address.
    pub email: &'a Email,
    /// The owner's hashed password.
    pub password_hash: &'a str,
}

/// Whether the first set-up is still to be done.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn is_needed(tx: &mut dyn Tx) -> Result<bool> {
    Ok(!agents::has_owner(tx)?)
}

/// Stores a set-up link that lives a day; links of other nodes and earlier starts stay good until one is used.
///
/// # Errors
/// [`Refusal::Conflict`] when there is an owner already, or any other [`crate::db::Error`].
pub fn issue_link(tx: &mut dyn Tx, hash: &TokenHash, now: i64) -> Result<()> {
    if !is_needed(tx)? {
        return Err(Refusal::Conflict("Parlor is set up already").into());
    }
    one_time_tokens::create(tx, Purpose::Setup, hash, Holder::default(), now)
}

/// Whether this set-up link still opens the form.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn is_open(tx: &mut dyn Tx, hash: &TokenHash, now: i64) -> Result<bool> {
    let known = one_time_tokens::peek(tx, Purpose::Setup, hash, now)?;
    Ok(known.is_some() && is_needed(tx)?)
}

/// Makes the first owner and site by a set-up link; `None` when somebody else was first.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn complete(
    tx: &mut dyn Tx,
    hash: &TokenHash,
    owner: &FirstOwner<'_>,
    now: i64,
) -> Result<Option<(AgentId, Site)>> {
    if one_time_tokens::take(tx, Purpose::Setup, hash, now)?.is_none() {
        return Ok(None);
    }
    found(tx, owner, now)
}

/// Makes the first owner and site without a link, for the command line and for embedding; `None` when there is an
/// owner already.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn found(tx: &mut dyn Tx, owner: &FirstOwner<'_>, now: i64) -> Result<Option<(AgentId, Site)>> {
    // Two links, or a link and the command line, at the same moment: this row decides who founds the house.
    let first = tx.exec(
        "insert into meta (name, value) values ('founded_at', ?1) on conflict (name) do nothing",
        &[now.to_string().as_str().into()],
    )?;
    if first == 0 {
        return Ok(None);
    }
    let site = sites::create(
        tx,
        &NewSite {
            name: owner.site_name,
            origins: owner.origins,
            settings: &SiteSettings::default(),
        },
        now,
    )?;
    let agent = agents::create(
        tx,
        &NewAgent {
            name: owner.name,
            email: owner.email,
            password_hash: owner.password_hash,
            role: Role::Owner,
        },
        &[site.id],
        now,
    )?;
    tx.exec("delete from one_time_tokens where purpose = 'setup'", &[])?;
    Ok(Some((agent, site)))
}
