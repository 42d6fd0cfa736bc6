//! Visitors: made when a browser is first seen, named by identify, changed field by field; merging is in `merges`.

use crate::db::{Result, Row, Tx, Value};
use crate::domain::context::Context;
use crate::domain::ids::{SiteId, VisitorId};
use crate::domain::user_agent::{self, Device};
use crate::domain::visitor::{Change, ProfileChange, Visitor, VisitorKind, fold_email};
use crate::domain::{Hint, Refusal};

/// What a new visitor is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewVisitor<'a> {
    /// The site it visits.
    pub site: SiteId,
    /// Its browser.
    pub context: &'a Context,
    /// When it was first seen, Unix milliseconds.
    pub seen_at: i64,
}

/// Makes an anonymous visitor; where it came from is noted with its first session.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn create(tx: &mut dyn Tx, new: &NewVisitor<'_>, now: i64) -> Result<VisitorId> {
    let id = VisitorId(tx.new_id(now));
    let context = new.context;
    let device = user_agent::recognise(&context.user_agent, context.hints.as_ref());
    tx.exec(
        "insert into visitors (id, site_id, kind, session_fields, is_bot, browser, browser_version, os, os_version, \
         device, language, timezone, screen, ip, utm, first_seen_at, last_seen_at, updated_at) \
         values (?1, ?2, 'anonymous', '[]', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, '{}', ?13, ?13, ?14)",
        &[
            id.into(),
            new.site.into(),
            user_agent::is_bot(&context.user_agent).into(),
            (&device.browser).into(),
            (&device.browser_version).into(),
            (&device.os).into(),
            (&device.os_version).into(),
            (&device.kind).into(),
            (&context.language).into(),
            (&context.timezone).into(),
            (&context.screen).into(),
            (&context.ip).into(),
            new.seen_at.into(),
            now.into(),
        ],
    )?;
    Ok(id)
}

const COLUMNS: &str = "v.id, v.site_id, v.kind, v.merged_into, v.user_id, v.is_verified, v.claimed_user_id, \
     v.claimed_email, v.name, v.email, v.phone, v.avatar_url, v.session_fields, v.is_bot, v.browser, \
     v.browser_version, v.os, v.os_version, v.device, v.language, v.timezone, v.screen, v.country, v.city, v.ip, \
     v.referrer, v.utm, v.visits, v.page_views, v.anonymized_at, v.first_seen_at, v.last_seen_at";

/// The row of a visitor of this site, merged away or not.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn get(tx: &mut dyn Tx, site: SiteId, id: VisitorId) -> Result<Option<Visitor>> {
    let sql = format!("select {COLUMNS} from visitors v where v.id = ?1 and v.site_id = ?2");
    tx.opt(&sql, &[id.into(), site.into()], read)
}

/// The root a visitor of this site leads to: itself, or what it was merged into.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn root(tx: &mut dyn Tx, site: SiteId, id: VisitorId) -> Result<Option<Visitor>> {
    let sql = format!(
        "select {COLUMNS} \
         from visitors m \
         join visitors v on v.id = coalesce(m.merged_into, m.id) \
         where m.id = ?1 and m.site_id = ?2"
    );
    tx.opt(&sql, &[id.into(), site.into()], read)
}

/// Locks a visitor's row, so that what is counted on it is counted in turn.
pub(super) fn lock(tx: &mut dyn Tx, id: VisitorId) -> Result<()> {
    let lock = tx.dialect().for_update();
    tx.opt(
        &format!("select 1 from visitors where id = ?1{lock}"),
        &[id.into()],
        |_| Ok(()),
    )?;
    Ok(())
}

/// Follows a visitor of this site to its root and locks that: merges wait meanwhile.
///
/// # Errors
/// [`Refusal::NotFound`] where there is none, or any other [`crate::db::Error`].
pub(super) fn lock_root(tx: &mut dyn Tx, site: SiteId, visitor: VisitorId) -> Result<VisitorId> {
    let lock = tx.dialect().for_update();
    let sql = format!("select merged_into from visitors where id = ?1 and site_id = ?2{lock}");
    let mut root = visitor;
    // It may have been merged since it was read; a pointer names the root, so the second look ends it.
    loop {
        let merged_into = tx
            .opt(&sql, &[root.into(), site.into()], |row| row.opt_i64(0))?
            .ok_or(Refusal::NotFound("visitor"))?;
        match merged_into {
            Some(next) => root = VisitorId(next),
            None => return Ok(root),
        }
    }
}

/// The root and everything that was merged into it, the root first.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn family(tx: &mut dyn Tx, root: VisitorId) -> Result<Vec<VisitorId>> {
    let mut ids = vec![root];
    tx.each(
        "select id from visitors where merged_into = ?1 order by id",
        &[root.into()],
        &mut |row| {
            ids.push(VisitorId(row.i64(0)?));
            Ok(())
        },
    )?;
    Ok(ids)
}

