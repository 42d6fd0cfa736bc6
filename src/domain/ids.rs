//! Identifiers: newtypes over `i64`, made by the program and sorted by time. An id is never a permission.
//!
//! The maker of new ids lives here too; it takes the time as an argument.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(s: &str) -> Result<Self, NotAnId> {
                parse_id(s).map(Self)
            }
        }

        /// A string, since JavaScript numbers are exact only to 2^53.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// One website with a snippet.
    SiteId,
    /// One profile.
    VisitorId,
    /// One browser of a visitor: stays through identify and merge, ends at logout.
    BrowserId,
    /// One stored visitor token.
    TokenId,
    /// A visitor's time on a site.
    SessionId,
    /// One tracked thing.
    ActivityId,
    /// A visitor's one continuous conversation.
    ChatId,
    /// One stretch of a chat, from start to close.
    ThreadId,
    /// One entry of a chat; its place in the chat is its `seq`, not its id.
    EventId,
    /// Somebody who answers.
    AgentId,
    /// A set of agents with a routing status.
    GroupId,
    /// One signed-in browser of an agent.
    LoginId,
    /// One API key.
    ApiKeyId,
    /// One undoable merge of two visitors.
    MergeId,
    /// One uploaded file.
    FileId,
    /// A proactive invitation, as it was written.
    GreetingId,
    /// A greeting as one visitor got it.
    InvitationId,
    /// Questions asked around a chat.
    FormId,
    /// A message left while nobody is there.
    TicketId,
    /// A ready-made answer.
    CannedReplyId,
    /// A banned visitor or address.
    BanId,
}

/// The text is not a positive decimal 63-bit number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an id")]
pub struct NotAnId;

fn parse_id(s: &str) -> Result<i64, NotAnId> {
    // `parse` would also take "+7"; an id has one spelling.
    if s.is_empty() || !s.bytes().all(|b| b.is_ascii_digit()) || s.starts_with('0') {
        return Err(NotAnId);
    }
    s.parse().map_err(|_| NotAnId)
}

/// Milliseconds of 2026-01-01T00:00:00Z: ids count from here, so that 41 bits last until 2095.
const ID_EPOCH_MS: i64 = 1_767_225_600_000;
const NODE_BITS: u32 = 10;
const COUNTER_BITS: u32 = 12;

/// The highest node number an id can carry.
pub const MAX_NODE: i64 = (1 << NODE_BITS) - 1;

/// The number of the node that made an id.
#[must_use]
pub const fn node_of(id: i64) -> i64 {
    (id >> COUNTER_BITS) & MAX_NODE
}

/// Makes ids: 41 bits of milliseconds, 10 bits of node, 12 bits of counter. Never runs backwards.
#[derive(Debug)]
pub struct IdMaker {
    node: std::sync::atomic::AtomicI64,
    /// Milliseconds since the id epoch and the counter, in one number.
    last: std::sync::atomic::AtomicI64,
}

impl IdMaker {
    /// A maker for the node with this number, 0 to [`MAX_NODE`]; higher bits are cut off.
    #[must_use]
    pub const fn new(node: i64) -> Self {
        Self {
            node: std::sync::atomic::AtomicI64::new(node & MAX_NODE),
            last: std::sync::atomic::AtomicI64::new(0),
        }
    }

    /// Goes on as another node; higher bits than [`MAX_NODE`] has are cut off.
    pub fn set_node(&self, node: i64) {
        self.node
            .store(node & MAX_NODE, std::sync::atomic::Ordering::Relaxed);
    }

    /// The number of the node whose ids it makes.
    #[must_use]
    pub fn node(&self) -> i64 {
        self.node.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// A new id; `now` is Unix milliseconds. When the clock goes back, ids go on from the last one.
    pub fn next(&self, now: i64) -> i64 {
        use std::sync::atomic::Ordering;
        let at_least = (now - ID_EPOCH_MS).max(1) << COUNTER_BITS;
        let step = |last: i64| Some(at_least.max(last + 1));
        // The closure always returns Some, so both arms carry the previous value.
        let (Ok(last) | Err(last)) =
            self.last
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
        let tick = at_least.max(last + 1);
        let (ms, counter) = (tick >> COUNTER_BITS, tick & ((1 << COUNTER_BITS) - 1));
        (ms << (NODE_BITS + COUNTER_BITS))
            | (self.node.load(Ordering::Relaxed) << COUNTER_BITS)
            | counter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_goes_back() {
        let ids = IdMaker::new(7);

        let made: Vec<i64> = (0..10_000)
            .map(|n| ids.next(ID_EPOCH_MS + 1_000_000 - n))
            .collect();

        assert!(made.windows(2).all(|w| w[0] < w[1]));
        assert!(made.iter().all(|id| (id >> COUNTER_BITS) & MAX_NODE == 7));
    }

    #[test]
    fn an_id_has_one_spelling() {
        for bad in ["", "0", "-1", "+1", "01", "1 ", "9223372036854775808", "x"] {
            assert_eq!(bad.parse::<ChatId>(), Err(NotAnId), "{bad}");
        }
        assert_eq!("9223372036854775807".parse(), Ok(ChatId(i64::MAX)));
    }
}
