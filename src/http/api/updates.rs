//! The feed: which chats changed and how, in one order without holes, for a program that follows a whole site.
//!
//! Each entry is one change of one chat with all events it wrote. A reader goes on from the cursor of its last answer;
//! it may ask the answer to wait for news.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::call::{Answer, Call};
use super::endpoint::{Endpoint, Param};
use super::objects;
use super::query::MAX_PAGE;
use super::schemas::{about, flag, id, int, list_of, object, text};
use crate::db::{self, Tx};
use crate::domain::Refusal;
use crate::domain::ids::VisitorId;
use crate::domain::permission::{Action, Object, Subject, authorize};
use crate::http::error::ApiError;
use crate::live::Topic;
use crate::store::chats;
use crate::store::events::{self, Slot};
use crate::store::inbox::{self, InboxChange};

/// The longest wait for news: below the 30 s after which many proxies give a request up.
const MAX_WAIT_S: i64 = 25;
/// An answer takes no further change once it holds this many events.
const EVENTS_OF_ANSWER: usize = 500;
/// Changes of an answer where nothing is asked.
const DEFAULT_CHANGES: i64 = 50;

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    id: "getUpdates",
    path: "/updates",
    tag: "Updates",
    summary: "Read what changed since a cursor, in order, each change once",
    query: &[
        Param {
            name: "after",
            about: "`after` of the last answer. Without it the answer holds no updates, and the cursor of now.",
            schema: text,
        },
        Param {
            name: "limit",
            about: "Changes of an answer, 1 to 100; 50 where it is left out.",
            schema: || json!({"type": "integer", "minimum": 1, "maximum": MAX_PAGE}),
        },
        Param {
            name: "wait",
            about: "Seconds to wait for news where there is none, 0 to 25.",
            schema: || json!({"type": "integer", "minimum": 0, "maximum": MAX_WAIT_S}),
        },
    ],
    answer: Some(answer_schema),
    handler: |call| Box::pin(updates(call)),
    ..Endpoint::READ
}];

fn answer_schema() -> Value {
    object(&[
        ("updates", list_of("ChatChange")),
        ("after", about(text(), "Where the next request goes on.")),
        ("has_more", about(flag(), "There is more already.")),
        (
            "resync",
            about(
                flag(),
                "The cursor is too old, or of another history: read the lists afresh and go on from `after`.",
            ),
        ),
    ])
}

pub(super) fn objects() -> Vec<(&'static str, Value)> {
    let change = object(&[
        ("chat_id", id()),
        ("first_seq", about(int(), "The first event of this change.")),
        ("last_seq", about(int(), "The last one.")),
        (
            "is_deleted",
            about(flag(), "The chat was deleted since; its events are gone."),
        ),
        ("events", list_of("Event")),
    ]);
    vec![("ChatChange", change)]
}

async fn updates(call: Call) -> Result<Answer, ApiError> {
    call.on_site(Action::ReadInbox)?;
    let limit = call
        .query
        .int("limit", 1, MAX_PAGE)?
        .unwrap_or(DEFAULT_CHANGES);
    let wait = call.query.int("wait", 0, MAX_WAIT_S)?.unwrap_or(0);
    let epoch = call.state.db.epoch().to_owned();
    let Some(after) = call.query.text("after") else {
        let head = read(&call, 0, 0).await?.head;
        return Ok(Page::empty(head).answer(&epoch));
    };
    let (after, of) = parse_cursor(after)?;
    if of != epoch {
        let head = read(&call, 0, 0).await?.head;
        return Ok(Page::lost(head).answer(&epoch));
    }
    let page = match wait {
        0 => read(&call, after, limit).await?,
        seconds => wait_for_news(&call, (after, limit), seconds).await?,
    };
    Ok(page.answer(&epoch))
}

/// `seq.epoch`: the place, and the history it is a place of.
fn parse_cursor(text: &str) -> Result<(i64, &str), Refusal> {
    let parts = text.split_once('.');
    parts
        .and_then(|(seq, epoch)| Some((seq.parse::<i64>().ok().filter(|seq| *seq >= 0)?, epoch)))
        .ok_or_else(|| Refusal::invalid("after", "must be one that an answer gave"))
}

