//! Routing on what is stored: who is at the desk of a site, who gets a thread, and the slots of agents.
//!
//! `agents.active_chats` moves under the row's own lock, and only [`claim`] raises it: never above `max_chats`. What gives
//! chats away step by step, one a transaction, is [`step`].

use std::collections::HashSet;

use crate::db::{Dialect, Error, Result, Tx};
use crate::domain::agent::AgentStatus;
use crate::domain::chat::Chat;
use crate::domain::event::AssignReason;
use crate::domain::ids::{AgentId, ChatId, GroupId, SiteId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::domain::routing::{Candidate, GroupStatus, group_status, in_order_of_choice};
use crate::domain::{Hint, Refusal};
use crate::store::{api_keys, chats, groups, nodes, queue, sites, threads};

/// Who is at the desk of a site, and in which groups.
#[derive(Clone, Debug)]
pub struct Desk {
    groups: Vec<DeskGroup>,
    agents: Vec<Candidate>,
}

/// A group at the desk.
#[derive(Clone, Debug)]
struct DeskGroup {
    id: GroupId,
    number: i64,
    is_open: bool,
    members: HashSet<AgentId>,
}

impl Desk {
    /// The desk of a site at this time, Unix ms.
    pub(super) fn read(tx: &mut dyn Tx, site: SiteId, now: i64) -> Result<Self> {
        let agents = candidates(tx, site, now)?;
        let mut members = tx.all(
            "select m.group_id, m.agent_id
             from group_members m
             join groups g on g.id = m.group_id
             where g.site_id = ?1 and g.deleted_at is null",
            &[site.into()],
            |row| Ok((GroupId(row.i64(0)?), AgentId(row.i64(1)?))),
        )?;
        members.sort_unstable();
        let groups = groups::all_of(tx, site)?.into_iter().map(|group| {
            let of_group = members.iter().filter(|(id, _)| *id == group.id);
            let mut members: HashSet<AgentId> = of_group.map(|(_, agent)| *agent).collect();
            if group.number == groups::DEFAULT_NUMBER && members.is_empty() {
                // Nobody was named, so everybody answers; a bot does only where somebody put it.
                let people = agents.iter().filter(|agent| !agent.is_bot);
                members = people.map(|agent| agent.agent).collect();
            }
            DeskGroup {
                id: group.id,
                number: group.number,
                is_open: group.settings.is_open(now),
                members,
            }
        });
        Ok(Self {
            groups: groups.collect(),
            agents,
        })
    }

    /// The number and status of every group, in order of number.
    #[must_use]
    pub fn statuses(&self) -> Vec<(i64, GroupStatus)> {
        self.groups
            .iter()
            .map(|group| {
                let status = group_status(group.is_open, self.of_group(group));
                (group.number, status)
            })
            .collect()
    }

    /// The status of a group; `None` is the default group, and so is one that is gone.
    pub(super) fn status(&self, group: Option<GroupId>) -> GroupStatus {
        self.group(group).map_or(GroupStatus::Offline, |group| {
            group_status(group.is_open, self.of_group(group))
        })
    }

    /// Who of a group accepts chats and who of those has room, as counts.
    #[must_use]
    pub fn counts(&self, number: i64) -> (usize, usize) {
        let Some(group) = self.groups.iter().find(|group| group.number == number) else {
            return (0, 0);
        };
        let accepting = self.of_group(group).filter(|agent| agent.is_accepting());
        let free = self.of_group(group).filter(|agent| agent.can_take());
        (accepting.count(), free.count())
    }

    /// All agents of the site who can be given chats.
    #[must_use]
    pub fn agents(&self) -> &[Candidate] {
        &self.agents
    }

    /// Whether the hours of a group say that it is open.
    #[must_use]
    pub fn is_open(&self, number: i64) -> bool {
        let group = self.groups.iter().find(|group| group.number == number);
        group.is_some_and(|group| group.is_open)
    }

    /// Who would get a thread of this group, the best first; nobody while the group is closed.
    fn choices(&self, group: Option<GroupId>, last_agent: Option<AgentId>) -> Vec<AgentId> {
        let Some(group) = self.group(group).filter(|group| group.is_open) else {
            return Vec::new();
        };
        let members: Vec<&Candidate> = self.of_group(group).collect();
        in_order_of_choice(&members, last_agent)
    }

    fn group(&self, id: Option<GroupId>) -> Option<&DeskGroup> {
        let named = id.and_then(|id| self.groups.iter().find(|group| group.id == id));
        named.or_else(|| {
            let mut groups = self.groups.iter();
            groups.find(|group| group.number == groups::DEFAULT_NUMBER)
        })
    }

    fn of_group(&self, group: &DeskGroup) -> impl Iterator<Item = &Candidate> {
        self.agents
            .iter()
            .filter(|agent| group.members.contains(&agent.agent))
    }
}

/// Who would get a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predicted {
    /// The agent.
    pub agent: Candidate,
    /// Whether others wait for the group already.
    pub others_wait: bool,
}

