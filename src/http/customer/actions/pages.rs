//! Pages of chats and threads: what was asked for, what a page holds, and the cursors to its neighbours.
//!
//! A cursor is opaque to clients and keeps all that its page was asked for with.

use serde_json::Value;

use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::Event;
use crate::domain::ids::ChatId;
use crate::domain::permission::{Permit, Subject};
use crate::domain::thread::Thread;
use crate::http::customer::fields::Fields;
use crate::http::customer::view;
use crate::store::{chats, threads};

/// Chats of a page where nothing is asked for, and at most.
const CHATS: (i64, i64) = (10, 25);

/// Threads of a page where nothing is asked for, and at most.
const THREADS: (i64, i64) = (3, 100);

/// Most entries that a page asks for by `min_events_count`.
const MAX_MIN_EVENTS: i64 = 100;

/// Entries after which a page of threads ends, whatever was asked for.
const MAX_PAGE_EVENTS: usize = 1_000;

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge<K> {
    /// At the start of the list.
    Start,
    /// After this item.
    After(K),
    /// It ends before this item.
    Before(K),
}

/// The items of a page, in the order of the list, and its neighbours.
pub(super) struct Read<T> {
    pub(super) items: Vec<T>,
    next: Option<String>,
    previous: Option<String>,
}

impl<T> Read<T> {
    /// Adds the cursors of the neighbours that there are.
    pub(super) fn put_cursors(self, payload: &mut Value) {
        if let Some(next) = self.next {
            payload["next_page_id"] = next.into();
        }
        if let Some(previous) = self.previous {
            payload["previous_page_id"] = previous.into();
        }
    }
}

/// Which chats a page of `list_chats` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChatsPage {
    limit: i64,
    from: Edge<(i64, ChatId)>,
}

impl ChatsPage {
    pub(super) fn parse(fields: Fields<'_>) -> Result<Self, Refusal> {
        let limit = fields.opt_int("limit", 1, CHATS.1)?;
        match fields.opt_text("page_id", 128)? {
            // The cursor knows the limit it was made with.
            Some(id) => Self::from_id(id)
                .ok_or_else(|| fields.invalid("page_id", "is not one this server gave out")),
            None => Ok(Self {
                limit: limit.unwrap_or(CHATS.0),
                from: Edge::Start,
            }),
        }
    }

    pub(super) fn read(self, tx: &mut dyn Tx, subject: &Subject) -> db::Result<Read<Chat>> {
        // One more than asked for tells whether there is more.
        let limit = self.limit + 1;
        let mut items = match self.from {
            Edge::Start => chats::list_visible(tx, subject, None, limit)?,
            Edge::After(last) => chats::list_visible(tx, subject, Some(last), limit)?,
            Edge::Before(first) => chats::list_visible_before(tx, subject, first, limit)?,
        };
        let has_more = i64::try_from(items.len()).is_ok_and(|n| n > self.limit);
        let (has_previous, has_next) = match self.from {
            Edge::Start => (false, has_more),
            Edge::After(_) => (true, has_more),
            Edge::Before(_) => (has_more, true),
        };
        if has_more && matches!(self.from, Edge::Before(_)) {
            items.remove(0);
        } else if has_more {
            items.pop();
        }
        let key = |chat: &Chat| (chat.last_event_at, chat.id);
        let last = items.last().filter(|_| has_next);
        let first = items.first().filter(|_| has_previous);
        Ok(Read {
            next: last.map(|chat| self.id(Edge::After(key(chat)))),
            previous: first.map(|chat| self.id(Edge::Before(key(chat)))),
            items,
        })
    }

    fn id(self, from: Edge<(i64, ChatId)>) -> String {
        let limit = self.limit;
        match from {
            Edge::Start => String::new(),
            Edge::After((at, chat)) => format!("next.{limit}.{at}.{chat}"),
            Edge::Before((at, chat)) => format!("previous.{limit}.{at}.{chat}"),
        }
    }

    fn from_id(id: &str) -> Option<Self> {
        let parts: Vec<&str> = id.split('.').collect();
        let [direction, limit, at, chat] = parts[..] else {
            return None;
        };
        let key = (at.parse().ok()?, chat.parse().ok()?);
        Some(Self {
            limit: limit
                .parse()
                .ok()
                .filter(|limit| (1..=CHATS.1).contains(limit))?,
            from: direction_of(direction, key)?,
        })
    }
}

