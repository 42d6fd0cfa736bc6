//! A visitor as shown beside a chat and at the head of a profile: where they are, facts, page trail, earlier visits.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ban::BanShown;
use super::beside_chat::{AboutChat, ChatFacts};
use super::face;
use super::greeting::{GreetingRows, GreetingShown};
use super::layout::Bare;
use super::links;
use super::times::{self, Times};
use crate::db::{self, Tx};
use crate::domain::form_answers::FilledField;
use crate::domain::ids::{ActivityId, ChatId, SiteId, VisitorId};
use crate::store::bans::{self, Ban};
use crate::store::forms;
use crate::store::inbox_view::{self, InboxRow};
use crate::store::profile_view::{self, Attribute, Profile, Visit};
use crate::store::timeline_view::{self, Entry};
use crate::store::visitor_view::{self, HERE_MS, LiveVisitor};

/// Activities read to find the last pages; other kinds stand between them.
const TRAIL_READ: i64 = 40;
/// Pages shown.
const TRAIL_SHOWN: usize = 8;
/// Earlier visits shown.
const VISITS_SHOWN: i64 = 5;
/// Other chats of the same person shown.
const CHATS_SHOWN: usize = 5;
/// Filled forms shown: the one before the chat and the one after it.
const FORMS_SHOWN: i64 = 2;

/// Everything the pane is drawn from, read in one snapshot.
#[derive(Clone, Debug)]
pub(crate) struct BesideRows {
    pub(crate) profile: Profile,
    open: Option<ChatId>,
    live: Option<LiveVisitor>,
    trail: Vec<Entry>,
    visits: Vec<Visit>,
    chats: Vec<InboxRow>,
    /// What keeps them out now.
    ban: Option<Ban>,
    /// The open chat.
    chat: Option<AboutChat>,
    /// What the visitor answered in the open chat, the newest form first.
    forms: Vec<Vec<FilledField>>,
    greetings: GreetingRows,
}

impl BesideRows {
    /// Reads what is known of a visitor of this site at this time, Unix ms; `open` is the chat the pane stands beside.
    ///
    /// # Errors
    /// Any [`crate::db::Error`].
    pub(crate) fn read(
        tx: &mut dyn Tx,
        site: SiteId,
        visitor: VisitorId,
        open: Option<ChatId>,
        now: i64,
    ) -> db::Result<Option<Self>> {
        let Some(profile) = profile_view::get(tx, site, visitor)? else {
            return Ok(None);
        };
        let newest = ActivityId(i64::MAX);
        let mut trail = timeline_view::activities(tx, &profile.rows, newest, TRAIL_READ)?;
        trail.retain(|entry| entry.kind == "page_view");
        let mut chats = Vec::new();
        for chat in profile_view::chats(tx, &profile.rows)? {
            if open != Some(chat) && chats.len() < CHATS_SHOWN {
                chats.extend(inbox_view::row(tx, site, chat)?);
            }
        }
        let forms = match open {
            Some(chat) => forms::filled_in(tx, chat, FORMS_SHOWN)?,
            None => Vec::new(),
        };
        let about = match open {
            Some(chat) => AboutChat::read(tx, chat)?,
            None => None,
        };
        Ok(Some(Self {
            forms,
            open,
            chat: about,
            ban: bans::active(tx, site, profile.visitor, &profile.ip, now)?,
            live: visitor_view::live(tx, site, profile.visitor)?,
            visits: profile_view::visits(tx, &profile.rows, VISITS_SHOWN)?,
            greetings: GreetingRows::read(tx, site, &profile.rows)?,
            profile,
            trail,
            chats,
        }))
    }
}

/// The pane as its template writes it.
#[derive(Clone, Debug)]
pub(crate) struct BesideShown {
    pub(crate) visitor: VisitorId,
    pub(crate) name: String,
    pub(crate) initials: String,
    pub(crate) tint: u8,
    pub(crate) kind: &'static str,
    /// Whether there is an identity that can be verified or not.
    pub(crate) is_user: bool,
    pub(crate) is_verified: bool,
    pub(crate) now: NowShown,
    pub(crate) ban: Option<BanShown>,
    /// The open chat; nothing on a profile.
    pub(crate) chat: ChatFacts,
    /// Where a form that was opened here leads back to.
    pub(crate) back: String,
    pub(crate) facts: Vec<Fact>,
    /// The forms filled in during the open chat, each with its answers.
    pub(crate) forms: Vec<Vec<Fact>>,
    pub(crate) attributes: Vec<Fact>,
    pub(crate) trail: Vec<Step>,
    pub(crate) visits: Vec<VisitShown>,
    pub(crate) other_chats: Vec<OtherChat>,
    /// Id and name of the greetings that can be sent.
    pub(crate) greetings: Vec<(String, String)>,
    /// The greeting this visitor got last.
    pub(crate) greeting: Option<GreetingShown>,
}

