//! One open chat on one socket: its places in order and once, who types, who has it.

use std::collections::HashMap;

use askama::Template;
use bytes::Bytes;
use bytestring::ByteString;

use super::message::{Place, Update as Frame};
use super::socket::{End, LiveSocket, broken};
use crate::db::{self, Db, Tx};
use crate::domain::chat::Chat;
use crate::domain::event::{Audience, Author, Body, Event};
use crate::domain::ids::{ChatId, VisitorId};
use crate::domain::permission::{Action, Object, Permit, Subject, authorize};
use crate::http::customer::close::Close;
use crate::http::dashboard::chat_head::{ActionsPartial, HeadRows, HeadShown};
use crate::http::dashboard::conversation::{EventPartial, EventShown, Names, author_key, names};
use crate::http::dashboard::layout::Bare;
use crate::http::dashboard::times::Times;
use crate::http::dashboard::writing::Acting;
use crate::live::{ChatUpdate, Lossy, Topic};
use crate::store::events::{self, Slot};

/// The chat that a socket follows.
pub(super) struct OpenChat {
    pub(super) id: ChatId,
    /// The root of its visitor.
    pub(super) root: VisitorId,
    /// The last place that was sent.
    sent: i64,
    /// Nobody had it when its head was said last.
    is_waiting: bool,
}

/// What was missed of a chat.
struct Missed {
    chat: Chat,
    head: HeadRows,
    names: Names,
    slots: Vec<Slot>,
    /// Entries that changes among the places are about, as they read now.
    changed: Changed,
}

/// Entries by their `seq`.
type Changed = HashMap<i64, Event>;

impl Missed {
    fn read(tx: &mut dyn Tx, acting: &Acting, id: ChatId, after: i64) -> db::Result<Self> {
        let (chat, permit) = acting.on(tx, Action::ReadChat, id)?;
        let slots = events::current_after(tx, &permit, after, events::MAX_PAGE)?;
        let found: Vec<Event> = slots
            .iter()
            .filter_map(|slot| match slot {
                Slot::Event(event) => Some((**event).clone()),
                Slot::Hidden { .. } => None,
            })
            .collect();
        let changed = changed(tx, &permit, &found)?;
        let drawn: Vec<Event> = found.into_iter().chain(changed.values().cloned()).collect();
        Ok(Self {
            names: names(tx, &chat, &drawn)?,
            head: HeadRows::read(tx, &chat, &permit)?,
            chat,
            slots,
            changed,
        })
    }
}

impl LiveSocket {
    /// Follows a chat from the place the page shows; the one followed before is left.
    pub(super) async fn open_chat(&mut self, id: ChatId, after: i64) -> Result<(), End> {
        self.leave_chat();
        // Listen first, then read what was missed: any other order has a hole.
        self.attachment.subscribe(Topic::Chat(id));
        self.attachment.outbox().start_catch_up();
        let first = self.read_chat(id, after).await;
        let missed = match first {
            Ok(missed) => missed,
            Err(error) => {
                self.attachment.unsubscribe(Topic::Chat(id));
                self.finish_catch_up().await?;
                return self.refuse(error).await;
            }
        };
        if after > missed.chat.last_seq || after < 0 {
            self.attachment.unsubscribe(Topic::Chat(id));
            self.finish_catch_up().await?;
            return self.say(&Frame::Resync { of: id.to_string() }).await;
        }
        let root = missed.chat.root;
        self.attachment.subscribe(Topic::Visitor(root));
        self.open = Some(OpenChat {
            id,
            root,
            sent: after,
            is_waiting: false,
        });
        self.due.beside();
        self.send_missed(missed).await?;
        self.catch_up_chat().await?;
        self.finish_catch_up().await?;
        self.say_presence(id).await
    }

    fn leave_chat(&mut self) {
        if let Some(left) = self.open.take() {
            self.attachment.unsubscribe(Topic::Chat(left.id));
            if self.watched != Some(left.root) {
                self.attachment.unsubscribe(Topic::Visitor(left.root));
            }
        }
    }

    /// A new event, drawn once for all agents.
    pub(super) async fn chat_advanced(&mut self, update: &ChatUpdate) -> Result<(), End> {
        let (id, seq) = (update.event.chat, update.event.seq);
        let Some(open) = self.open.as_ref().filter(|open| open.id == id) else {
            return Ok(());
        };
        if seq <= open.sent {
            return Ok(());
        }
        if seq > open.sent + 1 {
            self.attachment.outbox().start_catch_up();
            self.catch_up_chat().await?;
            return self.finish_catch_up().await;
        }
        let drawn = update
            .frame_async(Audience::Agent, async || {
                live_frame(&self.state.db, &self.layout, update).await
            })
            .await
            .map_err(|error| broken(&error))?;
        let frame = ByteString::try_from(drawn).map_err(|_| Close::Internal)?;
        self.note_sent(seq);
        self.send(frame).await?;
        if changes_head(&update.event.body) {
            self.say_head(id).await?;
        }
        if matches!(update.event.body, Body::FilledForm { .. }) {
            self.due.beside();
        }
        Ok(())
    }