/// Reads until there is something, the time is over, or this Parlor stops.
async fn wait_for_news(
    call: &Call,
    (after, limit): (i64, i64),
    seconds: i64,
) -> Result<Page, ApiError> {
    let Ok(_place) = call.state.waiting_polls.try_acquire() else {
        return Err(ApiError::too_many_requests(1)
            .with_message("too many requests wait for updates already; ask without `wait`"));
    };
    let deadline = Instant::now() + Duration::from_secs(seconds.unsigned_abs());
    loop {
        // Listen first, then read: any other order has a hole. A queue of its own each time can never be full.
        let attachment = call.state.hub.attach();
        attachment.subscribe(Topic::Inbox(call.site));
        let page = read(call, after, limit).await?;
        if page.is_news() {
            return Ok(page);
        }
        let heard = tokio::select! {
            heard = timeout_at(deadline, attachment.outbox().next()) => heard.is_ok(),
            () = call.state.drained() => false,
        };
        if !heard {
            return Ok(page);
        }
    }
}

/// The changes after a place of the feed.
struct Page {
    changes: Vec<Change>,
    /// Up to where they go.
    after: i64,
    head: i64,
    is_lost: bool,
}

struct Change {
    row: InboxChange,
    /// Whose chat it is, and the events; `None` where it was deleted since.
    written: Option<(VisitorId, Vec<Slot>)>,
}

impl Page {
    const fn empty(head: i64) -> Self {
        Self {
            changes: Vec::new(),
            after: head,
            head,
            is_lost: false,
        }
    }

    fn lost(head: i64) -> Self {
        Self {
            is_lost: true,
            ..Self::empty(head)
        }
    }

    const fn is_news(&self) -> bool {
        self.is_lost || !self.changes.is_empty()
    }

    fn answer(&self, epoch: &str) -> Answer {
        let updates: Vec<Value> = self.changes.iter().map(Change::shown).collect();
        Answer::of(json!({
            "updates": updates,
            "after": format!("{}.{epoch}", self.after),
            "has_more": self.after < self.head,
            "resync": self.is_lost,
        }))
    }
}

impl Change {
    fn shown(&self) -> Value {
        let events = self
            .written
            .as_ref()
            .map(|(root, slots)| objects::events(slots, *root));
        json!({
            "chat_id": self.row.chat,
            "first_seq": self.row.first_seq,
            "last_seq": self.row.chat_seq,
            "is_deleted": self.written.is_none(),
            "events": events.unwrap_or_default(),
        })
    }
}

/// The changes after a place, at most `limit`, in one snapshot.
async fn read(call: &Call, after: i64, limit: i64) -> Result<Page, ApiError> {
    let (subject, site) = (call.subject.clone(), call.site);
    call.read(move |tx| {
        let permit = authorize(&subject, Action::ReadInbox, Object::Site(site))?;
        let found = inbox::after(tx, &permit, after, limit)?;
        if found.is_lost {
            return Ok(Page::lost(found.head));
        }
        let mut page = Page {
            changes: Vec::with_capacity(found.changes.len()),
            after,
            head: found.head,
            is_lost: false,
        };
        let mut events = 0;
        for row in found.changes {
            if events >= EVENTS_OF_ANSWER {
                break;
            }
            page.after = row.inbox_seq;
            let written = read_events(tx, &subject, row)?;
            events += written.as_ref().map_or(0, |(_, slots)| slots.len());
            page.changes.push(Change { row, written });
        }
        Ok(page)
    })
    .await
}

fn read_events(
    tx: &mut dyn Tx,
    subject: &Subject,
    row: InboxChange,
) -> db::Result<Option<(VisitorId, Vec<Slot>)>> {
    let (chat, permit) = match chats::authorized(tx, subject, Action::ReadChat, row.chat) {
        Err(db::Error::Refused(Refusal::NotFound(_))) => return Ok(None),
        found => found?,
    };
    let count = row.chat_seq - row.first_seq + 1;
    let slots = events::after(tx, &permit, row.first_seq - 1, count)?;
    Ok(Some((chat.root, slots)))
}