/// Where the visitor is, or when they were last seen.
#[derive(Clone, Debug)]
pub(crate) struct NowShown {
    pub(crate) is_here: bool,
    pub(crate) since: String,
    pub(crate) since_iso: String,
    pub(crate) title: String,
    pub(crate) path: String,
    pub(crate) href: Option<String>,
}

/// One line of facts.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) href: Option<String>,
    pub(crate) is_outside: bool,
}

/// One page of the trail.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) title: String,
    pub(crate) url: String,
    pub(crate) time: String,
}

/// One earlier visit.
#[derive(Clone, Debug)]
pub(crate) struct VisitShown {
    pub(crate) iso: String,
    pub(crate) when: String,
    pub(crate) what: String,
}

/// Another chat of the same person.
#[derive(Clone, Debug)]
pub(crate) struct OtherChat {
    pub(crate) chat: ChatId,
    pub(crate) text: String,
    pub(crate) iso: String,
    pub(crate) when: String,
}

impl BesideShown {
    pub(crate) fn new(rows: &BesideRows, times: &Times) -> Self {
        let profile = &rows.profile;
        let name = face::shown_name(
            profile.visitor.0,
            profile.name.as_deref(),
            profile.email.as_deref(),
        );
        Self {
            visitor: profile.visitor,
            initials: face::initials(&name),
            name,
            tint: face::tint(profile.visitor.0),
            kind: kind_label(&profile.kind),
            is_user: profile.user_id.is_some() || profile.claimed_user_id.is_some(),
            is_verified: profile.is_verified,
            now: now_shown(rows, times),
            ban: rows
                .ban
                .as_ref()
                .map(|ban| BanShown::new(ban, &profile.rows, times)),
            chat: rows.chat.as_ref().map(ChatFacts::new).unwrap_or_default(),
            back: rows.open.map_or_else(
                || format!("/visitors/{}", profile.visitor),
                |chat| format!("/chats/{chat}"),
            ),
            facts: facts(profile, times),
            forms: rows.forms.iter().map(|form| answers(form)).collect(),
            attributes: profile
                .attributes
                .iter()
                .map(|attribute| Fact::new(&attribute.key, attribute_text(attribute, times)))
                .collect(),
            trail: trail(rows, times),
            visits: rows
                .visits
                .iter()
                .filter(|visit| visit.ended_at.is_some())
                .map(|visit| visit_shown(visit, times))
                .collect(),
            greetings: rows.greetings.choices(),
            greeting: rows.greetings.shown(times),
            other_chats: rows
                .chats
                .iter()
                .map(|row| other_chat(row, times))
                .collect(),
        }
    }
}

/// The answered fields of a form; what was left blank is left out.
fn answers(form: &[FilledField]) -> Vec<Fact> {
    form.iter()
        .filter(|field| !field.is_blank())
        .map(|field| Fact::new(&field.label, field.shown()))
        .collect()
}

impl Fact {
    fn new(label: &str, value: String) -> Self {
        Self {
            label: label.to_owned(),
            value,
            href: None,
            is_outside: false,
        }
    }

    fn linked(label: &str, value: String, href: Option<String>) -> Self {
        Self {
            is_outside: href.as_deref().is_some_and(|href| href.starts_with("http")),
            href,
            ..Self::new(label, value)
        }
    }
}

/// The kind of a visitor, for people.
pub(crate) fn kind_label(kind: &str) -> &'static str {
    match kind {
        "lead" => "Lead",
        "user" => "User",
        _ => "Anonymous",
    }
}

/// A page for people: its title, else its path.
pub(crate) fn page_label(title: &str, url: &str) -> String {
    if title.trim().is_empty() {
        links::path(url)
    } else {
        title.to_owned()
    }
}

fn now_shown(rows: &BesideRows, times: &Times) -> NowShown {
    let here = rows
        .live
        .as_ref()
        .filter(|live| !live.has_left && times.now() - live.last_seen_at < HERE_MS);
    match here {
        Some(live) => NowShown {
            is_here: true,
            since: times.span_since(live.page_at),
            since_iso: times::iso(live.page_at),
            title: page_label(&live.page_title, &live.page_url),
            path: links::path(&live.page_url),
            href: links::outside(&live.page_url),
        },
        None => NowShown {
            is_here: false,
            since: times.when(rows.profile.last_seen_at),
            since_iso: times::iso(rows.profile.last_seen_at),
            title: String::new(),
            path: String::new(),
            href: None,
        },
    }
}

