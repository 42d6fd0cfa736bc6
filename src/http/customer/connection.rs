//! One visitor's connection: reads frames, runs one action at a time, and sends what `live` hands over.
//!
//! Order on the wire is the order of commits. While an action that brings the client up to a number is under way, updates
//! wait in the outbox, so that the requester's own event goes out once, with the request's id.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval_at, sleep, timeout};

use super::actions::{self, Acting, Answer, Call};
use super::availability::{Told, Watching};
use super::caller::{Caller, Member};
use super::close::Close;
use super::frame::{self, BadRequest, Failure, Request};
use super::greetings::{self, Greeted};
use super::inbound::{Inbound, Received};
use super::link::{Gone, Link};
use super::login;
use super::pace::{Heart, Pace, Verdict};
use super::streams::Streams;
use super::subscription::Subscription;
use super::updates;
use crate::domain::ids::ChatId;
use crate::http::connected::Place;
use crate::http::limit::SocketPermit;
use crate::http::metrics::Direction;
use crate::live::Next;
use crate::token;

/// Unanswered requests of one connection; further frames are not read until one is answered.
const MAX_PENDING: usize = 10;

/// How long an action may take before its client is told to ask again.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// What the figures call an end without a close frame (RFC 6455 §7.4.1).
const NO_CODE: u16 = 1006;

/// How long a closing connection goes on reading, so that the peer can read the close frame.
const LINGER: Duration = Duration::from_secs(1);

/// The longest a client is asked to wait before it comes back to a server that restarts.
const MAX_RETRY_IN_MS: u64 = 5_000;

/// Why the loop ends.
pub(super) enum End {
    /// With a close frame.
    Close(Close),
    /// Without: nobody is there to read one.
    Gone,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// What a logged-in connection has beside the socket.
pub(super) struct Session {
    /// The visitor's place among those who are connected, given back with the session.
    pub(super) _place: Place,
    pub(super) member: Rc<Member>,
    pub(super) streams: Streams,
    /// What the client was last told of the visitor's profile.
    pub(super) shown: serde_json::Map<String, serde_json::Value>,
    /// Which groups answer and who waits, watched.
    pub(super) watching: Watching,
    /// Which pushes the client wants.
    pub(super) subscription: Subscription,
    /// What the client was told of that.
    pub(super) told: Told,
    /// Whether a thread is open: such a connection is never inactive.
    pub(super) has_open_thread: bool,
    /// What the client knows of greetings.
    pub(super) greeted: Greeted,
}

/// One visitor's connection.
pub(super) struct Connection {
    pub(super) caller: Rc<Caller>,
    pub(super) link: Link,
    /// `None` until the visitor has logged in.
    pub(super) session: Option<Box<Session>>,
    /// The place of a socket that has not logged in.
    waiting: Option<SocketPermit>,
    running: Option<Running>,
    queue: VecDeque<Request>,
    pace: Pace,
    heart: Heart,
    used_at: Instant,
}

/// An action under way.
struct Running {
    request_id: Option<String>,
    action: String,
    holds_updates: bool,
    done: LocalBoxFuture<'static, Result<Outcome, Failure>>,
}

/// What ends a request.
enum Outcome {
    Answer(Answer),
    LoggedIn(login::Login),
}

/// What happened next.
enum Turn {
    Stop,
    Done(Result<Outcome, Failure>),
    Update(Next),
    Availability,
    Greeting,
    Received(Received),
    Beat,
    LoginTimeout,
}

impl Connection {
    pub(super) fn new(caller: Caller, link: Link, waiting: SocketPermit) -> Self {
        let now = Instant::now();
        Self {
            caller: Rc::new(caller),
            link,
            session: None,
            waiting: Some(waiting),
            running: None,
            queue: VecDeque::new(),
            pace: Pace::new(now),
            heart: Heart::default(),
            used_at: now,
        }
    }

