//! What `live` hands to a connection: stored changes in the order of their numbers, and what may be lost.

use std::rc::Rc;

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::{Map, Value, json};

use super::availability::Statuses;
use super::backlog;
use super::close::Close;
use super::connection::{Connection, End, Session};
use super::frame;
use super::greetings;
use super::objects;
use super::profile;
use super::pushes::{self, Around};
use super::version::Version;
use crate::db;
use crate::domain::event::{Audience, Author, Body, Event};
use crate::domain::ids::ChatId;
use crate::domain::permission::{Action, Subject};
use crate::domain::routing::GroupStatus;
use crate::http::state::State;
use crate::live::{ChatUpdate, CloseReason, Lossy, Next, Topic, Update};
use crate::store::{agents, chats, visitor_tokens};

/// Takes the next thing out of the outbox.
///
/// # Errors
/// [`End`] where the connection has to end.
pub(super) async fn take(connection: &mut Connection, next: Next) -> Result<(), End> {
    match next {
        Next::Close(CloseReason::Lagging) => Err(Close::Lagging.into()),
        Next::Close(CloseReason::CredentialsEnded) => Err(Close::TokenEnded.into()),
        Next::Close(CloseReason::Disconnected(reason)) => Err(Close::Told(reason).into()),
        Next::Update(Update::Chat(update)) => chat(connection, &update).await,
        Next::Update(Update::Visitor(_)) => visitor(connection).await,
        Next::Update(Update::Greeting(_)) => greetings::changed(connection).await,
        Next::Update(Update::Lossy(lossy)) => self::lossy(connection, &lossy).await,
        Next::Update(
            Update::Inbox(_)
            | Update::Visitors(_)
            | Update::Agent(_)
            | Update::Tickets(_)
            | Update::Site(_)
            | Update::Queue(_),
        ) => Ok(()),
    }
}

/// A stored entry or change: sent once, in order; where one is missing before it, the database is read.
async fn chat(connection: &mut Connection, update: &ChatUpdate) -> Result<(), End> {
    let (id, seq) = (update.event.chat, update.event.seq);
    let Some(session) = &mut connection.session else {
        return Ok(());
    };
    let Some(sent) = session.streams.sent(id) else {
        return Ok(());
    };
    // Also of what was sent already: the visitor's own actions open and close threads.
    session.note(&update.event.body);
    if seq <= sent {
        return Ok(());
    }
    if seq > sent + 1 {
        return catch_up(connection, id).await;
    }
    let drawn = draw(&connection.caller.state, &session.member.subject, update).await;
    session.streams.advance(id, seq);
    connection.touch();
    send_shared(connection, drawn).await
}

/// The frame of an update, drawn by the first connection that asks and shared by all tabs of the visitor.
async fn draw(state: &State, subject: &Subject, update: &ChatUpdate) -> db::Result<Bytes> {
    let render = async || {
        let about = match pushes::about(&update.event) {
            None => None,
            Some(_) => about(state, subject, &update.event).await?,
        };
        let around = Around {
            chat: &update.chat,
            users: update.users.as_deref().unwrap_or_default(),
            about: about.as_ref(),
        };
        let push = pushes::draw(&update.event, around);
        db::Result::Ok(push.frame(None).into_bytes())
    };
    update.frame_async(Audience::Visitor, render).await
}

async fn about(state: &State, subject: &Subject, event: &Event) -> db::Result<Option<Event>> {
    let (subject, event) = (subject.clone(), event.clone());
    state
        .db
        .read(move |tx| {
            let (_, permit) = chats::authorized(tx, &subject, Action::ReadChat, event.chat)?;
            backlog::about(tx, &permit, &event)
        })
        .await
}

async fn send_shared(connection: &mut Connection, drawn: db::Result<Bytes>) -> Result<(), End> {
    // Frames were text when they were made, so only a failed read can end here: the client comes back and resumes.
    let frame = drawn
        .ok()
        .and_then(|bytes| ByteString::try_from(bytes).ok())
        .ok_or(Close::Lagging)?;
    Ok(connection.send(frame).await?)
}

/// Reads what a chat has beyond what was sent, and sends it.
///
/// # Errors
/// [`End`] where the connection has to end: a failed read makes the client come back and resume.
pub(super) async fn catch_up(connection: &mut Connection, id: ChatId) -> Result<(), End> {
    loop {
        let Some(session) = &mut connection.session else {
            return Ok(());
        };
        let Some(sent) = session.streams.sent(id) else {
            return Ok(());
        };
        let subject = session.member.subject.clone();
        let read = connection.caller.state.db.read(move |tx| {
            let (chat, permit) = chats::authorized(tx, &subject, Action::ReadChat, id)?;
            let page = backlog::page(tx, &permit, &chat, sent)?;
            Ok((chat.is_active, page))
        });
        let (is_active, page) = read.await.map_err(|_| Close::Lagging)?;
        session.has_open_thread = is_active;
        let Some(last) = page.last() else {
            return Ok(());
        };
        session.streams.advance(id, last.seq);
        for push in &page {
            connection.send(push.frame(None)).await?;
        }
    }
}

