//! One-time links and tickets: first set-up, invitation, password reset, agents' socket. Stored as hashes, used once.

use crate::db::{Result, Row, Tx};
use crate::domain::ids::{AgentId, LoginId};
use crate::token::TokenHash;

/// What a token opens, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The first set-up.
    Setup,
    /// A new agent chooses a password.
    Invite,
    /// An agent chooses a new password.
    Reset,
    /// An agents' socket is opened.
    Socket,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Invite => "invite",
            Self::Reset => "reset",
            Self::Socket => "socket",
        }
    }

    /// How long a token of this kind lives, in ms.
    #[must_use]
    pub const fn ttl_ms(self) -> i64 {
        match self {
            Self::Setup | Self::Reset => 24 * 3_600_000,
            Self::Invite => 7 * 24 * 3_600_000,
            Self::Socket => 30_000,
        }
    }
}

/// Whom a token is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The agent, of an invitation, a reset link or a ticket.
    pub agent: Option<AgentId>,
    /// The login, of a ticket.
    pub login: Option<LoginId>,
}

/// Stores a token; a new invitation or reset link voids the agent's earlier ones.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn create(
    tx: &mut dyn Tx,
    purpose: Purpose,
    hash: &TokenHash,
    holder: Holder,
    now: i64,
) -> Result<()> {
    if matches!(purpose, Purpose::Invite | Purpose::Reset) {
        tx.exec(
            "delete from one_time_tokens \
             where agent_id = ?1 and purpose in ('invite', 'reset')",
            &[holder.agent.into()],
        )?;
    }
    tx.exec(
        "insert into one_time_tokens (token_hash, purpose, agent_id, login_id, created_at, \
         expires_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            hash.into(),
            purpose.as_str().into(),
            holder.agent.into(),
            holder.login.into(),
            now.into(),
            (now + purpose.ttl_ms()).into(),
        ],
    )?;
    Ok(())
}

/// Whom an unused token is for, without using it up.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn peek(
    tx: &mut dyn Tx,
    purpose: Purpose,
    hash: &TokenHash,
    now: i64,
) -> Result<Option<Holder>> {
    tx.opt(
        "select agent_id, login_id from one_time_tokens \
         where token_hash = ?1 and purpose = ?2 and used_at is null and expires_at > ?3",
        &[hash.into(), purpose.as_str().into(), now.into()],
        holder,
    )
}

/// Uses a token up: of any number of callers exactly one gets its holder.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn take(
    tx: &mut dyn Tx,
    purpose: Purpose,
    hash: &TokenHash,
    now: i64,
) -> Result<Option<Holder>> {
    tx.opt(
        "update one_time_tokens set used_at = ?3 \
         where token_hash = ?1 and purpose = ?2 and used_at is null and expires_at > ?3 \
         returning agent_id, login_id",
        &[hash.into(), purpose.as_str().into(), now.into()],
        holder,
    )
}

/// The agents who still have an open invitation.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn invited(tx: &mut dyn Tx, now: i64) -> Result<Vec<AgentId>> {
    tx.all(
        "select distinct agent_id from one_time_tokens \
         where purpose = 'invite' and agent_id is not null and used_at is null and expires_at > ?1",
        &[now.into()],
        |row| Ok(AgentId(row.i64(0)?)),
    )
}

/// Deletes up to `limit` tokens that are past their time; returns how many.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn delete_expired(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    tx.exec(
        &format!(
            "delete from one_time_tokens where token_hash in (\
             select token_hash from one_time_tokens where expires_at < ?1 limit ?2{skip})"
        ),
        &[now.into(), limit.into()],
    )
}

fn holder(row: &dyn Row) -> Result<Holder> {
    Ok(Holder {
        agent: row.opt_i64(0)?.map(AgentId),
        login: row.opt_i64(1)?.map(LoginId),
    })
}
