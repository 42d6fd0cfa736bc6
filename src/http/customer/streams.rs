//! How far each chat of a connection has been sent. A visitor has one chat, rarely two, so a list is enough.

use crate::domain::ids::ChatId;

/// The chats a connection listens to, each with the highest `seq` its client was sent or was told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Streams(Vec<(ChatId, i64)>);

impl Streams {
    /// How far this chat has been sent; `None` where the connection does not listen to it.
    pub(super) fn sent(&self, chat: ChatId) -> Option<i64> {
        self.0
            .iter()
            .find(|(known, _)| *known == chat)
            .map(|(_, seq)| *seq)
    }

    /// The chats, in the order in which they were first listened to.
    pub(super) fn chats(&self) -> impl Iterator<Item = ChatId> {
        self.0.iter().map(|(chat, _)| *chat)
    }

    /// Notes that a chat has been sent up to `seq`; a lower number than before changes nothing.
    pub(super) fn advance(&mut self, chat: ChatId, seq: i64) {
        match self.0.iter_mut().find(|(known, _)| *known == chat) {
            Some((_, sent)) => *sent = seq.max(*sent),
            None => self.0.push((chat, seq)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_never_goes_back() {
        let mut streams = Streams::default();

        streams.advance(ChatId(1), 5);
        streams.advance(ChatId(1), 3);
        streams.advance(ChatId(2), 0);

        assert_eq!(streams.sent(ChatId(1)), Some(5));
        assert_eq!(streams.sent(ChatId(2)), Some(0));
        assert_eq!(streams.sent(ChatId(3)), None);
        assert_eq!(streams.chats().count(), 2);
    }
}