/// Reads all chats again, after the outbox dropped what it had.
///
/// # Errors
/// As [`catch_up`].
pub(super) async fn read_again(connection: &mut Connection) -> Result<(), End> {
    while let Some(session) = &connection.session {
        let chats: Vec<ChatId> = session.streams.chats().collect();
        for chat in chats {
            catch_up(connection, chat).await?;
        }
        visitor(connection).await?;
        greetings::changed(connection).await?;
        if connection.caller.attachment.outbox().finish_catch_up() {
            return Ok(());
        }
    }
    Ok(())
}

/// The visitor was seen or changed: is the token still good, is there a chat begun elsewhere, what does the profile say?
async fn visitor(connection: &mut Connection) -> Result<(), End> {
    let Some(session) = &mut connection.session else {
        return Ok(());
    };
    let member = Rc::clone(&session.member);
    let (hash, of) = (member.hash, member.as_ref().clone());
    let read = connection.caller.state.db.read(move |tx| {
        let bearer = visitor_tokens::find(tx, &hash)?;
        let visitor = profile::visitor(tx, &of)?;
        let chats = chats::list_visible(tx, &of.subject, None, chats::MAX_LIST)?;
        Ok((bearer, visitor, chats))
    });
    let (bearer, visitor, chats) = match read.await {
        Ok(read) => read,
        Err(db::Error::Refused(_)) => return Err(Close::TokenEnded.into()),
        Err(_) => return Err(Close::Lagging.into()),
    };
    let now = connection.caller.state.clock.now();
    let is_same = |b: &visitor_tokens::Bearer| {
        !b.has_ended(now) && b.root == member.customer && b.browser == member.bearer.browser
    };
    if !bearer.as_ref().is_some_and(is_same) {
        return Err(Close::TokenEnded.into());
    }
    // Perhaps another page is tracked, for which another greeting is due.
    session.greeted.look_now();
    let shown = objects::customer(member.customer, &visitor);
    let changed = difference(&session.shown, &shown);
    session.shown = shown;
    let new: Vec<ChatId> = chats
        .iter()
        .map(|chat| chat.id)
        .filter(|id| session.streams.sent(*id).is_none())
        .collect();
    for id in new {
        listen(connection, id, 0).await?;
    }
    if let Some(changed) = changed {
        let push = customer_updated(connection.caller.version, changed);
        connection.send(push).await?;
    }
    Ok(())
}

/// Listens to a chat that the connection did not know, and sends what it has beyond `sent`.
///
/// # Errors
/// As [`catch_up`].
pub(super) async fn listen(
    connection: &mut Connection,
    chat: ChatId,
    sent: i64,
) -> Result<(), End> {
    let Some(session) = &mut connection.session else {
        return Ok(());
    };
    connection.caller.attachment.subscribe(Topic::Chat(chat));
    session.streams.advance(chat, sent);
    catch_up(connection, chat).await
}

/// The fields that differ, with `null` for those that are gone; `None` where nothing does.
fn difference(before: &Map<String, Value>, now: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut changed: Map<String, Value> = now
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        changed.insert(name.clone(), Value::Null);
    }
    if changed.is_empty() {
        return None;
    }
    changed.insert("id".into(), now.get("id").cloned().unwrap_or_default());
    Some(changed)
}

fn customer_updated(version: Version, changed: Map<String, Value>) -> ByteString {
    let payload = if version.nests_customer() {
        json!({"customer": changed})
    } else {
        Value::Object(changed)
    };
    frame::push(None, "customer_updated", &payload)
}

/// Something that may be lost. What the visitor did is for the others.
async fn lossy(connection: &mut Connection, lossy: &Lossy) -> Result<(), End> {
    let Some(session) = &mut connection.session else {
        return Ok(());
    };
    if !lossy.is_visible_to(Audience::Visitor) {
        return Ok(());
    }
    let push = match lossy {
        Lossy::SneakPeek { .. }
        | Lossy::Typing {
            author: Author::Visitor(_),
            ..
        } => return Ok(()),
        // Another browser of the same visitor, for all that an unproven claim can tell.
        Lossy::Page { browser, .. } if !session.member.may_know_of(*browser) => return Ok(()),
        Lossy::Typing {
            chat,
            author,
            is_typing,
            ..
        } => {
            let name = typist(&connection.caller.state, *author).await;
            let now = connection.caller.state.clock.now();
            pushes::typing(*chat, *author, name.as_deref(), *is_typing, now)
        }
        Lossy::Page {
            url,
            title,
            at,
            browser,
            ..
        } => {
            if *browser == session.member.bearer.browser {
                session.greeted.turn_to(&connection.caller, url, *at);
            }
            let payload = json!({
                "url": url,
                "title": title,
                "timestamp": at / 1000,
                "opened_at": objects::time(*at),
            });
            connection.touch();
            frame::push(None, "customer_page_updated", &payload)
        }
    };
    Ok(connection.send(push).await?)
}

