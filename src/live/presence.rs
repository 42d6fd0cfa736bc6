//! Presence: who is typing, what, and where visitors are. In memory only, bounded, and forgotten after a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::update::Lossy;
use crate::domain::event::{Author, Event, Recipients};
use crate::domain::ids::{ChatId, VisitorId};

/// How long somebody counts as typing without saying so again.
pub const TYPING_FOR: Duration = Duration::from_secs(10);
/// How long a sneak peek is kept without a new one.
pub const SNEAK_PEEK_FOR: Duration = Duration::from_secs(60);
/// How long a page is kept without a new one: as long as a session goes on by default.
pub const PAGE_FOR: Duration = Duration::from_secs(30 * 60);
/// Most entries of each sort: at 1 kB each they stay below 10 MB.
const MAX_ENTRIES: usize = 10_000;

/// Who is typing, what, and where visitors are, as far as this node was told.
#[derive(Debug, Default)]
pub struct Presence {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    typing: Fading<(ChatId, Author), Recipients>,
    sneak_peeks: Fading<ChatId, String>,
    pages: Fading<VisitorId, Page>,
}

/// Where a visitor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The address of the page.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Since when, Unix ms.
    pub at: i64,
}

impl Presence {
    /// Takes note of something that was said at `now`.
    pub fn note(&self, lossy: &Lossy, now: Instant) {
        let mut state = self.lock();
        match lossy {
            Lossy::Typing {
                chat,
                author,
                is_typing: true,
                recipients,
            } => state
                .typing
                .keep((*chat, *author), *recipients, now, TYPING_FOR),
            Lossy::Typing { chat, author, .. } => state.typing.forget(&(*chat, *author)),
            Lossy::SneakPeek { chat, text } if text.is_empty() => state.sneak_peeks.forget(chat),
            Lossy::SneakPeek { chat, text } => {
                state
                    .sneak_peeks
                    .keep(*chat, text.clone(), now, SNEAK_PEEK_FOR);
            }
            Lossy::Page {
                visitor,
                url,
                title,
                at,
                ..
            } => {
                let page = Page {
                    url: url.clone(),
                    title: title.clone(),
                    at: *at,
                };
                state.pages.keep(*visitor, page, now, PAGE_FOR);
            }
        }
    }

    /// Forgets what the author of a stored message was typing.
    pub fn stopped_typing_by(&self, event: &Event) {
        if event.body.kind().is_said() {
            self.stopped_typing(event.chat, event.author);
        }
    }

    /// Forgets what somebody was typing in a chat.
    pub fn stopped_typing(&self, chat: ChatId, author: Author) {
        let mut state = self.lock();
        state.typing.forget(&(chat, author));
        if matches!(author, Author::Visitor(_)) {
            state.sneak_peeks.forget(&chat);
        }
    }

    /// Who is typing in a chat, and who may know; in no order.
    #[must_use]
    pub fn typing(&self, chat: ChatId, now: Instant) -> Vec<(Author, Recipients)> {
        let state = self.lock();
        state
            .typing
            .fresh(now)
            .filter(|((typed_in, _), _)| *typed_in == chat)
            .map(|((_, author), recipients)| (*author, *recipients))
            .collect()
    }

    /// What the visitor of a chat is typing.
    #[must_use]
    pub fn sneak_peek(&self, chat: ChatId, now: Instant) -> Option<String> {
        self.lock().sneak_peeks.get(&chat, now).cloned()
    }

    /// Where a visitor is.
    #[must_use]
    pub fn page(&self, visitor: VisitorId, now: Instant) -> Option<Page> {
        self.lock().pages.get(&visitor, now).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bounded map whose entries fade.
#[derive(Debug)]
struct Fading<K, V> {
    entries: HashMap<K, (V, Instant)>,
}

impl<K, V> Default for Fading<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash, V> Fading<K, V> {
    fn keep(&mut self, key: K, value: V, now: Instant, ttl: Duration) {
        if self.entries.len() >= MAX_ENTRIES && !self.entries.contains_key(&key) {
            self.entries.retain(|_, (_, until)| *until > now);
            if self.entries.len() >= MAX_ENTRIES {
                return; // best effort: the update itself still goes out
            }
        }
        self.entries.insert(key, (value, now + ttl));
    }

    fn forget(&mut self, key: &K) {
        self.entries.remove(key);
    }

    fn get(&self, key: &K, now: Instant) -> Option<&V> {
        let (value, until) = self.entries.get(key)?;
        (*until > now).then_some(value)
    }

    fn fresh(&self, now: Instant) -> impl Iterator<Item = (&K, &V)> {
        self.entries
            .iter()
            .filter(move |(_, (_, until))| *until > now)
            .map(|(key, (value, _))| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::AgentId;
    use crate::domain::ids::BrowserId;

    const CHAT: ChatId = ChatId(1);
    const ADA: Author = Author::Agent(AgentId(2));

    fn typing(is_typing: bool) -> Lossy {
        Lossy::Typing {
            chat: CHAT,
            author: ADA,
            is_typing,
            recipients: Recipients::All,
        }
    }

    #[test]
    fn typing_ends_when_it_is_said_when_the_message_comes_and_after_a_while() {
        let presence = Presence::default();
        let now = Instant::now();

        presence.note(&typing(true), now);
        assert_eq!(presence.typing(CHAT, now), [(ADA, Recipients::All)]);
        assert_eq!(presence.typing(ChatId(9), now), []);
        assert_eq!(presence.typing(CHAT, now + TYPING_FOR), []);

        presence.note(&typing(false), now);
        assert_eq!(presence.typing(CHAT, now), []);

        presence.note(&typing(true), now);
        presence.stopped_typing(CHAT, ADA);
        assert_eq!(presence.typing(CHAT, now), []);
    }

    #[test]
    fn a_sneak_peek_ends_when_it_is_empty_when_the_message_comes_and_after_a_while() {
        let presence = Presence::default();
        let now = Instant::now();
        let peek = |text: &str| Lossy::SneakPeek {
            chat: CHAT,
            text: text.into(),
        };

        presence.note(&peek("Hel"), now);
        assert_eq!(presence.sneak_peek(CHAT, now).as_deref(), Some("Hel"));
        assert_eq!(presence.sneak_peek(CHAT, now + SNEAK_PEEK_FOR), None);

        presence.note(&peek(""), now);
        assert_eq!(presence.sneak_peek(CHAT, now), None);

        presence.note(&peek("Hello"), now);
        presence.stopped_typing(CHAT, ADA);
        assert!(presence.sneak_peek(CHAT, now).is_some());
        presence.stopped_typing(CHAT, Author::Visitor(VisitorId(3)));
        assert_eq!(presence.sneak_peek(CHAT, now), None);
    }

    #[test]
    fn a_flood_fills_a_bounded_room_which_is_free_again_after_a_while() {
        let presence = Presence::default();
        let now = Instant::now();
        let page = |visitor: i64| Lossy::Page {
            visitor: VisitorId(visitor),
            browser: BrowserId(1),
            url: format!("https://shop.example/{visitor}"),
            title: String::new(),
            at: 0,
        };
        let most = i64::try_from(MAX_ENTRIES).unwrap();

        for visitor in 0..most + 10 {
            presence.note(&page(visitor), now);
        }
        assert!(presence.page(VisitorId(most - 1), now).is_some());
        assert!(presence.page(VisitorId(most), now).is_none());

        let later = now + PAGE_FOR;
        presence.note(&page(most), later);
        assert!(presence.page(VisitorId(most), later).is_some());
        assert!(presence.page(VisitorId(0), later).is_none());
    }
}
