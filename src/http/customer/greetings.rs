//! Greetings on a connection: what its client was told of the one in its browser, and when to look for the next.
//!
//! The rows decide: whatever wakes a connection, it reads what is open now and tells the client the difference.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::caller::{Caller, Member};
use super::connection::{Connection, End};
use super::frame;
use super::objects;
use crate::db::{self, Dialect, Lane, Tx};
use crate::domain::event::{Author, Event, Recipients};
use crate::domain::greeting::EndReason;
use crate::domain::ids::{AgentId, ChatId, EventId, ThreadId};
use crate::domain::site::Site;
use crate::domain::user_agent;
use crate::store::due_greetings::{self, Due, Guest, ToldPage};
use crate::store::invitations::{self, Invitation};

/// The longest a connection waits before it looks again by itself: a page is rarely looked at for longer.
const LOOK_WITHIN: Duration = Duration::from_secs(60 * 60);

/// What a connection knows of its browser's greeting.
#[derive(Debug, Default)]
pub(super) struct Greeted {
    /// The invitation the client shows, and whether it was told that this one is accepted.
    told: Option<(String, bool)>,
    /// Where the client says that the visitor is.
    page: Option<ToldPage>,
    /// When something may be due.
    due_at: Option<Instant>,
}

impl Greeted {
    /// A connection that begins at this page; it looks for a greeting at once.
    pub(super) fn at(page: Option<ToldPage>) -> Self {
        Self {
            told: None,
            page,
            due_at: Some(Instant::now()),
        }
    }

    /// When something may be due.
    pub(super) const fn due_at(&self) -> Option<Instant> {
        self.due_at
    }

    /// The client's visitor is at this page now; the one it told of already goes on.
    pub(super) fn turn_to(&mut self, caller: &Caller, url: &str, at: i64) {
        match &mut self.page {
            Some(page) if page.url == url => return,
            Some(page) => {
                url.clone_into(&mut page.url);
                page.at = at;
                page.pages += 1;
            }
            None => self.page = Some(first_page(caller, url, "", at)),
        }
        self.look_now();
    }

    /// Looks for a greeting at the next turn.
    pub(super) fn look_now(&mut self) {
        self.due_at = Some(Instant::now());
    }
}

/// Waits until something may be due.
pub(super) async fn due_at(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The first page that a client tells of.
pub(super) fn first_page(caller: &Caller, url: &str, referrer: &str, now: i64) -> ToldPage {
    let context = &caller.context;
    ToldPage {
        url: url.to_owned(),
        referrer: referrer.to_owned(),
        at: now,
        since: now,
        pages: 1,
        language: context.language.clone(),
        device: user_agent::recognise(&context.user_agent, context.hints.as_ref()).kind,
    }
}

/// The greeting that is open when a client logs in, drawn for it; it counts as delivered.
///
/// # Errors
/// Any [`db::Error`].
pub(super) async fn at_login(
    caller: &Caller,
    member: &Member,
    greeted: &mut Greeted,
    now: i64,
) -> db::Result<Option<Value>> {
    let browser = member.bearer.browser;
    let db = &caller.state.db;
    let found = db
        .read(move |tx| invitations::open(tx, browser, now))
        .await?;
    let Some(invitation) = found else {
        return Ok(None);
    };
    let is_first = deliver(caller, &invitation, now).await?;
    greeted.told = Some((
        invitation.unique_id.clone(),
        invitation.accepted_at.is_some(),
    ));
    Ok(Some(draw(&invitation, &caller.site, is_first)))
}

/// Something happened to a greeting of this visitor: reads what is open now, and tells the client what it does not know.
///
/// # Errors
/// [`End::Gone`] where the peer does not take it.
pub(super) async fn changed(connection: &mut Connection) -> Result<(), End> {
    let Some(session) = &connection.session else {
        return Ok(());
    };
    let caller = std::rc::Rc::clone(&connection.caller);
    let browser = session.member.bearer.browser;
    let told = session.greeted.told.clone();
    let now = caller.state.clock.now();
    let known = told.as_ref().map(|(unique_id, _)| unique_id.clone());
    let read = caller.state.db.read(move |tx| {
        let open = invitations::open(tx, browser, now)?;
        let known = match known {
            Some(unique_id) => invitations::of_browser(tx, browser, &unique_id)?,
            None => None,
        };
        Ok((open, known))
    });
    let (open, known) = match read.await {
        Ok(read) => read,
        Err(error) => {
            // The next beat, page or login reads it again.
            tracing::warn!(%error, "the greeting of a visitor could not be read");
            return Ok(());
        }
    };
    if let (Some((unique_id, was_accepted)), Some(known)) = (told, known) {
        say_known(connection, (&unique_id, was_accepted), &known, now).await?;
    }
    match open {
        Some(open) => say_new(connection, &open, now).await,
        None => Ok(()),
    }
}

/// Tells what became of the greeting that the client shows.
async fn say_known(
    connection: &mut Connection,
    (unique_id, was_accepted): (&str, bool),
    known: &Invitation,
    now: i64,
) -> Result<(), End> {
    let payload = json!({"unique_id": unique_id});
    let is_accepted = known.accepted_at.is_some();
    if is_accepted && !was_accepted {
        let push = frame::push(None, "greeting_accepted", &payload);
        connection.send(push).await?;
    }
    let is_over = !known.is_open(now);
    if let Some(session) = &mut connection.session {
        session.greeted.told = (!is_over).then(|| (unique_id.to_owned(), is_accepted));
        session.greeted.look_now();
    }
    // The chat it led to is pushed for itself.
    let led_to_chat = matches!(known.ended, Some((_, EndReason::ChatStarted)));
    if is_over && !led_to_chat {
        let push = frame::push(None, "greeting_canceled", &payload);
        connection.send(push).await?;
    }
    Ok(())
}

/// Tells of a greeting that the client does not show yet.
async fn say_new(connection: &mut Connection, open: &Invitation, now: i64) -> Result<(), End> {
    let Some(session) = &mut connection.session else {
        return Ok(());
    };
    if session.greeted.told.is_some() {
        return Ok(());
    }
    let caller = std::rc::Rc::clone(&connection.caller);
    let is_first = match deliver(&caller, open, now).await {
        Ok(is_first) => is_first,
        Err(error) => {
            tracing::warn!(%error, "the delivery of a greeting could not be counted");
            return Ok(());
        }
    };
    session.greeted.told = Some((open.unique_id.clone(), open.accepted_at.is_some()));
    session.greeted.look_now();
    let payload = draw(open, &caller.site, is_first);
    let push = frame::push(None, "incoming_greeting", &payload);
    connection.touch();
    Ok(connection.send(push).await?)
}

/// Looks whether a greeting is due, sends it, or notes when to look again. What fails is tried again with the next page.
pub(super) async fn look(connection: &mut Connection) {
    let Some(session) = &mut connection.session else {
        return;
    };
    session.greeted.due_at = None;
    let bearer = session.member.bearer;
    let guest = Guest {
        site: bearer.site,
        visitor: bearer.visitor,
        root: session.member.customer,
        browser: bearer.browser,
        page: session.greeted.page.clone(),
    };
    match due(&connection.caller, guest).await {
        Ok(Some(wait)) => session.greeted.due_at = Some(Instant::now() + wait),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "no greeting could be looked for"),
    }
}

