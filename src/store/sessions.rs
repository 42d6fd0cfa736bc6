//! Sessions: one open at most for each visitor row; started and moved by batches, ended by silence.

use super::activities::{self, NewActivity};
use crate::db::{Result, Row, Tx};
use crate::domain::Hint;
use crate::domain::context::Context;
use crate::domain::ids::{BrowserId, SessionId, SiteId, VisitorId};
use crate::domain::page;
use crate::domain::session::Open;
use crate::domain::user_agent;

/// The page a session shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageInView {
    /// The id of the call that opened it.
    pub call_id: String,
    /// Its URL.
    pub url: String,
    /// Its title.
    pub title: String,
    /// When it was opened, Unix milliseconds.
    pub at: i64,
}

/// What a new session is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// The site.
    pub site: SiteId,
    /// The visitor row.
    pub visitor: VisitorId,
    /// The browser.
    pub context: &'a Context,
    /// Whether the visitor is a crawler.
    pub is_bot: bool,
    /// Where it came from.
    pub referrer: &'a str,
    /// The page it shows.
    pub page: &'a PageInView,
    /// When it began, Unix milliseconds.
    pub started_at: i64,
}

/// Starts a session and records that; `None` when the row has an open one, begun at the same moment elsewhere.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn start(tx: &mut dyn Tx, new: &NewSession<'_>, now: i64) -> Result<Option<SessionId>> {
    let id = SessionId(tx.new_id(now));
    let Context {
        user_agent,
        ip,
        language,
        timezone,
        screen,
        hints,
    } = new.context;
    let device = user_agent::recognise(user_agent, hints.as_ref());
    let started = tx.exec(
        "insert into sessions (id, site_id, visitor_id, started_at, last_seen_at, is_bot, page_call_id, page_url, \
         page_title, page_at, landing_url, referrer, utm, browser, os, device, language, timezone, screen, ip) \
         values (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, ?7, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18) \
         on conflict (visitor_id) where ended_at is null do nothing",
        &[
            id.into(),
            new.site.into(),
            new.visitor.into(),
            new.started_at.into(),
            new.is_bot.into(),
            (&new.page.call_id).into(),
            (&new.page.url).into(),
            (&new.page.title).into(),
            new.page.at.into(),
            page::arrival(new.referrer, &new.page.url).into(),
            page::campaign(&new.page.url).as_ref().into(),
            (&device.browser).into(),
            (&device.os).into(),
            (&device.kind).into(),
            language.into(),
            timezone.into(),
            screen.into(),
            ip.into(),
        ],
    )?;
    if started == 0 {
        return Ok(None);
    }
    let activity = NewActivity::session_started(tx.new_id(now), id, new.started_at);
    activities::insert(tx, new.site, new.visitor, &[activity], now)?;
    Ok(Some(id))
}

/// The open session of a visitor row.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn open(tx: &mut dyn Tx, visitor: VisitorId) -> Result<Option<(SessionId, Open)>> {
    tx.opt(
        "select id, last_seen_at, page_at, page_call_id, left_at \
         from sessions \
         where visitor_id = ?1 and ended_at is null",
        &[visitor.into()],
        |row| Ok((SessionId(row.i64(0)?), read_open(row, 1)?)),
    )
}

/// Reads `last_seen_at, page_at, page_call_id, left_at` from column `from` on.
pub(super) fn read_open(row: &dyn Row, from: usize) -> Result<Open> {
    Ok(Open {
        last_seen_at: row.i64(from)?,
        page_at: row.i64(from + 1)?,
        page_call_id: row.text(from + 2)?,
        has_left: row.opt_i64(from + 3)?.is_some(),
    })
}

/// The page that a session shows, and where the session came from.
///
/// # Errors
/// [`crate::db::Error::NotFound`] if there is no such session, or any other.
pub fn page_in_view(tx: &mut dyn Tx, id: SessionId) -> Result<(PageInView, String)> {
    tx.one(
        "select page_call_id, page_url, page_title, page_at, referrer from sessions where id = ?1",
        &[id.into()],
        |row| {
            let page = PageInView {
                call_id: row.text(0)?,
                url: row.text(1)?,
                title: row.text(2)?,
                at: row.i64(3)?,
            };
            Ok((page, row.text(4)?))
        },
    )
}

