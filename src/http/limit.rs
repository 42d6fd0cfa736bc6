//! How much one visitor, address or account may do: token buckets, counted per node, and caps on open sockets.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};

use super::attempts::{Attempt, Attempts};
use super::connected::{Connected, Full, Place, Room};
use super::error::ApiError;
use super::extract::ClientIp;
use crate::config::Config;
use crate::domain::ids::{ApiKeyId, SiteId, VisitorId};

const fn count(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(n) => n,
        None => NonZeroU32::MIN,
    }
}

/// Messages of one visitor a second, and how many may come at once.
const MESSAGES_PER_S: NonZeroU32 = count(5);
const MESSAGES_BURST: NonZeroU32 = count(20);
/// Chats begun from one address in a minute.
const CHATS_PER_MIN: NonZeroU32 = count(6);
/// Tickets left from one address in a minute.
const TICKETS_PER_MIN: NonZeroU32 = count(6);
/// Uploads of one visitor in a minute.
const UPLOADS_PER_MIN: NonZeroU32 = count(10);
/// Previews of addresses that one visitor asks for in a minute.
const PREVIEWS_PER_MIN: NonZeroU32 = count(20);
/// Tracked calls of one visitor a second; the burst is what a browser may have kept while it was offline.
const ACTIVITIES_PER_S: NonZeroU32 = count(20);
const ACTIVITIES_BURST: NonZeroU32 = count(400);
/// Frames of one socket a second.
const FRAMES_PER_S: NonZeroU32 = count(60);
/// Requests of one API key a second, and how many may come at once.
const KEY_REQUESTS_PER_S: NonZeroU32 = count(20);
const KEY_REQUESTS_BURST: NonZeroU32 = count(200);
/// How often one may come back in a minute while one has too many sockets.
const RETURNS_PER_MIN: NonZeroU32 = count(10);
/// Sockets of one address that may wait for a login, however few it may have in all.
const LEAST_UNAUTHORIZED: u32 = 8;
/// How many seconds of an address's requests may come at once.
const REQUEST_BURST_S: u32 = 4;

/// The bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Seconds until a repeat can succeed, at least 1.
    pub retry_after_s: u32,
}

impl From<Wait> for ApiError {
    fn from(wait: Wait) -> Self {
        Self::too_many_requests(wait.retry_after_s)
    }
}

/// All limits of one Parlor.
#[derive(Debug)]
pub struct Limits {
    messages: Keyed,
    chats: Keyed,
    tickets: Keyed,
    uploads: Keyed,
    previews: Keyed,
    activities: Keyed,
    requests: Keyed,
    keys: ByKey,
    returns: Keyed,
    attempts: Attempts,
    sockets: Arc<Sockets>,
    unauthorized: Arc<Sockets>,
    connected: Arc<Connected>,
    sockets_per_visitor: u32,
}

/// Buckets of API keys, which are few and told what they have left.
type ByKey =
    RateLimiter<i64, DefaultKeyedStateStore<i64>, DefaultClock, StateInformationMiddleware>;

/// What an API key has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyQuota {
    /// Requests that may come at once.
    pub limit: u32,
    /// How many may come now.
    pub remaining: u32,
    /// Seconds until all may come again.
    pub full_in_s: u32,
}

impl KeyQuota {
    const fn of(remaining: u32) -> Self {
        let limit = KEY_REQUESTS_BURST.get();
        Self {
            limit,
            remaining,
            full_in_s: (limit - remaining).div_ceil(KEY_REQUESTS_PER_S.get()),
        }
    }
}

