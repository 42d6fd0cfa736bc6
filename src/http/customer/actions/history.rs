//! Reading chats and threads, page by page.

use serde_json::{Map, Value, json};

use super::{Answer, Call};
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::Event;
use crate::domain::ids::{ChatId, ThreadId};
use crate::domain::permission::{Action, Permit, Subject};
use crate::domain::thread::Thread;
use crate::http::customer::fields::Fields;
use crate::http::customer::frame::Failure;
use crate::http::customer::objects;
use crate::http::customer::view::{self, View};
use crate::store::chat_users::{self, Participant};
use crate::store::{chats, events, threads};

/// Chats of a page where nothing is asked for, and at most.
const CHATS: (i64, i64) = (10, 25);

/// Threads of a page where nothing is asked for, and at most.
const THREADS: (i64, i64) = (3, 100);

/// Most entries that a page asks for by `min_events_count`.
const MAX_MIN_EVENTS: i64 = 100;

/// Entries after which a page of threads ends, whatever was asked for.
const MAX_PAGE_EVENTS: usize = 1_000;

/// `get_chat`: the chat with one thread, the newest where none is named.
pub(super) async fn get_chat(call: Call) -> Result<Answer, Failure> {
    let fields = call.fields();
    let id: ChatId = fields.id("chat_id", "chat")?;
    let thread: Option<ThreadId> = fields.opt_id("thread_id", "thread")?;
    let subject = call.member.subject.clone();
    let view = call
        .read(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::ReadChat, id)?;
            View::read(tx, &permit, chat, thread)
        })
        .await?;
    Ok(Answer::of(view.draw()))
}

/// `list_chats`: summaries, the chat with the newest event first.
pub(super) async fn list_chats(call: Call) -> Result<Answer, Failure> {
    let page = ChatsPage::parse(call.fields())?;
    let subject = call.member.subject.clone();
    let (total, summaries, next) = call
        .read(move |tx| {
            let total = chats::count_visible(tx, &subject)?;
            // One more than asked for tells whether there is a next page.
            let mut listed = chats::list_visible(tx, &subject, page.after, page.limit + 1)?;
            let has_next = i64::try_from(listed.len()).is_ok_and(|n| n > page.limit);
            if has_next {
                listed.pop();
            }
            let next = listed.last().filter(|_| has_next);
            let next = next.map(|chat| page.next_id(chat));
            let summaries = listed
                .iter()
                .map(|chat| summary(tx, &subject, chat))
                .collect::<db::Result<Vec<Value>>>()?;
            Ok((total, summaries, next))
        })
        .await?;
    let mut payload = json!({"chats_summary": summaries, "total_chats": total});
    if let Some(next) = next {
        payload["next_page_id"] = next.into();
    }
    Ok(Answer::of(payload))
}

/// Which chats a page of `list_chats` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ChatsPage {
    limit: i64,
    after: Option<(i64, ChatId)>,
}

impl ChatsPage {
    fn parse(fields: Fields<'_>) -> Result<Self, Refusal> {
        let limit = fields.opt_int("limit", 1, CHATS.1)?;
        match fields.opt_text("page_id", 128)? {
            // The cursor knows the limit it was made with.
            Some(id) => Self::from_id(id)
                .ok_or_else(|| fields.invalid("page_id", "is not one this server gave out")),
            None => Ok(Self {
                limit: limit.unwrap_or(CHATS.0),
                after: None,
            }),
        }
    }

    fn next_id(self, last: &Chat) -> String {
        format!("{}.{}.{}", self.limit, last.last_event_at, last.id)
    }

    fn from_id(id: &str) -> Option<Self> {
        let mut parts = id.split('.');
        let limit = parts.next()?.parse().ok()?;
        let at = parts.next()?.parse().ok()?;
        let chat = parts.next()?.parse().ok()?;
        let is_whole = parts.next().is_none() && (1..=CHATS.1).contains(&limit);
        is_whole.then_some(Self {
            limit,
            after: Some((at, chat)),
        })
    }
}

fn summary(tx: &mut dyn Tx, subject: &Subject, chat: &Chat) -> db::Result<Value> {
    let (chat, permit) = chats::authorized(tx, subject, Action::ReadChat, chat.id)?;
    let users = chat_users::participants(tx, &permit)?;
    let mut out = Map::new();
    out.insert("id".into(), chat.id.to_string().into());
    out.insert("active".into(), chat.is_active.into());
    let drawn: Vec<Value> = users.iter().map(objects::chat_user).collect();
    out.insert("users".into(), drawn.into());
    out.insert("access".into(), objects::access());
    out.insert("last_seq".into(), chat.last_seq.into());
    if !chat.properties.is_empty() {
        out.insert("properties".into(), json!(chat.properties));
    }
    if let Some(id) = chat.thread {
        let thread = threads::get(tx, &permit, id)?.ok_or(Refusal::NotFound("thread"))?;
        out.insert("last_thread_id".into(), id.to_string().into());
        let at = objects::time(thread.created_at);
        out.insert("last_thread_created_at".into(), at.into());
    }
    let last = last_event_per_type(tx, &permit, &chat)?;
    if !last.is_empty() {
        out.insert("last_event_per_type".into(), last.into());
    }
    Ok(Value::Object(out))
}

