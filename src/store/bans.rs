//! Bans: who may not chat, until when, and who said so. A ban is of a visitor, and where it was chosen of the address too.
//!
//! It follows the person through merges: a ban of any row that leads to a visitor holds for that visitor.

use std::collections::HashSet;

use crate::db::{Result, Row, Tx};
use crate::domain::disconnect::DisconnectReason;
use crate::domain::event::{Author, NewEvent, Recipients};
use crate::domain::ids::{AgentId, BanId, ChatId, SiteId, VisitorId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::domain::{Hint, Refusal};
use crate::store::chats;
use crate::store::endings::{self, Ending};
use crate::store::events;
use crate::store::lists::listed;

/// Longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 500;
/// The longest time that a ban can be given, in ms: ten years. For longer there is "until lifted".
pub const MAX_LENGTH_MS: i64 = 10 * 365 * 24 * 3_600_000;
/// Most bans in one page of [`list`].
pub const MAX_PAGE: i64 = 100;

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Its id.
    pub id: BanId,
    /// The visitor it was said of.
    pub visitor: VisitorId,
    /// The truncated address it also holds for; empty for none.
    pub ip: String,
    /// Why, in the agent's words.
    pub reason: String,
    /// Who said so; `None` for a program without an agent.
    pub agent: Option<AgentId>,
    /// Unix ms.
    pub created_at: i64,
    /// When it ends by itself, Unix ms; `None` until somebody lifts it.
    pub expires_at: Option<i64>,
}

/// What a new ban is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewBan {
    /// How long it lasts, in ms, 1 to [`MAX_LENGTH_MS`]; `None` until somebody lifts it.
    pub length_ms: Option<i64>,
    /// Why, at most [`MAX_REASON_CHARS`] characters.
    pub reason: String,
    /// Whether it also holds for the address the visitor was last seen at. Neighbours share a truncated address.
    pub with_address: bool,
}

const COLUMNS: &str = "b.id, b.visitor_id, b.ip, b.reason, b.agent_id, b.created_at, b.expires_at";

/// Bans the visitor of the permit and ends their sockets; a ban they have already gives way to this one.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::BanVisitor`]; [`Refusal::Validation`] naming `reason` or
/// `expires_in`; or any other [`crate::db::Error`].
pub fn ban(tx: &mut dyn Tx, permit: &Permit, new: &NewBan, now: i64) -> Result<Ban> {
    let (site, visitor) = permit.visitor(&[Action::BanVisitor])?;
    check(new)?;
    let agent = match permit.author(visitor) {
        Ok(Author::Agent(agent)) => Some(agent),
        Ok(Author::Visitor(_) | Author::System) | Err(_) => None,
    };
    end(tx, site, visitor, now)?;
    let ip = if new.with_address {
        let sql = "select ip from visitors where id = ?1";
        tx.opt(sql, &[visitor.into()], |row| row.text(0))?
            .unwrap_or_default()
    } else {
        String::new()
    };
    let made = Ban {
        id: BanId(tx.new_id(now)),
        visitor,
        ip,
        reason: new.reason.trim().replace('\0', ""),
        agent,
        created_at: now,
        expires_at: new.length_ms.map(|length| now + length),
    };
    insert(tx, site, &made)?;
    note_in_chat(tx, site, visitor, now)?;
    let reason = DisconnectReason::CustomerBanned;
    endings::note(tx, Ending::Visitor(visitor, reason), now)?;
    tx.emit(Hint::VisitorUpdated { site, visitor })?;
    Ok(made)
}

fn check(new: &NewBan) -> Result<()> {
    if new.reason.chars().count() > MAX_REASON_CHARS {
        let text = format!("must have at most {MAX_REASON_CHARS} characters");
        return Err(Refusal::invalid("reason", text).into());
    }
    if new
        .length_ms
        .is_some_and(|ms| !(1..=MAX_LENGTH_MS).contains(&ms))
    {
        let text =
            "must be more than nothing and at most ten years; leave it out for a ban without end";
        return Err(Refusal::invalid("expires_in", text).into());
    }
    Ok(())
}

fn insert(tx: &mut dyn Tx, site: SiteId, ban: &Ban) -> Result<()> {
    tx.exec(
        "insert into bans (id, site_id, visitor_id, ip, reason, agent_id, created_at, expires_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            ban.id.into(),
            site.into(),
            ban.visitor.into(),
            (&ban.ip).into(),
            (&ban.reason).into(),
            ban.agent.into(),
            ban.created_at.into(),
            ban.expires_at.into(),
        ],
    )?;
    Ok(())
}

/// Tells the agents in the visitor's open chat, if there is one; the visitor reads nothing of it.
fn note_in_chat(tx: &mut dyn Tx, site: SiteId, visitor: VisitorId, now: i64) -> Result<()> {
    let open = tx.opt(
        "select c.id from chats c
         where c.site_id = ?1 and c.is_active = 1
           and (c.visitor_id = ?2 or c.visitor_id in (select id from visitors where merged_into = ?2))
         order by c.last_event_at desc, c.id desc limit 1",
        &[site.into(), visitor.into()],
        |row| Ok(ChatId(row.i64(0)?)),
    )?;
    let Some(chat) = open else { return Ok(()) };
    let (_, permit) = chats::authorized(tx, &Subject::System, Action::SendEvent, chat)?;
    let line = NewEvent::system_message("The visitor was banned.", "customer_banned")?
        .for_recipients(Recipients::Agents);
    let mut chat = chats::hold(tx, &permit, &[Action::SendEvent])?;
    // It may have been closed since it was found: the agents see the ban beside it anyway.
    if chat.is_active {
        events::append_new(tx, &mut chat, Author::System, &line, now)?;
        chats::finish(tx, &mut chat, now)?;
    }
    Ok(())
}