impl Limits {
    /// Full buckets, with the configured caps on sockets.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let per_address = count(config.requests_per_address);
        let address_burst = count(config.requests_per_address.saturating_mul(REQUEST_BURST_S));
        Self {
            messages: Keyed::new(Quota::per_second(MESSAGES_PER_S).allow_burst(MESSAGES_BURST)),
            chats: Keyed::new(Quota::per_minute(CHATS_PER_MIN)),
            tickets: Keyed::new(Quota::per_minute(TICKETS_PER_MIN)),
            uploads: Keyed::new(Quota::per_minute(UPLOADS_PER_MIN)),
            previews: Keyed::new(Quota::per_minute(PREVIEWS_PER_MIN)),
            activities: Keyed::new(
                Quota::per_second(ACTIVITIES_PER_S).allow_burst(ACTIVITIES_BURST),
            ),
            requests: Keyed::new(Quota::per_second(per_address).allow_burst(address_burst)),
            keys: RateLimiter::keyed(
                Quota::per_second(KEY_REQUESTS_PER_S).allow_burst(KEY_REQUESTS_BURST),
            )
            .with_middleware(),
            returns: Keyed::new(Quota::per_minute(RETURNS_PER_MIN)),
            attempts: Attempts::default(),
            sockets: Sockets::new(config.sockets_per_address, config.max_sockets),
            unauthorized: Sockets::new(
                (config.sockets_per_address / 2).max(LEAST_UNAUTHORIZED),
                config.max_sockets,
            ),
            connected: Arc::default(),
            sockets_per_visitor: config.sockets_per_visitor,
        }
    }

    /// One chat event sent by a visitor.
    ///
    /// # Errors
    /// [`Wait`] above 5 a second after 20 at once.
    pub fn message(&self, visitor: VisitorId) -> Result<(), Wait> {
        self.messages.take(visitor.0, NonZeroU32::MIN)
    }

    /// One chat or thread begun from an address.
    ///
    /// # Errors
    /// [`Wait`] above 6 a minute.
    pub fn chat(&self, address: ClientIp) -> Result<(), Wait> {
        self.chats.take(address.limit_key(), NonZeroU32::MIN)
    }

    /// One ticket left from an address.
    ///
    /// # Errors
    /// [`Wait`] above 6 a minute.
    pub fn ticket(&self, address: ClientIp) -> Result<(), Wait> {
        self.tickets.take(address.limit_key(), NonZeroU32::MIN)
    }

    /// One upload of a visitor.
    ///
    /// # Errors
    /// [`Wait`] above 10 a minute.
    pub fn upload(&self, visitor: VisitorId) -> Result<(), Wait> {
        self.uploads.take(visitor.0, NonZeroU32::MIN)
    }

    /// One preview of an address for a visitor.
    ///
    /// # Errors
    /// [`Wait`] above 20 a minute.
    pub fn preview(&self, visitor: VisitorId) -> Result<(), Wait> {
        self.previews.take(visitor.0, NonZeroU32::MIN)
    }

    /// Tracked calls of one visitor, who is named by anything that stays the same, such as the token.
    ///
    /// # Errors
    /// [`Wait`] above 20 a second after 400 at once.
    pub fn activities(&self, visitor: impl Hash, calls: u32) -> Result<(), Wait> {
        self.activities
            .take(visitor, count(calls.min(ACTIVITIES_BURST.get())))
    }

    /// One request of an address to a route that anybody may call.
    ///
    /// # Errors
    /// [`Wait`] above the configured rate.
    pub fn request(&self, address: ClientIp) -> Result<(), Wait> {
        self.requests.take(address.limit_key(), NonZeroU32::MIN)
    }

    /// One request with an API key: what is left after it, and a [`Wait`] above 20 a second after 200 at once.
    pub fn key(&self, key: ApiKeyId) -> (KeyQuota, Result<(), Wait>) {
        match self.keys.check_key(&key.0) {
            Ok(state) => (KeyQuota::of(state.remaining_burst_capacity()), Ok(())),
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                (KeyQuota::of(0), Err(wait_of(wait)))
            }
        }
    }

    /// One try at a credential, on whatever way: password, link, key, ticket. `account` is what is being tried: a
    /// folded e-mail address, or a fixed word where there is none. `now` is Unix ms.
    ///
    /// A try that succeeds has to say so, or it stays counted as a failure.
    ///
    /// # Errors
    /// [`Wait`] when the account, the address or the whole process has failed too often in the last 15 minutes.
    pub fn credential(
        &self,
        account: &str,
        address: ClientIp,
        now: i64,
    ) -> Result<Attempt<'_>, Wait> {
        self.attempts.begin(account, address.limit_key(), now)
    }

    /// A place for one more WebSocket, given back when the permit is dropped.
    #[must_use]
    pub fn socket(&self, address: ClientIp) -> Option<SocketPermit> {
        self.sockets.enter(address.limit_key())
    }

    /// A place for a socket that has not logged in yet: drop the permit at the login.
    #[must_use]
    pub fn unauthorized(&self, address: ClientIp) -> Option<SocketPermit> {
        self.unauthorized.enter(address.limit_key())
    }

    /// Somebody came although they had too many sockets.
    ///
    /// # Errors
    /// [`Wait`] for who comes back more than 10 times a minute.
    pub fn comes_back(&self, who: impl Hash) -> Result<(), Wait> {
        self.returns.take(who, NonZeroU32::MIN)
    }

    /// A place for one more socket of a visitor, given back when it is dropped. `of_site` is how many visitors of the site
    /// may be connected at once, 0 for any number.
    ///
    /// # Errors
    /// [`Full`].
    pub fn visitor(&self, site: SiteId, visitor: VisitorId, of_site: u32) -> Result<Place, Full> {
        let room = Room {
            of_visitor: self.sockets_per_visitor,
            of_site,
        };
        self.connected.enter(site, visitor, room)
    }

    /// Who is connected to this node.
    #[must_use]
    pub fn connected(&self) -> &Connected {
        &self.connected
    }

    /// WebSockets open now.
    #[must_use]
    pub fn open_sockets(&self) -> u32 {
        self.sockets.open.load(Ordering::Relaxed)
    }

    /// Forgets everybody whose buckets are full again; the scheduler calls it.
    pub fn retain_recent(&self) {
        for keyed in [
            &self.messages,
            &self.chats,
            &self.tickets,
            &self.uploads,
            &self.previews,
            &self.activities,
            &self.requests,
            &self.returns,
        ] {
            keyed.buckets.retain_recent();
            keyed.buckets.shrink_to_fit();
        }
        self.keys.retain_recent();
    }
}

