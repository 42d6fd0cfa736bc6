//! Greetings of a site as their authors wrote them, in the order in which they are tried. What visitors got of them is in
//! `invitations`.

use crate::db::{Error, Result, Row, Tx};
use crate::domain::event::Body;
use crate::domain::greeting::{Draft, Rules};
use crate::domain::ids::{AgentId, GreetingId, GroupId, SiteId};
use crate::domain::permission::{Action, Permit};
use crate::domain::{Hint, Refusal};
use crate::store::{groups, json};

/// Most greetings of a site: each page of a visitor is held against all that are enabled.
pub const MAX_GREETINGS: i64 = 100;

/// A greeting.
#[derive(Clone, Debug, PartialEq)]
pub struct Greeting {
    /// Its id.
    pub id: GreetingId,
    /// The site.
    pub site: SiteId,
    /// Small, per site: what the chat wire calls the greeting's id.
    pub number: i64,
    /// Its place among the site's greetings; the lowest that fits is sent.
    pub place: i64,
    /// What its author wrote.
    pub draft: Draft,
    /// What became of it so far.
    pub counted: Counted,
    /// Unix milliseconds.
    pub updated_at: i64,
}

/// How often a greeting went out, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Sent to a visitor.
    pub sent: i64,
    /// Seen by the visitor: their client said so, or they answered.
    pub seen: i64,
    /// Accepted.
    pub accepted: i64,
    /// Chats begun from it.
    pub chats: i64,
}

/// Which way a greeting moves in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Tried earlier.
    Up,
    /// Tried later.
    Down,
}

const COLUMNS: &str = "id, site_id, number, place, name, is_enabled, rules, content, group_id, agent_id, sent, seen, \
     accepted, chats, updated_at";

/// The greetings of the site of the permit, in the order in which they are tried; at most [`MAX_GREETINGS`].
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadSite`] or [`Action::ConfigureChat`], or any other
/// [`Error`].
pub fn list(tx: &mut dyn Tx, permit: &Permit) -> Result<Vec<Greeting>> {
    let site = permit.site(&[Action::ReadSite, Action::ConfigureChat])?;
    of_site(tx, site)
}

/// A greeting of the site of the permit.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadSite`] or
/// [`Action::ConfigureChat`]; or any other [`Error`].
pub fn get(tx: &mut dyn Tx, permit: &Permit, id: GreetingId) -> Result<Greeting> {
    let site = permit.site(&[Action::ReadSite, Action::ConfigureChat])?;
    Ok(find(tx, site, id)?.ok_or(Refusal::NotFound("greeting"))?)
}

