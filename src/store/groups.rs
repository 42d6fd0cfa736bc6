//! Groups of a site: their names, members and hours. Number 0 is the default group that every site has.
//!
//! A deleted group keeps its row, so that its number never names another one; its waiting threads go to the default group
//! one by one, as `routing::step` finds them.

use serde::{Deserialize, Serialize};

use crate::db::{Result, Row, Tx};
use crate::domain::agent::{NAME_CHARS, required_line};
use crate::domain::hours::Hours;
use crate::domain::ids::{AgentId, ChatId, GroupId, SiteId};
use crate::domain::permission::{Action, Permit};
use crate::domain::routing::GroupStatus;
use crate::domain::{Hint, Refusal};
use crate::store::json;
use crate::store::routing::Desk;

/// The number of the group that a site is made with, and that chats without a group belong to.
pub const DEFAULT_NUMBER: i64 = 0;
/// Most groups of a site.
pub const MAX_GROUPS: i64 = 100;

const COLUMNS: &str = "id, number, name, settings";

/// A set of agents of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group's id.
    pub id: GroupId,
    /// Small, per site: what the chat wire calls the group's id.
    pub number: i64,
    /// Its name, as agents see it.
    pub name: String,
    /// What its owner chose.
    pub settings: GroupSettings,
}

impl Group {
    /// What chats of this group name it by: nothing for the default group.
    #[must_use]
    pub fn named(&self) -> Option<GroupId> {
        (self.number != DEFAULT_NUMBER).then_some(self.id)
    }
}

/// What the owner of a group chose; every field has a default, so older rows read well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupSettings {
    /// When it is open; `None` is always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

impl GroupSettings {
    /// Whether the hours say that it is open at this time, Unix ms.
    #[must_use]
    pub fn is_open(&self, now: i64) -> bool {
        self.hours.as_ref().is_none_or(|hours| hours.is_open(now))
    }
}

/// What a group is changed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// Its name, 1–80 characters.
    pub name: String,
    /// What its owner chose.
    pub settings: GroupSettings,
    /// Exactly who is in it; the default group without members is everybody.
    pub members: Vec<AgentId>,
}

/// The groups of the site of the permit, in order of number.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadGroups`] or [`Action::ConfigureChat`], or any other
/// [`crate::db::Error`].
pub fn list(tx: &mut dyn Tx, permit: &Permit) -> Result<Vec<Group>> {
    all_of(
        tx,
        permit.site(&[Action::ReadGroups, Action::ConfigureChat])?,
    )
}

/// The group of the permit's site with this number.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadGroups`] or [`Action::ConfigureChat`];
/// [`Refusal::GroupNotFound`]; or any other [`crate::db::Error`].
pub fn get(tx: &mut dyn Tx, permit: &Permit, number: i64) -> Result<Group> {
    let site = permit.site(&[Action::ReadGroups, Action::ConfigureChat])?;
    Ok(by_number(tx, site, number)?.ok_or(Refusal::GroupNotFound)?)
}

/// Who is in a group of the permit's site, in order of id; the default group may name nobody and means everybody then.
///
/// # Errors
/// As [`get`].
pub fn members(tx: &mut dyn Tx, permit: &Permit, group: GroupId) -> Result<Vec<AgentId>> {
    let site = permit.site(&[Action::ReadGroups, Action::ConfigureChat])?;
    require(tx, site, group)?;
    tx.all(
        "select agent_id from group_members where group_id = ?1 order by agent_id",
        &[group.into()],
        |row| Ok(AgentId(row.i64(0)?)),
    )
}

