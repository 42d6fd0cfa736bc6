//! API keys: shown once, stored hashed, bound to a site and to scopes.

use crate::db::{Error, Result, Tx, Value};
use crate::domain::Refusal;
use crate::domain::ids::{AgentId, ApiKeyId, SiteId};
use crate::domain::permission::{Action, Permit, Scope};
use crate::store::routing;
use crate::token::{Token, TokenHash};

/// What every key begins with, so that people and secret scanners know one when they see it.
pub const KEY_PREFIX: &str = "parlor_";

/// Most keys of a site.
pub const MAX_KEYS: i64 = 100;

/// How long a use of a key needs no new note of it.
pub const TOUCH_AFTER_MS: i64 = 60_000;

/// How long after the last noted use of its key a bot counts as connected.
///
/// A bot that waits for updates calls every 25 s, and a use is noted once in [`TOUCH_AFTER_MS`], so one that runs is never taken for gone.
pub const BOT_CONNECTED_MS: i64 = 120_000;

/// A key as its owner writes it: [`KEY_PREFIX`] and the secret.
#[must_use]
pub fn text(secret: &Token) -> String {
    format!("{KEY_PREFIX}{}", secret.as_str())
}

/// The secret in a key as its owner writes it; its hash is what [`create`] and [`by_hash`] take.
#[must_use]
pub fn parse(text: &str) -> Option<Token> {
    Token::parse(text.strip_prefix(KEY_PREFIX)?)
}

/// What a new key is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewApiKey<'a> {
    /// The site it opens.
    pub site: SiteId,
    /// What it is for, in its owner's words.
    pub name: &'a str,
    /// What it may do.
    pub scopes: &'a [Scope],
    /// Whom it acts as; without one it writes into no chat.
    pub agent: Option<AgentId>,
    /// Hash of the secret.
    pub hash: &'a TokenHash,
    /// First characters of the key, to recognise it by.
    pub prefix: &'a str,
    /// When it ends, in Unix milliseconds; `None` for never.
    pub expires_at: Option<i64>,
}

/// A key as it is found by its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The key's id.
    pub id: ApiKeyId,
    /// The site it opens.
    pub site: SiteId,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Whom it acts as; `None` too once that agent was deactivated.
    pub agent: Option<AgentId>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<i64>,
}

/// Stores a new key.
///
/// # Errors
/// Any [`Error`].
pub fn create(tx: &mut dyn Tx, new: &NewApiKey<'_>, now: i64) -> Result<ApiKeyId> {
    let id = ApiKeyId(tx.new_id(now));
    let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
    let scopes = serde_json::to_string(&scopes).map_err(|e| Error::Db(e.to_string()))?;
    tx.exec(
        "insert into api_keys (id, site_id, key_hash, prefix, name, scopes, created_at, expires_at, \
         agent_id) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        &[
            id.into(),
            new.site.into(),
            new.hash.into(),
            new.prefix.into(),
            new.name.into(),
            (&scopes).into(),
            now.into(),
            new.expires_at.map_or(Value::Null, Into::into),
            new.agent.into(),
        ],
    )?;
    Ok(id)
}

/// The key with this secret, unless it was revoked or has ended.
///
/// # Errors
/// Any [`Error`].
pub fn by_hash(tx: &mut dyn Tx, hash: &TokenHash, now: i64) -> Result<Option<ApiKey>> {
    tx.opt(
        "select k.id, k.site_id, k.scopes, k.last_used_at, a.id from api_keys k \
         left join agents a on a.id = k.agent_id and a.deactivated_at is null \
         where k.key_hash = ?1 and k.revoked_at is null \
         and (k.expires_at is null or k.expires_at > ?2)",
        &[hash.into(), now.into()],
        |row| {
            Ok(ApiKey {
                id: ApiKeyId(row.i64(0)?),
                site: SiteId(row.i64(1)?),
                scopes: read_scopes(&row.text(2)?)?,
                agent: row.opt_i64(4)?.map(AgentId),
                last_used_at: row.opt_i64(3)?,
            })
        },
    )
}

/// A key as its owner sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// The key's id.
    pub id: ApiKeyId,
    /// What it is for, in its owner's words.
    pub name: String,
    /// First characters of the key.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The name of the agent it acts as, deactivated ones included.
    pub agent_name: Option<String>,
    /// Unix ms.
    pub created_at: i64,
    /// When it ends or ended, Unix ms; `None` for never.
    pub expires_at: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<i64>,
}

