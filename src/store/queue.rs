//! Queues: which threads wait for an agent, in which order, and how long that may take.
//!
//! A thread waits while it is open and nobody has it: then `queued_at` is set. The order is `queued_at`, then the id.

use std::collections::HashMap;

use crate::db::{Result, Tx};
use crate::domain::ids::{AgentId, ChatId, GroupId, SiteId, ThreadId};
use crate::domain::permission::{Action, Permit};
use crate::domain::routing::estimate_ms;
use crate::domain::thread::Place;

/// Most waiting threads of a site that one read looks at.
const MAX_WAITING: i64 = 1_000;
/// How many of the last waits an estimate is made of.
const RECENT: i64 = 20;

/// A thread that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The thread.
    pub thread: ThreadId,
    /// Its chat.
    pub chat: ChatId,
    /// The group it waits for; `None` is the default group.
    pub group: Option<GroupId>,
    /// Who gave it back: they do not get it again.
    pub given_back_by: Option<AgentId>,
    /// Where it stands.
    pub place: Place,
}

/// The place of the open thread of the permit's chat; `None` where it does not wait.
///
/// # Errors
/// [`crate::domain::Refusal::NotAllowed`] unless the permit is for [`Action::ReadChat`], or any other
/// [`crate::db::Error`].
pub fn position(tx: &mut dyn Tx, permit: &Permit) -> Result<Option<Place>> {
    let chat = permit.chat(&[Action::ReadChat])?;
    let found = tx.opt(
        "select site_id, group_id, queued_at, id from threads
         where chat_id = ?1 and is_active = 1 and queued_at is not null",
        &[chat.into()],
        |row| {
            let group = row.opt_i64(1)?.map(GroupId);
            Ok((
                SiteId(row.i64(0)?),
                group,
                (row.i64(2)?, ThreadId(row.i64(3)?)),
            ))
        },
    )?;
    found
        .map(|(site, group, key)| place_of(tx, site, group, key))
        .transpose()
}

/// The threads of a site that wait, at most 1,000, those who wait longest first.
///
/// # Errors
/// [`crate::domain::Refusal::NotAllowed`] unless the permit is for [`Action::ReadGroups`], or any other
/// [`crate::db::Error`].
pub fn waiting(tx: &mut dyn Tx, permit: &Permit) -> Result<Vec<Waiting>> {
    waiting_of(tx, permit.site(&[Action::ReadGroups])?)
}

/// [`waiting`] of a site.
pub(super) fn waiting_of(tx: &mut dyn Tx, site: SiteId) -> Result<Vec<Waiting>> {
    let mut waiting = tx.all(
        "select id, chat_id, group_id, given_back_by, queued_at from threads
         where site_id = ?1 and queued_at is not null
         order by queued_at, id limit ?2",
        &[site.into(), MAX_WAITING.into()],
        |row| {
            Ok(Waiting {
                thread: ThreadId(row.i64(0)?),
                chat: ChatId(row.i64(1)?),
                group: row.opt_i64(2)?.map(GroupId),
                given_back_by: row.opt_i64(3)?.map(AgentId),
                place: Place {
                    position: 0,
                    wait_ms: 0,
                    queued_at: row.i64(4)?,
                },
            })
        },
    )?;
    let mut averages = HashMap::new();
    let mut counts: HashMap<Option<GroupId>, i64> = HashMap::new();
    for one in &mut waiting {
        let average = match averages.get(&one.group) {
            Some(average) => *average,
            None => {
                let average = recent_average(tx, site, one.group)?;
                averages.insert(one.group, average);
                average
            }
        };
        let position = counts.entry(one.group).or_default();
        *position += 1;
        one.place.position = *position;
        one.place.wait_ms = estimate_ms(*position, average);
    }
    Ok(waiting)
}

/// The sites in which anybody waits.
pub(super) fn sites(tx: &mut dyn Tx) -> Result<Vec<SiteId>> {
    tx.all(
        "select distinct site_id from threads where queued_at is not null order by site_id",
        &[],
        |row| Ok(SiteId(row.i64(0)?)),
    )
}

/// Whether anybody waits for this group.
pub(super) fn is_waited_for(tx: &mut dyn Tx, site: SiteId, group: Option<GroupId>) -> Result<bool> {
    let found = tx.opt(
        "select 1 from threads
         where site_id = ?1 and queued_at is not null and coalesce(group_id, 0) = ?2
         limit 1",
        &[site.into(), number_or_zero(group).into()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// The place of a waiting thread, by the group it waits for and what it is ordered by.
pub(super) fn place_of(
    tx: &mut dyn Tx,
    site: SiteId,
    group: Option<GroupId>,
    (queued_at, thread): (i64, ThreadId),
) -> Result<Place> {
    let before = tx.int(
        "select count(*) from threads
         where site_id = ?1 and queued_at is not null and coalesce(group_id, 0) = ?2
           and (queued_at, id) < (?3, ?4)",
        &[
            site.into(),
            number_or_zero(group).into(),
            queued_at.into(),
            thread.into(),
        ],
    )?;
    let average = recent_average(tx, site, group)?;
    Ok(Place {
        position: before + 1,
        wait_ms: estimate_ms(before + 1, average),
        queued_at,
    })
}

/// What the last ones who got an agent of this group had waited on the average, in milliseconds.
fn recent_average(tx: &mut dyn Tx, site: SiteId, group: Option<GroupId>) -> Result<Option<i64>> {
    tx.one(
        "select cast(avg(recent.waited_ms) as bigint)
         from (select waited_ms from threads
               where site_id = ?1 and waited_ms is not null and coalesce(group_id, 0) = ?2
               order by assigned_at desc
               limit ?3) as recent",
        &[site.into(), number_or_zero(group).into(), RECENT.into()],
        |row| row.opt_i64(0),
    )
}

/// No group has the id 0, so it can stand for the default group, whose threads name none.
fn number_or_zero(group: Option<GroupId>) -> i64 {
    group.map_or(0, |group| group.0)
}
