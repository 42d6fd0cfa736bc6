//! One polling session: what waits for the client's next poll, and what the client has sent.
//!
//! The requests of a session come to any worker thread, its connection lives on one: this is what they share. A session
//! whose client does not come back within seconds is gone, and so is what waited for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytestring::ByteString;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use super::framing;
use crate::http::customer::close::Close;
use crate::live::MAX_BYTES;

/// How long a session lives while nobody polls.
const ABSENT_AT_MOST: Duration = Duration::from_secs(10);

/// How long what a client sends may wait for what it sent before.
const ROOM_WITHIN: Duration = Duration::from_secs(5);

/// What the requests of one session and its connection share.
pub(in crate::http::customer) struct Pipe {
    out: Mutex<Out>,
    /// Something is there for the poll that waits.
    due: Notify,
    /// A poll took what was there.
    room: Notify,
    /// A poll came or went.
    presence: Notify,
    into: mpsc::Sender<Vec<ByteString>>,
}

struct Out {
    is_opened: bool,
    frames: Vec<ByteString>,
    bytes: usize,
    beats: bool,
    close: Option<ByteString>,
    is_close_taken: bool,
    is_polled: bool,
    /// Polls that came since the connection last asked.
    has_come: bool,
    left_at: Instant,
}

/// What came from the client of a polling session.
pub(in crate::http::customer) enum Taken {
    /// The frames of one `xhr_send`.
    Frames(Vec<ByteString>),
    /// A poll: a sign of life.
    Poll,
    /// The client has stayed away too long, or has read the end.
    Gone,
}

/// The connection's half of what the client sends.
pub(in crate::http::customer) struct Sent {
    pipe: Arc<Pipe>,
    frames: mpsc::Receiver<Vec<ByteString>>,
}

/// Why frames of the client were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// The session has ended.
    Ended,
    /// The connection is busy with what was sent before.
    Busy,
}

impl Pipe {
    /// A session whose first poll is yet to be answered.
    pub(super) fn new() -> (Arc<Self>, Sent) {
        // One array at a time: the client sends the next when this one is answered.
        let (into, frames) = mpsc::channel(1);
        let pipe = Arc::new(Self {
            out: Mutex::new(Out {
                is_opened: false,
                frames: Vec::new(),
                bytes: 0,
                beats: false,
                close: None,
                is_close_taken: false,
                is_polled: false,
                has_come: false,
                left_at: Instant::now(),
            }),
            due: Notify::new(),
            room: Notify::new(),
            presence: Notify::new(),
            into,
        });
        let sent = Sent {
            pipe: Arc::clone(&pipe),
            frames,
        };
        (pipe, sent)
    }