fn facts(profile: &Profile, times: &Times) -> Vec<Fact> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let email = text(&profile.email);
    let place = [profile.city.as_str(), profile.country.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    let mail_to = (!email.is_empty()).then(|| format!("mailto:{email}"));
    let claimed = text(&profile.claimed_email);
    let mut facts = vec![
        Fact::linked("E-mail", email.clone(), mail_to),
        Fact::new("Phone", text(&profile.phone)),
        Fact::new("User id", text(&profile.user_id)),
        Fact::new("Says user id", text(&profile.claimed_user_id)),
        Fact::new(
            "Says e-mail",
            if claimed == email {
                String::new()
            } else {
                claimed
            },
        ),
        Fact::new("Place", place),
        Fact::new("Browser", profile.browser.clone()),
        Fact::new("System", profile.os.clone()),
        Fact::new("Screen", profile.screen.clone()),
        Fact::new("Language", profile.language.clone()),
        Fact::new("Time zone", profile.timezone.clone()),
        Fact::new("Network", profile.ip.clone()),
        Fact::linked(
            "Came from",
            links::host(&profile.referrer),
            links::outside(&profile.referrer),
        ),
    ];
    facts.extend(campaign(&profile.utm));
    facts.extend(session_fields(&profile.session_fields));
    facts.push(Fact::new("Visits", profile.visits.to_string()));
    facts.push(Fact::new("Pages", profile.page_views.to_string()));
    facts.push(Fact::new("First seen", times.when(profile.first_seen_at)));
    facts.retain(|fact| !fact.value.is_empty());
    facts
}

/// The campaign of the first visit: a JSON object of text.
fn campaign(utm: &str) -> Vec<Fact> {
    let values: BTreeMap<String, Value> = serde_json::from_str(utm).unwrap_or_default();
    values
        .iter()
        .map(|(key, value)| {
            let key = key.strip_prefix("utm_").unwrap_or(key);
            Fact::new(&format!("Campaign {key}"), plain(value))
        })
        .collect()
}

/// Fields a chat client set: a JSON list of one-key objects.
fn session_fields(fields: &str) -> Vec<Fact> {
    let list: Vec<BTreeMap<String, Value>> = serde_json::from_str(fields).unwrap_or_default();
    list.iter()
        .flatten()
        .map(|(key, value)| Fact::new(key, plain(value)))
        .collect()
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn attribute_text(attribute: &Attribute, times: &Times) -> String {
    let number = attribute.number.unwrap_or_default();
    match attribute.kind.as_str() {
        "boolean" if number == 0.0 => "No".to_owned(),
        "boolean" => "Yes".to_owned(),
        "date" => times.day_key(whole(number)),
        "datetime" => times.when(whole(number)),
        "integer" => whole(number).to_string(),
        "decimal" => number.to_string(),
        _ => attribute.text.clone().unwrap_or_default(),
    }
}

/// A number of the database as an integer; times and counts are far below 2^53.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, and stored times and counts are exact in a float"
)]
const fn whole(number: f64) -> i64 {
    number as i64
}

fn trail(rows: &BesideRows, times: &Times) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut newer: Option<&Entry> = None;
    for entry in &rows.trail {
        let left_at = match newer {
            Some(next) if next.session == entry.session => Some(next.occurred_at),
            Some(_) => None,
            None => last_page_left_at(rows, times),
        };
        steps.push(Step {
            title: page_label(&entry.title, &entry.url),
            url: entry.url.clone(),
            time: left_at.map_or_else(String::new, |at| times::span(at - entry.occurred_at)),
        });
        newer = Some(entry);
    }
    steps.truncate(TRAIL_SHOWN);
    steps
}

/// Until when the newest page was looked at: now while the visitor is here.
fn last_page_left_at(rows: &BesideRows, times: &Times) -> Option<i64> {
    let live = rows.live.as_ref()?;
    let is_here = !live.has_left && times.now() - live.last_seen_at < HERE_MS;
    Some(if is_here {
        times.now()
    } else {
        live.last_seen_at
    })
}

fn visit_shown(visit: &Visit, times: &Times) -> VisitShown {
    VisitShown {
        iso: times::iso(visit.started_at),
        when: times.when(visit.started_at),
        what: visit_length(visit),
    }
}

/// "3 pages, 4:05".
pub(crate) fn visit_length(visit: &Visit) -> String {
    let pages = if visit.page_views == 1 {
        "1 page".to_owned()
    } else {
        format!("{} pages", visit.page_views)
    };
    format!(
        "{pages}, {}",
        times::span(visit_end(visit) - visit.started_at)
    )
}

/// Until when the visitor was seen in a session.
pub(crate) fn visit_end(visit: &Visit) -> i64 {
    visit.left_at.unwrap_or(visit.last_seen_at)
}

fn other_chat(row: &InboxRow, times: &Times) -> OtherChat {
    OtherChat {
        chat: row.chat,
        text: if row.last_text.is_empty() {
            "Chat".to_owned()
        } else {
            row.last_text.clone()
        },
        iso: times::iso(row.last_event_at),
        when: times.when(row.last_event_at),
    }
}

/// The pane by itself, as the socket sends it.
#[derive(askama::Template)]
#[template(path = "chats/_beside.html")]
pub(crate) struct BesidePartial<'a> {
    pub(crate) layout: &'a Bare,
    pub(crate) beside: &'a BesideShown,
}

/// The left column of a profile by itself, as the socket sends it.
#[derive(askama::Template)]
#[template(path = "visitors/_about.html")]
pub(crate) struct AboutPartial<'a> {
    pub(crate) layout: &'a Bare,
    pub(crate) beside: &'a BesideShown,
}
