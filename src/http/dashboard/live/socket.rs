//! One agents' socket: reads messages, hands on what the hub delivers, says goodbye with the right code.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_web::web::Data;
use bytestring::ByteString;
use futures_util::FutureExt;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::acting::Said;
use super::message::{Message, Refused, Update as Frame};
use super::reading::OpenChat;
use super::watching::Due;
use crate::db::{self, Lane};
use crate::domain::ids::{AgentId, LoginId, VisitorId, node_of};
use crate::domain::{Refusal, json};
use crate::http::customer::close::Close;
use crate::http::customer::inbound::{Inbound, Received};
use crate::http::customer::link::{Gone, Link};
use crate::http::customer::pace::{Heart, Pace, Verdict};
use crate::http::dashboard::layout::Bare;
use crate::http::dashboard::session::Signed;
use crate::http::dashboard::writing::Acting;
use crate::http::state::State;
use crate::live::{Attachment, CloseReason, Next, Topic, Update};
use crate::store::{agent_connections, agents, logins};
use crate::token::{self, TokenHash};

/// How long a closing socket goes on reading, so that the peer can read the close frame.
const LINGER: Duration = Duration::from_secs(1);
/// The longest a page is asked to wait before it comes back to a server that restarts.
const MAX_RETRY_IN_MS: u64 = 5_000;

/// One agents' socket.
pub(super) struct LiveSocket {
    pub(super) state: Data<State>,
    pub(super) agent: AgentId,
    login: LoginId,
    cookie: TokenHash,
    pub(super) acting: Acting,
    pub(super) layout: Bare,
    pub(super) attachment: Attachment,
    link: Link,
    /// The last number of the inbox that was sent; `None` while it is not followed.
    pub(super) inbox_sent: Option<i64>,
    pub(super) open: Option<OpenChat>,
    /// The visitor whose profile is looked at.
    pub(super) watched: Option<VisitorId>,
    pub(super) due: Due,
    pace: Pace,
    heart: Heart,
}

/// Why a socket ends.
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

enum Turn {
    Stop,
    Update(Next),
    Received(Received),
    Flush,
    Beat,
}

impl LiveSocket {
    pub(super) fn new(
        state: Data<State>,
        signed: &Signed,
        (cookie, acting): (TokenHash, Acting),
        layout: Bare,
        link: Link,
    ) -> Self {
        let attachment = state.hub.attach();
        Self {
            agent: signed.agent.id,
            login: signed.login,
            cookie,
            acting,
            layout,
            attachment,
            link,
            inbox_sent: None,
            open: None,
            watched: None,
            due: Due::default(),
            pace: Pace::new(std::time::Instant::now()),
            heart: Heart::default(),
            state,
        }
    }

