//! The way out of one socket: every send has a time-out, so that a peer that does not read holds nothing.

use std::time::Duration;

use actix_ws::Session;
use bytestring::ByteString;
use tokio::time::timeout;

use super::close::Close;

/// How long one frame may wait for room on the way to the peer.
const SEND_WITHIN: Duration = Duration::from_secs(1);

/// The peer has gone, or reads nothing: the socket can only be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Gone;

/// The sending half of a socket.
pub(in crate::http) struct Link(Session);

impl Link {
    pub(in crate::http) const fn new(session: Session) -> Self {
        Self(session)
    }

    /// Sends one text frame.
    ///
    /// # Errors
    /// [`Gone`] if it could not be handed over within a second.
    pub(in crate::http) async fn text(&mut self, frame: ByteString) -> Result<(), Gone> {
        within(self.0.text(frame)).await
    }

    /// Sends a WebSocket Ping.
    ///
    /// # Errors
    /// [`Gone`] as for [`Link::text`].
    pub(in crate::http) async fn ping(&mut self) -> Result<(), Gone> {
        within(self.0.ping(b"")).await
    }

    /// Answers a Ping of the peer.
    ///
    /// # Errors
    /// [`Gone`] as for [`Link::text`].
    pub(in crate::http) async fn pong(&mut self, payload: &[u8]) -> Result<(), Gone> {
        within(self.0.pong(payload)).await
    }

    /// Sends the close frame; nothing can be sent after it.
    ///
    /// # Errors
    /// [`Gone`] as for [`Link::text`].
    pub(in crate::http) async fn close(self, close: &Close) -> Result<(), Gone> {
        within(self.0.close(Some(close.frame()))).await
    }
}

async fn within(send: impl Future<Output = Result<(), actix_ws::Closed>>) -> Result<(), Gone> {
    match timeout(SEND_WITHIN, send).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}
