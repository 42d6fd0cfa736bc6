//! Which greeting is due for a visitor: the enabled ones of the site against what the visitor does now, under the
//! visitor's lock when one is sent.

use std::collections::HashMap;

use crate::db::{Result, Tx};
use crate::domain::greeting::{Match, Situation, matches};
use crate::domain::ids::{BrowserId, GreetingId, GroupId, SiteId, VisitorId};
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::domain::routing::GroupStatus;
use crate::store::greetings::Greeting;
use crate::store::invitations::{self, Invitation, NewInvitation};
use crate::store::visitor_view::HERE_MS;
use crate::store::{bans, groups, visitors};

/// For how long a greeting that was accepted keeps others away: its visitor is about to write.
const ACCEPTED_HOLDS_MS: i64 = 30 * 60_000;

/// Whom a greeting is looked for.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The site.
    pub site: SiteId,
    /// The visitor row that the browser's token is bound to.
    pub visitor: VisitorId,
    /// Its root.
    pub root: VisitorId,
    /// The browser.
    pub browser: BrowserId,
    /// The page that a chat client tells of, where none is tracked.
    pub page: Option<ToldPage>,
}

/// What a chat client told of where its visitor is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToldPage {
    /// Address of the page.
    pub url: String,
    /// Where the visitor came from, or empty.
    pub referrer: String,
    /// Since when the page is looked at, Unix milliseconds.
    pub at: i64,
    /// Since when the client is there, Unix milliseconds.
    pub since: i64,
    /// Pages told of so far, this one included.
    pub pages: i64,
    /// Language of the browser, or empty.
    pub language: String,
    /// `desktop`, `mobile`, `tablet` or empty.
    pub device: String,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// This greeting, now.
    Now(GreetingId),
    /// Perhaps one in so many milliseconds.
    After(i64),
    /// Nothing on this page.
    Nothing,
}

/// What is due for a guest, of these greetings in their order. Writes nothing.
///
/// One greeting a page at most, unless one that stands before it in the order becomes due later. Crawlers, banned visitors
/// and those with an open chat get none; nobody gets one twice.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn look(tx: &mut dyn Tx, guest: &Guest, greetings: &[Greeting], now: i64) -> Result<Due> {
    let Some(viewing) = viewing(tx, guest, now)? else {
        return Ok(Due::Nothing);
    };
    if greetings.is_empty() || !may_be_greeted(tx, guest, now)? {
        return Ok(Due::Nothing);
    }
    let sent = sent(tx, guest.root)?;
    let before = place_on_page(greetings, &sent, viewing.page_at);
    let mut online = None;
    let mut soonest: Option<i64> = None;
    for greeting in greetings {
        let was_sent = sent.iter().any(|one| one.greeting == greeting.id);
        if !greeting.draft.is_enabled || greeting.place >= before || was_sent {
            continue;
        }
        let is_online = greeting.draft.rules.asks_who_is_online()
            && is_online(tx, guest.site, greeting.draft.group, (now, &mut online))?;
        match matches(&greeting.draft.rules, &viewing.situation, is_online) {
            Match::Now => return Ok(Due::Now(greeting.id)),
            Match::NotBefore(ms) => soonest = Some(soonest.map_or(ms, |known| known.min(ms))),
            Match::No => {}
        }
    }
    Ok(soonest.map_or(Due::Nothing, Due::After))
}

/// Sends what is due for a guest; `None` where by now nothing is.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn send_due(
    tx: &mut dyn Tx,
    guest: &Guest,
    greetings: &[Greeting],
    now: i64,
) -> Result<Option<Invitation>> {
    let root = visitors::lock_root(tx, guest.site, guest.root)?;
    let guest = Guest {
        root,
        ..guest.clone()
    };
    // Looked at again under the lock: two tabs ask at once, and one of them sends.
    let Due::Now(due) = look(tx, &guest, greetings, now)? else {
        return Ok(None);
    };
    let Some(greeting) = greetings.iter().find(|greeting| greeting.id == due) else {
        return Ok(None);
    };
    let new = NewInvitation {
        greeting,
        visitor: root,
        browser: guest.browser,
        agent: greeting.draft.agent,
        is_manual: false,
    };
    invitations::insert(tx, &new, now)
}

/// The page a guest looks at.
struct Viewing {
    page_at: i64,
    situation: Situation,
}