/// Lifts every ban of the visitor of the permit; false where there is none.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::BanVisitor`], or any other [`crate::db::Error`].
pub fn lift(tx: &mut dyn Tx, permit: &Permit, now: i64) -> Result<bool> {
    let (site, visitor) = permit.visitor(&[Action::BanVisitor])?;
    let is_lifted = end(tx, site, visitor, now)? > 0;
    if is_lifted {
        tx.emit(Hint::VisitorUpdated { site, visitor })?;
    }
    Ok(is_lifted)
}

fn end(tx: &mut dyn Tx, site: SiteId, visitor: VisitorId, now: i64) -> Result<u64> {
    tx.exec(
        "update bans set lifted_at = ?3
         where site_id = ?1 and lifted_at is null and (expires_at is null or expires_at > ?3)
           and (visitor_id = ?2 or visitor_id in (select id from visitors where merged_into = ?2))",
        &[site.into(), visitor.into(), now.into()],
    )
}

/// The ban that keeps this visitor out at this address, the one that lasts longest. `visitor` is a root, `ip` truncated.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn active(
    tx: &mut dyn Tx,
    site: SiteId,
    visitor: VisitorId,
    ip: &str,
    now: i64,
) -> Result<Option<Ban>> {
    // Asked at every login and for every page: each way to a ban has its index, so bans of others cost nothing.
    let sql = format!(
        "select {COLUMNS} from bans b
         where b.id in (
             select o.id from bans o where o.visitor_id = ?2
             union
             select o.id from visitors v join bans o on o.visitor_id = v.id where v.merged_into = ?2
             union
             select o.id from bans o
             where o.site_id = ?1 and o.ip = ?3 and o.ip <> '' and o.lifted_at is null)
           and b.site_id = ?1 and b.lifted_at is null and (b.expires_at is null or b.expires_at > ?4)
         order by case when b.expires_at is null then 0 else 1 end, b.expires_at desc, b.id desc
         limit 1"
    );
    let args = [site.into(), visitor.into(), ip.into(), now.into()];
    tx.opt(&sql, &args, read)
}

/// Which of these visitors, roots, are banned themselves, or under a name that was merged into theirs. Bans of an address
/// are not looked at.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn among(tx: &mut dyn Tx, roots: &[VisitorId], now: i64) -> Result<HashSet<VisitorId>> {
    let ids: Vec<i64> = roots.iter().map(|root| root.0).collect();
    let read = |row: &dyn Row| Ok((VisitorId(row.i64(0)?), row.opt_i64(1)?));
    let own = "select b.visitor_id, b.expires_at from bans b
               where b.lifted_at is null and b.visitor_id in";
    let merged =
        "select v.merged_into, b.expires_at from visitors v join bans b on b.visitor_id = v.id
                  where b.lifted_at is null and v.merged_into in";
    let mut found = listed(tx, own, &ids, read)?;
    found.extend(listed(tx, merged, &ids, read)?);
    Ok(found
        .into_iter()
        .filter(|(_, expires_at)| expires_at.is_none_or(|at| at > now))
        .map(|(root, _)| root)
        .collect())
}

/// Refuses who is banned.
///
/// # Errors
/// [`Refusal::Banned`], or any other [`crate::db::Error`].
pub fn refuse_banned(
    tx: &mut dyn Tx,
    site: SiteId,
    visitor: VisitorId,
    ip: &str,
    now: i64,
) -> Result<()> {
    match active(tx, site, visitor, ip, now)? {
        Some(_) => Err(Refusal::Banned.into()),
        None => Ok(()),
    }
}

/// The bans in force on the site of the permit, the newest first, older than `before`; at most [`MAX_PAGE`].
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadVisitors`], or any other [`crate::db::Error`].
pub fn list(
    tx: &mut dyn Tx,
    permit: &Permit,
    before: Option<BanId>,
    limit: i64,
    now: i64,
) -> Result<Vec<Ban>> {
    let site = permit.site(&[Action::ReadVisitors])?;
    let sql = format!(
        "select {COLUMNS} from bans b
         where b.site_id = ?1 and b.lifted_at is null and (b.expires_at is null or b.expires_at > ?2)
           and b.id < ?3
         order by b.id desc limit ?4"
    );
    let args = [
        site.into(),
        now.into(),
        before.unwrap_or(BanId(i64::MAX)).into(),
        limit.clamp(1, MAX_PAGE).into(),
    ];
    tx.all(&sql, &args, read)
}

/// Ends all sockets of the visitor of the permit; clients are told the reason, and do with it what the protocol says.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::BanVisitor`], or any other [`crate::db::Error`].
pub fn disconnect(
    tx: &mut dyn Tx,
    permit: &Permit,
    reason: DisconnectReason,
    now: i64,
) -> Result<()> {
    let (_, visitor) = permit.visitor(&[Action::BanVisitor])?;
    endings::note(tx, Ending::Visitor(visitor, reason), now)
}

/// Forgets the bans of a visitor row that is deleted.
///
/// # Errors
/// Any [`crate::db::Error`].
pub(super) fn delete_of_visitor(tx: &mut dyn Tx, visitor: VisitorId) -> Result<()> {
    tx.exec("delete from bans where visitor_id = ?1", &[visitor.into()])?;
    Ok(())
}

fn read(row: &dyn Row) -> Result<Ban> {
    Ok(Ban {
        id: BanId(row.i64(0)?),
        visitor: VisitorId(row.i64(1)?),
        ip: row.text(2)?,
        reason: row.text(3)?,
        agent: row.opt_i64(4)?.map(AgentId),
        created_at: row.i64(5)?,
        expires_at: row.opt_i64(6)?,
    })
}