/// Who would get a chat of this visitor in this group.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadGroups`]; [`Refusal::GroupNotFound`];
/// [`Refusal::GroupOffline`] where nobody accepts chats; [`Refusal::GroupUnavailable`] where nobody has room; or any other
/// [`Error`].
pub fn predict(tx: &mut dyn Tx, permit: &Permit, number: i64, now: i64) -> Result<Predicted> {
    let site = permit.site(&[Action::ReadGroups])?;
    let group = groups::by_number(tx, site, number)?.ok_or(Refusal::GroupNotFound)?;
    let target = (number != groups::DEFAULT_NUMBER).then_some(group.id);
    let desk = Desk::read(tx, site, now)?;
    match desk.status(target) {
        GroupStatus::Offline => return Err(Refusal::GroupOffline.into()),
        GroupStatus::OnlineForQueue => return Err(Refusal::GroupUnavailable.into()),
        GroupStatus::Online => {}
    }
    let last = match permit.subject() {
        Subject::Visitor { visitor, .. } => threads::last_agent(tx, *visitor)?,
        Subject::Agent { .. }
        | Subject::ApiKey { .. }
        | Subject::Setup
        | Subject::System
        | Subject::Nobody => None,
    };
    let first = desk.choices(target, last).first().copied();
    let mut agents = desk.agents.into_iter();
    let agent = agents.find(|agent| Some(agent.agent) == first);
    Ok(Predicted {
        agent: agent.ok_or(Refusal::GroupUnavailable)?,
        others_wait: queue::is_waited_for(tx, site, target)?,
    })
}

/// Finds an agent for a held chat and takes a slot of theirs. `not` is passed over.
pub(super) fn place(
    tx: &mut dyn Tx,
    chat: &Chat,
    not: Option<AgentId>,
    now: i64,
) -> Result<Option<AgentId>> {
    let desk = Desk::read(tx, chat.site, now)?;
    place_at(tx, &desk, chat, not, now)
}

/// [`place`] at a desk that was read before.
pub(super) fn place_at(
    tx: &mut dyn Tx,
    desk: &Desk,
    chat: &Chat,
    not: Option<AgentId>,
    now: i64,
) -> Result<Option<AgentId>> {
    let last = threads::last_agent(tx, chat.root)?;
    for agent in desk.choices(chat.group, last) {
        // Somebody else may have filled the last slot since the desk was read: then the next one is asked.
        if Some(agent) != not && claim(tx, agent, now)? {
            return Ok(Some(agent));
        }
    }
    Ok(None)
}

/// Takes a slot of an agent; `false` where they have none left or cannot sign in.
pub(super) fn claim(tx: &mut dyn Tx, agent: AgentId, now: i64) -> Result<bool> {
    let changed = tx.exec(
        "update agents
         set active_chats = active_chats + 1, last_assigned_at = greatest(last_assigned_at, ?2)
         where id = ?1 and active_chats < max_chats and deactivated_at is null",
        &[agent.into(), now.into()],
    )?;
    Ok(changed > 0)
}

