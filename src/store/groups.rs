//! Groups of a site, their members, and whether they answer. Number 0 is the default group that every site has.

use std::collections::HashSet;

use crate::db::{Dialect, Error, Result, Tx};
use crate::domain::Refusal;
use crate::domain::agent::AgentStatus;
use crate::domain::ids::{AgentId, GroupId, SiteId};
use crate::domain::permission::{Action, Permit};
use crate::domain::routing::{Candidate, GroupStatus, group_status};
use crate::store::nodes;

/// The number of the group that a site is made with, and that chats without a group belong to.
pub const DEFAULT_NUMBER: i64 = 0;

/// A set of agents of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group's id.
    pub id: GroupId,
    /// Small, per site: what the chat wire calls the group's id.
    pub number: i64,
    /// Its name, as agents see it.
    pub name: String,
}

/// The groups of the site of the permit, in order of number.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadGroups`], or any other [`Error`].
pub fn list(tx: &mut dyn Tx, permit: &Permit) -> Result<Vec<Group>> {
    let site = permit.site(&[Action::ReadGroups])?;
    tx.all(
        "select id, number, name from groups where site_id = ?1 order by number",
        &[site.into()],
        |row| {
            Ok(Group {
                id: GroupId(row.i64(0)?),
                number: row.i64(1)?,
                name: row.text(2)?,
            })
        },
    )
}

/// Makes a group of the site of the permit and returns it with the next free number.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ChangeSite`], or any other [`Error`].
pub fn create(tx: &mut dyn Tx, permit: &Permit, name: &str, now: i64) -> Result<Group> {
    let site = permit.site(&[Action::ChangeSite])?;
    let id = GroupId(tx.new_id(now));
    // The site's row orders those who make groups at once.
    let lock = tx.dialect().for_update();
    tx.int(
        &format!("select id from sites where id = ?1{lock}"),
        &[site.into()],
    )?;
    let number = tx.int(
        "insert into groups (id, site_id, number, name, settings, created_at)
         values (?1, ?2, coalesce((select max(number) from groups where site_id = ?2), ?5) + 1, ?3,
                 '{}', ?4)
         returning number",
        &[
            id.into(),
            site.into(),
            name.into(),
            now.into(),
            DEFAULT_NUMBER.into(),
        ],
    )?;
    Ok(Group {
        id,
        number,
        name: name.into(),
    })
}

/// Puts an agent of the site of the permit into a group of it; twice is once.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ChangeSite`]; [`Refusal::GroupNotFound`];
/// [`Refusal::NotFound`] for an agent who does not work for the site; or any other [`Error`].
pub fn add_member(tx: &mut dyn Tx, permit: &Permit, group: GroupId, agent: AgentId) -> Result<()> {
    let site = permit.site(&[Action::ChangeSite])?;
    require(tx, site, group)?;
    candidate(tx, site, agent)?.ok_or(Refusal::NotFound("agent"))?;
    tx.exec(
        "insert into group_members (group_id, agent_id) values (?1, ?2) \
         on conflict (group_id, agent_id) do nothing",
        &[group.into(), agent.into()],
    )?;
    Ok(())
}

/// Takes an agent out of a group of the site of the permit; one who is not in it is no error.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ChangeSite`]; [`Refusal::GroupNotFound`]; or any other
/// [`Error`].
pub fn remove_member(
    tx: &mut dyn Tx,
    permit: &Permit,
    group: GroupId,
    agent: AgentId,
) -> Result<()> {
    let site = permit.site(&[Action::ChangeSite])?;
    require(tx, site, group)?;
    tx.exec(
        "delete from group_members where group_id = ?1 and agent_id = ?2",
        &[group.into(), agent.into()],
    )?;
    Ok(())
}

/// The number and status of every group of the site of the permit, in order of number.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadGroups`], or any other [`Error`].
pub fn statuses(tx: &mut dyn Tx, permit: &Permit) -> Result<Vec<(i64, GroupStatus)>> {
    let site = permit.site(&[Action::ReadGroups])?;
    let agents = candidates(tx, site, None)?;
    let mut statuses = Vec::new();
    for group in list(tx, permit)? {
        let members = tx.all(
            "select agent_id from group_members where group_id = ?1",
            &[group.id.into()],
            |row| Ok(AgentId(row.i64(0)?)),
        )?;
        let members: Vec<Candidate> = agents
            .iter()
            .filter(|candidate| members.contains(&candidate.agent))
            .cloned()
            .collect();
        statuses.push((group.number, group_status(&members)));
    }
    Ok(statuses)
}

/// An agent of a site as routing sees one; `None` where they do not work for it.
pub(super) fn candidate(
    tx: &mut dyn Tx,
    site: SiteId,
    agent: AgentId,
) -> Result<Option<Candidate>> {
    Ok(candidates(tx, site, Some(agent))?.pop())
}

/// Refuses a group that is not one of this site.
pub(super) fn require(tx: &mut dyn Tx, site: SiteId, group: GroupId) -> Result<()> {
    tx.opt(
        "select 1 from groups where id = ?1 and site_id = ?2",
        &[group.into(), site.into()],
        |_| Ok(()),
    )?
    .ok_or_else(|| Refusal::GroupNotFound.into())
}

/// The agents of a site who can sign in, or one of them.
fn candidates(tx: &mut dyn Tx, site: SiteId, agent: Option<AgentId>) -> Result<Vec<Candidate>> {
    let connected = connected(tx, site)?;
    tx.all(
        "select a.id, a.status, a.active_chats, a.max_chats
         from agents a
         join agent_sites s on s.agent_id = a.id
         where s.site_id = ?1 and a.deactivated_at is null
           and (cast(?2 as bigint) is null or a.id = ?2)",
        &[site.into(), agent.into()],
        |row| {
            let (agent, status) = (AgentId(row.i64(0)?), row.text(1)?);
            Ok(Candidate {
                agent,
                status: AgentStatus::parse(&status)
                    .ok_or_else(|| Error::Db(format!("agent status {status}")))?,
                is_connected: connected.contains(&agent),
                active_chats: row.i64(2)?,
                max_chats: row.i64(3)?,
            })
        },
    )
}

/// The agents of a site with a socket open on a node that is alive.
fn connected(tx: &mut dyn Tx, site: SiteId) -> Result<HashSet<AgentId>> {
    let sockets = tx.all(
        "select distinct c.agent_id, c.node
         from agent_connections c
         join agent_sites s on s.agent_id = c.agent_id
         where s.site_id = ?1",
        &[site.into()],
        |row| Ok((AgentId(row.i64(0)?), row.i64(1)?)),
    )?;
    let live = match tx.dialect() {
        // An embedded database has one node, which is asking.
        Dialect::Sqlite => None,
        Dialect::Postgres => Some(nodes::live(tx)?),
    };
    let is_live = |node: i64| live.as_ref().is_none_or(|live| live.contains(&node));
    Ok(sockets
        .into_iter()
        .filter(|(_, node)| is_live(*node))
        .map(|(agent, _)| agent)
        .collect())
}