/// Sends what is due now; else how long to wait before looking again, if at all.
async fn due(caller: &Caller, guest: Guest) -> db::Result<Option<Duration>> {
    let state = &caller.state;
    let greetings = state.greetings.of(guest.site).await?;
    if greetings.is_empty() || state.is_draining() {
        return Ok(None);
    }
    let now = state.clock.now();
    let (asked, known) = (guest.clone(), std::sync::Arc::clone(&greetings));
    let look = move |tx: &mut dyn Tx| due_greetings::look(tx, &asked, &known, now);
    match state.db.read(look).await? {
        Due::Nothing => Ok(None),
        Due::After(ms) => {
            let wait = Duration::from_millis(ms.unsigned_abs());
            Ok(Some(wait.min(LOOK_WITHIN)))
        }
        Due::Now(_) => {
            let send = move |tx: &mut dyn Tx| due_greetings::send_due(tx, &guest, &greetings, now);
            // The hint of its commit brings it to every connection of the browser, this one included.
            state.db.write(Lane::Chat, send).await?;
            Ok(None)
        }
    }
}

/// Time for what a hint may have lost: with several nodes those of the others do not come here.
///
/// # Errors
/// As [`changed`].
pub(super) async fn beat(connection: &mut Connection) -> Result<(), End> {
    match connection.caller.state.db.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => changed(connection).await,
    }
}

async fn deliver(caller: &Caller, invitation: &Invitation, now: i64) -> db::Result<bool> {
    if invitation.delivered_at.is_some() {
        return Ok(false);
    }
    let invitation = invitation.clone();
    let count = move |tx: &mut dyn Tx| invitations::deliver(tx, &invitation, now);
    caller.state.db.write(Lane::Chat, count).await
}

/// The Greeting object. Without an agent it carries the site's own name.
fn draw(invitation: &Invitation, site: &Site, is_first: bool) -> Value {
    let agent = match &invitation.host {
        Some(host) => json!({
            "id": host.agent,
            "name": host.name,
            "avatar": host.avatar_url.as_deref().unwrap_or_default(),
            "job_title": host.job_title,
            "is_bot": host.is_bot,
        }),
        None => json!({
            "id": site.id,
            "name": site.name,
            "avatar": "",
            "job_title": "",
            "is_bot": true,
        }),
    };
    json!({
        "id": invitation.number,
        "unique_id": invitation.unique_id,
        "displayed_first_time": is_first,
        "accepted": invitation.accepted_at.is_some(),
        "subtype": "greeting",
        "event": event(invitation),
        "agent": agent,
    })
}

/// What it says, drawn as an event that stands in no chat.
fn event(invitation: &Invitation) -> Value {
    let host = invitation.host.as_ref();
    let agent = host.map_or(AgentId(invitation.site.0), |host| host.agent);
    let event = Event {
        chat: ChatId(0),
        seq: 0,
        id: EventId(invitation.id.0),
        thread: ThreadId(0),
        site: invitation.site,
        author: Author::Agent(agent),
        recipients: Recipients::All,
        custom_id: None,
        body: invitation.content.clone(),
        refers_to: None,
        created_at: invitation.sent_at,
        edited_at: None,
    };
    let mut drawn = objects::event(&event, invitation.visitor).unwrap_or_default();
    if let Some(fields) = drawn.as_object_mut() {
        fields.remove("seq");
    }
    drawn
}
