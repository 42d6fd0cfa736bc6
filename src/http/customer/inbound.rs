//! The way in of one connection, whatever carries it: messages put together, and what is wrong with the others.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use actix_ws::{AggregatedMessage, AggregatedMessageStream, MessageStream, ProtocolError};
use bytes::Bytes;
use bytestring::ByteString;
use tokio::time::timeout;

use super::close::Close;
use super::frame_guard::{MAX_FRAME_BYTES, Verdict, Violation};
use super::sockjs::framing;
use super::sockjs::pipe::{Sent, Taken};

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

/// The receiving half of a connection; what comes through a WebSocket is behind the frame guard.
pub(in crate::http) struct Inbound {
    carrier: Carrier,
    /// Frames that came in one array with the last one.
    waiting: VecDeque<ByteString>,
}

enum Carrier {
    Plain(WebSocket),
    SockJs(WebSocket),
    Polls(Sent),
}

struct WebSocket {
    messages: AggregatedMessageStream,
    verdict: Verdict,
}

impl Inbound {
    pub(in crate::http) fn new(stream: MessageStream, verdict: Verdict) -> Self {
        Self::of(Carrier::Plain(WebSocket::new(stream, verdict)))
    }

    /// From a client that speaks SockJS in its WebSocket.
    pub(super) fn sockjs(stream: MessageStream, verdict: Verdict) -> Self {
        Self::of(Carrier::SockJs(WebSocket::new(stream, verdict)))
    }

    /// From a client that polls.
    pub(super) const fn polls(sent: Sent) -> Self {
        Self::of(Carrier::Polls(sent))
    }

    const fn of(carrier: Carrier) -> Self {
        Self {
            carrier,
            waiting: VecDeque::new(),
        }
    }

    /// The next message.
    pub(in crate::http) async fn next(&mut self) -> Received {
        if let Some(frame) = self.waiting.pop_front() {
            return Received::Text(frame);
        }
        let frames = match &mut self.carrier {
            Carrier::Plain(socket) => return socket.next().await,
            Carrier::SockJs(socket) => match socket.next().await {
                Received::Text(text) => match framing::unpack(&text) {
                    Some(frames) => frames,
                    None => return Received::Broken(Close::Protocol),
                },
                other @ (Received::Ping(_)
                | Received::Pong
                | Received::Broken(_)
                | Received::Gone) => return other,
            },
            Carrier::Polls(sent) => match sent.next().await {
                Taken::Frames(frames) => frames,
                Taken::Poll => return Received::Pong,
                Taken::Gone => return Received::Gone,
            },
        };
        self.waiting = frames.into();
        // An empty array is a sign of life and nothing else.
        self.waiting
            .pop_front()
            .map_or(Received::Pong, Received::Text)
    }

    /// Reads on for a moment and drops what comes, so that closing with unread bytes does not reset the connection and
    /// take the close frame with it.
    pub(in crate::http) async fn drain(mut self, at_most: Duration) {
        let until_gone = async { while !matches!(self.next().await, Received::Gone) {} };
        // Time is up, or the peer has gone: the same to us.
        let _ = timeout(at_most, until_gone).await;
    }
}

impl WebSocket {
    fn new(stream: MessageStream, verdict: Verdict) -> Self {
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

    async fn next(&mut self) -> Received {
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
}