/// Gives a slot of an agent back.
pub(super) fn release(tx: &mut dyn Tx, agent: AgentId) -> Result<()> {
    tx.exec(
        "update agents set active_chats = greatest(active_chats - 1, 0) where id = ?1",
        &[agent.into()],
    )?;
    Ok(())
}

/// Locks the rows of two agents in order of id, so that two swaps cannot wait for each other.
pub(super) fn lock(tx: &mut dyn Tx, one: Option<AgentId>, other: Option<AgentId>) -> Result<()> {
    let lock = tx.dialect().for_update();
    if lock.is_empty() {
        return Ok(());
    }
    let sql = format!("select id from agents where id in (?1, ?2) order by id{lock}");
    let (Some(one), Some(other)) = (one.or(other), other.or(one)) else {
        return Ok(());
    };
    tx.all(&sql, &[one.into(), other.into()], |row| row.i64(0))?;
    Ok(())
}

/// One step of routing at this time, Unix ms: a chat leaves an agent who is gone, or whoever waits longest gets one.
/// Returns whether there may be more to do.
///
/// A step changes one chat. What it does is decided again under the locks, so any number of nodes may take steps at once.
///
/// # Errors
/// Any [`Error`].
pub fn step(tx: &mut dyn Tx, now: i64) -> Result<bool> {
    if let Some((chat, reason)) = stranded(tx, now)? {
        return chats::pass_on(tx, chat, reason, now);
    }
    if let Some(chat) = groups::orphan(tx)? {
        return chats::send_home(tx, chat, now);
    }
    for site in queue::sites(tx)? {
        let desk = Desk::read(tx, site, now)?;
        for waiting in queue::waiting_of(tx, site)? {
            let not = waiting.given_back_by;
            let choices = desk.choices(waiting.group, None);
            let is_served = choices.iter().any(|agent| Some(*agent) != not);
            if is_served && chats::serve(tx, &desk, &waiting, now)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether anybody waits for an agent or has lost theirs: a look before [`step`], which writes.
///
/// # Errors
/// Any [`Error`].
pub fn has_work(tx: &mut dyn Tx) -> Result<bool> {
    if !queue::sites(tx)?.is_empty() {
        return Ok(true);
    }
    Ok(tx
        .opt(
            "select 1 from agents where active_chats > 0 and deactivated_at is not null limit 1",
            &[],
            |_| Ok(()),
        )?
        .is_some())
}

/// A chat whose agent is gone, and why.
fn stranded(tx: &mut dyn Tx, now: i64) -> Result<Option<(ChatId, AssignReason)>> {
    let busy = tx.all(
        "select id, deactivated_at, gone_since from agents where active_chats > 0 order by id",
        &[],
        |row| {
            Ok((
                AgentId(row.i64(0)?),
                row.opt_i64(1)?.is_some(),
                row.opt_i64(2)?,
            ))
        },
    )?;
    for (agent, is_deactivated, gone_since) in busy {
        let reason = match is_deactivated {
            true => AssignReason::Deleted,
            false => AssignReason::Disconnected,
        };
        for (chat, site, is_answered, is_foreign) in open_chats(tx, agent)? {
            if is_deactivated || is_foreign {
                return Ok(Some((chat, AssignReason::Deleted)));
            }
            if let Some(since) = gone_since.filter(|_| !is_answered)
                && since + grace_ms(tx, site)? <= now
            {
                return Ok(Some((chat, reason)));
            }
        }
    }
    Ok(None)
}

/// The chats an agent has: which, of which site, whether they answered, whether they work for that site no longer.
fn open_chats(tx: &mut dyn Tx, agent: AgentId) -> Result<Vec<(ChatId, SiteId, bool, bool)>> {
    tx.all(
        "select t.chat_id, t.site_id, t.answered_at, s.agent_id
         from threads t
         left join agent_sites s on s.agent_id = t.agent_id and s.site_id = t.site_id
         where t.agent_id = ?1 and t.is_active = 1
         order by t.id",
        &[agent.into()],
        |row| {
            Ok((
                ChatId(row.i64(0)?),
                SiteId(row.i64(1)?),
                row.opt_i64(2)?.is_some(),
                row.opt_i64(3)?.is_none(),
            ))
        },
    )
}

fn grace_ms(tx: &mut dyn Tx, site: SiteId) -> Result<i64> {
    let site = sites::by_id(tx, site)?.ok_or(Error::NotFound)?;
    Ok(i64::from(site.settings.vanish_after_s) * 1_000)
}

/// Notes who of those that have chats is gone, and who is back. Time runs from the first look that missed them.
///
/// # Errors
/// Any [`Error`].
pub fn note_gone(tx: &mut dyn Tx, now: i64) -> Result<()> {
    let noted = tx.all(
        "select id, gone_since from agents
         where active_chats > 0 or gone_since is not null
         order by id",
        &[],
        |row| Ok((AgentId(row.i64(0)?), row.opt_i64(1)?)),
    )?;
    if noted.is_empty() {
        return Ok(());
    }
    let present = connected(tx, now)?;
    for (agent, gone_since) in noted {
        let since = match (present.contains(&agent), gone_since) {
            (true, Some(_)) => None,
            (false, None) => Some(now),
            (true, None) | (false, Some(_)) => continue,
        };
        tx.exec(
            "update agents set gone_since = ?2 where id = ?1",
            &[agent.into(), since.into()],
        )?;
    }
    Ok(())
}

/// Tells that slots of an agent may have become free, on all their sites.
pub(super) fn emit_slots(tx: &mut dyn Tx, agent: AgentId) -> Result<()> {
    let sites = tx.all(
        "select site_id from agent_sites where agent_id = ?1",
        &[agent.into()],
        |row| Ok(SiteId(row.i64(0)?)),
    )?;
    for site in sites {
        tx.emit(Hint::QueueMoved { site })?;
    }
    Ok(())
}

/// The agents of a site who can sign in, and its bots.
fn candidates(tx: &mut dyn Tx, site: SiteId, now: i64) -> Result<Vec<Candidate>> {
    let connected = connected(tx, now)?;
    tx.all(
        "select a.id, a.status, a.active_chats, a.max_chats, a.last_assigned_at, a.is_bot
         from agents a
         join agent_sites s on s.agent_id = a.id
         where s.site_id = ?1 and a.deactivated_at is null
         order by a.id",
        &[site.into()],
        |row| {
            let (agent, status, is_bot) = (AgentId(row.i64(0)?), row.text(1)?, row.bool(5)?);
            Ok(Candidate {
                agent,
                status: AgentStatus::parse(&status)
                    .ok_or_else(|| Error::Db(format!("agent status {status}")))?,
                is_connected: connected.contains(&agent),
                is_bot,
                active_chats: row.i64(2)?,
                max_chats: row.i64(3)?,
                last_assigned_at: row.i64(4)?,
            })
        },
    )
}

/// The agents with a socket open on a node that is alive, and the bots that called lately.
fn connected(tx: &mut dyn Tx, now: i64) -> Result<HashSet<AgentId>> {
    let sockets = tx.all(
        "select distinct agent_id, node from agent_connections",
        &[],
        |row| Ok((AgentId(row.i64(0)?), row.i64(1)?)),
    )?;
    let live = match tx.dialect() {
        // An embedded database has one node, which is asking.
        Dialect::Sqlite => None,
        Dialect::Postgres => Some(nodes::live(tx)?),
    };
    let is_live = |node: i64| live.as_ref().is_none_or(|live| live.contains(&node));
    let people = sockets
        .into_iter()
        .filter(|(_, node)| is_live(*node))
        .map(|(agent, _)| agent);
    let bots = api_keys::calling_bots(tx, now)?;
    Ok(people.chain(bots).collect())
}