/// What was counted of a visitor, in the root and all that was merged into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sessions.
    pub visits: i64,
    /// Pages opened.
    pub page_views: i64,
    /// Greetings that a client of theirs got.
    pub greetings_shown: i64,
    /// Greetings accepted.
    pub greetings_accepted: i64,
}

/// The counters of a root: a merge moves no row, so they are added up here.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn counters(tx: &mut dyn Tx, root: VisitorId) -> Result<Counters> {
    tx.one(
        "select cast(coalesce(sum(visits), 0) as bigint), cast(coalesce(sum(page_views), 0) as bigint), \
                cast(coalesce(sum(greetings_shown), 0) as bigint), \
                cast(coalesce(sum(greetings_accepted), 0) as bigint) \
         from visitors \
         where id = ?1 or merged_into = ?1",
        &[root.into()],
        |row| {
            Ok(Counters {
                visits: row.i64(0)?,
                page_views: row.i64(1)?,
                greetings_shown: row.i64(2)?,
                greetings_accepted: row.i64(3)?,
            })
        },
    )
}

/// The root of the visitor that has this user id of the site.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn by_user_id(tx: &mut dyn Tx, site: SiteId, user_id: &str) -> Result<Option<VisitorId>> {
    tx.opt(
        "select coalesce(merged_into, id) from visitors where site_id = ?1 and user_id = ?2",
        &[site.into(), user_id.into()],
        |row| Ok(VisitorId(row.i64(0)?)),
    )
}

/// Gives a visitor that has none a user id, which makes it a user.
///
/// # Errors
/// [`crate::db::Error::Unique`] when another visitor got this user id at the same moment: run the job again.
pub fn name_user(
    tx: &mut dyn Tx,
    root: VisitorId,
    user_id: &str,
    is_verified: bool,
    now: i64,
) -> Result<()> {
    tx.exec(
        "update visitors \
         set user_id = ?2, kind = 'user', is_verified = ?3, updated_at = ?4 \
         where id = ?1",
        &[root.into(), user_id.into(), is_verified.into(), now.into()],
    )?;
    Ok(())
}

/// Keeps what an unproven claim said, where the site wants proof.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn keep_claim(
    tx: &mut dyn Tx,
    root: VisitorId,
    user_id: &str,
    email: Option<&str>,
    now: i64,
) -> Result<()> {
    tx.exec(
        "update visitors \
         set claimed_user_id = ?2, claimed_email = coalesce(?3, claimed_email), updated_at = ?4 \
         where id = ?1",
        &[root.into(), user_id.into(), email.into(), now.into()],
    )?;
    Ok(())
}

/// Makes an anonymous visitor a lead, since it starts a chat; others stay what they are.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn make_lead(tx: &mut dyn Tx, root: VisitorId, now: i64) -> Result<()> {
    tx.exec(
        "update visitors set kind = 'lead', updated_at = ?2 where id = ?1 and kind = 'anonymous'",
        &[root.into(), now.into()],
    )?;
    Ok(())
}

/// Applies a change to a profile and tells whether anything is different now.
///
/// # Errors
/// A refusal of `attributes` when there would be too many: then nothing was written, and the transaction can go on.
/// Any other [`crate::db::Error`].
pub fn update(
    tx: &mut dyn Tx,
    site: SiteId,
    root: VisitorId,
    change: &ProfileChange,
    now: i64,
) -> Result<bool> {
    let fields = [
        &change.name,
        &change.email,
        &change.phone,
        &change.avatar_url,
    ];
    let mut is_changed = false;
    super::attributes::check(tx, root, &change.attributes)?;
    if fields.iter().any(|field| !field.is_keep()) {
        is_changed = update_fields(tx, root, fields, now)?;
    }
    if !change.attributes.is_empty() {
        is_changed |= super::attributes::apply(tx, root, &change.attributes, now)?;
    }
    if is_changed {
        tx.emit(Hint::VisitorUpdated {
            site,
            visitor: root,
        })?;
    }
    Ok(is_changed)
}

fn update_fields(
    tx: &mut dyn Tx,
    root: VisitorId,
    fields: [&Change<String>; 4],
    now: i64,
) -> Result<bool> {
    const NAMES: [&str; 4] = ["name", "email", "phone", "avatar_url"];
    let fold = fields[1].set().map(|email| fold_email(email));
    let (mut set, mut differs) = (String::new(), Vec::new());
    let mut args: Vec<Value<'_>> = vec![root.into(), now.into()];
    for (name, field) in NAMES.into_iter().zip(fields) {
        if field.is_keep() {
            continue;
        }
        args.push(field.set().into());
        let n = args.len();
        set.push_str(&format!(", {name} = ?{n}"));
        differs.push(format!("{name} is distinct from ?{n}"));
        if name == "email" {
            args.push(fold.as_ref().into());
            set.push_str(&format!(", email_fold = ?{}", args.len()));
        }
    }
    let sql = format!(
        "update visitors set updated_at = ?2{set} where id = ?1 and ({})",
        differs.join(" or ")
    );
    Ok(tx.exec(&sql, &args)? > 0)
}