/// What is tracked of the guest, or else what their client told; `None` where nobody is looking.
fn viewing(tx: &mut dyn Tx, guest: &Guest, now: i64) -> Result<Option<Viewing>> {
    let tracked = tx.opt(
        "select page_url, referrer, page_at, started_at, page_views, language, device
         from sessions
         where visitor_id = ?1 and ended_at is null and left_at is null and last_seen_at > ?2
           and page_url <> ''",
        &[guest.visitor.into(), now.saturating_sub(HERE_MS).into()],
        |row| {
            Ok(ToldPage {
                url: row.text(0)?,
                referrer: row.text(1)?,
                at: row.i64(2)?,
                since: row.i64(3)?,
                pages: row.i64(4)?,
                language: row.text(5)?,
                device: row.text(6)?,
            })
        },
    )?;
    let Some(page) = tracked.or_else(|| guest.page.clone()) else {
        return Ok(None);
    };
    let visits = visitors::counters(tx, guest.root)?.visits;
    Ok(Some(Viewing {
        page_at: page.at,
        situation: Situation {
            url: page.url,
            referrer: page.referrer,
            page_ms: now - page.at,
            site_ms: now - page.since,
            pages: page.pages,
            visits: visits.max(1),
            language: page.language,
            device: page.device,
        },
    }))
}

fn may_be_greeted(tx: &mut dyn Tx, guest: &Guest, now: i64) -> Result<bool> {
    let Some(root) = visitors::get(tx, guest.site, guest.root)? else {
        return Ok(false);
    };
    if root.is_bot || bans::active(tx, guest.site, guest.root, &root.ip, now)?.is_some() {
        return Ok(false);
    }
    if invitations::has_open_chat(tx, guest.root)? {
        return Ok(false);
    }
    let open = invitations::open(tx, guest.browser, now)?;
    let accepted_at = open.and_then(|invitation| invitation.accepted_at);
    Ok(accepted_at.is_none_or(|at| now - at >= ACCEPTED_HOLDS_MS))
}

/// A greeting that the visitor got already.
struct Sent {
    greeting: GreetingId,
    /// When that was last.
    at: i64,
    is_manual: bool,
}

fn sent(tx: &mut dyn Tx, root: VisitorId) -> Result<Vec<Sent>> {
    tx.all(
        "select greeting_id, max(sent_at), max(is_manual)
         from invitations
         where visitor_id in (select id from visitors where id = ?1 or merged_into = ?1)
         group by greeting_id",
        &[root.into()],
        |row| {
            Ok(Sent {
                greeting: GreetingId(row.i64(0)?),
                at: row.i64(1)?,
                is_manual: row.bool(2)?,
            })
        },
    )
}

/// Only greetings before this place may still be sent on the page: those before the ones it showed already. Nothing takes
/// the place of one that an agent sent.
fn place_on_page(greetings: &[Greeting], sent: &[Sent], page_at: i64) -> i64 {
    let place = |one: &Sent| {
        let known = greetings
            .iter()
            .find(|greeting| greeting.id == one.greeting);
        known
            .filter(|_| !one.is_manual)
            .map_or(i64::MIN, |greeting| greeting.place)
    };
    let on_page = sent.iter().filter(|one| one.at >= page_at);
    on_page.map(place).min().unwrap_or(i64::MAX)
}

/// Whether somebody of a group takes chats; read once for all greetings.
fn is_online(
    tx: &mut dyn Tx,
    site: SiteId,
    group: Option<GroupId>,
    (now, known): (i64, &mut Option<HashMap<Option<GroupId>, bool>>),
) -> Result<bool> {
    if known.is_none() {
        let permit = authorize(&Subject::System, Action::ReadGroups, Object::Site(site))?;
        let statuses: HashMap<i64, GroupStatus> =
            groups::statuses(tx, &permit, now)?.into_iter().collect();
        let mut by_id = HashMap::new();
        for one in groups::list(tx, &permit)? {
            let is_online = statuses
                .get(&one.number)
                .is_some_and(|status| *status == GroupStatus::Online);
            by_id.insert(Some(one.id), is_online);
            if one.number == groups::DEFAULT_NUMBER {
                by_id.insert(None, is_online);
            }
        }
        *known = Some(by_id);
    }
    Ok(known
        .as_ref()
        .and_then(|known| known.get(&group).copied())
        .unwrap_or_default())
}