/// The limit of one socket: 60 frames a second.
#[derive(Debug)]
pub struct FrameLimit(DefaultDirectRateLimiter);

impl Default for FrameLimit {
    fn default() -> Self {
        Self(RateLimiter::direct(Quota::per_second(FRAMES_PER_S)))
    }
}

impl FrameLimit {
    /// One frame received.
    ///
    /// # Errors
    /// [`Wait`] above 60 a second.
    pub fn frame(&self) -> Result<(), Wait> {
        self.0.check().map_err(|until| wait_for(&until))
    }
}

/// Buckets by a 64-bit hash of their key under a random seed: small, and nobody can aim for a collision.
#[derive(Debug)]
struct Keyed {
    buckets: DefaultKeyedRateLimiter<u64>,
    seed: RandomState,
}

impl Keyed {
    fn new(quota: Quota) -> Self {
        Self {
            buckets: RateLimiter::keyed(quota),
            seed: RandomState::new(),
        }
    }

    fn take(&self, key: impl Hash, cells: NonZeroU32) -> Result<(), Wait> {
        match self.buckets.check_key_n(&self.seed.hash_one(key), cells) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => Err(wait_for(&until)),
            // More cells than the bucket holds: no wait is long enough, so say the longest we name.
            Err(_) => Err(Wait { retry_after_s: 60 }),
        }
    }
}

fn wait_for(until: &NotUntil<<DefaultClock as governor::clock::Clock>::Instant>) -> Wait {
    wait_of(until.wait_time_from(DefaultClock::default().now()))
}

fn wait_of(wait: std::time::Duration) -> Wait {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    Wait {
        retry_after_s: u32::try_from(seconds).unwrap_or(u32::MAX),
    }
}

/// Open sockets, all and by address.
#[derive(Debug)]
struct Sockets {
    per_address: u32,
    total: u32,
    open: AtomicU32,
    /// A plain mutex: held for one look-up, never across an await.
    by_address: Mutex<HashMap<IpAddr, u32>>,
}

impl Sockets {
    fn new(per_address: u32, total: u32) -> Arc<Self> {
        Arc::new(Self {
            per_address,
            total,
            open: AtomicU32::new(0),
            by_address: Mutex::new(HashMap::new()),
        })
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<SocketPermit> {
        let mut by_address = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let here = by_address.get(&address).copied().unwrap_or(0);
        if here >= self.per_address || self.open.load(Ordering::Relaxed) >= self.total {
            return None;
        }
        by_address.insert(address, here + 1);
        self.open.fetch_add(1, Ordering::Relaxed);
        Some(SocketPermit {
            sockets: Arc::clone(self),
            address,
        })
    }
}

/// The place of one open WebSocket: keep it as long as the socket's task lives.
#[derive(Debug)]
pub struct SocketPermit {
    sockets: Arc<Sockets>,
    address: IpAddr,
}

impl Drop for SocketPermit {
    fn drop(&mut self) {
        let mut by_address = self
            .sockets
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                by_address.remove(&self.address);
            }
        }
        self.sockets.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ClientIp {
        ClientIp(text.parse().unwrap())
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_bucket() {
        let limits = Limits::new(&Config::default());

        for n in 0..CHATS_PER_MIN.get() {
            assert_eq!(limits.chat(address(&format!("2001:db8::{n:x}"))), Ok(()));
        }

        assert!(limits.chat(address("2001:db8::ffff")).is_err());
        assert_eq!(limits.chat(address("2001:db8:0:1::1")), Ok(()));
    }

    #[test]
    fn sockets_are_counted_by_address_and_given_back() {
        let limits = Limits::new(&Config {
            sockets_per_address: 2,
            max_sockets: 3,
            ..Config::default()
        });
        let (near, far) = (address("10.0.0.1"), address("10.0.0.2"));

        let first = limits.socket(near);
        let second = limits.socket(near);
        assert!(first.is_some() && second.is_some());
        assert!(limits.socket(near).is_none());
        let third = limits.socket(far);
        assert!(third.is_some());
        assert!(limits.socket(far).is_none(), "the cap of the process");

        drop(first);
        assert_eq!(limits.open_sockets(), 2);
        assert!(limits.socket(near).is_some());
    }
}
