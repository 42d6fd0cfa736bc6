//! Merging visitors: one pointer to the root and a row that tells why; nothing else is rewritten, so it can be undone.

use std::collections::HashMap;

use crate::db::{Error, Result, Tx};
use crate::domain::ids::{AgentId, MergeId, SiteId, VisitorId};
use crate::domain::{Hint, Refusal};

/// What caused a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The page identified its visitor.
    Identify {
        /// Whether it proved who that is.
        is_signed: bool,
    },
    /// An agent.
    Agent(AgentId),
    /// A program with an API key.
    Api,
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Identify { .. } => "identify",
            Self::Agent(_) => "agent",
            Self::Api => "api",
        }
    }
}

/// What is merged into what, and why.
#[derive(Clone, Copy, Debug)]
pub struct NewMerge {
    /// The site of both.
    pub site: SiteId,
    /// What is absorbed; the root it leads to is meant.
    pub source: VisitorId,
    /// What stays; the root it leads to is meant.
    pub target: VisitorId,
    /// Why.
    pub cause: Cause,
    /// Whether a source with a user id of its own may be absorbed too.
    pub force: bool,
}

/// A root under lock.
struct Root {
    id: VisitorId,
    user_id: Option<String>,
}

/// Merges one visitor into another and returns the root.
///
/// Both roots are locked in the order of their ids and looked at again after that, so of A into B and B into A at once
/// one wins and the other finds one visitor.
///
/// # Errors
/// [`Refusal::Conflict`] when both lead to the same root, or the source has another user id and `force` is not set;
/// [`Refusal::NotFound`] when one is not there; any other [`Error`]. Nothing was written then.
pub fn merge(tx: &mut dyn Tx, new: &NewMerge, now: i64) -> Result<VisitorId> {
    let (source, target) = lock_roots(tx, new)?;
    if source.id == target.id {
        return Err(Refusal::Conflict("both are the same visitor").into());
    }
    if source.user_id.is_some() && source.user_id != target.user_id && !new.force {
        return Err(Refusal::Conflict("the source has a user id of its own").into());
    }
    let family = super::visitors::family(tx, source.id)?;
    tx.exec(
        "update visitors set merged_into = ?2, updated_at = ?3 where id = ?1 or merged_into = ?1",
        &[source.id.into(), target.id.into(), now.into()],
    )?;
    record(tx, new, (source.id, target.id), &family[1..], now)?;
    for visitor in [source.id, target.id] {
        tx.emit(Hint::VisitorUpdated {
            site: new.site,
            visitor,
        })?;
    }
    Ok(target.id)
}

/// Undoes the merge that absorbed `source`: it is a visitor of its own again, with all that was merged into it.
///
/// # Errors
/// [`Refusal::Conflict`] when it is not merged; [`Refusal::NotFound`] when it is not there; any other [`Error`].
pub fn unmerge(tx: &mut dyn Tx, site: SiteId, source: VisitorId, now: i64) -> Result<()> {
    let root = read_root(tx, site, source)?;
    if root == source {
        return Err(Refusal::Conflict("this visitor is not merged").into());
    }
    lock(tx, &[root, source])?;
    let undone = tx.exec(
        "update merges set undone_at = ?2 where source_id = ?1 and undone_at is null",
        &[source.into(), now.into()],
    )?;
    if undone == 0 {
        return Err(Refusal::Conflict("this visitor is not merged").into());
    }
    let targets = targets_under(tx, root)?;
    for visitor in super::visitors::family(tx, root)?.into_iter().skip(1) {
        let leads_to = follow(&targets, visitor);
        if leads_to != root {
            let pointer = (leads_to != visitor).then_some(leads_to);
            tx.exec(
                "update visitors set merged_into = ?2, updated_at = ?3 where id = ?1",
                &[visitor.into(), pointer.into(), now.into()],
            )?;
        }
    }
    for visitor in [source, root] {
        tx.emit(Hint::VisitorUpdated { site, visitor })?;
    }
    Ok(())
}

