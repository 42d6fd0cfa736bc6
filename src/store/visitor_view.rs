//! What the Visitors pages list: who is here now, everybody by when they were last seen, and one profile.
//!
//! A merged visitor is shown as its root; merging is one pointer, so each query resolves it with one join.

use super::inbox_view::Cursor;
use super::profile_view;
use crate::db::{Result, Row, Tx};
use crate::domain::ids::{ChatId, SiteId, VisitorId};

/// A visitor counts as here for this long after the last sign of life; pages in view send one each minute.
pub const HERE_MS: i64 = 5 * 60_000;

/// The most rows the live list holds; beyond it the page says how many there are.
pub const LIVE_LIMIT: i64 = 200;

/// One visitor who is on the site now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveVisitor {
    /// The root of the visitor.
    pub visitor: VisitorId,
    /// `anonymous`, `lead` or `user`.
    pub kind: String,
    /// The visitor's name, where one is known.
    pub name: Option<String>,
    /// The visitor's e-mail address, where one is known.
    pub email: Option<String>,
    /// Whether the site proved who it is.
    pub is_verified: bool,
    /// How many sessions there were, this one included.
    pub visits: i64,
    /// Address of the page being looked at.
    pub page_url: String,
    /// Its title.
    pub page_title: String,
    /// Unix milliseconds of when it was opened.
    pub page_at: i64,
    /// Where this session came from.
    pub referrer: String,
    /// Name of the browser.
    pub browser: String,
    /// Name of the operating system.
    pub os: String,
    /// `desktop`, `mobile`, `tablet` or empty.
    pub device: String,
    /// Language of the browser.
    pub language: String,
    /// Two-letter country, or empty.
    pub country: String,
    /// Unix milliseconds of the session's start.
    pub started_at: i64,
    /// Unix milliseconds of the last sign of life.
    pub last_seen_at: i64,
    /// Whether the last page was closed.
    pub has_left: bool,
    /// The visitor's chat, where there is one.
    pub chat: Option<ChatId>,
}

/// One visitor of the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitorRow {
    /// The visitor, a root.
    pub visitor: VisitorId,
    /// `anonymous`, `lead` or `user`.
    pub kind: String,
    /// The visitor's name, where one is known.
    pub name: Option<String>,
    /// The visitor's e-mail address, where one is known.
    pub email: Option<String>,
    /// Whether the site proved who it is.
    pub is_verified: bool,
    /// Name of the browser.
    pub browser: String,
    /// Name of the operating system.
    pub os: String,
    /// Two-letter country, or empty.
    pub country: String,
    /// How many sessions there were.
    pub visits: i64,
    /// How many pages were viewed.
    pub page_views: i64,
    /// Unix milliseconds of the first visit.
    pub first_seen_at: i64,
    /// Unix milliseconds of the last sign of life.
    pub last_seen_at: i64,
}

const LIVE: &str = "
    select coalesce(r.id, v.id), coalesce(r.kind, v.kind), coalesce(r.name, v.name),
           coalesce(r.email, v.email), coalesce(r.is_verified, v.is_verified),
           coalesce(r.visits, v.visits), s.page_url, s.page_title, s.page_at,
           s.referrer, s.browser, s.os, s.device, s.language, s.country, s.started_at,
           s.last_seen_at, cast(case when s.left_at is null then 0 else 1 end as bigint),
           (select c.id
            from chats c
            where c.visitor_id in (v.id, coalesce(r.id, v.id))
            order by c.last_event_at desc
            limit 1)
    from sessions s
    join visitors v on v.id = s.visitor_id
    left join visitors r on r.id = v.merged_into";

