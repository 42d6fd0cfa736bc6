//! A visitor's timeline as templates see it: sessions as blocks, in them pages with the time on each, events and chats.

use std::collections::HashMap;

use super::beside::{page_label, visit_end, visit_length};
use super::links;
use super::times::{self, Times};
use crate::db::{self, Tx};
use crate::domain::ids::{ActivityId, ChatId, SessionId};
use crate::store::profile_view::{self, Profile, Visit};
use crate::store::timeline_view::{self, Entry, ThreadEntry};

/// Activities on one page of the timeline.
const PAGE: i64 = 100;
/// Threads of one chat on one page of the timeline.
const THREADS: i64 = 50;
/// Longest properties shown beside an event, in characters.
const DETAIL_CHARS: usize = 200;

/// One page of a timeline, read in one snapshot.
#[derive(Clone, Debug)]
pub(crate) struct TimelineRows {
    entries: Vec<Entry>,
    visits: HashMap<SessionId, Visit>,
    threads: Vec<ThreadEntry>,
    /// When the page after the newest entry was opened, if that is on the page before this one.
    next_page_at: Option<i64>,
    has_more: bool,
}

impl TimelineRows {
    /// Reads the activities before `before`, the newest first.
    ///
    /// # Errors
    /// Any [`crate::db::Error`].
    pub(crate) fn read(
        tx: &mut dyn Tx,
        profile: &Profile,
        chats: &[ChatId],
        before: Option<ActivityId>,
    ) -> db::Result<Self> {
        let start = before.unwrap_or(ActivityId(i64::MAX));
        let mut entries = timeline_view::activities(tx, &profile.rows, start, PAGE + 1)?;
        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let has_more = entries.len() > page;
        entries.truncate(page);
        let mut visits = HashMap::new();
        for entry in &entries {
            if !visits.contains_key(&entry.session)
                && let Some(visit) = profile_view::visit(tx, entry.session)?
            {
                visits.insert(entry.session, visit);
            }
        }
        let newest_page = entries.iter().find(|entry| entry.kind == "page_view");
        let next_page_at = match (before, newest_page) {
            (Some(_), Some(entry)) => timeline_view::next_page_at(tx, entry)?,
            _ => None,
        };
        // The page covers the time from its oldest entry up to where the page before it began.
        let from = match (has_more, entries.last()) {
            (true, Some(oldest)) => oldest.occurred_at,
            _ => 0,
        };
        let until = match before {
            None => i64::MAX,
            Some(activity) => timeline_view::occurred_at(tx, &profile.rows, activity)?.unwrap_or(0),
        };
        Ok(Self {
            threads: timeline_view::threads(tx, chats, from, until, THREADS)?,
            entries,
            visits,
            next_page_at,
            has_more,
        })
    }

    /// The activity before which the next page begins, if there is one.
    pub(crate) fn next(&self) -> Option<ActivityId> {
        self.has_more
            .then(|| self.entries.last().map(|entry| entry.activity))
            .flatten()
    }
}

/// One session, or what happened outside of one.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) iso: String,
    pub(crate) when: String,
    pub(crate) what: String,
    pub(crate) from: String,
    pub(crate) is_open: bool,
    pub(crate) entries: Vec<EntryShown>,
    at: i64,
}

/// One line of a block.
#[derive(Clone, Debug)]
pub(crate) struct EntryShown {
    /// `page`, `custom`, `product` or `chat`.
    pub(crate) kind: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) title: String,
    pub(crate) href: Option<String>,
    pub(crate) is_outside: bool,
    pub(crate) detail: String,
    /// How long a page was looked at.
    pub(crate) time: String,
    /// The same as a share of the longest one of its block, 0–100.
    pub(crate) share: i64,
    pub(crate) iso: String,
    pub(crate) clock: String,
    at: i64,
    length_ms: i64,
}

/// The blocks of a page, the newest first; the first two are open.
pub(crate) fn blocks(rows: &TimelineRows, base: &str, times: &Times) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut current: Option<SessionId> = None;
    let mut newer_page: Option<&Entry> = None;
    for entry in &rows.entries {
        if current != Some(entry.session) {
            current = Some(entry.session);
            newer_page = None;
            blocks.push(session_block(rows.visits.get(&entry.session), entry, times));
        }
        let Some(block) = blocks.last_mut() else {
            continue;
        };
        if let Some(mut shown) = entry_shown(entry, times) {
            if entry.kind == "page_view" {
                let until = newer_page.map_or_else(
                    || last_page_until(rows, entry),
                    |next| Some(next.occurred_at),
                );
                shown.length_ms = until.map_or(0, |until| (until - entry.occurred_at).max(0));
                shown.time = until.map_or_else(String::new, |_| times::span(shown.length_ms));
                newer_page = Some(entry);
            }
            block.entries.push(shown);
        }
    }
    for thread in &rows.threads {
        place_thread(&mut blocks, thread, base, times);
    }
    blocks.sort_by_key(|block| std::cmp::Reverse(block.at));
    blocks.retain(|block| !block.entries.is_empty());
    for (n, block) in blocks.iter_mut().enumerate() {
        block.is_open = n < 2;
        share_time(&mut block.entries);
    }
    blocks
}