    /// Serves the connection to its end. A panic in it ends this socket alone.
    pub(super) async fn serve(mut self, mut inbound: Inbound) {
        let end = AssertUnwindSafe(self.turns(&mut inbound))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                tracing::error!("a chat socket panicked");
                End::Close(Close::Internal)
            });
        let metrics = &self.caller.state.metrics;
        match end {
            End::Close(close) => {
                metrics.socket_end(close.frame().code.into());
                say_goodbye(self.link, inbound, &close).await;
            }
            End::Gone => metrics.socket_end(NO_CODE),
        }
    }

    async fn turns(&mut self, inbound: &mut Inbound) -> End {
        let timing = self.caller.state.config.socket_timing;
        let start = tokio::time::Instant::now() + timing.ping_every;
        let mut beats = interval_at(start, timing.ping_every);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut login_deadline = Box::pin(sleep(timing.login_within));
        loop {
            let holds_updates = self.running.as_ref().is_some_and(|r| r.holds_updates);
            let pending = self.queue.len() + usize::from(self.running.is_some());
            let has_session = self.session.is_some();
            let greeting_at = self.session.as_ref().and_then(|s| s.greeted.due_at());
            let turn = tokio::select! {
                biased;
                () = self.caller.state.stop.cancelled() => Turn::Stop,
                done = finished(&mut self.running) => Turn::Done(done),
                next = self.caller.attachment.outbox().next(), if !holds_updates => Turn::Update(next),
                () = availability_changed(&mut self.session) => Turn::Availability,
                received = inbound.next(), if pending < MAX_PENDING => Turn::Received(received),
                _ = beats.tick() => Turn::Beat,
                () = greetings::due_at(greeting_at), if !holds_updates => Turn::Greeting,
                () = &mut login_deadline, if !has_session => Turn::LoginTimeout,
            };
            if let Err(end) = self.take(turn).await {
                return end;
            }
        }
    }

    async fn take(&mut self, turn: Turn) -> Result<(), End> {
        match turn {
            Turn::Stop => Err(Close::Restart {
                retry_in_ms: random_below(MAX_RETRY_IN_MS),
            }
            .into()),
            Turn::Done(done) => self.finish(done).await,
            Turn::Update(next) => updates::take(self, next).await,
            Turn::Availability => updates::availability(self).await,
            Turn::Greeting => {
                greetings::look(self).await;
                Ok(())
            }
            Turn::Received(received) => self.receive(received).await,
            Turn::Beat => self.beat().await,
            Turn::LoginTimeout => Err(Close::NoLogin.into()),
        }
    }
    async fn receive(&mut self, received: Received) -> Result<(), End> {
        self.caller.state.metrics.socket_frame(Direction::In);
        let text = match received {
            Received::Gone => return Err(End::Gone),
            Received::Broken(close) => return Err(close.into()),
            Received::Ping(_) | Received::Pong | Received::Text(_) => {
                self.heart.heard();
                received
            }
        };
        let verdict = self.pace.frame(Instant::now());
        if verdict == Verdict::Close {
            return Err(Close::TooManyFrames.into());
        }
        match text {
            Received::Text(text) => match Request::parse(&text) {
                Ok(request) if verdict == Verdict::Refuse => {
                    let failure = Failure::later("too_many_requests", "slow down", 1);
                    self.refuse(request.id.as_deref(), &request.action, &failure)
                        .await
                }
                Ok(request) => self.accept(request).await,
                Err(bad) => {
                    let BadRequest {
                        id,
                        action,
                        refusal,
                    } = *bad;
                    self.refuse(id.as_deref(), &action, &refusal.into()).await
                }
            },
            Received::Ping(payload) => Ok(self.link.pong(&payload).await?),
            Received::Pong | Received::Broken(_) | Received::Gone => Ok(()),
        }
    }

    /// Takes a request: a ping is answered at once, everything else in the order in which it came.
    async fn accept(&mut self, request: Request) -> Result<(), End> {
        if request.action == "ping" {
            let pong = frame::response(request.id.as_deref(), "ping", &json!({}));
            return Ok(self.send(pong).await?);
        }
        self.queue.push_back(request);
        self.begin_next().await
    }

    /// Begins the next request in the queue, unless one is under way; those refused at once are answered on the way.
    async fn begin_next(&mut self) -> Result<(), End> {
        while self.running.is_none() {
            let Some(request) = self.queue.pop_front() else {
                return Ok(());
            };
            let (id, action) = (request.id.clone(), request.action.clone());
            if let Err(failure) = self.begin(request) {
                self.refuse(id.as_deref(), &action, &failure).await?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, request: Request) -> Result<(), Failure> {
        let (request_id, action) = (request.id.clone(), request.action.clone());
        let now = self.caller.state.clock.now();
        let Some(session) = &self.session else {
            if action != "login" {
                return Err(Failure::new("authentication", "log in first"));
            }
            let acting = login::log_in(Rc::clone(&self.caller), request, now);
            self.run(request_id, action, true, async {
                Ok(Outcome::LoggedIn(acting.await?))
            });
            return Ok(());
        };
        if action == "login" {
            return Err(Failure::new("not_allowed", "already logged in"));
        }
        let known = actions::find(self.caller.version.action(&action))
            .ok_or_else(|| Failure::new("validation", "action: is not known"))?;
        if known.is_sign_of_life {
            self.used_at = Instant::now();
        }
        let acting: Acting = (known.begin)(Call {
            caller: Rc::clone(&self.caller),
            member: Rc::clone(&session.member),
            request,
            streams: session.streams.clone(),
            now,
        });
        self.run(request_id, action, known.holds_updates, async {
            Ok(Outcome::Answer(acting.await?))
        });
        Ok(())
    }

    fn run(
        &mut self,
        request_id: Option<String>,
        action: String,
        holds_updates: bool,
        outcome: impl Future<Output = Result<Outcome, Failure>> + 'static,
    ) {
        if holds_updates {
            // Updates pile up meanwhile: too many of them cost a read of the database and not the socket.
            self.caller.attachment.outbox().start_catch_up();
        }
        self.running = Some(Running {
            request_id,
            action,
            holds_updates,
            done: Box::pin(guarded(outcome)),
        });
    }

    /// Answers the request that was under way, and begins the next.
    async fn finish(&mut self, done: Result<Outcome, Failure>) -> Result<(), End> {
        let Some(running) = self.running.take() else {
            return Ok(());
        };
        let id = running.request_id.as_deref();
        match done {
            Ok(Outcome::Answer(answer)) => {
                let response = frame::response(id, &running.action, &answer.payload);
                self.send(response).await?;
                for push in answer.pushes {
                    self.send(push).await?;
                }
                if let (Some((thread, place)), Some(session)) = (answer.place, &mut self.session) {
                    session.told.note_place(thread, &place);
                }
                if let Some((chat, seq)) = answer.sent {
                    self.sent(chat, seq).await?;
                }
            }
            Ok(Outcome::LoggedIn(login::Login::Out(close))) => return Err(close.into()),
            Ok(Outcome::LoggedIn(login::Login::In(logged_in))) => {
                self.waiting = None;
                let response = frame::response(id, &running.action, &logged_in.payload);
                self.send(response).await?;
                self.session = Some(Box::new(logged_in.session));
            }
            Err(failure) => self.refuse(id, &running.action, &failure).await?,
        }
        if running.holds_updates && !self.caller.attachment.outbox().finish_catch_up() {
            updates::read_again(self).await?;
        }
        self.begin_next().await
    }

    /// The client holds a chat up to `seq`; one that the connection did not know is listened to from here on.
    async fn sent(&mut self, chat: ChatId, seq: i64) -> Result<(), End> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        if session.streams.sent(chat).is_none() {
            return updates::listen(self, chat, seq).await;
        }
        session.streams.advance(chat, seq);
        Ok(())
    }

    /// Sends one frame, unless it is a push that the client did not ask for.
    ///
    /// # Errors
    /// [`Gone`] if the peer does not take it.
    pub(super) async fn send(&mut self, frame: ByteString) -> Result<(), Gone> {
        let session = self.session.as_deref();
        if session.is_some_and(|session| !session.subscription.wants(&frame)) {
            return Ok(());
        }
        self.caller.state.metrics.socket_frame(Direction::Out);
        self.link.text(frame).await
    }

    async fn refuse(&mut self, id: Option<&str>, action: &str, why: &Failure) -> Result<(), End> {
        Ok(self.send(frame::error(id, action, why)).await?)
    }

    /// Time for a Ping, and for what only time can tell.
    async fn beat(&mut self) -> Result<(), End> {
        if self.heart.beat() {
            return Err(End::Gone);
        }
        let state = &self.caller.state;
        if let Some(session) = &self.session {
            if session.member.bearer.has_ended(state.clock.now()) {
                return Err(Close::TokenEnded.into());
            }
            let idle = self.used_at.elapsed();
            if idle >= state.config.socket_timing.inactive_after && !session.has_open_thread {
                return Err(Close::Inactive.into());
            }
        }
        self.link.ping().await?;
        greetings::beat(self).await
    }

    /// Something happened in the chat: the connection counts as used.
    pub(super) fn touch(&mut self) {
        self.used_at = Instant::now();
    }
}