/// Who is on the site now, the one last seen first; at most [`LIVE_LIMIT`], bots left out.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn here_now(tx: &mut dyn Tx, site: SiteId, now: i64) -> Result<Vec<LiveVisitor>> {
    let sql = format!(
        "{LIVE}
    where s.site_id = ?1
      and s.is_bot = 0
      and s.ended_at is null
      and s.last_seen_at > ?2
      and s.left_at is null
    order by s.last_seen_at desc
    limit ?3"
    );
    let mut rows = tx.all(
        &sql,
        &[site.into(), (now - HERE_MS).into(), LIVE_LIMIT.into()],
        read_live,
    )?;
    // One person in two browsers is two sessions of one root: the one seen last stands for both.
    let mut known = std::collections::HashSet::new();
    rows.retain(|row| known.insert(row.visitor));
    Ok(rows)
}

/// How many sessions are on the site now, counted to `cap`.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn count_here(tx: &mut dyn Tx, site: SiteId, now: i64, cap: i64) -> Result<i64> {
    tx.int(
        "select count(*)
         from (
           select 1 as one
           from sessions
           where site_id = ?1
             and is_bot = 0
             and ended_at is null
             and last_seen_at > ?2
             and left_at is null
           limit ?3
         ) as counted",
        &[site.into(), (now - HERE_MS).into(), cap.into()],
    )
}

/// The newest open session of one visitor of this site (`root`), as a row of the live list; bots have none.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn live(tx: &mut dyn Tx, site: SiteId, root: VisitorId) -> Result<Option<LiveVisitor>> {
    let sql = format!(
        "{LIVE}
    where s.visitor_id = ?1
      and s.ended_at is null
      and s.site_id = ?2
      and s.is_bot = 0"
    );
    let mut newest: Option<LiveVisitor> = None;
    // One look into the index of open sessions a row: with `in`, an engine without statistics walks all live sessions.
    for row in profile_view::rows_of(tx, root)? {
        let found = tx.opt(&sql, &[row.into(), site.into()], read_live)?;
        newest = found
            .into_iter()
            .chain(newest)
            .max_by_key(|live| live.last_seen_at);
    }
    Ok(newest)
}

/// At most `limit` visitors after `after`, the one last seen first; bots left out.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn page(tx: &mut dyn Tx, site: SiteId, after: Cursor, limit: i64) -> Result<Vec<VisitorRow>> {
    tx.all(
        "select id, kind, name, email, is_verified, browser, os, country, visits, page_views,
                first_seen_at, last_seen_at
         from visitors
         where site_id = ?1
           and is_bot = 0
           and merged_into is null
           and (last_seen_at, id) < (?2, ?3)
         order by last_seen_at desc, id desc
         limit ?4",
        &[site.into(), after.at.into(), after.id.into(), limit.into()],
        |row| {
            Ok(VisitorRow {
                visitor: VisitorId(row.i64(0)?),
                kind: row.text(1)?,
                name: row.opt_text(2)?,
                email: row.opt_text(3)?,
                is_verified: row.bool(4)?,
                browser: row.text(5)?,
                os: row.text(6)?,
                country: row.text(7)?,
                visits: row.i64(8)?,
                page_views: row.i64(9)?,
                first_seen_at: row.i64(10)?,
                last_seen_at: row.i64(11)?,
            })
        },
    )
}

fn read_live(row: &dyn Row) -> Result<LiveVisitor> {
    Ok(LiveVisitor {
        visitor: VisitorId(row.i64(0)?),
        kind: row.text(1)?,
        name: row.opt_text(2)?,
        email: row.opt_text(3)?,
        is_verified: row.bool(4)?,
        visits: row.i64(5)?,
        page_url: row.text(6)?,
        page_title: row.text(7)?,
        page_at: row.i64(8)?,
        referrer: row.text(9)?,
        browser: row.text(10)?,
        os: row.text(11)?,
        device: row.text(12)?,
        language: row.text(13)?,
        country: row.text(14)?,
        started_at: row.i64(15)?,
        last_seen_at: row.i64(16)?,
        has_left: row.bool(17)?,
        chat: row.opt_i64(18)?.map(ChatId),
    })
}