fn session_block(visit: Option<&Visit>, entry: &Entry, times: &Times) -> Block {
    let at = visit.map_or(entry.occurred_at, |visit| visit.started_at);
    let device = |visit: &Visit| {
        [visit.browser.as_str(), visit.os.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" on ")
    };
    let from = visit.map_or_else(String::new, |visit| {
        if visit.referrer.is_empty() {
            device(visit)
        } else {
            format!("{}, from {}", device(visit), links::host(&visit.referrer))
        }
    });
    Block {
        iso: times::iso(at),
        when: times.when(at),
        what: visit.map_or_else(String::new, visit_length),
        from,
        is_open: false,
        entries: Vec::new(),
        at,
    }
}

fn entry_shown(entry: &Entry, times: &Times) -> Option<EntryShown> {
    let (kind, icon, title, detail, href) = match entry.kind.as_str() {
        "page_view" => (
            "page",
            "page",
            page_label(&entry.title, &entry.url),
            links::path(&entry.url),
            links::outside(&entry.url),
        ),
        "custom" => (
            "custom",
            "event",
            entry.name.clone(),
            properties(entry),
            None,
        ),
        "product" => (
            "product",
            "site",
            entry.name.clone(),
            properties(entry),
            None,
        ),
        _ => return None,
    };
    Some(EntryShown {
        kind,
        icon,
        title,
        is_outside: href.is_some(),
        href,
        detail,
        time: String::new(),
        share: 0,
        iso: times::iso(entry.occurred_at),
        clock: times.clock(entry.occurred_at),
        at: entry.occurred_at,
        length_ms: 0,
    })
}

fn properties(entry: &Entry) -> String {
    let text = entry.properties.as_deref().unwrap_or_default();
    if matches!(text, "" | "{}" | "null") {
        return String::new();
    }
    text.chars().take(DETAIL_CHARS).collect()
}

/// Until when the newest page of a session was looked at.
fn last_page_until(rows: &TimelineRows, entry: &Entry) -> Option<i64> {
    let is_newest = rows
        .entries
        .iter()
        .find(|other| other.kind == "page_view")
        .is_some_and(|newest| newest.activity == entry.activity);
    rows.next_page_at
        .filter(|_| is_newest)
        .or_else(|| rows.visits.get(&entry.session).map(visit_end))
}

/// Puts a thread into the session in which it began, or into a block of its own.
fn place_thread(blocks: &mut Vec<Block>, thread: &ThreadEntry, base: &str, times: &Times) {
    let title = if thread.is_active {
        "Chat, open"
    } else {
        "Chat"
    };
    let shown = EntryShown {
        kind: "chat",
        icon: "chat",
        title: title.to_owned(),
        href: Some(format!("{base}/chats/{}", thread.chat)),
        is_outside: false,
        detail: thread
            .agent_name
            .as_ref()
            .map_or_else(String::new, |name| format!("With {name}")),
        time: thread
            .closed_at
            .map_or_else(String::new, |at| times::span(at - thread.created_at)),
        share: 0,
        iso: times::iso(thread.created_at),
        clock: times.clock(thread.created_at),
        at: thread.created_at,
        length_ms: 0,
    };
    // Blocks are the newest first, so the first that began before the thread is the one it falls into.
    let home = blocks
        .iter_mut()
        .find(|block| block.at <= thread.created_at);
    match home {
        Some(block) => {
            let place = block
                .entries
                .iter()
                .position(|entry| entry.at <= shown.at)
                .unwrap_or(block.entries.len());
            block.entries.insert(place, shown);
        }
        None => blocks.push(Block {
            iso: times::iso(thread.created_at),
            when: times.when(thread.created_at),
            what: String::new(),
            from: String::new(),
            is_open: false,
            entries: vec![shown],
            at: thread.created_at,
        }),
    }
}

fn share_time(entries: &mut [EntryShown]) {
    let longest = entries
        .iter()
        .map(|entry| entry.length_ms)
        .max()
        .unwrap_or_default();
    for entry in entries {
        if longest > 0 && entry.length_ms > 0 {
            entry.share = (entry.length_ms * 100 / longest).max(1);
        }
    }
}
