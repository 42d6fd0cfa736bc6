//! Figures for Prometheus on `/metrics`: requests by way in, the database's queues, open sockets, the process itself.
//!
//! Only this machine and configured networks may read it. No label ever holds what a client sent.

use std::fmt;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric, LabelValueEncoder,
};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::Registry;

use super::customer::is_long_poll;
use super::error::ApiError;
use super::extract::ClientIp;
use super::state::State;
use crate::db::{Db, Health, Stats};

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Seconds, from a fast read to what nobody should wait for.
const LATENCY_S: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::resource("/metrics").get(scrape));
}

/// The way in that a path belongs to: few enough to be a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    Track,
    Customer,
    /// A long poll of a visitor or a program, whose time is waiting.
    Poll,
    Api,
    Live,
    Files,
    Operator,
    Dashboard,
}

impl Way {
    /// By the first part of the path below the base path.
    pub(crate) fn of(path: &str, base_path: &str) -> Self {
        if is_long_poll(path) || path.ends_with("/api/agent/updates") {
            return Self::Poll;
        }
        let below = path.strip_prefix(base_path).unwrap_or(path);
        let first = below
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap_or_default();
        match first {
            "track" => Self::Track,
            "api" | "openapi.json" => Self::Api,
            "live" => Self::Live,
            "static" | "widget" | "widget.js" | "demo" | "favicon.ico" => Self::Files,
            "healthz" | "readyz" | "metrics" => Self::Operator,
            "customer" | "v2" => Self::Customer,
            version if version.starts_with("v3.") => Self::Customer,
            _ => Self::Dashboard,
        }
    }
}

impl EncodeLabelValue for Way {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        EncodeLabelValue::encode(
            &match self {
                Self::Track => "track",
                Self::Customer => "customer",
                Self::Poll => "poll",
                Self::Api => "api",
                Self::Live => "live",
                Self::Files => "files",
                Self::Operator => "operator",
                Self::Dashboard => "dashboard",
            },
            encoder,
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByWay {
    way: Way,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    way: Way,
    status: u16,
}

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    In,
    Out,
}

impl EncodeLabelValue for Direction {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let word = match self {
            Self::In => "in",
            Self::Out => "out",
        };
        EncodeLabelValue::encode(&word, encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDirection {
    direction: Direction,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    code: u16,
}

/// All figures of one Parlor.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<ByStatus, Counter>,
    seconds: Family<ByWay, Histogram>,
    panics: Counter,
    broken_policies: Counter,
    sockets: Gauge,
    socket_frames: Family<ByDirection, Counter>,
    socket_ends: Family<ByCode, Counter>,
}

impl Metrics {
    /// Figures that begin at zero, and those that the database counts itself.
    #[must_use]
    pub fn new(db: Db) -> Self {
        let mut registry = Registry::with_prefix("parlor");
        let requests = Family::<ByStatus, Counter>::default();
        let seconds = Family::new_with_constructor(latency as fn() -> Histogram);
        let (panics, sockets) = (Counter::default(), Gauge::default());
        let broken_policies = Counter::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_request_seconds",
            "Time to the head of the answer",
            seconds.clone(),
        );
        registry.register(
            "http_panics",
            "Requests whose handler panicked",
            panics.clone(),
        );
        registry.register(
            "policy_reports",
            "Broken page policies that browsers reported",
            broken_policies.clone(),
        );
        registry.register("sockets", "Open WebSockets", sockets.clone());
        let socket_frames = Family::<ByDirection, Counter>::default();
        registry.register(
            "chat_frames",
            "Frames of visitors' sockets",
            socket_frames.clone(),
        );
        let socket_ends = Family::<ByCode, Counter>::default();
        registry.register(
            "chat_socket_ends",
            "Visitors' sockets ended, by close code; 1006 is without one",
            socket_ends.clone(),
        );
        registry.register_collector(Box::new(Outside { db }));
        Self {
            registry,
            requests,
            seconds,
            panics,
            broken_policies,
            sockets,
            socket_frames,
            socket_ends,
        }
    }

    pub(crate) fn answered(&self, way: Way, status: u16, took: Duration) {
        self.requests.get_or_create(&ByStatus { way, status }).inc();
        self.seconds
            .get_or_create(&ByWay { way })
            .observe(took.as_secs_f64());
    }

    /// Counts a frame of a visitor's socket.
    pub(crate) fn socket_frame(&self, direction: Direction) {
        self.socket_frames
            .get_or_create(&ByDirection { direction })
            .inc();
    }

    /// Counts the end of a visitor's socket.
    pub(crate) fn socket_end(&self, code: u16) {
        self.socket_ends.get_or_create(&ByCode { code }).inc();
    }

    pub(crate) fn panicked(&self) {
        self.panics.inc();
    }

    pub(crate) fn policy_broken(&self) {
        self.broken_policies.inc();
    }