/// Runs an action with its time-out; a panic in it is a refusal.
async fn guarded(
    outcome: impl Future<Output = Result<Outcome, Failure>>,
) -> Result<Outcome, Failure> {
    match timeout(ANSWER_WITHIN, AssertUnwindSafe(outcome).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => {
            tracing::error!("an action of a chat socket panicked");
            Err(Failure::new("internal", "internal error"))
        }
        Err(_) => Err(Failure::later(
            "request_timeout",
            "took too long, ask again",
            1,
        )),
    }
}

/// The end of the action under way; waits for ever while there is none.
async fn finished(running: &mut Option<Running>) -> Result<Outcome, Failure> {
    match running {
        Some(running) => (&mut running.done).await,
        None => std::future::pending().await,
    }
}

/// A change of who answers; waits for ever before the login.
async fn availability_changed(session: &mut Option<Box<Session>>) {
    match session {
        Some(session) => session.watching.changed().await,
        None => std::future::pending().await,
    }
}

/// Ends a socket: the protocol's own word where it has one, the close frame, and a moment for the peer to read both.
pub(super) async fn say_goodbye(mut link: Link, inbound: Inbound, close: &Close) {
    if let Some(reason) = close.disconnect_reason() {
        let payload = json!({"reason": reason.as_str()});
        let push = frame::push(None, "customer_disconnected", &payload);
        if link.text(push).await.is_err() {
            return;
        }
    }
    if link.close(close).await.is_ok() {
        inbound.drain(LINGER).await;
    }
}

/// A random number below `limit`.
fn random_below(limit: u64) -> u64 {
    let mut bytes = [0; 8];
    token::fill(&mut bytes);
    u64::from_le_bytes(bytes) % limit
}
