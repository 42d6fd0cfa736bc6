//! One update to many sockets, against the same broadcast by bare actix-ws.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::agent::{self, Agent};
use crate::client::{Connection, runtime};
use crate::process::Server;
use crate::report::{line, median, round};
use crate::socket::Socket;

const ROUNDS: usize = 3;
/// Deliveries in one round, whatever the number of sockets.
const DELIVERIES: usize = 50_000;
/// A socket may send sixty frames a second.
const PACE: Duration = Duration::from_millis(18);

/// 100, 1,000 and 5,000 sockets that all follow one chat.
pub(crate) fn run() -> anyhow::Result<()> {
    for sockets in [100, 1_000, 5_000] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        for _ in 0..ROUNDS {
            let (cpu, length) = runtime()?.block_on(parlor(sockets))?;
            ours.push(cpu);
            bytes = length;
            theirs.push(runtime()?.block_on(bare(sockets, length))?);
        }
        let (p, b) = (median(&ours), median(&theirs));
        line(
            "one update to many sockets",
            &json!({
                "sockets": sockets, "bytes": bytes,
                "cpu_us_per_delivery": {"parlor": round(p), "baseline": round(b), "ratio": round(p / b), "aim": "<= 1.25"},
            }),
        );
    }
    Ok(())
}

/// CPU microseconds a delivery, and the length of one frame.
async fn parlor(count: usize) -> anyhow::Result<(f64, usize)> {
    let server = Server::parlor()?;
    let site = server.ready["site_key"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let token = crate::track::token(count);
    let mut first = Socket::visitor(&server.address, &site, &token).await?;
    let started = first
        .ask("start_chat", json!({"chat": {}, "continuous": true}))
        .await?;
    let chat = started["payload"]["chat_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut sockets = vec![first];
    while sockets.len() < count {
        sockets.push(Socket::visitor(&server.address, &site, &token).await?);
    }
    // An agent may send as fast as frames are counted, a visitor may not.
    let mut desk = Agent::sign_in(&server).await?.live().await?;
    desk.send(agent::open(&chat)).await?;
    let updates = (DELIVERIES / count).max(10);
    let mut length = 0;
    let before = server.cpu_seconds()?;
    for n in 0..updates {
        let started = Instant::now();
        let mark = format!("bench-{n:0>27}");
        desk.send(agent::say(&chat, n)).await?;
        for socket in &mut sockets {
            length = socket.until_text(&["incoming_event", &mark]).await?;
        }
        tokio::time::sleep(PACE.saturating_sub(started.elapsed())).await;
    }
    Ok((
        (server.cpu_seconds()? - before) * 1e6 / (updates * count) as f64,
        length,
    ))
}

/// What broadcasts by bare actix-ws came to.
pub(crate) struct Broadcast {
    /// CPU microseconds a delivery.
    pub(crate) cpu_us: f64,
    /// The median time from the request to the last delivery.
    pub(crate) last_ms: f64,
}

async fn bare(count: usize, length: usize) -> anyhow::Result<f64> {
    let updates = (DELIVERIES / count).max(10);
    Ok(broadcast(count, length, updates, PACE).await?.cpu_us)
}

/// So many broadcasts of frames of a length to so many bare sockets.
pub(crate) async fn broadcast(
    count: usize,
    length: usize,
    updates: usize,
    pace: Duration,
) -> anyhow::Result<Broadcast> {
    let server = Server::baseline("broadcast")?;
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(Socket::open(&server.address, "/socket", &[]).await?);
    }
    let mut sender = Connection::open(&server.address).await?;
    let body = "x".repeat(length);
    let mut took = Vec::new();
    let before = server.cpu_seconds()?;
    for _ in 0..updates {
        let started = Instant::now();
        sender
            .send("POST /broadcast HTTP/1.1", body.as_bytes())
            .await?;
        for socket in &mut sockets {
            socket.text().await?;
        }
        took.push(started.elapsed().as_secs_f64() * 1000.0);
        tokio::time::sleep(pace.saturating_sub(started.elapsed())).await;
    }
    Ok(Broadcast {
        cpu_us: (server.cpu_seconds()? - before) * 1e6 / (updates * count) as f64,
        last_ms: median(&took),
    })
}