/// The keys of the site of the permit that were not revoked, the newest first; at most [`MAX_KEYS`].
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ManageKeys`], or any other [`Error`].
pub fn list(tx: &mut dyn Tx, permit: &Permit) -> Result<Vec<ListedKey>> {
    let site = permit.site(&[Action::ManageKeys])?;
    tx.all(
        "select k.id, k.name, k.prefix, k.scopes, a.name, k.created_at, k.expires_at, \
         k.last_used_at from api_keys k left join agents a on a.id = k.agent_id \
         where k.site_id = ?1 and k.revoked_at is null order by k.created_at desc, k.id desc \
         limit ?2",
        &[site.into(), MAX_KEYS.into()],
        |row| {
            Ok(ListedKey {
                id: ApiKeyId(row.i64(0)?),
                name: row.text(1)?,
                prefix: row.text(2)?,
                scopes: read_scopes(&row.text(3)?)?,
                agent_name: row.opt_text(4)?,
                created_at: row.i64(5)?,
                expires_at: row.opt_i64(6)?,
                last_used_at: row.opt_i64(7)?,
            })
        },
    )
}

/// Refuses a key beyond those that a site may have.
///
/// # Errors
/// [`Refusal::LimitReached`] at [`MAX_KEYS`] that were not revoked; [`Refusal::NotAllowed`] unless the permit is for
/// [`Action::ManageKeys`]; or any other [`Error`].
pub fn refuse_too_many(tx: &mut dyn Tx, permit: &Permit) -> Result<()> {
    let site = permit.site(&[Action::ManageKeys])?;
    // The site's row orders those who make keys at once.
    let lock = tx.dialect().for_update();
    let sql = format!("select id from sites where id = ?1{lock}");
    tx.int(&sql, &[site.into()])?;
    let count = tx.int(
        "select count(*) from api_keys where site_id = ?1 and revoked_at is null",
        &[site.into()],
    )?;
    if count >= MAX_KEYS {
        return Err(Refusal::LimitReached("a site has at most 100 keys; revoke one first").into());
    }
    Ok(())
}

/// A scope that this version does not know opens nothing.
fn read_scopes(text: &str) -> Result<Vec<Scope>> {
    let words: Vec<String> = serde_json::from_str(text).map_err(|e| Error::Db(e.to_string()))?;
    Ok(words.iter().filter_map(|s| Scope::parse(s)).collect())
}

/// The bots of all sites of which a key that still opens something was used within [`BOT_CONNECTED_MS`].
pub(super) fn calling_bots(tx: &mut dyn Tx, now: i64) -> Result<Vec<AgentId>> {
    tx.all(
        "select distinct a.id
         from api_keys k
         join agents a on a.id = k.agent_id
         where a.is_bot = 1 and k.revoked_at is null and k.last_used_at > ?1
           and (k.expires_at is null or k.expires_at > ?2)",
        &[(now - BOT_CONNECTED_MS).into(), now.into()],
        |row| Ok(AgentId(row.i64(0)?)),
    )
}

/// Notes that the key was used; call it at most once a minute and key. Who waits for the bot of the key may be served then.
///
/// # Errors
/// Any [`Error`].
pub fn touch(tx: &mut dyn Tx, id: ApiKeyId, now: i64) -> Result<()> {
    tx.exec(
        "update api_keys set last_used_at = ?2 where id = ?1",
        &[id.into(), now.into()],
    )?;
    let bot = tx.opt(
        "select a.id from api_keys k join agents a on a.id = k.agent_id where k.id = ?1 and a.is_bot = 1",
        &[id.into()],
        |row| Ok(AgentId(row.i64(0)?)),
    )?;
    bot.map_or(Ok(()), |bot| routing::emit_slots(tx, bot))
}

/// Ends the key at once; false where the site has no such key, or it has ended already.
///
/// # Errors
/// Any [`Error`].
pub fn revoke(tx: &mut dyn Tx, site: SiteId, id: ApiKeyId, now: i64) -> Result<bool> {
    let revoked = tx.exec(
        "update api_keys set revoked_at = ?3 where id = ?1 and site_id = ?2 and revoked_at is null",
        &[id.into(), site.into(), now.into()],
    )?;
    Ok(revoked == 1)
}
