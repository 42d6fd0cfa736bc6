//! What handlers take from a request: the client's address, our own origin, the body.
//!
//! `X-Forwarded-*` is believed only from configured proxies. Nothing here calls `connection_info`, which believes everybody.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::error::ApiError;
use super::state::State;
use crate::config::Config;

/// The longest a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// A slow body is cut below this many bytes a second…
const BODY_LEAST_RATE: u64 = 1024;
/// …once this much time has passed, since a phone may wait a moment for its network.
const BODY_GRACE: Duration = Duration::from_secs(5);

/// The address of the client, which limits, bans and the log of logins go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientIp(pub IpAddr);

impl ClientIp {
    /// The peer, or the right-most hop in front of the trusted proxies.
    #[must_use]
    pub fn find(config: &Config, peer: Option<SocketAddr>, headers: &HeaderMap) -> Self {
        let mut hop = peer
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip())
            .to_canonical();
        if config.trusted_proxies.is_empty() {
            return Self(hop);
        }
        let hops: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for text in hops.iter().rev() {
            if !config.trusts(hop) {
                break;
            }
            match parse_hop(text.trim()) {
                Some(before) => hop = before,
                None => break,
            }
        }
        Self(hop)
    }

    /// The address as it may be stored: IPv4 without its last byte, IPv6 as its /48.
    #[must_use]
    pub fn truncated(self) -> String {
        match self.0 {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Ipv4Addr::new(a, b, c, 0).to_string()
            }
            IpAddr::V6(ip) => {
                let [a, b, c, ..] = ip.segments();
                Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_string()
            }
        }
    }

    /// What limits count by: one IPv4 address, or the /64 that one IPv6 client owns.
    #[must_use]
    pub const fn limit_key(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(ip) => IpAddr::V4(ip),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

impl FromRequest for ClientIp {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(state(req).map(|state| Self::find(&state.config, req.peer_addr(), req.headers())))
    }
}

/// The state that every handler shares.
///
/// # Errors
/// [`ApiError`] 500 in an app that was composed without it.
pub fn state(req: &HttpRequest) -> Result<&State, ApiError> {
    req.app_data::<web::Data<State>>()
        .map(|state| state.get_ref())
        .ok_or_else(|| ApiError::internal("the app has no state"))
}

/// Our own origin, `scheme://host[:port]`, as the browser that sent this request sees it.
///
/// It is the configured public URL, or else scheme and `Host` of the request, as a trusted proxy reports them.
#[must_use]
pub fn own_origin(config: &Config, req: &HttpRequest) -> Option<String> {
    if let Some(origin) = config.public_origin() {
        return Some(origin);
    }
    let from_proxy = req.peer_addr().is_some_and(|peer| config.trusts(peer.ip()));
    let forwarded = |name: &str| {
        from_proxy
            .then(|| header_text(req.headers(), &HeaderName::try_from(name).ok()?))
            .flatten()
            .map(|text| text.rsplit(',').next().unwrap_or(text).trim())
    };
    let scheme = match forwarded("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    let host =
        forwarded("x-forwarded-host").or_else(|| header_text(req.headers(), &header::HOST))?;
    let url = url::Url::parse(&format!("{scheme}://{host}")).ok()?;
    Some(url.origin().ascii_serialization())
}

/// The one value of a header as text; `None` where it is absent, given twice or not plain text.
#[must_use]
pub fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    if values.next().is_some() {
        return None;
    }
    first.to_str().ok()
}

/// Reads a whole body of at most `limit_bytes`, within 30 s and at 1 KiB/s or more.
///
/// # Errors
/// 413 above the limit, 408 when it is too slow, 400 when it ends early or its framing breaks.
pub async fn read_body<S, E>(mut payload: S, limit_bytes: usize) -> Result<Bytes, ApiError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let start = Instant::now();
    let mut body = Body::default();
    loop {
        let earned = BODY_GRACE + Duration::from_secs(body.len() as u64 / BODY_LEAST_RATE);
        let deadline = start + earned.min(BODY_TIMEOUT);
        let chunk = match timeout_at(deadline, payload.next()).await {
            Err(_) => return Err(ApiError::too_slow()),
            Ok(None) => return Ok(body.finish()),
            Ok(Some(Err(_))) => return Err(ApiError::malformed("the body ended early")),
            Ok(Some(Ok(chunk))) => chunk,
        };
        if body.len() + chunk.len() > limit_bytes {
            return Err(ApiError::too_large(limit_bytes));
        }
        body.push(chunk);
    }
}