/// Makes a group of the site of the permit and returns it with the next free number.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`] or [`Action::ChangeSite`];
/// [`Refusal::Validation`] of `name`; [`Refusal::LimitReached`] at [`MAX_GROUPS`]; or any other [`crate::db::Error`].
pub fn create(tx: &mut dyn Tx, permit: &Permit, name: &str, now: i64) -> Result<Group> {
    let site = permit.site(CHANGES)?;
    let name = required_line("name", name, NAME_CHARS)?;
    let id = GroupId(tx.new_id(now));
    // The site's row orders those who make groups at once.
    let lock = tx.dialect().for_update();
    tx.int(
        &format!("select id from sites where id = ?1{lock}"),
        &[site.into()],
    )?;
    let count = tx.int(
        "select count(*) from groups where site_id = ?1 and deleted_at is null",
        &[site.into()],
    )?;
    if count >= MAX_GROUPS {
        return Err(Refusal::LimitReached("a site has at most 100 groups").into());
    }
    let number = tx.int(
        "insert into groups (id, site_id, number, name, settings, created_at, updated_at)
         values (?1, ?2, coalesce((select max(number) from groups where site_id = ?2), ?5) + 1, ?3,
                 '{}', ?4, ?4)
         returning number",
        &[
            id.into(),
            site.into(),
            (&name).into(),
            now.into(),
            DEFAULT_NUMBER.into(),
        ],
    )?;
    changed(tx, site)?;
    Ok(Group {
        id,
        number,
        name,
        settings: GroupSettings::default(),
    })
}

/// Changes name, hours and members of a group of the permit's site.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`] or [`Action::ChangeSite`];
/// [`Refusal::GroupNotFound`]; [`Refusal::Validation`] of `name`; [`Refusal::NotFound`] for an agent who does not work for
/// the site; or any other [`crate::db::Error`].
pub fn update(
    tx: &mut dyn Tx,
    permit: &Permit,
    group: GroupId,
    change: &GroupChange,
    now: i64,
) -> Result<()> {
    let site = permit.site(CHANGES)?;
    require(tx, site, group)?;
    let name = required_line("name", &change.name, NAME_CHARS)?;
    let settings = json::write(&change.settings)?;
    tx.exec(
        "update groups set name = ?2, settings = ?3, updated_at = ?4 where id = ?1",
        &[group.into(), (&name).into(), (&settings).into(), now.into()],
    )?;
    tx.exec(
        "delete from group_members where group_id = ?1",
        &[group.into()],
    )?;
    for agent in &change.members {
        insert_member(tx, site, group, *agent)?;
    }
    changed(tx, site)
}

/// Deletes a group of the permit's site. Who waits for it waits for the default group from now on.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`] or [`Action::ChangeSite`];
/// [`Refusal::GroupNotFound`]; [`Refusal::Conflict`] for the default group; or any other [`crate::db::Error`].
pub fn delete(tx: &mut dyn Tx, permit: &Permit, group: GroupId, now: i64) -> Result<()> {
    let site = permit.site(CHANGES)?;
    if require(tx, site, group)?.number == DEFAULT_NUMBER {
        return Err(Refusal::Conflict("every site keeps its first group").into());
    }
    tx.exec(
        "update groups set deleted_at = ?2, updated_at = ?2 where id = ?1",
        &[group.into(), now.into()],
    )?;
    tx.exec(
        "delete from group_members where group_id = ?1",
        &[group.into()],
    )?;
    changed(tx, site)
}

/// Puts an agent of the site of the permit into a group of it; twice is once.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`] or [`Action::ChangeSite`];
/// [`Refusal::GroupNotFound`]; [`Refusal::NotFound`] for an agent who does not work for the site; or any other [`crate::db::Error`].
pub fn add_member(tx: &mut dyn Tx, permit: &Permit, group: GroupId, agent: AgentId) -> Result<()> {
    let site = permit.site(CHANGES)?;
    require(tx, site, group)?;
    insert_member(tx, site, group, agent)?;
    changed(tx, site)
}

/// Takes an agent out of a group of the site of the permit; one who is not in it is no error.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ConfigureChat`] or [`Action::ChangeSite`];
/// [`Refusal::GroupNotFound`]; or any other [`crate::db::Error`].
pub fn remove_member(
    tx: &mut dyn Tx,
    permit: &Permit,
    group: GroupId,
    agent: AgentId,
) -> Result<()> {
    let site = permit.site(CHANGES)?;
    require(tx, site, group)?;
    tx.exec(
        "delete from group_members where group_id = ?1 and agent_id = ?2",
        &[group.into(), agent.into()],
    )?;
    changed(tx, site)
}

