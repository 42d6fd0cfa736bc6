//! What all handlers share, made once in `app` and handed to every worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use actix_web::http::header::HeaderValue;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::assets::Packed;
use super::customer::{Availability, Sessions};
use super::dashboard::password::Pool;
use super::error::RequestId;
use super::files;
use super::greetings::GreetingCache;
use super::guard::RefusedOrigins;
use super::limit::Limits;
use super::metrics::Metrics;
use super::previews::Previews;
use super::server::page_policy;
use super::sites::SiteCache;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::domain::Hint;
use crate::live::Hub;
use crate::live::bus::InProcess;

/// Requests of the API that may wait for updates at once; each holds a connection and little else.
const MAX_WAITING_POLLS: usize = 1024;

/// What all handlers share; reach it as `actix_web::web::Data<State>`.
pub struct State {
    /// The database.
    pub db: Db,
    /// Where the contents of files lie.
    pub blobs: Arc<dyn Blobs>,
    /// Where the time comes from: read it once a request.
    pub clock: Clock,
    /// How this Parlor was started.
    pub config: Arc<Config>,
    /// Rate limits and caps on sockets.
    pub limits: Limits,
    /// Figures for operators.
    pub metrics: Metrics,
    /// Sites by the names that requests call them by.
    pub sites: SiteCache,
    /// The greetings of each site.
    pub greetings: GreetingCache,
    /// Who is connected; handlers subscribe sockets and say what may be lost.
    pub hub: Arc<Hub>,
    /// Which groups answer, for the visitors of each site.
    pub availability: Availability,
    /// Visitors that poll instead of holding a socket.
    pub(crate) polls: Sessions,
    /// Origins turned away lately, offered for listing.
    pub refused_origins: RefusedOrigins,
    /// Where agents' passwords are hashed.
    pub(crate) passwords: Pool,
    /// How many uploads are worked on at once.
    pub(crate) uploads: files::Pool,
    /// What fetches pages for previews.
    pub(crate) previews: Previews,
    /// What pages may load, see `server`.
    pub(crate) page_policy: HeaderValue,
    /// Files packed so far.
    pub(crate) packed: Packed,
    /// Places for requests of the API that wait for updates.
    pub(crate) waiting_polls: Semaphore,
    /// Cancelled when sockets have to close with 1012; every socket task waits on it.
    pub stop: CancellationToken,
    /// Requests and new sends are refused as retryable from the first moment of a stop.
    draining: CancellationToken,
    /// Requests being answered now.
    in_flight: AtomicU32,
    /// Random start and running count: request ids that do not repeat across restarts.
    requests: AtomicU64,
}

impl State {
    /// Whether this Parlor is about to stop: sends over sockets are refused as retryable then.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Requests being answered now, without open sockets.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Hears what a commit changed; called on database threads, so it waits for nothing.
    pub(crate) fn hear(&self, hints: &[Hint]) {
        self.sites.hear(hints);
        self.greetings.hear(hints);
        self.hub.publish(hints);
    }

    /// The first step of a stop: everything new is refused as retryable from here on.
    pub(crate) fn drain(&self) {
        self.draining.cancel();
    }

    /// Waits for the first moment of a stop: a request that waits for news ends then.
    pub(crate) async fn drained(&self) {
        self.draining.cancelled().await;
    }

    /// Counts a request for as long as the returned value lives.
    pub(crate) fn enter(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }

    pub(crate) fn next_request_id(&self) -> RequestId {
        RequestId(self.requests.fetch_add(1, Ordering::Relaxed))
    }
}

/// One request being answered.
pub(crate) struct InFlight<'a>(&'a AtomicU32);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What [`State`] is made of.
pub(crate) struct StateParts {
    pub(crate) db: Db,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) clock: Clock,
    pub(crate) config: Arc<Config>,
}

impl From<StateParts> for State {
    fn from(parts: StateParts) -> Self {
        let mut start = [0_u8; 8];
        // Without randomness ids start at 0: they are for finding log lines, not for security.
        let start = getrandom::fill(&mut start).map_or(0, |()| u64::from_le_bytes(start));
        Self {
            clock: parts.clock,
            limits: Limits::new(&parts.config),
            previews: Previews::new(parts.config.previews),
            page_policy: page_policy(&parts.config.base_path),
            config: parts.config,
            metrics: Metrics::new(parts.db.clone()),
            sites: SiteCache::new(parts.db.clone()),
            greetings: GreetingCache::new(parts.db.clone()),
            hub: Hub::new(InProcess),
            availability: Availability::default(),
            polls: Sessions::default(),
            db: parts.db,
            blobs: parts.blobs,
            refused_origins: RefusedOrigins::default(),
            passwords: Pool::default(),
            uploads: files::Pool::default(),
            packed: Packed::default(),
            waiting_polls: Semaphore::new(MAX_WAITING_POLLS),
            stop: CancellationToken::new(),
            draining: CancellationToken::new(),
            in_flight: AtomicU32::new(0),
            requests: AtomicU64::new(start),
        }
    }
}
