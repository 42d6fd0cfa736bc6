//! Activities: what visitors did, written once however often it is sent.

use std::fmt::Write as _;

use crate::db::{Result, Tx, Ty, Value};
use crate::domain::ids::{SessionId, SiteId, VisitorId};

/// What kind of thing was tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityKind {
    /// A page was opened.
    PageView,
    /// Something of the site's own.
    Custom,
    /// A session began.
    SessionStarted,
    /// A session ended.
    SessionEnded,
}

impl ActivityKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::PageView => "page_view",
            Self::Custom => "custom",
            Self::SessionStarted => "session_started",
            Self::SessionEnded => "session_ended",
        }
    }
}

/// One activity to write.
#[derive(Clone, Debug)]
pub struct NewActivity<'a> {
    /// Its id, made by the caller with `tx.new_id`.
    pub id: i64,
    /// The session it belongs to.
    pub session: SessionId,
    /// What kind of thing it is.
    pub kind: ActivityKind,
    /// The name of a custom event, or empty.
    pub name: &'a str,
    /// The call's own id; of the server's own activities one with a colon, which no client may use.
    pub client_id: std::borrow::Cow<'a, str>,
    /// URL of a page view, or empty.
    pub url: &'a str,
    /// Title of a page view, or empty.
    pub title: &'a str,
    /// JSON object, checked where it was parsed.
    pub properties: Option<std::borrow::Cow<'a, str>>,
    /// When it happened, Unix milliseconds.
    pub occurred_at: i64,
}

impl NewActivity<'_> {
    /// The start of a session: of the server's own making, with its referrer and landing page.
    #[must_use]
    pub fn session_started(id: i64, session: SessionId, at: i64) -> Self {
        Self::of_session(id, session, ActivityKind::SessionStarted, at)
    }

    /// The end of a session.
    #[must_use]
    pub fn session_ended(id: i64, session: SessionId, at: i64) -> Self {
        Self::of_session(id, session, ActivityKind::SessionEnded, at)
    }

    fn of_session(id: i64, session: SessionId, kind: ActivityKind, at: i64) -> Self {
        Self {
            id,
            session,
            kind,
            name: "",
            client_id: format!("{}:{session}", kind.as_str()).into(),
            url: "",
            title: "",
            properties: None,
            occurred_at: at,
        }
    }
}

const COLUMNS: [(&str, Ty); 12] = [
    ("visitor_id", Ty::I64),
    ("id", Ty::I64),
    ("site_id", Ty::I64),
    ("session_id", Ty::I64),
    ("kind", Ty::Text),
    ("name", Ty::Text),
    ("client_id", Ty::Text),
    ("url", Ty::Text),
    ("title", Ty::Text),
    ("properties", Ty::Json),
    ("occurred_at", Ty::I64),
    ("received_at", Ty::I64),
];

/// Writes the activities of one visitor row and returns how many were new: a known client id writes nothing.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn insert(
    tx: &mut dyn Tx,
    site: SiteId,
    visitor: VisitorId,
    new: &[NewActivity<'_>],
    now: i64,
) -> Result<u64> {
    if new.is_empty() {
        return Ok(0);
    }
    let mut values: Vec<Value<'_>> = Vec::with_capacity(new.len() * COLUMNS.len());
    for one in new {
        let row: [Value<'_>; COLUMNS.len()] = [
            visitor.into(),
            one.id.into(),
            site.into(),
            one.session.into(),
            one.kind.as_str().into(),
            one.name.into(),
            one.client_id.as_ref().into(),
            one.url.into(),
            one.title.into(),
            one.properties.as_deref().into(),
            one.occurred_at.into(),
            now.into(),
        ];
        values.extend(row);
    }
    tx.insert_many(
        "activities",
        &COLUMNS,
        &values,
        "on conflict (visitor_id, client_id) do nothing",
    )
}

/// Which of these client ids the visitor row has, each with the id of its activity.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn known(
    tx: &mut dyn Tx,
    visitor: VisitorId,
    client_ids: &[&str],
) -> Result<Vec<(String, i64)>> {
    if client_ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select client_id, id from activities where visitor_id = ?1 and client_id in ({})",
        placeholders(2, client_ids.len())
    );
    let mut args: Vec<Value<'_>> = vec![visitor.into()];
    args.extend(client_ids.iter().map(|id| Value::from(*id)));
    tx.all(&sql, &args, |row| Ok((row.text(0)?, row.i64(1)?)))
}

/// URL and title of the page that this call of the visitor (any row of its family) opened.
///
/// # Errors
/// Any [`crate::db::Error`].
pub fn page(tx: &mut dyn Tx, root: VisitorId, call_id: &str) -> Result<Option<(String, String)>> {
    tx.opt(
        "select url, title \
         from activities \
         where visitor_id in (select id from visitors where id = ?1 or merged_into = ?1) \
           and client_id = ?2 \
           and kind = 'page_view'",
        &[root.into(), call_id.into()],
        |row| Ok((row.text(0)?, row.text(1)?)),
    )
}

/// `count` placeholders from number `first` on: `?2, ?3, ?4`.
pub(super) fn placeholders(first: usize, count: usize) -> String {
    let mut list = String::new();
    for n in first..first + count {
        let comma = if n == first { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(list, "{comma}?{n}");
    }
    list
}
