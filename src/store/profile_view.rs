//! One visitor as a page shows it: the root's facts, its attributes, and every row that was merged into it.

use crate::db::{Result, Tx};
use crate::domain::ids::{ChatId, SessionId, SiteId, VisitorId};

/// The most attributes a page shows.
const ATTRIBUTE_LIMIT: i64 = 200;

/// A visitor with what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The root.
    pub visitor: VisitorId,
    /// The root and every row merged into it: whose sessions, activities and chats are shown.
    pub rows: Vec<VisitorId>,
    /// `anonymous`, `lead` or `user`.
    pub kind: String,
    /// The site's own id of this person.
    pub user_id: Option<String>,
    /// Whether the site proved who it is.
    pub is_verified: bool,
    /// What an unproven claim said: the user id.
    pub claimed_user_id: Option<String>,
    /// What an unproven claim said: the e-mail address.
    pub claimed_email: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Browser and version.
    pub browser: String,
    /// Operating system and version.
    pub os: String,
    /// `desktop`, `mobile`, `tablet` or empty.
    pub device: String,
    /// Language of the browser.
    pub language: String,
    /// IANA time zone.
    pub timezone: String,
    /// Screen size, such as `1440x900`.
    pub screen: String,
    /// Two-letter country, or empty.
    pub country: String,
    /// City, or empty.
    pub city: String,
    /// Truncated address.
    pub ip: String,
    /// Where the first visit came from.
    pub referrer: String,
    /// Campaign of the first visit, a JSON object of text.
    pub utm: String,
    /// The list of one-key objects a chat client set, as JSON.
    pub session_fields: String,
    /// How many sessions there were.
    pub visits: i64,
    /// How many pages were viewed.
    pub page_views: i64,
    /// Unix milliseconds of the first visit.
    pub first_seen_at: i64,
    /// Unix milliseconds of the last sign of life.
    pub last_seen_at: i64,
    /// Attributes by key.
    pub attributes: Vec<Attribute>,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub key: String,
    /// Its type, as in the schema.
    pub kind: String,
    /// Its text, or a list as JSON.
    pub text: Option<String>,
    /// Its number; times are Unix milliseconds, booleans 0 and 1.
    pub number: Option<f64>,
}

/// One session, for the heads of timeline blocks and the list of earlier visits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The session.
    pub session: SessionId,
    /// Unix milliseconds.
    pub started_at: i64,
    /// Unix milliseconds of the last sign of life.
    pub last_seen_at: i64,
    /// Unix milliseconds, once it ended.
    pub ended_at: Option<i64>,
    /// Unix milliseconds of when the last page was closed.
    pub left_at: Option<i64>,
    /// How many pages were viewed.
    pub page_views: i64,
    /// The first page.
    pub landing_url: String,
    /// Where it came from.
    pub referrer: String,
    /// Browser, system and device of this session.
    pub browser: String,
    /// Operating system.
    pub os: String,
    /// Two-letter country, or empty.
    pub country: String,
}

/// The profile of a visitor of this site; the id of a merged row gives its root's.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn get(tx: &mut dyn Tx, site: SiteId, visitor: VisitorId) -> Result<Option<Profile>> {
    let found = tx.opt(
        "select coalesce(merged_into, id)
         from visitors
         where id = ?1
           and site_id = ?2",
        &[visitor.into(), site.into()],
        |row| row.i64(0),
    )?;
    let Some(root) = found.map(VisitorId) else {
        return Ok(None);
    };
    let Some(mut profile) = facts(tx, root)? else {
        return Ok(None);
    };
    profile.rows = rows_of(tx, root)?;
    profile.attributes = attributes(tx, root)?;
    Ok(Some(profile))
}

/// The root and every row merged into it, the root first.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn rows_of(tx: &mut dyn Tx, root: VisitorId) -> Result<Vec<VisitorId>> {
    let mut rows = vec![root];
    rows.extend(tx.all(
        "select id
         from visitors
         where merged_into = ?1
         order by id",
        &[root.into()],
        |row| row.i64(0).map(VisitorId),
    )?);
    Ok(rows)
}