fn last_event_per_type(
    tx: &mut dyn Tx,
    permit: &Permit,
    chat: &Chat,
) -> db::Result<Map<String, Value>> {
    let mut out = Map::new();
    for event in events::last_per_kind(tx, permit)? {
        let thread = threads::get(tx, permit, event.thread)?.ok_or(Refusal::NotFound("thread"))?;
        let line = json!({
            "thread_id": thread.id,
            "thread_created_at": objects::time(thread.created_at),
            "event": objects::event(&event, chat.root),
        });
        out.insert(event.body.kind().as_str().into(), line);
    }
    Ok(out)
}

/// `list_threads`: whole threads of a chat, from the newest or the oldest.
pub(super) async fn list_threads(call: Call) -> Result<Answer, Failure> {
    let fields = call.fields();
    let id: ChatId = fields.id("chat_id", "chat")?;
    let page = ThreadsPage::parse(fields)?;
    let subject = call.member.subject.clone();
    let payload = call
        .read(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::ReadChat, id)?;
            let users = chat_users::participants(tx, &permit)?;
            let found = threads::count(tx, &permit)?;
            let read = page.read(tx, &permit)?;
            let mut payload = json!({
                "threads": draw(&read.threads, &chat, &users),
                "found_threads": found,
            });
            if let Some(next) = read.next {
                payload["next_page_id"] = page.next_id(next).into();
            }
            Ok(payload)
        })
        .await?;
    Ok(Answer::of(payload))
}

fn draw(threads: &[(Thread, Vec<Event>)], chat: &Chat, users: &[Participant]) -> Vec<Value> {
    threads
        .iter()
        .map(|(thread, entries)| view::draw_thread(thread, entries, chat, users))
        .collect()
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
struct ThreadsPage {
    newest_first: bool,
    until: Until,
    /// The first `seq` of the last thread of the page before.
    from: Option<i64>,
}

/// The threads of one page.
struct ThreadsRead {
    threads: Vec<(Thread, Vec<Event>)>,
    /// The first `seq` of the last thread, where there are more.
    next: Option<i64>,
}

impl ThreadsPage {
    fn parse(fields: Fields<'_>) -> Result<Self, Refusal> {
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
            from: None,
        })
    }

    fn next_id(self, first_seq: i64) -> String {
        let order = if self.newest_first { "desc" } else { "asc" };
        match self.until {
            Until::Threads(n) => format!("{order}.threads.{n}.{first_seq}"),
            Until::Events(n) => format!("{order}.events.{n}.{first_seq}"),
        }
    }

    fn from_id(id: &str) -> Option<Self> {
        let parts: Vec<&str> = id.split('.').collect();
        let [order, until, count, from] = parts[..] else {
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
            from: Some(from.parse().ok()?),
        })
    }

    fn read(self, tx: &mut dyn Tx, permit: &Permit) -> db::Result<ThreadsRead> {
        let (mut threads, mut entries_so_far) = (Vec::new(), 0);
        let mut from = self.from;
        loop {
            // One at a time: how many there will be depends on what they hold.
            let Some(thread) = self.next_thread(tx, permit, from)? else {
                return Ok(ThreadsRead {
                    threads,
                    next: None,
                });
            };
            if self.is_full(threads.len(), entries_so_far) {
                return Ok(ThreadsRead {
                    threads,
                    next: from,
                });
            }
            from = Some(thread.first_seq);
            let entries = view::entries(tx, permit, thread.id)?;
            entries_so_far += entries.len();
            threads.push((thread, entries));
        }
    }

    fn is_full(self, threads: usize, entries: usize) -> bool {
        let is_reached = |count: usize, n: i64| usize::try_from(n).is_ok_and(|n| count >= n);
        entries >= MAX_PAGE_EVENTS
            || match self.until {
                Until::Threads(n) => is_reached(threads, n),
                Until::Events(n) => is_reached(entries, n),
            }
    }

    fn next_thread(
        self,
        tx: &mut dyn Tx,
        permit: &Permit,
        from: Option<i64>,
    ) -> db::Result<Option<Thread>> {
        let mut found = if self.newest_first {
            threads::list(tx, permit, from, 1)?
        } else {
            threads::list_from_oldest(tx, permit, from, 1)?
        };
        Ok(found.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(payload: &Value) -> Result<ThreadsPage, String> {
        ThreadsPage::parse(Fields::of(payload.as_object().unwrap())).map_err(|r| r.to_string())
    }

    #[test]
    fn a_page_of_threads_is_asked_for_by_threads_or_by_entries() {
        let page = |newest_first, until| ThreadsPage {
            newest_first,
            until,
            from: None,
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
                json!({"page_id": "desc.threads.9999.1"}),
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

        let next = json!({"page_id": page.next_id(42), "min_events_count": 25, "limit": 3});

        assert_eq!(
            threads(&next),
            Ok(ThreadsPage {
                from: Some(42),
                ..page
            })
        );
    }

    #[test]
    fn a_cursor_of_chats_keeps_its_limit() {
        let parse = |payload: Value| ChatsPage::parse(Fields::of(payload.as_object().unwrap()));
        let page = ChatsPage {
            limit: 7,
            after: Some((99, ChatId(5))),
        };

        assert_eq!(parse(json!({"page_id": "7.99.5"})), Ok(page));
        assert_eq!(parse(json!({})).map(|page| page.limit), Ok(10));
        for bad in [
            json!({"limit": 26}),
            json!({"page_id": "7.99"}),
            json!({"page_id": "7.99.5.1"}),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
    }
}
