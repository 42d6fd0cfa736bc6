//! Tracked calls: one a request, and batches of twenty, against a bare handler and against bare inserts.

use serde_json::json;

use crate::client::{post_for, runtime};
use crate::process::Server;
use crate::report::{line, median, quantile, round};

const CONNECTIONS: usize = 64;
const SECONDS: f64 = 5.0;
const ROUNDS: usize = 3;
/// Visitors behind each connection, so that no single one calls faster than a visitor may.
const VISITORS_EACH: usize = 64;

/// A browser-made token: 43 characters, different for each connection.
pub(crate) fn token(n: usize) -> String {
    format!("bench{n:0>38}")
}

/// The body of one batch as the widget would send it.
pub(crate) fn body(site: &str, connection: usize, n: u64, calls: usize) -> Vec<u8> {
    let now = jiff::Timestamp::now().as_millisecond();
    let calls: Vec<_> = (0..calls)
        .map(|i| {
            json!({"id": format!("{connection}-{n}-{i}"), "call": "page", "at": now,
                "url": format!("https://shop.example/product/{n}?ref=bench"), "title": "A fine product", "referrer": "https://search.example/"})
        })
        .collect();
    json!({"site": site, "token": token(connection * VISITORS_EACH + n as usize % VISITORS_EACH), "sent_at": now, "config": "held",
        "context": {"language": "de-DE", "timezone": "Europe/Berlin", "screen": "1440x900"}, "calls": calls})
    .to_string()
    .into_bytes()
}

struct Run {
    cpu_us: f64,
    rate: f64,
    p50: f64,
    p99: f64,
}

fn one_round(
    server: &Server,
    path: &'static str,
    calls: usize,
    round: usize,
) -> anyhow::Result<Run> {
    let site = server.ready["site_key"]
        .as_str()
        .unwrap_or("baseline")
        .to_owned();
    let runtime = runtime()?;
    let make = move |c: usize, n: u64| body(&site, c, n + round as u64 * 10_000_000, calls);
    // A second of warm-up creates the visitors and fills the statement caches.
    let warm = make.clone();
    runtime.block_on(post_for(
        &server.address,
        path,
        CONNECTIONS,
        1.0,
        move |c, n| warm(c, n + 5_000_000),
    ))?;
    let before = server.cpu_seconds()?;
    let load = runtime.block_on(post_for(&server.address, path, CONNECTIONS, SECONDS, make))?;
    let operations = load.answered as f64 * calls as f64;
    Ok(Run {
        cpu_us: (server.cpu_seconds()? - before) * 1e6 / operations,
        rate: operations / load.seconds,
        p50: median(&load.latencies_ms),
        p99: quantile(&load.latencies_ms, 0.99),
    })
}

/// One tracked call a request, answered durably.
pub(crate) fn single() -> anyhow::Result<()> {
    compare("one tracked call per request", 1)
}

/// Batches of twenty calls; the second baseline is SQLite alone.
pub(crate) fn batches() -> anyhow::Result<()> {
    compare("batches of 20 calls", 20)?;
    let bare = median(
        &(0..ROUNDS)
            .map(|_| crate::baseline::bare_inserts_per_second())
            .collect::<anyhow::Result<Vec<_>>>()?,
    );
    let parlor = Server::parlor()?;
    let run = one_round(&parlor, "/track", 20, 9)?;
    line(
        "batches of 20 calls, rows per second",
        &json!({"parlor": round(run.rate), "bare_sqlite_128_a_commit": round(bare), "ratio": round(run.rate / bare), "aim": ">= 0.4"}),
    );
    Ok(())
}

fn compare(what: &str, calls: usize) -> anyhow::Result<()> {
    let parlor = Server::parlor()?;
    let bare = Server::baseline("track")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        ours.push(one_round(&parlor, "/track", calls, round)?);
        theirs.push(one_round(&bare, "/track", calls, round)?);
    }
    let of = |runs: &[Run], f: fn(&Run) -> f64| median(&runs.iter().map(f).collect::<Vec<_>>());
    let cpu = (of(&ours, |r| r.cpu_us), of(&theirs, |r| r.cpu_us));
    let rate = (of(&ours, |r| r.rate), of(&theirs, |r| r.rate));
    line(
        what,
        &json!({
            "cpu_us_per_call": {"parlor": round(cpu.0), "baseline": round(cpu.1), "ratio": round(cpu.0 / cpu.1), "aim": "<= 2.0"},
            "calls_per_second": {"parlor": round(rate.0), "baseline": round(rate.1), "ratio": round(rate.0 / rate.1), "aim": ">= 0.5"},
            "latency_ms": {"parlor_p50": round(of(&ours, |r| r.p50)), "parlor_p99": round(of(&ours, |r| r.p99)), "baseline_p50": round(of(&theirs, |r| r.p50)), "baseline_p99": round(of(&theirs, |r| r.p99))},
            "connections": CONNECTIONS,
        }),
    );
    Ok(())
}