/// The last sessions of these rows, the newest first.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn visits(tx: &mut dyn Tx, rows: &[VisitorId], limit: i64) -> Result<Vec<Visit>> {
    let mut found = Vec::new();
    // One indexed range a row: `in` with `order by` would read and sort everything.
    for row in rows {
        found.extend(tx.all(
            "select id, started_at, last_seen_at, ended_at, left_at, page_views, landing_url,
                    referrer, browser, os, country
             from sessions
             where visitor_id = ?1
             order by started_at desc
             limit ?2",
            &[(*row).into(), limit.into()],
            read_visit,
        )?);
    }
    found.sort_by_key(|visit| std::cmp::Reverse(visit.started_at));
    found.truncate(usize::try_from(limit).unwrap_or(0));
    Ok(found)
}

/// One session.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn visit(tx: &mut dyn Tx, session: SessionId) -> Result<Option<Visit>> {
    tx.opt(
        "select id, started_at, last_seen_at, ended_at, left_at, page_views, landing_url,
                referrer, browser, os, country
         from sessions
         where id = ?1",
        &[session.into()],
        read_visit,
    )
}

/// The chats these rows began.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn chats(tx: &mut dyn Tx, rows: &[VisitorId]) -> Result<Vec<ChatId>> {
    let mut found = Vec::new();
    for row in rows {
        found.extend(tx.all(
            "select id
             from chats
             where visitor_id = ?1
             order by id",
            &[(*row).into()],
            |row| row.i64(0).map(ChatId),
        )?);
    }
    Ok(found)
}

fn facts(tx: &mut dyn Tx, root: VisitorId) -> Result<Option<Profile>> {
    tx.opt(
        "select kind, user_id, is_verified, claimed_user_id, claimed_email, name, email, phone,
                browser, browser_version, os, os_version, device, language, timezone, screen,
                country, city, ip, referrer, utm, session_fields, visits, page_views,
                first_seen_at, last_seen_at
         from visitors
         where id = ?1",
        &[root.into()],
        |row| {
            let with_version =
                |name: String, version: String| format!("{name} {version}").trim().to_owned();
            Ok(Profile {
                visitor: root,
                rows: Vec::new(),
                kind: row.text(0)?,
                user_id: row.opt_text(1)?,
                is_verified: row.bool(2)?,
                claimed_user_id: row.opt_text(3)?,
                claimed_email: row.opt_text(4)?,
                name: row.opt_text(5)?,
                email: row.opt_text(6)?,
                phone: row.opt_text(7)?,
                browser: with_version(row.text(8)?, row.text(9)?),
                os: with_version(row.text(10)?, row.text(11)?),
                device: row.text(12)?,
                language: row.text(13)?,
                timezone: row.text(14)?,
                screen: row.text(15)?,
                country: row.text(16)?,
                city: row.text(17)?,
                ip: row.text(18)?,
                referrer: row.text(19)?,
                utm: row.text(20)?,
                session_fields: row.text(21)?,
                visits: row.i64(22)?,
                page_views: row.i64(23)?,
                first_seen_at: row.i64(24)?,
                last_seen_at: row.i64(25)?,
                attributes: Vec::new(),
            })
        },
    )
}

fn attributes(tx: &mut dyn Tx, root: VisitorId) -> Result<Vec<Attribute>> {
    tx.all(
        "select key, kind, sval, nval
         from visitor_attrs
         where visitor_id = ?1
         order by key
         limit ?2",
        &[root.into(), ATTRIBUTE_LIMIT.into()],
        |row| {
            Ok(Attribute {
                key: row.text(0)?,
                kind: row.text(1)?,
                text: row.opt_text(2)?,
                number: row.opt_f64(3)?,
            })
        },
    )
}

fn read_visit(row: &dyn crate::db::Row) -> Result<Visit> {
    Ok(Visit {
        session: SessionId(row.i64(0)?),
        started_at: row.i64(1)?,
        last_seen_at: row.i64(2)?,
        ended_at: row.opt_i64(3)?,
        left_at: row.opt_i64(4)?,
        page_views: row.i64(5)?,
        landing_url: row.text(6)?,
        referrer: row.text(7)?,
        browser: row.text(8)?,
        os: row.text(9)?,
        country: row.text(10)?,
    })
}