/// Where a page of `list_threads` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// With so many threads.
    Threads(i64),
    /// With the thread that brings the entries to so many.
    Events(i64),
}

/// Which threads a page of `list_threads` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ThreadsPage {
    newest_first: bool,
    until: Until,
    /// By the first `seq` of a thread.
    from: Edge<i64>,
}

impl ThreadsPage {
    pub(super) fn parse(fields: Fields<'_>) -> Result<Self, Refusal> {
        // The published SDK sends the cursor together with what the cursor was made from: the cursor wins.
        if let Some(id) = fields.opt_text("page_id", 128)? {
            return Self::from_id(id)
                .ok_or_else(|| fields.invalid("page_id", "is not one this server gave out"));
        }
        let newest_first = match fields.opt_text("sort_order", 16)? {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(_) => return Err(fields.invalid("sort_order", "must be asc or desc")),
        };
        let limit = fields.opt_int("limit", 1, THREADS.1)?;
        let min_events = fields.opt_int("min_events_count", 1, MAX_MIN_EVENTS)?;
        let until = match (limit, min_events) {
            (Some(_), Some(_)) => {
                return Err(fields.invalid("min_events_count", "cannot stand beside limit"));
            }
            (None, Some(count)) => Until::Events(count),
            (limit, None) => Until::Threads(limit.unwrap_or(THREADS.0)),
        };
        Ok(Self {
            newest_first,
            until,
            from: Edge::Start,
        })
    }

    /// The threads of the page with their entries.
    pub(super) fn read(
        self,
        tx: &mut dyn Tx,
        permit: &Permit,
    ) -> db::Result<Read<(Thread, Vec<Event>)>> {
        let (mut items, mut entries_so_far) = (Vec::new(), 0);
        let (is_back, mut at) = match self.from {
            Edge::Start => (false, None),
            Edge::After(first_seq) => (false, Some(first_seq)),
            Edge::Before(first_seq) => (true, Some(first_seq)),
        };
        let is_down = self.newest_first != is_back;
        // One at a time: how many there will be depends on what they hold.
        let has_more = loop {
            let Some(thread) = next_thread(tx, permit, is_down, at)? else {
                break false;
            };
            if self.is_full(items.len(), entries_so_far) {
                break true;
            }
            at = Some(thread.first_seq);
            let entries = view::entries(tx, permit, thread.id)?;
            entries_so_far += entries.len();
            items.push((thread, entries));
        };
        let (has_previous, has_next) = match self.from {
            Edge::Start => (false, has_more),
            Edge::After(_) => (true, has_more),
            Edge::Before(_) => {
                items.reverse();
                (has_more, true)
            }
        };
        let last = items.last().filter(|_| has_next);
        let first = items.first().filter(|_| has_previous);
        Ok(Read {
            next: last.map(|(thread, _)| self.id(Edge::After(thread.first_seq))),
            previous: first.map(|(thread, _)| self.id(Edge::Before(thread.first_seq))),
            items,
        })
    }

    fn is_full(self, threads: usize, entries: usize) -> bool {
        let is_reached = |count: usize, n: i64| usize::try_from(n).is_ok_and(|n| count >= n);
        entries >= MAX_PAGE_EVENTS
            || match self.until {
                Until::Threads(n) => is_reached(threads, n),
                Until::Events(n) => is_reached(entries, n),
            }
    }

    fn id(self, from: Edge<i64>) -> String {
        let order = if self.newest_first { "desc" } else { "asc" };
        let (until, n) = match self.until {
            Until::Threads(n) => ("threads", n),
            Until::Events(n) => ("events", n),
        };
        match from {
            Edge::Start => String::new(),
            Edge::After(first_seq) => format!("next.{order}.{until}.{n}.{first_seq}"),
            Edge::Before(first_seq) => format!("previous.{order}.{until}.{n}.{first_seq}"),
        }
    }

