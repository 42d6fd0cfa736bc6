//! Logins: signed-in browsers of agents. Found by the hash of their cookie, listed, revoked, and limited in age.

use crate::db::{Result, Row, Tx};
use crate::domain::agent::Role;
use crate::domain::ids::{AgentId, LoginId, SiteId};
use crate::store::endings::{self, Ending};
use crate::token::TokenHash;

const HOUR_MS: i64 = 3_600_000;
/// A login that was not used for this long is over: 7 days.
pub const IDLE_MS: i64 = 7 * 24 * HOUR_MS;
/// No login lives longer than this, however busy: 30 days.
pub const ABSOLUTE_MS: i64 = 30 * 24 * HOUR_MS;
/// How old `last_seen_at` may get before a request writes it anew: one write in 5 minutes is enough.
pub const TOUCH_AFTER_MS: i64 = 5 * 60_000;
/// A clock this far behind the login's own times was set back: the agent signs in again.
const CLOCK_BACK_MS: i64 = 24 * HOUR_MS;

/// What a new login is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewLogin<'a> {
    /// SHA-256 of the cookie's value.
    pub token_hash: &'a TokenHash,
    /// Who signs in.
    pub agent: AgentId,
    /// The site they look at first.
    pub site: SiteId,
    /// The browser's own words, cut to 300 characters by the caller.
    pub user_agent: &'a str,
    /// The truncated address.
    pub ip: &'a str,
}

/// A login as the list on the profile page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The login's id.
    pub id: LoginId,
    /// Whose it is.
    pub agent: AgentId,
    /// The browser's own words.
    pub user_agent: String,
    /// The truncated address.
    pub ip: String,
    /// Unix ms.
    pub created_at: i64,
    /// Unix ms, exact to [`TOUCH_AFTER_MS`].
    pub last_seen_at: i64,
}

/// What a live login opens: read at every request, so that rights are those of the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The login's id.
    pub login: LoginId,
    /// Who is signed in.
    pub agent: AgentId,
    /// What they may do now.
    pub role: Role,
    /// The site the login looks at.
    pub site: SiteId,
    /// Unix ms, exact to [`TOUCH_AFTER_MS`].
    pub last_seen_at: i64,
}

/// Stores a new login.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn create(tx: &mut dyn Tx, new: &NewLogin<'_>, now: i64) -> Result<LoginId> {
    let id = LoginId(tx.new_id(now));
    tx.exec(
        "insert into logins (id, token_hash, agent_id, site_id, user_agent, ip, created_at, \
         last_seen_at, expires_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)",
        &[
            id.into(),
            new.token_hash.into(),
            new.agent.into(),
            new.site.into(),
            new.user_agent.into(),
            new.ip.into(),
            now.into(),
            (now + ABSOLUTE_MS).into(),
        ],
    )?;
    Ok(id)
}

/// The live login of this cookie: not revoked, within both limits, of an active agent of its site.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn open(tx: &mut dyn Tx, token_hash: &TokenHash, now: i64) -> Result<Option<Open>> {
    let row = tx.opt(
        "select l.id, l.agent_id, a.role, l.site_id, l.last_seen_at \
         from logins l join agents a on a.id = l.agent_id \
         join agent_sites s on s.agent_id = l.agent_id and s.site_id = l.site_id \
         where l.token_hash = ?1 and l.revoked_at is null and a.deactivated_at is null \
         and l.expires_at > ?2 and l.last_seen_at > ?3 and l.last_seen_at < ?4",
        &[
            token_hash.into(),
            now.into(),
            (now - IDLE_MS).into(),
            (now + CLOCK_BACK_MS).into(),
        ],
        |row| {
            Ok((
                LoginId(row.i64(0)?),
                AgentId(row.i64(1)?),
                row.text(2)?,
                SiteId(row.i64(3)?),
                row.i64(4)?,
            ))
        },
    )?;
    Ok(row.and_then(|(login, agent, role, site, last_seen_at)| {
        Role::parse(&role).map(|role| Open {
            login,
            agent,
            role,
            site,
            last_seen_at,
        })
    }))
}

/// Moves the idle limit on; a revoked login stays revoked.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn touch(tx: &mut dyn Tx, id: LoginId, now: i64) -> Result<()> {
    tx.exec(
        "update logins set last_seen_at = ?2 \
         where id = ?1 and revoked_at is null and last_seen_at < ?2",
        &[id.into(), now.into()],
    )?;
    Ok(())
}

/// The live logins of an agent, the newest first.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn of_agent(tx: &mut dyn Tx, agent: AgentId, now: i64) -> Result<Vec<Login>> {
    tx.all(
        "select id, agent_id, user_agent, ip, created_at, last_seen_at from logins \
         where agent_id = ?1 and revoked_at is null and expires_at > ?2 and last_seen_at > ?3 \
         order by created_at desc, id desc limit 200",
        &[agent.into(), now.into(), (now - IDLE_MS).into()],
        login,
    )
}

/// Ends one login of this agent; the sockets that stand on it close. False if there is none to end.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn revoke(tx: &mut dyn Tx, agent: AgentId, id: LoginId, now: i64) -> Result<bool> {
    let changed = tx.exec(
        "update logins set revoked_at = ?3 \
         where id = ?1 and agent_id = ?2 and revoked_at is null",
        &[id.into(), agent.into(), now.into()],
    )?;
    if changed == 0 {
        return Ok(false);
    }
    endings::note(tx, Ending::Login(id), now)?;
    Ok(true)
}

/// Ends all logins of an agent but `except`; returns how many.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn revoke_all_of(
    tx: &mut dyn Tx,
    agent: AgentId,
    except: Option<LoginId>,
    now: i64,
) -> Result<usize> {
    // No login has the id 0, so it stands for "none".
    let spared = except.unwrap_or(LoginId(0));
    let ended = tx.all(
        "update logins set revoked_at = ?3 \
         where agent_id = ?1 and id <> ?2 and revoked_at is null \
         returning id",
        &[agent.into(), spared.into(), now.into()],
        |row| Ok(LoginId(row.i64(0)?)),
    )?;
    for login in &ended {
        endings::note(tx, Ending::Login(*login), now)?;
    }
    Ok(ended.len())
}

/// Deletes up to `limit` logins that ended before `before`; returns how many.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn delete_ended(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    tx.exec(
        &format!(
            "delete from logins where id in (\
             select id from logins where expires_at < ?1 or revoked_at < ?1 limit ?2{skip})"
        ),
        &[before.into(), limit.into()],
    )
}

fn login(row: &dyn Row) -> Result<Login> {
    Ok(Login {
        id: LoginId(row.i64(0)?),
        agent: AgentId(row.i64(1)?),
        user_agent: row.text(2)?,
        ip: row.text(3)?,
        created_at: row.i64(4)?,
        last_seen_at: row.i64(5)?,
    })
}