/// What a batch moves on a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last sign of life; an earlier one than the row has changes nothing.
    pub last_seen_at: i64,
    /// Pages opened.
    pub page_views: i64,
    /// The page it shows from now on.
    pub page: Option<PageInView>,
    /// When the page was left, or `None` when it is in view again.
    pub left_at: Option<i64>,
    /// Whether `left_at` changes.
    pub moves_left_at: bool,
    /// The browser it was seen in, where that is known.
    pub browser: Option<BrowserId>,
}

/// Moves a session on: one statement, whatever moves.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn advance(tx: &mut dyn Tx, id: SessionId, progress: &Progress) -> Result<()> {
    let none = PageInView::default();
    let page = progress.page.as_ref();
    let shown = page.unwrap_or(&none);
    tx.exec(
        "update sessions \
         set last_seen_at = greatest(last_seen_at, ?2), \
             page_views = page_views + ?3, \
             left_at = case when ?4 = 1 then ?5 else left_at end, \
             page_call_id = case when ?6 = 1 then ?7 else page_call_id end, \
             page_url = case when ?6 = 1 then ?8 else page_url end, \
             page_title = case when ?6 = 1 then ?9 else page_title end, \
             page_at = case when ?6 = 1 then ?10 else page_at end, \
             landing_url = case when landing_url = '' then ?8 else landing_url end, \
             browser_id = coalesce(?11, browser_id) \
         where id = ?1",
        &[
            id.into(),
            progress.last_seen_at.into(),
            progress.page_views.into(),
            progress.moves_left_at.into(),
            progress.left_at.into(),
            page.is_some().into(),
            (&shown.call_id).into(),
            (&shown.url).into(),
            (&shown.title).into(),
            shown.at.into(),
            progress.browser.into(),
        ],
    )?;
    Ok(())
}

/// Ends a session at its last sign of life, so that its length is time spent and not silence, and records that.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn end(
    tx: &mut dyn Tx,
    site: SiteId,
    visitor: VisitorId,
    id: SessionId,
    now: i64,
) -> Result<()> {
    let ended_at = tx.opt(
        "update sessions \
         set ended_at = last_seen_at \
         where id = ?1 and ended_at is null \
         returning ended_at",
        &[id.into()],
        |row| row.i64(0),
    )?;
    // Somebody else has ended it and recorded that.
    let Some(at) = ended_at else {
        return Ok(());
    };
    let activity = NewActivity::session_ended(tx.new_id(now), id, at);
    activities::insert(tx, site, visitor, &[activity], now)?;
    Ok(())
}

/// Ends at most `limit` sessions of the site that were silent for longer than `idle_ms`, and tells how many.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn end_idle(tx: &mut dyn Tx, site: SiteId, idle_ms: i64, now: i64, limit: i64) -> Result<u64> {
    let sql = format!(
        "update sessions \
         set ended_at = last_seen_at \
         where id in (\
             select id \
             from sessions \
             where site_id = ?1 and is_bot in (0, 1) and last_seen_at < ?2 and ended_at is null \
             limit ?3{}) \
         returning id, visitor_id, ended_at",
        tx.dialect().skip_locked()
    );
    let ended = tx.all(
        &sql,
        &[
            site.into(),
            now.saturating_sub(idle_ms).into(),
            limit.into(),
        ],
        |row| Ok((SessionId(row.i64(0)?), VisitorId(row.i64(1)?), row.i64(2)?)),
    )?;
    for (session, visitor, at) in &ended {
        let activity = NewActivity::session_ended(tx.new_id(now), *session, *at);
        activities::insert(tx, site, *visitor, &[activity], now)?;
        let root = tx.int(
            "select coalesce(merged_into, id) from visitors where id = ?1",
            &[(*visitor).into()],
        )?;
        tx.emit(Hint::VisitorSeen {
            site,
            visitor: VisitorId(root),
        })?;
    }
    Ok(ended.len() as u64)
}

/// Ends idle sessions of every site, each by its own setting; at most `limit` a site. True when there may be more.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn end_idle_everywhere(tx: &mut dyn Tx, now: i64, limit: i64) -> Result<bool> {
    let mut has_more = false;
    for site in super::sites::all(tx)? {
        let ended = end_idle(tx, site.id, site.settings.session_idle_ms(), now, limit)?;
        has_more |= ended >= limit.unsigned_abs();
    }
    Ok(has_more)
}