    fn from_id(id: &str) -> Option<Self> {
        let parts: Vec<&str> = id.split('.').collect();
        let [direction, order, until, count, first_seq] = parts[..] else {
            return None;
        };
        let count = count.parse().ok().filter(|n| (1..=THREADS.1).contains(n))?;
        Some(Self {
            newest_first: match order {
                "desc" => true,
                "asc" => false,
                _ => return None,
            },
            until: match until {
                "threads" => Until::Threads(count),
                "events" => Until::Events(count),
                _ => return None,
            },
            from: direction_of(direction, first_seq.parse().ok()?)?,
        })
    }
}

/// The next thread in this direction, from the newest or the oldest where no place is given.
fn next_thread(
    tx: &mut dyn Tx,
    permit: &Permit,
    is_down: bool,
    from: Option<i64>,
) -> db::Result<Option<Thread>> {
    let mut found = if is_down {
        threads::list(tx, permit, from, 1)?
    } else {
        threads::list_from_oldest(tx, permit, from, 1)?
    };
    Ok(found.pop())
}

fn direction_of<K>(word: &str, key: K) -> Option<Edge<K>> {
    match word {
        "next" => Some(Edge::After(key)),
        "previous" => Some(Edge::Before(key)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn threads(payload: &Value) -> Result<ThreadsPage, String> {
        ThreadsPage::parse(Fields::of(payload.as_object().unwrap())).map_err(|r| r.to_string())
    }

    #[test]
    fn a_page_of_threads_is_asked_for_by_threads_or_by_entries() {
        let page = |newest_first, until| ThreadsPage {
            newest_first,
            until,
            from: Edge::Start,
        };
        assert_eq!(threads(&json!({})), Ok(page(true, Until::Threads(3))));
        assert_eq!(
            threads(&json!({"sort_order": "asc", "limit": 100})),
            Ok(page(false, Until::Threads(100)))
        );
        assert_eq!(
            threads(&json!({"min_events_count": 25})),
            Ok(page(true, Until::Events(25)))
        );
    }

    #[test]
    fn what_a_page_cannot_be_is_named() {
        let cases = [
            (
                json!({"limit": 0}),
                "limit: must be a whole number from 1 to 100",
            ),
            (
                json!({"limit": 101}),
                "limit: must be a whole number from 1 to 100",
            ),
            (
                json!({"limit": "3"}),
                "limit: must be a whole number from 1 to 100",
            ),
            (
                json!({"min_events_count": 101}),
                "min_events_count: must be a whole number from 1 to 100",
            ),
            (
                json!({"limit": 3, "min_events_count": 3}),
                "min_events_count: cannot stand beside limit",
            ),
            (
                json!({"sort_order": "up"}),
                "sort_order: must be asc or desc",
            ),
            (
                json!({"page_id": "x"}),
                "page_id: is not one this server gave out",
            ),
            (
                json!({"page_id": "next.desc.threads.9999.1"}),
                "page_id: is not one this server gave out",
            ),
        ];
        for (payload, message) in cases {
            assert_eq!(threads(&payload), Err(message.to_owned()), "{payload}");
        }
    }

    #[test]
    fn a_cursor_brings_back_the_page_it_was_made_for_and_wins() {
        let page = threads(&json!({"min_events_count": 25})).unwrap();

        let next = json!({"page_id": page.id(Edge::After(42)), "min_events_count": 25, "limit": 3});

        assert_eq!(
            threads(&next),
            Ok(ThreadsPage {
                from: Edge::After(42),
                ..page
            })
        );
    }

    #[test]
    fn a_cursor_of_chats_keeps_its_limit() {
        let parse = |payload: Value| ChatsPage::parse(Fields::of(payload.as_object().unwrap()));
        let page = ChatsPage {
            limit: 7,
            from: Edge::After((99, ChatId(5))),
        };

        assert_eq!(parse(json!({"page_id": "next.7.99.5"})), Ok(page));
        let before = ChatsPage {
            from: Edge::Before((99, ChatId(5))),
            ..page
        };
        assert_eq!(parse(json!({"page_id": "previous.7.99.5"})), Ok(before));
        for page in [page, before] {
            assert_eq!(ChatsPage::from_id(&page.id(page.from)), Some(page));
        }
        assert_eq!(parse(json!({})).map(|page| page.limit), Ok(10));
        for bad in [
            json!({"limit": 26}),
            json!({"page_id": "next.7.99"}),
            json!({"page_id": "next.7.99.5.1"}),
            json!({"page_id": "back.7.99.5"}),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }
}
