//! How long a visitor's message takes to an agent's screen, idle and with tracking at half of what it can do, beside a socket echo.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::agent::{self, Agent};
use crate::client::{post_for, runtime};
use crate::process::Server;
use crate::report::{line, median, quantile, round};
use crate::socket::Socket;

const MESSAGES: usize = 120;
/// A visitor may write five messages a second for long.
const PACE: Duration = Duration::from_millis(210);
/// Connections that track in the background; each waits between calls so that together they stay near half of capacity.
const BACKGROUND: usize = 32;

/// Both situations, each beside the echo under the same background.
pub(crate) fn run() -> anyhow::Result<()> {
    for is_loaded in [false, true] {
        let ours = runtime()?.block_on(parlor(is_loaded))?;
        let echo = runtime()?.block_on(echo(is_loaded))?;
        let commit = commit_ms()?;
        let (p50, echo50) = (median(&ours), median(&echo));
        let (p99, echo99) = (quantile(&ours, 0.99), quantile(&echo, 0.99));
        line(
            "message visitor to agent",
            &json!({
                "background": if is_loaded { "tracking at about half of capacity" } else { "idle" },
                "p50_ms": {"parlor": round(p50), "echo": round(echo50), "one_commit": round(commit), "aim": round(echo50 + 2.0 * commit)},
                "p99_ms": {"parlor": round(p99), "echo": round(echo99), "ratio": round(p99 / echo99), "aim": "<= 10"},
            }),
        );
    }
    Ok(())
}

async fn parlor(is_loaded: bool) -> anyhow::Result<Vec<f64>> {
    let server = Server::parlor()?;
    let site = server.ready["site_key"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut visitor =
        Socket::visitor(&server.address, &site, &crate::track::token(999_999)).await?;
    let started = visitor
        .ask("start_chat", json!({"chat": {}, "continuous": true}))
        .await?;
    let chat = started["payload"]["chat_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut desk = Agent::sign_in(&server).await?.live().await?;
    desk.send(agent::open(&chat)).await?;
    let load = background(&server, &site, is_loaded);
    let mut took = Vec::new();
    for n in 0..MESSAGES {
        let mark = format!("mark-{n}-");
        let event =
            json!({"type": "message", "text": mark, "custom_id": format!("bench-{n:0>27}")});
        let sent = Instant::now();
        visitor.send(json!({"request_id": format!("s{n}"), "action": "send_event", "payload": {"chat_id": chat, "event": event}}).to_string()).await?;
        while !desk.text().await?.contains(&mark) {}
        took.push(sent.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(PACE.saturating_sub(sent.elapsed())).await;
    }
    load.abort();
    Ok(took)
}

async fn echo(is_loaded: bool) -> anyhow::Result<Vec<f64>> {
    let server = Server::baseline("echo")?;
    let mut socket = Socket::open(&server.address, "/socket", &[]).await?;
    let load = background(&server, "baseline", is_loaded);
    let mut took = Vec::new();
    for n in 0..MESSAGES {
        let sent = Instant::now();
        socket.send(format!("mark-{n}-")).await?;
        socket.text().await?;
        took.push(sent.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(PACE.saturating_sub(sent.elapsed())).await;
    }
    load.abort();
    Ok(took)
}

/// Tracking in a task beside the messages: half as many connections as saturate, each busy the whole time.
fn background(server: &Server, site: &str, is_loaded: bool) -> tokio::task::AbortHandle {
    let (address, site) = (server.address.clone(), site.to_owned());
    tokio::spawn(async move {
        if is_loaded {
            let seconds = MESSAGES as f64 * PACE.as_secs_f64() * 4.0;
            let make = move |c: usize, n: u64| crate::track::body(&site, c, n, 1);
            // Cut short when the messages are through, so its outcome is not looked at.
            let _ = post_for(&address, "/track", BACKGROUND, seconds, make).await;
        }
    })
    .abort_handle()
}

/// The median time of one flushed commit on this disk.
fn commit_ms() -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let db = rusqlite::Connection::open(folder.path().join("commit.sqlite"))?;
    db.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; create table t (n integer) strict;",
    )?;
    let mut took = Vec::new();
    for n in 0..200 {
        let started = Instant::now();
        db.execute("insert into t (n) values (?1)", [n])?;
        took.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(&took))
}
