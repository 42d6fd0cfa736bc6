//! Memory: idle with a million activities stored, per idle visitor socket, and a minute after they close.

use std::time::Duration;

use serde_json::json;

use crate::client::runtime;
use crate::process::Server;
use crate::report::{line, round};
use crate::seed::Seeded;
use crate::socket::Socket;

const SOCKETS: usize = 10_000;
/// How long after the sockets closed memory is looked at again.
const AFTER: Duration = Duration::from_secs(60);

/// Resident memory in the three situations, with bare actix-ws beside it.
pub(crate) fn run() -> anyhow::Result<()> {
    let seeded = Seeded::with(100_000, 1_000_000)?;
    let server = seeded.serve()?;
    std::thread::sleep(Duration::from_secs(2));
    line(
        "memory idle with 1,000,000 activities",
        &json!({"parlor_mib": round(server.rss_mib()?), "aim": "<= 27"}),
    );
    drop(server);

    let parlor = Server::parlor()?;
    let site = parlor.ready["site_key"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let ours = runtime()?.block_on(sockets(&parlor, Some(&site)))?;
    let bare = Server::baseline("broadcast")?;
    let theirs = runtime()?.block_on(sockets(&bare, None))?;
    line(
        "memory per idle socket",
        &json!({
            "sockets": SOCKETS,
            "kib_each": {"parlor": round(ours.each_kib), "baseline": round(theirs.each_kib), "ratio": round(ours.each_kib / theirs.each_kib), "aim": "<= 1.5"},
            "mib_before": round(ours.before), "mib_open": round(ours.open), "mib_60_s_after_close": round(ours.after),
            "after_over_before": {"parlor": round(ours.after / ours.before), "baseline": round(theirs.after / theirs.before), "aim": "<= 1.5"},
        }),
    );
    Ok(())
}

struct Use {
    before: f64,
    open: f64,
    after: f64,
    each_kib: f64,
}

async fn sockets(server: &Server, site: Option<&str>) -> anyhow::Result<Use> {
    // The first socket pays for pools and caches that are not the sockets' own.
    let first = open(server, site, 0).await?;
    let before = server.rss_mib()?;
    let mut all = Vec::with_capacity(SOCKETS);
    for n in 1..=SOCKETS {
        all.push(open(server, site, n).await?);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let open = server.rss_mib()?;
    drop(all);
    drop(first);
    tokio::time::sleep(AFTER).await;
    let after = server.rss_mib()?;
    Ok(Use {
        before,
        open,
        after,
        each_kib: (open - before) * 1024.0 / SOCKETS as f64,
    })
}

async fn open(server: &Server, site: Option<&str>, n: usize) -> anyhow::Result<Socket> {
    match site {
        Some(site) => Socket::visitor(&server.address, site, &crate::track::token(n)).await,
        None => Socket::open(&server.address, "/socket", &[]).await,
    }
}