/// Adds a greeting at the end of the order.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`]; [`Refusal::LimitReached`] above
/// [`MAX_GREETINGS`]; what [`Draft::checked`] refuses; [`Refusal::GroupNotFound`]; [`Refusal::NotFound`] for an agent who
/// does not work for the site; or any other [`Error`].
pub fn create(tx: &mut dyn Tx, permit: &Permit, draft: &Draft, now: i64) -> Result<Greeting> {
    let site = permit.site(&[Action::ConfigureChat])?;
    let draft = fitting(tx, site, draft)?;
    lock_site(tx, site)?;
    let count = tx.int(
        "select count(*) from greetings where site_id = ?1 and deleted_at is null",
        &[site.into()],
    )?;
    if count >= MAX_GREETINGS {
        return Err(Refusal::LimitReached("greetings").into());
    }
    let id = GreetingId(tx.new_id(now));
    let (rules, content) = (json::write(&draft.rules)?, json::write(&draft.content)?);
    tx.exec(
        "insert into greetings
           (id, site_id, number, place, name, is_enabled, rules, content, group_id, agent_id,
            created_at, updated_at)
         values (?1, ?2, (select coalesce(max(number), 0) from greetings where site_id = ?2) + 1,
                 (select coalesce(max(place), 0) from greetings where site_id = ?2) + 1,
                 ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
        &[
            id.into(),
            site.into(),
            (&draft.name).into(),
            draft.is_enabled.into(),
            (&rules).into(),
            (&content).into(),
            draft.group.into(),
            draft.agent.into(),
            now.into(),
        ],
    )?;
    tx.emit(Hint::SiteChanged { site })?;
    find(tx, site, id)?.ok_or(Error::NotFound)
}

/// Replaces what a greeting says and when it is sent; its counters and its place stay.
///
/// # Errors
/// As [`create`], and [`Refusal::NotFound`].
pub fn update(
    tx: &mut dyn Tx,
    permit: &Permit,
    id: GreetingId,
    draft: &Draft,
    now: i64,
) -> Result<Greeting> {
    let site = permit.site(&[Action::ConfigureChat])?;
    let draft = fitting(tx, site, draft)?;
    let (rules, content) = (json::write(&draft.rules)?, json::write(&draft.content)?);
    let changed = tx.exec(
        "update greetings
         set name = ?3, is_enabled = ?4, rules = ?5, content = ?6, group_id = ?7, agent_id = ?8,
             updated_at = ?9
         where id = ?1 and site_id = ?2 and deleted_at is null",
        &[
            id.into(),
            site.into(),
            (&draft.name).into(),
            draft.is_enabled.into(),
            (&rules).into(),
            (&content).into(),
            draft.group.into(),
            draft.agent.into(),
            now.into(),
        ],
    )?;
    was_there(tx, site, changed)?;
    find(tx, site, id)?.ok_or(Error::NotFound)
}

/// Lets a greeting be sent by itself, or no longer.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`]; [`Refusal::NotFound`]; or any other
/// [`Error`].
pub fn enable(
    tx: &mut dyn Tx,
    permit: &Permit,
    id: GreetingId,
    is_enabled: bool,
    now: i64,
) -> Result<()> {
    let site = permit.site(&[Action::ConfigureChat])?;
    let changed = tx.exec(
        "update greetings set is_enabled = ?3, updated_at = ?4
         where id = ?1 and site_id = ?2 and deleted_at is null",
        &[id.into(), site.into(), is_enabled.into(), now.into()],
    )?;
    was_there(tx, site, changed)
}

/// Swaps a greeting with its neighbour in the order; at either end nothing happens.
///
/// # Errors
/// As [`enable`].
pub fn move_by_one(
    tx: &mut dyn Tx,
    permit: &Permit,
    id: GreetingId,
    direction: Direction,
) -> Result<()> {
    let site = permit.site(&[Action::ConfigureChat])?;
    lock_site(tx, site)?;
    let all = list(tx, permit)?;
    let at = all
        .iter()
        .position(|greeting| greeting.id == id)
        .ok_or(Refusal::NotFound("greeting"))?;
    let to = match direction {
        Direction::Up => at.checked_sub(1),
        Direction::Down => Some(at + 1),
    };
    if let Some(other) = to.and_then(|to| all.get(to)) {
        for (greeting, place) in [(&all[at], other.place), (other, all[at].place)] {
            tx.exec(
                "update greetings set place = ?2 where id = ?1",
                &[greeting.id.into(), place.into()],
            )?;
        }
    }
    tx.emit(Hint::SiteChanged { site })
}

/// Deletes a greeting: it is sent and shown no more, and its invitations can still be answered.
///
/// # Errors
/// As [`enable`].
pub fn delete(tx: &mut dyn Tx, permit: &Permit, id: GreetingId, now: i64) -> Result<()> {
    let site = permit.site(&[Action::ConfigureChat])?;
    let changed = tx.exec(
        "update greetings set deleted_at = ?3, updated_at = ?3
         where id = ?1 and site_id = ?2 and deleted_at is null",
        &[id.into(), site.into(), now.into()],
    )?;
    was_there(tx, site, changed)
}

/// All greetings of a site, in the order in which they are tried; for those who hold visitors against them.
///
/// # Errors
/// Any [`Error`].
pub fn of_site(tx: &mut dyn Tx, site: SiteId) -> Result<Vec<Greeting>> {
    let sql = format!(
        "select {COLUMNS} from greetings where site_id = ?1 and deleted_at is null order by place, id"
    );
    tx.all(&sql, &[site.into()], read)
}

/// A greeting of this site that is not deleted.
pub(super) fn find(tx: &mut dyn Tx, site: SiteId, id: GreetingId) -> Result<Option<Greeting>> {
    let sql = format!(
        "select {COLUMNS} from greetings where id = ?1 and site_id = ?2 and deleted_at is null"
    );
    tx.opt(&sql, &[id.into(), site.into()], read)
}

/// What a greeting's counters grow by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Sent,
    Seen,
    Accepted,
    Chats,
}

/// Counts one of them, in the transaction that makes it so.
pub(super) fn count(tx: &mut dyn Tx, id: GreetingId, what: Count) -> Result<()> {
    let column = match what {
        Count::Sent => "sent",
        Count::Seen => "seen",
        Count::Accepted => "accepted",
        Count::Chats => "chats",
    };
    let sql = format!("update greetings set {column} = {column} + 1 where id = ?1");
    tx.exec(&sql, &[id.into()])?;
    Ok(())
}

fn fitting(tx: &mut dyn Tx, site: SiteId, draft: &Draft) -> Result<Draft> {
    let draft = draft.clone().checked()?;
    if let Some(group) = draft.group {
        groups::require(tx, site, group)?;
    }
    if let Some(agent) = draft.agent {
        tx.opt(
            "select 1 from agent_sites where agent_id = ?1 and site_id = ?2",
            &[agent.into(), site.into()],
            |_| Ok(()),
        )?
        .ok_or(Refusal::NotFound("agent"))?;
    }
    Ok(draft)
}

/// The site's row orders those who number and order its greetings at once.
fn lock_site(tx: &mut dyn Tx, site: SiteId) -> Result<()> {
    let lock = tx.dialect().for_update();
    tx.int(
        &format!("select id from sites where id = ?1{lock}"),
        &[site.into()],
    )?;
    Ok(())
}

fn was_there(tx: &mut dyn Tx, site: SiteId, changed: u64) -> Result<()> {
    if changed == 0 {
        return Err(Refusal::NotFound("greeting").into());
    }
    tx.emit(Hint::SiteChanged { site })
}

fn read(row: &dyn Row) -> Result<Greeting> {
    let rules: Rules = json::read(&row.text(6)?)?;
    let content: Body = json::read(&row.text(7)?)?;
    Ok(Greeting {
        id: GreetingId(row.i64(0)?),
        site: SiteId(row.i64(1)?),
        number: row.i64(2)?,
        place: row.i64(3)?,
        draft: Draft {
            name: row.text(4)?,
            is_enabled: row.bool(5)?,
            rules,
            content,
            group: row.opt_i64(8)?.map(GroupId),
            agent: row.opt_i64(9)?.map(AgentId),
        },
        counted: Counted {
            sent: row.i64(10)?,
            seen: row.i64(11)?,
            accepted: row.i64(12)?,
            chats: row.i64(13)?,
        },
        updated_at: row.i64(14)?,
    })
}