/// The number and status of every group of the site of the permit at this time, Unix ms, in order of number.
///
/// # Errors
/// [`Refusal::NotAllowed`] unless the permit is for [`Action::ReadGroups`], or any other [`crate::db::Error`].
pub fn statuses(tx: &mut dyn Tx, permit: &Permit, now: i64) -> Result<Vec<(i64, GroupStatus)>> {
    Ok(desk(tx, permit, now)?.statuses())
}

/// Who is at the desk of the site of the permit at this time, Unix ms, and in which groups.
///
/// # Errors
/// As [`statuses`].
pub fn desk(tx: &mut dyn Tx, permit: &Permit, now: i64) -> Result<Desk> {
    let site = permit.site(&[Action::ReadGroups, Action::ConfigureChat])?;
    Desk::read(tx, site, now)
}

/// A chat that waits for a group that was deleted.
pub(super) fn orphan(tx: &mut dyn Tx) -> Result<Option<ChatId>> {
    tx.opt(
        "select t.chat_id
         from threads t
         join groups g on g.id = t.group_id
         where t.queued_at is not null and g.deleted_at is not null
         order by t.queued_at, t.id
         limit 1",
        &[],
        |row| Ok(ChatId(row.i64(0)?)),
    )
}

/// What a change of groups is permitted by.
const CHANGES: &[Action] = &[Action::ConfigureChat, Action::ChangeSite];

/// Tells who shows groups, and whoever may be served now.
fn changed(tx: &mut dyn Tx, site: SiteId) -> Result<()> {
    tx.emit(Hint::SiteChanged { site })?;
    tx.emit(Hint::QueueMoved { site })
}

fn insert_member(tx: &mut dyn Tx, site: SiteId, group: GroupId, agent: AgentId) -> Result<()> {
    let works_here = tx.opt(
        "select 1 from agents a
         join agent_sites s on s.agent_id = a.id
         where s.site_id = ?1 and a.id = ?2 and a.deactivated_at is null",
        &[site.into(), agent.into()],
        |_| Ok(()),
    )?;
    works_here.ok_or(Refusal::NotFound("agent"))?;
    tx.exec(
        "insert into group_members (group_id, agent_id) values (?1, ?2) \
         on conflict (group_id, agent_id) do nothing",
        &[group.into(), agent.into()],
    )?;
    Ok(())
}

/// The groups of a site, in order of number.
pub(super) fn all_of(tx: &mut dyn Tx, site: SiteId) -> Result<Vec<Group>> {
    let sql = format!(
        "select {COLUMNS} from groups where site_id = ?1 and deleted_at is null order by number"
    );
    tx.all(&sql, &[site.into()], read_row)
}

/// The group of a site with this number.
pub(super) fn by_number(tx: &mut dyn Tx, site: SiteId, number: i64) -> Result<Option<Group>> {
    let sql = format!(
        "select {COLUMNS} from groups where site_id = ?1 and number = ?2 and deleted_at is null"
    );
    tx.opt(&sql, &[site.into(), number.into()], read_row)
}

/// The group with this id, which has to be one of this site.
pub(super) fn require(tx: &mut dyn Tx, site: SiteId, group: GroupId) -> Result<Group> {
    let sql = format!(
        "select {COLUMNS} from groups where id = ?1 and site_id = ?2 and deleted_at is null"
    );
    tx.opt(&sql, &[group.into(), site.into()], read_row)?
        .ok_or_else(|| Refusal::GroupNotFound.into())
}

fn read_row(row: &dyn Row) -> Result<Group> {
    Ok(Group {
        id: GroupId(row.i64(0)?),
        number: row.i64(1)?,
        name: row.text(2)?,
        settings: json::read(&row.text(3)?)?,
    })
}