/// A body that is copied only if it comes in more than one piece.
#[derive(Default)]
struct Body {
    first: Bytes,
    rest: BytesMut,
}

impl Body {
    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn push(&mut self, chunk: Bytes) {
        if self.len() == 0 {
            self.first = chunk;
            return;
        }
        if self.rest.is_empty() {
            self.rest
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&chunk);
    }

    fn finish(self) -> Bytes {
        if self.rest.is_empty() {
            self.first
        } else {
            self.rest.freeze()
        }
    }
}

/// `1.2.3.4`, `1.2.3.4:5678`, `2001:db8::1` or `[2001:db8::1]:5678`.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use futures_util::stream;

    use super::*;

    fn found(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let config = Config {
            trusted_proxies: trusted.iter().map(|net| net.parse().unwrap()).collect(),
            ..Config::default()
        };
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(
                HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        ClientIp::find(&config, Some(peer), &headers).0.to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let cases: [(&[&str], &str, &[&str], &str); 8] = [
            (&[], "9.9.9.9", &["1.1.1.1"], "9.9.9.9"),
            (&["10.0.0.0/8"], "9.9.9.9", &["1.1.1.1"], "9.9.9.9"),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["6.6.6.6, 1.1.1.1"],
                "1.1.1.1",
            ),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["1.1.1.1, 10.2.0.1"],
                "1.1.1.1",
            ),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["6.6.6.6", "1.1.1.1:99"],
                "1.1.1.1",
            ),
            (&["10.0.0.0/8"], "10.0.0.1", &["junk"], "10.0.0.1"),
            (
                &["10.0.0.0/8"],
                "::ffff:10.0.0.1",
                &["[2001:db8::1]:5"],
                "2001:db8::1",
            ),
            (&["10.0.0.0/8"], "10.0.0.1", &[], "10.0.0.1"),
        ];
        for (trusted, peer, forwarded, expected) in cases {
            assert_eq!(found(trusted, peer, forwarded), expected, "{forwarded:?}");
        }
    }

    #[test]
    fn a_stored_address_names_a_network() {
        let truncated = |ip: &str| ClientIp(ip.parse().unwrap()).truncated();
        assert_eq!(truncated("203.0.113.77"), "203.0.113.0");
        assert_eq!(truncated("2001:db8:1:2:3:4:5:6"), "2001:db8:1::");
    }

    type Chunk = Result<Bytes, &'static str>;

    #[tokio::test]
    async fn a_body_is_read_whole_or_refused() {
        let chunks = |parts: &'static [&'static [u8]]| {
            stream::iter(parts.iter().map(|part| Chunk::Ok(Bytes::from_static(part))))
        };

        assert_eq!(read_body(chunks(&[b"ab", b"cd"]), 4).await.unwrap(), "abcd");
        assert_eq!(read_body(chunks(&[]), 4).await.unwrap(), "");
        assert_eq!(
            read_body(chunks(&[b"ab", b"cde"]), 4)
                .await
                .unwrap_err()
                .code(),
            "too_large"
        );
        let broken = stream::iter([Chunk::Err("cut")]);
        assert_eq!(read_body(broken, 4).await.unwrap_err().code(), "malformed");
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_body_is_cut_after_a_time() {
        let start = Instant::now();
        let silent = stream::pending::<Chunk>();
        assert_eq!(read_body(silent, 4).await.unwrap_err().code(), "too_slow");
        assert_eq!(start.elapsed(), BODY_GRACE);

        let start = Instant::now();
        let fast_then_silent =
            stream::iter([Chunk::Ok(Bytes::from(vec![0; 60 << 10]))]).chain(stream::pending());
        assert_eq!(
            read_body(fast_then_silent, 64 << 10)
                .await
                .unwrap_err()
                .code(),
            "too_slow"
        );
        assert_eq!(start.elapsed(), BODY_TIMEOUT);
    }
}