/// The name of the agent who types: who has not joined the chat yet is not among its users.
async fn typist(state: &State, author: Author) -> Option<String> {
    let Author::Agent(id) = author else {
        return None;
    };
    let agent = state.db.read(move |tx| agents::get(tx, id)).await;
    // Without the name the client still shows that somebody types.
    agent.ok().flatten().map(|agent| agent.name)
}

/// Another status of the site's groups, or another place of a chat in its queue.
///
/// # Errors
/// [`End`] where the peer has gone.
pub(super) async fn availability(connection: &mut Connection) -> Result<(), End> {
    let version = connection.caller.version;
    let Some(session) = &mut connection.session else {
        return Ok(());
    };
    let mut pushes = Vec::new();
    let shown = session.watching.statuses();
    if session.told.note_statuses(&shown) {
        // Some greetings wait for somebody to be there.
        session.greeted.look_now();
        let own = session.member.group;
        let kind = (version.pushes_group_status(), own);
        pushes.push(shown.frame(kind, |statuses| groups_changed(version, own, statuses)));
    }
    let places = session.watching.places();
    for chat in session.streams.chats() {
        if let Some((thread, place)) = places.get(&chat)
            && session.told.note_place(*thread, place)
        {
            pushes.push(pushes::queue_position(chat, *thread, place));
        }
    }
    for push in pushes {
        connection.send(push).await?;
    }
    Ok(())
}

/// Clients look at the first group only, so that is the customer's own.
fn groups_changed(version: Version, own: i64, statuses: &Statuses) -> ByteString {
    let mut groups: Vec<(&i64, &GroupStatus)> = statuses.iter().collect();
    groups.sort_by_key(|(number, _)| **number != own);
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|(number, status)| {
            let status = match status {
                GroupStatus::Offline => "offline",
                GroupStatus::Online | GroupStatus::OnlineForQueue => "online",
            };
            json!({"id": number, "status": status})
        })
        .collect();
    if version.pushes_group_status() {
        return frame::push(None, "groups_status_updated", &json!({"groups": groups}));
    }
    let content = json!({"name": "groups_update", "groups": groups});
    let payload = json!({"type": "lc2", "content": content});
    frame::push(None, "incoming_multicast", &payload)
}

impl Session {
    /// Keeps in mind whether a thread is open.
    pub(super) fn note(&mut self, body: &Body) {
        match body {
            Body::ThreadOpened { .. } => {
                self.has_open_thread = true;
                self.watching.look_again();
            }
            Body::ThreadClosed {} => self.has_open_thread = false,
            Body::Message { .. }
            | Body::File { .. }
            | Body::FilledForm { .. }
            | Body::RichMessage { .. }
            | Body::Custom { .. }
            | Body::PostbackToggled { .. }
            | Body::SystemMessage { .. }
            | Body::Seen { .. }
            | Body::Assigned { .. }
            | Body::UserAdded { .. }
            | Body::UserRemoved { .. }
            | Body::PropertiesChanged { .. }
            | Body::EventUpdated { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn only_what_changed_is_shown() {
        let before = map(&json!({"id": "7", "name": "Ada", "email": "a@b"}));
        let now = map(&json!({"id": "7", "name": "Ada L.", "session_fields": []}));

        assert_eq!(difference(&before, &before), None);
        assert_eq!(
            difference(&before, &now).map(Value::from),
            Some(json!({"id": "7", "name": "Ada L.", "email": null, "session_fields": []}))
        );
    }

    #[test]
    fn availability_has_the_shape_of_the_version() {
        let statuses =
            Statuses::from([(0, GroupStatus::OnlineForQueue), (3, GroupStatus::Offline)]);
        let payload = |version| -> Value {
            let frame: Value =
                serde_json::from_str(&groups_changed(version, 3, &statuses)).unwrap();
            frame["payload"].clone()
        };
        let groups = json!([{"id": 3, "status": "offline"}, {"id": 0, "status": "online"}]);

        assert_eq!(
            payload(Version::V3_2),
            json!({"type": "lc2", "content": {"name": "groups_update", "groups": groups}})
        );
        assert_eq!(payload(Version::V3_5), json!({"groups": groups}));
    }
}
