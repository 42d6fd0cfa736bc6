//! The way out of one connection, whatever carries it: a WebSocket, SockJS in a WebSocket, SockJS polls.
//!
//! Every send has a time-out, so that a peer that does not read holds nothing.

use std::cell::Cell;
use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_ws::Session;
use bytes::Bytes;
use bytestring::ByteString;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::close::Close;
use super::sockjs::framing;
use super::sockjs::pipe::Pipe;
use crate::live::MAX_BYTES;

/// How long one frame may wait for room on the way to the peer.
const SEND_WITHIN: Duration = Duration::from_secs(1);

/// The peer has gone, or reads nothing: the socket can only be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Gone;

/// The sending half of a connection.
pub(in crate::http) struct Link(Carrier);

enum Carrier {
    /// A WebSocket whose messages are the frames.
    Plain(WebSocket),
    /// A WebSocket whose messages are SockJS frames.
    SockJs(WebSocket),
    /// What a client takes poll by poll.
    Polls(Arc<Pipe>),
}

struct WebSocket {
    session: Session,
    waiting: Rc<Waiting>,
}

/// Bytes handed over that the connection has not taken yet: the library bounds the number of frames and not their size.
#[derive(Default)]
struct Waiting {
    bytes: Cell<usize>,
    taken: Notify,
}

/// The body of the answer, which the connection takes all that waits from whenever it has room.
struct Watched {
    body: BoxBody,
    waiting: Rc<Waiting>,
}

impl MessageBody for Watched {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_next(cx);
        if polled.is_ready() {
            self.waiting.bytes.set(0);
            self.waiting.taken.notify_one();
        }
        polled
    }
}

impl Link {
    /// The link of a session, and the answer of its handshake, which has to go out in place of the one given.
    pub(in crate::http) fn new(response: HttpResponse, session: Session) -> (HttpResponse, Self) {
        let (response, socket) = WebSocket::new(response, session);
        (response, Self(Carrier::Plain(socket)))
    }

    /// The same for a client that speaks SockJS in its WebSocket.
    pub(super) fn sockjs(response: HttpResponse, session: Session) -> (HttpResponse, Self) {
        let (response, socket) = WebSocket::new(response, session);
        (response, Self(Carrier::SockJs(socket)))
    }

    /// The link of a client that polls.
    pub(super) const fn polls(pipe: Arc<Pipe>) -> Self {
        Self(Carrier::Polls(pipe))
    }

    /// Says that the connection is open, where the carrier has a frame for it.
    ///
    /// # Errors
    /// [`Gone`] as for [`Link::text`].
    pub(super) async fn open(&mut self) -> Result<(), Gone> {
        match &mut self.0 {
            Carrier::SockJs(socket) => socket.text(ByteString::from_static(framing::OPEN)).await,
            // The answer to the first poll says so.
            Carrier::Plain(_) | Carrier::Polls(_) => Ok(()),
        }
    }

    /// Sends one text frame.
    ///
    /// # Errors
    /// [`Gone`] if it could not be handed over within a second.
    pub(in crate::http) async fn text(&mut self, frame: ByteString) -> Result<(), Gone> {
        match &mut self.0 {
            Carrier::Plain(socket) => socket.text(frame).await,
            Carrier::SockJs(socket) => socket.text(framing::pack(&[frame])).await,
            Carrier::Polls(pipe) => match timeout(SEND_WITHIN, pipe.text(&frame)).await {
                Ok(true) => Ok(()),
                Ok(false) | Err(_) => Err(Gone),
            },
        }
    }

    /// Asks the peer for a sign of life.
    ///
    /// # Errors
    /// [`Gone`] as for [`Link::text`].
    pub(in crate::http) async fn ping(&mut self) -> Result<(), Gone> {
        match &mut self.0 {
            Carrier::Plain(socket) => socket.ping().await,
            // The script answers the one, the browser itself the other, also where it slows scripts down.
            Carrier::SockJs(socket) => {
                socket
                    .text(ByteString::from_static(framing::HEARTBEAT))
                    .await?;
                socket.ping().await
            }
            Carrier::Polls(pipe) => {
                pipe.beat();
                Ok(())
            }
        }
    }

    /// Answers a Ping of the peer.
    ///
    /// # Errors
    /// [`Gone`] as for [`Link::text`].
    pub(in crate::http) async fn pong(&mut self, payload: &[u8]) -> Result<(), Gone> {
        match &mut self.0 {
            Carrier::Plain(socket) | Carrier::SockJs(socket) => {
                within(socket.session.pong(payload)).await
            }
            Carrier::Polls(_) => Ok(()),
        }
    }

    /// Sends the close frame; nothing can be sent after it.
    ///
    /// # Errors
    /// [`Gone`] as for [`Link::text`].
    pub(in crate::http) async fn close(self, close: &Close) -> Result<(), Gone> {
        match self.0 {
            Carrier::Plain(socket) => socket.close(close).await,
            Carrier::SockJs(mut socket) => {
                socket.text(framing::close(close)).await?;
                socket.close(close).await
            }
            Carrier::Polls(pipe) => {
                pipe.close(close);
                Ok(())
            }
        }
    }
}

impl WebSocket {
    fn new(response: HttpResponse, session: Session) -> (HttpResponse, Self) {
        let waiting = Rc::<Waiting>::default();
        let watching = Rc::clone(&waiting);
        let response = response.map_body(|_, body| {
            BoxBody::new(Watched {
                body,
                waiting: watching,
            })
        });
        (response, Self { session, waiting })
    }

    async fn text(&mut self, frame: ByteString) -> Result<(), Gone> {
        let waiting = Rc::clone(&self.waiting);
        within(async {
            // One frame larger than the limit goes out alone.
            while waiting.bytes.get() > 0 && waiting.bytes.get() + frame.len() > MAX_BYTES {
                waiting.taken.notified().await;
            }
            waiting.bytes.set(waiting.bytes.get() + frame.len());
            self.session.text(frame).await
        })
        .await
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        within(self.session.ping(b"")).await
    }

    async fn close(self, close: &Close) -> Result<(), Gone> {
        within(self.session.close(Some(close.frame()))).await
    }
}

async fn within(send: impl Future<Output = Result<(), actix_ws::Closed>>) -> Result<(), Gone> {
    match timeout(SEND_WITHIN, send).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use actix_web::test::TestRequest;
    use actix_web::{FromRequest, web};

    use super::*;

    async fn shaken_hands() -> (HttpResponse, Link) {
        let (req, mut payload) = TestRequest::default()
            .insert_header(("connection", "upgrade"))
            .insert_header(("upgrade", "websocket"))
            .insert_header(("sec-websocket-version", "13"))
            .insert_header(("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="))
            .to_http_parts();
        let payload = web::Payload::from_request(&req, &mut payload).await;
        let (response, session, _) = actix_ws::handle(&req, payload.unwrap()).unwrap();
        Link::new(response, session)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up_by_bytes() {
        let (response, mut link) = shaken_hands().await;
        let mut body = response.into_body();
        let frame = ByteString::from("x".repeat(MAX_BYTES / 2));

        for _ in 0..3 {
            assert_eq!(link.text(frame.clone()).await, Ok(()));
            assert_eq!(link.text(frame.clone()).await, Ok(()));
            let read = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await;
            assert!(read.unwrap().unwrap().len() > MAX_BYTES);
        }
        let large = ByteString::from("x".repeat(MAX_BYTES * 2));
        assert_eq!(link.text(large).await, Ok(()), "alone it may be larger");
        assert_eq!(link.text(frame).await, Err(Gone));
    }
}
