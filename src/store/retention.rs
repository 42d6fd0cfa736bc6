//! Deleting what nobody needs any more: anonymous visitors who did not come back, with all that is theirs.

use crate::db::{Result, Tx};
use crate::domain::ids::{SiteId, VisitorId};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How much one call deletes at most, so that no transaction holds others up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Visitors.
    pub visitors: i64,
    /// Activities.
    pub activities: i64,
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            visitors: 100,
            activities: 2000,
        }
    }
}

/// Deletes anonymous visitors of the site last seen before `before` (Unix milliseconds), and all that is theirs.
///
/// That is activities, sessions, attributes, tokens and what was merged into them. True when there is more to do.
/// Whoever has a chat, or is part of a named visitor, stays.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn delete_unseen(tx: &mut dyn Tx, site: SiteId, before: i64, chunk: Chunk) -> Result<bool> {
    let roots = unseen(tx, site, before, chunk.visitors)?;
    let mut left = chunk.activities;
    for root in &roots {
        for visitor in super::visitors::family(tx, *root)?.into_iter().rev() {
            left -= delete_activities(tx, visitor, left)?;
            if left <= 0 {
                return Ok(true);
            }
            delete_rows(tx, visitor)?;
        }
    }
    Ok(i64::try_from(roots.len()).unwrap_or(i64::MAX) >= chunk.visitors)
}

/// Deletes unseen visitors of every site, each by its own setting; one chunk a site. True when there is more to do.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn delete_unseen_everywhere(tx: &mut dyn Tx, now: i64) -> Result<bool> {
    let mut has_more = false;
    for site in super::sites::all(tx)? {
        let before = now - i64::from(site.settings.retention_days) * DAY_MS;
        has_more |= delete_unseen(tx, site.id, before, Chunk::default())?;
    }
    Ok(has_more)
}

fn unseen(tx: &mut dyn Tx, site: SiteId, before: i64, limit: i64) -> Result<Vec<VisitorId>> {
    let sql = format!(
        "select v.id \
         from visitors v \
         where v.kind = 'anonymous' \
           and v.last_seen_at < ?2 \
           and v.site_id = ?1 \
           and v.merged_into is null \
           and not exists (select 1 from visitors m where m.merged_into = v.id and m.kind <> 'anonymous') \
           and not exists (select 1 from visitors m where m.merged_into = v.id and m.last_seen_at >= ?2) \
           and not exists (select 1 from chats c where c.visitor_id = v.id) \
         order by v.last_seen_at \
         limit ?3{}",
        tx.dialect().skip_locked()
    );
    tx.all(&sql, &[site.into(), before.into(), limit.into()], |row| {
        Ok(VisitorId(row.i64(0)?))
    })
}

/// Deletes at most `limit` activities and tells how many that were; fewer than `limit` means none is left.
fn delete_activities(tx: &mut dyn Tx, visitor: VisitorId, limit: i64) -> Result<i64> {
    let deleted = tx.exec(
        "delete from activities \
         where visitor_id = ?1 \
           and id in (select id from activities where visitor_id = ?1 order by id limit ?2)",
        &[visitor.into(), limit.into()],
    )?;
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}

fn delete_rows(tx: &mut dyn Tx, visitor: VisitorId) -> Result<()> {
    super::tickets::unlink_visitor(tx, visitor)?;
    super::bans::delete_of_visitor(tx, visitor)?;
    for sql in [
        // What no event uses goes within a day anyway; what one uses belongs to its chat.
        "update files set visitor_id = null, browser_id = null where visitor_id = ?1",
        "delete from invitations where visitor_id = ?1",
        "delete from sessions where visitor_id = ?1",
        "delete from visitor_attrs where visitor_id = ?1",
        "delete from visitor_tokens where visitor_id = ?1",
        "delete from merges where source_id = ?1 or target_id = ?1",
        "delete from visitors where id = ?1",
    ] {
        tx.exec(sql, &[visitor.into()])?;
    }
    Ok(())
}