    /// Sends what came after the last place that was sent.
    pub(super) async fn catch_up_chat(&mut self) -> Result<(), End> {
        while let Some((id, sent)) = self.open.as_ref().map(|open| (open.id, open.sent)) {
            let missed = match self.read_chat(id, sent).await {
                Ok(missed) => missed,
                // The chat was deleted, or is no longer this agent's.
                Err(error @ db::Error::Refused(_)) => {
                    self.leave_chat();
                    return self.refuse(error).await;
                }
                Err(error) => return Err(broken(&error)),
            };
            let is_last = missed.slots.is_empty();
            self.send_missed(missed).await?;
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends missed places; when there are none left, who has the chat now.
    async fn send_missed(&mut self, missed: Missed) -> Result<(), End> {
        let Some(last) = missed.slots.last().map(Slot::seq) else {
            return self
                .say_head_of(&missed.chat, &missed.head, &missed.names)
                .await;
        };
        let times = Times::new(None, self.state.clock.now());
        let places = missed
            .slots
            .iter()
            .map(|slot| match slot {
                Slot::Event(event) => place(
                    event,
                    &missed.changed,
                    (&missed.names, &self.layout, &times),
                ),
                Slot::Hidden { seq } => Place {
                    seq: *seq,
                    ..Place::default()
                },
            })
            .collect();
        let update = Frame::Events {
            chat: missed.chat.id,
            events: places,
        };
        self.note_sent(last);
        self.say(&update).await
    }

    async fn read_chat(&self, id: ChatId, after: i64) -> db::Result<Missed> {
        let acting = self.acting.clone();
        self.state
            .db
            .read(move |tx| Missed::read(tx, &acting, id, after))
            .await
    }

    fn note_sent(&mut self, seq: i64) {
        if let Some(open) = &mut self.open {
            open.sent = open.sent.max(seq);
        }
    }

    /// Who has the chat now, read afresh: several changes may have come at once.
    async fn say_head(&mut self, id: ChatId) -> Result<(), End> {
        let acting = self.acting.clone();
        let read = self
            .state
            .db
            .read(move |tx| {
                let (chat, permit) = acting.on(tx, Action::ReadChat, id)?;
                let names = names(tx, &chat, &[])?;
                let head = HeadRows::read(tx, &chat, &permit)?;
                Ok::<_, db::Error>((chat, head, names))
            })
            .await;
        match read {
            Ok((chat, head, names)) => self.say_head_of(&chat, &head, &names).await,
            Err(error) => self.refuse(error).await,
        }
    }

    async fn say_head_of(
        &mut self,
        chat: &Chat,
        rows: &HeadRows,
        names: &Names,
    ) -> Result<(), End> {
        if let Some(open) = self.open.as_mut().filter(|open| open.id == chat.id) {
            open.is_waiting = rows.is_waiting();
        }
        let head = HeadShown::new(chat, rows, names, self.agent);
        let actions = ActionsPartial {
            layout: &self.layout,
            head: &head,
        }
        .render()
        .unwrap_or_default();
        self.say(&Frame::Chat {
            chat: chat.id,
            status: head.status,
            actions,
        })
        .await
    }

    /// The inbox moved: a chat that waits may have another place in its queue.
    pub(super) async fn queue_moved(&mut self) -> Result<(), End> {
        match self.open.as_ref().filter(|open| open.is_waiting) {
            Some(open) => self.say_head(open.id).await,
            None => Ok(()),
        }
    }

    /// Who types in a chat that was just opened, and what.
    async fn say_presence(&mut self, id: ChatId) -> Result<(), End> {
        let now = std::time::Instant::now();
        let presence = self.state.hub.presence();
        let (typing, peek) = (presence.typing(id, now), presence.sneak_peek(id, now));
        for (author, recipients) in typing {
            let lossy = Lossy::Typing {
                chat: id,
                author,
                is_typing: true,
                recipients,
            };
            self.say_lossy(&lossy).await?;
        }
        match peek {
            Some(text) => {
                self.say(&Frame::SneakPeek {
                    chat: id,
                    text: &text,
                })
                .await
            }
            None => Ok(()),
        }
    }

    /// What may be lost: typing, sneak peeks, where a visitor is. What this agent did themselves is not said back.
    pub(super) async fn say_lossy(&mut self, lossy: &Lossy) -> Result<(), End> {
        match lossy {
            Lossy::Typing { author, .. } if *author == Author::Agent(self.agent) => Ok(()),
            Lossy::Typing {
                chat,
                author,
                is_typing,
                ..
            } => {
                let name = self.name_of(*author).await?;
                self.say(&Frame::Typing {
                    chat: *chat,
                    author: author_key(*author),
                    name,
                    is_typing: *is_typing,
                })
                .await
            }
            Lossy::SneakPeek { chat, text } => {
                self.say(&Frame::SneakPeek { chat: *chat, text }).await
            }
            Lossy::Page { visitor, .. } => {
                self.visitor_changed(*visitor);
                self.due.visitor(*visitor);
                Ok(())
            }
        }
    }

    async fn name_of(&self, author: Author) -> Result<String, End> {
        let Author::Agent(agent) = author else {
            return Ok("The visitor".to_owned());
        };
        let found = self
            .state
            .db
            .read(move |tx| crate::store::agents::get(tx, agent))
            .await
            .map_err(|error| broken(&error))?;
        Ok(found.map_or_else(|| "An agent".to_owned(), |agent| agent.name))
    }
}

/// The frame of one event, shared by all agents who have the chat open.
async fn live_frame(db: &Db, layout: &Bare, update: &ChatUpdate) -> db::Result<Bytes> {
    let (chat, event) = ((*update.chat).clone(), update.event.clone());
    let (names, changed, event) = db
        .read(move |tx| {
            let permit = authorize(&Subject::System, Action::ReadChat, Object::Chat(&chat))?;
            let changed = changed(tx, &permit, std::slice::from_ref(&event))?;
            let drawn: Vec<Event> = changed.values().cloned().chain([event.clone()]).collect();
            Ok::<_, db::Error>((names(tx, &chat, &drawn)?, changed, event))
        })
        .await?;
    let times = Times::new(None, event.created_at);
    let frame = Frame::Events {
        chat: event.chat,
        events: vec![place(&event, &changed, (&names, layout, &times))],
    };
    Ok(frame.frame().into_bytes())
}

/// The entries that these changes are about, as they read now.
fn changed(tx: &mut dyn Tx, permit: &Permit, found: &[Event]) -> db::Result<Changed> {
    let mut changed = Changed::new();
    for seq in found.iter().filter_map(rewrites) {
        if changed.contains_key(&seq) {
            continue;
        }
        for slot in events::current_after(tx, permit, seq - 1, 1)? {
            if let Slot::Event(event) = slot {
                changed.insert(seq, *event);
            }
        }
    }
    Ok(changed)
}

/// The place of the entry that this one makes read differently.
const fn rewrites(event: &Event) -> Option<i64> {
    match &event.body {
        Body::EventUpdated { .. } | Body::PostbackToggled { .. } => event.refers_to,
        Body::Message { .. }
        | Body::SystemMessage { .. }
        | Body::File { .. }
        | Body::FilledForm { .. }
        | Body::RichMessage { .. }
        | Body::Custom { .. }
        | Body::ThreadOpened { .. }
        | Body::ThreadClosed {}
        | Body::Seen { .. }
        | Body::Assigned { .. }
        | Body::UserAdded { .. }
        | Body::UserRemoved { .. }
        | Body::PropertiesChanged { .. } => None,
    }
}

fn place(
    event: &Event,
    changed: &Changed,
    (names, layout, times): (&Names, &Bare, &Times),
) -> Place {
    let edits = rewrites(event);
    let drawn = match edits {
        Some(seq) => changed.get(&seq),
        None => Some(event),
    };
    let html = drawn
        .and_then(|drawn| EventShown::new(drawn, names, times))
        .and_then(|event| {
            let partial = EventPartial {
                layout,
                event: &event,
            };
            partial.render().ok()
        });
    let seen_up_to = if let Body::Seen { up_to, .. } = &event.body {
        Some(*up_to)
    } else {
        None
    };
    Place {
        seq: event.seq,
        author: author_key(event.author),
        custom_id: event.custom_id.clone(),
        html,
        seen_up_to,
        edits,
    }
}

/// Whether an event changes who has the chat or what can be done with it.
const fn changes_head(body: &Body) -> bool {
    matches!(
        body,
        Body::ThreadOpened { .. }
            | Body::ThreadClosed {}
            | Body::Assigned { .. }
            | Body::UserAdded { .. }
            | Body::UserRemoved { .. }
    )
}