    /// All figures as text.
    ///
    /// # Errors
    /// [`fmt::Error`] of the encoder.
    pub fn text(&self, open_sockets: u32) -> Result<String, fmt::Error> {
        self.sockets.set(i64::from(open_sockets));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn latency() -> Histogram {
    Histogram::new(LATENCY_S)
}

async fn scrape(req: HttpRequest, state: Data<State>) -> Result<HttpResponse, ApiError> {
    if !may_read(&state, &req) {
        return Err(ApiError::not_found("there is nothing at this address"));
    }
    let text = state
        .metrics
        .text(state.limits.open_sockets())
        .map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type(TEXT)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text))
}

/// Behind a proxy that is not configured everybody looks like this machine, so its headers close the door.
fn may_read(state: &State, req: &HttpRequest) -> bool {
    let config = &state.config;
    let is_proxied = ["x-forwarded-for", "forwarded", "x-real-ip", "via"]
        .iter()
        .any(|name| req.headers().contains_key(*name));
    let is_trusted = req.peer_addr().is_some_and(|peer| config.trusts(peer.ip()));
    let ClientIp(ip) = ClientIp::find(config, req.peer_addr(), req.headers());
    let is_listed = config.metrics_from.iter().any(|net| net.contains(&ip));
    (ip.is_loopback() || is_listed) && (!is_proxied || is_trusted)
}

/// What is counted elsewhere and read at each scrape.
struct Outside {
    db: Db,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").finish_non_exhaustive()
    }
}

impl Collector for Outside {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let db = self.db.stats();
        for (name, help, value) in counters(&db) {
            put(&mut encoder, name, help, &ConstCounter::new(value))?;
        }
        let is_ready = self.db.health() == Health::Ready;
        for (name, help, value) in gauges(&db, is_ready) {
            put(&mut encoder, name, help, &gauge(value))?;
        }
        if let Some(bytes) = resident_bytes() {
            put(
                &mut encoder,
                "resident_bytes",
                "Memory of the process",
                &gauge(bytes),
            )?;
        }
        if let Some(count) = open_files() {
            put(
                &mut encoder,
                "open_files",
                "Open file descriptors",
                &gauge(count),
            )?;
        }
        Ok(())
    }
}

type Figure = (&'static str, &'static str, u64);

const fn counters(db: &Stats) -> [Figure; 9] {
    [
        ("db_commits", "Transactions committed", db.commits),
        ("db_jobs", "Jobs committed", db.jobs),
        ("db_failed_jobs", "Jobs rolled back", db.failed_jobs),
        ("db_job_panics", "Jobs that panicked", db.panics),
        (
            "db_retries",
            "Jobs run again after losing a race",
            db.retries,
        ),
        ("db_reads", "Reads answered", db.reads),
        (
            "db_chat_refused",
            "Chat jobs refused under pressure",
            db.chat_refused,
        ),
        (
            "db_tracking_refused",
            "Tracking jobs refused under pressure",
            db.tracking_refused,
        ),
        (
            "db_reads_refused",
            "Reads refused under pressure",
            db.reads_refused,
        ),
    ]
}

fn gauges(db: &Stats, is_ready: bool) -> [Figure; 6] {
    [
        (
            "db_ready",
            "1 while the database takes writes",
            u64::from(is_ready),
        ),
        ("db_chat_waiting", "Jobs in the chat lane", db.chat_waiting),
        (
            "db_tracking_waiting",
            "Jobs in the tracking lane",
            db.tracking_waiting,
        ),
        ("db_reads_waiting", "Reads that wait", db.reads_waiting),
        (
            "db_wal_bytes",
            "Bytes of commits in the write-ahead log",
            db.wal_bytes,
        ),
        (
            "db_largest_batch",
            "Most jobs in one commit",
            db.largest_batch,
        ),
    ]
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}

fn put<M: EncodeMetric + TypedMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &M,
) -> fmt::Result {
    let kind: MetricType = metric.metric_type();
    metric.encode(encoder.encode_descriptor(name, help, None, kind)?)
}

/// From Linux's own account of the process; elsewhere the figure is left out.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}

fn open_files() -> Option<u64> {
    let files = std::fs::read_dir("/proc/self/fd").ok()?;
    u64::try_from(files.count()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_belongs_to_a_way() {
        let cases = [
            ("/track", "", Way::Track),
            ("/chat/track", "/chat", Way::Track),
            ("/v3.2/customer/rtm/ws", "", Way::Customer),
            ("/v2/customer/token", "", Way::Customer),
            ("/static/abc/css/base.css", "", Way::Files),
            ("/", "", Way::Dashboard),
            ("/chats/7", "", Way::Dashboard),
            ("/x/readyz", "/x", Way::Operator),
        ];
        for (path, base_path, way) in cases {
            assert_eq!(Way::of(path, base_path), way, "{path}");
        }
    }
}