/// The standing merges of everything under a root: source to target.
fn targets_under(tx: &mut dyn Tx, root: VisitorId) -> Result<HashMap<VisitorId, VisitorId>> {
    let rows = tx.all(
        "select source_id, target_id \
         from merges \
         where undone_at is null \
           and source_id in (select id from visitors where merged_into = ?1)",
        &[root.into()],
        |row| Ok((VisitorId(row.i64(0)?), VisitorId(row.i64(1)?))),
    )?;
    Ok(rows.into_iter().collect())
}

fn follow(targets: &HashMap<VisitorId, VisitorId>, from: VisitorId) -> VisitorId {
    let mut at = from;
    // Merges form no circle; the bound is for a database that somebody edited.
    for _ in 0..=targets.len() {
        match targets.get(&at) {
            Some(next) => at = *next,
            None => break,
        }
    }
    at
}

/// How often the roots are read again when others merge them meanwhile.
const LOCK_TRIES: u32 = 3;

fn lock_roots(tx: &mut dyn Tx, new: &NewMerge) -> Result<(Root, Root)> {
    for _ in 0..LOCK_TRIES {
        let source = read_root(tx, new.site, new.source)?;
        let target = read_root(tx, new.site, new.target)?;
        let mut locked = lock(tx, &[source, target])?;
        let mut take = |id| {
            let at = locked.iter().position(|root: &Root| root.id == id)?;
            Some(locked.swap_remove(at))
        };
        if source == target {
            if let Some(root) = take(source) {
                let again = Root {
                    id: root.id,
                    user_id: root.user_id.clone(),
                };
                return Ok((root, again));
            }
        } else if let (Some(source), Some(target)) = (take(source), take(target)) {
            return Ok((source, target));
        }
    }
    Err(Error::Retry(
        "the visitors are being merged elsewhere".into(),
    ))
}

fn read_root(tx: &mut dyn Tx, site: SiteId, id: VisitorId) -> Result<VisitorId> {
    tx.opt(
        "select coalesce(merged_into, id) from visitors where id = ?1 and site_id = ?2",
        &[id.into(), site.into()],
        |row| Ok(VisitorId(row.i64(0)?)),
    )?
    .ok_or_else(|| Refusal::NotFound("visitor").into())
}

/// Locks the rows in the order of their ids and returns those that are roots.
fn lock(tx: &mut dyn Tx, ids: &[VisitorId; 2]) -> Result<Vec<Root>> {
    let sql = format!(
        "select id, user_id, merged_into from visitors where id in (?1, ?2) order by id{}",
        tx.dialect().for_update()
    );
    let rows = tx.all(&sql, &[ids[0].into(), ids[1].into()], |row| {
        let root = Root {
            id: VisitorId(row.i64(0)?),
            user_id: row.opt_text(1)?,
        };
        Ok((root, row.opt_i64(2)?.is_none()))
    })?;
    Ok(rows
        .into_iter()
        .filter_map(|(root, is_root)| is_root.then_some(root))
        .collect())
}

fn record(
    tx: &mut dyn Tx,
    new: &NewMerge,
    (source, target): (VisitorId, VisitorId),
    repointed: &[VisitorId],
    now: i64,
) -> Result<()> {
    let id = MergeId(tx.new_id(now));
    let repointed = serde_json::to_string(repointed)
        .map_err(|error| Error::Db(format!("ids as JSON: {error}")))?;
    let agent = match new.cause {
        Cause::Agent(agent) => Some(agent),
        Cause::Identify { .. } | Cause::Api => None,
    };
    tx.exec(
        "insert into merges (id, site_id, source_id, target_id, repointed, cause, is_signed, agent_id, created_at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        &[
            id.into(),
            new.site.into(),
            source.into(),
            target.into(),
            (&repointed).into(),
            new.cause.as_str().into(),
            matches!(new.cause, Cause::Identify { is_signed: true }).into(),
            agent.into(),
            now.into(),
        ],
    )?;
    Ok(())
}