/// Replaces the session fields: `json` is a list of one-key objects of text, already checked.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn set_session_fields(tx: &mut dyn Tx, root: VisitorId, json: &str, now: i64) -> Result<()> {
    tx.exec(
        "update visitors set session_fields = ?2, updated_at = ?3 where id = ?1",
        &[root.into(), json.into(), now.into()],
    )?;
    Ok(())
}

/// What a batch adds to a visitor's row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// Sessions started.
    pub visits: i64,
    /// Pages opened.
    pub page_views: i64,
    /// The last sign of life; an earlier one than the row has changes nothing.
    pub seen_at: i64,
}

/// The last sign of life on a visitor's row is moved when it is this old: two indexes hold it, and to the moment it is
/// known from the session.
pub const SEEN_STEP_MS: i64 = 60_000;

/// Adds a batch's counts to a row that was last seen at `known`, and moves that where it is older than
/// [`SEEN_STEP_MS`]; writes nothing where nothing changes.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn touch_since(tx: &mut dyn Tx, id: VisitorId, visit: Visit, known: i64) -> Result<()> {
    if visit.seen_at.saturating_sub(known) >= SEEN_STEP_MS {
        return touch(tx, id, visit);
    }
    if (visit.visits, visit.page_views) == (0, 0) {
        return Ok(());
    }
    tx.exec(
        "update visitors set visits = visits + ?2, page_views = page_views + ?3 where id = ?1",
        &[id.into(), visit.visits.into(), visit.page_views.into()],
    )?;
    Ok(())
}

/// Adds a batch's counts to the row and moves its last sign of life.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn touch(tx: &mut dyn Tx, id: VisitorId, visit: Visit) -> Result<()> {
    tx.exec(
        "update visitors \
         set visits = visits + ?2, page_views = page_views + ?3, last_seen_at = greatest(last_seen_at, ?4) \
         where id = ?1",
        &[
            id.into(),
            visit.visits.into(),
            visit.page_views.into(),
            visit.seen_at.into(),
        ],
    )?;
    Ok(())
}

/// How a visitor arrived for a session.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The browser.
    pub context: &'a Context,
    /// Where the session came from, or empty.
    pub referrer: &'a str,
    /// JSON object of the campaign it came by.
    pub utm: &'a str,
}

/// Does what [`touch`] does for a batch that started a session: the row shows the browser of the last session, and
/// keeps referrer and campaign of the first.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn arrive(tx: &mut dyn Tx, id: VisitorId, visit: Visit, arrival: &Arrival<'_>) -> Result<()> {
    let context = arrival.context;
    let device = user_agent::recognise(&context.user_agent, context.hints.as_ref());
    tx.exec(
        "update visitors \
         set visits = visits + ?2, page_views = page_views + ?3, last_seen_at = greatest(last_seen_at, ?4), \
             referrer = case when visits = 0 then ?5 else referrer end, \
             utm = case when visits = 0 then ?6 else utm end, \
             browser = ?7, browser_version = ?8, os = ?9, os_version = ?10, device = ?11, language = ?12, \
             timezone = ?13, screen = ?14, ip = ?15 \
         where id = ?1",
        &[
            id.into(),
            visit.visits.into(),
            visit.page_views.into(),
            visit.seen_at.into(),
            arrival.referrer.into(),
            arrival.utm.into(),
            (&device.browser).into(),
            (&device.browser_version).into(),
            (&device.os).into(),
            (&device.os_version).into(),
            (&device.kind).into(),
            (&context.language).into(),
            (&context.timezone).into(),
            (&context.screen).into(),
            (&context.ip).into(),
        ],
    )?;
    Ok(())
}

fn read(row: &dyn Row) -> Result<Visitor> {
    Ok(Visitor {
        id: VisitorId(row.i64(0)?),
        site: SiteId(row.i64(1)?),
        // The table's CHECK names the same three words.
        kind: VisitorKind::parse(&row.text(2)?).unwrap_or_default(),
        merged_into: row.opt_i64(3)?.map(VisitorId),
        user_id: row.opt_text(4)?,
        is_verified: row.bool(5)?,
        claimed_user_id: row.opt_text(6)?,
        claimed_email: row.opt_text(7)?,
        name: row.opt_text(8)?,
        email: row.opt_text(9)?,
        phone: row.opt_text(10)?,
        avatar_url: row.opt_text(11)?,
        session_fields: row.text(12)?,
        is_bot: row.bool(13)?,
        device: Device {
            browser: row.text(14)?,
            browser_version: row.text(15)?,
            os: row.text(16)?,
            os_version: row.text(17)?,
            kind: row.text(18)?,
        },
        language: row.text(19)?,
        timezone: row.text(20)?,
        screen: row.text(21)?,
        country: row.text(22)?,
        city: row.text(23)?,
        ip: row.text(24)?,
        referrer: row.text(25)?,
        utm: row.text(26)?,
        visits: row.i64(27)?,
        page_views: row.i64(28)?,
        anonymized_at: row.opt_i64(29)?,
        first_seen_at: row.i64(30)?,
        last_seen_at: row.i64(31)?,
    })
}
