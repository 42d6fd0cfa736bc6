//! A chat as its visitor sees it: the row, who takes part, and one thread with its entries.

use serde_json::Value;

use super::objects;
use crate::db::{Result, Tx};
use crate::domain::Refusal;
use crate::domain::chat::Chat;
use crate::domain::event::Event;
use crate::domain::ids::ThreadId;
use crate::domain::permission::Permit;
use crate::domain::thread::{Place, Thread};
use crate::store::chat_users::{self, Participant};
use crate::store::{events, threads};

/// Most entries of one thread in one answer, the newest; a client that wants more resumes from an earlier number.
const MAX_THREAD_EVENTS: usize = 1_000;

/// A chat as it stood in one snapshot.
pub(super) struct View {
    pub(super) chat: Chat,
    users: Vec<Participant>,
    thread: Option<(Thread, Vec<Event>)>,
}

impl View {
    /// The chat with this thread, or with the newest; `permit` is for reading `chat`.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a thread that is not one of this chat, or any other [`crate::db::Error`].
    pub(super) fn read(
        tx: &mut dyn Tx,
        permit: &Permit,
        chat: Chat,
        thread: Option<ThreadId>,
    ) -> Result<Self> {
        let thread = match thread.or(chat.thread) {
            None => None,
            Some(id) => {
                let thread = threads::get(tx, permit, id)?.ok_or(Refusal::NotFound("thread"))?;
                let entries = entries(tx, permit, thread.id)?;
                Some((thread, entries))
            }
        };
        Ok(Self {
            users: chat_users::participants(tx, permit)?,
            chat,
            thread,
        })
    }

    /// The `seq` with which the thread began; 0 where there is none.
    pub(super) fn first_seq(&self) -> i64 {
        self.thread
            .as_ref()
            .map_or(0, |(thread, _)| thread.first_seq)
    }

    /// The thread's place in a queue, where it waits in one.
    pub(super) fn place(&self) -> Option<(ThreadId, Place)> {
        let (thread, _) = self.thread.as_ref()?;
        Some((thread.id, thread.queue?))
    }

    /// The Chat object.
    pub(super) fn draw(&self) -> Value {
        let thread = self
            .thread
            .as_ref()
            .map(|(thread, entries)| draw_thread(thread, entries, &self.chat, &self.users));
        objects::chat(&self.chat, &self.users, thread)
    }
}

/// A Thread object with its entries.
pub(super) fn draw_thread(
    thread: &Thread,
    entries: &[Event],
    chat: &Chat,
    users: &[Participant],
) -> Value {
    let entries = entries
        .iter()
        .filter_map(|event| objects::event(event, chat.root))
        .collect();
    objects::thread(thread, users, entries)
}

/// The entries of a thread, in order; of a very long one the newest.
///
/// # Errors
/// Any [`crate::db::Error`].
pub(super) fn entries(tx: &mut dyn Tx, permit: &Permit, thread: ThreadId) -> Result<Vec<Event>> {
    let mut all: Vec<Event> = Vec::new();
    loop {
        let before = all.first().map(|event| event.seq);
        let mut page = events::page_of_thread(tx, permit, thread, before, events::MAX_PAGE)?;
        let is_last = page.len() < usize::try_from(events::MAX_PAGE).unwrap_or(usize::MAX);
        page.append(&mut all);
        all = page;
        if is_last || all.len() >= MAX_THREAD_EVENTS {
            return Ok(all);
        }
    }
}
