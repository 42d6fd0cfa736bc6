//! The way in of one socket: messages put together from frames, and what is wrong with the others.

use std::io;
use std::time::Duration;

use actix_ws::{AggregatedMessage, AggregatedMessageStream, MessageStream, ProtocolError};
use bytes::Bytes;
use bytestring::ByteString;
use tokio::time::timeout;

use super::close::Close;
use super::frame_guard::{MAX_FRAME_BYTES, Verdict, Violation};

/// What came from the peer.
pub(in crate::http) enum Received {
    /// A whole text message.
    Text(ByteString),
    /// A Ping, to be answered with the same bytes.
    Ping(Bytes),
    /// A sign of life.
    Pong,
    /// Something that ends the socket with a close frame.
    Broken(Close),
    /// The peer has gone.
    Gone,
}

/// The receiving half of a socket, behind the frame guard.
pub(in crate::http) struct Inbound {
    messages: AggregatedMessageStream,
    verdict: Verdict,
}

impl Inbound {
    pub(in crate::http) fn new(stream: MessageStream, verdict: Verdict) -> Self {
        // The guard has the last word on sizes; the library's own limits stay as a second line.
        let max_bytes = usize::try_from(MAX_FRAME_BYTES).unwrap_or(usize::MAX);
        Self {
            messages: stream
                .max_frame_size(max_bytes)
                .aggregate_continuations()
                .max_continuation_size(max_bytes),
            verdict,
        }
    }

    /// The next message.
    pub(in crate::http) async fn next(&mut self) -> Received {
        match self.messages.recv().await {
            Some(Ok(AggregatedMessage::Text(text))) => Received::Text(text),
            Some(Ok(AggregatedMessage::Ping(payload))) => Received::Ping(payload),
            Some(Ok(AggregatedMessage::Pong(_))) => Received::Pong,
            Some(Ok(AggregatedMessage::Binary(_))) => Received::Broken(Close::Unsupported),
            Some(Ok(AggregatedMessage::Close(_))) => Received::Broken(Close::Normal),
            Some(Err(error)) => self.diagnose(&error),
            None => Received::Gone,
        }
    }

    fn diagnose(&self, error: &ProtocolError) -> Received {
        match (self.verdict.get(), error) {
            (Some(Violation::TooBig), _) => Received::Broken(Close::TooBig),
            (Some(Violation::Protocol), _) => Received::Broken(Close::Protocol),
            (None, ProtocolError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Received::Broken(Close::NotUtf8)
            }
            // The connection broke: there is nobody to tell.
            (None, ProtocolError::Io(_)) => Received::Gone,
            (None, ProtocolError::Overflow) => Received::Broken(Close::TooBig),
            (None, _) => Received::Broken(Close::Protocol),
        }
    }

    /// Reads on for a moment and drops what comes, so that closing with unread bytes does not reset the connection and
    /// take the close frame with it.
    pub(in crate::http) async fn drain(mut self, at_most: Duration) {
        let until_gone = async { while !matches!(self.next().await, Received::Gone) {} };
        // Time is up, or the peer has gone: the same to us.
        let _ = timeout(at_most, until_gone).await;
    }
}