    fn lock(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a frame where the next poll takes it; waits while there is no room. False once the session was closed.
    pub(in crate::http::customer) async fn text(&self, frame: &ByteString) -> bool {
        loop {
            {
                let mut out = self.lock();
                if out.close.is_some() {
                    return false;
                }
                // One frame larger than the limit goes out alone.
                if out.bytes == 0 || out.bytes + frame.len() <= MAX_BYTES {
                    out.bytes += frame.len();
                    out.frames.push(frame.clone());
                    self.due.notify_one();
                    return true;
                }
            }
            self.room.notified().await;
        }
    }

    /// Ends the poll that waits, so that the client shows that it is there by the next.
    pub(in crate::http::customer) fn beat(&self) {
        let mut out = self.lock();
        // A client between two polls comes by itself.
        out.beats = out.is_polled;
        self.due.notify_one();
    }

    /// Ends the session: the last frame says why.
    pub(in crate::http::customer) fn close(&self, close: &Close) {
        self.end(framing::close(close));
    }

    /// The connection has ended: a poll that waits is answered, with whatever was said last.
    pub(super) fn go_away(&self) {
        self.end(framing::GO_AWAY.into());
    }

    fn end(&self, frame: ByteString) {
        self.lock().close.get_or_insert(frame);
        self.due.notify_one();
    }

    /// Begins a poll; `None` while another one waits.
    pub(super) fn poll(self: &Arc<Self>) -> Option<Poll> {
        let mut out = self.lock();
        if out.is_polled {
            return None;
        }
        out.is_polled = true;
        out.has_come = true;
        self.presence.notify_one();
        drop(out);
        Some(Poll(Arc::clone(self)))
    }

    /// Hands frames to the connection.
    pub(super) async fn send(&self, frames: Vec<ByteString>) -> Result<(), NotTaken> {
        match timeout(ROOM_WITHIN, self.into.send(frames)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(NotTaken::Ended),
            Err(_) => Err(NotTaken::Busy),
        }
    }

    fn take(&self) -> Option<String> {
        let mut out = self.lock();
        if !out.is_opened {
            out.is_opened = true;
            return Some(format!("{}\n", framing::OPEN));
        }
        let mut text = String::new();
        if !out.frames.is_empty() {
            let frames = std::mem::take(&mut out.frames);
            out.bytes = 0;
            text = format!("{}\n", framing::pack(&frames));
            self.room.notify_one();
        }
        if let Some(close) = out.close.clone() {
            text.push_str(&close);
            text.push('\n');
            out.is_close_taken = true;
        } else if text.is_empty() && out.beats {
            text = format!("{}\n", framing::HEARTBEAT);
        }
        out.beats = false;
        (!text.is_empty()).then_some(text)
    }
}

/// A poll that waits; over when dropped.
pub(super) struct Poll(Arc<Pipe>);

impl Poll {
    /// What there is for the client, at once or as soon as there is something.
    pub(super) async fn answer(&self) -> String {
        loop {
            if let Some(text) = self.0.take() {
                return text;
            }
            self.0.due.notified().await;
        }
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        let mut out = self.0.lock();
        out.is_polled = false;
        out.left_at = Instant::now();
        self.0.presence.notify_one();
    }
}

impl Sent {
    /// The next thing the client does. Nothing is lost when it is dropped before it ends.
    pub(in crate::http::customer) async fn next(&mut self) -> Taken {
        tokio::select! {
            biased;
            frames = self.frames.recv() => frames.map_or(Taken::Gone, Taken::Frames),
            taken = self.pipe.presence() => taken,
        }
    }
}

impl Pipe {
    async fn presence(&self) -> Taken {
        loop {
            let deadline = {
                let mut out = self.lock();
                if std::mem::take(&mut out.has_come) {
                    return Taken::Poll;
                }
                if out.is_close_taken && !out.is_polled {
                    return Taken::Gone;
                }
                (!out.is_polled).then(|| out.left_at + ABSENT_AT_MOST)
            };
            let Some(deadline) = deadline else {
                self.presence.notified().await;
                continue;
            };
            tokio::select! {
                () = self.presence.notified() => {}
                () = sleep_until(deadline) => return Taken::Gone,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> ByteString {
        ByteString::from(text)
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_opens_then_hands_out_what_waits_and_beats() {
        let (pipe, _sent) = Pipe::new();
        let poll = async || pipe.poll().unwrap().answer().await;

        assert_eq!(poll().await, "o\n");
        assert!(pipe.text(&frame("1")).await && pipe.text(&frame("2")).await);
        assert_eq!(poll().await, "a[\"1\",\"2\"]\n");
        let waiting = pipe.poll().unwrap();
        assert!(pipe.poll().is_none(), "one poll at a time");
        pipe.beat();
        assert_eq!(waiting.answer().await, "h\n");
        drop(waiting);
        pipe.beat();
        pipe.close(&Close::Inactive);
        assert_eq!(poll().await, "c[1000,\"inactivity\"]\n");
        assert!(!pipe.text(&frame("3")).await, "closed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_come_back_is_gone() {
        let (pipe, mut sent) = Pipe::new();
        drop(pipe.poll());
        assert!(matches!(sent.next().await, Taken::Poll));
        let start = Instant::now();

        assert!(matches!(sent.next().await, Taken::Gone));

        assert_eq!(start.elapsed(), ABSENT_AT_MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_over_once_it_was_read() {
        let (pipe, mut sent) = Pipe::new();
        let poll = pipe.poll().unwrap();
        poll.answer().await;
        pipe.close(&Close::TokenEnded);
        assert!(matches!(sent.next().await, Taken::Poll));
        assert_eq!(poll.answer().await, "c[4001,\"token ended\"]\n");
        drop(poll);

        assert!(matches!(sent.next().await, Taken::Gone));
    }

    #[tokio::test(start_paused = true)]
    async fn frames_wait_for_room_by_bytes() {
        let (pipe, _sent) = Pipe::new();
        pipe.poll().unwrap().answer().await;
        let half = frame(&"x".repeat(MAX_BYTES / 2));
        assert!(pipe.text(&half).await && pipe.text(&half).await);

        let third = timeout(Duration::from_secs(1), pipe.text(&half)).await;
        assert!(third.is_err(), "nobody polls");

        pipe.poll().unwrap().answer().await;
        assert!(pipe.text(&half).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_sends_waits_for_what_it_sent_before() {
        let (pipe, mut sent) = Pipe::new();
        assert_eq!(pipe.send(vec![frame("1")]).await, Ok(()));
        assert_eq!(pipe.send(vec![frame("2")]).await, Err(NotTaken::Busy));

        assert!(matches!(sent.next().await, Taken::Frames(frames) if frames == [frame("1")]));
        drop(sent);

        assert_eq!(pipe.send(vec![frame("3")]).await, Err(NotTaken::Ended));
    }
}