    /// Serves the socket to its end. A panic in it ends this socket alone.
    pub(super) async fn serve(mut self, mut inbound: Inbound) {
        let connection = self.connect().await;
        let end = AssertUnwindSafe(self.turns(&mut inbound))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                tracing::error!("an agents' socket panicked");
                End::Close(Close::Internal)
            });
        if let Some(connection) = connection {
            self.disconnect(connection).await;
        }
        if let End::Close(close) = end
            && self.link.close(&close).await.is_ok()
        {
            inbound.drain(LINGER).await;
        }
    }

    /// Sends one update to the page.
    ///
    /// # Errors
    /// [`End::Gone`] when the page does not read.
    pub(super) async fn say(&mut self, update: &Frame<'_>) -> Result<(), End> {
        self.send(update.frame()).await
    }

    /// Sends a frame that is drawn already.
    ///
    /// # Errors
    /// [`End::Gone`] when the page does not read.
    pub(super) async fn send(&mut self, frame: ByteString) -> Result<(), End> {
        Ok(self.link.text(frame).await?)
    }

    /// Says why a request was refused. A fault of ours ends the socket: the page comes back and reads afresh.
    ///
    /// # Errors
    /// [`End`] where the socket has to end.
    pub(super) async fn refuse(&mut self, error: db::Error) -> Result<(), End> {
        if matches!(error, db::Error::Refused(_)) {
            return self.say(&Frame::Refused(Refused::of(error))).await;
        }
        Err(broken(&error))
    }

    async fn turns(&mut self, inbound: &mut Inbound) -> End {
        match self.begin().await {
            Ok(()) => {}
            Err(end) => return end,
        }
        // Each beat is a WebSocket Ping and a look whether the login still stands.
        let every = self.state.config.socket_timing.ping_every;
        let mut beats = interval_at(Instant::now() + every, every);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let flush_at = self.due.at();
            let turn = tokio::select! {
                () = self.state.stop.cancelled() => Turn::Stop,
                next = self.attachment.outbox().next() => Turn::Update(next),
                received = inbound.next() => Turn::Received(received),
                () = until(flush_at) => Turn::Flush,
                _ = beats.tick() => Turn::Beat,
            };
            if let Err(end) = self.take(turn).await {
                return end;
            }
        }
    }

    /// Subscribes to the end of the login first and then looks whether it still stands: no moment is left between.
    async fn begin(&mut self) -> Result<(), End> {
        self.attachment.subscribe(Topic::Login(self.login));
        self.attachment.subscribe(Topic::Agent(self.agent));
        self.check_login().await?;
        self.say(&Frame::Hello { agent: self.agent }).await
    }

    async fn take(&mut self, turn: Turn) -> Result<(), End> {
        match turn {
            Turn::Stop => Err(Close::Restart {
                retry_in_ms: random_below(MAX_RETRY_IN_MS),
            }
            .into()),
            Turn::Update(next) => self.hear(next).await,
            Turn::Received(received) => self.receive(received).await,
            Turn::Flush => self.flush().await,
            Turn::Beat => {
                if self.heart.beat() {
                    return Err(End::Gone);
                }
                self.check_login().await?;
                Ok(self.link.ping().await?)
            }
        }
    }

    /// What the hub delivered.
    async fn hear(&mut self, next: Next) -> Result<(), End> {
        let update = match next {
            Next::Close(CloseReason::Lagging) => return Err(Close::Lagging.into()),
            Next::Close(CloseReason::CredentialsEnded | CloseReason::Disconnected(_)) => {
                return Err(Close::TokenEnded.into());
            }
            Next::Update(update) => update,
        };
        match update {
            Update::Chat(update) => self.chat_advanced(&update).await,
            Update::Inbox(update) => self.inbox_advanced(&update).await,
            Update::Visitors(seen) => {
                self.due.visitors(&seen);
                Ok(())
            }
            Update::Visitor(visitor) | Update::Greeting(visitor) => {
                self.visitor_changed(visitor);
                Ok(())
            }
            Update::Agent(agent) if agent == self.agent => self.say_status().await,
            Update::Lossy(lossy) => self.say_lossy(&lossy).await,
            Update::Tickets(_) => {
                self.due.counts();
                Ok(())
            }
            Update::Agent(_) | Update::Site(_) | Update::Queue(_) => Ok(()),
        }
    }

    async fn receive(&mut self, received: Received) -> Result<(), End> {
        match received {
            Received::Gone => Err(End::Gone),
            Received::Broken(close) => Err(close.into()),
            Received::Pong => self.pace(None).await,
            Received::Ping(payload) => {
                self.pace(None).await?;
                Ok(self.link.pong(&payload).await?)
            }
            Received::Text(text) => self.pace(Some(&text)).await,
        }
    }

    /// Counts a frame, and does what it says unless the page is too hasty.
    async fn pace(&mut self, text: Option<&str>) -> Result<(), End> {
        self.heart.heard();
        let verdict = self.pace.frame(std::time::Instant::now());
        let Some(text) = text else {
            return match verdict {
                Verdict::Take | Verdict::Refuse => Ok(()),
                Verdict::Close => Err(Close::TooManyFrames.into()),
            };
        };
        let message = json::forgiving::<Message>(text);
        match (verdict, message) {
            (Verdict::Close, _) => Err(Close::TooManyFrames.into()),
            (_, Err(error)) => {
                let refusal = Refusal::invalid("message", error.to_string());
                self.refuse(refusal.into()).await
            }
            (Verdict::Refuse, Ok(message)) => self.refuse_hasty(&message).await,
            (Verdict::Take, Ok(message)) => self.act(message).await,
        }
    }

    /// Too many frames: a message is refused as retryable, so that it is kept and sent again.
    async fn refuse_hasty(&mut self, message: &Message) -> Result<(), End> {
        let (chat, custom_id) = match message {
            Message::Send {
                chat, custom_id, ..
            } => (Some(*chat), Some(custom_id.clone())),
            Message::Follow { .. }
            | Message::Open { .. }
            | Message::Typing { .. }
            | Message::Seen { .. }
            | Message::Visitors { .. }
            | Message::Watch { .. }
            | Message::Ping => (None, None),
        };
        self.say(&Frame::Refused(Refused {
            chat,
            custom_id,
            code: "too_many_requests".to_owned(),
            message: "slow down".to_owned(),
            retryable: true,
            retry_after: Some(1),
        }))
        .await
    }

    async fn act(&mut self, message: Message) -> Result<(), End> {
        match message {
            Message::Ping => self.say(&Frame::Pong).await,
            Message::Follow { inbox_after, epoch } => {
                self.follow(inbox_after, epoch.as_deref()).await
            }
            Message::Open { chat, after_seq } => self.open_chat(chat, after_seq).await,
            Message::Send {
                chat,
                custom_id,
                text,
                file,
                note,
            } => {
                let said = file.map_or(Said::Text(text), Said::File);
                self.store(chat, custom_id, said, note).await
            }
            Message::Typing {
                chat,
                is_typing,
                note,
            } => {
                self.pass_typing(chat, is_typing, note);
                Ok(())
            }
            Message::Seen { chat, seq } => self.mark_seen(chat, seq).await,
            Message::Visitors { on } => {
                self.list_visitors(on);
                Ok(())
            }
            Message::Watch { visitor } => self.watch(visitor).await,
        }
    }

    /// Ends the socket unless its login is still open: not revoked, within its limits, of an active agent.
    async fn check_login(&mut self) -> Result<(), End> {
        let (cookie, login) = (self.cookie, self.login);
        let now = self.state.clock.now();
        let open = self
            .state
            .db
            .read(move |tx| logins::open(tx, &cookie, now))
            .await
            .map_err(|error| broken(&error))?;
        let Some(open) = open else {
            return Err(Close::TokenEnded.into());
        };
        if now - open.last_seen_at < logins::TOUCH_AFTER_MS {
            return Ok(());
        }
        let touched = self
            .state
            .db
            .write(Lane::Tracking, move |tx| logins::touch(tx, login, now))
            .await;
        // Reading goes on while nothing can be written; the idle limit is a week away.
        if let Err(error) = touched {
            tracing::warn!(%error, "the time of a login could not be stored");
        }
        Ok(())
    }

    async fn say_status(&mut self) -> Result<(), End> {
        let agent = self.agent;
        let found = self
            .state
            .db
            .read(move |tx| agents::get(tx, agent))
            .await
            .map_err(|error| broken(&error))?;
        let Some(agent) = found else {
            return Err(Close::TokenEnded.into());
        };
        let status = agent.status.as_str();
        self.say(&Frame::Agent { status }).await
    }

    /// Notes that a dashboard of this agent is open, so that visitors find somebody there.
    async fn connect(&self) -> Option<i64> {
        let (agent, login, now) = (self.agent, self.login, self.state.clock.now());
        let noted = self
            .state
            .db
            .write(Lane::Admin, move |tx| {
                let node = node_of(tx.new_id(now));
                agent_connections::connect(tx, agent, login, node, now)
            })
            .await;
        noted
            .inspect_err(|error| {
                tracing::warn!(%error, "an agent's presence could not be stored");
            })
            .ok()
    }

    async fn disconnect(&self, connection: i64) {
        let agent = self.agent;
        let gone = self
            .state
            .db
            .write(Lane::Admin, move |tx| {
                agent_connections::disconnect(tx, agent, connection)
            })
            .await;
        // A stopping server forgets them all at its next start.
        if let Err(error) = gone
            && !self.state.is_draining()
        {
            tracing::warn!(%error, "an agent's absence could not be stored");
        }
    }
}

/// The end that a failed read is: the page comes back and reads afresh.
pub(super) fn broken(error: &db::Error) -> End {
    tracing::warn!(%error, "an agents' socket could not read and ends");
    End::Close(Close::Internal)
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// A random number below `limit`.
fn random_below(limit: u64) -> u64 {
    let mut bytes = [0; 8];
    token::fill(&mut bytes);
    u64::from_le_bytes(bytes) % limit
}
